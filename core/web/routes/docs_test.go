package routes_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/web"
)

// named finds the paths in a text. What begins with /auth or /console may also be a part of a longer path, of a file or of
// another server: there it does not count.
var named = []*regexp.Regexp{
	regexp.MustCompile(`(/api/(?:admin|oidc|auth)/[A-Za-z0-9_/.$%<>{}\[\]-]*)`),
	regexp.MustCompile(`(?m)(?:^|[^A-Za-z0-9_./-]|//[a-z.]+:[0-9]+|//[a-z0-9.-]+\.example(?:\.com)?)((?:/auth|/console)/[A-Za-z0-9_/.$%<>{}\[\]-]*)`),
}

// What the guides and the commands tell people to call is in the table. An id is written in capitals or as a variable.
func TestGuidesNameRoutes(t *testing.T) {
	known := map[string]bool{"/api/admin/": true, "/api/oidc/": true, "/auth/": true, "/api/auth/": true, "/console/": true} // as a whole
	for path := range paths(table(origin, "/api/oidc"), "/api/oidc") {
		known[path] = true
	}
	id := regexp.MustCompile(`/(\$?[A-Z][A-Z_]+|[<{:$%][^/]*)(/|$)`)
	found := make([]int, len(named))
	for _, file := range guides(t) {
		text := read(t, file)
		for i, pattern := range named {
			for _, name := range pattern.FindAllStringSubmatch(text, -1) {
				found[i]++
				path := id.ReplaceAllString(strings.TrimRight(name[1], ".]>}"), "/c-1$2")
				if !known[strings.TrimSuffix(path, "/")] && !known[path] {
					t.Errorf("%s names %s, which is no route", file, name[1])
				}
			}
		}
	}
	if found[0] < 3 || found[1] < 3 {
		t.Errorf("only %d paths are named anywhere", found)
	}
}

// Every form and every link of a page leads to a row for its method, unless it leads elsewhere, or to a file of the demo site. A
// variable before a slash is the issuer's path; one alone is an address that the page is given.
func TestPagesLeadToRoutes(t *testing.T) {
	by := paths(table(origin, "/api/oidc"), "/api/oidc")
	element := regexp.MustCompile(`<(?:form|a|link|img|script)\b[^>]*>`)
	target := regexp.MustCompile(` (?:action|href|src)="([^"?]*)`)
	variable := regexp.MustCompile(`^(\{\{[^}]*\}\}|@[a-z]+)(/|$)`)
	found := 0
	for _, file := range pages(t) {
		for _, e := range element.FindAllString(read(t, file), -1) {
			to := target.FindStringSubmatch(e)
			post := strings.Contains(e, ` method="post"`)
			if to == nil && post {
				t.Errorf("%s: %s leads nowhere", file, e)
			}
			if to == nil || strings.HasPrefix(to[1], "/demo/") || variable.FindString(to[1]) == to[1] {
				continue
			}
			path := variable.ReplaceAllString(to[1], "/api/oidc$2")
			found++
			method := "GET"
			if post {
				method = "POST"
			}
			if !slices.ContainsFunc(by[path], func(r web.Route) bool { return r.Method == method && r.Face == web.Page }) {
				t.Errorf("%s: %s leads to %s %s, where no page is", file, e, method, path)
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d forms and links", found)
	}
}

// pages are the templates of every part that shows some.
func pages(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"../people/pages/*.html", "../console/pages/*.html", "../../../cmd/ostiary/demo/*.html"} {
		list, err := filepath.Glob(pattern)
		if err != nil || len(list) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		files = append(files, list...)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// guides are the texts for people: Markdown, what the commands print, and what the demo site calls.
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
		case strings.HasSuffix(name, ".md"), name == "app.js", filepath.ToSlash(filepath.Dir(file)) == "../../../cmd/ostiary" && strings.HasSuffix(name, ".go"):
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
