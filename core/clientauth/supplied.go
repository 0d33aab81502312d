package clientauth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/rate"
	"github.com/ostiary/ostiary/core/slowhash"
)

// Secrets are kept by others; an imported one gets a better hash as soon as it is seen.
type Secrets interface {
	// ReplaceSecret keeps one of a client's secrets under another hash, if it is still there.
	ReplaceSecret(ctx context.Context, id core.ClientID, from, to core.StoredSecret) error
}

// supplied compares secrets that were supplied or imported with their slow hashes. What was right is remembered for as long as the
// process lives, as a MAC under a key that nobody else has, so that a client pays for a slow hash once and not at each request.
// A hash takes many megabytes: only a few are made at once. Who guesses wrong waits, by address: people choose such secrets, and
// each guess costs this server more than the guesser.
type supplied struct {
	places chan struct{}
	key    [32]byte
	pace   rate.Pace
	wrong  *rate.Buckets[netip.Prefix]

	mu    sync.Mutex
	right map[[32]byte]struct{}
}

const (
	maxRemembered = 4096
	longestWait   = 5 * time.Second // for a place
	maxGuessers   = 100_000

	guesses    = 20 // that an address has wrong, and then one every so often
	guessAgain = time.Second
)

func newSupplied() *supplied {
	s := &supplied{
		places: make(chan struct{}, runtime.GOMAXPROCS(0)), right: make(map[[32]byte]struct{}),
		pace: rate.Pace{Every: guessAgain, Burst: guesses}, wrong: rate.NewBuckets[netip.Prefix](maxGuessers),
	}
	_, _ = rand.Read(s.key[:]) // never fails since Go 1.24
	return s
}

// holds tells whether a secret is one of those that are kept under a slow hash, and which. ip is whose guess it is.
func (s *supplied) holds(ctx context.Context, ip string, secret core.Secret, kept []core.StoredSecret, now time.Time) (found core.StoredSecret, ok bool, err error) {
	compared := false
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
		right, err := s.compare(ctx, ip, h, secret, now)
		if err != nil {
			return core.StoredSecret{}, false, err
		}
		if right {
			s.remember(k, secret)
			return k, true, nil
		}
		compared = true
	}
	if compared {
		s.wrong.Take(guesser(ip), s.pace, now)
	}
	return core.StoredSecret{}, false, nil
}

// compare makes the slow hash, if the address may still guess: before it waits for a place, and when it has one.
func (s *supplied) compare(ctx context.Context, ip string, h slowhash.Hash, secret core.Secret, now time.Time) (bool, error) {
	if err := s.mayGuess(ip, now); err != nil {
		return false, err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	if err := s.mayGuess(ip, now); err != nil {
		return false, err
	}
	return h.Matches(secret.Reveal()), nil
}

func (s *supplied) mayGuess(ip string, now time.Time) error {
	wait := s.wrong.Wait(guesser(ip), s.pace, 0, now)
	if wait == 0 {
		return nil
	}
	return &core.Error{
		Code: core.TooManyRequests, Detail: "Too many wrong client secrets came from your network; wait and try again.", RetryAfter: wait,
	}
}

// guesser is what counts as one address: of an IPv6 address the rest is theirs to choose.
func guesser(ip string) netip.Prefix {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		bits = 56
	}
	prefix, _ := addr.Prefix(bits) // the bits fit
	return prefix
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
