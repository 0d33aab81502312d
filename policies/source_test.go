package policies

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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

func TestReadFolderOfNothing(t *testing.T) {
	files, err := ReadFolder(filepath.Join(t.TempDir(), "absent"))
	if err != nil || len(files) != 0 {
		t.Errorf("files %v, error %v", files, err)
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
	half := string(bytes.Repeat([]byte("#"), MaxFiles/2))
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
	e := NewEngine(Options{Deadline: long})
	if err := e.Replace(Source{Origin: Folder, Files: files, Site: exampleConfig()}); err != nil {
		t.Fatal(err)
	}
	if v := ask(t, e, nil); len(v.Labels) != 1 {
		t.Errorf("labels = %v", v.Labels)
	}
}
