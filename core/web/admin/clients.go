package admin

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// client is a client as operators see it. No credentials.
type client struct {
	ClientID    core.ClientID    `json:"client_id"`
	State       core.State       `json:"state"`
	Metadata    strictjson.Value `json:"metadata"`
	CreatedAt   time.Time        `json:"created_at"`
	UpdatedAt   time.Time        `json:"updated_at"`
	LastUsed    time.Time        `json:"last_used,omitzero"` // to the hour; absent: never, as far as known
	ExpiresAt   time.Time        `json:"expires_at,omitzero"`
	Lifetime    int64            `json:"lifetime,omitempty"` // seconds that it was let live
	RenewedAt   time.Time        `json:"renewed_at,omitzero"`
	Channel     core.Channel     `json:"channel"`
	Profile     string           `json:"profile"`
	Declared    string           `json:"declared,omitempty"` // by which set of declarations
	IAT         core.TokenID     `json:"initial_access_token,omitempty"`
	IATLabel    string           `json:"initial_access_token_label,omitempty"`
	Terms       *terms           `json:"initial_access_token_terms,omitempty"` // that hold the client as long as it is
	Statement   string           `json:"software_statement_issuer,omitempty"`
	Entry       string           `json:"software_statement_entry,omitempty"`
	Locked      []string         `json:"locked"`
	Generation  uint64           `json:"generation"`
	Registered  core.DecisionID  `json:"registered_by"`
	Written     core.DecisionID  `json:"written_by"`
	Approved    core.DecisionID  `json:"approved_by,omitempty"`
	Revision    string           `json:"policy_revision"`
	Plugins     []plugin         `json:"plugins,omitempty"` // that had a part in its last write
	Trust       string           `json:"trust"`
	Labels      []string         `json:"labels"`
	Limits      map[string]int64 `json:"limits"` // seconds, by name
	Obligations []obligation     `json:"obligations"`
	Secrets     []secret         `json:"secrets,omitempty"` // only where one client is shown
}

// secret is a client secret as operators see it: not itself, nor anything of it.
type secret struct {
	CreatedAt time.Time `json:"created_at,omitzero"` // absent: not known
	ExpiresAt time.Time `json:"expires_at,omitzero"` // absent: never
	Origin    string    `json:"origin"`              // made: by this server; supplied: with a declaration
}

// showSecrets lists those that are good at a moment, the newest first.
func showSecrets(list []core.StoredSecret, now time.Time) (shown []secret) {
	for _, s := range list {
		if !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt) {
			continue
		}
		one := secret{CreatedAt: s.CreatedAt.UTC(), ExpiresAt: s.ExpiresAt.UTC(), Origin: "made"}
		if s.Alg != "sha256" {
			one.Origin = "supplied"
		}
		shown = append(shown, one)
	}
	return shown
}

// plugin is a plugin in one version.
type plugin struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

func showPlugins(list []core.PluginRef) []plugin {
	shown := make([]plugin, len(list))
	for i, p := range list {
		shown[i] = plugin(p)
	}
	return shown
}

// obligation is what policy demands of a client on every later request, and the rule that does.
type obligation struct {
	Name   string           `json:"name"`
	Params strictjson.Value `json:"params,omitzero"`
	Rule   string           `json:"rule"`
}

func showObligations(list []core.Obligation) []obligation {
	shown := make([]obligation, len(list))
	for i, o := range list {
		shown[i] = obligation{Name: o.Name, Rule: o.Rule}
		if params, err := strictjson.Parse([]byte(o.Params), strictjson.Stored); err == nil {
			shown[i].Params = params
		}
	}
	return shown
}

func showClient(s registration.Stored) client {
	c := s.Client
	if c.Governance.Limits == nil {
		c.Governance.Limits = map[string]int64{}
	}
	shown := client{
		ClientID: c.ID, State: s.State, Metadata: metadata.Document(&c.Metadata), CreatedAt: c.IssuedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), LastUsed: s.Use.Last.UTC(),
		ExpiresAt: c.Expires.UTC(), Channel: c.Provenance.Channel, Profile: c.Provenance.Profile, Declared: c.Provenance.Declared,
		IAT: c.Provenance.IAT, IATLabel: c.Provenance.IATLabel,
		Statement: c.Provenance.StatementIssuer, Entry: c.Provenance.StatementEntry, Locked: orEmpty(c.Locked), Generation: c.Generation, Registered: c.Provenance.RegisteredBy,
		Written: c.Provenance.WrittenBy, Approved: c.Provenance.ApprovedBy, Revision: c.Provenance.Revision,
		Lifetime: int64(c.Life.Lasts / time.Second), RenewedAt: c.Life.From.UTC(), Plugins: showPlugins(c.Provenance.Plugins),
		Trust: c.Governance.Trust, Labels: orEmpty(c.Governance.Labels), Limits: c.Governance.Limits, Obligations: showObligations(c.Governance.Obligations),
	}
	if !c.Provenance.Terms.IsZero() {
		held := showTerms(c.Provenance.Terms)
		shown.Terms = &held
	}
	return shown
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ListClients lists clients, newest first: ?state= (or status=) channel= iat= software_id= statement_issuer= queue=
// last_used_before= cursor= limit=.
func (h *Handlers) ListClients(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r, "state", "status", "channel", "iat", "software_id", "statement_issuer", "queue", "last_used_before")
	if err != nil {
		return web.Response{}, err
	}
	filter, err := clientsFilter(query, r.Start)
	if err != nil {
		return web.Response{}, err
	}
	page, next, err := h.Clients.Page(ctx, filter, query.Get("cursor"), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	items := make([]client, len(page))
	for i, s := range page {
		items[i] = showClient(s)
	}
	return reply(http.StatusOK, list[client]{Items: items, Next: next})
}

// clientsFilter reads what the list is narrowed to. Who asks for a queue means those who wait in it.
func clientsFilter(query search, now time.Time) (registration.Filter, error) {
	state, status := query.Get("state"), query.Get("status") // as in the client view, and as in registration_status
	if state != "" && status != "" && state != status {
		return registration.Filter{}, core.Refuse(core.InvalidRequest, "state and status mean the same and differ; send one of them.")
	}
	f := registration.Filter{
		State: core.State(cmp.Or(state, status)), Channel: core.Channel(query.Get("channel")), IAT: core.TokenID(query.Get("iat")),
		SoftwareID: query.Get("software_id"), StatementIssuer: query.Get("statement_issuer"), Queue: query.Get("queue"),
	}
	if f.Queue != "" && f.State == "" {
		f.State = core.Pending
	}
	var err error
	f.LastUsedBefore, err = ledger.ParseMoment("last_used_before", query.Get("last_used_before"), now)
	return f, err
}

// ShowClient answers one client with its ETag.
func (h *Handlers) ShowClient(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	stored, err := h.find(ctx, r)
	if err != nil {
		return web.Response{}, err
	}
	if stored.Use, err = h.Clients.Use(ctx, stored.Client.ID); err != nil {
		return web.Response{}, err
	}
	shown := showClient(stored)
	shown.Secrets = showSecrets(stored.Credentials.Secrets, r.Start)
	res, err := reply(http.StatusOK, shown)
	return res.With("ETag", stored.Tag()), err
}

func (h *Handlers) find(ctx context.Context, r *web.Request) (registration.Stored, error) {
	stored, err := h.Clients.Client(ctx, core.ClientID(r.Param("id")))
	if err == nil && stored.Client.ID == "" {
		err = core.Refuse(core.NotFound, "There is no client with this id.")
	}
	return stored, err
}

// CreateClient registers a client in the operator's name.
func (h *Handlers) CreateClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Register, http.StatusCreated)
}

// ReplaceClient is PUT: the document replaces the client's metadata.
func (h *Handlers) ReplaceClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Update, http.StatusOK)
}

// MergeClient is PATCH: a JSON Merge Patch (RFC 7396).
func (h *Handlers) MergeClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Update, http.StatusOK)
}

// DeleteClient removes a client.
func (h *Handlers) DeleteClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Delete, http.StatusNoContent)
}

// DisableClient makes a client unusable until it is enabled again.
func (h *Handlers) DisableClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Disable, http.StatusOK)
}

// EnableClient makes a disabled client usable again.
func (h *Handlers) EnableClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Enable, http.StatusOK)
}

// ApproveClient lets a client that waits be used, as it is or, with a body, with less.
func (h *Handlers) ApproveClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Approve, http.StatusOK)
}

// RejectClient removes a client that waits: {"reason"} says why, if anything.
func (h *Handlers) RejectClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	return h.write(ctx, r, by, core.Reject, http.StatusNoContent)
}

// write sends an operator's request down the road. If-Match makes it conditional (RFC 9110 §13.1.1).
func (h *Handlers) write(ctx context.Context, r *web.Request, by operator.Operator, op core.Operation, status int) (web.Response, error) {
	req := registration.Request{
		Operation: op, Channel: core.ChannelOperator, Decision: r.DecisionID, RequestID: r.ID, ClientID: core.ClientID(r.Param("id")),
		Merge: r.Method == http.MethodPatch, Credential: registration.Credential{Operator: by.Subject}, Caller: web.CallerOf(r), IfMatch: web.EntityTags(r, "If-Match"),
	}
	if err := readInto(&req, r); err != nil {
		req.Refused = core.AsError(err)
	}
	answer, err := h.Desk.Do(ctx, req)
	switch {
	case err != nil:
		return web.Response{}, err
	case status == http.StatusNoContent:
		return web.NoContent(), nil
	}
	return web.JSON(status, answer.Body).With("ETag", answer.Tag), nil
}

// readInto reads the body of an operation that has one, or may have one.
func readInto(req *registration.Request, r *web.Request) (err error) {
	body := r.Body
	switch op := req.Operation; {
	case op == core.Register || op == core.Update || op == core.Approve && len(body) > 0:
		req.Body, err = web.ParseBody(body)
	case op == core.Reject && len(body) > 0:
		var why struct {
			Reason string `json:"reason"`
		}
		err = web.DecodeBody(body, &why)
		req.Reason = why.Reason
	case op == core.Rotate:
		req.Rotation, err = rotationOf(r.Route, body)
	}
	return err
}
