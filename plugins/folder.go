package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/config"
)

const (
	moduleSuffix   = ".wasm"
	manifestSuffix = ".yaml"
)

// A candidate is one plugin as it lies in the folder: module and manifest of one name.
type candidate struct {
	name     string
	manifest Manifest
	module   []byte
	digest   string   // SHA-256 of the module, in hexadecimal
	content  [32]byte // of module and manifest: the same content is never loaded twice
	err      error    // why it cannot even be tried
}

// readFolder gives every plugin in a folder, by name. Hidden files are left alone: editors and copying tools use them for what
// is not finished.
func readFolder(ctx context.Context, dir string, maxModule int) ([]candidate, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("plugin folder: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, isModule := strings.CutSuffix(e.Name(), moduleSuffix)
		if !isModule {
			var isManifest bool
			if name, isManifest = strings.CutSuffix(e.Name(), manifestSuffix); !isManifest {
				continue
			}
		}
		if name != "" && name[0] != '.' && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	found := make([]candidate, 0, len(names))
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found = append(found, readCandidate(dir, name, maxModule))
	}
	return found, nil
}

func readCandidate(dir, name string, maxModule int) candidate {
	c := candidate{name: name}
	file := filepath.Join(dir, name+manifestSuffix)
	text, manifestErr := readFile(file, config.MaxSize)
	module, moduleErr := readFile(filepath.Join(dir, name+moduleSuffix), maxModule)
	c.module = module
	sum, of := sha256.Sum256(module), sha256.Sum256(text)
	c.digest = hex.EncodeToString(sum[:])
	c.content = sha256.Sum256(fmt.Appendf(nil, "%x %x %v %v", sum, of, manifestErr, moduleErr))
	if c.err = errors.Join(manifestErr, moduleErr); c.err != nil {
		return c
	}
	if c.manifest, c.err = ReadManifest(text, file); c.err == nil {
		c.err = c.agrees()
	}
	return c
}

// agrees verifies that the manifest is that of this module.
func (c *candidate) agrees() error {
	if c.manifest.Name != c.name {
		return fmt.Errorf("the manifest's name is %s, the files' name is %s; they must be equal", c.manifest.Name, c.name)
	}
	if c.manifest.SHA256 != "" && !strings.EqualFold(c.manifest.SHA256, c.digest) {
		return fmt.Errorf("the module is not the one that the manifest was written for: its sha256 is %s", c.digest)
	}
	return nil
}

// readFile reads a regular file up to a size. Its errors name the file without its folder.
func readFile(name string, limit int) ([]byte, error) {
	about, err := os.Stat(name) // before opening: opening a pipe would wait for its other end
	switch base := filepath.Base(name); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is missing", base)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", base, errors.Unwrap(err))
	case !about.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", base)
	case about.Size() > int64(limit):
		return nil, fmt.Errorf("%s is larger than %d bytes", base, limit)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", filepath.Base(name), errors.Unwrap(err))
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)))
}
