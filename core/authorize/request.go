package authorize

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
)

// A Request is an authorization request that passed every check (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).
type Request struct {
	Client      core.Client
	RedirectURI string
	RedirectSet bool   // the request named it; else it is the only one registered
	Mode        string // "query" or "form_post"
	State       string
	Scope       []string
	Resources   []string // RFC 8707
	Challenge   string   // of PKCE with S256; empty: none
	Nonce       string
	Prompt      Prompt
	MaxAge      *time.Duration // nil: however old the sign-in is
	LoginHint   string         // who is expected to sign in, to fill in the form
	Hinted      core.Subject   // who must be signed in, by id_token_hint; empty: anybody
	Locales     []string       // languages that the person reads, the best liked first (ui_locales)
	Pushed      bool           // it came by reference (RFC 9126)
}

// Prompt is the set of words of the parameter prompt (OpenID Connect Core §3.1.2.1).
type Prompt struct{ None, Login, Consent, SelectAccount bool }

// words gives them as policy sees them.
func (p Prompt) words() []string {
	var words []string
	for _, w := range [...]struct {
		on   bool
		word string
	}{{p.None, "none"}, {p.Login, "login"}, {p.Consent, "consent"}, {p.SelectAccount, "select_account"}} {
		if w.on {
			words = append(words, w.word)
		}
	}
	return words
}

// isOIDC tells an OpenID Connect request from a plain OAuth one.
func (r *Request) isOIDC() bool { return oauth.ScopeContains(r.Scope, oauth.ScopeOpenID) }

// imitable tells that any program on the person's device could be the one that asks: nothing proves who the client is, and its
// redirect URI is not one site's alone (RFC 8252 §8.6). No code goes there that the person was not asked about.
func (r *Request) imitable() bool {
	return oauth.AuthMethod(r.Client.Metadata.TokenEndpointAuthMethod) == oauth.AuthNone && oauth.ParseURI(r.RedirectURI).Class != oauth.ClassHTTPS
}

// unremembered tells that what the person allows counts once, and so does what was allowed before.
func (r *Request) unremembered() bool {
	return r.imitable() || r.Client.Governance.Obliges(decision.ObligeConsentAlways)
}

// Profiles of clients with a rule of their own.
const (
	profileFAPI = "fapi2"
	profileOIDC = "oidc"
)

// pkceRequired tells whether the request must carry a challenge: always for public clients, for clients that are obliged to it or
// bound themselves, and for the profile fapi2; never for the profile oidc; else unless it is an OpenID Connect request whose nonce binds the code to the
// browser just as well (RFC 9700 §2.1.1).
func pkceRequired(c *core.Client, r *Request) bool {
	switch {
	case c.Governance.Obliges(decision.ObligePKCE), c.Metadata.RequirePKCE != nil && *c.Metadata.RequirePKCE, oauth.AuthMethod(c.Metadata.TokenEndpointAuthMethod) == oauth.AuthNone, c.Provenance.Profile == profileFAPI:
		return true
	case c.Provenance.Profile == profileOIDC:
		return false
	}
	return !r.isOIDC() || r.Nonce == ""
}
