package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/core/web"
)

// PolicyJobs ask kept decisions and stored clients again (core/replay).
type PolicyJobs interface {
	Replay(ctx context.Context, o replay.Order) (replay.Report, error)
	Audit(ctx context.Context, files map[string]string) (replay.Report, error)
	Report(id, cursor string, limit int) (replay.Report, error)
	Cancel(id string) (replay.Report, error)
}

// replayBody says which decisions are asked again, and of what. Without a bundle it is the policy in force.
type replayBody struct {
	Bundle    *bundleBody       `json:"bundle"`
	Since     string            `json:"since"` // as web.ParseMoment takes it
	Until     string            `json:"until"`
	Limit     int               `json:"limit"`
	Decisions []core.DecisionID `json:"decisions"`
}

func (b replayBody) order(now time.Time) (o replay.Order, err error) {
	if o.Files, err = b.Bundle.candidate(); err != nil {
		return o, err
	}
	if o.Since, err = web.ParseMoment("since", b.Since, now); err != nil {
		return o, err
	}
	if o.Until, err = web.ParseMoment("until", b.Until, now); err != nil {
		return o, err
	}
	for _, id := range b.Decisions {
		if len(id) > maxID {
			return o, core.Refuse(core.InvalidRequest, "decisions has an id that is longer than any.")
		}
	}
	o.Limit, o.Decisions = b.Limit, b.Decisions
	return o, nil
}

// ReplayPolicy begins to ask kept decisions again, of a candidate or of the policy in force. It answers 202: ShowPolicyJob tells
// how it is going.
func (h *Handlers) ReplayPolicy(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	var body replayBody
	if err := web.DecodeLong(r.Body, &body); err != nil {
		return web.Response{}, err
	}
	order, err := body.order(r.Start)
	if err != nil {
		return web.Response{}, err
	}
	return begun(h.Jobs.Replay(ctx, order))
}

// AuditPolicy begins to judge every stored client by a candidate, or by the policy in force.
func (h *Handlers) AuditPolicy(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	var body struct {
		Bundle *bundleBody `json:"bundle"`
	}
	if err := web.DecodeLong(r.Body, &body); err != nil {
		return web.Response{}, err
	}
	files, err := body.Bundle.candidate()
	if err != nil {
		return web.Response{}, err
	}
	return begun(h.Jobs.Audit(ctx, files))
}

func begun(report replay.Report, err error) (web.Response, error) {
	if err != nil {
		return unusable(err)
	}
	answer, err := reply(http.StatusAccepted, report)
	return answer.With("Location", "/api/admin/policies/jobs/"+report.ID), err
}

// ShowPolicyJob tells how a job is going, with a page of what it found: ?cursor= limit=. To ask keeps it going.
func (h *Handlers) ShowPolicyJob(_ context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r)
	if err != nil {
		return web.Response{}, err
	}
	report, err := h.Jobs.Report(r.Param("id"), query.Get("cursor"), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, report)
}

// CancelPolicyJob ends a job.
func (h *Handlers) CancelPolicyJob(_ context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	report, err := h.Jobs.Cancel(r.Param("id"))
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, report)
}
