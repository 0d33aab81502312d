// Package operator says who the operator is. It owns operator tokens: random secrets of which the configuration or the
// command line gives the value and this package keeps the hash. It does not know what operators do; the verbs do.
package operator

import (
	"crypto/subtle"

	"github.com/ostiary/ostiary/core"
)

// An Operator is one who may use the operators' API.
type Operator struct {
	Subject core.Subject
}

// A Token is one operator's bearer token as it is configured.
type Token struct {
	Subject core.Subject
	Hash    core.SecretHash
}

// Roster knows the operators.
type Roster struct{ tokens []Token }

// NewRoster makes a roster.
func NewRoster(tokens ...Token) *Roster { return &Roster{tokens: tokens} }

// Authenticate finds the operator a bearer token belongs to. It takes as long for a wrong token as for a right one.
func (r *Roster) Authenticate(bearer core.Secret) (Operator, error) {
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
	if found < 0 {
		return Operator{}, core.Refuse(core.InvalidToken, "The token is not an operator's.")
	}
	return Operator{Subject: r.tokens[found].Subject}, nil
}
