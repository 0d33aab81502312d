// Package admin answers the operators' API (/api/admin). It has no verbs of its own: each handler authenticates the operator,
// parses, calls a verb and writes. Lists have the form {items, next_cursor}.
package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// Roster knows the operators (core/operator).
type Roster interface {
	Authenticate(ctx context.Context, bearer core.Secret, certificate *core.Certificate) (operator.Operator, error)
}

// Tokens are the initial access tokens (core/registration).
type Tokens interface {
	Mint(ctx context.Context, by core.Subject, req registration.TokenRequest) (core.InitialAccessToken, core.Secret, error)
	Show(ctx context.Context, id core.TokenID) (registration.Held, error)
	List(ctx context.Context, after core.TokenID, limit int) ([]registration.Held, error)
	Revoke(ctx context.Context, id core.TokenID) error
}

// Desk takes and tries requests for clients (core/registration).
type Desk interface {
	Do(ctx context.Context, req registration.Request) (registration.Answer, error)
	Simulate(ctx context.Context, req registration.Request, as string) registration.Simulation
	SimulateUnder(ctx context.Context, decide replay.Decide, req registration.Request, as string) registration.Simulation
}

// Clients lists clients. A cursor is opaque; "" starts, and "" ends.
type Clients interface {
	Client(ctx context.Context, id core.ClientID) (registration.Stored, error)
	Page(ctx context.Context, f registration.Filter, cursor string, limit int) (page []registration.Stored, next string, err error)
	Use(ctx context.Context, id core.ClientID) (registration.Use, error)
}

// Decisions reads the ledger (core/ledger).
type Decisions interface {
	Find(ctx context.Context, id core.DecisionID) (ledger.Entry, bool, error)
	Search(ctx context.Context, f ledger.Filter, after core.DecisionID, limit int) (found []ledger.Entry, next core.DecisionID, err error)
}

// Explainer tells what an entry does not hold itself.
type Explainer interface {
	// Before gives the metadata that an entry's client had when it was judged; absent when nobody knows.
	Before(e ledger.Entry) strictjson.Value
	// Line gives a line of the rules of a revision; "" when they are not at hand.
	Line(revision, file string, line int) string
}

// A Status tells how a part is, as JSON.
type Status func() any

// Parts are what the operators' API speaks to. All are needed.
type Parts struct {
	Roster    Roster
	Tokens    Tokens
	Desk      Desk
	Declared  Declarer
	Sets      DeclaredSets
	Clients   Clients
	Reaper    Reaper
	Issuers   Issuers
	Decisions Decisions
	Keys      Keys
	Users     Users
	Sessions  Sessions
	SetupURL  func(link core.Secret) string // where a one-time link leads
	Policies  Status
	Shadow    Shadow
	Plugins   Plugins
	Jobs      PolicyJobs
	Tries     replay.Candidates // policies that somebody sent to try
	Explainer Explainer
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
		by, err := h.operator(ctx, r)
		if err != nil {
			h.note(ctx, r, err)
			return web.Response{}, err
		}
		return v(ctx, r, by)
	}
}

// Admit lets operators send long bodies, and nobody else.
func (h *Handlers) Admit(ctx context.Context, r *web.Request) error {
	_, err := h.operator(ctx, r)
	return err
}

func (h *Handlers) operator(ctx context.Context, r *web.Request) (operator.Operator, error) {
	bearer, err := web.BearerToken(r)
	if err != nil {
		return operator.Operator{}, err
	}
	return h.Roster.Authenticate(ctx, bearer, web.CallerOf(r).Certificate)
}

// note has the desk write down who wanted to change a client without being an operator: the answer has a decision id, which
// must explain it.
func (h *Handlers) note(ctx context.Context, r *web.Request, refused error) {
	if r.DecisionID == "" {
		return
	}
	// The desk answers with what it was given; the caller hears it in any case.
	_, _ = h.Desk.Do(ctx, registration.Request{
		Operation: OperationOf(r.Method, r.Route), Channel: core.ChannelOperator, Decision: r.DecisionID, RequestID: r.ID,
		ClientID: core.ClientID(r.Param("id")), Caller: web.CallerOf(r), Refused: core.AsError(refused),
	})
}

// OperationOf tells what a judged route does to a client, here and at the public desk.
func OperationOf(method, route string) core.Operation {
	switch {
	case strings.HasSuffix(route, "/disable"):
		return core.Disable
	case strings.HasSuffix(route, "/enable"):
		return core.Enable
	case strings.HasSuffix(route, "/approve"):
		return core.Approve
	case strings.HasSuffix(route, "/reject"):
		return core.Reject
	case strings.HasSuffix(route, "/secret"), strings.HasSuffix(route, "/tokens"):
		return core.Rotate
	}
	switch method {
	case http.MethodPost:
		return core.Register
	case http.MethodPut, http.MethodPatch:
		return core.Update
	case http.MethodDelete:
		return core.Delete
	}
	return core.Read
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

// A search is the query of a list.
type search struct {
	url.Values
	limit int // 1 to 200, 50 when absent
}

// searchOf reads ?cursor=, limit= and filters, each once. Others are refused: a misspelt filter would list everything.
func searchOf(r *web.Request, filters ...string) (search, error) {
	values, err := url.ParseQuery(r.RawQuery)
	if err != nil {
		return search{}, core.Refuse(core.InvalidRequest, "The query cannot be read.")
	}
	known := append(filters, "cursor", "limit")
	for name, given := range values {
		switch {
		case !slices.Contains(known, name):
			return search{}, core.Refuse(core.InvalidRequest, "There is no query parameter %s here, only %s.", core.Clip(name), strings.Join(known, ", "))
		case len(given) > 1:
			return search{}, core.Refuse(core.InvalidRequest, "The query parameter %s comes twice.", name)
		}
	}
	s := search{Values: values, limit: 50}
	if !values.Has("limit") {
		return s, nil
	}
	s.limit, err = strconv.Atoi(values.Get("limit"))
	if err != nil || s.limit < 1 || s.limit > 200 {
		return search{}, core.Refuse(core.InvalidRequest, "limit must be from 1 to 200.")
	}
	return s, nil
}

// maxID is longer than any id we mint.
const maxID = 64

// cursor is where the list goes on, when that is told by the id of the last item, which begins with prefix.
func (s search) cursor(prefix string) (string, error) {
	cursor := s.Get("cursor")
	if cursor != "" && (len(cursor) > maxID || !strings.HasPrefix(cursor, prefix)) {
		return "", core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
	}
	return cursor, nil
}

// ShowPolicies answers the policy in force and how the last change went.
func (h *Handlers) ShowPolicies(context.Context, *web.Request, operator.Operator) (web.Response, error) {
	return reply(http.StatusOK, h.Policies())
}
