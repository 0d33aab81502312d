package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
)

// tokenBody is the body of a mint; both spellings of max_uses are known.
type tokenBody struct {
	Label     string `json:"label"`
	Profile   string `json:"profile"`
	ExpiresIn *int64 `json:"expires_in"` // seconds
	MaxUses   *int64 `json:"max_uses"`
	MaxUsages *int64 `json:"max_usages"`
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
}

func show(t core.InitialAccessToken, uses int64, now time.Time) token {
	return token{
		ID: t.ID, Label: t.Label, Profile: t.Profile, MaxUses: t.MaxUses, UsesLeft: t.MaxUses - uses,
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
	shown := show(made, 0, made.CreatedAt)
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
		page.Items = append(page.Items, show(t.Token, t.Uses, r.Start))
	}
	if len(held) == query.limit {
		page.Next = string(held[query.limit-1].Token.ID)
	}
	return reply(http.StatusOK, page)
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
