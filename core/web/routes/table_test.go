package routes_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/web"
)

// whole is the table of an issuer at /api/oidc, row by row: what is added, opened or taken away shows here.
const whole = `
GET .well-known/openid-configuration: oauth, any origin
GET .well-known/oauth-authorization-server: oauth, any origin
GET jwks: oauth, any origin
POST dcr/register: oauth, any origin, judged, Bearer, application/json
POST register: oauth, any origin, judged, Bearer, application/json
POST /api/admin/dcr/initial-access-tokens: operator, Bearer, application/json
GET /api/admin/dcr/initial-access-tokens: operator, Bearer
DELETE /api/admin/dcr/initial-access-tokens/:id: operator, Bearer
GET /api/admin/clients: operator, Bearer
POST /api/admin/clients: operator, judged, Bearer, application/json
GET /api/admin/clients/:id: operator, Bearer
PUT /api/admin/clients/:id: operator, judged, Bearer, application/json
PATCH /api/admin/clients/:id: operator, judged, Bearer, application/merge-patch+json, application/json
DELETE /api/admin/clients/:id: operator, judged, Bearer
POST /api/admin/clients/:id/disable: operator, judged, Bearer, application/json
POST /api/admin/clients/:id/enable: operator, judged, Bearer, application/json
POST /api/admin/simulate: operator, Bearer, application/json
GET /api/admin/decisions: operator, Bearer
GET /api/admin/decisions/:id: operator, Bearer
GET /api/admin/policies: operator, Bearer
GET /api/admin/plugins: operator, Bearer
GET dcr/register: oauth, any origin, judged, Bearer
PUT dcr/register: oauth, any origin, judged, Bearer, application/json
PATCH dcr/register: oauth, any origin, judged, Bearer, application/merge-patch+json, application/json
DELETE dcr/register: oauth, any origin, judged, Bearer
GET dcr/register/:client_id: oauth, any origin, judged, Bearer
PUT dcr/register/:client_id: oauth, any origin, judged, Bearer, application/json
PATCH dcr/register/:client_id: oauth, any origin, judged, Bearer, application/merge-patch+json, application/json
DELETE dcr/register/:client_id: oauth, any origin, judged, Bearer
GET register: oauth, any origin, judged, Bearer
PUT register: oauth, any origin, judged, Bearer, application/json
PATCH register: oauth, any origin, judged, Bearer, application/merge-patch+json, application/json
DELETE register: oauth, any origin, judged, Bearer
GET register/:client_id: oauth, any origin, judged, Bearer
PUT register/:client_id: oauth, any origin, judged, Bearer, application/json
PATCH register/:client_id: oauth, any origin, judged, Bearer, application/merge-patch+json, application/json
DELETE register/:client_id: oauth, any origin, judged, Bearer
GET /.well-known/openid-configuration/api/oidc: oauth, any origin
GET /.well-known/oauth-authorization-server/api/oidc: oauth, any origin
`

func describe(r web.Route) string {
	words := []string{map[web.Face]string{web.OAuth: "oauth", web.Operator: "operator", web.Page: "page", web.Plain: "plain"}[r.Face]}
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
	return r.Method + " " + r.Path + ": " + strings.Join(append(words, r.MediaTypes...), ", ")
}

func TestTheWholeTable(t *testing.T) {
	var rows []string
	for _, r := range table(origin, "/api/oidc") {
		rows = append(rows, describe(r))
	}
	want := strings.Split(strings.TrimSpace(whole), "\n")
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

// Operators' routes are closed to other origins and in the face of operators; the issuer's are open and speak OAuth. What
// changes a client is judged, and what is judged or an operator's asks for a bearer.
func TestRowsKeepTheirSide(t *testing.T) {
	for _, r := range table(origin, "/api/oidc") {
		operators := strings.HasPrefix(r.Path, "/api/admin/")
		switch {
		case operators != (r.Face == web.Operator), operators == r.CORS:
			t.Errorf("%s: on the wrong side", describe(r))
		case (operators || r.Judged) && r.Challenge != web.Bearer:
			t.Errorf("%s: does not say what it wants", describe(r))
		case strings.Contains(r.Path, "clients") && r.Method != "GET" && !r.Judged:
			t.Errorf("%s: changes a client unjudged", describe(r))
		case slices.Contains([]string{"POST", "PUT", "PATCH"}, r.Method) == (len(r.MediaTypes) == 0):
			t.Errorf("%s: takes bodies of any kind, or none", describe(r))
		}
	}
}
