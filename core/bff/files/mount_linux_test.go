package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/files"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// mount mounts a file or a folder at another one. Where nobody may, the test is left out.
func mount(t *testing.T, from, at string, flags uintptr) {
	t.Helper()
	mounted(t, at, syscall.Mount(from, at, "", syscall.MS_BIND, ""))
	if flags != 0 {
		if err := syscall.Mount("", at, "", syscall.MS_BIND|syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
}

// mounted ends what was mounted when the test does.
func mounted(t *testing.T, at string, err error) {
	t.Helper()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skipf("not tested, because nothing can be mounted here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// A volume without room keeps what it has, whole, also where it is a single file that is mounted.
func TestNoRoom(t *testing.T) {
	for _, single := range []bool{false, true} {
		f := open(t)
		f.bring(jose.ES256)
		dir := filepath.Dir(f.empty(f.Credentials))
		if single {
			dir = t.TempDir()
		}
		mounted(t, dir, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16k"))
		if single {
			mount(t, f.empty(filepath.Join(dir, "bff_client.json")), f.Credentials, 0)
		}
		want := f.registered()
		f.save(want)
		kept := files.New(f.Options)
		if err := kept.Lease(t.Context(), "me", f.now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "others"), make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		longer := want
		longer.Digest = strings.Repeat("long", 2048)
		if err := kept.SaveRegistration(t.Context(), "me", longer); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("mounted by itself %v: got %v", single, err)
		}
		if got := f.read(); !got.Equal(want) {
			t.Errorf("mounted by itself %v: read %+v", single, got)
		}
	}
}

// A single file that is mounted cannot be replaced: it is written in place, shorter or longer than it was, and emptied in place of being
// removed. Its folder has nothing else in it afterwards.
func TestMountedFile(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	outside := f.empty(filepath.Join(t.TempDir(), "bff_client.json"))
	mount(t, outside, f.empty(f.Credentials), 0)
	r := f.registered()
	r.Digest = strings.Repeat("long", 100)
	f.save(r)
	r.Digest = "short"
	f.save(r)
	if got := f.read(); !got.Equal(r) {
		t.Errorf("got  %+v\nwant %+v", got, r)
	}
	if text, err := os.ReadFile(outside); err != nil || !strings.HasSuffix(string(text), "}\n") || strings.Contains(string(text), "\n\n") {
		t.Errorf("outside: %q, %v", text, err)
	}
	f.save(bff.Registration{Key: r.Key, KeyAlg: r.KeyAlg, KeyFrom: r.KeyFrom})
	if text, err := os.ReadFile(outside); err != nil || len(text) != 0 || f.read().ClientID != "" {
		t.Errorf("removed: %q, %v", text, err)
	}
	if list, err := os.ReadDir(filepath.Dir(f.Credentials)); err != nil || len(list) != 1 {
		t.Errorf("beside it: %v, %v", list, err)
	}
}

// A file that is mounted for reading, or lies in a folder that is: nothing is asked of an issuer that could not be kept, and what is there
// is read.
func TestMountedForReading(t *testing.T) {
	for name, at := range map[string]func(f *folder) string{
		"the file":   func(f *folder) string { return f.Credentials },
		"its folder": func(f *folder) string { return filepath.Dir(f.Credentials) },
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			f.bring(jose.ES256)
			want := f.registered()
			f.save(want)
			mount(t, at(f), at(f), syscall.MS_RDONLY)
			if got := f.read(); !got.Equal(want) {
				t.Errorf("read %+v", got)
			}
			err := files.New(f.Options).Lease(t.Context(), "me", f.now.Add(time.Minute))
			if err == nil || !strings.Contains(err.Error(), "read-only") || !strings.Contains(err.Error(), "name a file on a volume") {
				t.Errorf("a lease: %v", err)
			}
		})
	}
}

// A file that can be written in a folder that cannot.
func TestFileInAClosedFolder(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	r := f.registered()
	f.save(r)
	outside := f.empty(filepath.Join(t.TempDir(), "bff_client.json"))
	mount(t, filepath.Dir(f.Credentials), filepath.Dir(f.Credentials), syscall.MS_RDONLY)
	mount(t, outside, f.Credentials, 0)
	f.save(r)
	if got := f.read(); !got.Equal(r) {
		t.Errorf("read %+v", got)
	}
}
