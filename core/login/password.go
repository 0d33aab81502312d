package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/ostiary/ostiary/core"
)

// The bounds of a password, in bytes.
const (
	MinPassword = 8
	MaxPassword = 256
)

// checkPassword holds a new password to the rules.
func checkPassword(username string, password core.Secret) error {
	p := password.Reveal()
	switch {
	case len(p) < MinPassword:
		return core.Refuse(core.InvalidRequest, "The password is shorter than %d characters; choose a longer one.", MinPassword)
	case len(p) > MaxPassword:
		return core.Refuse(core.InvalidRequest, "The password is longer than %d bytes; choose a shorter one.", MaxPassword)
	case !utf8.ValidString(p):
		return core.Refuse(core.InvalidRequest, "The password is not UTF-8 text.")
	case strings.EqualFold(p, username):
		return core.Refuse(core.InvalidRequest, "The password is the username; choose another one.")
	}
	return nil
}

// A cost is what one hash takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// usualCost is what OWASP's password storage cheat sheet recommends.
func usualCost() cost { return cost{memory: 19 * 1024, passes: 2, threads: 1} }

// What a stored hash may ask for: one that was imported may be dearer than ours, but never take the machine down.
const (
	maxMemory  = 64 * 1024 // KiB
	maxPasses  = 10
	maxThreads = 4
	saltLength = 16
	keyLength  = 32
	maxBytes   = 64 // of salt and of key
)

// A phc is a hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type phc struct {
	cost
	salt, key []byte
}

var unpadded = base64.RawStdEncoding.Strict()

// String writes the hash as it is stored.
func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads,
		unpadded.EncodeToString(h.salt), unpadded.EncodeToString(h.key))
}

var errHash = errors.New("a stored password hash is malformed or outside the bounds")

// parsePHC reads what String writes, and nothing else.
func parsePHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return phc{}, errHash
	}
	var h phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); err != nil {
		return phc{}, errHash
	}
	salt, err1 := unpadded.DecodeString(parts[4])
	key, err2 := unpadded.DecodeString(parts[5])
	h.salt, h.key = salt, key
	if err1 != nil || err2 != nil || h.String() != text || !h.sane() {
		return phc{}, errHash
	}
	return h, nil
}

func (h phc) sane() bool {
	return h.threads >= 1 && h.threads <= maxThreads && h.passes >= 1 && h.passes <= maxPasses &&
		h.memory >= 8*uint32(h.threads) && h.memory <= maxMemory &&
		len(h.salt) >= 8 && len(h.salt) <= maxBytes && len(h.key) >= 16 && len(h.key) <= maxBytes
}

// work is what one guess takes.
func (c cost) work() uint64 { return uint64(c.memory) * uint64(c.passes) }

// weak tells whether the hash is cheaper to guess at than one of ours.
func (h phc) weak() bool {
	return h.work() < usualCost().work() || len(h.salt) < saltLength || len(h.key) < keyLength
}

// hasher makes and compares hashes, a few at a time: each takes many megabytes.
type hasher struct {
	places chan struct{}
	nobody phc // what is compared when there is no hash: it takes as long and is never right
	derive func(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte
}

func newHasher(places int) hasher {
	return hasher{
		places: make(chan struct{}, places), derive: argon2.IDKey,
		nobody: phc{cost: usualCost(), salt: random(saltLength), key: random(keyLength)},
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return b
}

// longestWait is how long somebody waits for a place.
const longestWait = 10 * time.Second

// enter waits for a place; leave gives it back.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	select {
	case h.places <- struct{}{}:
		return func() { <-h.places }, nil
	case <-ctx.Done():
		return nil, &core.Error{
			Code: core.TemporarilyUnavailable, Detail: "Too many people are signing in; try again in a moment.", RetryAfter: time.Second, Err: ctx.Err(),
		}
	}
}

// hash makes a new hash. Its caller holds a place.
func (h *hasher) hash(password core.Secret) core.PasswordHash {
	made := phc{cost: usualCost(), salt: random(saltLength)}
	made.key = h.key(made, keyLength, password)
	return core.PasswordHash(made.String())
}

// hashInTurn is hash for who holds no place yet.
func (h *hasher) hashInTurn(ctx context.Context, password core.Secret) (core.PasswordHash, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return h.hash(password), nil
}

// matches compares a password with a hash; with an empty one it works as hard and says no. Its caller holds a place.
func (h *hasher) matches(password core.Secret, stored core.PasswordHash) (right, weak bool, err error) {
	against := h.nobody
	if stored != "" {
		if against, err = parsePHC(stored.Reveal()); err != nil {
			return false, false, err
		}
	}
	if len(password) > MaxPassword { // nobody has such a one
		password, against = password[:MaxPassword], h.nobody
	}
	key := h.key(against, len(against.key), password)
	return subtle.ConstantTimeCompare(key, against.key) == 1, against.weak(), nil
}

func (h *hasher) key(of phc, length int, password core.Secret) []byte {
	return h.derive([]byte(password.Reveal()), of.salt, of.passes, of.memory, of.threads, uint32(length))
}
