package policies

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Origin says where a revision's rules came from.
type Origin string

// The origins.
const (
	Embedded Origin = "embedded"         // only the shipped rules
	Folder   Origin = "folder"           // with the files of the policy folder
	Bundled  Origin = "bundle"           // with the files of a bundle
	LastGood Origin = "stored last-good" // with the files that were last in use, because those of the folder are not usable
)

// A Source is what a revision is made of, besides the shipped rules.
type Source struct {
	Origin Origin
	Files  map[string][]byte // the site's Rego and data.json files, by path relative to the policy folder
	Site   strictjson.Value  // data.ostiary.config; its shape is rego/config.schema.json
}

// maxFiles bounds the Rego and the data of a site together, in bytes.
const maxFiles = 4 << 20

const maxFileCount = 1000

//go:embed rego/*.rego rego/config.schema.json
var embedded embed.FS

// shippedPrefix marks the names of embedded files in messages.
const shippedPrefix = "shipped:"

// shippedFiles gives the embedded Rego by name, tests apart.
func shippedFiles() (rules, tests map[string][]byte, err error) {
	rules, tests = map[string][]byte{}, map[string][]byte{}
	entries, err := embedded.ReadDir("rego")
	if err != nil {
		return nil, nil, fmt.Errorf("read embedded rules: %w", err)
	}
	for _, entry := range entries {
		text, err := embedded.ReadFile("rego/" + entry.Name())
		if err != nil {
			return nil, nil, fmt.Errorf("read embedded rules: %w", err)
		}
		switch name := shippedPrefix + entry.Name(); {
		case isTest(name):
			tests[name] = text
		case strings.HasSuffix(name, ".rego"):
			rules[name] = text
		}
	}
	return rules, tests, nil
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.rego") }

// configSchema gives the JSON Schema of data.ostiary.config.
func configSchema() (strictjson.Value, error) {
	text, err := embedded.ReadFile("rego/config.schema.json")
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("read embedded schema: %w", err)
	}
	return strictjson.Parse(text, strictjson.Stored)
}

// ReadFolder reads the Rego and data.json files of a folder and the folders in it, by relative path. Names that begin with a dot
// are passed over; links are followed as long as they stay inside. An empty folder has no rules; one that is not there, or goes
// away while it is read, is an error: to take away all of a site's rules must be meant.
func ReadFolder(dir string) (map[string][]byte, error) {
	return readFiles(dir, func(name string) (bool, error) {
		switch {
		case strings.HasPrefix(path.Base(name), "."):
			return false, nil
		case isDataElsewhere(name):
			return false, errors.New("is not read; write it as " + dataFile)
		}
		return strings.HasSuffix(name, ".rego") || isData(name), nil
	})
}

// readFiles reads those files of a folder and the folders in it that are wanted, at most maxFiles bytes of them. Folders whose names
// begin with a dot are passed over. What is wrong with one file is a *LoadError.
func readFiles(dir string, wanted func(name string) (bool, error)) (map[string][]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, noFolder(dir, err)
	}
	defer root.Close()
	files, left := map[string][]byte{}, maxFiles
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir() && strings.HasPrefix(path.Base(name), "."):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		take, err := wanted(name)
		if err == nil && take {
			if len(files) == maxFileCount {
				return fmt.Errorf("more than %d files", maxFileCount)
			}
			files[name], err = readFile(root, name, left)
			left -= len(files[name])
		}
		if err != nil {
			return &LoadError{Problems: []Problem{{File: name, Message: err.Error()}}}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("policy folder %s: %w", dir, err)
	}
	if err := stillThere(root, dir); err != nil {
		return nil, noFolder(dir, err)
	}
	return files, nil
}

// noFolder says what to do about a folder that cannot be read.
func noFolder(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("policy folder %s is not there: %w; put it back, or make an empty one when no rules of your own are wanted",
			dir, fs.ErrNotExist)
	}
	return fmt.Errorf("policy folder %s cannot be read; put it right, and its rules come into force: %w", dir, err)
}

// stillThere tells whether dir is the folder that was read: one that is being removed looks empty.
func stillThere(root *os.Root, dir string) error {
	read, err := root.Stat(".")
	if err != nil {
		return err
	}
	now, err := os.Stat(dir)
	if err == nil && !os.SameFile(read, now) {
		err = errors.New("another folder took its place meanwhile")
	}
	return err
}

// readFile reads a file of at most limit bytes.
func readFile(root *os.Root, name string, limit int) ([]byte, error) {
	about, err := root.Stat(name) // before opening: opening a pipe would wait for its other end
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if !about.Mode().IsRegular() {
		return nil, errors.New("is not a regular file; move it out of the policy folder")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	if len(text) > limit {
		return nil, fmt.Errorf("is too much: the files together are larger than %d bytes", maxFiles)
	}
	return text, nil
}

// clone gives a copy that shares nothing that can be changed.
func (s Source) clone() Source {
	files := make(map[string][]byte, len(s.Files))
	for name, text := range s.Files {
		files[name] = bytes.Clone(text)
	}
	s.Files = files
	return s
}

// digest names the content: the contract, all rules that take part, the configuration and the site's data.
func digest(rules map[string][]byte, site, data strictjson.Value) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d\n", decision.Contract, len(rules))
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(rules[name]), rules[name])
	}
	h.Write(strictjson.Canonical(nil, site))
	if data.Len() > 0 {
		h.Write(strictjson.Canonical([]byte("\n"), data))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
