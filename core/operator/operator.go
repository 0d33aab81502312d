// Package operator says who the operator is. It owns operator tokens: random secrets of which the configuration or the
// command line gives the value and this package keeps the hash. It also takes access tokens of our own issuer, made for the
// operators' API, of people who are administrators. It does not know what operators do; the verbs do.
package operator

import (
	"context"
	"crypto/subtle"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
)

// Scope is what an access token must hold. Registering it is permission to ask, not to have it.
const Scope = "admin.api"

// An Operator is one who may use the operators' API.
type Operator struct {
	Subject core.Subject
}

// A Token is one operator's bearer token as it is configured.
type Token struct {
	Subject core.Subject
	Hash    core.SecretHash
}

// A Bearer is what a verified access token says.
type Bearer struct {
	Subject  core.Subject
	Scope    []string
	Audience []string
	Trusted  bool // an administrator, or a client that operators registered acting for itself
}

// Access verifies an access token that came with a certificate, or with none; one that does not count is refused with invalid_token.
type Access func(ctx context.Context, token core.Secret, certificate *core.Certificate) (Bearer, error)

// Roster knows the operators.
type Roster struct {
	tokens   []Token
	audience string
	access   Access // nil: only operators' own tokens count
}

// NewRoster makes a roster.
func NewRoster(tokens ...Token) *Roster { return &Roster{tokens: tokens} }

// Accept has the roster take access tokens for an audience, the operators' API's resource identifier (RFC 8707).
func (r *Roster) Accept(audience string, access Access) *Roster {
	return &Roster{tokens: r.tokens, audience: audience, access: access}
}

// Authenticate finds the operator a bearer token belongs to. It takes as long for a wrong operator's token as for a right one. The
// certificate is what the caller presented, nil for none: an access token may be bound to it.
func (r *Roster) Authenticate(ctx context.Context, bearer core.Secret, certificate *core.Certificate) (Operator, error) {
	if bearer == "" {
		return Operator{}, core.Refuse(core.InvalidToken, "An operator's token is needed: send it as Authorization: Bearer.")
	}
	presented := bearer.Hash()
	found := -1
	for i, t := range r.tokens {
		if subtle.ConstantTimeCompare(t.Hash[:], presented[:]) == 1 {
			found = i
		}
	}
	switch {
	case found >= 0:
		return Operator{Subject: r.tokens[found].Subject}, nil
	case r.access != nil && strings.Count(bearer.Reveal(), ".") == 2:
		return r.byAccessToken(ctx, bearer, certificate)
	}
	return Operator{}, core.Refuse(core.InvalidToken, "The token is not an operator's.")
}

// byAccessToken takes a token that was made for this API, holds its scope and is of somebody trusted with it.
func (r *Roster) byAccessToken(ctx context.Context, token core.Secret, certificate *core.Certificate) (Operator, error) {
	b, err := r.access(ctx, token, certificate)
	switch {
	case err != nil:
		return Operator{}, err
	case !slices.Contains(b.Audience, r.audience):
		return Operator{}, core.Refuse(core.InvalidToken, "The access token is for another audience; ask for one with resource=%s.", r.audience)
	case !slices.Contains(b.Scope, Scope):
		return Operator{}, core.Refuse(core.InsufficientScope, "The access token lacks the scope %s.", Scope)
	case !b.Trusted:
		return Operator{}, core.Refuse(core.AccessDenied, "The access token is not an administrator's.")
	}
	return Operator{Subject: b.Subject}, nil
}
