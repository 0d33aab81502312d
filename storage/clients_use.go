package storage

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

var (
	_ registration.UseStore    = (*Clients)(nil)
	_ registration.ReaperStore = (*Clients)(nil)
)

// useForm is when a client was used. It is a record of its own, so that writing it down changes nothing that anybody waits for.
type useForm struct {
	Last  time.Time `json:"last,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// sinceForm is since when uses are written down without a gap.
type sinceForm struct {
	Since time.Time `json:"since"`
}

// NoteUse writes down that a client was used. It lives as long as the client.
func (c *Clients) NoteUse(ctx context.Context, id core.ClientID, last, until time.Time) error {
	records, err := c.engine.Get(ctx, c.clients.Key(string(id)), c.uses.Key(string(id)))
	if err != nil || records[0].Version.IsZero() {
		return asError(err)
	}
	before, err := c.uses.Decode(records[1])
	if err != nil {
		return err
	}
	if until.Before(before.Until) {
		until = before.Until
	}
	var p plan
	p.expect(Require(c.clients.Key(string(id)), records[0].Version), errMoved)
	p.made(c.uses.Put(useForm{Last: last, Until: until}, records[0].Expires, string(id)))
	if err := p.apply(ctx, c.engine); !errors.Is(err, errMoved) { // then it is noted when it is used again
		return err
	}
	return nil
}

// Use gives when a client was used; the zero Use when nothing is known.
func (c *Clients) Use(ctx context.Context, id core.ClientID) (registration.Use, error) {
	if id == "" || len(id) > longestID {
		return registration.Use{}, nil
	}
	form, record, err := c.uses.Get(ctx, string(id))
	return registration.Use{Last: form.Last, Until: form.Until, Stamp: registration.Stamp(record.Version)}, asError(err)
}

// planUnused removes what is known of a client's uses. When a deletion rests on that, it must be what it was: an absent record is
// held absent by making one that is gone in a moment.
func (c *Clients) planUnused(p *plan, a registration.Approved) {
	id := string(a.Client().ID)
	use, rests := a.Unused()
	switch {
	case !rests:
		p.add(Delete(c.uses.Key(id), Version{}))
	case use.Stamp != registration.Stamp{}:
		p.expect(Delete(c.uses.Key(id), Version(use.Stamp)), registration.ErrChanged)
	default:
		op, err := c.uses.Insert(useForm{}, c.now().Add(time.Second), id)
		p.madeExpecting(op, err, registration.ErrChanged)
	}
}

// agedPurpose binds a cursor to the list of the oldest clients.
const agedPurpose = "aged clients cursor of "

// Aged gives a page of the clients that registered themselves, oldest first, with their uses.
func (c *Clients) Aged(ctx context.Context, cursor string, limit int) ([]registration.Stored, string, error) {
	purpose, after := agedPurpose+string(c.index.under), Key("")
	if cursor != "" {
		sealed, err := base64.RawURLEncoding.DecodeString(cursor)
		if err == nil {
			var key []byte
			key, err = c.ring.Open(purpose, sealed)
			after = Key(key)
		}
		if err != nil {
			return nil, "", core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
		}
	}
	rows, err := c.engine.Scan(ctx, Range{Prefix: c.index.Prefix(byChannel, string(core.ChannelDCR)), After: after, Limit: limit})
	if err != nil {
		return nil, "", asError(err)
	}
	page := make([]registration.Stored, 0, len(rows))
	for _, row := range rows {
		parts := row.Key.Parts()
		stored, err := c.withUse(ctx, core.ClientID(parts[len(parts)-1]))
		if err != nil {
			return nil, "", asError(err)
		}
		if stored.Client.ID != "" {
			page = append(page, stored)
		}
	}
	if len(rows) < limit {
		return page, "", nil
	}
	return page, base64.RawURLEncoding.EncodeToString(c.ring.Seal(purpose, []byte(rows[len(rows)-1].Key))), nil
}

// withUse gives a client with when it was used.
func (c *Clients) withUse(ctx context.Context, id core.ClientID) (registration.Stored, error) {
	stored, err := c.read(ctx, id)
	if err == nil && stored.Client.ID != "" {
		stored.Use, err = c.Use(ctx, id)
	}
	return stored, err
}

// Tracked says since when uses are written down without a gap: since now when they were not.
func (c *Clients) Tracked(ctx context.Context, now time.Time) (time.Time, error) {
	form, record, err := c.since.Get(ctx, "uses")
	if err != nil || !record.Version.IsZero() {
		return form.Since, asError(err)
	}
	op, err := c.since.Insert(sinceForm{Since: now}, time.Time{}, "uses")
	if err != nil {
		return time.Time{}, err
	}
	err = c.engine.Apply(ctx, op)
	if errors.Is(err, ErrExists) { // somebody was faster, by a moment
		err = nil
	}
	return now, asError(err)
}

// Untracked says that uses are not written down any more.
func (c *Clients) Untracked(ctx context.Context) error {
	key := c.since.Key("uses")
	records, err := c.engine.Get(ctx, key)
	if err != nil || records[0].Version.IsZero() {
		return asError(err)
	}
	return asError(c.engine.Apply(ctx, Delete(key, Version{})))
}
