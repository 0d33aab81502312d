package main

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
)

// openJobs opens replay and audit.
func (h *house) openJobs() {
	h.tries = &candidates{engine: h.policy, site: h.desk.Site, turn: make(chan struct{}, 1)}
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
	return c.store.Token(ctx, id)
}

var _ replay.Clients = storedClients{}

// candidates loads policies that somebody sent to try, one at a time: that costs as much as a start.
type candidates struct {
	engine *policies.Engine
	site   func() *registration.Site
	turn   chan struct{} // holds one item while a candidate is loaded
	last   *policies.Revision
}

// Candidate implements replay.Candidates. The one before is remembered: who tries sends it again and again.
func (c *candidates) Candidate(ctx context.Context, files map[string]string) (replay.Candidate, error) {
	src := policies.Source{Origin: policies.Folder, Files: make(map[string][]byte, len(files)), Site: c.site().Data()}
	for name, text := range files {
		src.Files[name] = []byte(text)
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return replay.Candidate{}, ctx.Err()
	}
	if c.last != nil && c.last.IsOf(src) {
		return c.ready(c.last), nil
	}
	rev, err := c.engine.Candidate(src)
	var load *policies.LoadError
	switch {
	case errors.As(err, &load):
		return replay.Candidate{}, problemsIn(src, load)
	case err != nil:
		return replay.Candidate{}, err
	}
	c.last = rev
	return c.ready(rev), nil
}

// Live implements replay.Candidates.
func (c *candidates) Live() (replay.Candidate, error) {
	rev := c.engine.Active()
	if rev == nil {
		return replay.Candidate{}, core.Refuse(core.PolicyUnavailable, "No usable policy is in force.")
	}
	return c.ready(rev), nil
}

func (c *candidates) ready(rev *policies.Revision) replay.Candidate {
	return replay.Candidate{Revision: rev.ID(), Decide: c.engine.Aside(rev).DecideRegistration, Line: rev.Source().Line}
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
