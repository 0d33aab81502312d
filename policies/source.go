package policies

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
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
	LastGood Origin = "stored last-good" // with the files that were last in use, because those of the folder are not usable
)

// A Source is what a revision is made of, besides the shipped rules.
type Source struct {
	Origin Origin
	Files  map[string][]byte // the site's Rego by path relative to the policy folder
	Site   strictjson.Value  // data.ostiary.config; its shape is rego/config.schema.json
}

// MaxFiles bounds the Rego of a site, in bytes.
const MaxFiles = 4 << 20

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

// ReadFolder reads the Rego files of a folder and the folders in it, by relative path. Names that begin with a dot are passed
// over; links are followed as long as they stay inside. A folder that does not exist has no files.
func ReadFolder(dir string) (map[string][]byte, error) {
	root, err := os.OpenRoot(dir)
	if os.IsNotExist(err) {
		return map[string][]byte{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("policy folder: %w", err)
	}
	defer root.Close()
	files, left := map[string][]byte{}, MaxFiles
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(path.Base(name), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() || !strings.HasSuffix(name, ".rego"):
			return nil
		case len(files) == maxFileCount:
			return fmt.Errorf("more than %d files", maxFileCount)
		}
		text, err := readFile(root, name, left)
		files[name] = text
		left -= len(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("policy folder %s: %w", dir, err)
	}
	return files, nil
}

// readFile reads a file of at most limit bytes.
func readFile(root *os.Root, name string, limit int) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(text) > limit {
		return nil, fmt.Errorf("the files together are larger than %d bytes", MaxFiles)
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

// digest names the content: the contract, all rules that take part and the site's data.
func digest(rules map[string][]byte, site strictjson.Value) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d\n", decision.Contract, len(rules))
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(rules[name]), rules[name])
	}
	h.Write(strictjson.Canonical(nil, site))
	return hex.EncodeToString(h.Sum(nil)[:16])
}
