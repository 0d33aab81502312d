package core_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ostiary/ostiary"

// A source is one parsed Go file. Its folder is relative to the module's root, with slashes.
type source struct {
	folder, name string
	file         *ast.File
	fset         *token.FileSet
}

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

// at formats a violation with its place.
func (s source) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s/%s:%d: %s", s.folder, s.name, s.fset.Position(pos).Line, fmt.Sprintf(format, args...))
}

// names gives the names under which the file knows an import; "." for a dot import.
func (s source) names(importPath string) []string {
	var names []string
	for _, spec := range s.file.Imports {
		switch {
		case pathOf(spec) != importPath:
		case spec.Name != nil:
			names = append(names, spec.Name.Name)
		default:
			names = append(names, nameOf(importPath))
		}
	}
	return names
}

// nameOf is the package name that an import path usually has: its last part that is no major version.
func nameOf(importPath string) string {
	base := path.Base(importPath)
	if strings.HasPrefix(base, "v") && strings.Trim(base[1:], "0123456789") == "" && base != "v" {
		base = path.Base(path.Dir(importPath))
	}
	return base
}

func pathOf(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return p
}

// readTree parses every Go file of the root module, test files and testdata included, nested modules left out.
func readTree(t *testing.T) []source { return readModule(t, "") }

// readModule parses every Go file of the module in a folder of the repository.
func readModule(t *testing.T, folder string) []source {
	t.Helper()
	texts := make(map[string]string)
	root := filepath.Join("..", folder)
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && file != root && (entry.Name() == ".git" || isModule(file)) {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(file) != ".go" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel("..", file)
		texts[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) == 0 {
		t.Fatalf("no Go file under %s", root)
	}
	return parseTree(t, texts)
}

func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// parseTree parses texts by their file names.
func parseTree(t *testing.T, texts map[string]string) []source {
	t.Helper()
	fset := token.NewFileSet()
	var tree []source
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		file, err := parser.ParseFile(fset, name, texts[name], parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		tree = append(tree, source{folder: path.Dir(name), name: path.Base(name), file: file, fset: fset})
	}
	return tree
}

// within tells whether a folder is one of the names or, for names ending in "/...", below.
func within(folder, names string) bool {
	for _, name := range strings.Fields(names) {
		top, tree := strings.CutSuffix(name, "/...")
		if folder == top || tree && strings.HasPrefix(folder, top+"/") {
			return true
		}
	}
	return false
}

// ours gives the folder of an import path of this repository.
func ours(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// checkNoWorkspace finds go.work files: they would change what the module is built from.
func checkNoWorkspace(t *testing.T, root string) []string {
	t.Helper()
	var violations []string
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "go.work" {
			violations = append(violations, file+": no workspace file; the root go.mod replaces the SDK")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return violations
}

func writeEmpty(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}
