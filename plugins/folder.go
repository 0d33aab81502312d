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
	"syscall"

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
	half     bool     // module or manifest is not there: what is left is no plugin
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
	if c.half = errors.Is(manifestErr, fs.ErrNotExist) || errors.Is(moduleErr, fs.ErrNotExist); c.half {
		c.err = c.leftOver(manifestErr, moduleErr)
		return c
	}
	if c.err = errors.Join(manifestErr, moduleErr); c.err != nil {
		return c
	}
	if c.manifest, c.err = ReadManifest(text, file); c.err == nil {
		c.err = c.agrees()
	}
	return c
}

// leftOver says what is there of half a plugin, and what is wrong with that.
func (c *candidate) leftOver(manifestErr, moduleErr error) error {
	const outcome = ": the plugin is not running"
	manifest, module := c.name+manifestSuffix, c.name+moduleSuffix
	switch {
	case !errors.Is(manifestErr, fs.ErrNotExist):
		return errors.Join(errors.New(manifest+" has no "+module+outcome), manifestErr)
	case !errors.Is(moduleErr, fs.ErrNotExist):
		return errors.Join(errors.New(module+" has no "+manifest+outcome), moduleErr)
	}
	return errors.New("neither " + manifest + " nor " + module + " leads to a file" + outcome)
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

// readFile reads a regular file up to a size and waits for nobody. Its errors name the file without its folder; that of a file
// which is not there is fs.ErrNotExist.
func readFile(name string, limit int) ([]byte, error) {
	base := filepath.Base(name)
	about, err := os.Stat(name) // before opening: opening a device may do something
	if err := isFile(base, about, err); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may have become a pipe meanwhile
	if err != nil {
		return nil, unreadable(base, err)
	}
	defer f.Close()
	about, err = f.Stat()
	if err := isFile(base, about, err); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	switch {
	case err != nil:
		return nil, unreadable(base, err)
	case len(data) > limit:
		return nil, fmt.Errorf("%s is larger than %d bytes", base, limit)
	}
	return data, nil
}

func unreadable(base string, err error) error {
	return fmt.Errorf("%s cannot be read: %w", base, errors.Unwrap(err))
}

func isFile(base string, about fs.FileInfo, err error) error {
	switch {
	case err != nil:
		return unreadable(base, err)
	case !about.Mode().IsRegular():
		return fmt.Errorf("%s is %s, not a file", base, kindOf(about.Mode()))
	}
	return nil
}

// kindOf names what is not a file.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}
