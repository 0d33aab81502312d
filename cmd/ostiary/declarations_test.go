package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is no file with text in a folder is told, not waited for; what is named by itself is read, as a pipe from another program is.
func TestDeclarationsThatAreNoFiles(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "clients.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readDeclarations(dir); err == nil || !strings.Contains(err.Error(), "clients.yaml is no file with text in it") {
		t.Errorf("a pipe in the folder: %v", err)
	}
	wrote := make(chan error, 1)
	go func() {
		wrote <- os.WriteFile(pipe, []byte("- {client_id: c, token_endpoint_auth_method: none}\n"), 0o600)
	}()
	d, err := readDeclarations(pipe)
	if err != nil || len(d.problems) > 0 || len(d.seen) != 1 {
		t.Errorf("a pipe that is named: %v, %v", d, err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	other := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(other, "below.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := readDeclarations(other); err == nil || !strings.Contains(err.Error(), "below.yaml is no file") {
		t.Errorf("a link to a folder: %v", err)
	}
}
