package authorize

import (
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Site is what the operator's configuration says to this endpoint. Its parts are functions where they may change while the
// server runs.
type Site struct {
	Issuer           string
	Keys             func() jose.KeySet                         // ours, retired ones included
	AnyLocalhostPort bool                                       // the port of http://localhost in a redirect URI may differ
	Resource         func(core.Client, string) bool             // may the client ask for tokens for this resource (RFC 8707); the issuer itself is always one
	ScopeResources   func(c core.Client, scope string) []string // whom tokens with a scope are for when no resource is named; nil: that is not said of any
	Names            core.Pairwise                              // of people, to clients that know them by names of their own
	SignedOut        func(core.Client, string) bool             // may a browser that signed out be sent to this URI of the client
}

// A hint is what an ID token of ours says about the session it was made in.
type hint struct {
	subject  core.Subject
	session  core.SessionID // empty: it names none
	audience []string
}

// idTokenAlgs are those that an ID token of ours can be signed with.
var idTokenAlgs = []string{"RS256", "ES256", "EdDSA", "Ed25519", "PS256", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512"}

// hint reads an ID token that we signed, expired or not: it is no credential, only says who is meant.
func (s *Site) hint(token string) (hint, bool) {
	header, _, err := jose.Peek(token, 0)
	if err != nil || header.Typ != "" && !strings.EqualFold(header.Typ, "JWT") { // an access token (RFC 9068) has a typ of its own
		return hint{}, false
	}
	claims, err := jose.Verify(token, s.Keys(), idTokenAlgs)
	if err != nil || textOf(claims, "iss") != s.Issuer {
		return hint{}, false
	}
	h := hint{subject: core.Subject(textOf(claims, "sub")), session: core.SessionID(textOf(claims, "sid"))}
	audience, _ := claims.Get("aud")
	if one, ok := audience.Text(); ok {
		h.audience = []string{one}
	} else {
		h.audience, _ = audience.Strings()
	}
	return h, h.subject != "" && len(h.audience) > 0
}

func textOf(claims strictjson.Value, name string) string {
	v, _ := claims.Get(name)
	text, _ := v.Text()
	return text
}
