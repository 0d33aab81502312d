package policies

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// folder writes files and gives the folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadFolder(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.rego": "a", "deep/er/b.rego": "b", "b_test.rego": "t", "README.md": "no", ".hidden.rego": "no", "..data/c.rego": "c", ".git/d.rego": "no",
	})
	if err := os.Symlink(filepath.Join("..data", "c.rego"), filepath.Join(dir, "c.rego")); err != nil { // as Kubernetes mounts files
		t.Fatal(err)
	}
	files, err := ReadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(slices.Sorted(maps.Keys(files)), " ")
	if want := "a.rego b_test.rego c.rego deep/er/b.rego"; got != want || string(files["c.rego"]) != "c" {
		t.Errorf("files = %s, want %s", got, want)
	}
}

// An empty folder has no rules; to lose the folder is another matter.
func TestReadFolderOfNothing(t *testing.T) {
	empty := t.TempDir()
	if files, err := ReadFolder(empty); err != nil || len(files) != 0 {
		t.Errorf("empty: files %v, error %v", files, err)
	}
	absent := filepath.Join(empty, "absent")
	if _, err := ReadFolder(absent); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), absent) {
		t.Errorf("absent: %v", err)
	}
	file := filepath.Join(folder(t, map[string]string{"file": ""}), "file")
	if _, err := ReadFolder(file); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a file: %v", err)
	}
}

// A folder that is being removed looks empty to those who have it open.
func TestFolderThatGoesAwayIsNotEmpty(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := stillThere(root, dir); err != nil {
		t.Error(err)
	}
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := stillThere(root, dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("moved away: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if stillThere(root, dir) == nil {
		t.Error("another folder is taken for it")
	}
}

// Opening a pipe would wait for ever.
func TestReadFolderDoesNotWaitForPipes(t *testing.T) {
	dir := folder(t, map[string]string{"a.rego": "a"})
	if err := syscall.Mkfifo(filepath.Join(dir, "x.rego"), 0o600); err != nil {
		t.Skip(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := ReadFolder(dir)
		read <- err
	}()
	select {
	case err := <-read:
		var load *LoadError
		if !errors.As(err, &load) || load.Problems[0].File != "x.rego" || !strings.Contains(load.Problems[0].Message, "not a regular file") {
			t.Errorf("error = %v", err)
		}
	case <-time.After(long):
		t.Fatal("it waits")
	}
}

func TestReadFolderRefuses(t *testing.T) {
	outside := folder(t, map[string]string{"secret.rego": "s"})
	escaping := folder(t, nil)
	if err := os.Symlink(filepath.Join(outside, "secret.rego"), filepath.Join(escaping, "x.rego")); err != nil {
		t.Fatal(err)
	}
	directory := folder(t, map[string]string{"inner/a.txt": ""})
	if err := os.Symlink("inner", filepath.Join(directory, "x.rego")); err != nil {
		t.Fatal(err)
	}
	half := string(bytes.Repeat([]byte("#"), maxFiles/2))
	for says, dir := range map[string]string{
		"escapes":            escaping,
		"larger than":        folder(t, map[string]string{"a.rego": half, "b.rego": half, "c.rego": "#"}),
		"not a regular file": directory,
	} {
		if _, err := ReadFolder(dir); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func TestFolderOfFilesIsLoaded(t *testing.T) {
	files, err := ReadFolder(folder(t, map[string]string{"partners/house.rego": house + `label contains "deep"` + "\n"}))
	if err != nil {
		t.Fatal(err)
	}
	e := NewEngine(Options{Deadline: long, TrialTime: long})
	if err := e.Replace(Source{Origin: Folder, Files: files, Site: exampleConfig()}); err != nil {
		t.Fatal(err)
	}
	if v := ask(t, e, nil); len(v.Labels) != 1 {
		t.Errorf("labels = %v", v.Labels)
	}
}
