package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/web"
)

// change is one write of a client: who did what by which door, and what came of it.
type change struct {
	DecisionID core.DecisionID `json:"decision_id"`
	Time       time.Time       `json:"time"`
	Operation  core.Operation  `json:"operation"`
	Channel    core.Channel    `json:"channel"`
	Actor      ledger.Actor    `json:"actor"`
	Revision   string          `json:"policy_revision"`
	Outcome    ledger.Outcome  `json:"outcome"`
	Reasons    []core.Reason   `json:"reasons"` // why it was made, or what of the client's credentials is new
	Diff       []ledger.Diff   `json:"diff"`    // of the client's metadata, all stages in one
}

// ShowHistory lists what was written of a client, newest first, each with its diff: ?cursor= limit=. It outlives the client.
func (h *Handlers) ShowHistory(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r)
	if err != nil {
		return web.Response{}, err
	}
	cursor, err := query.cursor("d-")
	if err != nil {
		return web.Response{}, err
	}
	id := core.ClientID(r.Param("id"))
	filter, err := ledger.ReadFilter(func(name string) string { return map[string]string{"client_id": string(id)}[name] }, r.Start)
	if err != nil {
		return web.Response{}, err
	}
	filter.Written = true
	entries, next, err := h.Decisions.Search(ctx, filter, core.DecisionID(cursor), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	if len(entries) == 0 && cursor == "" {
		if _, err := h.find(ctx, r); err != nil {
			return web.Response{}, err
		}
	}
	page := list[change]{Items: make([]change, len(entries)), Next: string(next)}
	for i, e := range entries {
		if page.Items[i], err = h.change(ctx, e); err != nil {
			return web.Response{}, err
		}
	}
	return reply(http.StatusOK, page)
}

// change makes one diff of all stages of an entry.
func (h *Handlers) change(ctx context.Context, e ledger.Entry) (change, error) {
	if whole, found, err := h.Decisions.Find(ctx, e.DecisionID); err != nil {
		return change{}, err
	} else if found {
		e = whole // with its input, which tells what the client was before
	}
	var all ledger.Stage
	for _, s := range e.Stages {
		all.Patch = append(all.Patch, s.Patch...)
		if s.Stage == "approve" {
			all.Reasons = append(all.Reasons, s.Reasons...)
		}
	}
	return change{
		DecisionID: e.DecisionID, Time: e.Time.UTC(), Operation: e.Operation, Channel: e.Channel, Actor: e.Actor, Revision: e.Revision,
		Outcome: e.Outcome, Reasons: orEmpty(all.Reasons), Diff: orEmpty(ledger.Diffs(h.Explainer.Before(e), []ledger.Stage{all})[0]),
	}, nil
}
