package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
)

// Public is a text that may stand in a file of its own, as a core.Secret may, but is no secret: a public key. Everybody may read the
// file, and not everybody may write it, since what is in it is trusted.
type Public string

const (
	fileScheme    = "file://"
	maxSecret     = 64 << 10 // bytes; the longest is a private key with its chain
	worldReadable = fs.FileMode(0o004)
	worldWritable = fs.FileMode(0o002)
)

// secret fills a core.Secret from text or, with file://, from a file. No problem quotes it. Who may write the file chooses the secret.
func (d *decoder) secret(n *node, text string, dst reflect.Value, path string) {
	d.fromFile(n, text, dst, path, "secret", worldReadable|worldWritable)
}

// public fills a Public in the same way.
func (d *decoder) public(n *node, text string, dst reflect.Value, path string) {
	d.fromFile(n, text, dst, path, "text", worldWritable)
}

// fromFile fills a text that may be in a file, which must have no bit of the mode unsafe.
func (d *decoder) fromFile(n *node, text string, dst reflect.Value, path, what string, unsafe fs.FileMode) {
	if name, ok := strings.CutPrefix(text, fileScheme); ok {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(d.file), name)
		}
		read, err := readText(name, unsafe)
		if err != nil {
			d.add(n.line, path, "%s file: %v", what, err)
			return
		}
		text = read
	}
	if text == "" {
		d.add(n.line, path, "the %s is empty", what)
		return
	}
	dst.SetString(text)
}

// readText reads a regular file that has no bit of the mode unsafe, without one newline at its end.
func readText(name string, unsafe fs.FileMode) (string, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // to open a pipe would be to wait for its other end
	if err != nil {
		return "", plain(err)
	}
	defer f.Close()
	about, err := f.Stat() // of the opened file: what is checked is what is read
	if err != nil {
		return "", plain(err)
	}
	if !about.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", name)
	}
	switch mode := about.Mode().Perm(); {
	case mode&unsafe&worldReadable != 0:
		return "", fmt.Errorf("%s can be read by everybody (mode %04o): chmod o-r it", name, mode)
	case mode&unsafe&worldWritable != 0:
		return "", fmt.Errorf("%s can be written by everybody (mode %04o): chmod o-w it", name, mode)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", plain(err)
	}
	if len(data) > maxSecret {
		return "", fmt.Errorf("%s is larger than %d bytes", name, maxSecret)
	}
	if line, ok := bytes.CutSuffix(data, []byte("\n")); ok {
		data = bytes.TrimSuffix(line, []byte("\r"))
	}
	return string(data), nil
}

// plain shortens "open X: no such file or directory" to "X: no such file or directory".
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
