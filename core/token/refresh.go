package token

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core"
)

// refreshGrant answers a refresh token (RFC 6749 §6). Public clients get the next one each time, confidential clients keep
// theirs (RFC 9700 §4.14.2).
type refreshGrant struct {
	*call
	presented presentedRefresh
	held      HeldGrant
}

// check finds the family of the token, whose it is and whether it stands.
func (g *refreshGrant) check(ctx context.Context) error {
	token := g.form.Get("refresh_token")
	if token == "" {
		return core.Refuse(core.InvalidRequest, "refresh_token is missing.")
	}
	presented, ok := readRefresh(token)
	if !ok {
		return unknownRefresh()
	}
	g.presented = presented
	if err := g.read(ctx); err != nil {
		return err
	}
	if isBoundElsewhere(g.held.Grant.Certificate, g.req.Caller.Certificate) {
		return invalidGrant("The refresh token is bound to another TLS certificate than that of this connection (RFC 8705 section 4).")
	}
	standing, err := g.standingOf(ctx, g.held.Grant)
	if err != nil {
		return err
	}
	if !standing.stands(g.held.Grant, g.now) {
		return unknownRefresh()
	}
	g.grant, g.user = g.held.Grant, standing.user
	g.scope, g.resources = g.grant.Scope, g.grant.Resources
	return nil
}

// read takes the family as it is now. A token of it that was replaced earlier than the last time, or too long ago, is in two
// hands: nobody can tell which of them is the client's, so the family ends (RFC 9700 §4.14.2).
func (g *refreshGrant) read(ctx context.Context) (err error) {
	if g.held, err = g.parts.Grants.Grant(ctx, g.presented.grant); err != nil {
		return err
	}
	family := g.held.Grant
	if !g.presented.belongsTo(family) {
		return unknownRefresh()
	}
	if family.Client != g.client.Client.ID {
		return invalidGrant("The refresh token was given to another client.")
	}
	if g.presented.generation == family.Refreshed || g.presented.isPrevious(family, g.now) {
		return nil
	}
	if err := g.parts.Grants.EndGrant(ctx, family.ID); err != nil {
		return err
	}
	return invalidGrant("The refresh token was replaced by another one and used again. All tokens of this sign-in are revoked; sign in again.")
}

// maxRotations bounds how often a lost race is looked at again: the second look finds the winner's successor.
const maxRotations = 4

// commit rotates once. Who comes second, or comes again with the token before the current one, gets the same successor,
// made anew from the family's key; nothing is written for that.
func (g *refreshGrant) commit(ctx context.Context) error {
	if !g.isPublic() {
		g.refresh = refreshToken(g.held.Grant)
		return nil
	}
	for range maxRotations {
		if g.presented.generation < g.held.Grant.Refreshed { // read has seen that it may come again
			g.answerOf(g.held.Grant)
			return nil
		}
		next := g.held.Grant
		next.Refreshed++
		next.RotatedAt = g.now
		err := g.parts.Grants.Rotate(ctx, g.held, next)
		if err == nil {
			g.answerOf(next)
			return nil
		}
		if !errors.Is(err, ErrUsed) {
			return err
		}
		if err := g.read(ctx); err != nil {
			return err
		}
	}
	return core.Refuse(core.TemporarilyUnavailable, "The refresh token is in use by other requests; try again.")
}

// answerOf makes the answer of a rotation, whoever of those that came with one token asks: the same refresh token, and the same
// others too, for they are made of the moment of the rotation and of the family's key.
func (g *refreshGrant) answerOf(family core.Grant) {
	g.grant = family
	g.refresh, g.now = refreshToken(family), family.RotatedAt
	g.jti = func() string { return jtiOf(family, g.scope, g.audience()) }
}

func unknownRefresh() error {
	return invalidGrant("The refresh token is unknown, expired or revoked; sign in again.")
}
