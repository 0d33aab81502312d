// Package routes is the route table: every path of the server, one function for each of its sides. A newcomer who wants to know
// where a request walks starts here.
package routes

import (
	"net/http"
	"slices"

	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/core/web/bff"
	"github.com/ostiary/ostiary/core/web/console"
	"github.com/ostiary/ostiary/core/web/oidc"
	"github.com/ostiary/ostiary/core/web/people"
)

// The areas: everything below these paths answers in the face of its part, also where no route is.
const (
	OperatorsArea = "/api/admin"
	ConsoleArea   = "/console"
	BFFArea       = "/auth"
	SessionArea   = "/api/auth" // the BFF's session, where other systems look for it
)

// Parts are who answers. BFF and Site may be nil: without them their paths are not there.
type Parts struct {
	OIDC    *oidc.Handlers
	Tokens  *oidc.TokenHandlers
	People  *people.Handlers
	Admin   *admin.Handlers
	Console *console.Handlers
	BFF     *bff.Handlers
	Proxied []string    // prefixes that the BFF passes on, "/api/demo"
	Site    []web.Route // the pages of the site itself
}

// Table lists the routes of one issuer. Paths without a leading slash are under the issuer's path, those with one at the root.
// issuerPath is "/api/oidc", or "" for an issuer at the root.
func Table(issuerPath string, p Parts) []web.Route {
	table := slices.Concat(
		provider(issuerPath, p.OIDC, p.Tokens), pages(p.People), operatorsAPI(p.Admin), consolePages(p.Console), p.Site,
	)
	if p.BFF != nil {
		table = append(table, Backend(p.BFF, p.Proxied)...)
	}
	return table
}

// provider is what programs call.
func provider(issuerPath string, o *oidc.Handlers, t *oidc.TokenHandlers) []web.Route {
	table := []web.Route{
		// Metadata (OpenID Connect Discovery 1.0 §4, RFC 8414 §3)
		public(http.MethodGet, ".well-known/openid-configuration", o.Metadata),
		public(http.MethodGet, ".well-known/oauth-authorization-server", o.Metadata),
		public(http.MethodGet, "jwks", o.JWKS),

		// Tokens (RFC 6749 §3.2, RFC 7662, RFC 7009, OpenID Connect Core §5.3)
		tokens("token", t.Token, true),
		tokens("introspect", t.Introspect, false),
		tokens("revoke", t.Revoke, true),
		userInfo(http.MethodGet, t.UserInfo),
		userInfo(http.MethodPost, t.UserInfo, web.Form), // RFC 6750 §2.2

		// Registration (RFC 7591) and management (RFC 7592)
		register("dcr/register", o.Register),
		register("register", o.Register),
	}
	for _, path := range []string{"dcr/register", "dcr/register/:client_id", "register", "register/:client_id"} {
		table = append(table, manage(path, o)...)
	}
	return append(table, inserted(issuerPath, o)...)
}

// pages is where people are sent, and the pushed request that goes before them.
func pages(h *people.Handlers) []web.Route {
	return []web.Route{
		acting("authorize", h.Authorize), // RFC 6749 §3.1
		page(http.MethodPost, "authorize", h.AuthorizePosted),
		tokens("par", h.Push, false), // RFC 9126
		page(http.MethodGet, "login", h.LoginAgain),
		page(http.MethodPost, "login", h.Login),
		page(http.MethodPost, "consent", h.Consent),
		acting("logout", h.Logout), // OpenID Connect RP-Initiated Logout 1.0
		page(http.MethodPost, "logout", h.LogoutPosted),

		page(http.MethodGet, "account", h.Account),
		page(http.MethodPost, "account/password", h.ChangePassword),
		page(http.MethodPost, "account/sessions/end", h.EndSession),
		page(http.MethodPost, "account/sessions/end-all", h.EndAllSessions),
		page(http.MethodGet, "account/setup", h.Setup),
		page(http.MethodPost, "account/setup", h.SetupPosted),
		page(http.MethodGet, "assets/style.css", h.Style),
		page(http.MethodGet, "assets/icon.svg", h.Icon),
	}
}

func operatorsAPI(a *admin.Handlers) []web.Route {
	return []web.Route{
		operators(http.MethodPost, "/api/admin/dcr/initial-access-tokens", a.As(a.MintToken)),
		operators(http.MethodGet, "/api/admin/dcr/initial-access-tokens", a.As(a.ListTokens)),
		operators(http.MethodGet, "/api/admin/dcr/initial-access-tokens/:id", a.As(a.ShowToken)),
		operators(http.MethodDelete, "/api/admin/dcr/initial-access-tokens/:id", a.As(a.RevokeToken)),
		judged(http.MethodPost, "/api/admin/dcr/clients/:id/tokens", a.As(a.RenewRegistrationToken)),
		operators(http.MethodGet, "/api/admin/dcr/issuers", a.As(a.ListIssuers)),
		operators(http.MethodGet, "/api/admin/dcr/unused", a.As(a.ListUnused)),
		operators(http.MethodPost, "/api/admin/dcr/unused/reap", a.As(a.Reap)),
		operators(http.MethodGet, "/api/admin/clients", a.As(a.ListClients)),
		judged(http.MethodPost, "/api/admin/clients", a.As(a.CreateClient)),
		operators(http.MethodGet, "/api/admin/clients/:id", a.As(a.ShowClient)),
		judged(http.MethodPut, "/api/admin/clients/:id", a.As(a.ReplaceClient)),
		judged(http.MethodPatch, "/api/admin/clients/:id", a.As(a.MergeClient)),
		judged(http.MethodDelete, "/api/admin/clients/:id", a.As(a.DeleteClient)),
		judged(http.MethodPost, "/api/admin/clients/:id/disable", a.As(a.DisableClient)),
		judged(http.MethodPost, "/api/admin/clients/:id/enable", a.As(a.EnableClient)),
		judged(http.MethodPost, "/api/admin/clients/:id/approve", a.As(a.ApproveClient)),
		judged(http.MethodPost, "/api/admin/clients/:id/reject", a.As(a.RejectClient)),
		operators(http.MethodGet, "/api/admin/clients/:id/history", a.As(a.ShowHistory)),
		judged(http.MethodPost, "/api/admin/clients/:id/secret", a.As(a.RotateSecret)),
		operators(http.MethodGet, "/api/admin/export/clients", a.As(a.ExportClients)),
		operators(http.MethodGet, "/api/admin/declarations", a.As(a.ListSets)),
		operators(http.MethodGet, "/api/admin/declarations/:set", a.As(a.ShowSet)),
		candidate(http.MethodPut, "/api/admin/declarations/:set", a, a.As(a.DeclareSet)),
		candidate(http.MethodPost, "/api/admin/declarations/:set/plan", a, a.As(a.PlanClients)),
		judged(http.MethodPut, "/api/admin/declarations/:set/clients/:id", a.As(a.DeclareClient)),
		judged(http.MethodDelete, "/api/admin/declarations/:set/clients/:id", a.As(a.WithdrawClient)),
		candidate(http.MethodPost, "/api/admin/simulate", a, a.As(a.Simulate)),
		operators(http.MethodGet, "/api/admin/decisions", a.As(a.ListDecisions)),
		operators(http.MethodGet, "/api/admin/decisions/:id", a.As(a.ShowDecision)),
		operators(http.MethodGet, "/api/admin/policies", a.As(a.ShowPolicies)),
		candidate(http.MethodPut, "/api/admin/policies/shadow", a, a.As(a.SetShadow)),
		operators(http.MethodGet, "/api/admin/policies/shadow", a.As(a.ShowShadow)),
		operators(http.MethodDelete, "/api/admin/policies/shadow", a.As(a.ClearShadow)),
		candidate(http.MethodPost, "/api/admin/policies/replay", a, a.As(a.ReplayPolicy)),
		candidate(http.MethodPost, "/api/admin/policies/audit", a, a.As(a.AuditPolicy)),
		operators(http.MethodGet, "/api/admin/policies/jobs/:id", a.As(a.ShowPolicyJob)),
		operators(http.MethodDelete, "/api/admin/policies/jobs/:id", a.As(a.CancelPolicyJob)),
		operators(http.MethodGet, "/api/admin/plugins", a.As(a.ListPlugins)),
		operators(http.MethodGet, "/api/admin/plugins/:name", a.As(a.ShowPlugin)),
		operators(http.MethodPost, "/api/admin/plugins/:name/approve", a.As(a.ApprovePlugin)),
		operators(http.MethodPost, "/api/admin/plugins/:name/revoke", a.As(a.RevokePlugin)),
		operators(http.MethodGet, "/api/admin/plugins/:name/kept", a.As(a.ShowKept)),
		operators(http.MethodDelete, "/api/admin/plugins/:name/kept", a.As(a.ForgetKept)),
		operators(http.MethodGet, "/api/admin/keys", a.As(a.ListKeys)),
		operators(http.MethodPost, "/api/admin/keys/rotate", a.As(a.RotateKeys)),

		operators(http.MethodPost, "/api/admin/users", a.As(a.CreateUser)),
		operators(http.MethodGet, "/api/admin/users", a.As(a.ListUsers)),
		operators(http.MethodGet, "/api/admin/users/:id", a.As(a.ShowUser)),
		operators(http.MethodPatch, "/api/admin/users/:id", a.As(a.EditUser)),
		operators(http.MethodDelete, "/api/admin/users/:id", a.As(a.DeleteUser)),
		bare(http.MethodPost, "/api/admin/users/:id/link", a.As(a.LinkUser)),
		operators(http.MethodGet, "/api/admin/users/:id/sessions", a.As(a.ListSessions)),
		operators(http.MethodDelete, "/api/admin/users/:id/sessions", a.As(a.EndSessions)),
		operators(http.MethodDelete, "/api/admin/users/:id/sessions/:sid", a.As(a.EndSession)),
	}
}

func consolePages(h *console.Handlers) []web.Route {
	return []web.Route{
		page(http.MethodGet, "/console", h.As(h.Home)),
		page(http.MethodGet, "/console/login", h.LoginPage),
		page(http.MethodPost, "/console/login", h.Login),
		page(http.MethodPost, "/console/logout", h.As(h.Logout)),
		page(http.MethodGet, "/console/decisions", h.As(h.List)),
		page(http.MethodGet, "/console/decisions/:id", h.As(h.Show)),
		page(http.MethodGet, "/console/client", h.As(h.Client)),
		page(http.MethodGet, "/console/approvals", h.As(h.Approvals)),
		page(http.MethodPost, "/console/approvals/approve", h.As(h.Approve)),
		page(http.MethodPost, "/console/approvals/reject", h.As(h.Reject)),
		page(http.MethodGet, "/console/style.css", h.Style),
		page(http.MethodGet, "/console/icon.svg", h.Icon),
	}
}

// Backend lists the routes of a BFF, beside an issuer or alone: what browsers of the site call. They hold a cookie and never a token.
func Backend(h *bff.Handlers, proxied []string) []web.Route {
	table := []web.Route{
		acting("/auth/login", h.Login),
		acting("/auth/callback", h.Callback),
		script(http.MethodPost, "/auth/refresh", h.Refresh),
		script(http.MethodGet, "/auth/csrf", h.CSRF),
		public(http.MethodGet, "/.well-known/jwks.json", h.JWKS),
	}
	for _, path := range []string{"/auth", "/api/auth"} {
		table = append(table, script(http.MethodGet, path+"/session", h.Session), script(http.MethodPost, path+"/logout", h.Logout))
	}
	for _, prefix := range proxied {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			table = append(table, web.Route{Method: method, Path: prefix + "/*", Handler: h.Proxied, Face: web.Operator, Limit: 1 << 20})
		}
	}
	return table
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

// tokens takes a form of a client that authenticates. open: scripts of any origin may call it.
func tokens(path string, h web.Handler, open bool) web.Route {
	return web.Route{Method: http.MethodPost, Path: path, Handler: h, Face: web.OAuth, MediaTypes: formBody, CORS: open, Challenge: web.Basic}
}

func userInfo(method string, h web.Handler, types ...string) web.Route {
	return web.Route{Method: method, Path: "userinfo", Handler: h, Face: web.OAuth, MediaTypes: types, CORS: true, Challenge: web.Bearer}
}

// page is for people: what goes wrong is a page, too.
func page(method, path string, h web.Handler) web.Route {
	route := web.Route{Method: method, Path: path, Handler: h, Face: web.Page}
	if method == http.MethodPost {
		route.MediaTypes = formBody
	}
	return route
}

// acting is a page that browsers are sent to, and that does something when they come.
func acting(path string, h web.Handler) web.Route {
	route := page(http.MethodGet, path, h)
	route.Acts = true
	return route
}

// script is called by the site's own pages.
func script(method, path string, h web.Handler) web.Route {
	return web.Route{Method: method, Path: path, Handler: h, Face: web.OAuth}
}

// bare is an operators' route that takes no body.
func bare(method, path string, h web.Handler) web.Route {
	return web.Route{Method: method, Path: path, Handler: h, Face: web.Operator, Challenge: web.Bearer}
}

var (
	jsonBody = []string{"application/json"}
	document = slices.Concat(jsonBody, oidc.SignedTypes()) // of a client
	formBody = []string{web.Form}
)

func register(path string, h web.Handler) web.Route {
	return web.Route{
		Method: http.MethodPost, Path: path, Handler: h, Face: web.OAuth, MediaTypes: document, CORS: true, Judged: true, Challenge: web.Bearer,
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
		route(http.MethodPut, o.Replace, document...),
		route(http.MethodPatch, o.Merge, "application/merge-patch+json", "application/json"),
		route(http.MethodDelete, o.Delete),
	}
}

func operators(method, path string, h web.Handler) web.Route {
	return web.Route{Method: method, Path: path, Handler: h, Face: web.Operator, MediaTypes: bodies(method), Challenge: web.Bearer}
}

// candidate is an operators' route that takes a whole policy.
func candidate(method, path string, a *admin.Handlers, h web.Handler) web.Route {
	route := operators(method, path, h)
	route.Limit, route.Admit = admin.MaxCandidate, a.Admit
	return route
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
