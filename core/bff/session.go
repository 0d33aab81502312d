package bff

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// Session gives who is signed in with this cookie; the zero Session for nobody. It is one read and asks nobody else.
func (b *Backend) Session(ctx context.Context, cookie core.Secret) (Session, error) {
	if err := b.Ready(); err != nil || cookie == "" {
		return Session{}, err
	}
	s, err := b.store.Session(ctx, cookie.Hash())
	now := b.now()
	if err != nil || !now.Before(s.ExpiresAt) {
		return Session{}, err
	}
	if s.void(now) {
		b.bury(ctx, s.Hash)
		return Session{}, nil
	}
	return s, nil
}

// AccessToken gives the access token for a call of the browser with this cookie. One that is about to end is renewed first,
// by one call to the issuer whatever number of calls is waiting.
func (b *Backend) AccessToken(ctx context.Context, cookie core.Secret) (core.Secret, error) {
	if err := b.Ready(); err != nil {
		return "", err
	}
	if cookie == "" {
		return "", noSession()
	}
	_, t, err := b.present(ctx, cookie.Hash())
	if err != nil || !b.due(t) {
		return t.Access, err
	}
	t, err = b.renewTokens(ctx, cookie.Hash(), b.due)
	return t.Access, err
}

// Refresh renews the tokens of a session now and tells when the session ends. When that was just done, or tried, it only tells.
func (b *Backend) Refresh(ctx context.Context, cookie core.Secret) (Session, error) {
	if err := b.Ready(); err != nil {
		return Session{}, err
	}
	if cookie == "" {
		return Session{}, noSession()
	}
	hash := cookie.Hash()
	if _, err := b.renewTokens(ctx, hash, func(Tokens) bool { return b.forced.allows(hash, b.now()) }); err != nil {
		return Session{}, err
	}
	return b.Session(ctx, cookie)
}

// noSession is what a call without a session gets: the page signs the person in, the call itself is never redirected.
func noSession() error {
	return core.Refuse(core.InvalidToken, "There is no session; sign in at /auth/login.")
}

// due tells that an access token has less than 30 seconds, or less than a fifth of its life, before it.
func (b *Backend) due(t Tokens) bool {
	early := min(30*time.Second, t.AccessUntil.Sub(t.AccessFrom)/5)
	return !b.now().Before(t.AccessUntil.Add(-early))
}

// renewTokens renews the tokens of a session, one at a time: who comes while it is under way gets its outcome.
func (b *Backend) renewTokens(ctx context.Context, hash core.SecretHash, wanted func(Tokens) bool) (Tokens, error) {
	return b.flights.do(ctx, hash, func() (Tokens, error) {
		ctx := context.WithoutCancel(ctx) // others wait for it too
		me, err := b.me()
		if err != nil {
			return Tokens{}, err
		}
		s, t, err := b.present(ctx, hash)
		switch {
		case err != nil:
			return Tokens{}, err
		case !wanted(t): // another replica, or the flight before, was faster
			return t, nil
		case t.Refresh == "":
			return b.withoutRefresh(ctx, s, t)
		}
		fresh, err := b.refreshGrant(ctx, me, t)
		if err != nil {
			return b.notRenewed(ctx, s, t, err)
		}
		return b.keep(ctx, me, s, fresh)
	})
}

// withoutRefresh uses an access token to its end, and the session ends with it.
func (b *Backend) withoutRefresh(ctx context.Context, s Session, t Tokens) (Tokens, error) {
	if b.now().Before(t.AccessUntil) {
		return t, nil
	}
	return b.give(ctx, s, t)
}

// refreshGrant is RFC 6749 §6. An answer without a refresh token leaves the old one in force.
func (b *Backend) refreshGrant(ctx context.Context, me *self, t Tokens) (Tokens, error) {
	doc, err := b.askForm(ctx, me, me.at.Token, url.Values{
		"grant_type": {string(oauth.GrantRefreshToken)}, "refresh_token": {t.Refresh.Reveal()},
	})
	if err != nil {
		return Tokens{}, err
	}
	answer, err := b.readTokens(doc)
	if err != nil {
		return Tokens{}, err
	}
	fresh := answer.Tokens
	fresh.Stamp = t.Stamp
	if fresh.Refresh == "" {
		fresh.Refresh = t.Refresh
	}
	return fresh, nil
}

// notRenewed: a refused refresh token ends the session; anything else is no reason to lose an access token that still counts.
func (b *Backend) notRenewed(ctx context.Context, s Session, t Tokens, err error) (Tokens, error) {
	if refusedWith(err, core.InvalidGrant) {
		return b.give(ctx, s, t)
	}
	if b.now().Before(t.AccessUntil) {
		b.log.Warn("a session's tokens could not be renewed; the old ones serve for now", "error", err)
		return t, nil
	}
	return Tokens{}, unavailable(err)
}

// give ends a session whose tokens are at an end, unless another replica has renewed them.
func (b *Backend) give(ctx context.Context, s Session, t Tokens) (Tokens, error) {
	err := b.store.EndSession(ctx, s.Hash, t.Stamp)
	if errors.Is(err, ErrChanged) {
		_, t, err := b.present(ctx, s.Hash)
		return t, err
	}
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{}, noSession()
}

// keep stores fresh tokens. Who loses against another replica takes what that one stored; when the session has ended
// meanwhile, the fresh tokens end too.
func (b *Backend) keep(ctx context.Context, me *self, s Session, fresh Tokens) (Tokens, error) {
	err := b.store.UpdateTokens(ctx, s, fresh)
	if !errors.Is(err, ErrChanged) {
		return fresh, err
	}
	_, there, err := b.present(ctx, s.Hash)
	if core.CodeOf(err) == core.InvalidToken {
		b.revoke(ctx, me, fresh.Refresh)
	}
	return there, err
}
