package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A new plugin in the other languages builds and passes its cases as one in Go does (testdata/plugin_kit.txtar).
func TestPluginKitInOtherLanguages(t *testing.T) {
	for language, prepare := range map[string]func(t *testing.T, guests, dir string){
		"rust": func(t *testing.T, guests, _ string) {
			t.Setenv("RUSTC", filepath.Join(guests, "rust", "rustc"))
			t.Setenv("CARGO_NET_OFFLINE", "true")
		},
		"assemblyscript": func(t *testing.T, guests, dir string) {
			if err := os.Symlink(filepath.Join(guests, "assemblyscript", "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(language, func(t *testing.T) {
			guests := guestTools(t, language)
			dir := filepath.Join(t.TempDir(), "desk.v2")
			said := new(bytes.Buffer)
			try := func(args ...string) {
				said.Reset()
				if code := run(append([]string{"plugin"}, args...), said, said); code != 0 {
					t.Fatalf("%v: %d\n%s", args, code, said)
				}
			}
			try("new", dir, "--lang", language)
			prepare(t, guests, dir)
			try("build", dir)
			try("test", dir, "--soak", "50")
			if strings.Count(said.String(), "\nok ") != 2 {
				t.Errorf("got\n%s", said)
			}
			try("inspect", dir)
			if !strings.Contains(said.String(), "name ") {
				t.Errorf("the names of functions are gone:\n%s", said)
			}
		})
	}
}

// guestTools gives the folder of what `make guests` installs. Where it is missing, CI fails and others are told.
func guestTools(t *testing.T, language string) string {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join(repository, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, language)); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v; run: make guests", err)
		}
		t.Skipf("not tested, because there is no bin/%s. Run: make guests", language)
	}
	return bin
}
