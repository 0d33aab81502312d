package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kit runs a command of the kit that fails if it should, and gives what it said.
func kit(t *testing.T, code int, args ...string) string {
	t.Helper()
	said := new(bytes.Buffer)
	if got := run(append([]string{"plugin"}, args...), said, said); got != code {
		t.Fatalf("%v: %d, want %d\n%s", args, got, code, said)
	}
	return said.String()
}

// A compiler that cannot build for WebAssembly is told apart from one that is missing, with the one command that helps.
func TestRustWithoutItsTarget(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "desk")
	kit(t, 0, "new", dir, "--lang", "rust")
	compiler := filepath.Join(t.TempDir(), "rustc")
	if err := os.WriteFile(compiler, []byte("#!/bin/sh\necho /nowhere/lib\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("RUSTC", compiler)
	if said := kit(t, 1, "build", dir); !strings.Contains(said, "does not build for wasm32-unknown-unknown yet; run: rustup target add wasm32-unknown-unknown") {
		t.Errorf("got %s", said)
	}
	t.Setenv("RUSTC", compiler+"-that-is-missing")
	if said := kit(t, 1, "build", dir); !strings.Contains(said, "install Rust from https://rustup.rs") {
		t.Errorf("got %s", said)
	}
}

// Who works on an SDK begins plugins with their own checkout of it; tests and what was built there stay behind.
func TestSDKOfACheckout(t *testing.T) {
	for _, language := range []string{"go", "rust", "assemblyscript"} {
		checkout := t.TempDir()
		if err := os.CopyFS(filepath.Join(checkout, language), os.DirFS(filepath.Join(repository, "sdk", language))); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"mine.txt", "target/built", "mine_test.go"} {
			file = filepath.Join(checkout, language, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv(sdkVariable, checkout)
		dir := filepath.Join(t.TempDir(), "desk")
		kit(t, 0, "new", dir, "--lang", language)
		for file, want := range map[string]bool{"mine.txt": true, "target/built": false, "mine_test.go": false} {
			if _, err := os.Stat(filepath.Join(dir, "ostiary-sdk", file)); (err == nil) != want {
				t.Errorf("%s: %s: %v", language, file, err)
			}
		}
	}
}
