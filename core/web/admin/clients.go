package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// client is a client as operators see it. No credentials.
type client struct {
	ClientID    core.ClientID     `json:"client_id"`
	State       core.State        `json:"state"`
	Metadata    strictjson.Value  `json:"metadata"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	ExpiresAt   time.Time         `json:"expires_at,omitzero"`
	Channel     core.Channel      `json:"channel"`
	Profile     string            `json:"profile"`
	IAT         core.TokenID      `json:"initial_access_token,omitempty"`
	Statement   string            `json:"software_statement_issuer,omitempty"`
	Locked      []string          `json:"locked"`
	Generation  uint64            `json:"generation"`
	Registered  core.DecisionID   `json:"registered_by"`
	Written     core.DecisionID   `json:"written_by"`
	Revision    string            `json:"policy_revision"`
	Trust       string            `json:"trust"`
	Labels      []string          `json:"labels"`
	Obligations []core.Obligation `json:"obligations"`
}

func showClient(s registration.Stored) client {
	c := s.Client
	return client{
		ClientID: c.ID, State: s.State, Metadata: metadata.Document(&c.Metadata), CreatedAt: c.IssuedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
		ExpiresAt: c.Expires.UTC(), Channel: c.Provenance.Channel, Profile: c.Provenance.Profile, IAT: c.Provenance.IAT,
		Statement: c.Provenance.StatementIssuer, Locked: orEmpty(c.Locked), Generation: c.Generation, Registered: c.Provenance.RegisteredBy,
		Written: c.Provenance.WrittenBy, Revision: c.Provenance.Revision, Trust: c.Governance.Trust, Labels: orEmpty(c.Governance.Labels),
		Obligations: orEmpty(c.Governance.Obligations),
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// ListClients lists clients, newest first: ?state= channel= iat= software_id= statement_issuer= cursor= limit=.
func (h *Handlers) ListClients(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r, "state", "channel", "iat", "software_id", "statement_issuer")
	if err != nil {
		return web.Response{}, err
	}
	page, next, err := h.Clients.Page(ctx, registration.Filter{
		State: core.State(query.Get("state")), Channel: core.Channel(query.Get("channel")), IAT: core.TokenID(query.Get("iat")),
		SoftwareID: query.Get("software_id"), StatementIssuer: query.Get("statement_issuer"),
	}, query.Get("cursor"), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	items := make([]client, len(page))
	for i, s := range page {
		items[i] = showClient(s)
	}
	return reply(http.StatusOK, list[client]{Items: items, Next: next})
}

// ShowClient answers one client with its ETag.
func (h *Handlers) ShowClient(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	stored, err := h.find(ctx, r)
	if err != nil {
		return web.Response{}, err
	}
	res, err := reply(http.StatusOK, showClient(stored))
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

// write sends an operator's request down the road. If-Match makes it conditional (RFC 9110 §13.1.1).
func (h *Handlers) write(ctx context.Context, r *web.Request, by operator.Operator, op core.Operation, status int) (web.Response, error) {
	req := registration.Request{
		Operation: op, Channel: core.ChannelOperator, Decision: r.DecisionID, RequestID: r.ID, ClientID: core.ClientID(r.Param("id")),
		Merge: r.Method == http.MethodPatch, Credential: registration.Credential{Operator: by.Subject}, Caller: web.CallerOf(r), IfMatch: web.EntityTags(r, "If-Match"),
	}
	if op == core.Register || op == core.Update {
		body, err := web.ParseBody(r.Body)
		if err != nil && req.Refused == nil {
			req.Refused = core.AsError(err)
		}
		req.Body = body
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
