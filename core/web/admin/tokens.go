package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// tokenBody is the body of a mint; both spellings of max_uses are known.
type tokenBody struct {
	Label     string `json:"label"`
	Profile   string `json:"profile"`
	ExpiresIn *int64 `json:"expires_in"` // seconds
	MaxUses   *int64 `json:"max_uses"`
	MaxUsages *int64 `json:"max_usages"`

	Scopes         []string         `json:"scopes"`
	RedirectHosts  []string         `json:"redirect_hosts"`
	SoftwareIDs    []string         `json:"software_ids"`
	Origins        []string         `json:"origins"`
	AllowedOrigins []string         `json:"allowed_origins"` // the other spelling
	PolicyData     strictjson.Value `json:"policy_data"`
}

// token is an initial access token as it is shown; Token only when it was just made.
type token struct {
	ID        core.TokenID `json:"id"`
	Token     string       `json:"token,omitempty"`
	Label     string       `json:"label"`
	ExpiresAt time.Time    `json:"expires_at"`
	ExpiresIn int64        `json:"expires_in"` // seconds left
	MaxUses   int64        `json:"max_uses"`
	UsesLeft  int64        `json:"uses_left"`
	Profile   string       `json:"profile"`
	CreatedAt time.Time    `json:"created_at"`
	CreatedBy core.Subject `json:"created_by"`

	terms

	Uses     int64           `json:"uses"`               // clients made with it
	LastUsed time.Time       `json:"last_used,omitzero"` // when the last of them registered
	Clients  []core.ClientID `json:"clients,omitempty"`  // the newest of them; only where one token is shown
}

// terms are what a token holds its clients to.
type terms struct {
	Scopes        []string         `json:"scopes,omitempty"`
	RedirectHosts []string         `json:"redirect_hosts,omitempty"`
	SoftwareIDs   []string         `json:"software_ids,omitempty"`
	Origins       []string         `json:"origins,omitempty"`
	PolicyData    strictjson.Value `json:"policy_data,omitzero"`
}

func showTerms(t core.Terms) terms {
	shown := terms{Scopes: t.Scopes, RedirectHosts: t.RedirectHosts, SoftwareIDs: t.SoftwareIDs, Origins: t.Origins}
	if data, err := strictjson.Parse([]byte(t.PolicyData), strictjson.Stored); err == nil {
		shown.PolicyData = data
	}
	return shown
}

func show(held registration.Held, now time.Time) token {
	t := held.Token
	return token{
		ID: t.ID, Label: t.Label, Profile: t.Profile, MaxUses: t.MaxUses, UsesLeft: t.MaxUses - held.Uses,
		terms: showTerms(t.Terms), Uses: held.Uses, LastUsed: held.LastUsed.UTC(), CreatedBy: t.CreatedBy,
		CreatedAt: t.CreatedAt.UTC(), ExpiresAt: t.ExpiresAt.UTC(), ExpiresIn: max(0, int64(t.ExpiresAt.Sub(now).Round(time.Second)/time.Second)),
	}
}

// MintToken makes an initial access token; the answer is the only place it is ever shown.
func (h *Handlers) MintToken(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	var body tokenBody
	text, err := h.fromTemplate(r.Body)
	if err != nil {
		return web.Response{}, err
	}
	if err := web.DecodeBody(text, &body); err != nil {
		return web.Response{}, err
	}
	made, secret, err := h.Tokens.Mint(ctx, by.Subject, registration.TokenRequest(body))
	if err != nil {
		return web.Response{}, err
	}
	shown := show(registration.Held{Token: made}, made.CreatedAt)
	shown.Token = secret.Reveal()
	return reply(http.StatusCreated, shown)
}

// ListTokens lists those that have not expired, newest first: ?cursor= limit=.
func (h *Handlers) ListTokens(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r)
	if err != nil {
		return web.Response{}, err
	}
	cursor, err := query.cursor("iat-")
	if err != nil {
		return web.Response{}, err
	}
	held, err := h.Tokens.List(ctx, core.TokenID(cursor), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	page := list[token]{Items: []token{}}
	for _, t := range held {
		page.Items = append(page.Items, show(t, r.Start))
	}
	if len(held) == query.limit {
		page.Next = string(held[query.limit-1].Token.ID)
	}
	return reply(http.StatusOK, page)
}

// shownClients is how many of its clients are named where a token is shown; the list of clients has all: ?iat=.
const shownClients = 20

// ShowToken gives one token, and the newest of the clients that were made with it.
func (h *Handlers) ShowToken(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	id := core.TokenID(r.Param("id"))
	if len(id) > maxID {
		return web.Response{}, core.Refuse(core.NotFound, "There is no initial access token with this id.")
	}
	held, err := h.Tokens.Show(ctx, id)
	if err != nil {
		return web.Response{}, err
	}
	shown := show(held, r.Start)
	made, _, err := h.Clients.Page(ctx, registration.Filter{IAT: id}, "", shownClients)
	if err != nil {
		return web.Response{}, err
	}
	for _, stored := range made {
		shown.Clients = append(shown.Clients, stored.Client.ID)
	}
	return reply(http.StatusOK, shown)
}

// RevokeToken ends a token at once.
func (h *Handlers) RevokeToken(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	id := core.TokenID(r.Param("id"))
	if len(id) > maxID {
		return web.Response{}, core.Refuse(core.NotFound, "There is no initial access token with this id.")
	}
	if err := h.Tokens.Revoke(ctx, id); err != nil {
		return web.Response{}, err
	}
	return web.NoContent(), nil
}
