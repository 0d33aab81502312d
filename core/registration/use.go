package registration

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// UseInterval is how exactly it is known when a client was used: it is written down once in so long a time.
const UseInterval = time.Hour

// A Use is what is known of when a client was used. It is coarse, and what a server that was killed had not written down is lost.
type Use struct {
	Last  time.Time // zero: never, as far as known
	Until time.Time // when the last of what was issued to it ends; zero: nothing is known of
	Stamp Stamp     // zero: nothing is known at all
}

// lives tells whether something that was issued to the client may still be good.
func (u Use) lives(now time.Time) bool {
	return !u.Until.IsZero() && now.Before(u.Until.Add(UseInterval))
}

// UseStore writes down when clients were used.
type UseStore interface {
	// NoteUse writes down that a client was used, and until when what it was issued is good. It is no error when there is no such
	// client any more, or when it is changed at the same moment.
	NoteUse(ctx context.Context, id core.ClientID, last, until time.Time) error
}

// maxNoted is how many clients are remembered to have been written down. Beyond it all begins anew, with more writes than needed.
const maxNoted = 100_000

// Uses takes note of clients that are used, without a write in the way of their requests. It is safe for concurrent use.
type Uses struct {
	desk  *Desk
	store UseStore

	mu      sync.Mutex
	noted   map[core.ClientID]noted
	waiting map[core.ClientID]noted
	renewed map[core.ClientID]time.Time // when a renewal was last thought of
	due     map[core.ClientID]bool      // whose lifetime is to be renewed
}

type noted struct{ last, until time.Time }

// NewUses begins to take notes. Flush writes them down.
func NewUses(desk *Desk, store UseStore) *Uses {
	u := &Uses{desk: desk, store: store}
	u.forget()
	return u
}

func (u *Uses) forget() {
	u.noted, u.waiting = make(map[core.ClientID]noted), make(map[core.ClientID]noted)
	u.renewed, u.due = make(map[core.ClientID]time.Time), make(map[core.ClientID]bool)
}

// Note says that a client was used just now, and until when what it was issued is good; zero: nothing was.
func (u *Uses) Note(c *core.Client, until time.Time) {
	site, now := u.desk.Site(), u.desk.now()
	if !site.Lifetime.TrackUse {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.noted) >= maxNoted {
		clear(u.noted)
		clear(u.renewed)
	}
	if site.Lifetime.Renew && c.Life.Renewable(now, c.IssuedAt) && now.Sub(u.renewed[c.ID]) >= min(UseInterval, c.Life.Lasts/4) {
		u.renewed[c.ID], u.due[c.ID] = now, true
	}
	before := u.noted[c.ID]
	if now.Sub(before.last) < UseInterval && until.Sub(before.until) < UseInterval {
		return
	}
	if until.Before(before.until) {
		until = before.until
	}
	u.noted[c.ID], u.waiting[c.ID] = noted{now, until}, noted{now, until}
}

// waits tells whether a client was used since the last Flush.
func (u *Uses) waits(id core.ClientID) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, waits := u.waiting[id]
	return waits
}

// Flush writes down what was noted. What cannot be written is lost: it is noted again when the client is used again.
func (u *Uses) Flush(ctx context.Context) error {
	u.mu.Lock()
	waiting, due := u.waiting, u.due
	u.waiting, u.due = make(map[core.ClientID]noted), make(map[core.ClientID]bool)
	u.mu.Unlock()
	var errs []error
	for id := range due { // first, so that the note lives as long as the client
		errs = append(errs, u.renew(ctx, id))
	}
	for id, n := range waiting {
		errs = append(errs, u.store.NoteUse(ctx, id, n.last, n.until))
	}
	return errors.Join(errs...)
}

// renew sends the renewal of a client's lifetime down the road. A refusal is no fault: the entry has it.
func (u *Uses) renew(ctx context.Context, id core.ClientID) error {
	_, err := u.desk.Do(ctx, Request{
		Operation: core.Renew, Channel: core.ChannelSystem, ClientID: id, Decision: core.NewDecisionID(u.desk.now()),
	})
	if ours(core.CodeOf(err)) {
		return err
	}
	return nil
}
