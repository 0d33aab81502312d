// Package admin answers the operators' API (/api/admin). It has no verbs of its own: each handler authenticates the operator,
// parses, calls a verb and writes. Lists have the form {items, next_cursor}.
package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
)

// Roster knows the operators (core/operator).
type Roster interface {
	Authenticate(bearer core.Secret) (operator.Operator, error)
}

// Tokens are the initial access tokens (core/registration).
type Tokens interface {
	Mint(ctx context.Context, by core.Subject, req registration.TokenRequest) (core.InitialAccessToken, core.Secret, error)
	List(ctx context.Context, after core.TokenID, limit int) ([]registration.Held, error)
	Revoke(ctx context.Context, id core.TokenID) error
}

// Desk takes and tries requests for clients (core/registration).
type Desk interface {
	Do(ctx context.Context, req registration.Request) (registration.Answer, error)
	Simulate(ctx context.Context, req registration.Request, as string) registration.Simulation
}

// Clients lists clients. A cursor is opaque; "" starts, and "" ends.
type Clients interface {
	Client(ctx context.Context, id core.ClientID) (registration.Stored, error)
	Page(ctx context.Context, f registration.Filter, cursor string, limit int) (page []registration.Stored, next string, err error)
}

// Decisions reads the ledger (core/ledger).
type Decisions interface {
	Find(ctx context.Context, id core.DecisionID) (ledger.Entry, bool, error)
	Entries(ctx context.Context, client core.ClientID, after core.DecisionID, limit int) ([]ledger.Entry, error)
}

// A Status tells how a part is, as JSON.
type Status func() any

// Parts are what the operators' API speaks to. All are needed.
type Parts struct {
	Roster    Roster
	Tokens    Tokens
	Desk      Desk
	Clients   Clients
	Decisions Decisions
	Policies  Status
	Plugins   Status
}

// Handlers serve the operators' API.
type Handlers struct{ Parts }

// New makes the handlers.
func New(p Parts) *Handlers { return &Handlers{p} }

// A verb is a handler that knows its operator.
type verb func(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error)

// As makes a handler that only an operator reaches. Cookies are not looked at.
func (h *Handlers) As(v verb) web.Handler {
	return func(ctx context.Context, r *web.Request) (web.Response, error) {
		bearer, err := web.BearerToken(r)
		if err != nil {
			return web.Response{}, err
		}
		by, err := h.Roster.Authenticate(bearer)
		if err != nil {
			return web.Response{}, err
		}
		return v(ctx, r, by)
	}
}

// reply answers a document.
func reply(status int, v any) (web.Response, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return web.Response{}, err
	}
	return web.JSON(status, body), nil
}

// list is the form of every page.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next_cursor,omitempty"`
}

// limitOf reads ?limit=, 1 to 200, 50 when absent.
func limitOf(r *web.Request) (int, error) {
	raw, found := web.QueryValue(r.RawQuery, "limit")
	if !found {
		return 50, nil
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < 1 || n > 200 {
		return 0, core.Refuse(core.InvalidRequest, "limit must be from 1 to 200.")
	}
	return n, nil
}

func query(r *web.Request, name string) string {
	v, _ := web.QueryValue(r.RawQuery, name)
	return v
}

// ShowPolicies answers the policy in force and how the last change went.
func (h *Handlers) ShowPolicies(context.Context, *web.Request, operator.Operator) (web.Response, error) {
	return reply(http.StatusOK, h.Policies())
}

// ShowPlugins answers which plugins are live and which failed.
func (h *Handlers) ShowPlugins(context.Context, *web.Request, operator.Operator) (web.Response, error) {
	return reply(http.StatusOK, h.Plugins())
}
