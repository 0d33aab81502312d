package plugins

import (
	"bytes"
	"context"
	"crypto/sha256"
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

// A candidate is one plugin as it lies in the folder: module and manifest of one name, perhaps a signature and self-tests. A
// module may carry its manifest itself.
type candidate struct {
	name      string
	manifest  Manifest
	text      []byte // of the manifest
	module    []byte
	signature []byte // nil: there is none
	tests     []testFile
	digest    string   // SHA-256 of the module, in hexadecimal
	content   [32]byte // of all of it: the same content is never loaded twice
	half      bool     // module or manifest is not there: what is left is no plugin
	tried     bool     // it is what was tried last: what is in the files is not kept
	err       error    // why it cannot even be tried
}

// readFolder gives every plugin in a folder, by name. Hidden files are left alone: editors and copying tools use them for what
// is not finished. tried tells what was tried already, of which only name and content are given: a folder may hold more than should be
// in memory at once.
func readFolder(ctx context.Context, dir string, maxModule int, tried func(name string, content [32]byte) bool) ([]candidate, error) {
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
		c := readCandidate(dir, name, maxModule)
		if tried(name, c.content) {
			c = candidate{name: name, content: c.content, half: c.half, tried: true}
		}
		found = append(found, c)
	}
	return found, nil
}

func readCandidate(dir, name string, maxModule int) candidate {
	c := candidate{name: name}
	if !nameForm.MatchString(name) {
		c.err = fmt.Errorf("no plugin can be called %q: rename its files to 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit", clipped(name))
		return c
	}
	text, manifestErr := readFile(filepath.Join(dir, name+manifestSuffix), config.MaxSize)
	module, moduleErr := readFile(filepath.Join(dir, name+moduleSuffix), maxModule)
	signature, signatureErr := readFile(filepath.Join(dir, name+signatureSuffix), maxSignature)
	if errors.Is(signatureErr, fs.ErrNotExist) {
		signatureErr = nil
	}
	c.module, c.signature, c.digest = module, signature, hexSum(module)
	var carriedErr error
	if moduleErr == nil {
		text, manifestErr, carriedErr = carried(module, text, manifestErr)
	}
	c.text = text
	c.content = sha256.Sum256(fmt.Appendf(nil, "%s %s %x %v %v %v", c.digest, hexSum(text), signature, manifestErr, moduleErr, signatureErr))
	if c.half = errors.Is(manifestErr, fs.ErrNotExist) || errors.Is(moduleErr, fs.ErrNotExist); c.half {
		c.err = c.leftOver(manifestErr, moduleErr)
		return c
	}
	if c.err = errors.Join(manifestErr, moduleErr, signatureErr, carriedErr); c.err != nil {
		return c
	}
	if c.manifest, c.err = ReadManifest(text, name+manifestSuffix); c.err == nil {
		c.err = c.agrees()
	}
	if c.err == nil {
		c.tests, c.err = readTests(dir, c.manifest.Tests)
		for _, f := range c.tests {
			c.content = sha256.Sum256(fmt.Appendf(nil, "%x %s %s", c.content, f.name, hexSum(f.text)))
		}
		if c.err != nil {
			c.content = sha256.Sum256(fmt.Appendf(nil, "%x %v", c.content, c.err))
		}
	}
	return c
}

// carried gives the manifest that holds when the module may carry one: the file's, which must then be the same, else the
// module's.
func carried(module, text []byte, textErr error) ([]byte, error, error) {
	inside, there, err := CarriedManifest(module)
	switch {
	case err != nil:
		return text, nil, err
	case !there, textErr != nil && !errors.Is(textErr, fs.ErrNotExist):
		return text, textErr, nil
	case textErr != nil:
		return inside, nil, nil
	case !bytes.Equal(inside, text):
		return text, nil, errors.New("the module carries another manifest than the file beside it: they must be equal, byte for byte")
	}
	return text, nil, nil
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
