package bff

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

var (
	errNoRequestURI = errors.New("the answer to the pushed request has no request_uri")
	errNoTokens     = errors.New("the token answer lacks access_token, or its token_type is not Bearer")
)

// A Return is a browser that comes back from the issuer.
type Return struct {
	Params  oauth.Params // of the authorization response; none of them twice
	Cookie  core.Secret  // of the login that its state names; empty: the browser has none
	Session core.Secret  // the session the browser still has; it ends
}

// An Arrival is the end of a login.
type Arrival struct {
	ReturnTo string      // where the browser goes now; it carries auth_error when the issuer refused
	Cookie   core.Secret // of the new session; empty: there is none
	Expires  time.Time
}

// Callback ends a login: the checks stand in order of trust, and nothing is sent to the issuer before all hold.
func (b *Backend) Callback(ctx context.Context, r Return) (Arrival, error) {
	me, err := b.me()
	if err != nil {
		return Arrival{}, err
	}
	p, err := b.take(ctx, r)
	if err != nil {
		return Arrival{}, err
	}
	if iss := r.Params.Get("iss"); iss != me.at.Issuer && (iss != "" || me.at.SaysIss) { // RFC 9207 §2.4; ours always says who it is
		return Arrival{}, core.Refuse(core.InvalidRequest, "The answer is not from the identity provider that was asked (iss); sign in again.")
	}
	if code := r.Params.Get("error"); code != "" {
		return Arrival{ReturnTo: withQuery(p.ReturnTo, url.Values{"auth_error": {knownError(code)}})}, nil
	}
	answer, err := b.exchange(ctx, me, p, r.Params.Get("code"))
	if err != nil {
		return Arrival{}, err
	}
	who, err := b.identify(ctx, me, p, answer)
	if err != nil {
		return Arrival{}, err
	}
	if who.origin, err = b.trace(ctx, me, who, answer.Tokens); err != nil {
		return Arrival{}, err
	}
	return b.begin(ctx, me, arrived{who, answer.Tokens, p.ReturnTo, r.Session})
}

// take finds the login that the state names, holds it against the browser's cookie and removes it: a state counts once.
func (b *Backend) take(ctx context.Context, r Return) (Pending, error) {
	unknown := core.Refuse(core.InvalidRequest, "This sign-in is not under way in this browser: it was finished, took too long, or was begun elsewhere. Sign in again.")
	state := core.Secret(r.Params.Get("state"))
	if state == "" || r.Cookie == "" {
		return Pending{}, unknown
	}
	p, err := b.store.Pending(ctx, state.Hash())
	if err != nil {
		return Pending{}, err
	}
	cookie := r.Cookie.Hash()
	if p.ReturnTo == "" || !b.now().Before(p.ExpiresAt) || subtle.ConstantTimeCompare(cookie[:], p.Browser[:]) != 1 {
		return Pending{}, unknown
	}
	err = b.store.TakePending(ctx, p)
	if errors.Is(err, ErrChanged) {
		return Pending{}, unknown
	}
	return p, err
}

// knownError keeps what the issuer says to words of the protocol.
func knownError(code string) string {
	switch known := core.Code(code); known {
	case core.AccessDenied, core.LoginRequired, core.ConsentRequired, core.InteractionRequired, core.AccountSelectionRequired,
		core.TemporarilyUnavailable, core.InvalidRequest, core.InvalidScope, core.UnauthorizedClient:
		return code
	}
	return string(core.ServerError)
}

// tokenAnswer is RFC 6749 §5.1 with the ID token of OpenID Connect Core §3.1.3.3.
type tokenAnswer struct {
	Tokens
	idToken string
}

// exchange redeems the code (RFC 6749 §4.1.3).
func (b *Backend) exchange(ctx context.Context, me *self, p Pending, code string) (tokenAnswer, error) {
	if code == "" {
		return tokenAnswer{}, core.Refuse(core.InvalidRequest, "The answer of the identity provider has no code; sign in again.")
	}
	doc, err := b.askForm(ctx, me, me.at.Token, url.Values{
		"grant_type": {string(oauth.GrantAuthorizationCode)}, "code": {code},
		"redirect_uri": {p.RedirectURI}, "code_verifier": {p.Verifier.Reveal()},
	})
	if refusedWith(err, core.InvalidGrant) {
		return tokenAnswer{}, core.Fail(core.InvalidGrant, "The identity provider did not accept the code; sign in again.", err)
	}
	if err != nil {
		return tokenAnswer{}, unavailable(err)
	}
	answer, err := b.readTokens(doc)
	if err != nil {
		return tokenAnswer{}, unavailable(err)
	}
	return answer, nil
}

// readTokens reads a token answer. An access token without an end counts for five minutes.
func (b *Backend) readTokens(doc strictjson.Value) (tokenAnswer, error) {
	text := func(name string) string {
		v, _ := doc.Get(name)
		s, _ := v.Text()
		return s
	}
	now := b.now()
	a := tokenAnswer{idToken: text("id_token"), Tokens: Tokens{
		Access: core.Secret(text("access_token")), Refresh: core.Secret(text("refresh_token")), AccessFrom: now, AccessUntil: now.Add(5 * time.Minute),
	}}
	if v, given := doc.Get("expires_in"); given {
		seconds, ok := v.Int64()
		if !ok || seconds < 0 {
			return a, errors.New("expires_in of the token answer is no number of seconds")
		}
		a.AccessUntil = now.Add(time.Duration(min(seconds, 365*24*3600)) * time.Second)
	}
	if a.Access == "" || !strings.EqualFold(text("token_type"), "Bearer") {
		return a, errNoTokens
	}
	return a, nil
}

// identify verifies the ID token and, when it tells no name, asks userinfo.
func (b *Backend) identify(ctx context.Context, me *self, p Pending, a tokenAnswer) (identity, error) {
	header, _, err := jose.Peek(a.idToken, 0)
	if err != nil {
		return identity{}, untrusted(err)
	}
	set, err := b.keys.Set(ctx, me.at.JWKS, header.Kid)
	if err != nil {
		return identity{}, unavailable(err)
	}
	claims, err := jose.Verify(a.idToken, set, me.algs)
	if err != nil {
		return identity{}, untrusted(err)
	}
	check := idTokenCheck{issuer: me.at.Issuer, client: me.ClientID, nonce: p.Nonce, access: a.Access, typ: header.Typ, alg: header.Alg, now: b.now()}
	if err := check.holds(claims); err != nil {
		return identity{}, untrusted(err)
	}
	who := identityOf(claims)
	if who.named() || me.at.UserInfo == "" {
		return who, nil
	}
	return b.askUserInfo(ctx, me, who, a.Access)
}

func untrusted(err error) error {
	return core.Fail(core.InvalidGrant, "The identity provider's ID token was not accepted; sign in again.", fmt.Errorf("id token: %w", err))
}

// arrived is who came back, with what, where they go and which session they still had.
type arrived struct {
	who      identity
	tokens   Tokens
	returnTo string
	old      core.Secret
}

// begin makes a new session with a new cookie. The one that the browser had before ends, and so does its refresh token.
func (b *Backend) begin(ctx context.Context, me *self, a arrived) (Arrival, error) {
	cookie, now, who, t := core.NewSecret(), b.now(), a.who, a.tokens
	s := Session{
		Hash: cookie.Hash(), Subject: who.subject, Issued: who.session, Username: who.username, Name: who.name,
		Email: who.email, EmailVerified: who.emailVerified, CreatedAt: now, ExpiresAt: now.Add(b.settings.SessionLife),
		Origin: who.origin, Client: me.ClientID,
	}
	if t.Refresh == "" && t.AccessUntil.Before(s.ExpiresAt) {
		s.ExpiresAt = t.AccessUntil // nothing could prolong it
		b.told.Do(func() {
			b.log.Warn("the identity provider gave no refresh token: sessions end with their access token", "after", t.AccessUntil.Sub(now).String(), "hint", b.say(NoRefresh))
		})
	}
	if err := b.store.AddSession(ctx, s, t); err != nil {
		return Arrival{}, err
	}
	if _, err := b.end(ctx, me, a.old); err != nil {
		return Arrival{}, err
	}
	return Arrival{ReturnTo: a.returnTo, Cookie: cookie, Expires: s.ExpiresAt}, nil
}
