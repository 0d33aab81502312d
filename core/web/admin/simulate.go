package admin

import (
	"cmp"
	"context"
	"net/http"
	"net/netip"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

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
	Bundle    *bundleBody      `json:"bundle"` // a candidate policy; absent: the one in force
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
	Client   strictjson.Value `json:"client,omitzero"`               // the metadata it would have
	Status   core.State       `json:"registration_status,omitempty"` // of the client, as an answer would show it: absent when active
	Revision string           `json:"revision"`
	Stages   []shownStage     `json:"stages"`
}

type shownError struct {
	Code   core.Code `json:"error"`
	Detail string    `json:"error_description"`
}

// Simulate judges a hypothetical request on the whole road. Nothing is stored, counted or spent.
func (h *Handlers) Simulate(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	var body simulateBody
	if err := web.DecodeLong(r.Body, &body); err != nil {
		return web.Response{}, err
	}
	req, as, err := body.request(r, by)
	if err != nil {
		return web.Response{}, err
	}
	files, err := body.Bundle.candidate()
	if err != nil {
		return web.Response{}, err
	}
	s, line, err := h.try(ctx, files, req, as)
	if err != nil {
		return unusable(err)
	}
	before, err := h.present(ctx, req)
	if err != nil {
		return web.Response{}, err
	}
	answer := simulation{
		Allowed: s.Err == nil, Errors: []core.Reason{}, Warnings: orEmpty(s.Warnings), Client: s.Client,
		Revision: s.Entry.Revision, Stages: explained(s.Entry.Stages, before, line),
	}
	if s.State != core.Active {
		answer.Status = s.State
	}
	if s.Err != nil {
		e := core.AsError(s.Err)
		answer.Error, answer.Errors = &shownError{e.Code, e.Detail}, orEmpty(e.Reasons)
	}
	return reply(http.StatusOK, answer)
}

// try simulates under the files of a candidate, or under the policy in force; line finds the source of its rules.
func (h *Handlers) try(ctx context.Context, files map[string]string, req registration.Request, as string) (s registration.Simulation, line lineOf, err error) {
	if files == nil {
		s = h.Desk.Simulate(ctx, req, as)
		return s, h.linesOf(s.Entry.Revision), nil
	}
	candidate, err := h.Tries.Candidate(ctx, files)
	if err != nil {
		return s, nil, err
	}
	return h.Desk.SimulateUnder(ctx, candidate.Decide, req, as), candidate.Line, nil
}

// present gives the metadata of the client that a request is about, as it is now.
func (h *Handlers) present(ctx context.Context, req registration.Request) (strictjson.Value, error) {
	if req.Operation == core.Register {
		return strictjson.Object(), nil
	}
	stored, err := h.Clients.Client(ctx, req.ClientID)
	return metadata.Document(&stored.Client.Metadata), err
}

// request fills in what the body leaves open, and says what its caller is taken to be.
func (b simulateBody) request(r *web.Request, by operator.Operator) (registration.Request, string, error) {
	req := registration.Request{
		Operation: b.Operation, Channel: b.Channel, Decision: core.NewDecisionID(r.Start), RequestID: r.ID, ClientID: b.ClientID,
		Body: b.Request, Merge: b.Merge, Rotation: registration.Rotation{Of: registration.RotateSecret}, Profile: b.Profile, Caller: web.CallerOf(r),
	}
	if signed, ok := b.Request.Text(); ok { // a JWT
		req.Signed, req.Body = signed, strictjson.Value{}
	}
	if req.Operation == "" {
		req.Operation = core.Register
	}
	kind := ""
	if c := b.Caller; c != nil {
		kind = c.Kind
		req.Caller = core.Caller{IP: cmp.Or(c.IP, req.Caller.IP), Origin: c.Origin, UserAgent: c.UserAgent}
	}
	if req.Channel == "" {
		req.Channel = usualChannel(req.Operation, kind)
	}
	if kind == "" {
		kind = usualKind(req.Channel)
	}
	if err := check(req, kind); err != nil {
		return req, "", err
	}
	if kind == registration.KindOperator {
		req.Credential.Operator = by.Subject
		return req, "", nil
	}
	return req, kind, nil
}

// usualChannel is the channel that such a request of such a caller ("" when it is not said) comes by.
func usualChannel(op core.Operation, kind string) core.Channel {
	switch {
	case kind == registration.KindOperator, kind == "" && (op == core.Disable || op == core.Enable || op == core.Approve || op == core.Reject || op == core.Rotate):
		return core.ChannelOperator
	case kind == registration.KindSystem, kind == "" && op == core.Renew:
		return core.ChannelSystem
	case kind == registration.KindRAT, (kind == "" || kind == registration.KindClient) && op != core.Register:
		return core.ChannelManage
	case kind == registration.KindDocument:
		return core.ChannelDocument
	}
	return core.ChannelDCR
}

// usualKind is the caller that a channel has when it is not said.
func usualKind(channel core.Channel) string {
	switch channel {
	case core.ChannelOperator, core.ChannelImport:
		return registration.KindOperator
	case core.ChannelManage:
		return registration.KindRAT
	case core.ChannelDocument:
		return registration.KindDocument
	case core.ChannelSystem:
		return registration.KindSystem
	}
	return registration.KindIAT
}

// check refuses what there is none of, and callers that never come by the channel: what nobody can ask has no answer.
func check(req registration.Request, kind string) error {
	switch req.Operation {
	case core.Register, core.Update, core.Delete, core.Read, core.Disable, core.Enable, core.Approve, core.Reject, core.Rotate, core.Renew:
	default:
		return core.Refuse(core.InvalidRequest, "operation must be register, update, delete, read, disable, enable, approve, reject, rotate or renew.")
	}
	switch req.Channel {
	case core.ChannelDCR, core.ChannelManage, core.ChannelOperator, core.ChannelDocument, core.ChannelImport, core.ChannelSystem:
	default:
		return core.Refuse(core.InvalidRequest, "channel must be dcr, manage, operator, cimd, import or system.")
	}
	switch kind {
	case registration.KindIAT, registration.KindRAT, registration.KindClient, registration.KindMTLS, registration.KindOperator, registration.KindOpen,
		registration.KindDocument, registration.KindSystem:
	default:
		return core.Refuse(core.InvalidRequest, "caller.kind must be %s, %s, %s, %s, %s, %s, %s or %s.",
			registration.KindIAT, registration.KindRAT, registration.KindClient, registration.KindMTLS, registration.KindOperator, registration.KindOpen,
			registration.KindDocument, registration.KindSystem)
	}
	other := req.Channel == core.ChannelDCR && (kind == registration.KindOpen || kind == registration.KindMTLS) ||
		req.Channel != core.ChannelOperator && kind == registration.KindClient
	if kind != usualKind(req.Channel) && !other {
		return core.Refuse(core.InvalidRequest, "caller.kind %s never comes by the channel %s; leave one of them out.", kind, req.Channel)
	}
	if _, err := netip.ParseAddr(req.Caller.IP); err != nil {
		return core.Refuse(core.InvalidRequest, "caller.ip is no IP address.")
	}
	if req.Channel == core.ChannelDocument {
		if req.Operation != core.Register || req.ClientID == "" || req.Signed != "" {
			return core.Refuse(core.InvalidRequest, "A client metadata document is judged as register, with its address as client_id; without a request it is fetched.")
		}
		return nil
	}
	if (req.Operation == core.Register && req.Channel != core.ChannelImport) != (req.ClientID == "") {
		return core.Refuse(core.InvalidRequest, "client_id names the client that an operation is about: every operation but register needs it, and the channel import, where it is chosen.")
	}
	return nil
}
