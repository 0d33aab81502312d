package oauth

import (
	"slices"
	"strings"
)

// RedirectProblems is the floor under redirect URIs: why this one is never safe to register, empty if it may be. Whether its
// scheme, host or application type is wanted is policy.
func RedirectProblems(u URI) []Problem {
	if u.Scheme == "http" && !u.Loopback {
		return append(slices.Clip(u.Problems), HTTPNonLoopback)
	}
	return u.Problems
}

// WebURIProblems is the floor under the URIs that we or a browser fetch: logo_uri, client_uri, tos_uri, policy_uri,
// initiate_login_uri and, with httpsOnly, jwks_uri, sector_identifier_uri and request_uris. They are https; without httpsOnly
// also http on a loopback host. A fragment is allowed: pages have anchors, and in a request_uri it is the hash of what is
// fetched (OpenID Connect Core §6.2).
func WebURIProblems(u URI, httpsOnly bool) []Problem {
	problems := slices.DeleteFunc(slices.Clone(u.Problems), func(p Problem) bool { return p == Fragment })
	switch {
	case u.Scheme == "https" || u.Scheme == "": // without a scheme there is a problem already
		return problems
	case u.Scheme == "http" && !u.Loopback:
		return append(problems, HTTPNonLoopback)
	case u.Scheme == "http" && !httpsOnly:
		return problems
	}
	return append(problems, NotHTTPS)
}

// MatchRedirect says whether a presented redirect URI is a registered one: the same string (RFC 9700 §2.1), except that the
// port of http on 127.0.0.1, [::1] and, if anyLocalhostPort, localhost may differ, be added or be left out (RFC 8252 §7.3).
// No letter case, encoding or spelling is ever forgiven. The registered one is taken to stand above the floor.
func MatchRedirect(registered, presented string, anyLocalhostPort bool) bool {
	if registered == presented {
		return registered != ""
	}
	host, rest, ok := splitLoopback(registered, anyLocalhostPort)
	if !ok {
		return false
	}
	presentedHost, presentedRest, ok := splitLoopback(presented, anyLocalhostPort)
	return ok && host == presentedHost && rest == presentedRest
}

// splitLoopback takes the port out of a loopback URI: what stands before it and after it. It knows three literal
// beginnings and nothing else, so that no parser's opinion is involved.
func splitLoopback(raw string, localhost bool) (before, after string, ok bool) {
	for _, begin := range [...]string{"http://127.0.0.1", "http://[::1]", "http://localhost"} {
		rest, found := strings.CutPrefix(raw, begin)
		if !found || begin == "http://localhost" && !localhost {
			continue
		}
		if strings.HasPrefix(rest, ":") {
			end := strings.IndexAny(rest, "/?")
			if end < 0 {
				end = len(rest)
			}
			if !validPort(rest[1:end]) {
				return "", "", false
			}
			rest = rest[end:]
		}
		return begin, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}
