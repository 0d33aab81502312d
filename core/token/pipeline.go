package token

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Request is one request to an endpoint of this package. Its parameters are Presented.Form.
type Request struct {
	Presented clientauth.Presented
	Caller    core.Caller
	RequestID string
}

// An Answer is what the token endpoint gives (RFC 6749 §5.1).
type Answer struct {
	AccessToken  core.Secret
	ExpiresIn    time.Duration
	Scope        []string
	RefreshToken core.Secret // empty: none
	IDToken      core.Secret // empty: none
}

// A call is one token request on its way down the pipeline. Each step reads what the ones before it found and adds its own.
type call struct {
	*Endpoint
	req    Request
	form   oauth.Params
	now    time.Time
	client core.Registered

	grant     core.Grant // what is issued under; without an id when the client acts for itself
	user      core.User  // whom it is about; zero when the client acts for itself
	nonce     string     // for the ID token
	scope     []string   // at first what may be had, then what is left of what was asked for
	resources []string   // likewise
	lifetimes decision.Lifetimes
	decision  core.DecisionID  // policy's; empty when nobody writes decisions down
	added     strictjson.Value // claims of plugins, an object; absent: none
	refresh   core.Secret      // the refresh token to answer with
	jti       func() string    // of the access token

	certificate string         // x5t#S256 of that which the tokens are bound to; empty: to none
	recipient   jose.Recipient // whom the ID token is encrypted to, if its client wants that
}

// A grantType is one way to get tokens. It fills in the call's grant, user, scope and resources when it checks.
type grantType interface {
	check(ctx context.Context) error
	commit(ctx context.Context) error // the one write of the request, if there is any
}

// Token takes a request down the pipeline. Errors carry the codes of RFC 6749 §5.2 and RFC 8707 §2.
func (e *Endpoint) Token(ctx context.Context, req Request) (Answer, error) {
	c := &call{Endpoint: e, req: req, form: req.Presented.Form, now: e.parts.Now(), jti: newJTI}
	var err error
	if c.client, err = e.parts.Authenticator.Authenticate(ctx, req.Presented); err != nil { // 1
		return Answer{}, err
	}
	grant, err := c.grantType() // 2
	if err != nil {
		return Answer{}, err
	}
	if err := c.bind(); err != nil {
		return Answer{}, err
	}
	for _, step := range [...]func(context.Context) error{
		grant.check,     // 3
		c.chooseTarget,  // 4
		c.askPolicy,     // 5
		c.askPlugins,    // 6
		c.findRecipient, // 7
		grant.commit,    // 8: only now a code is used up, or a refresh token replaced
	} {
		if err := step(ctx); err != nil {
			return Answer{}, err
		}
	}
	answer, err := c.mint() // 9
	if err == nil {
		c.parts.Used(&c.client.Client, c.goodUntil(answer))
	}
	return answer, err
}

// goodUntil is when all that was issued has ended.
func (c *call) goodUntil(a Answer) time.Time {
	if c.grant.ID != "" {
		return c.grant.ExpiresAt
	}
	return c.now.Add(a.ExpiresIn)
}

// grantType finds the grant that is asked for, and whether the client registered it (RFC 6749 §5.2).
func (c *call) grantType() (grantType, error) {
	var grant grantType
	asked := oauth.GrantType(c.form.Get("grant_type"))
	switch asked {
	case "":
		return nil, core.Refuse(core.InvalidRequest, "grant_type is missing.")
	case oauth.GrantAuthorizationCode:
		grant = &codeGrant{call: c}
	case oauth.GrantRefreshToken:
		grant = &refreshGrant{call: c}
	case oauth.GrantClientCredentials:
		grant = &clientGrant{call: c}
	default:
		return nil, core.Refuse(core.UnsupportedGrantType, "grant_type is not one of authorization_code, refresh_token and client_credentials.")
	}
	if !slices.Contains(c.client.Client.Metadata.GrantTypes, string(asked)) {
		return nil, core.Refuse(core.UnauthorizedClient, "This client did not register the grant type %s.", asked)
	}
	return grant, nil
}

// hasIDToken tells whether an ID token goes with the answer: a person is signed in, and openid is left of the scope.
func (c *call) hasIDToken() bool {
	return c.grant.ID != "" && oauth.ScopeContains(c.scope, oauth.ScopeOpenID)
}

// isPublic tells whether the client proves nothing when it authenticates.
func (c *call) isPublic() bool { return clientauth.Method(c.client.Client) == oauth.AuthNone }

// invalidGrant refuses a code or refresh token.
func invalidGrant(detail string) error { return core.Refuse(core.InvalidGrant, "%s", detail) }
