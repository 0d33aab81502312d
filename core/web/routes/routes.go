// Package routes is the route table: every path of the server, in one function. A newcomer who wants to know where a request
// walks starts here.
package routes

import (
	"net/http"

	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/core/web/oidc"
)

// OperatorsArea is what all paths of the operators' API lie below.
const OperatorsArea = "/api/admin"

// Table lists the routes of one issuer. Paths without a leading slash are under the issuer's path, those with one at the root.
// issuerPath is "/api/oidc", or "" for an issuer at the root.
func Table(issuerPath string, o *oidc.Handlers, a *admin.Handlers) []web.Route {
	table := []web.Route{
		// Metadata (OpenID Connect Discovery 1.0 §4, RFC 8414 §3)
		public(http.MethodGet, ".well-known/openid-configuration", o.Metadata),
		public(http.MethodGet, ".well-known/oauth-authorization-server", o.Metadata),
		public(http.MethodGet, "jwks", o.JWKS),

		// Registration (RFC 7591) and management (RFC 7592)
		register("dcr/register", o.Register),
		register("register", o.Register),

		// Operators
		operators(http.MethodPost, "/api/admin/dcr/initial-access-tokens", a.As(a.MintToken)),
		operators(http.MethodGet, "/api/admin/dcr/initial-access-tokens", a.As(a.ListTokens)),
		operators(http.MethodDelete, "/api/admin/dcr/initial-access-tokens/:id", a.As(a.RevokeToken)),
		operators(http.MethodGet, "/api/admin/clients", a.As(a.ListClients)),
		judged(http.MethodPost, "/api/admin/clients", a.As(a.CreateClient)),
		operators(http.MethodGet, "/api/admin/clients/:id", a.As(a.ShowClient)),
		judged(http.MethodPut, "/api/admin/clients/:id", a.As(a.ReplaceClient)),
		judged(http.MethodPatch, "/api/admin/clients/:id", a.As(a.MergeClient)),
		judged(http.MethodDelete, "/api/admin/clients/:id", a.As(a.DeleteClient)),
		judged(http.MethodPost, "/api/admin/clients/:id/disable", a.As(a.DisableClient)),
		judged(http.MethodPost, "/api/admin/clients/:id/enable", a.As(a.EnableClient)),
		operators(http.MethodPost, "/api/admin/simulate", a.As(a.Simulate)),
		operators(http.MethodGet, "/api/admin/decisions", a.As(a.ListDecisions)),
		operators(http.MethodGet, "/api/admin/decisions/:id", a.As(a.ShowDecision)),
		operators(http.MethodGet, "/api/admin/policies", a.As(a.ShowPolicies)),
		operators(http.MethodGet, "/api/admin/plugins", a.As(a.ShowPlugins)),
	}
	for _, path := range []string{"dcr/register", "dcr/register/:client_id", "register", "register/:client_id"} {
		table = append(table, manage(path, o)...)
	}
	return append(table, inserted(issuerPath, o)...)
}

// inserted are the forms of the metadata paths that RFC 8414 §3.1 puts at the root, before the issuer's path.
func inserted(issuerPath string, o *oidc.Handlers) []web.Route {
	if issuerPath == "" {
		return nil
	}
	return []web.Route{
		public(http.MethodGet, "/.well-known/openid-configuration"+issuerPath, o.Metadata),
		public(http.MethodGet, "/.well-known/oauth-authorization-server"+issuerPath, o.Metadata),
	}
}

// public is readable by any origin.
func public(method, path string, h web.Handler) web.Route {
	return web.Route{Method: method, Path: path, Handler: h, Face: web.OAuth, CORS: true}
}

var jsonBody = []string{"application/json"}

func register(path string, h web.Handler) web.Route {
	return web.Route{
		Method: http.MethodPost, Path: path, Handler: h, Face: web.OAuth, MediaTypes: jsonBody, CORS: true, Judged: true, Challenge: web.Bearer,
	}
}

// manage is RFC 7592 at one path; the bare path takes the client's id as ?client_id=.
func manage(path string, o *oidc.Handlers) []web.Route {
	route := func(method string, h web.Handler, types ...string) web.Route {
		return web.Route{
			Method: method, Path: path, Handler: h, Face: web.OAuth, MediaTypes: types, CORS: true, Judged: true, Challenge: web.Bearer,
		}
	}
	return []web.Route{
		route(http.MethodGet, o.Read),
		route(http.MethodPut, o.Replace, "application/json"),
		route(http.MethodPatch, o.Merge, "application/merge-patch+json", "application/json"),
		route(http.MethodDelete, o.Delete),
	}
}

func operators(method, path string, h web.Handler) web.Route {
	return web.Route{Method: method, Path: path, Handler: h, Face: web.Operator, MediaTypes: bodies(method), Challenge: web.Bearer}
}

// judged is an operators' route whose request walks the road.
func judged(method, path string, h web.Handler) web.Route {
	route := operators(method, path, h)
	route.Judged = true
	return route
}

func bodies(method string) []string {
	switch method {
	case http.MethodPost, http.MethodPut:
		return jsonBody
	case http.MethodPatch:
		return []string{"application/merge-patch+json", "application/json"}
	}
	return nil
}
