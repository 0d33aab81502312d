package bff

import (
	"context"
	"net/url"

	"github.com/ostiary/ostiary/core"
)

// Logout ends a session: its record, its tokens and, where that can be done in process, the issuer's own session. It gives
// where the browser goes now: to the issuer's end-session endpoint (OpenID Connect RP-Initiated Logout §2), which brings it
// back. No ID token is in that address: it would be a token in the browser's hands, history and logs.
func (b *Backend) Logout(ctx context.Context, host string, cookie core.Secret) (string, error) {
	me, err := b.me()
	if err != nil {
		return "", err
	}
	s, err := b.end(ctx, me, cookie)
	if err != nil {
		return "", err
	}
	if s.Subject == "" {
		return b.settings.AfterLogout, nil
	}
	b.endIssued(ctx, s)
	return b.endSessionURL(me, host), nil
}

// end removes the session of a cookie and has its refresh token revoked. It gives the session; the zero one when there is none.
func (b *Backend) end(ctx context.Context, me *self, cookie core.Secret) (Session, error) {
	if cookie == "" {
		return Session{}, nil
	}
	s, t, err := b.store.Tokens(ctx, cookie.Hash())
	if err != nil || s.Subject == "" {
		return Session{}, err
	}
	if err := b.store.EndSession(ctx, s.Hash, Stamp{}); err != nil {
		return Session{}, err
	}
	b.revoke(ctx, me, t.Refresh)
	return s, nil
}

// revoke tells the issuer that a refresh token is not needed any more (RFC 7009 §2.1). Our session is over whether or not it
// listens.
func (b *Backend) revoke(ctx context.Context, me *self, refresh core.Secret) {
	if refresh == "" || me.at.Revoke == "" {
		return
	}
	form := url.Values{"token": {refresh.Reveal()}, "token_type_hint": {"refresh_token"}}
	if _, err := b.askForm(ctx, me, me.at.Revoke, form); err != nil {
		b.log.Warn("a refresh token could not be revoked", "error", err)
	}
}

// endIssued ends the issuer's own session, so that the next login asks who it is.
func (b *Backend) endIssued(ctx context.Context, s Session) {
	if b.parts.EndSession == nil || s.Issued == "" {
		return
	}
	if err := b.parts.EndSession(ctx, s.Subject, s.Issued); err != nil {
		b.log.Warn("the identity provider's session could not be ended", "error", err)
	}
}

func (b *Backend) endSessionURL(me *self, host string) string {
	if me.at.Logout == "" { // an issuer that ends no sessions
		return b.settings.AfterLogout
	}
	origin, err := b.originOf(host)
	if err != nil {
		origin = b.settings.Origins[0]
	}
	query := url.Values{"client_id": {string(me.ClientID)}, "post_logout_redirect_uri": {origin + b.settings.AfterLogout}}
	return withQuery(me.at.Logout, query)
}
