package login

import (
	"context"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// turns lets the tries at one account come one after the other. A try is counted before its password is compared, and a right one
// takes that back only when its session is stored; so right ones that came at once would close the account for each other. Other
// processes are not seen here: what holds them together is the count.
type turns struct {
	mu   sync.Mutex
	busy map[Account]*turn
}

// A turn is the place at one account, and how many want it.
type turn struct {
	place  chan struct{}
	wanted int
}

func newTurns() *turns { return &turns{busy: make(map[Account]*turn)} }

// enter waits for the turn at an account; leave gives it on.
func (t *turns) enter(ctx context.Context, a Account) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	own := t.want(a)
	select {
	case own.place <- struct{}{}:
		return func() { <-own.place; t.unwant(a) }, nil
	case <-ctx.Done():
		t.unwant(a)
		return nil, &core.Error{
			Code: core.TemporarilyUnavailable, Detail: "Too many sign-ins with this username at once; try again in a moment.", RetryAfter: time.Second, Err: ctx.Err(),
		}
	}
}

func (t *turns) want(a Account) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.busy[a]
	if own == nil {
		own = &turn{place: make(chan struct{}, 1)}
		t.busy[a] = own
	}
	own.wanted++
	return own
}

func (t *turns) unwant(a Account) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[a].wanted--; t.busy[a].wanted == 0 {
		delete(t.busy, a)
	}
}
