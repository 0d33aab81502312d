package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

// A Handler serves one route. An error goes through the one error table; the fields of the Response beside it (for example
// DPoP-Nonce) go with the error answer.
type Handler func(ctx context.Context, r *Request) (Response, error)

// A Face is how a part of the site speaks when it refuses.
type Face int

// The faces.
const (
	OAuth    Face = iota // {"error", "error_description"} of RFC 6749 §5.2
	Operator             // application/problem+json of RFC 9457
	Page                 // a small page for people
	Plain                // one line of text, for probes
)

// A Challenge is the scheme a route asks for with its 401.
type Challenge string

// The schemes.
const (
	Bearer Challenge = "Bearer" // RFC 6750 §3
	Basic  Challenge = "Basic"  // client authentication, RFC 6749 §5.2
)

// A Route is one row of the route table.
type Route struct {
	Method     string // GET answers HEAD too; OPTIONS is answered by the edge
	Path       string // "dcr/register/:client_id" under the issuer's path, "/health/live" at the root, "/files/*" for all below
	Handler    Handler
	Face       Face
	Limit      int      // bytes of body; 0 means DefaultLimit
	MediaTypes []string // accepted Content-Types of a body, e.g. "application/json"; none means any
	CORS       bool     // any origin may read the answer, without credentials
	Acts       bool     // its GET changes something, so that HEAD is not answered by it
	Judged     bool     // mints a decision id, shown on every answer but a successful read
	Challenge  Challenge

	// Admit is asked before the body is read: for routes whose bodies may be long and not everybody's. Nil admits all; the handler
	// asks in any case.
	Admit func(context.Context, *Request) error

	log  slog.Handler // carries the method and the pattern
	line string       // and so does this, for lines ready made
}

func (r *Route) limit() int {
	if r.Limit > 0 {
		return r.Limit
	}
	return DefaultLimit
}

// An Area is the face of everything below a path that no route matches.
type Area struct {
	Prefix string // "/api/admin"
	Face   Face
}

func (a Area) holds(path string) bool {
	return strings.HasPrefix(path, a.Prefix) && (len(path) == len(a.Prefix) || path[len(a.Prefix)] == '/')
}

// A resource is all routes of one path.
type resource struct {
	path   string
	routes []*Route
	allow  string // the value of Allow
	cors   *Route // a route of it that other origins may read, or nil
}

// isFixed tells a path without parameters: it is found by its text alone.
func (res *resource) isFixed() bool { return !strings.ContainsAny(res.path, ":*") }

// route finds the row for a method; HEAD falls back to a GET that only reads (RFC 9110 §9.2.1).
func (res *resource) route(method string) *Route {
	for _, r := range res.routes {
		if r.Method == method || method == "HEAD" && r.Method == "GET" && !r.Acts {
			return r
		}
	}
	return nil
}

// spokesman is the row whose face, CORS and judgement an answer of the whole resource takes (405, OPTIONS).
func (res *resource) spokesman() *Route {
	if res.cors != nil {
		return res.cors
	}
	return res.routes[0]
}

var (
	pattern = regexp.MustCompile(`^(/([A-Za-z0-9._~-]+|:[a-z_]+))*(/\*?)?$`)
	methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
)

// newResources turns the table into resources, the most particular path first, and reports every bad row at once.
func newResources(issuerPath string, routes []Route) ([]*resource, error) {
	byPath := make(map[string]*resource)
	var list []*resource
	var problems []error
	for i := range routes {
		r := routes[i]
		if !strings.HasPrefix(r.Path, "/") {
			r.Path = strings.TrimSuffix(issuerPath, "/") + "/" + r.Path
		}
		res := byPath[r.Path]
		if res == nil {
			res = &resource{path: r.Path}
			byPath[r.Path] = res
			list = append(list, res)
		}
		problems = append(problems, checkRoute(&r, res))
		res.add(&r)
	}
	for _, res := range list {
		res.allow = strings.Join(res.methods(), ", ")
	}
	slices.SortStableFunc(list, moreParticular)
	return list, errors.Join(problems...)
}

func checkRoute(r *Route, res *resource) error {
	switch {
	case !pattern.MatchString(r.Path) || !plainPath(r.Path):
		return fmt.Errorf("route %s %s: bad path", r.Method, r.Path)
	case !slices.Contains(methods, r.Method):
		return fmt.Errorf("route %s %s: bad method", r.Method, r.Path)
	case r.Handler == nil:
		return fmt.Errorf("route %s %s: no handler", r.Method, r.Path)
	case slices.ContainsFunc(res.routes, func(other *Route) bool { return other.Method == r.Method }):
		return fmt.Errorf("route %s %s: given twice", r.Method, r.Path)
	}
	return nil
}

func (res *resource) add(r *Route) {
	res.routes = append(res.routes, r)
	if r.CORS && res.cors == nil {
		res.cors = r
	}
}

// methods lists what may be sent, in the order of the table.
func (res *resource) methods() []string {
	var names []string
	for _, r := range res.routes {
		names = append(names, r.Method)
		if r.Method == "GET" && !r.Acts {
			names = append(names, "HEAD")
		}
	}
	slices.Sort(names)
	return append(slices.Compact(names), "OPTIONS")
}

// moreParticular orders fixed paths before parameters and both before "/*", the longer first.
func moreParticular(a, b *resource) int {
	rank := func(r *resource) int { return strings.Count(r.path, ":") + 100*strings.Count(r.path, "*") }
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return len(b.path) - len(a.path)
}
