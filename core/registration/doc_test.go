package registration_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The package's comment is its map: it names each file, and none that is not there.
func TestDocNamesEachFile(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\w+\.go\b`).FindAllString(string(text), -1)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return name == "doc.go" || strings.HasSuffix(name, "_test.go") })
	for _, name := range files {
		if !slices.Contains(named, name) {
			t.Errorf("doc.go does not say where %s belongs", name)
		}
	}
	for _, name := range named {
		if !slices.Contains(files, name) {
			t.Errorf("doc.go names %s, which is not there", name)
		}
	}
}
