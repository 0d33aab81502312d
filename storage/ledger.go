package storage

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/seal"
)

// Retention says how long the ledger keeps what. Zero keeps for ever.
type Retention struct {
	Accepted time.Duration // entries of stored and deleted clients
	Refused  time.Duration // all others
	Input    time.Duration // the sealed policy inputs that replay needs
}

// DefaultRetention keeps accepted entries for ever, refused ones for 90 days and policy inputs for 30.
func DefaultRetention() Retention {
	return Retention{Refused: 90 * 24 * time.Hour, Input: 30 * 24 * time.Hour}
}

// Ledger keeps entries, their policy inputs (sealed) and the rows of their shaping. Entries are in time order by id.
type Ledger struct {
	engine    Engine
	now       func() time.Time
	retention Retention
	entries   Table[ledger.Entry]
	inputs    Table[document]
	shaping   Table[stagesForm]
	byClient  Table[struct{}]
}

var _ ledger.Store = Ledger{}

// NewLedger opens the ledger of one issuer.
func NewLedger(engine Engine, issuer core.IssuerID, ring *seal.Ring, retention Retention, now func() time.Time) Ledger {
	id := string(issuer)
	return Ledger{
		engine: engine, now: now, retention: retention,
		entries:  NewTable[ledger.Entry](engine, id, "ledger", 1).Packed(),
		inputs:   NewTable[document](engine, id, "ledger_input", 1).Packed().Sealed(ring),
		shaping:  NewTable[stagesForm](engine, id, "ledger_shaping", 1).Packed(),
		byClient: NewTable[struct{}](engine, id, "ledger_by_client", 1),
	}
}

// plan adds an entry to an Apply.
func (l Ledger) plan(p *plan, e ledger.Entry) {
	expires := l.expires(l.retention.Refused)
	if e.Outcome == ledger.Stored || e.Outcome == ledger.Deleted {
		expires = l.expires(l.retention.Accepted)
	}
	id := string(e.DecisionID)
	p.made(l.entries.Put(e, expires, id))
	if e.ClientID != "" {
		p.add(Put(l.byClient.Key(string(e.ClientID), id), nil, expires))
	}
	if len(e.Input) > 0 {
		p.made(l.inputs.Put(e.Input, l.expires(l.retention.Input), id))
	}
}

func (l Ledger) expires(after time.Duration) time.Time {
	if after == 0 {
		return time.Time{}
	}
	return l.now().Add(after)
}

// Append stores entries and shaping rows that no commit carried, in as few Applies as they fit. One that cannot be stored
// takes at most those of its own Apply with it.
func (l Ledger) Append(ctx context.Context, entries []ledger.Entry, shaped map[core.DecisionID][]ledger.Stage) error {
	var batch plan
	var failed error
	add := func(next plan) {
		if !batch.fits(next) {
			failed = errors.Join(failed, batch.apply(ctx, l.engine))
			batch = plan{}
		}
		batch.join(next)
	}
	for _, e := range entries {
		var next plan
		l.plan(&next, e)
		add(next)
	}
	for id, rows := range shaped {
		var next plan
		next.made(l.shaping.Put(rows, l.expires(l.retention.Refused), string(id)))
		add(next)
	}
	return errors.Join(failed, batch.apply(ctx, l.engine))
}

// Entry gives one entry with its input and shaping; false when there is none, or none any more.
func (l Ledger) Entry(ctx context.Context, id core.DecisionID) (ledger.Entry, bool, error) {
	key := string(id)
	if len(key) > longestID {
		return ledger.Entry{}, false, nil
	}
	records, err := l.engine.Get(ctx, l.entries.Key(key), l.inputs.Key(key), l.shaping.Key(key))
	if err != nil || records[0].Version.IsZero() {
		return ledger.Entry{}, false, asError(err)
	}
	entry, err := l.entries.Decode(records[0])
	if err != nil {
		return ledger.Entry{}, false, err
	}
	input, err := l.inputs.Decode(records[1])
	if err != nil {
		return ledger.Entry{}, false, err
	}
	entry.Input = input
	entry.Shaping, err = l.shaping.Decode(records[2])
	return entry, err == nil, err
}

// Entries gives a page of entries, newest first, of one client or of all (empty id), without their inputs and shaping.
func (l Ledger) Entries(ctx context.Context, client core.ClientID, after core.DecisionID, limit int) ([]ledger.Entry, error) {
	if err := afterID(string(after)); err != nil || len(client) > longestID {
		return nil, err
	}
	if client != "" {
		return l.history(ctx, client, after, limit)
	}
	page := Range{Prefix: l.entries.Prefix(), Limit: limit, Reverse: true}
	if after != "" {
		page.After = l.entries.Key(string(after))
	}
	rows, err := l.engine.Scan(ctx, page)
	if err != nil {
		return nil, asError(err)
	}
	return l.decode(make([]ledger.Entry, 0, len(rows)), rows)
}

func (l Ledger) history(ctx context.Context, client core.ClientID, after core.DecisionID, limit int) ([]ledger.Entry, error) {
	page := Range{Prefix: l.byClient.Prefix(string(client)), Limit: limit, Reverse: true}
	if after != "" {
		page.After = l.byClient.Key(string(client), string(after))
	}
	rows, err := l.engine.Scan(ctx, page)
	if err != nil {
		return nil, asError(err)
	}
	var entries []ledger.Entry
	for some := range slices.Chunk(rows, MaxGet) {
		keys := make([]Key, len(some))
		for i, row := range some {
			parts := row.Key.Parts()
			keys[i] = l.entries.Key(parts[len(parts)-1])
		}
		records, err := l.engine.Get(ctx, keys...)
		if err != nil {
			return nil, asError(err)
		}
		if entries, err = l.decode(entries, records); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// decode adds the entries of the records that there are.
func (l Ledger) decode(entries []ledger.Entry, records []Record) ([]ledger.Entry, error) {
	for _, r := range records {
		if r.Version.IsZero() {
			continue
		}
		e, err := l.entries.Decode(r)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}
