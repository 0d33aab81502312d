package slowhash

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// The names of the kinds of hashes.
const (
	AlgArgon2id     = "argon2id"
	AlgBcrypt       = "bcrypt"
	AlgPBKDF2SHA1   = "pbkdf2-sha1"
	AlgPBKDF2SHA256 = "pbkdf2-sha256"
	AlgPBKDF2SHA512 = "pbkdf2-sha512"
)

// Algorithms lists them.
func Algorithms() []string {
	return []string{AlgArgon2id, AlgBcrypt, AlgPBKDF2SHA1, AlgPBKDF2SHA256, AlgPBKDF2SHA512}
}

// What an imported hash may cost: about a tenth of a second for one guess.
const (
	maxBcryptCost = 13
	minRounds     = 1000
	maxRounds     = 1_000_000
)

// MaxSecret is how many bytes a secret may have that is compared with a slow hash.
const MaxSecret = 256

// bcryptBytes is how much of a secret bcrypt looks at.
const bcryptBytes = 72

// A Hash is one slow hash that was read.
type Hash struct {
	Alg  string
	text string
	ours Argon2id
	pbk  derived
}

// derived is a hash of PBKDF2 (RFC 8018 §5.2).
type derived struct {
	make      func() hash.Hash
	rounds    int
	salt, key []byte
}

// Parse reads a hash in one of the usual forms: $argon2id$…, $2b$… (also 2a and 2y), $pbkdf2-sha256$i=27500,l=32$salt$key,
// $pbkdf2-sha256$29000$salt$key and pbkdf2_sha256$260000$salt$key, these three also with sha512 and sha1.
func Parse(text string) (Hash, error) {
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		ours, err := ParseArgon2id(text)
		if err != nil {
			return Hash{}, err
		}
		return Hash{Alg: AlgArgon2id, text: text, ours: ours}, nil
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		cost, err := bcrypt.Cost([]byte(text))
		if err != nil || cost > maxBcryptCost || len(text) != 60 {
			return Hash{}, ErrMalformed
		}
		return Hash{Alg: AlgBcrypt, text: text}, nil
	case strings.HasPrefix(text, "$pbkdf2"), strings.HasPrefix(text, "pbkdf2_"):
		return parsePBKDF2(text)
	}
	return Hash{}, ErrMalformed
}

func parsePBKDF2(text string) (Hash, error) {
	parts := strings.Split(strings.TrimPrefix(text, "$"), "$")
	if len(parts) != 4 {
		return Hash{}, ErrMalformed
	}
	h := Hash{text: text}
	var size int
	switch strings.ReplaceAll(parts[0], "_", "-") {
	case "pbkdf2", AlgPBKDF2SHA1:
		h.Alg, h.pbk.make, size = AlgPBKDF2SHA1, sha1.New, sha1.Size
	case AlgPBKDF2SHA256:
		h.Alg, h.pbk.make, size = AlgPBKDF2SHA256, sha256.New, sha256.Size
	case AlgPBKDF2SHA512:
		h.Alg, h.pbk.make, size = AlgPBKDF2SHA512, sha512.New, sha512.Size
	default:
		return Hash{}, ErrMalformed
	}
	rounds, _, _ := strings.Cut(strings.TrimPrefix(parts[1], "i="), ",")
	var err error
	if h.pbk.rounds, err = strconv.Atoi(rounds); err != nil || h.pbk.rounds < minRounds || h.pbk.rounds > maxRounds {
		return Hash{}, ErrMalformed
	}
	if h.pbk.key, err = anyBase64(parts[3]); err != nil || len(h.pbk.key) < 16 || len(h.pbk.key) > size {
		return Hash{}, ErrMalformed
	}
	if strings.HasPrefix(text, "$") {
		h.pbk.salt, err = anyBase64(parts[2])
	} else {
		h.pbk.salt = []byte(parts[2]) // Django's is text
	}
	if err != nil || len(h.pbk.salt) < 8 || len(h.pbk.salt) > maxBytes {
		return Hash{}, ErrMalformed
	}
	return h, nil
}

// anyBase64 reads base64 with or without padding, and passlib's form of it, which has a dot for the plus.
func anyBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.ReplaceAll(text, ".", "+"), "="))
}

// Matches tells whether the hash is that of the secret. It takes as long as the hash costs, whatever the answer.
func (h Hash) Matches(secret string) bool {
	if len(secret) > MaxSecret { // nobody has such a one
		return false
	}
	switch h.Alg {
	case AlgArgon2id:
		return h.ours.matches(secret)
	case AlgBcrypt:
		return bcrypt.CompareHashAndPassword([]byte(h.text), []byte(secret[:min(len(secret), bcryptBytes)])) == nil
	case "":
		return false
	}
	key, err := pbkdf2.Key(h.pbk.make, secret, h.pbk.salt, h.pbk.rounds, len(h.pbk.key))
	return err == nil && subtle.ConstantTimeCompare(key, h.pbk.key) == 1
}

// Stale tells a hash that is not one of ours, or weaker: it is made anew once its secret is seen.
func (h Hash) Stale() bool { return h.Alg != AlgArgon2id || h.ours.Weak() }
