package bff

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// flights lets one renewal of a session be under way at a time.
type flights struct {
	mu    sync.Mutex
	under map[core.SecretHash]*flight
}

type flight struct {
	done   chan struct{}
	tokens Tokens
	err    error
}

// do calls renew, or waits for who is calling it already.
func (f *flights) do(ctx context.Context, hash core.SecretHash, renew func() (Tokens, error)) (Tokens, error) {
	f.mu.Lock()
	if under := f.under[hash]; under != nil {
		f.mu.Unlock()
		select {
		case <-under.done:
			return under.tokens, under.err
		case <-ctx.Done():
			return Tokens{}, ctx.Err()
		}
	}
	mine := &flight{done: make(chan struct{}), err: errLost}
	if f.under == nil {
		f.under = make(map[core.SecretHash]*flight)
	}
	f.under[hash] = mine
	f.mu.Unlock()
	defer func() { // whatever happens, nobody waits for ever
		f.mu.Lock()
		delete(f.under, hash)
		f.mu.Unlock()
		close(mine.done)
	}()
	mine.tokens, mine.err = renew()
	return mine.tokens, mine.err
}

var errLost = errors.New("the renewal of the tokens was broken off")

// forceEvery is how often a page may have the tokens of a session renewed before they are due: no page shall hammer the issuer.
const forceEvery = 5 * time.Second

// A pace lets each session through once in forceEvery. It holds those of the last turn and of the one before.
type pace struct {
	mu     sync.Mutex
	turned time.Time
	recent map[core.SecretHash]time.Time
	before map[core.SecretHash]time.Time
}

func (p *pace) allows(hash core.SecretHash, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.turned) >= forceEvery {
		p.recent, p.before, p.turned = make(map[core.SecretHash]time.Time), p.recent, now
	}
	for _, held := range []map[core.SecretHash]time.Time{p.recent, p.before} {
		if at, ok := held[hash]; ok && now.Sub(at) < forceEvery {
			return false
		}
	}
	p.recent[hash] = now
	return true
}
