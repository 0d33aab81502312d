package main

import (
	"context"
	"errors"
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
)

// openJobs opens replay and audit.
func (h *house) openJobs() {
	h.tries = &candidates{engine: h.policy, site: h.desk.Site, data: h.rules.withData, turn: make(chan struct{}, 1)}
	h.jobs = replay.New(h.jobParts())
	h.closers = append(h.closers, func() error { h.jobs.Close(); return nil })
}

func (h *house) jobParts() replay.Parts {
	return replay.Parts{
		Desk: h.desk, Decisions: h.book, Clients: storedClients{store: h.clients}, Candidates: h.tries, Log: h.log, Now: h.now,
	}
}

// storedClients are all clients of the store.
type storedClients struct{ store *storage.Clients }

// Clients implements replay.Clients.
func (c storedClients) Clients(ctx context.Context, cursor string, limit int) ([]replay.Client, string, error) {
	page, next, err := c.store.Page(ctx, registration.Filter{}, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	clients := make([]replay.Client, len(page))
	for i, stored := range page {
		clients[i] = replay.Client{Client: stored.Client, State: stored.State}
	}
	return clients, next, nil
}

// Token implements replay.Clients.
func (c storedClients) Token(ctx context.Context, id core.TokenID) (core.InitialAccessToken, error) {
	held, err := c.store.Token(ctx, id)
	return held.Token, err
}

var _ replay.Clients = storedClients{}

// candidates loads policies that somebody sent to try, one at a time: that costs as much as a start.
type candidates struct {
	engine *policies.Engine
	site   func() *registration.Site
	data   func(files map[string][]byte) map[string][]byte // adds what was declared
	turn   chan struct{}                                   // holds one item while a candidate is loaded
	last   *policies.Aside

	mu   sync.Mutex
	live *policies.Aside
}

// Candidate implements replay.Candidates. The one before is remembered: who tries sends it again and again.
func (c *candidates) Candidate(ctx context.Context, files map[string]string) (replay.Candidate, error) {
	src := policies.Source{Origin: policies.Folder, Files: make(map[string][]byte, len(files)), Site: c.site().Data()}
	for name, text := range files {
		src.Files[name] = []byte(text)
	}
	src.Files = c.data(src.Files)
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return replay.Candidate{}, ctx.Err()
	}
	if c.last != nil && c.last.Revision().IsOf(src) {
		return ready(c.last), nil
	}
	rev, err := c.engine.Candidate(src)
	var load *policies.LoadError
	switch {
	case errors.As(err, &load):
		return replay.Candidate{}, problemsIn(src, load)
	case err != nil:
		return replay.Candidate{}, err
	}
	c.last = c.engine.Aside(rev)
	return ready(c.last), nil
}

// Live implements replay.Candidates.
func (c *candidates) Live() (replay.Candidate, error) {
	rev := c.engine.Active()
	if rev == nil {
		return replay.Candidate{}, core.Refuse(core.PolicyUnavailable, "No usable policy is in force.")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil || c.live.Revision() != rev {
		c.live = c.engine.Aside(rev)
	}
	return ready(c.live), nil
}

// ready is a candidate whose questions all take turns: whoever asks it.
func ready(a *policies.Aside) replay.Candidate {
	rev := a.Revision()
	return replay.Candidate{Revision: rev.ID(), Decide: a.DecideRegistration, Line: rev.Line}
}

var _ replay.Candidates = (*candidates)(nil)

// problemsIn lists what is wrong with a candidate, each with its line.
func problemsIn(src policies.Source, load *policies.LoadError) error {
	bad := &replay.Unusable{}
	for _, p := range load.Problems {
		bad.Problems = append(bad.Problems, replay.Problem{File: p.File, Line: p.Line, Message: p.Message, Source: src.Line(p.File, p.Line)})
	}
	return bad
}

// An explainer tells what entries do not hold: what a client was, from the question that is kept beside an entry, and the lines
// of the rules in force.
type explainer struct{ engine *policies.Engine }

// Before implements admin.Explainer.
func (e explainer) Before(entry ledger.Entry) strictjson.Value {
	if entry.Operation == core.Register {
		return strictjson.Object()
	}
	if len(entry.Input) == 0 {
		return strictjson.Value{}
	}
	kept, err := decision.ParseKept(entry.Input)
	if err != nil { // of another version of the contract
		return strictjson.Value{}
	}
	return metadata.Document(&kept.Before.Metadata)
}

// Line implements admin.Explainer. Lines of another revision may have moved.
func (e explainer) Line(revision, file string, line int) string {
	rev := e.engine.Active()
	if rev == nil || rev.ID() != revision {
		return ""
	}
	return rev.Line(file, line)
}

var _ admin.Explainer = explainer{}
