package files_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/files"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// empty makes an empty file and the folder of it.
func (f *folder) empty(name string) string {
	f.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, nil, 0o600)); err != nil {
		f.Fatal(err)
	}
	return name
}

// What is a link stays one: the file that it stands for is written.
func TestLinks(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	target := f.empty(filepath.Join(t.TempDir(), "..data", "bff_client.json"))
	if err := errors.Join(os.MkdirAll(filepath.Dir(f.Credentials), 0o700), os.Symlink(target, f.Credentials)); err != nil {
		t.Fatal(err)
	}
	f.save(f.registered())
	if about, err := os.Lstat(f.Credentials); err != nil || about.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", about, err)
	}
	if text, err := os.ReadFile(target); err != nil || !strings.Contains(string(text), "bff-server") || f.read().ClientID != "bff-server" {
		t.Errorf("what it stands for: %s, %v", text, err)
	}
}

// So does one to a file that is not there yet, or was removed: it is made where all links lead, wherever their folders are links to.
func TestLinksToNothing(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	volume, app := t.TempDir(), t.TempDir()
	target := filepath.Join(volume, "kept", "bff_client.json")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(volume, "config", "keys"), 0o700), os.Symlink(filepath.Join(volume, "config", "keys"), filepath.Join(app, "keys")),
		os.Symlink(filepath.Join("..", "first"), filepath.Join(volume, "config", "keys", "bff_client.json")), os.Symlink(target, filepath.Join(volume, "config", "first")),
	); err != nil {
		t.Fatal(err)
	}
	f.Credentials = filepath.Join(app, "keys", "bff_client.json")
	r := f.registered()
	f.save(r)
	f.save(bff.Registration{Key: r.Key, KeyAlg: r.KeyAlg, KeyFrom: r.KeyFrom})
	if _, err := os.Stat(target); err == nil {
		t.Error("it was not removed")
	}
	f.save(r)
	for _, link := range []string{f.Credentials, filepath.Join(volume, "config", "first")} {
		if about, err := os.Lstat(link); err != nil || about.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link %s: %v, %v", link, about, err)
		}
	}
	if text, err := os.ReadFile(target); err != nil || !strings.Contains(string(text), "bff-server") {
		t.Errorf("what they stand for: %s, %v", text, err)
	}
}

// What a container makes of a file that was not there is told as what it is.
func TestFolderInPlaceOfAFile(t *testing.T) {
	f := open(t)
	if err := os.MkdirAll(f.Credentials, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := files.New(f.Options).Registration(t.Context()); err == nil || !strings.Contains(err.Error(), "is a folder: a container that is given a file which is not there") {
		t.Errorf("got %v", err)
	}
	f.Credentials = f.empty(filepath.Join(t.TempDir(), "large"))
	if err := os.Truncate(f.Credentials, 2<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := files.New(f.Options).Registration(t.Context()); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("got %v", err)
	}
}

// Who else may read a key or credentials is told once, by the name of the file, and not when only the owner may.
func TestOthersMayRead(t *testing.T) {
	f := open(t)
	f.bring(jose.ES256)
	f.save(f.registered())
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o400: 0, 0o640: 1, 0o644: 1, 0o622: 1} {
		var log bytes.Buffer
		f.Log = slog.New(slog.NewTextHandler(&log, nil))
		kept := files.New(f.Options)
		if err := os.Chmod(f.Key, mode); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := kept.Registration(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(log.String(), f.Key); got != want || strings.Contains(log.String(), f.Credentials) || want == 1 && !strings.Contains(log.String(), "chmod 600") {
			t.Errorf("%o: %s", mode, log.String())
		}
	}
}
