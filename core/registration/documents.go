package registration

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Registrants finds clients that are stored; the zero Registered when there is none.
type Registrants interface {
	Registered(ctx context.Context, id core.ClientID) (core.Registered, error)
}

// What a look at a client's document came to, as Documents tells whoever counts.
const (
	DocumentAccepted    = "accepted"
	DocumentRefused     = "refused"
	DocumentUnreachable = "unreachable"
	DocumentLimited     = "limited"
)

// DocumentResults lists them.
func DocumentResults() []string {
	return []string{DocumentAccepted, DocumentRefused, DocumentUnreachable, DocumentLimited}
}

// Documents finds clients, stored ones and those that are described by a document at their client_id. A document is judged like a
// registration when it is first seen, when it was fetched again, and when policy or site have changed; in between the verdict is
// remembered. Nothing is stored but a ledger entry when a verdict is another one than before. It is safe for concurrent use.
type Documents struct {
	desk   *Desk
	stored Registrants
	seen   func(result string)
	shelf  *shelf
	pace   *pace
}

// NewDocuments puts documents before what is stored. seen is told of every look at a document; nil: nobody.
func NewDocuments(desk *Desk, stored Registrants, seen func(result string)) *Documents {
	if seen == nil {
		seen = func(string) {}
	}
	return &Documents{desk: desk, stored: stored, seen: seen, shelf: newShelf(maxDescribed, maxRefused), pace: newPace()}
}

const (
	maxDescribed = 1000             // clients that are remembered
	maxRefused   = 250              // and addresses that have none
	keepRefusal  = 30 * time.Second // how long policy's refusal answers for an address, and that nobody answers there
)

// A described client is what is known of one address. Who holds turn may change it; standing may be read by all.
type described struct {
	turn     chan struct{}
	standing atomic.Pointer[standing]
}

// A standing is a verdict on a document.
type standing struct {
	client  core.Registered
	refused *core.Error // nil: client counts
	body    []byte      // nil: it could not be had
	until   time.Time   // when it must be fetched again
	latest  time.Time   // until when it counts while it cannot be reached
	lately  time.Time   // until when a refusal that is not remembered tells who looks after tokens that there is no client
	basis   basis
	sum     string // of all that the verdict says, to know another one by
}

// counts tells whether the verdict still does: the document is fresh, the site is the same, and policy would say the same.
func (s *standing) counts(site *Site, now time.Time) bool {
	switch {
	case !now.Before(s.until):
		return false
	case s.body == nil:
		return true // there is nothing to judge
	}
	return s.basis.site == site && s.basis.holds != nil && s.basis.holds()
}

// Registered gives a client; the zero Registered when there is none, or none whose document is accepted. An error says that it is
// not known. Many may ask whether a client that was given tokens still stands: one look at a document that is none any more serves
// them all for a while.
func (d *Documents) Registered(ctx context.Context, id core.ClientID) (core.Registered, error) {
	if s := d.shelf.look(id); s != nil && d.desk.now().Before(s.lately) && s.basis.site == d.desk.Site() {
		return core.Registered{}, nil
	}
	found, err := d.Explained().Registered(ctx, id)
	if core.CodeOf(err) == core.InvalidClient {
		return core.Registered{}, nil
	}
	return found, err
}

// Explained is Documents for who brings a client_id along: it is told, as invalid_client, why a document is not accepted.
func (d *Documents) Explained() Explained { return Explained{d} }

// Explained gives reasons where Documents gives none.
type Explained struct{ documents *Documents }

// Registered gives a client, or says what is wrong with its document. Of a stored one there is nothing to say.
func (e Explained) Registered(ctx context.Context, id core.ClientID) (core.Registered, error) {
	d := e.documents
	site := d.desk.Site()
	switch {
	case !id.IsDocument():
		return d.stored.Registered(ctx, id)
	case !site.Documents.IsOn():
		return core.Registered{}, nil // an id like any other that nobody has
	}
	if err := site.Documents.unfit(id); err != nil { // costs nobody anything, so it is not remembered
		return core.Registered{}, unusable(core.AsError(err))
	}
	now := d.desk.now()
	known := d.shelf.place(id)
	s := known.standing.Load()
	if s == nil || !s.counts(site, now) {
		var err error
		if s, err = d.look(ctx, id, known, s); err != nil {
			return core.Registered{}, err
		}
	}
	return s.client, s.refusal()
}

// refusal is the refusal for who brings the client_id along; nil: there is none.
func (s *standing) refusal() error {
	if s.refused == nil {
		return nil
	}
	return unusable(s.refused)
}

// unusable words what is wrong with a document. What is a fault of ours, or passes, is left as it is.
func unusable(e *core.Error) error {
	if ours(e.Code) {
		return e
	}
	return &core.Error{
		Code: core.InvalidClient, Detail: "The client cannot be used here. " + e.Detail, Reasons: e.Reasons, Decision: e.Decision, Err: e,
	}
}

func tooMany(wait time.Duration) error {
	return &core.Error{Code: core.TooManyRequests, RetryAfter: wait, Detail: "Too many clients that are not known here have come lately. Try again in a moment."}
}

func hostOf(id core.ClientID) string { return oauth.ParseURI(string(id)).Host }

// look judges the document, one caller at a time: those who waited find what the first one found, also when that is not remembered.
// last is what was known before they waited.
func (d *Documents) look(ctx context.Context, id core.ClientID, known *described, last *standing) (*standing, error) {
	select {
	case known.turn <- struct{}{}:
		defer func() { <-known.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	site, now, before := d.desk.Site(), d.desk.now(), known.standing.Load()
	if before != nil && (before.counts(site, now) || before != last && before.refused != nil) {
		return before, nil
	}
	var kept fetched
	paced := false
	switch {
	case before != nil && now.Before(before.until):
		kept.body = before.body // only the rules have changed
	case before == nil || before.refused != nil: // a stranger's
		if wait := d.pace.wait(hostOf(id), now); wait > 0 {
			d.seen(DocumentLimited)
			return nil, tooMany(wait)
		}
		paced = true
	}
	found, entry, err := d.judge(ctx, id, kept)
	if paced && err == nil {
		d.pace.good(hostOf(id))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err() // who asked has gone: that says nothing about the document
	case err != nil && ours(core.CodeOf(err)) && found.body != nil:
		d.desk.book.Record(entry)
		return nil, err // our fault, and not for the next one
	}
	switch {
	case kept.body != nil:
		found.until, found.latest = earlier(found.until, before.until), before.latest
	case found.result() == DocumentUnreachable && before != nil && before.refused == nil && now.Before(before.latest):
		d.seen(DocumentUnreachable)
		return d.prolong(known, before, now), nil
	}
	d.keep(id, known, before, found, entry)
	return found, nil
}

// prolong lets an accepted document that cannot be reached count on for a while, but no longer than it may be kept at all.
func (d *Documents) prolong(known *described, s *standing, now time.Time) *standing {
	longer := *s
	longer.until = earlier(now.Add(keepRefusal), s.latest)
	known.standing.Store(&longer)
	return &longer
}

// judge takes the document down the road.
func (d *Documents) judge(ctx context.Context, id core.ClientID, kept fetched) (*standing, ledger.Entry, error) {
	now := d.desk.now()
	j := d.desk.begin(Request{Operation: core.Register, Channel: core.ChannelDocument, ClientID: id, Decision: core.NewDecisionID(now)})
	j.fetched = kept
	approved, entry, err := j.walk(ctx)
	j.tell(&entry, err)
	s := &standing{body: j.fetched.body, until: now.Add(keepRefusal), basis: basis{site: j.site, holds: j.verdict.Holds}}
	if err != nil {
		s.refused = core.AsError(err)
		s.sum = string(s.refused.Code) + " " + s.refused.Detail
		if j.asking == nil {
			s.basis.holds = func() bool { return true } // it never came as far as policy
			if s.body != nil || errors.Is(err, ErrAnswered) {
				s.until = now // an answer that is no document, or no good one, is not kept
				if !ours(s.refused.Code) {
					s.lately = now.Add(keepRefusal)
				}
			}
		}
		return s, entry, err
	}
	client := approved.Client()
	s.client = core.Registered{Client: client, State: core.Active}
	s.until = now.Add(min(max(j.fetched.fresh, j.site.Documents.CacheMin), j.site.Documents.CacheMax))
	s.until, s.latest = earlier(s.until, client.Expires), earlier(now.Add(j.site.Documents.CacheMax), client.Expires)
	s.sum = sumOf(&client)
	return s, entry, nil
}

// sumOf says what a client is and what it is held to.
func sumOf(c *core.Client) string {
	governed := strictjson.Strings(append([]string{c.Governance.Trust, c.Provenance.Profile}, c.Governance.Labels...))
	sum := metadata.Document(&c.Metadata).String() + governed.String()
	for _, o := range c.Governance.Obligations {
		sum += o.Name + o.Params
	}
	return sum
}

// keep remembers a verdict, and writes it down when it is another one.
func (d *Documents) keep(id core.ClientID, known *described, before, found *standing, entry ledger.Entry) {
	d.seen(found.result())
	switch {
	case before == nil:
		d.desk.book.Record(entry)
	case before.sum != found.sum:
		entry.Stages = append(entry.Stages, changeOf(before, found))
		d.desk.book.Record(entry)
	case found.refused != nil: // the same again: the first entry explains it
		found.refused = before.refused
	default:
		found.client.Client.Provenance = before.client.Client.Provenance
	}
	known.standing.Store(found)
	d.shelf.mark(id, found.refused == nil)
}

func (s *standing) result() string {
	switch {
	case s.refused == nil:
		return DocumentAccepted
	case s.body == nil && s.refused.Code == core.TemporarilyUnavailable:
		return DocumentUnreachable
	}
	return DocumentRefused
}

// changeOf is the row of an entry that tells of a verdict unlike the last one.
func changeOf(before, now *standing) ledger.Stage {
	reason := core.Reason{Rule: "document.changed", Message: "The verdict on the client's metadata document is another one than the last time."}
	if before.refused == nil && now.refused == nil {
		old, client := &before.client.Client, &now.client.Client
		reason.Fields = metadata.Changed(&old.Metadata, &client.Metadata)
		reason.Message = "The client's metadata document, or what is made of it, has changed"
		if len(reason.Fields) > 0 {
			reason.Message += " in " + strings.Join(reason.Fields, ", ")
		}
		reason.Message += "."
		if old.Generation != client.Generation {
			reason.Message += " What people allowed the client before is void: they are asked again."
		}
	}
	return ledger.Stage{Stage: "change", By: ledger.By{Kind: "core"}, Reasons: []core.Reason{reason}}
}

var (
	_ Registrants = (*Documents)(nil)
	_ Registrants = Explained{}
)
