// Package proxy passes the calls of a browser on to APIs, with the session's access token in place of the cookie. It is a
// plain http.Handler: it knows routes, headers and a Tokens port, and neither sessions nor how tokens are had.
//
// The road of a call: the route for its path, its method, who made it (bff.Guard), a token for its cookie; then everything
// that an API could take for the word of somebody it trusts is removed, and what comes back may set nothing in the browser.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
)

// Tokens gives the access token for the calls of a session's browser.
type Tokens interface {
	AccessToken(ctx context.Context, cookie core.Secret) (core.Secret, error)
}

// A Route is one API.
type Route struct {
	Prefix      string   // "/api/demo": that path and all below it
	Upstream    *url.URL // scheme and host; its path goes before that of the call
	Methods     []string // those that are passed on; none means all of Methods
	StripPrefix bool     // the API does not see the prefix
	KeepCookies bool     // the API may set cookies in the browser
}

// Methods lists what a route may pass on. The slice is the caller's own.
func Methods() []string { return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} }

// Parts are what a Proxy is made of.
type Parts struct {
	Routes    []Route
	Tokens    Tokens
	Guard     bff.Guard
	Cookie    string            // the name of the session's cookie
	Transport http.RoundTripper // from core/fetch
	Log       *slog.Logger      // nil: nothing is logged
}

// A Proxy passes calls on. It is safe for concurrent use.
type Proxy struct {
	routes []route
	tokens Tokens
	guard  bff.Guard
	cookie string
}

type route struct {
	Route
	reverse *httputil.ReverseProxy
}

// New checks all routes and reports every bad one.
func New(p Parts) (*Proxy, error) {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	made := &Proxy{tokens: p.Tokens, guard: p.Guard, cookie: p.Cookie}
	var problems []error
	for _, r := range p.Routes {
		problems = append(problems, check(r, made.routes))
		if len(r.Methods) == 0 {
			r.Methods = Methods()
		}
		made.routes = append(made.routes, route{Route: r, reverse: newReverse(r, p.Transport, p.Log)})
	}
	slices.SortStableFunc(made.routes, func(a, b route) int { return len(b.Prefix) - len(a.Prefix) }) // the more particular first
	return made, errors.Join(problems...)
}

func check(r Route, others []route) error {
	switch {
	case !strings.HasPrefix(r.Prefix, "/") || r.Prefix == "/" || strings.HasSuffix(r.Prefix, "/") || !plain(r.Prefix):
		return fmt.Errorf("proxy route %q: the prefix is a path such as /api/orders", r.Prefix)
	case r.Upstream == nil || r.Upstream.Scheme != "http" && r.Upstream.Scheme != "https" || r.Upstream.Host == "":
		return fmt.Errorf("proxy route %q: the upstream is a URL such as https://orders.internal", r.Prefix)
	case r.Upstream.User != nil || r.Upstream.RawQuery != "" || r.Upstream.Fragment != "":
		return fmt.Errorf("proxy route %q: the upstream has a user, query or fragment", r.Prefix)
	case slices.ContainsFunc(others, func(o route) bool { return o.Prefix == r.Prefix }):
		return fmt.Errorf("proxy route %q: given twice", r.Prefix)
	}
	for _, method := range r.Methods {
		if !slices.Contains(Methods(), method) {
			return fmt.Errorf("proxy route %q: method %q is not passed on", r.Prefix, method)
		}
	}
	return nil
}

// ServeHTTP implements http.Handler. Every answer of its own is a problem document (RFC 9457): a call that has no session is
// told so, never sent to a login page.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, err := p.find(r)
	if err != nil {
		writeProblem(w, err)
		return
	}
	if !slices.Contains(to.Methods, r.Method) {
		w.Header().Set("Allow", strings.Join(to.Methods, ", "))
		writeProblem(w, core.Refuse(core.MethodNotAllowed, "This path takes %s.", strings.Join(to.Methods, ", ")))
		return
	}
	if err := p.guard.Check(r.Method, r.Header.Get); err != nil {
		writeProblem(w, err)
		return
	}
	token, err := p.tokens.AccessToken(r.Context(), p.session(r))
	if err != nil {
		writeProblem(w, err)
		return
	}
	call := r.Clone(r.Context())
	strip(call.Header)
	call.Header.Set("Authorization", "Bearer "+token.Reveal())
	to.reverse.ServeHTTP(w, call)
}

// session is the value of the session's cookie; "" when there is none, or more than one: whose it is must be no question.
func (p *Proxy) session(r *http.Request) core.Secret {
	if found := r.CookiesNamed(p.cookie); len(found) == 1 {
		return core.Secret(found[0].Value)
	}
	return ""
}

// find takes the path in its plain form only: no API shall read another path than the one that was judged.
func (p *Proxy) find(r *http.Request) (route, error) {
	path := r.URL.EscapedPath()
	if !plain(path) {
		return route{}, core.Refuse(core.InvalidRequest, "The path must be in its plain form: no empty or dot segments, no encoded slash.")
	}
	for _, to := range p.routes {
		if rest, found := strings.CutPrefix(path, to.Prefix); found && (rest == "" || rest[0] == '/') {
			return to, nil
		}
	}
	return route{}, core.Refuse(core.NotFound, "Nothing is here.")
}

// plain tells a path that has one reading.
func plain(path string) bool {
	if path == "" || path[0] != '/' || strings.ContainsAny(path, `\;`) {
		return false
	}
	decoded, err := url.PathUnescape(path)
	if err != nil || strings.Count(decoded, "/") != strings.Count(path, "/") || strings.ContainsAny(decoded, `\%;`) {
		return false
	}
	segments := strings.Split(decoded[1:], "/")
	for i, segment := range segments {
		if segment == "" && i < len(segments)-1 || segment == "." || segment == ".." || strings.ContainsFunc(segment, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return false
		}
	}
	return true
}
