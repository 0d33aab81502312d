package oauth

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// A URLPattern stands for addresses: [scheme://]host[:port][/path]. Each part may be "*", for any, and so may the whole. Without a
// scheme it is for http and https, without a port or path for any; a host that begins with "*." is that domain and all below it; in a
// path each "*" stands for any text. It is how Janssen's auth server writes the lists of redirect URIs that clients may have.
type URLPattern struct {
	all                      bool
	scheme, host, port, path string // "" or "*": any
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
		rest, p.path = rest[:at], rest[at:]
	}
	if strings.ContainsAny(p.path, "?#") {
		return wrong("queries and fragments are not compared")
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

func isSchemeName(scheme string) bool {
	return scheme != "" && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == "" && scheme[0] >= 'a'
}

// Matches tells whether an address is among those that the pattern stands for. Ports are compared also where a scheme has them by
// itself, and paths as they are meant, whatever of them is encoded.
func (p URLPattern) Matches(u URI) bool {
	if p.all {
		return true
	}
	schemes := []string{p.scheme}
	if p.scheme == "" || p.scheme == "*" {
		schemes = []string{"http", "https"}
	}
	path, err := url.PathUnescape(u.Path)
	return err == nil && slices.Contains(schemes, u.Scheme) && p.isHost(u) && p.isPort(u) && (p.path == "" || globs(p.path, path))
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

// globs tells whether a text is what a pattern is, each star of which stands for any text.
func globs(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return text == pattern
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
