// Package slowhash makes and compares the slow hashes of secrets that people chose: passwords and supplied client secrets. It owns
// Argon2id, which is what we make, and reads bcrypt and PBKDF2, which others made. It bounds what a hash may cost, and knows
// neither who has the secret nor where its hash is kept. A Checker bounds how many run at once; who calls the functions does that itself.
package slowhash

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// A Cost is what one hash takes.
type Cost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// Usual is what OWASP's password storage cheat sheet recommends.
func Usual() Cost { return Cost{Memory: 19 * 1024, Passes: 2, Threads: 1} }

// The length in bytes of the salt and the key of what we make.
const (
	SaltLength = 16
	KeyLength  = 32
)

// What a hash may ask for: one that was imported may be dearer than ours, but never take the machine down.
const (
	maxMemory  = 64 * 1024 // KiB
	maxPasses  = 10
	maxThreads = 4
	maxBytes   = 64 // of salt and of key
)

// An Argon2id is a hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type Argon2id struct {
	Cost
	Salt, Key []byte
}

var unpadded = base64.RawStdEncoding.Strict()

// String writes the hash as it is stored.
func (h Argon2id) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.Memory, h.Passes, h.Threads,
		unpadded.EncodeToString(h.Salt), unpadded.EncodeToString(h.Key))
}

// ErrMalformed tells a hash that cannot be read, or that would cost more than any may. It never quotes the hash.
var ErrMalformed = errors.New("a stored password hash is malformed or outside the bounds")

// ParseArgon2id reads what String writes, and nothing else.
func ParseArgon2id(text string) (Argon2id, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return Argon2id{}, ErrMalformed
	}
	var h Argon2id
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.Memory, &h.Passes, &h.Threads); err != nil {
		return Argon2id{}, ErrMalformed
	}
	salt, err1 := unpadded.DecodeString(parts[4])
	key, err2 := unpadded.DecodeString(parts[5])
	h.Salt, h.Key = salt, key
	if err1 != nil || err2 != nil || h.String() != text || !h.sane() {
		return Argon2id{}, ErrMalformed
	}
	return h, nil
}

func (h Argon2id) sane() bool {
	return h.Threads >= 1 && h.Threads <= maxThreads && h.Passes >= 1 && h.Passes <= maxPasses &&
		h.Memory >= 8*uint32(h.Threads) && h.Memory <= maxMemory &&
		len(h.Salt) >= 8 && len(h.Salt) <= maxBytes && len(h.Key) >= 16 && len(h.Key) <= maxBytes
}

// work is what one guess takes.
func (c Cost) work() uint64 { return uint64(c.Memory) * uint64(c.Passes) }

// Weak tells whether the hash is cheaper to guess at than one of ours.
func (h Argon2id) Weak() bool {
	return h.work() < Usual().work() || len(h.Salt) < SaltLength || len(h.Key) < KeyLength
}

// IDKey is the function itself (RFC 9106).
func IDKey(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte {
	return argon2.IDKey(password, salt, passes, memory, threads, keyLength)
}

// Make hashes a secret as we do, with a fresh salt.
func Make(secret string) string {
	h := Argon2id{Cost: Usual(), Salt: make([]byte, SaltLength)}
	_, _ = rand.Read(h.Salt) // never fails since Go 1.24
	h.Key = IDKey([]byte(secret), h.Salt, h.Passes, h.Memory, h.Threads, KeyLength)
	return h.String()
}

// matches compares in a time that tells nothing of the key.
func (h Argon2id) matches(secret string) bool {
	key := IDKey([]byte(secret), h.Salt, h.Passes, h.Memory, h.Threads, uint32(len(h.Key)))
	return subtle.ConstantTimeCompare(key, h.Key) == 1
}
