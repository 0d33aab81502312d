package routes_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/routes"
)

// whole is the table of an issuer at /api/oidc, row by row: what is added, opened or taken away shows here.
const whole = alone + backend

// alone is what is there without a backend for browsers.
const alone = `
GET .well-known/openid-configuration: oauth, any origin
GET .well-known/oauth-authorization-server: oauth, any origin
GET jwks: oauth, any origin
POST token: oauth, any origin, Basic, application/x-www-form-urlencoded
POST introspect: oauth, Basic, application/x-www-form-urlencoded
POST revoke: oauth, any origin, Basic, application/x-www-form-urlencoded
GET userinfo: oauth, any origin, Bearer
POST userinfo: oauth, any origin, Bearer, application/x-www-form-urlencoded
POST dcr/register: oauth, any origin, judged, Bearer, application/json, application/jwt, application/jose
POST register: oauth, any origin, judged, Bearer, application/json, application/jwt, application/jose
GET dcr/register: oauth, any origin, judged, Bearer
PUT dcr/register: oauth, any origin, judged, Bearer, application/json, application/jwt, application/jose
PATCH dcr/register: oauth, any origin, judged, Bearer, application/merge-patch+json, application/json
DELETE dcr/register: oauth, any origin, judged, Bearer
GET dcr/register/:client_id: oauth, any origin, judged, Bearer
PUT dcr/register/:client_id: oauth, any origin, judged, Bearer, application/json, application/jwt, application/jose
PATCH dcr/register/:client_id: oauth, any origin, judged, Bearer, application/merge-patch+json, application/json
DELETE dcr/register/:client_id: oauth, any origin, judged, Bearer
GET register: oauth, any origin, judged, Bearer
PUT register: oauth, any origin, judged, Bearer, application/json, application/jwt, application/jose
PATCH register: oauth, any origin, judged, Bearer, application/merge-patch+json, application/json
DELETE register: oauth, any origin, judged, Bearer
GET register/:client_id: oauth, any origin, judged, Bearer
PUT register/:client_id: oauth, any origin, judged, Bearer, application/json, application/jwt, application/jose
PATCH register/:client_id: oauth, any origin, judged, Bearer, application/merge-patch+json, application/json
DELETE register/:client_id: oauth, any origin, judged, Bearer
GET /.well-known/openid-configuration/api/oidc: oauth, any origin
GET /.well-known/oauth-authorization-server/api/oidc: oauth, any origin
GET authorize: page, acts
POST authorize: page, application/x-www-form-urlencoded
POST par: oauth, Basic, application/x-www-form-urlencoded
GET login: page
POST login: page, application/x-www-form-urlencoded
POST consent: page, application/x-www-form-urlencoded
GET logout: page, acts
POST logout: page, application/x-www-form-urlencoded
GET account: page
POST account/password: page, application/x-www-form-urlencoded
POST account/sessions/end: page, application/x-www-form-urlencoded
POST account/sessions/end-all: page, application/x-www-form-urlencoded
GET account/setup: page
POST account/setup: page, application/x-www-form-urlencoded
GET assets/style.css: page
GET assets/icon.svg: page
POST /api/admin/dcr/initial-access-tokens: operator, Bearer, application/json
GET /api/admin/dcr/initial-access-tokens: operator, Bearer
GET /api/admin/dcr/initial-access-tokens/:id: operator, Bearer
DELETE /api/admin/dcr/initial-access-tokens/:id: operator, Bearer
POST /api/admin/dcr/clients/:id/tokens: operator, judged, Bearer, application/json
GET /api/admin/dcr/issuers: operator, Bearer
GET /api/admin/dcr/unused: operator, Bearer
POST /api/admin/dcr/unused/reap: operator, Bearer, application/json
GET /api/admin/clients: operator, Bearer
POST /api/admin/clients: operator, judged, Bearer, application/json
GET /api/admin/clients/:id: operator, Bearer
PUT /api/admin/clients/:id: operator, judged, Bearer, application/json
PATCH /api/admin/clients/:id: operator, judged, Bearer, application/merge-patch+json, application/json
DELETE /api/admin/clients/:id: operator, judged, Bearer
POST /api/admin/clients/:id/disable: operator, judged, Bearer, application/json
POST /api/admin/clients/:id/enable: operator, judged, Bearer, application/json
POST /api/admin/clients/:id/approve: operator, judged, Bearer, application/json
POST /api/admin/clients/:id/reject: operator, judged, Bearer, application/json
GET /api/admin/clients/:id/history: operator, Bearer
POST /api/admin/clients/:id/secret: operator, judged, Bearer, application/json
GET /api/admin/export/clients: operator, Bearer
GET /api/admin/declarations: operator, Bearer
GET /api/admin/declarations/:set: operator, Bearer
PUT /api/admin/declarations/:set: operator, Bearer, 4194304 bytes, once admitted, application/json
POST /api/admin/declarations/:set/plan: operator, Bearer, 4194304 bytes, once admitted, application/json
PUT /api/admin/declarations/:set/clients/:id: operator, judged, Bearer, application/json
DELETE /api/admin/declarations/:set/clients/:id: operator, judged, Bearer
POST /api/admin/simulate: operator, Bearer, 4194304 bytes, once admitted, application/json
GET /api/admin/decisions: operator, Bearer
GET /api/admin/decisions/:id: operator, Bearer
GET /api/admin/policies: operator, Bearer
PUT /api/admin/policies/shadow: operator, Bearer, 4194304 bytes, once admitted, application/json
GET /api/admin/policies/shadow: operator, Bearer
DELETE /api/admin/policies/shadow: operator, Bearer
POST /api/admin/policies/replay: operator, Bearer, 4194304 bytes, once admitted, application/json
POST /api/admin/policies/audit: operator, Bearer, 4194304 bytes, once admitted, application/json
GET /api/admin/policies/jobs/:id: operator, Bearer
DELETE /api/admin/policies/jobs/:id: operator, Bearer
GET /api/admin/plugins: operator, Bearer
GET /api/admin/plugins/:name: operator, Bearer
POST /api/admin/plugins/:name/approve: operator, Bearer, application/json
POST /api/admin/plugins/:name/revoke: operator, Bearer, application/json
GET /api/admin/plugins/:name/kept: operator, Bearer
DELETE /api/admin/plugins/:name/kept: operator, Bearer
GET /api/admin/keys: operator, Bearer
POST /api/admin/keys/rotate: operator, Bearer, application/json
POST /api/admin/users: operator, Bearer, application/json
GET /api/admin/users: operator, Bearer
GET /api/admin/users/:id: operator, Bearer
PATCH /api/admin/users/:id: operator, Bearer, application/merge-patch+json, application/json
DELETE /api/admin/users/:id: operator, Bearer
POST /api/admin/users/:id/link: operator, Bearer
GET /api/admin/users/:id/sessions: operator, Bearer
DELETE /api/admin/users/:id/sessions: operator, Bearer
DELETE /api/admin/users/:id/sessions/:sid: operator, Bearer
GET /console: page
GET /console/login: page
POST /console/login: page, application/x-www-form-urlencoded
POST /console/logout: page, application/x-www-form-urlencoded
GET /console/decisions: page
GET /console/decisions/:id: page
GET /console/client: page
GET /console/approvals: page
POST /console/approvals/approve: page, application/x-www-form-urlencoded
POST /console/approvals/reject: page, application/x-www-form-urlencoded
GET /console/style.css: page
GET /console/icon.svg: page
`

// backend is what it adds: its own paths, and an API below /api/orders.
const backend = `
GET /auth/login: page, acts
GET /auth/callback: page, acts
POST /auth/refresh: oauth
GET /auth/csrf: oauth
GET /.well-known/jwks.json: oauth, any origin
GET /auth/session: oauth
POST /auth/logout: oauth
GET /api/auth/session: oauth
POST /api/auth/logout: oauth
GET /api/orders/*: operator, 1048576 bytes
POST /api/orders/*: operator, 1048576 bytes
PUT /api/orders/*: operator, 1048576 bytes
PATCH /api/orders/*: operator, 1048576 bytes
DELETE /api/orders/*: operator, 1048576 bytes
`

func describe(r web.Route) string {
	words := []string{map[web.Face]string{web.OAuth: "oauth", web.Operator: "operator", web.Page: "page", web.Plain: "plain"}[r.Face]}
	if r.Acts {
		words = append(words, "acts")
	}
	if r.CORS {
		words = append(words, "any origin")
	}
	if r.Judged {
		words = append(words, "judged")
	}
	if r.Challenge != "" {
		words = append(words, string(r.Challenge))
	}
	if r.Limit != 0 {
		words = append(words, fmt.Sprintf("%d bytes", r.Limit))
	}
	if r.Admit != nil {
		words = append(words, "once admitted")
	}
	return r.Method + " " + r.Path + ": " + strings.Join(append(words, r.MediaTypes...), ", ")
}

func TestTheWholeTable(t *testing.T) {
	checkRows(t, table(origin, "/api/oidc"), whole)
}

// Without a backend none of its paths is there, whatever it would pass on; the site's own pages are as they are given.
func TestPartsThatMayBeMissing(t *testing.T) {
	p := parts(origin, "/api/oidc")
	p.BFF = nil
	checkRows(t, routes.Table("/api/oidc", p), alone)
	p.Site = []web.Route{{Method: "GET", Path: "/", Face: web.Page, Limit: 7}}
	checkRows(t, routes.Table("/api/oidc", p), alone+"GET /: page, 7 bytes")
}

func checkRows(t *testing.T, table []web.Route, golden string) {
	t.Helper()
	var rows []string
	for _, r := range table {
		rows = append(rows, describe(r))
	}
	want := strings.FieldsFunc(golden, func(c rune) bool { return c == '\n' })
	for _, row := range rows {
		if !slices.Contains(want, row) {
			t.Errorf("new or changed: %s", row)
		}
	}
	for _, row := range want {
		if !slices.Contains(rows, row) {
			t.Errorf("gone: %s", row)
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
}

// No two rows answer the same request, however their parameters are called, and a path means one thing: its parameter has one
// name. Every row of an issuer at the root is there as well.
func TestRowsDoNotCollide(t *testing.T) {
	for _, issuerPath := range []string{"", "/api/oidc", "/api/administration", "/a"} {
		rows := table(origin, issuerPath)
		seen, spelled := map[string]string{}, map[string]string{}
		for _, r := range rows {
			path := absolute(issuerPath, r.Path)
			shape := parameter.ReplaceAllString(path, ":")
			if other := seen[r.Method+shape]; other != "" {
				t.Errorf("issuer %q: %s %s answers what %s does", issuerPath, r.Method, path, other)
			}
			if other := spelled[shape]; other != "" && other != path {
				t.Errorf("issuer %q: %s and %s are one path", issuerPath, path, other)
			}
			seen[r.Method+shape], spelled[shape] = path, path
			if r.Handler == nil {
				t.Errorf("%s has no handler", describe(r))
			}
		}
		if _, err := web.New(web.Options{Routes: rows, IssuerPath: issuerPath, Sites: []string{site}}); err != nil {
			t.Errorf("issuer %q: %v", issuerPath, err)
		}
	}
}

// A side is what all rows of some paths have in common.
type side struct {
	paths     *regexp.Regexp
	face      web.Face
	open      bool // to other origins
	challenge web.Challenge
	bodies    string   // of POST and PUT; PATCH may be a merge patch besides; "": none, or the handler looks
	signed    []string // in which the body may be signed, on POST and PUT
}

// sides say who is let in where. Other origins get what is public, and what asks for a credential that no browser adds by
// itself; never what a cookie opens. The first that has the path counts.
var sides = []side{
	{paths: regexp.MustCompile(`^/api/admin/users/:id/link$`), face: web.Operator, challenge: web.Bearer},
	{paths: regexp.MustCompile(`^/api/admin/`), face: web.Operator, challenge: web.Bearer, bodies: "application/json"},
	{paths: regexp.MustCompile(`^(/console|authorize|login|consent|logout|account|assets)(/|$)`), face: web.Page, bodies: web.Form},
	{paths: regexp.MustCompile(`^/auth/(login|callback)$`), face: web.Page, bodies: web.Form},
	{paths: regexp.MustCompile(`^(/auth|/api/auth)/`), face: web.OAuth},
	{paths: regexp.MustCompile(`^/api/orders/\*$`), face: web.Operator},
	{paths: regexp.MustCompile(`^(introspect|par)$`), face: web.OAuth, challenge: web.Basic, bodies: web.Form},
	{paths: regexp.MustCompile(`^(token|revoke)$`), face: web.OAuth, open: true, challenge: web.Basic, bodies: web.Form},
	{paths: regexp.MustCompile(`^userinfo$`), face: web.OAuth, open: true, challenge: web.Bearer, bodies: web.Form},
	{paths: regexp.MustCompile(`^(dcr/)?register(/:client_id)?$`), face: web.OAuth, open: true, challenge: web.Bearer, bodies: "application/json",
		signed: []string{"application/jwt", "application/jose"}},
	{paths: regexp.MustCompile(`^/?\.well-known/|^jwks$`), face: web.OAuth, open: true},
}

// sideOf gives the side of a row. One of no side is on a side that no row keeps.
func sideOf(r web.Route) side {
	for _, s := range sides {
		if s.paths.MatchString(r.Path) {
			return s
		}
	}
	return side{face: web.Plain, challenge: "none", open: true}
}

func (s side) takes(method string) []string {
	switch {
	case s.bodies == "" || method == "GET" || method == "DELETE":
		return nil
	case method == "PATCH":
		return []string{"application/merge-patch+json", s.bodies}
	}
	return append([]string{s.bodies}, s.signed...)
}

// tries are the rows that take a whole policy, to try it.
var tries = []string{"POST /api/admin/simulate", "POST /api/admin/policies/replay", "POST /api/admin/policies/audit", "PUT /api/admin/policies/shadow",
	"PUT /api/admin/declarations/:set", "POST /api/admin/declarations/:set/plan", // or policy data, or many clients
}

// Every row keeps to its side. What changes a client is judged, and what a client does about itself; nothing else is. Forms know
// GET and POST. Only what is passed on may be long, and a whole policy.
func TestRowsKeepTheirSide(t *testing.T) {
	for _, r := range table(origin, "/api/oidc") {
		s := sideOf(r)
		judged := (strings.HasPrefix(r.Path, "/api/admin/clients") || strings.HasPrefix(r.Path, "/api/admin/dcr/clients")) && r.Method != "GET" ||
			strings.HasPrefix(r.Path, "/api/admin/declarations/:set/clients") || strings.Contains(r.Path, "register")
		switch {
		case r.Face != s.face, r.CORS != s.open:
			t.Errorf("%s: on the wrong side", describe(r))
		case r.Challenge != s.challenge:
			t.Errorf("%s: does not say what it wants", describe(r))
		case r.Judged != judged:
			t.Errorf("%s: changes a client unjudged, or nothing that is judged", describe(r))
		case !slices.Equal(r.MediaTypes, s.takes(r.Method)):
			t.Errorf("%s: takes bodies of the wrong kind", describe(r))
		case r.Face == web.Page && r.Method != "GET" && r.Method != "POST":
			t.Errorf("%s: no form does that", describe(r))
		case r.Limit != 0 && !strings.HasPrefix(r.Path, "/api/orders/") && !slices.Contains(tries, r.Method+" "+r.Path):
			t.Errorf("%s: takes long bodies", describe(r))
		}
	}
}
