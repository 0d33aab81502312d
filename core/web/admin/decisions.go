package admin

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/operator"
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
	return reply(http.StatusOK, h.explain(entry))
}

// ListDecisions lists decisions, newest first: any of ledger.FilterNames, cursor= limit=. A page may be short, or empty, and have a
// next one: only so many decisions are looked at for each.
func (h *Handlers) ListDecisions(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r, ledger.FilterNames()...)
	if err != nil {
		return web.Response{}, err
	}
	cursor, err := query.cursor("d-")
	if err != nil {
		return web.Response{}, err
	}
	filter, err := ledger.ReadFilter(query.Get, r.Start)
	if err != nil {
		return web.Response{}, err
	}
	entries, next, err := h.Decisions.Search(ctx, filter, core.DecisionID(cursor), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, list[ledger.Entry]{Items: orEmpty(entries), Next: string(next)})
}
