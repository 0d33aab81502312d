package oauth

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
)

// A URLPattern stands for addresses: [scheme://]host[:port][/path]. Each part may be "*", for any, and so may the whole. Without a
// scheme it is for http and https, without a port or path, or with the path "/*", for any; a host that begins with "*." is that domain
// and all below it; in a path each other "*" stands for any text. It is how Janssen's auth server writes the lists of redirect URIs that
// clients may have.
type URLPattern struct {
	all                bool
	scheme, host, port string   // "*", or a port "": any; a scheme "": http and https
	path               []string // decoded, what stands between its stars; nil: any
}

// ParseURLPattern reads a pattern. One that could never match is an error.
func ParseURLPattern(text string) (URLPattern, error) {
	if text == "*" {
		return URLPattern{all: true}, nil
	}
	wrong := func(what string) (URLPattern, error) {
		return URLPattern{}, fmt.Errorf("%q is no pattern of addresses: %s; write https://app.example.com/cb, *.example.com/*, or * for any", text[:min(len(text), maxHost)], what)
	}
	p, rest := URLPattern{}, text
	if scheme, after, given := strings.Cut(rest, "://"); given {
		if p.scheme, rest = strings.ToLower(scheme), after; p.scheme != "*" && !isSchemeName(p.scheme) {
			return wrong("the scheme is none")
		}
	}
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		path, what := readPattern(rest[at:])
		if what != "" {
			return wrong(what)
		}
		rest, p.path = rest[:at], path
	}
	p.host = rest
	if at := strings.LastIndexByte(rest, ':'); at > strings.LastIndexByte(rest, ']') {
		if p.host, p.port = rest[:at], rest[at+1:]; p.port != "*" && !validPort(p.port) {
			return wrong("the port is none")
		}
	}
	if p.host == "*" {
		return p, nil
	}
	name, below := strings.CutPrefix(p.host, "*.")
	canonical, isAddress, ok := canonicalHost(name)
	if !ok || below && isAddress {
		return wrong("the host is none")
	}
	if p.host = canonical; below {
		p.host = "*." + canonical
	}
	return p, nil
}

// readPattern takes the path of a pattern apart at its stars, or says what is wrong with it. An encoded star stands for itself.
func readPattern(path string) (parts []string, wrong string) {
	switch {
	case strings.ContainsAny(path, "?#"):
		return nil, "queries and fragments are not compared"
	case hasDotSegment(path):
		return nil, "no address may have the path segments . and .."
	case path == "/*":
		return nil, ""
	}
	for part := range strings.SplitSeq(path, "*") {
		decoded, err := url.PathUnescape(part)
		if err != nil {
			return nil, "a % in the path is followed by no two hexadecimal digits"
		}
		parts = append(parts, decoded)
	}
	return parts, ""
}

func isSchemeName(scheme string) bool {
	return scheme != "" && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == "" && scheme[0] >= 'a'
}

// Matches tells whether an address is among those that the pattern stands for. Ports are compared also where a scheme has them by
// itself, and paths as they are meant, whatever of them is encoded: none at all is "/" (RFC 3986 §6.2.3).
func (p URLPattern) Matches(u URI) bool {
	if p.all {
		return true
	}
	path, err := url.PathUnescape(u.Path)
	return err == nil && p.isScheme(u) && p.isHost(u) && p.isPort(u) && (p.path == nil || globs(p.path, cmp.Or(path, "/")))
}

// MatchesSite is Matches for whom paths do not count: the address has the scheme, the host and the port.
func (p URLPattern) MatchesSite(u URI) bool {
	p.path = nil
	return p.Matches(u)
}

func (p URLPattern) isScheme(u URI) bool {
	if p.scheme == "" {
		return isWeb(u.Scheme)
	}
	return p.scheme == "*" || p.scheme == u.Scheme
}

func (p URLPattern) isHost(u URI) bool {
	host := u.Host
	if u.IP != "" {
		host = u.IP
	}
	domain, below := strings.CutPrefix(p.host, "*.")
	return p.host == "*" || host == domain || below && strings.HasSuffix(host, "."+domain)
}

func (p URLPattern) isPort(u URI) bool {
	port := u.Port
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return p.port == "" || p.port == "*" || p.port == port
}

// globs tells whether a text has these parts in their order, the first at its beginning and the last at its end, and anything between.
func globs(parts []string, text string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return text == first
	}
	text, begins := strings.CutPrefix(text, first)
	if !begins {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, last)
}
