// Package sdk carries what a new plugin begins with: the SDKs for Rust and AssemblyScript, and for each language a folder that
// builds and passes its test at once. The SDK for Go is a module of its own and carries itself (package ostiary, Source).
//
// It does not write files and runs no compiler; the command line does.
package sdk

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// The languages that there is a template for.
const (
	Go             = "go"
	Rust           = "rust"
	AssemblyScript = "assemblyscript"
)

// Languages lists them.
func Languages() []string { return []string{Go, Rust, AssemblyScript} }

// Copied is the folder of a plugin that its SDK is copied to.
const Copied = "ostiary-sdk"

//go:embed rust/Cargo.toml rust/src
//go:embed assemblyscript/package.json assemblyscript/package-lock.json assemblyscript/.npmrc assemblyscript/testing.mjs
//go:embed assemblyscript/assembly
var sources embed.FS

//go:embed all:templates
var templates embed.FS

// Source gives the SDK of a language as it is built from, without its tests; nil for Go, which carries its own.
func Source(language string) fs.FS {
	if language == Go || !slices.Contains(Languages(), language) {
		return nil
	}
	sub, err := fs.Sub(sources, language)
	if err != nil {
		return nil // cannot be: the name is a constant
	}
	return sub
}

// New gives the files of a new plugin, by their paths in its folder, without the SDK, which belongs in Copied. The name must be one
// that a manifest may have.
func New(language, name string) (map[string][]byte, error) {
	if !slices.Contains(Languages(), language) {
		return nil, fmt.Errorf("there is no template for %q; there are %s", language, strings.Join(Languages(), ", "))
	}
	files := map[string][]byte{}
	root := path.Join("templates", language)
	for _, dir := range []string{"templates/common", root} {
		if err := fill(files, dir, replacements(language, name)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// fill reads the templates of a folder. Their names may end in .tmpl, so that no tool takes them for what they become.
func fill(files map[string][]byte, dir string, replacements map[string]string) error {
	return fs.WalkDir(templates, dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := templates.ReadFile(file)
		to := strings.TrimSuffix(strings.TrimPrefix(file, dir+"/"), ".tmpl")
		files[filled(to, replacements)] = []byte(filled(string(data), replacements))
		return err
	})
}

// testCommand is what runs a plugin's own test.
var testCommand = map[string]string{Go: "go test .", Rust: "cargo test", AssemblyScript: "npm test"}

// replacements are what stands in the places of a template. A crate's name may have no dot, and does not begin with a digit.
func replacements(language, name string) map[string]string {
	crate := strings.ReplaceAll(name, ".", "-")
	if strings.IndexAny(crate, "0123456789") == 0 {
		crate = "plugin-" + crate
	}
	return map[string]string{"PLUGIN_NAME": name, "PLUGIN_CRATE": crate, "PLUGIN_TEST": testCommand[language]}
}

func filled(text string, replacements map[string]string) string {
	for _, placeholder := range slices.Sorted(maps.Keys(replacements)) {
		text = strings.ReplaceAll(text, placeholder, replacements[placeholder])
	}
	return text
}
