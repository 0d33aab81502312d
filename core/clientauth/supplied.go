package clientauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
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

// supplied compares secrets that were supplied or imported with their slow hashes. A client pays for one once and not at each request.
// Who guesses wrong waits, by address: people choose such secrets, and each guess costs this server more than the guesser.
type supplied struct {
	checker *slowhash.Checker
	pace    rate.Pace
	wrong   *rate.Buckets[netip.Prefix]
}

const (
	longestWait = 5 * time.Second // for a slow hash
	maxGuessers = 100_000

	guesses    = 20 // that an address has wrong, and then one every so often
	guessAgain = time.Second
)

func newSupplied() *supplied {
	return &supplied{
		checker: slowhash.NewChecker(), pace: rate.Pace{Every: guessAgain, Burst: guesses}, wrong: rate.NewBuckets[netip.Prefix](maxGuessers),
	}
}

// holds tells whether a secret is one of those that are kept under a slow hash, and which. ip is whose guess it is.
func (s *supplied) holds(ctx context.Context, ip string, secret core.Secret, kept []core.StoredSecret, now time.Time) (found core.StoredSecret, ok bool, err error) {
	compared := false
	for _, k := range kept {
		if k.Alg == "sha256" || secret == "" || !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) {
			continue
		}
		if s.checker.Known(k.Hash, secret.Reveal()) {
			return k, true, nil
		}
		h, err := slowhash.Parse(k.Hash)
		if err != nil || h.Alg != k.Alg {
			continue // a damaged one is nobody's
		}
		right, err := s.matches(ctx, ip, h, secret, now)
		if err != nil {
			return core.StoredSecret{}, false, err
		}
		if right {
			return k, true, nil
		}
		compared = true
	}
	if compared {
		s.wrong.Take(guesser(ip), s.pace, now)
	}
	return core.StoredSecret{}, false, nil
}

// matches makes the slow hash, if the address may still guess: before it waits for a place, and when it has one.
func (s *supplied) matches(ctx context.Context, ip string, h slowhash.Hash, secret core.Secret, now time.Time) (bool, error) {
	mayGuess := func() error { return s.mayGuess(ip, now) }
	if err := mayGuess(); err != nil {
		return false, err
	}
	waiting, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	right, err := s.checker.MatchesIf(waiting, h, secret.Reveal(), mayGuess)
	if err != nil && waiting.Err() != nil {
		return false, &core.Error{
			Code: core.TemporarilyUnavailable, Detail: "Too many clients are authenticating; try again in a moment.", RetryAfter: time.Second, Err: err,
		}
	}
	return right, err
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
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	made, err := s.checker.Make(ctx, secret.Reveal())
	if err != nil {
		return core.StoredSecret{}, false // at another time, then
	}
	from := kept.From
	if from == "" {
		sum := sha256.Sum256([]byte(kept.Hash))
		from = hex.EncodeToString(sum[:])
	}
	return core.StoredSecret{Alg: slowhash.AlgArgon2id, Hash: made, CreatedAt: kept.CreatedAt, ExpiresAt: kept.ExpiresAt, From: from}, true
}
