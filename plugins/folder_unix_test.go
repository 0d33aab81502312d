//go:build unix

package plugins

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/hook"
)

func TestFolderGone(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"gone":   func(string) error { return nil },
		"a file": func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"a pipe": func(dir string) error { return syscall.Mkfifo(dir, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, nil)
			f.put("a", fake{answer: `{"v":1,"action":"continue"}`}.wasm(), "hooks: {pre_register: {}}\n")
			f.reload()
			live := f.only(hook.PreRegister)
			away := f.dir + ".away"
			f.must(os.Rename(f.dir, away))
			f.must(spoil(f.dir))
			var since time.Time
			for range 2 {
				if err := f.host.Reload(context.Background()); err == nil {
					t.Fatal("a folder that cannot be read is no error")
				}
				all := f.host.Status()
				if len(all) != 2 || all[0].Name != f.dir+"/" || all[0].State != Failed || all[0].Hooks == nil ||
					!strings.Contains(all[0].Error, "the plugins stay as they were") || all[1].Error != "" {
					t.Fatalf("got %+v, want the folder's problem and the plugin without one", all)
				}
				if since.IsZero() {
					since = all[0].Since
				}
				if !all[0].Since.Equal(since) || f.only(hook.PreRegister) != live {
					t.Error("plugins stay while their folder cannot be read, and the problem keeps its time")
				}
			}
			f.must(os.RemoveAll(f.dir))
			f.must(os.Rename(away, f.dir))
			f.reload()
			if all := f.host.Status(); len(all) != 1 || all[0].Error != "" || f.only(hook.PreRegister) != live {
				t.Errorf("got %+v: the folder is back", all)
			}
		})
	}
}

// Pipes, sockets, folders and devices are no plugins, and nobody waits for them.
func TestOnlyFilesAreRead(t *testing.T) {
	kinds := map[string]func(path string) error{
		"a pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a device": func(path string) error { return os.Symlink(os.DevNull, path) },
		"a socket": func(path string) error {
			ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err == nil {
				ln.SetUnlinkOnClose(false)
				err = ln.Close()
			}
			return err
		},
	}
	f := newFolder(t, nil)
	wants := map[string]string{}
	for kind, create := range kinds {
		for _, suffix := range []string{manifestSuffix, moduleSuffix} {
			name := strings.ReplaceAll(kind, " ", "-") + strings.ReplaceAll(suffix, ".", "-")
			f.put(name, fake{}.wasm(), register)
			f.remove(name + suffix)
			f.must(create(filepath.Join(f.dir, name+suffix)))
			wants[name] = name + suffix + " is " + kind + ", not a file"
		}
	}
	f.reload()
	for name, want := range wants {
		if s := f.status(name); s.State != Failed || s.Error != want {
			t.Errorf("got %+v, want %q", s, want)
		}
	}
}
