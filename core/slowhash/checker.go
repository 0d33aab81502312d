package slowhash

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"sync"
)

// A Checker makes and compares slow hashes, a few at once, since each takes many megabytes. What was right is remembered for as long
// as the process lives, as a MAC under a key that nobody else has: so it is paid for once, and nothing that is stored is easier to
// guess at. It is safe for concurrent use.
type Checker struct {
	places chan struct{}
	key    [32]byte

	mu    sync.Mutex
	right map[[32]byte]struct{}
}

// maxRemembered is about two megabytes.
const maxRemembered = 1 << 15

// NewChecker makes one.
func NewChecker() *Checker {
	c := &Checker{places: make(chan struct{}, runtime.GOMAXPROCS(0)), right: make(map[[32]byte]struct{})}
	_, _ = rand.Read(c.key[:]) // never fails since Go 1.24
	return c
}

// Matches tells whether a secret is the one of a hash; its error is the context's, when no place was free so long.
func (c *Checker) Matches(ctx context.Context, h Hash, secret string) (bool, error) {
	return c.MatchesIf(ctx, h, secret, func() error { return nil })
}

// MatchesIf is Matches for callers who may be told to stop by the time there is a place: the error of may is given back.
func (c *Checker) MatchesIf(ctx context.Context, h Hash, secret string, may func() error) (bool, error) {
	if c.Known(h.text, secret) {
		return true, nil
	}
	leave, err := c.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	if err := may(); err != nil {
		return false, err
	}
	if !h.Matches(secret) {
		return false, nil
	}
	c.remember(h.text, secret)
	return true, nil
}

// Make hashes a secret as the function Make does.
func (c *Checker) Make(ctx context.Context, secret string) (string, error) {
	leave, err := c.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	made := Make(secret)
	c.remember(made, secret)
	return made, nil
}

// Known tells whether a secret was found right before.
func (c *Checker) Known(hash, secret string) bool {
	sum := c.mac(hash, secret)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.right[sum]
	return ok
}

func (c *Checker) remember(hash, secret string) {
	sum := c.mac(hash, secret)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.right) >= maxRemembered {
		clear(c.right)
	}
	c.right[sum] = struct{}{}
}

func (c *Checker) mac(hash, secret string) (sum [32]byte) {
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write([]byte(hash))
	mac.Write([]byte{0})
	mac.Write([]byte(secret))
	mac.Sum(sum[:0])
	return sum
}

func (c *Checker) enter(ctx context.Context) (leave func(), err error) {
	select {
	case c.places <- struct{}{}:
		return func() { <-c.places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
