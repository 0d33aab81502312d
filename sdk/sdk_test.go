package sdk

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNewPluginsPass makes a plugin in each language as `ostiary plugin new` does, and runs its own tests on it.
func TestNewPluginsPass(t *testing.T) {
	for language, check := range map[string]func(t *testing.T, dir string){
		Go: func(t *testing.T, dir string) {
			run(t, dir, nil, "go", "test", ".")
			run(t, dir, []string{"GOOS=wasip1", "GOARCH=wasm"}, "go", "build", "-buildmode=c-shared", "-ldflags=-s", "-o", "build/plugin.wasm", ".")
		},
		Rust: func(t *testing.T, dir string) {
			rustc := needs(t, "../bin/rust/rustc")
			target := filepath.Join(filepath.Dir(rustc), "target", "templates")
			run(t, dir, []string{"CARGO_TARGET_DIR=" + target}, "cargo", "test", "--quiet", "--offline")
			run(t, dir, []string{"CARGO_TARGET_DIR=" + target, "RUSTC=" + rustc}, "cargo", "build", "--quiet", "--offline", "--release", "--target", "wasm32-unknown-unknown")
		},
		AssemblyScript: func(t *testing.T, dir string) {
			asc := needs(t, "../bin/assemblyscript/node_modules/assemblyscript/bin/asc.js")
			run(t, dir, nil, "node", asc, "--config", "asconfig.json", "--target", "release")
			run(t, dir, nil, "node", "--test")
		},
	} {
		t.Run(language, func(t *testing.T) {
			dir := t.TempDir()
			files, err := New(language, "front-desk.v2")
			if err != nil {
				t.Fatal(err)
			}
			for file, data := range files {
				if strings.Contains(file+string(data), "PLUGIN_") {
					t.Errorf("%s was not filled in", file)
				}
				write(t, filepath.Join(dir, file), data)
			}
			var source fs.FS = os.DirFS("go")
			if language != Go {
				source = Source(language)
			}
			if err := os.CopyFS(filepath.Join(dir, Copied), source); err != nil {
				t.Fatal(err)
			}
			check(t, dir)
		})
	}
}

func TestSourcesHoldNoBuilds(t *testing.T) {
	for _, language := range []string{Rust, AssemblyScript} {
		size := 0
		err := fs.WalkDir(Source(language), ".", func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			if strings.HasSuffix(file, ".wasm") || strings.Contains(file, "kit") || strings.Contains(file, "node_modules") {
				t.Errorf("%s: carries %s", language, file)
			}
			info, err := entry.Info()
			size += int(info.Size())
			return err
		})
		if err != nil || size == 0 || size > 200_000 {
			t.Errorf("%s: %d bytes, %v", language, size, err)
		}
	}
	if Source(Go) != nil || Source("cobol") != nil {
		t.Error("sources of what is not carried")
	}
	if _, err := New("cobol", "x"); err == nil || !strings.Contains(err.Error(), "go, rust, assemblyscript") {
		t.Errorf("got %v", err)
	}
}

// needs gives the absolute path of what `make guests` installs. Where it is missing, CI fails and others are told.
func needs(t *testing.T, compiler string) string {
	t.Helper()
	path, err := filepath.Abs(compiler)
	if err == nil {
		_, err = os.Stat(path)
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%v; run: make guests", err)
	default:
		t.Skipf("not tested, because this is not installed: %s. Run: make guests", compiler)
	}
	return path
}

func run(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "GOFLAGS="), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
