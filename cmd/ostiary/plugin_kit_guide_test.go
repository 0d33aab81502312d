package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What plugins/README.md says of the kit is done: its commands run, and its case passes.
func TestPluginKitGuide(t *testing.T) {
	guide, err := os.ReadFile("../../plugins/README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := func(block string) string {
		found := regexp.MustCompile("(?s)```" + block + "\n(.*?)```").FindSubmatch(guide)
		if found == nil {
			t.Fatalf("plugins/README.md does not show %s", block)
		}
		return string(found[1])
	}
	commands := strings.Split(strings.TrimSpace(shown("text kit.sh")), "\n")
	said := new(bytes.Buffer)
	try := func(command string) {
		said.Reset()
		if code := run(strings.Fields(command)[1:], said, said); code != 0 {
			t.Fatalf("%s: %d\n%s", command, code, said)
		}
	}
	t.Chdir(t.TempDir())
	for _, command := range commands {
		try(command)
	}
	if err := os.WriteFile(filepath.FromSlash("desk/cases/desk/shown.yaml"), []byte(shown("yaml kit/case.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	try("ostiary plugin test desk --soak 0")
	if strings.Count(said.String(), "\nok ") != 3 {
		t.Errorf("got\n%s", said)
	}
	for _, verb := range pluginCommand().Commands() {
		if !strings.Contains(string(guide), "`"+verb.Name()) && !strings.Contains(string(guide), "plugin "+verb.Name()) {
			t.Errorf("plugins/README.md does not name ostiary plugin %s", verb.Name())
		}
	}
}
