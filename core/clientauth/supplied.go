package clientauth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/slowhash"
)

// Secrets are kept by others; an imported one gets a better hash as soon as it is seen.
type Secrets interface {
	// ReplaceSecret keeps one of a client's secrets under another hash, if it is still there.
	ReplaceSecret(ctx context.Context, id core.ClientID, from, to core.StoredSecret) error
}

// supplied compares secrets that were supplied or imported with their slow hashes. What was right is remembered for as long as the
// process lives, as a MAC under a key that nobody else has, so that a client pays for a slow hash once and not at each request.
// A hash takes many megabytes: only a few are made at once.
type supplied struct {
	places chan struct{}
	key    [32]byte

	mu    sync.Mutex
	right map[[32]byte]struct{}
}

const (
	maxRemembered = 4096
	longestWait   = 5 * time.Second // for a place
)

func newSupplied() *supplied {
	s := &supplied{places: make(chan struct{}, runtime.GOMAXPROCS(0)), right: make(map[[32]byte]struct{})}
	_, _ = rand.Read(s.key[:]) // never fails since Go 1.24
	return s
}

// holds tells whether a secret is one of those that are kept under a slow hash, and which.
func (s *supplied) holds(ctx context.Context, secret core.Secret, kept []core.StoredSecret, now time.Time) (found core.StoredSecret, ok bool, err error) {
	for _, k := range kept {
		if k.Alg == "sha256" || secret == "" || !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) {
			continue
		}
		if s.known(k, secret) {
			return k, true, nil
		}
		h, err := slowhash.Parse(k.Hash)
		if err != nil || h.Alg != k.Alg {
			continue // a damaged one is nobody's
		}
		leave, err := s.enter(ctx)
		if err != nil {
			return core.StoredSecret{}, false, err
		}
		right := h.Matches(secret.Reveal())
		leave()
		if right {
			s.remember(k, secret)
			return k, true, nil
		}
	}
	return core.StoredSecret{}, false, nil
}

// better gives the secret under a hash of ours, false when it has one already.
func (s *supplied) better(ctx context.Context, secret core.Secret, kept core.StoredSecret) (core.StoredSecret, bool) {
	h, err := slowhash.Parse(kept.Hash)
	if err != nil || !h.Stale() {
		return core.StoredSecret{}, false
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return core.StoredSecret{}, false // at another time, then
	}
	defer leave()
	from := kept.From
	if from == "" {
		sum := sha256.Sum256([]byte(kept.Hash))
		from = hex.EncodeToString(sum[:])
	}
	made := core.StoredSecret{Alg: slowhash.AlgArgon2id, Hash: slowhash.Make(secret.Reveal()), ExpiresAt: kept.ExpiresAt, From: from}
	s.remember(made, secret)
	return made, true
}

func (s *supplied) enter(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	select {
	case s.places <- struct{}{}:
		return func() { <-s.places }, nil
	case <-ctx.Done():
		return nil, &core.Error{
			Code: core.TemporarilyUnavailable, Detail: "Too many clients are authenticating; try again in a moment.", RetryAfter: time.Second, Err: ctx.Err(),
		}
	}
}

func (s *supplied) mac(kept core.StoredSecret, secret core.Secret) (sum [32]byte) {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write([]byte(kept.Hash))
	mac.Write([]byte{0})
	mac.Write([]byte(secret.Reveal()))
	mac.Sum(sum[:0])
	return sum
}

func (s *supplied) known(kept core.StoredSecret, secret core.Secret) bool {
	sum := s.mac(kept, secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.right[sum]
	return ok
}

func (s *supplied) remember(kept core.StoredSecret, secret core.Secret) {
	sum := s.mac(kept, secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.right) >= maxRemembered {
		clear(s.right)
	}
	s.right[sum] = struct{}{}
}
