package token

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// clientGrant is a client acting for itself (RFC 6749 §4.4). Nothing is kept: its token names the client's generation.
type clientGrant struct{ *call }

// check gives the client what it registered. The scopes that speak of a person it gets only by name, and nothing by them: many
// clients ask for openid whatever the grant.
func (g *clientGrant) check(context.Context) error {
	if g.isPublic() {
		return core.Refuse(core.UnauthorizedClient, "A client that does not authenticate cannot use client_credentials (RFC 6749 section 4.4).")
	}
	g.scope = slices.Clone(g.client.Client.Metadata.Scope)
	if !g.form.Has("scope") {
		g.scope = slices.DeleteFunc(g.scope, aboutAPerson)
	}
	return nil
}

func (*clientGrant) commit(context.Context) error { return nil }

// aboutAPerson tells the scopes that mean nothing without one (OpenID Connect Core §5.4, §11).
func aboutAPerson(scope string) bool {
	switch scope {
	case oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeAddress, oauth.ScopePhone, oauth.ScopeOfflineAccess:
		return true
	}
	return false
}
