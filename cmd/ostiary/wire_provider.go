package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/token"
	"github.com/ostiary/ostiary/core/web"
	pages "github.com/ostiary/ostiary/core/web/people"
	"github.com/ostiary/ostiary/storage"
)

// people is the part of the house where people sign in and clients get tokens for it.
type people struct {
	users  *storage.Users
	login  *login.Desk
	failed *web.Limiter // sign-ins, by address
	tokens *token.Endpoint
	pages  *pages.Handlers

	authorities authorities
}

// ownToken tells the desk whose access token came, of those that the issuer gave a client for itself and for the issuer.
func (h *house) ownToken(ctx context.Context, bearer core.Secret, certificate *core.Certificate) (registration.ClientToken, error) {
	access, err := h.people.tokens.VerifyWith(ctx, bearer, certificate)
	switch {
	case err != nil:
		return registration.ClientToken{}, err
	case access.GrantID == "" && !slices.Contains(access.Audience, h.settings.Issuer):
		return registration.ClientToken{}, core.Fail(core.InvalidToken, "The access token is for another API. Ask for one with resource="+h.settings.Issuer+".", registration.ErrOtherAPI)
	case access.GrantID != "":
		return registration.ClientToken{}, core.Refuse(core.InvalidToken, "The access token is not one that a client got for itself and for the issuer.")
	}
	return registration.ClientToken{ClientID: access.ClientID, Scopes: access.Scope}, nil
}

// consoleLifetime is how long an administrator's session on the operators' pages may last.
const consoleLifetime = 8 * time.Hour

// signingPlan has a key for each algorithm that something may be signed with, published for as long as what it signed lives.
func signingPlan(s settings) keys.Plan {
	plan := keys.DefaultPlan(string(oauth.ES256)) // of access tokens
	for _, alg := range oauth.ResponseAlgorithms() {
		plan.Algs = append(plan.Algs, string(alg))
	}
	plan.Every, plan.Lead = s.Keys.Rotate, s.Keys.Publish
	plan.Lag = min(plan.Lag, plan.Lead)
	plan.Keep = max(plan.Keep, s.Tokens.Access+skew, s.Tokens.ID+skew)
	return plan
}

const skew = 5 * time.Minute // of clocks, on whom a token is shown to

// openProvider opens sign-in, the authorization endpoint and the token endpoint.
func (h *house) openProvider(ring *seal.Ring) error {
	s, issuer := h.settings, core.IssuerID(h.settings.IssuerID)
	users, once := storage.NewUsers(h.engine, issuer, ring), storage.NewOnce(h.engine, issuer)
	desk := login.NewDesk(login.Parts{
		Users: users, Links: users, Throttle: users, Sessions: storage.NewSessions(h.engine, issuer), Policy: h.policy, Lifetime: s.Sessions.Lifetime, Now: h.now,
	})
	salt, err := storage.SubjectSalt(context.Background(), h.engine, issuer, ring)
	if err != nil {
		return fmt.Errorf("pairwise subjects: %w", err)
	}
	h.names = core.NewPairwise(salt)
	h.people = &people{authorities: authorities{file: s.Certificates.Authorities}}
	if err := h.people.authorities.load(); err != nil {
		return err
	}
	authenticator := clientauth.New(clientauth.Parts{
		Clients: h.known.Explained(), Secrets: h.clients, Keys: h.remotes, Once: once, Issuer: s.Issuer, TokenEndpoint: s.Issuer + "/token", Now: h.now,
		Authorities: h.people.authorities.current, CheckCertificate: h.checkCertificate, Admit: h.known.Admit,
	})
	failed := web.NewLimiter(s.Sessions.FailureEvery, int(s.Sessions.Failures), limitedAddresses)
	h.people.users, h.people.login, h.people.failed = users, desk, failed
	h.people.tokens = token.New(token.Parts{
		Authenticator: authenticator, Clients: h.known, People: users, Once: once, Keys: h.signing, ClientKeys: h.remotes, Policy: h.policy, Now: h.now,
		Plugins: h.plugins, Extended: h.tokenExtended, Names: h.names, Used: h.uses.Note,
		Grants: storage.NewGrants(h.engine, issuer, ring, h.clients, h.now),
		Options: token.Options{
			Issuer: s.Issuer, AccessLifetime: s.Tokens.Access, IDTokenLifetime: s.Tokens.ID, RefreshLifetime: s.Tokens.Refresh,
			ScopeAudiences:  s.Tokens.ScopeAudiences,
			AudienceAllowed: func(resource string, c core.Client) bool { return s.serves(resource) && mayAskFor(c, resource) },
		},
	})
	return h.openPages(authenticator, storage.NewAuthorizations(h.engine, issuer, ring), ring)
}

// clientKeys makes the reader of the key sets that clients publish. Their addresses are strangers'.
func (h *house) clientKeys(trust *x509.CertPool) (*keys.Remote, error) {
	stranger, err := fetch.NewStranger(fetch.StrangerOptions{Allow: h.settings.Fetch.Allow, TrustCA: trust, Now: h.now})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	return keys.NewRemote(func(ctx context.Context, uri string) ([]byte, error) {
		body, _, err := stranger.Get(ctx, "jwks", uri)
		return body, err
	}, h.now), nil
}

func (h *house) openPages(authenticator *clientauth.Authenticator, store storage.Authorizations, ring *seal.Ring) (err error) {
	s, desk, forms := h.settings, h.people.login, authorize.NewForms(ring, h.now)
	site := authorize.Site{
		Issuer: s.Issuer, Keys: h.signing.Public, AnyLocalhostPort: true, Names: h.names,
		Resource: func(c core.Client, resource string) bool { return s.serves(resource) && mayAskFor(c, resource) },
		ScopeResources: func(c core.Client, scope string) []string {
			return slices.DeleteFunc(slices.Clone(s.Tokens.ScopeAudiences[scope]), func(name string) bool {
				return name != s.Issuer && (!s.serves(name) || !mayAskFor(c, name))
			})
		},
		SignedOut: func(c core.Client, uri string) bool { return slices.Contains(c.Metadata.PostLogoutRedirectURIs, uri) },
	}
	h.people.pages, err = pages.New(pages.Parts{
		Issuer: s.Issuer, Desk: desk, Failures: h.people.failed, Accounts: desk, Forms: forms, Now: h.now,
		Endpoint: authorize.New(authorize.Parts{
			Site: site, Clients: h.known.Explained(), Authenticator: authenticator, Browser: desk, Policy: h.policy, Store: store, Forms: forms, Now: h.now,
			Admit: h.known.Admit,
		}),
		Exit: authorize.NewExit(authorize.ExitParts{Site: site, Clients: h.known, Sessions: desk, Forms: forms, Now: h.now}),
	})
	return err
}

// mayAskFor tells whether a client may ask tokens for a resource that is served: any, unless its allowed_audiences name some.
func mayAskFor(c core.Client, resource string) bool {
	allowed := c.Metadata.AllowedAudiences
	return allowed == nil || slices.Contains(allowed, resource)
}

// setupURL is where a one-time link leads.
func (h *house) setupURL(link core.Secret) string {
	return h.settings.Issuer + "/account/setup?token=" + url.QueryEscape(link.Reveal())
}

// accessOf says what an access token allows an operator. A client that acts for itself has the scope only when operators
// registered it.
func (h *house) accessOf(ctx context.Context, bearer core.Secret, certificate *core.Certificate) (operator.Bearer, error) {
	access, err := h.people.tokens.VerifyWith(ctx, bearer, certificate)
	if err != nil {
		return operator.Bearer{}, err
	}
	found := operator.Bearer{Subject: cmp.Or(access.Person, access.Subject), Scope: access.Scope, Audience: access.Audience, Trusted: access.GrantID == ""}
	if access.GrantID != "" {
		user, there, err := h.people.users.User(ctx, access.Person)
		if err != nil {
			return operator.Bearer{}, err
		}
		found.Trusted = there && user.Admin && !user.Disabled
	}
	return found, nil
}
