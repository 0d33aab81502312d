package oidc

import (
	"context"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/token"
	"github.com/ostiary/ostiary/core/web"
)

// Tokens issues tokens and answers for them (core/token).
type Tokens interface {
	Token(ctx context.Context, req token.Request) (token.Answer, error)
	Introspect(ctx context.Context, req token.Request) ([]byte, error)
	Revoke(ctx context.Context, req token.Request) error
	UserInfo(ctx context.Context, bearer core.Secret, presented *core.Certificate) (token.UserInfo, error)
}

// TokenHandlers serve the endpoints of one issuer that are about tokens.
type TokenHandlers struct {
	tokens Tokens
	base   string
}

// NewTokenHandlers makes the handlers of an issuer, which is named by its URL.
func NewTokenHandlers(tokens Tokens, issuer string) *TokenHandlers {
	return &TokenHandlers{tokens: tokens, base: strings.TrimSuffix(issuer, "/")}
}

// Token is RFC 6749 §3.2.
func (h *TokenHandlers) Token(ctx context.Context, r *web.Request) (web.Response, error) {
	req, err := h.request(r, "/token")
	if err != nil {
		return web.Response{}, err
	}
	answer, err := h.tokens.Token(ctx, req)
	if err != nil {
		return web.Response{}, err
	}
	body, err := answer.AppendJSON(nil)
	return web.JSON(http.StatusOK, body), err
}

// Introspect is RFC 7662 §2.
func (h *TokenHandlers) Introspect(ctx context.Context, r *web.Request) (web.Response, error) {
	req, err := h.request(r, "/introspect")
	if err != nil {
		return web.Response{}, err
	}
	body, err := h.tokens.Introspect(ctx, req)
	return web.JSON(http.StatusOK, body), err
}

// Revoke is RFC 7009 §2. Its answer has no content.
func (h *TokenHandlers) Revoke(ctx context.Context, r *web.Request) (web.Response, error) {
	req, err := h.request(r, "/revoke")
	if err != nil {
		return web.Response{}, err
	}
	return web.Response{Status: http.StatusOK}, h.tokens.Revoke(ctx, req)
}

// UserInfo is OpenID Connect Core §5.3.
func (h *TokenHandlers) UserInfo(ctx context.Context, r *web.Request) (web.Response, error) {
	bearer, err := bearerToken(r)
	if err != nil {
		return web.Response{}, err
	}
	info, err := h.tokens.UserInfo(ctx, bearer, web.CallerOf(r).Certificate)
	if err != nil {
		return web.Response{}, err
	}
	answer := web.JSON(http.StatusOK, info.Body)
	if info.JWT {
		answer.ContentType = "application/jwt"
	}
	return answer, nil
}

// request reads a form and the client authentication beside it. Parameters in the query are refused: they would stand in logs
// (RFC 6749 §2.3.1).
func (h *TokenHandlers) request(r *web.Request, endpoint string) (token.Request, error) {
	if r.RawQuery != "" {
		return token.Request{}, core.Refuse(core.InvalidRequest, "Parameters belong into the body, not into the query.")
	}
	form, err := web.ParseForm(r, "resource")
	if err != nil {
		return token.Request{}, err
	}
	presented := clientauth.Presented{
		Authorization: r.Header("Authorization"), Form: form, Certificates: r.Certificates, Caller: web.CallerOf(r), Endpoint: h.base + endpoint,
	}
	return token.Request{Presented: presented, Caller: presented.Caller, RequestID: r.ID}, nil
}

// bearerToken takes the token from the header, or from a posted form (RFC 6750 §2.1, §2.2); not from both.
func bearerToken(r *web.Request) (core.Secret, error) {
	bearer, err := web.BearerToken(r)
	if err != nil || len(r.Body) == 0 {
		return bearer, err
	}
	form, err := web.ParseForm(r)
	if err != nil {
		return "", err
	}
	posted := core.Secret(form.Get("access_token"))
	if bearer != "" && posted != "" {
		return "", core.Refuse(core.InvalidRequest, "Two credentials; send the access token as Authorization: Bearer only.")
	}
	return bearer + posted, nil
}
