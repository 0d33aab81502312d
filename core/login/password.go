package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/slowhash"
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

// hasher makes and compares hashes, a few at a time: each takes many megabytes.
type hasher struct {
	places chan struct{}
	nobody slowhash.Argon2id // what is compared when there is no hash: it takes as long and is never right
	derive func(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte
}

func newHasher(places int) hasher {
	return hasher{
		places: make(chan struct{}, places), derive: slowhash.IDKey,
		nobody: slowhash.Argon2id{Cost: slowhash.Usual(), Salt: random(slowhash.SaltLength), Key: random(slowhash.KeyLength)},
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
	made := slowhash.Argon2id{Cost: slowhash.Usual(), Salt: random(slowhash.SaltLength)}
	made.Key = h.key(made, slowhash.KeyLength, password)
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
		if against, err = slowhash.ParseArgon2id(stored.Reveal()); err != nil {
			return false, false, err
		}
	}
	if len(password) > MaxPassword { // nobody has such a one
		password, against = password[:MaxPassword], h.nobody
	}
	key := h.key(against, len(against.Key), password)
	return subtle.ConstantTimeCompare(key, against.Key) == 1, against.Weak(), nil
}

func (h *hasher) key(of slowhash.Argon2id, length int, password core.Secret) []byte {
	return h.derive([]byte(password.Reveal()), of.Salt, of.Passes, of.Memory, of.Threads, uint32(length))
}
