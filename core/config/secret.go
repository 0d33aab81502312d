package config

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

const (
	fileScheme    = "file://"
	maxSecret     = 64 << 10 // bytes; the longest is a private key with its chain
	worldReadable = fs.FileMode(0o004)
)

// secret fills a core.Secret from text or, with file://, from a file. No problem quotes it.
func (d *decoder) secret(n *node, text string, dst reflect.Value, path string) {
	if name, ok := strings.CutPrefix(text, fileScheme); ok {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(d.file), name)
		}
		read, err := readSecret(name)
		if err != nil {
			d.add(n.line, path, "secret file: %v", err)
			return
		}
		text = read
	}
	if text == "" {
		d.add(n.line, path, "the secret is empty")
		return
	}
	dst.SetString(text)
}

// readSecret reads a regular file that not everybody may read, without one newline at its end. A public key is no secret: it is written
// where secrets are because it is a file of the same kind.
func readSecret(name string) (string, error) {
	f, err := os.Open(name)
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
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", plain(err)
	}
	if len(data) > maxSecret {
		return "", fmt.Errorf("%s is larger than %d bytes", name, maxSecret)
	}
	if about.Mode().Perm()&worldReadable != 0 && !isPublicKey(data) {
		return "", fmt.Errorf("%s can be read by everybody (mode %04o): chmod o-r it", name, about.Mode().Perm())
	}
	if line, ok := bytes.CutSuffix(data, []byte("\n")); ok {
		data = bytes.TrimSuffix(line, []byte("\r"))
	}
	return string(data), nil
}

// isPublicKey tells whether a file has one public key in PEM, as openssl writes it, and nothing else.
func isPublicKey(data []byte) bool {
	block, rest := pem.Decode(data)
	return block != nil && block.Type == "PUBLIC KEY" && bytes.HasPrefix(data, []byte("-----BEGIN PUBLIC KEY-----")) && len(bytes.TrimSpace(rest)) == 0
}

// plain shortens "open X: no such file or directory" to "X: no such file or directory".
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
