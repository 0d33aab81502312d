package registration

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// RecallStore lists clients.
type RecallStore interface {
	Page(ctx context.Context, f Filter, cursor string, limit int) (page []Stored, next string, err error)
}

// A Recall disables the clients that were made from software statements which their issuer has taken back. Each goes down the road
// as a change of state by the system, with an entry of its own. It keeps nothing: after a restart it looks again, and who is
// disabled already is left alone. Nobody is enabled again by it.
type Recall struct {
	desk  *Desk
	store RecallStore
	next  map[string]time.Time // when an issuer's clients are looked at again
	from  map[string]string    // and from where on, when nobody could be asked about too many of them

	mu   sync.Mutex
	last map[string]Look // at an issuer's clients
}

// NewRecall makes a Recall. One goroutine may look at clients; any may ask what came of it.
func NewRecall(desk *Desk, store RecallStore) *Recall {
	return &Recall{desk: desk, store: store, next: map[string]time.Time{}, from: map[string]string{}, last: map[string]Look{}}
}

// A Recalled is what came of a look at clients.
type Recalled struct {
	Looked   int
	Disabled []core.ClientID
	Failed   []error // why a client could not be judged or disabled, or an issuer not be asked; it is tried again

	unknown int // of these, because nobody could be asked
}

// Due looks at the clients of those issuers whose time has come.
func (r *Recall) Due(ctx context.Context) (done Recalled) {
	site := r.desk.Site()
	for _, t := range site.TrustedIssuers {
		if !t.recalls() || ctx.Err() != nil {
			continue
		}
		now := r.desk.now()
		if now.Before(r.next[t.Issuer]) {
			continue
		}
		done.unknown = 0
		before := done
		r.look(ctx, t, &done)
		r.note(t.Issuer, now, before, done)
		r.next[t.Issuer] = now.Add(t.Terms.Revocation.every())
		if done.unknown > 0 {
			r.next[t.Issuer] = now.Add(revocationPause)
		}
	}
	return done
}

const recallPage = 2 * maxUnknown

// look goes through an issuer's clients. When too little can be known it leaves off, and goes on there the next time: some of whom the
// issuer knows nothing do not keep it from those after them.
func (r *Recall) look(ctx context.Context, t TrustedIssuer, done *Recalled) {
	filter := Filter{StatementIssuer: t.Issuer}
	if t.isPattern() {
		filter.StatementIssuer = ""
	}
	cursor := r.from[t.Issuer]
	delete(r.from, t.Issuer)
	for {
		page, next, err := r.store.Page(ctx, filter, cursor, recallPage)
		if err != nil {
			done.Failed = append(done.Failed, err)
			done.unknown++
			return
		}
		for _, s := range page {
			if !r.desk.Site().isOf(t, s) {
				continue
			}
			done.Looked++
			if r.judge(ctx, t, s, done); ctx.Err() != nil {
				return
			}
		}
		if cursor = next; next == "" {
			return
		}
		if done.unknown >= maxUnknown {
			r.from[t.Issuer] = cursor
			return
		}
	}
}

// maxUnknown ends a look at the clients of an issuer that cannot be asked.
const maxUnknown = 10

// isOf tells the clients that can still be used, and that were made from statements of an issuer for which this entry stands.
func (s *Site) isOf(t TrustedIssuer, c Stored) bool {
	issuer := c.Client.Provenance.StatementIssuer
	return c.State != core.Disabled && issuer != "" &&
		slices.ContainsFunc(s.issuers(ForStatements, issuer), func(by TrustedIssuer) bool { return by.Issuer == t.Issuer })
}

// judge disables a client whose statement was taken back. What keeps it from being disabled, such as policy, does so until the next
// look.
func (r *Recall) judge(ctx context.Context, t TrustedIssuer, s Stored, done *Recalled) {
	statement := s.Client.Metadata.SoftwareStatement
	_, claims, err := jose.Peek(statement, maxStatement)
	if err != nil {
		return // it holds none any more
	}
	why, err := r.desk.revoked.why(ctx, t.Terms.Revocation, statement, claims)
	if err != nil {
		done.Failed = append(done.Failed, err)
		done.unknown++
		return
	}
	if why == "" {
		return
	}
	_, err = r.desk.Do(ctx, Request{
		Operation: core.Disable, Channel: core.ChannelSystem, ClientID: s.Client.ID, Decision: core.NewDecisionID(r.desk.now()),
		IfMatch: []string{s.Tag()}, // it may just have brought another statement
		Reason:  "Its software statement was revoked by its issuer (" + why + ").",
	})
	if err != nil {
		done.Failed = append(done.Failed, err)
		return
	}
	done.Disabled = append(done.Disabled, s.Client.ID)
}
