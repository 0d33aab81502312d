package bff

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// loginTime is how long a person may take to sign in.
const loginTime = 10 * time.Minute

// A Start is the beginning of a login.
type Start struct {
	URL     string      // where the browser goes: the issuer's authorization endpoint
	Name    string      // of this login: the end of its cookie's name
	Cookie  core.Secret // binds the login to this browser
	Expires time.Time
}

// Login begins a login for the browser that asked at host: it pushes the request to the issuer (RFC 9126) with PKCE, state and
// nonce, and remembers it. returnTo is where the browser wants to be at the end.
func (b *Backend) Login(ctx context.Context, host, returnTo string) (Start, error) {
	me, err := b.me()
	if err != nil {
		return Start{}, err
	}
	back, err := b.checkReturnTo(returnTo)
	if err != nil {
		return Start{}, err
	}
	origin, err := b.originOf(host)
	if err != nil {
		return Start{}, err
	}
	state, cookie := core.NewSecret(), core.NewSecret()
	p := Pending{
		State: state.Hash(), Browser: cookie.Hash(), Verifier: core.NewSecret(), Nonce: core.NewSecret(),
		RedirectURI: redirectURI(origin), ReturnTo: back, ExpiresAt: b.now().Add(loginTime),
	}
	to, err := b.push(ctx, me, p, state)
	if err != nil {
		return Start{}, unavailable(err)
	}
	if err := b.store.AddPending(ctx, p); err != nil {
		return Start{}, err
	}
	return Start{URL: to, Name: LoginName(state), Cookie: cookie, Expires: p.ExpiresAt}, nil
}

// LoginName gives the name of the login that has this state. Two logins of one browser do not disturb each other.
func LoginName(state core.Secret) string { return state.Hash().String()[:8] }

// originOf finds the origin that a browser sees us at. It must be one of ours, or the cookie would stay behind.
func (b *Backend) originOf(host string) (string, error) {
	for _, origin := range b.settings.Origins {
		if _, known, _ := strings.Cut(origin, "://"); known == strings.ToLower(host) {
			return origin, nil
		}
	}
	return "", core.Refuse(core.MisdirectedRequest, "Sign-in works at %s only; open that address.", b.settings.Origins[0])
}

// push sends the authorization request ahead and gives the address that stands for it; where nothing is pushed, the request itself.
func (b *Backend) push(ctx context.Context, me *self, p Pending, state core.Secret) (string, error) {
	request := url.Values{
		"client_id":             {string(me.ClientID)},
		"response_type":         {string(oauth.ResponseCode)},
		"redirect_uri":          {p.RedirectURI},
		"scope":                 {oauth.FormatScope(b.settings.Scope)},
		"state":                 {state.Reveal()},
		"nonce":                 {p.Nonce.Reveal()},
		"code_challenge":        {oauth.S256Challenge(p.Verifier.Reveal())},
		"code_challenge_method": {oauth.MethodS256},
	}
	if b.settings.Consent {
		request.Set("prompt", "consent")
	}
	if !b.pushes(me.at) {
		return withQuery(me.at.Authorize, request), nil
	}
	answer, err := b.askForm(ctx, me, me.at.PAR, request)
	if err != nil {
		return "", err
	}
	pushed := textOf(answer, "request_uri")
	if pushed == "" {
		return "", errNoRequestURI
	}
	return withQuery(me.at.Authorize, url.Values{"client_id": {string(me.ClientID)}, "request_uri": {pushed}}), nil
}

// pushes tells whether requests are pushed ahead (RFC 9126).
func (b *Backend) pushes(at Endpoints) bool {
	return b.settings.Push != PushNever && at.PAR != ""
}
