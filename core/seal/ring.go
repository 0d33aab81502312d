// Package seal encrypts what the store must be able to read back: XChaCha20-Poly1305 under a ring of keys, bound to the
// record it belongs to, so that a sealed value moved to another record does not open.
//
// A sealed value is: version byte 1 | key id (8 bytes) | nonce (24 random bytes) | ciphertext with tag. Version, key id and
// record key are authenticated. The first key of the ring seals, all of them open: a key is rotated by putting a new one
// before it, and dropped once nothing sealed under it is left.
//
// The package owns the key file too (LoadOrCreate). It does not know what is sealed, nor where it is kept.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	version    = 1
	headerSize = 1 + len(keyID{})
	nonceSize  = chacha20poly1305.NonceSizeX

	// Overhead is how much longer a sealed value is than what is in it.
	Overhead = headerSize + nonceSize + chacha20poly1305.Overhead
)

// Why a sealed value does not open.
var (
	ErrUnknownKey = errors.New("sealed under a key that is not in the ring")
	ErrBroken     = errors.New("not a sealed value of this record, or changed since it was sealed")
)

// A Ring seals with its primary key and opens with any of its keys. It is safe for concurrent use.
type Ring struct {
	primary keyID
	ciphers map[keyID]cipher.AEAD
	root    []byte // what Derive expands; made from the primary key
}

// New makes a ring. The keys must differ and none may be zero.
func New(primary Key, others ...Key) (*Ring, error) {
	root, err := hkdf.Extract(sha256.New, primary[:], []byte("ostiary derive"))
	if err != nil {
		return nil, fmt.Errorf("seal: derive from the primary key: %w", err)
	}
	r := &Ring{primary: primary.id(), ciphers: make(map[keyID]cipher.AEAD, 1+len(others)), root: root}
	for i, key := range append([]Key{primary}, others...) {
		if key == (Key{}) {
			return nil, fmt.Errorf("seal: key %d is all zero", i+1)
		}
		if _, twice := r.ciphers[key.id()]; twice {
			return nil, fmt.Errorf("seal: key %d is in the ring already", i+1)
		}
		aead, err := chacha20poly1305.NewX(key[:])
		if err != nil {
			return nil, fmt.Errorf("seal: key %d: %w", i+1, err)
		}
		r.ciphers[key.id()] = aead
	}
	return r, nil
}

// Format implements fmt.Formatter: no verb prints the keys.
func (*Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// Seal encrypts plain for the record named by recordKey. Sealing the same twice gives different values.
func (r *Ring) Seal(recordKey string, plain []byte) []byte {
	sealed := make([]byte, 0, Overhead+len(plain))
	sealed = append(append(sealed, version), r.primary[:]...)
	bound := boundTo(sealed, recordKey)
	sealed = sealed[:headerSize+nonceSize]
	nonce := sealed[headerSize:]
	_, _ = rand.Read(nonce) // never fails since Go 1.24; 192 bits may be random without counting
	return r.ciphers[r.primary].Seal(sealed, nonce, plain, bound)
}

// Open decrypts what Seal made for the same recordKey under any key of the ring. It fails with ErrUnknownKey or ErrBroken.
func (r *Ring) Open(recordKey string, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, ErrBroken
	}
	header, nonce, box := sealed[:headerSize], sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:]
	aead, ok := r.ciphers[keyID(header[1:])]
	if !ok {
		return nil, ErrUnknownKey
	}
	plain, err := aead.Open(nil, nonce, box, boundTo(header, recordKey))
	if err != nil {
		return nil, ErrBroken
	}
	return plain, nil
}

// boundTo gives what is authenticated beside the ciphertext. The header has a fixed length, so the parts cannot run into
// each other.
func boundTo(header []byte, recordKey string) []byte {
	return append(header[:headerSize:headerSize], recordKey...)
}

// Derive makes a key for one purpose (HKDF-SHA256), such as the HMAC of page cursors. It comes from the primary key alone
// and changes when that is rotated: use it for what may become void then.
func (r *Ring) Derive(purpose string) [32]byte {
	derived, err := hkdf.Expand(sha256.New, r.root, purpose, keySize)
	if err != nil {
		panic("seal: " + err.Error()) // only for more than 255 blocks; this is one
	}
	return [32]byte(derived)
}
