package registration

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Why a client goes.
const (
	NeverUsed = "never_used"
	Idle      = "idle"
)

// ReaperStore finds the clients that may have to go.
type ReaperStore interface {
	// Aged gives a page of the clients that registered themselves, oldest first, with their uses. A cursor is opaque: "" starts,
	// and "" ends.
	Aged(ctx context.Context, cursor string, limit int) (page []Stored, next string, err error)
	// Tracked says since when uses are written down without a gap, which is from now on when they were not; none says that they
	// are not any more.
	Tracked(ctx context.Context, now time.Time) (since time.Time, err error)
	Untracked(ctx context.Context) error
}

// A Reaper removes clients that nobody uses, by the site's rules. Each goes down the road as a deletion by the system: policy and
// plugins can keep it, and the ledger tells of it. What an operator registered is left alone, and so are clients that are not
// active, that were issued something that is still good, or that were changed of late.
//
// It walks through the clients in the order of their registration. A row for each that says when it is due would be one more key in
// every registration, where keys are what costs, and would know nothing of rules that are set later; a walk reads a client once a pass.
type Reaper struct {
	desk  *Desk
	store ReaperStore
	uses  *Uses
	own   func(ctx context.Context) (core.ClientID, error)
	tell  func(Reaped)
}

// NewReaper makes a Reaper.
func NewReaper(desk *Desk, store ReaperStore, uses *Uses) *Reaper {
	return &Reaper{desk: desk, store: store, uses: uses, own: func(context.Context) (core.ClientID, error) { return "", nil }, tell: func(Reaped) {}}
}

// Tell has the reaper tell of every client that it tried to remove, whoever wanted it so. It is called before anything is reaped.
func (r *Reaper) Tell(tell func(Reaped)) { r.tell = tell }

// Reasons lists why clients go.
func Reasons() []string { return []string{NeverUsed, Idle} }

// Spare has the reaper leave the client alone that this server's own backend has. It is called before anything is reaped.
func (r *Reaper) Spare(own func(ctx context.Context) (core.ClientID, error)) { r.own = own }

// A Reaped is one client that nobody uses.
type Reaped struct {
	Client   Stored
	Why      string          // NeverUsed or Idle
	Since    time.Time       // since when it stands unused, for all that is known
	Decision core.DecisionID // of its removal; empty: it was not tried
	Err      error           // why it stays; nil: it is gone, or was not tried
}

// A Reaping is what came of a look at some clients.
type Reaping struct {
	Looked int      // at so many
	Found  []Reaped // that nobody uses
	Next   string   // where to go on; "" at the end
}

// Rules tells whether the site has any by which clients go.
func (r *Reaper) Rules() bool { return r.desk.Site().Lifetime.reaps() }

// Every is how often to look at all clients; 0: only when somebody asks.
func (r *Reaper) Every() time.Duration { return r.desk.Site().Lifetime.ReapEvery }

// Look looks at the next clients, oldest first, at most as many as the site says, and finds those that nobody uses. It removes
// none.
func (r *Reaper) Look(ctx context.Context, cursor string) (Reaping, error) {
	return r.pass(ctx, cursor, func(*Reaped) {})
}

// Reap is Look, and removes what it finds; by is the operator who wants it so, empty when nobody does but the site's rules.
func (r *Reaper) Reap(ctx context.Context, cursor string, by core.Subject) (Reaping, error) {
	return r.pass(ctx, cursor, func(found *Reaped) {
		r.remove(ctx, found, by)
		r.tell(*found)
	})
}

// agedPage is how many clients are read at once.
const agedPage = 100

func (r *Reaper) pass(ctx context.Context, cursor string, take func(*Reaped)) (Reaping, error) {
	own, reaping := r.desk.Site().Lifetime, Reaping{Found: []Reaped{}, Next: cursor}
	tracked, err := r.tracked(ctx, own)
	if err != nil || !own.reaps() || !own.TrackUse {
		return Reaping{Found: []Reaped{}}, err
	}
	ours, err := r.own(ctx)
	if err != nil {
		return Reaping{Found: []Reaped{}}, err
	}
	for reaping.Looked < int(own.ReapBatch) {
		page, next, err := r.store.Aged(ctx, reaping.Next, min(agedPage, int(own.ReapBatch)-reaping.Looked))
		if err != nil {
			return reaping, err
		}
		for _, s := range page {
			if found, goes := own.unused(s, tracked, r.desk.now()); goes && s.Client.ID != ours && !r.uses.waits(s.Client.ID) {
				take(&found)
				reaping.Found = append(reaping.Found, found)
			}
		}
		reaping.Looked += len(page)
		if reaping.Next = next; next == "" {
			return reaping, nil
		}
	}
	return reaping, nil
}

// Track keeps it known since when uses are written down: they count from then on only.
func (r *Reaper) Track(ctx context.Context) error {
	_, err := r.tracked(ctx, r.desk.Site().Lifetime)
	return err
}

func (r *Reaper) tracked(ctx context.Context, own SiteLifetime) (time.Time, error) {
	if !own.TrackUse {
		return time.Time{}, r.store.Untracked(ctx)
	}
	if err := r.uses.Flush(ctx); err != nil {
		return time.Time{}, err
	}
	return r.store.Tracked(ctx, r.desk.now())
}

// unused tells whether nobody uses a client, by rules that count from its last change on, and from when uses were tracked.
func (l SiteLifetime) unused(s Stored, tracked, now time.Time) (Reaped, bool) {
	c := &s.Client
	if s.State != core.Active || c.Provenance.Channel != core.ChannelDCR || c.ExpiredAt(now) || s.Use.lives(now) {
		return Reaped{}, false
	}
	since := later(later(c.IssuedAt, c.UpdatedAt), tracked)
	never := s.Use.Last.IsZero()
	if !never {
		since = later(since, s.Use.Last.Add(UseInterval)) // it may have been used until then
	}
	unused := now.Sub(since)
	switch {
	case never && l.NeverUsed > 0 && unused >= l.NeverUsed:
		return Reaped{Client: s, Why: NeverUsed, Since: since}, true
	case l.Idle > 0 && unused >= l.Idle:
		return Reaped{Client: s, Why: Idle, Since: since}, true
	}
	return Reaped{}, false
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// remove sends the deletion of a client down the road.
func (r *Reaper) remove(ctx context.Context, found *Reaped, by core.Subject) {
	found.Decision = core.NewDecisionID(r.desk.now())
	_, found.Err = r.desk.Do(ctx, Request{
		Operation: core.Delete, Channel: core.ChannelSystem, ClientID: found.Client.Client.ID, Decision: found.Decision,
		Credential: Credential{Operator: by}, Unused: &found.Client.Use, Reason: found.Why,
	})
}
