package clientauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/slowhash"
)

// Secrets are kept by others; an imported one gets a better hash as soon as it is seen.
type Secrets interface {
	// ReplaceSecret keeps one of a client's secrets under another hash, if it is still there.
	ReplaceSecret(ctx context.Context, id core.ClientID, from, to core.StoredSecret) error
}

// supplied compares secrets that were supplied or imported with their slow hashes. A client pays for one once and not at each request.
type supplied struct{ checker *slowhash.Checker }

const longestWait = 5 * time.Second // for a slow hash

func newSupplied() *supplied { return &supplied{slowhash.NewChecker()} }

// holds tells whether a secret is one of those that are kept under a slow hash, and which.
func (s *supplied) holds(ctx context.Context, secret core.Secret, kept []core.StoredSecret, now time.Time) (found core.StoredSecret, ok bool, err error) {
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
		right, err := s.matches(ctx, h, secret)
		if err != nil {
			return core.StoredSecret{}, false, err
		}
		if right {
			return k, true, nil
		}
	}
	return core.StoredSecret{}, false, nil
}

func (s *supplied) matches(ctx context.Context, h slowhash.Hash, secret core.Secret) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	right, err := s.checker.Matches(ctx, h, secret.Reveal())
	if err != nil {
		return false, &core.Error{
			Code: core.TemporarilyUnavailable, Detail: "Too many clients are authenticating; try again in a moment.", RetryAfter: time.Second, Err: err,
		}
	}
	return right, nil
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
	return core.StoredSecret{Alg: slowhash.AlgArgon2id, Hash: made, ExpiresAt: kept.ExpiresAt, From: from}, true
}
