package token

import (
	"context"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Introspect gives the answer of RFC 7662 §2.2 as JSON. A client learns of the tokens that it was given itself; a client that an
// operator registered, such as an API, of all. To anybody else a token is as if it were none.
func (e *Endpoint) Introspect(ctx context.Context, req Request) ([]byte, error) {
	caller, token, err := e.askedFor(ctx, req)
	if err != nil {
		return nil, err
	}
	if clientauth.Method(caller.Client) == oauth.AuthNone {
		return nil, core.Refuse(core.InvalidClient, "A client that does not authenticate cannot introspect tokens (RFC 7662 section 2.1).")
	}
	if !isJWT(token) {
		return e.introspectRefresh(ctx, caller, token)
	}
	found, err := e.live(ctx, core.Secret(token), caller)
	switch {
	case core.CodeOf(err) == core.InvalidToken:
		return inactive(), nil
	case err != nil:
		return nil, err
	case !maySee(caller, found.ClientID):
		return inactive(), nil
	}
	return e.describe(&found.Access)
}

// askedFor authenticates the client and takes the token that it asks about.
func (e *Endpoint) askedFor(ctx context.Context, req Request) (core.Registered, string, error) {
	caller, err := e.parts.Authenticator.Authenticate(ctx, req.Presented)
	if err != nil {
		return core.Registered{}, "", err
	}
	token := req.Presented.Form.Get("token")
	if token == "" {
		return core.Registered{}, "", core.Refuse(core.InvalidRequest, "token is missing.")
	}
	if clientauth.Method(caller.Client) != oauth.AuthNone { // else anybody could say so
		e.parts.Used(&caller.Client, time.Time{})
	}
	return caller, token, nil
}

// isJWT tells access tokens from refresh tokens, whatever token_type_hint says: no refresh token has a dot.
func isJWT(token string) bool { return strings.Contains(token, ".") }

func maySee(caller core.Registered, owner core.ClientID) bool {
	return caller.Client.ID == owner || caller.Client.Provenance.Channel == core.ChannelOperator
}

func inactive() []byte { return []byte(`{"active":false}`) }

func (e *Endpoint) describe(a *Access) ([]byte, error) {
	r := strictjson.RecordTo(make([]byte, 0, usualClaims))
	r.Begin('{')
	r.Bool("active", true)
	r.TextIf("scope", oauth.FormatScope(a.Scope))
	r.Text("client_id", string(a.ClientID))
	r.Text("token_type", "Bearer")
	r.Int("exp", a.ExpiresAt.Unix())
	r.Int("iat", a.IssuedAt.Unix())
	r.Text("sub", string(a.Subject))
	audience(r, a.Audience)
	r.Text("iss", e.options.Issuer)
	r.Text("jti", a.ID)
	if !a.AuthTime.IsZero() {
		r.Int("auth_time", a.AuthTime.Unix())
	}
	writeConfirmation(r, a.Certificate)
	for _, m := range a.Added {
		r.Value(m.Name, m.Value)
	}
	r.End('}')
	return r.Bytes()
}

// introspectRefresh answers for a refresh token that would be answered by the token endpoint now.
func (e *Endpoint) introspectRefresh(ctx context.Context, caller core.Registered, token string) ([]byte, error) {
	presented, held, err := e.family(ctx, token)
	if err != nil || held.Grant.ID == "" || !maySee(caller, held.Grant.Client) {
		return inactive(), err
	}
	now, g := e.parts.Now(), held.Grant
	if presented.generation != g.Refreshed && !presented.isPrevious(g, now) {
		return inactive(), nil
	}
	found, err := e.grantStanding(ctx, g)
	if err != nil || !found.stands(g, now) {
		return inactive(), err
	}
	r := strictjson.RecordTo(make([]byte, 0, usualClaims))
	r.Begin('{')
	r.Bool("active", true)
	r.TextIf("scope", oauth.FormatScope(g.Scope))
	r.Text("client_id", string(g.Client))
	r.Int("exp", g.ExpiresAt.Unix())
	r.Int("iat", g.CreatedAt.Unix())
	r.Text("sub", string(e.parts.Names.Name(&found.client.Client, g.Subject)))
	writeConfirmation(r, g.Certificate)
	r.Text("iss", e.options.Issuer)
	r.End('}')
	return r.Bytes()
}

// family finds the grant that a refresh token belongs to; the zero HeldGrant when it is none of ours.
func (e *Endpoint) family(ctx context.Context, token string) (presentedRefresh, HeldGrant, error) {
	presented, ok := readRefresh(token)
	if !ok {
		return presentedRefresh{}, HeldGrant{}, nil
	}
	held, err := e.parts.Grants.Grant(ctx, presented.grant)
	if err != nil || !presented.belongsTo(held.Grant) {
		return presentedRefresh{}, HeldGrant{}, err
	}
	return presented, held, nil
}

// grantStanding reads all that a grant rests on.
func (e *Endpoint) grantStanding(ctx context.Context, g core.Grant) (standing, error) {
	client, err := e.parts.Clients.Registered(ctx, g.Client)
	if err != nil {
		return standing{}, err
	}
	user, err := e.person(ctx, g.Subject)
	return standing{client, user}, err
}
