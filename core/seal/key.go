package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// keySize is what XChaCha20-Poly1305 takes; keyText is its length in base64url without padding.
const (
	keySize = 32
	keyText = 43
)

// A Key is 256 random bits. It prints as [redacted] everywhere: fmt, slog, JSON.
type Key [keySize]byte

// keyID names a key without telling anything of it.
type keyID [8]byte

// NewKey makes a key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // never fails since Go 1.24
	return k
}

// Encode gives the key as its line in a key file: 43 characters of base64url. It is the only way to write a key out.
func (k Key) Encode() string { return base64.RawURLEncoding.EncodeToString(k[:]) }

func (k Key) id() keyID {
	sum := sha256.Sum256(append([]byte("ostiary seal"), k[:]...))
	return keyID(sum[:8])
}

const redacted = "[redacted]"

// Format implements fmt.Formatter: no verb prints the key, not even %x or %d.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText keeps a key out of any encoding.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// ParseKeys reads a key file: one key a line, the primary first, then older ones that still open. Empty lines and lines that
// start with # are skipped. An error names the line and never what stands there.
func ParseKeys(text []byte) ([]Key, error) {
	var keys []Key
	for i, line := range bytes.Split(text, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		k, ok := parseKey(line)
		if !ok {
			return nil, fmt.Errorf("line %d: want a key of %d base64url characters", i+1, keyText)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it")
	}
	return keys, nil
}

// parseKey is strict: one key has one spelling.
func parseKey(line []byte) (Key, bool) {
	if len(line) != keyText {
		return Key{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(line))
	if err != nil || len(raw) != keySize { // shorter when it held a line break, which Go's decoder skips
		return Key{}, false
	}
	return Key(raw), true
}
