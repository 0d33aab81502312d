package oauth

import (
	"fmt"
	"slices"
	"strings"
)

// The standard scopes of OpenID Connect Core §3.1.2.1, §5.4 and §11.
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeAddress       = "address"
	ScopePhone         = "phone"
	ScopeOfflineAccess = "offline_access"
)

// The largest scope that is read.
const (
	MaxScopes      = 200 // tokens, after duplicates are dropped
	MaxScopeLength = 256 // characters in one token
)

// ParseScope splits a scope into its tokens (RFC 6749 §3.3), keeping their order and dropping duplicates. Spaces before,
// after and between tokens may repeat; an empty text has no tokens. The error's text is safe for the caller: it counts
// characters and never repeats them.
func ParseScope(s string) ([]string, error) {
	if len(s) > MaxScopes*(MaxScopeLength+1) {
		return nil, fmt.Errorf("scope is longer than %d characters", MaxScopes*(MaxScopeLength+1))
	}
	if at := strings.IndexFunc(s, notScopeCharacter); at >= 0 {
		return nil, fmt.Errorf("scope has a character that is not allowed at position %d (RFC 6749 section 3.3)", at+1)
	}
	var scopes []string
	for token := range strings.SplitSeq(s, " ") {
		if token == "" || slices.Contains(scopes, token) {
			continue
		}
		if len(token) > MaxScopeLength {
			return nil, fmt.Errorf("scope has a value longer than %d characters", MaxScopeLength)
		}
		if len(scopes) == MaxScopes {
			return nil, fmt.Errorf("scope has more than %d values", MaxScopes)
		}
		scopes = append(scopes, token)
	}
	return scopes, nil
}

// ValidScope says whether a text is one scope token: 1 to 256 of the characters of RFC 6749 §3.3.
func ValidScope(token string) bool {
	return token != "" && len(token) <= MaxScopeLength && !strings.Contains(token, " ") &&
		strings.IndexFunc(token, notScopeCharacter) < 0
}

// notScopeCharacter is true for what is neither a space nor %x21 / %x23-5B / %x5D-7E.
func notScopeCharacter(r rune) bool {
	return r < ' ' || r > '~' || r == '"' || r == '\\'
}

// FormatScope writes scopes as they stand on the wire.
func FormatScope(scopes []string) string { return strings.Join(scopes, " ") }

// ScopeContains says whether a token is among scopes. Scopes are case-sensitive (RFC 6749 §3.3).
func ScopeContains(scopes []string, token string) bool { return slices.Contains(scopes, token) }

// ScopesApart finds two scopes that stand for different resources: a token for both would take to each what is meant for the other,
// so that one resource is to be named, or they are asked for one by one (RFC 9068 §3). A scope that stands for none goes with any.
func ScopesApart(scopes []string, standsFor func(scope string) []string) (one, other string, apart bool) {
	var first []string
	for _, scope := range scopes {
		resources := slices.Compact(slices.Sorted(slices.Values(standsFor(scope))))
		switch {
		case len(resources) == 0:
		case first == nil:
			one, first = scope, resources
		case !slices.Equal(first, resources):
			return one, scope, true
		}
	}
	return "", "", false
}
