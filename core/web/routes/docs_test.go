package routes_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the guides and the commands tell people to call is in the table. An id is written in capitals or as a variable.
func TestGuidesNameRoutes(t *testing.T) {
	known := map[string]bool{"/api/admin/": true} // the operators' API as a whole
	for path := range paths(table(origin, "/api/oidc"), "/api/oidc") {
		known[path] = true
	}
	named := regexp.MustCompile(`/api/(admin|oidc)/[A-Za-z0-9_/.$%<>{}\[\]-]*`)
	id := regexp.MustCompile(`/(\$?[A-Z][A-Z_]+|[<{:$%][^/]*)(/|$)`)
	found := 0
	for _, file := range guides(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllString(string(text), -1) {
			found++
			path := id.ReplaceAllString(strings.TrimRight(name, ".]>}"), "/c-1$2")
			if path != "/api/admin/" && path != "/api/oidc/" && !known[strings.TrimSuffix(path, "/")] && !known[path] {
				t.Errorf("%s names %s, which is no route", file, name)
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d paths are named anywhere", found)
	}
}

// guides are the texts for people: Markdown, and what the commands print.
func guides(t *testing.T) []string {
	t.Helper()
	var files []string
	root := filepath.Join("..", "..", "..")
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		switch {
		case entry.IsDir() && (name == ".git" || name == "bin" || name == "node_modules"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".md"), filepath.ToSlash(filepath.Dir(file)) == "../../../cmd/ostiary" && strings.HasSuffix(name, ".go"):
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
