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
//
// While others wait, a right try leaves its place in the count to the next one, with the turn, instead of taking it back. So
// however many right ones come at once, the count is written once, and none waits until the session of the one before is stored.
type turns struct {
	mu   sync.Mutex
	busy map[Account]*door
}

// A door is where the tries at one account wait.
type door struct {
	free   chan Stamp // has a value while nobody has the turn: what the last one left
	wanted int        // by how many, the one who has it included
}

// A turn is a try's time alone at an account.
type turn struct {
	of      *turns
	account Account
	at      *door
	left    bool

	// place is the count as it is stored with this try in it and no other, while no password was found wrong for it. Zero: there
	// is none. Whoever takes it over looks whether the count is still that one.
	place Stamp
}

func newTurns() *turns { return &turns{busy: make(map[Account]*door)} }

// enter waits for the turn at an account. It must be left.
func (t *turns) enter(ctx context.Context, a Account) (*turn, error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	own := &turn{of: t, account: a, at: t.want(a)}
	select {
	case own.place = <-own.at.free:
		return own, nil
	case <-ctx.Done():
		t.unwant(a)
		return nil, &core.Error{
			Code: core.TemporarilyUnavailable, Detail: "Too many sign-ins with this username at once; try again in a moment.", RetryAfter: time.Second, Err: ctx.Err(),
		}
	}
}

func (t *turns) want(a Account) *door {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.busy[a]
	if at == nil {
		at = &door{free: make(chan Stamp, 1)}
		at.free <- Stamp{}
		t.busy[a] = at
	}
	at.wanted++
	return at
}

// unwant is for who does not want the turn any more.
func (t *turns) unwant(a Account) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[a].wanted--; t.busy[a].wanted == 0 {
		delete(t.busy, a)
	}
}

// leave ends the turn, if it was not handed on.
func (t *turn) leave() {
	if !t.left {
		t.of.unwant(t.account)
		t.left = true
		t.at.free <- t.place
	}
}

// handOn ends the turn of a right try early if it has a place in the count to leave and somebody waits to take it over. Should
// nobody do so after all, the place stays counted, as that of a wrong one.
func (t *turn) handOn() bool {
	if t.place == (Stamp{}) || !t.of.wantedByOthers(t.at) {
		return false
	}
	t.leave()
	return true
}

func (t *turns) wantedByOthers(at *door) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return at.wanted > 1
}
