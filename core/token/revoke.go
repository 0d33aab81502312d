package token

import (
	"context"

	"github.com/ostiary/ostiary/core"
)

// revokedKind is the kind of row that remembers a revoked access token, by the hash of its jti, until it expires.
const revokedKind = "revoked_access_token"

// Revoke ends a token (RFC 7009 §2.1): with a refresh token all that its grant gave out, with an access token that one alone.
// A token that is unknown, expired or revoked is no error; one that was issued to another client is refused.
func (e *Endpoint) Revoke(ctx context.Context, req Request) error {
	caller, token, err := e.askedFor(ctx, req)
	if err != nil {
		return err
	}
	if !isJWT(token) {
		return e.revokeRefresh(ctx, caller.Client.ID, token)
	}
	access, ok, err := e.signed(ctx, core.Secret(token))
	switch {
	case err != nil:
		return err
	case !ok || !e.parts.Now().Before(access.ExpiresAt):
		return nil
	case access.ClientID != caller.Client.ID:
		return foreignToken()
	}
	_, err = e.parts.Once.Once(ctx, revokedKind, core.Secret(access.ID).Hash(), access.ExpiresAt)
	return err
}

// revokeRefresh takes any token of the family, also one that was replaced.
func (e *Endpoint) revokeRefresh(ctx context.Context, caller core.ClientID, token string) error {
	_, held, err := e.family(ctx, token)
	switch {
	case err != nil || held.Grant.ID == "":
		return err
	case held.Grant.Client != caller:
		return foreignToken()
	}
	return e.parts.Grants.EndGrant(ctx, held.Grant.ID)
}

func foreignToken() error { return invalidGrant("The token was issued to another client.") }
