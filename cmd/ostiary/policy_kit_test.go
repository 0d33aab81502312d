package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The commands of policies/README.md, in a row, do what is said there: the first without a server, the others with one.
func TestPolicyReadmeCommands(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "policies", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, -1)
	if len(found) < 2 {
		t.Fatal("policies/README.md has no commands")
	}
	server := runDev(t)
	t.Chdir(t.TempDir())
	ran := map[string]bool{}
	for i, block := range found {
		for line := range strings.Lines(string(block[1])) {
			command, _, _ := strings.Cut(line, " #")
			args := strings.Fields(command)
			if i > 0 {
				args = append(args, "--data", server.data)
			}
			var out, errs bytes.Buffer
			if code := run(args[1:], &out, &errs); code != 0 || args[0] != "ostiary" {
				t.Errorf("%s: %d\n%s%s", command, code, &out, &errs)
			}
			ran[args[2]] = true
		}
	}
	for _, verb := range policyCommand().Commands() {
		if !ran[verb.Name()] {
			t.Errorf("policies/README.md does not show %s", verb.Name())
		}
	}
}

// A file is replaced in one step, with its mode; a link stays a link.
func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a.rego": 0o640, "b.rego": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("b.rego", filepath.Join(dir, "link.rego")); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(dir, map[string][]byte{"a.rego": []byte("new"), "link.rego": []byte("linked")}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.rego": "new", "b.rego": "linked"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != want {
			t.Errorf("%s holds %q, %v", name, text, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
	if about, err := os.Stat(filepath.Join(dir, "a.rego")); err != nil || about.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", about.Mode(), err)
	}
	if about, err := os.Lstat(filepath.Join(dir, "link.rego")); err != nil || about.Mode()&os.ModeSymlink == 0 {
		t.Errorf("mode %v, %v", about.Mode(), err)
	}
}
