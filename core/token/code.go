package token

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
)

// codeGrant redeems an authorization code (RFC 6749 §4.1.3).
type codeGrant struct {
	*call
	held HeldCode
}

// check holds the code against the request, in order of trust: that there is one, whose it is, that it was not used, and
// only then what the request must prove. A second use, by the client it was given to, voids all that came of the first one
// (RFC 6749 §4.1.2).
func (g *codeGrant) check(ctx context.Context) (err error) {
	code := core.Secret(g.form.Get("code"))
	if code == "" {
		return core.Refuse(core.InvalidRequest, "code is missing.")
	}
	if g.held, err = g.parts.Grants.Code(ctx, code.Hash()); err != nil {
		return err
	}
	switch {
	case g.held.Stamp == Stamp{}:
		return invalidGrant("The code is unknown or has expired; begin again at the authorization endpoint.")
	case g.held.Code.Grant.Client != g.client.Client.ID:
		return invalidGrant("The code was given to another client.")
	case g.held.Used:
		return g.replayed(ctx)
	case !g.now.Before(g.held.Code.ExpiresAt):
		return invalidGrant("The code is unknown or has expired; begin again at the authorization endpoint.")
	}
	if err := g.checkBinding(); err != nil {
		return err
	}
	return g.begin(ctx)
}

// checkBinding wants the redirect_uri and the PKCE verifier that belong to the code (RFC 6749 §4.1.3, RFC 7636 §4.6).
func (g *codeGrant) checkBinding() error {
	code := &g.held.Code
	redirect, verifier := g.form.Get("redirect_uri"), g.form.Get("code_verifier")
	switch {
	case code.RedirectSet && redirect == "":
		return invalidGrant("redirect_uri is missing; the authorization request named one, so the token request must name the same.")
	case redirect != "" && redirect != code.RedirectURI:
		return invalidGrant("redirect_uri is not the one of the authorization request.")
	case code.Challenge == "" && verifier != "":
		return invalidGrant("A code_verifier was sent, but the authorization request had no code_challenge.")
	case code.Challenge == "" && g.needsChallenge():
		return invalidGrant("The authorization request had no code_challenge, which this client needs; begin again with PKCE (RFC 7636).")
	case code.Challenge != "" && verifier == "":
		return invalidGrant("code_verifier is missing; the authorization request had a code_challenge.")
	case code.Challenge != "" && !oauth.VerifyS256(verifier, code.Challenge):
		return invalidGrant("code_verifier does not match the code_challenge of the authorization request.")
	}
	return nil
}

// needsChallenge tells the clients that may not go without PKCE, whatever the authorization endpoint let pass.
func (g *codeGrant) needsChallenge() bool {
	bound := g.client.Client.Metadata.RequirePKCE
	return g.isPublic() || bound != nil && *bound || g.client.Client.Governance.Obliges(decision.ObligePKCE)
}

// begin makes the grant that the code stands for. The browser session it was given in may be over by now.
func (g *codeGrant) begin(ctx context.Context) error {
	grant := g.held.Code.Grant
	grant.CreatedAt, grant.ExpiresAt = g.now, g.now.Add(g.options.RefreshLifetime)
	standing, err := g.standingOf(ctx, grant)
	if err != nil {
		return err
	}
	if !standing.stands(grant, g.now) {
		return invalidGrant("What was allowed is void: the client or the account has changed since; begin again at the authorization endpoint.")
	}
	g.grant, g.user, g.nonce = grant, standing.user, g.held.Code.Nonce
	g.scope, g.resources = grant.Scope, grant.Resources
	return nil
}

// commit spends the code and keeps the grant. It lives as long as its last token may.
func (g *codeGrant) commit(ctx context.Context) error {
	g.grant.Scope, g.grant.Certificate = g.scope, g.bindRefresh()
	g.grant.ExpiresAt = g.now.Add(g.lifetimes.AccessToken)
	if g.mayRefresh() {
		g.grant.ExpiresAt = g.now.Add(max(g.lifetimes.RefreshToken, g.lifetimes.AccessToken))
		g.grant.RefreshKey = core.NewSecret()
		g.refresh = refreshToken(g.grant)
	}
	err := g.parts.Grants.Redeem(ctx, g.held, g.grant)
	switch {
	case errors.Is(err, ErrUsed):
		return g.replayed(ctx)
	case errors.Is(err, ErrVoid):
		return invalidGrant("What was allowed is void: the client has changed meanwhile; begin again at the authorization endpoint.")
	}
	return err
}

// mayRefresh tells whether a refresh token goes with the grant.
func (g *codeGrant) mayRefresh() bool {
	return slices.Contains(g.client.Client.Metadata.GrantTypes, string(oauth.GrantRefreshToken)) && oauth.ScopeContains(g.scope, oauth.ScopeOfflineAccess)
}

// replayed voids what the first use of the code was given.
func (g *codeGrant) replayed(ctx context.Context) error {
	if err := g.parts.Grants.EndGrant(ctx, g.held.Code.Grant.ID); err != nil {
		return err
	}
	return invalidGrant("The code was used before. All tokens that came of it are revoked; begin again at the authorization endpoint.")
}
