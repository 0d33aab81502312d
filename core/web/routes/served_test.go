package routes_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/web"
)

// Every path takes the methods of its rows; any other is 405 with the list, in the face of the path.
func TestMethodsOfEveryPath(t *testing.T) {
	h := open(t, "/api/oidc")
	for path, rows := range paths(table(origin, "/api/oidc"), "/api/oidc") {
		want := allowed(rows)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"} {
			if slices.Contains(want, method) {
				continue
			}
			a := h.ask(method, path, "")
			if a.StatusCode != http.StatusMethodNotAllowed || !slices.Equal(split(a.Header.Get("Allow")), want) {
				t.Errorf("%s %s: %d, Allow %q, want %v", method, path, a.StatusCode, a.Header.Get("Allow"), want)
			}
			if method != "HEAD" && a.code(t, rows[0].Face) != "method_not_allowed" {
				t.Errorf("%s %s: %s", method, path, a.body)
			}
		}
		if a := h.ask("OPTIONS", path, ""); a.StatusCode != http.StatusNoContent || !slices.Equal(split(a.Header.Get("Allow")), want) || a.Header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("OPTIONS %s: %d %v", path, a.StatusCode, a.Header)
		}
		a := h.ask("BREW", path, "")
		face := rows[0].Face
		if strings.HasPrefix(path, "/api/orders/") {
			face = web.Plain // to find a row below a path, the method must be known
		}
		if a.StatusCode != http.StatusNotImplemented || a.code(t, face) != "invalid_request" {
			t.Errorf("BREW %s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

// HEAD is GET without the content, whatever the answer is.
func TestHeadOfEveryPath(t *testing.T) {
	h := open(t, "/api/oidc")
	found := 0
	for path, rows := range paths(table(origin, "/api/oidc"), "/api/oidc") {
		if !slices.ContainsFunc(rows, func(r web.Route) bool { return r.Method == "GET" && !r.Acts }) {
			continue
		}
		found++
		get, head := h.ask("GET", path, ""), h.ask("HEAD", path, "")
		if head.StatusCode != get.StatusCode || head.body != "" || max(head.ContentLength, 0) != int64(len(get.body)) {
			t.Errorf("HEAD %s: %d, %d bytes, want %d and %d", path, head.StatusCode, head.ContentLength, get.StatusCode, len(get.body))
		}
		for _, name := range []string{"Content-Type", "Content-Security-Policy", "Location", "WWW-Authenticate", "Access-Control-Allow-Origin"} {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("HEAD %s: %s %q, want %q", path, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d paths", found)
	}
}

// Pages of other origins may call what is on an open side, without credentials of the browser, and read nothing else: neither a
// preflight nor an answer lets them, be it the handler's or a refusal.
func TestOtherOrigins(t *testing.T) {
	h := open(t, "/api/oidc")
	const from = "Origin: https://app.example"
	for path, rows := range paths(table(origin, "/api/oidc"), "/api/oidc") {
		for _, r := range rows {
			preflight := h.ask("OPTIONS", path, "", from, "Access-Control-Request-Method: "+r.Method, "Access-Control-Request-Headers: authorization, content-type")
			answers := []answer{preflight, h.ask("TRACE", path, "", from), h.ask(r.Method, path, "", from), h.ask(r.Method, path, "{", from, "Content-Encoding: gzip")}
			if !sideOf(r).open {
				if slices.ContainsFunc(answers, answer.cors) {
					t.Errorf("%s %s is open to other origins", r.Method, path)
				}
				continue
			}
			if preflight.StatusCode != http.StatusNoContent || !slices.Contains(split(preflight.Header.Get("Access-Control-Allow-Methods")), r.Method) ||
				!strings.Contains(preflight.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("preflight of %s %s: %d %v", r.Method, path, preflight.StatusCode, preflight.Header)
			}
			for _, a := range answers {
				if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s: %d %v", r.Method, path, a.StatusCode, a.Header)
				}
			}
		}
	}
}

// unasked are the rows that answer an empty request without asking a port, and how: they show what is the same for everybody,
// send round, or refuse what no page of ours would send.
var unasked = map[string]int{
	"GET .well-known/openid-configuration":                 http.StatusOK,
	"GET .well-known/oauth-authorization-server":           http.StatusOK,
	"GET /.well-known/openid-configuration/api/oidc":       http.StatusOK,
	"GET /.well-known/oauth-authorization-server/api/oidc": http.StatusOK,
	"GET jwks":               http.StatusOK,
	"POST authorize":         http.StatusSeeOther, // to GET
	"POST logout":            http.StatusSeeOther,
	"GET login":              http.StatusSeeOther, // to the account
	"GET assets/style.css":   http.StatusOK,
	"GET assets/icon.svg":    http.StatusOK,
	"GET /console/login":     http.StatusOK,
	"GET /console/style.css": http.StatusOK,
	"GET /console/icon.svg":  http.StatusOK,
	"POST /console/login":    http.StatusForbidden, // the form is not ours
	"GET /auth/csrf":         http.StatusOK,        // there is no session, so there is no token
	"POST /auth/refresh":     http.StatusForbidden, // without the header
	"POST /auth/logout":      http.StatusForbidden,
	"POST /api/auth/logout":  http.StatusForbidden,
}

// Every other row asks somebody before it answers. Here nobody is there to be asked, and that is told in the face of the row.
func TestWhatAnswersUnasked(t *testing.T) {
	h := open(t, "/api/oidc")
	seen := 0
	for _, r := range table(origin, "/api/oidc") {
		a := h.ask(r.Method, concrete(absolute("/api/oidc", r.Path)), "")
		want, listed := unasked[r.Method+" "+r.Path]
		switch {
		case listed:
			seen++
			if a.StatusCode != want {
				t.Errorf("%s: %d, want %d: %s", describe(r), a.StatusCode, want, a.body)
			}
		case a.StatusCode != http.StatusInternalServerError || a.code(t, r.Face) != "server_error" || a.Header.Get("Cache-Control") != "no-store":
			t.Errorf("%s answers unasked: %d %v %s", describe(r), a.StatusCode, a.Header, a.body)
		}
	}
	if seen != len(unasked) {
		t.Errorf("%d of %d rows are there", seen, len(unasked))
	}
}

// Every operators' route asks who comes before anything else.
func TestEveryOperatorsRouteAsksWhoComes(t *testing.T) {
	h := open(t, "/api/oidc")
	found := 0
	for _, r := range table(origin, "/api/oidc") {
		if !strings.HasPrefix(r.Path, "/api/admin/") {
			continue
		}
		found++
		fields := []string{"Authorization: Basic YWRhOmFkYQ=="}
		body := ""
		if len(r.MediaTypes) > 0 {
			fields, body = append(fields, "Content-Type: application/json"), "{}"
		}
		a := h.ask(r.Method, concrete(r.Path), body, fields...)
		if a.StatusCode != http.StatusUnauthorized || a.code(t, web.Operator) != "invalid_token" || a.Header.Get("WWW-Authenticate") != `Bearer realm="ostiary"` {
			t.Errorf("%s: %d %s, challenge %q", describe(r), a.StatusCode, a.body, a.Header.Get("WWW-Authenticate"))
		}
		a = h.ask(r.Method, concrete(r.Path)+"?access_token=x", body, fields[1:]...)
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, "query is not accepted") {
			t.Errorf("%s, token in the query: %d %s", describe(r), a.StatusCode, a.body)
		}
	}
	if found < 27 {
		t.Errorf("only %d operators' routes", found)
	}
}

// Other spellings of an operators' path reach nothing: neither a route nor another face than an error's. Nor does what is passed
// on lead there.
func TestSpellingsOfAnOperatorsPath(t *testing.T) {
	h := open(t, "/api/oidc")
	for path, status := range map[string]int{
		"/api/admin//clients": 400, "/api/admin/./clients": 400, "/api/x/../admin/clients": 400, "/api/admin%2fclients": 400, "/api%5cadmin/clients": 400,
		"/api/admin/%2e/clients": 400, "/api/admin/..;/admin/clients": 400, "/api/oidc/../admin/clients": 400, "/api/oidc/%2e%2e/admin/clients": 400,
		"/api/admin/clients%00": 400, "/api/admin/clients%0a": 400, "/api/admin/%63lients%2f": 400, `/api/admin\clients`: 400,
		"/API/admin/clients": 404, "/api/admin/Clients": 404, "/api/admin/clients/": 404, "/api/admin/clients;a=b": 404, "/api/admin": 404,
		"/api/oidc/api/admin/clients": 404, "/api/admin/clients/c-1/": 404, "/api/admin/clients/c-1/tokens": 404, "/api/admin/clients.json": 404,
		"/api/admin/%63lients": 404, "/api/admin/users/c-1/": 404, "/api/admin/users/c-1/sessions/s-1/x": 404, "/api/admin/keys/rotate/": 404,
		"/api/orders/../admin/clients": 400, "/api/orders/%2e%2e/admin/clients": 400, "/api/orders/..%2fadmin/clients": 400, "/api/orders//admin": 400,
		"/api/orders/..;/admin/clients": 400, `/api/orders/..\admin\clients`: 400, "/api/orders.json": 404, "/api/Orders/1": 404,
		"/console//decisions": 400, "/console/../api/admin/clients": 400, "/Console": 404, "/console/": 404, "/console/decisions/d-1/": 404,
		"/auth/../console": 400, "/auth/%73ession": 404, "/auth/session/": 404, "/api/oidc/auth/session": 404, "/api/oidc/console": 404,
	} {
		if a := h.ask("GET", path, ""); a.StatusCode != status || a.cors() {
			t.Errorf("%s: %d %v %s", path, a.StatusCode, a.Header, a.body)
		}
	}
}

// Nothing is 404 in the words of its area.
func TestNothingIsHere(t *testing.T) {
	h := open(t, "/api/oidc")
	for path, face := range map[string]web.Face{
		"/api/oidc": web.OAuth, "/api/oidc/nope": web.OAuth, "/api/oidc/dcr": web.OAuth, "/api/oidc/dcr/register/a/b": web.OAuth, "/api/oidc/assets": web.OAuth,
		"/api/oidc/token/a": web.OAuth, "/api/oidc/account/sessions": web.OAuth, "/auth": web.OAuth, "/auth/nope": web.OAuth, "/auth/login/a": web.OAuth,
		"/api/admin": web.Operator, "/api/admin/nope": web.Operator, "/api/admin/users/a/b/c": web.Operator,
		"/console/nope": web.Page, "/console/decisions/a/b": web.Page,
		"/": web.Plain, "/.well-known/openid-configuration": web.Plain, "/.well-known/nope": web.Plain, "/login": web.Plain, "/token": web.Plain,
		"/api/administrators": web.Plain, "/consoles": web.Plain, "/authorize": web.Plain, "/api/ordersmore": web.Plain,
	} {
		a := h.ask("GET", path, "")
		if a.StatusCode != http.StatusNotFound || a.code(t, face) != "not_found" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", path, a.StatusCode, a.Header, a.body)
		}
	}
}
