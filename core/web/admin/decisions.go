package admin

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// ShowDecision explains one decision: what each stage changed, which rules fired, how long each took.
func (h *Handlers) ShowDecision(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	entry, found, err := h.Decisions.Find(ctx, core.DecisionID(r.Param("id")))
	if err != nil {
		return web.Response{}, err
	}
	if !found {
		return web.Response{}, core.Refuse(core.NotFound, "There is no decision with this id, or its retention has passed.")
	}
	return reply(http.StatusOK, entry)
}

// ListDecisions lists decisions, newest first: ?client_id= cursor= limit=.
func (h *Handlers) ListDecisions(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	limit, err := limitOf(r)
	if err != nil {
		return web.Response{}, err
	}
	entries, err := h.Decisions.Entries(ctx, core.ClientID(query(r, "client_id")), core.DecisionID(query(r, "cursor")), limit)
	if err != nil {
		return web.Response{}, err
	}
	page := list[ledger.Entry]{Items: orEmpty(entries)}
	if len(entries) == limit {
		page.Next = string(entries[limit-1].DecisionID)
	}
	return reply(http.StatusOK, page)
}

// simulateBody is a hypothetical request. Without a caller it comes over the channel dcr with an initial access token of the
// profile (the default one when none is named).
type simulateBody struct {
	Request   strictjson.Value `json:"request"`
	Operation core.Operation   `json:"operation"`
	Channel   core.Channel     `json:"channel"`
	Profile   string           `json:"profile"`
	Caller    *simulateCaller  `json:"caller"`
	ClientID  core.ClientID    `json:"client_id"`
	Merge     bool             `json:"merge"`
}

type simulateCaller struct {
	Kind      string `json:"kind"` // as input.caller.kind; "open" for no credential
	IP        string `json:"ip"`
	Origin    string `json:"origin"`
	UserAgent string `json:"user_agent"`
}

// simulation is the answer: 200 for a refusal too.
type simulation struct {
	Allowed  bool             `json:"allowed"`
	Error    *shownError      `json:"error"`
	Errors   []core.Reason    `json:"errors"`
	Warnings []core.Reason    `json:"warnings"`
	Client   strictjson.Value `json:"client,omitzero"` // the metadata it would have
	Revision string           `json:"revision"`
	Stages   []ledger.Stage   `json:"stages"`
}

type shownError struct {
	Code   core.Code `json:"error"`
	Detail string    `json:"error_description"`
}

// Simulate judges a hypothetical request on the whole road. Nothing is stored, counted or spent.
func (h *Handlers) Simulate(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	var body simulateBody
	if err := web.DecodeBody(r.Body, &body); err != nil {
		return web.Response{}, err
	}
	req, as, err := body.request(r, by)
	if err != nil {
		return web.Response{}, err
	}
	s := h.Desk.Simulate(ctx, req, as)
	answer := simulation{
		Allowed: s.Err == nil, Errors: []core.Reason{}, Warnings: orEmpty(s.Warnings), Client: s.Client,
		Revision: s.Entry.Revision, Stages: orEmpty(s.Entry.Stages),
	}
	if s.Err != nil {
		e := core.AsError(s.Err)
		answer.Error, answer.Errors = &shownError{e.Code, e.Detail}, orEmpty(e.Reasons)
	}
	return reply(http.StatusOK, answer)
}

// request fills in what the body leaves open, and says what its caller is taken to be.
func (b simulateBody) request(r *web.Request, by operator.Operator) (registration.Request, string, error) {
	req := registration.Request{
		Operation: b.Operation, Channel: b.Channel, Decision: core.NewDecisionID(r.Start), RequestID: r.ID, ClientID: b.ClientID,
		Body: b.Request, Merge: b.Merge, Profile: b.Profile, Caller: web.CallerOf(r),
	}
	if req.Operation == "" {
		req.Operation = core.Register
	}
	if req.Channel == "" {
		req.Channel = core.ChannelDCR
		if req.Operation != core.Register {
			req.Channel = core.ChannelManage
		}
	}
	as := b.kind(req.Channel)
	if b.Caller != nil {
		req.Caller.IP, req.Caller.Origin, req.Caller.UserAgent = b.Caller.IP, b.Caller.Origin, b.Caller.UserAgent
	}
	switch as {
	case registration.KindIAT, registration.KindRAT, registration.KindOpen:
	case registration.KindOperator:
		as, req.Credential.Operator = "", by.Subject
	default:
		return req, "", core.Refuse(core.InvalidRequest, "caller.kind must be %s, %s, %s or %s.",
			registration.KindIAT, registration.KindRAT, registration.KindOperator, registration.KindOpen)
	}
	return req, as, b.check(req)
}

// kind is the caller's, or the one that the channel has by default.
func (b simulateBody) kind(channel core.Channel) string {
	switch {
	case b.Caller != nil && b.Caller.Kind != "":
		return b.Caller.Kind
	case channel == core.ChannelOperator:
		return registration.KindOperator
	case channel == core.ChannelManage:
		return registration.KindRAT
	}
	return registration.KindIAT
}

// check refuses operations and channels that there are none of.
func (b simulateBody) check(req registration.Request) error {
	switch req.Operation {
	case core.Register, core.Update, core.Delete, core.Read, core.Disable, core.Enable:
	default:
		return core.Refuse(core.InvalidRequest, "operation must be register, update, delete, read, disable or enable.")
	}
	switch req.Channel {
	case core.ChannelDCR, core.ChannelManage, core.ChannelOperator:
	default:
		return core.Refuse(core.InvalidRequest, "channel must be dcr, manage or operator.")
	}
	if req.Operation != core.Register && req.ClientID == "" {
		return core.Refuse(core.InvalidRequest, "client_id is missing: name the client that the %s is about.", req.Operation)
	}
	return nil
}
