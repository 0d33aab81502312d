package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
)

// Reaper finds and removes clients that nobody uses (core/registration).
type Reaper interface {
	Rules() bool
	Look(ctx context.Context, cursor string) (registration.Reaping, error)
	Reap(ctx context.Context, cursor string, by core.Subject) (registration.Reaping, error)
}

// unused is a client that nobody uses.
type unused struct {
	ClientID    core.ClientID   `json:"client_id"`
	ClientName  string          `json:"client_name"`
	Reason      string          `json:"reason"` // never_used or idle
	UnusedSince time.Time       `json:"unused_since"`
	LastUsed    time.Time       `json:"last_used,omitzero"`
	CreatedAt   time.Time       `json:"created_at"`
	Removed     bool            `json:"removed"`
	DecisionID  core.DecisionID `json:"decision_id,omitempty"`
	Kept        string          `json:"kept,omitempty"` // why it was not removed
}

// reaping is what came of a look at some clients. There may be more after a page that has none.
type reaping struct {
	list[unused]
	Looked  int  `json:"looked"`
	Enabled bool `json:"enabled"` // whether there is any rule by which clients go
}

// ListUnused lists the clients that would be removed now: ?cursor=. Nothing is.
func (h *Handlers) ListUnused(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	cursor, err := web.OneQueryValue(r.RawQuery, "cursor")
	if err != nil {
		return web.Response{}, err
	}
	found, err := h.Reaper.Look(ctx, cursor)
	return h.reaped(found, err)
}

// Reap removes them, so many at a time as dcr_config.yaml says: {"cursor"} goes on where the answer before ended.
func (h *Handlers) Reap(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	var body struct {
		Cursor string `json:"cursor"`
	}
	if len(r.Body) > 0 {
		if err := web.DecodeBody(r.Body, &body); err != nil {
			return web.Response{}, err
		}
	}
	found, err := h.Reaper.Reap(ctx, body.Cursor, by.Subject)
	return h.reaped(found, err)
}

func (h *Handlers) reaped(found registration.Reaping, err error) (web.Response, error) {
	if err != nil {
		return web.Response{}, err
	}
	page := reaping{Looked: found.Looked, Enabled: h.Reaper.Rules(), list: list[unused]{Items: []unused{}, Next: found.Next}}
	for _, f := range found.Found {
		c := &f.Client.Client
		shown := unused{
			ClientID: c.ID, ClientName: c.Metadata.ClientName, Reason: f.Why, UnusedSince: f.Since.UTC(), LastUsed: f.Client.Use.Last.UTC(),
			CreatedAt: c.IssuedAt.UTC(), DecisionID: f.Decision, Removed: f.Decision != "" && f.Err == nil,
		}
		if f.Err != nil {
			shown.Kept = core.AsError(f.Err).Detail
		}
		page.Items = append(page.Items, shown)
	}
	return reply(http.StatusOK, page)
}
