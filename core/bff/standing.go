package bff

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
)

// void tells that the person was signed out everywhere, disabled or deleted, that the client was deleted or disabled, or that the
// issuer's own session was ended. One that came to its end by itself is no reason: the refresh token says how long a session may go on.
func (s Session) void(now time.Time) bool {
	is := s.Standing
	return is.Known && (is.Generation == 0 || is.Generation != s.Origin.Generation ||
		is.ClientGeneration != s.Origin.ClientGeneration || !is.SignedIn && now.Before(s.Origin.Until))
}

// trace finds the issuer's own session that a login came from. Who was signed out while it was under way stays out.
func (b *Backend) trace(ctx context.Context, me *self, who identity, t Tokens) (Origin, error) {
	origin, err := b.store.Origin(ctx, who.subject, who.session)
	if err != nil || !origin.Known || origin.Generation != 0 {
		return origin, err
	}
	b.revoke(ctx, me, t.Refresh)
	return origin, core.Refuse(core.InvalidGrant, "Your session with the identity provider has ended meanwhile; sign in again.")
}

// present gives a session that counts, and its tokens; an error when there is none.
func (b *Backend) present(ctx context.Context, hash core.SecretHash) (Session, Tokens, error) {
	s, t, err := b.store.Tokens(ctx, hash)
	switch now := b.now(); {
	case err != nil:
		return Session{}, Tokens{}, err
	case !now.Before(s.ExpiresAt):
		return Session{}, Tokens{}, noSession()
	case s.void(now):
		b.bury(ctx, hash)
		return Session{}, Tokens{}, noSession()
	}
	return s, t, nil
}

// bury removes a session that is void and has its refresh token revoked, once. It answers as nobody whether or not that works.
func (b *Backend) bury(ctx context.Context, hash core.SecretHash) {
	ctx = context.WithoutCancel(ctx) // whoever asked may have gone
	me, err := b.me()
	if err != nil {
		return
	}
	_, t, err := b.store.Tokens(ctx, hash)
	if err != nil || t.Stamp == (Stamp{}) { // somebody was faster
		return
	}
	switch err := b.store.EndSession(ctx, hash, t.Stamp); {
	case err == nil:
		b.revoke(ctx, me, t.Refresh)
	case !errors.Is(err, ErrChanged):
		b.log.Warn("a session that is void could not be removed", "error", err)
	}
}
