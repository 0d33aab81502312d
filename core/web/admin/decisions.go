package admin

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
)

// ShowDecision explains one decision: what each stage changed, which rules fired, how long each took.
func (h *Handlers) ShowDecision(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	missing := core.Refuse(core.NotFound, "There is no decision with this id, or its retention has passed, or it was one of many refusals in a minute, which are only counted.")
	id := core.DecisionID(r.Param("id"))
	if len(id) > maxID {
		return web.Response{}, missing
	}
	entry, found, err := h.Decisions.Find(ctx, id)
	switch {
	case err != nil:
		return web.Response{}, err
	case !found:
		return web.Response{}, missing
	}
	return reply(http.StatusOK, entry)
}

// ListDecisions lists decisions, newest first: ?client_id= cursor= limit=.
func (h *Handlers) ListDecisions(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r, "client_id")
	if err != nil {
		return web.Response{}, err
	}
	cursor, err := query.cursor("d-")
	if err != nil {
		return web.Response{}, err
	}
	client := core.ClientID(query.Get("client_id"))
	if len(client) > registration.MaxClientID {
		return web.Response{}, core.Refuse(core.InvalidRequest, "client_id is longer than %d bytes.", registration.MaxClientID)
	}
	entries, err := h.Decisions.Entries(ctx, client, core.DecisionID(cursor), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	page := list[ledger.Entry]{Items: orEmpty(entries)}
	if len(entries) == query.limit {
		page.Next = string(entries[query.limit-1].DecisionID)
	}
	return reply(http.StatusOK, page)
}
