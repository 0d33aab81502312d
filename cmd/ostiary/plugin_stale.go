package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/sdk"
)

// sources are what modules are made from, by language: names of files, and how they end.
var sources = map[string][]string{
	sdk.Go:             {".go", "go.mod", "go.sum"},
	sdk.Rust:           {".rs", "Cargo.toml", "Cargo.lock"},
	sdk.AssemblyScript: {".ts", "asconfig.json"},
}

// newerSource gives the newest source of a plugin that was changed after its module was built; empty: there is none, or the folder
// has no source that is known.
func newerSource(dir, module string) string {
	built, err := os.Stat(module)
	if err != nil {
		return ""
	}
	tools, err := toolchainOf(dir)
	if err != nil {
		return ""
	}
	newest, at := "", built.ModTime()
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // what cannot be read was not changed
		case entry.IsDir() && path != dir && !holdsSources(entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !isSource(entry.Name(), sources[tools.language]):
			return nil
		}
		if about, err := entry.Info(); err == nil && about.ModTime().After(at) {
			newest, at = path, about.ModTime()
		}
		return nil
	})
	if name, err := filepath.Rel(dir, newest); newest != "" && err == nil {
		return name
	}
	return newest
}

// holdsSources leaves out what tools make, and tests, which are no part of a module.
func holdsSources(folder string) bool {
	return folder[0] != '.' && !slices.Contains([]string{"target", "node_modules", "tests", "cases", "testdata"}, folder)
}

func isSource(name string, endings []string) bool {
	return !strings.HasSuffix(name, "_test.go") && slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(name, e) })
}
