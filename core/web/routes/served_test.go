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
			if method != "HEAD" && a.code(t) != "method_not_allowed" {
				t.Errorf("%s %s: %s", method, path, a.body)
			}
		}
		if a := h.ask("OPTIONS", path, ""); a.StatusCode != http.StatusNoContent || !slices.Equal(split(a.Header.Get("Allow")), want) || a.Header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("OPTIONS %s: %d %v", path, a.StatusCode, a.Header)
		}
		if a := h.ask("BREW", path, ""); a.StatusCode != http.StatusNotImplemented {
			t.Errorf("BREW %s: %d", path, a.StatusCode)
		}
	}
}

// Pages of other origins may call what is under the issuer, without credentials of the browser, and nothing of the operators'.
func TestOtherOrigins(t *testing.T) {
	h := open(t, "/api/oidc")
	const from = "Origin: https://app.example"
	for path, rows := range paths(table(origin, "/api/oidc"), "/api/oidc") {
		for _, r := range rows {
			preflight := h.ask("OPTIONS", path, "", from, "Access-Control-Request-Method: "+r.Method, "Access-Control-Request-Headers: authorization, content-type")
			actual := h.ask("TRACE", path, "", from)
			if strings.HasPrefix(path, "/api/admin") {
				if preflight.cors() || actual.cors() {
					t.Errorf("%s %s: %v %v", r.Method, path, preflight.Header, actual.Header)
				}
				continue
			}
			if preflight.StatusCode != http.StatusNoContent || !slices.Contains(split(preflight.Header.Get("Access-Control-Allow-Methods")), r.Method) ||
				!strings.Contains(preflight.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("preflight of %s %s: %d %v", r.Method, path, preflight.StatusCode, preflight.Header)
			}
			for _, a := range []answer{preflight, actual} {
				if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s: %v", r.Method, path, a.Header)
				}
			}
		}
	}
}

// A body of another kind, packed or too long is refused at every row, with what would do; judged rows report it.
func TestBodiesOfEveryRow(t *testing.T) {
	h := open(t, "/api/oidc")
	for path, rows := range paths(table(origin, "/api/oidc"), "/api/oidc") {
		for _, r := range rows {
			if len(r.MediaTypes) == 0 {
				continue
			}
			for status, a := range map[int]func() answer{
				http.StatusUnsupportedMediaType: func() answer { return h.ask(r.Method, path, "a=b", "Content-Type: application/x-www-form-urlencoded") },
				http.StatusRequestEntityTooLarge: func() answer {
					return h.ask(r.Method, path, strings.Repeat(" ", web.DefaultLimit+1), "Content-Type: application/json")
				},
			} {
				before := len(h.reported())
				got := a()
				code := got.code(t)
				if got.StatusCode != status || status == http.StatusUnsupportedMediaType && !strings.Contains(got.body, strings.Join(r.MediaTypes, " or ")) {
					t.Errorf("%s %s: %d %s", r.Method, path, got.StatusCode, got.body)
				}
				checkReport(t, describe(r), r.Judged, got, code, h.reported()[before:])
			}
			packed := h.ask(r.Method, path, "{}", "Content-Type: application/json", "Content-Encoding: gzip")
			if packed.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(packed.body, "Content-Encoding") {
				t.Errorf("%s %s, packed: %d %s", r.Method, path, packed.StatusCode, packed.body)
			}
		}
	}
}

// checkReport holds that a judged row's refusal has an id that the ledger is told of, and no other row's has one.
func checkReport(t *testing.T, row string, judged bool, a answer, code string, reported []web.Refused) {
	t.Helper()
	id := a.member(t, "decision_id")
	switch {
	case !judged && (id != "" || a.Header.Get("Ostiary-Decision-Id") != "" || len(reported) > 0):
		t.Errorf("%s: %s, reported %+v", row, a.body, reported)
	case judged && (!strings.HasPrefix(id, "d-") || a.Header.Get("Ostiary-Decision-Id") != id):
		t.Errorf("%s: header %q: %s", row, a.Header.Get("Ostiary-Decision-Id"), a.body)
	case judged && (len(reported) != 1 || string(reported[0].Decision) != id || string(reported[0].Code) != code):
		t.Errorf("%s: %s is reported as %+v", row, id, reported)
	}
}

// Every operators' route asks who comes before anything else.
func TestEveryOperatorsRouteAsksWhoComes(t *testing.T) {
	h := open(t, "/api/oidc")
	found := 0
	for _, r := range table(origin, "/api/oidc") {
		if r.Face != web.Operator {
			continue
		}
		found++
		fields := []string{"Authorization: Basic YWRhOmFkYQ=="}
		body := ""
		if len(r.MediaTypes) > 0 {
			fields, body = append(fields, "Content-Type: application/json"), "{}"
		}
		a := h.ask(r.Method, concrete(r.Path), body, fields...)
		if a.StatusCode != http.StatusUnauthorized || a.code(t) != "invalid_token" || a.Header.Get("WWW-Authenticate") != `Bearer realm="ostiary"` {
			t.Errorf("%s: %d %s, challenge %q", describe(r), a.StatusCode, a.body, a.Header.Get("WWW-Authenticate"))
		}
		a = h.ask(r.Method, concrete(r.Path)+"?access_token=x", body, fields[1:]...)
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, "query is not accepted") {
			t.Errorf("%s, token in the query: %d %s", describe(r), a.StatusCode, a.body)
		}
	}
	if found < 16 {
		t.Errorf("only %d operators' routes", found)
	}
}

// Other spellings of an operators' path reach nothing: neither a route nor another face than an error's.
func TestSpellingsOfAnOperatorsPath(t *testing.T) {
	h := open(t, "/api/oidc")
	for path, status := range map[string]int{
		"/api/admin//clients": 400, "/api/admin/./clients": 400, "/api/x/../admin/clients": 400, "/api/admin%2fclients": 400, "/api%5cadmin/clients": 400,
		"/api/admin/%2e/clients": 400, "/api/admin/..;/admin/clients": 400, "/api/oidc/../admin/clients": 400, "/api/oidc/%2e%2e/admin/clients": 400,
		"/api/admin/clients%00": 400, "/api/admin/clients%0a": 400, "/api/admin/%63lients%2f": 400, `/api/admin\clients`: 400,
		"/API/admin/clients": 404, "/api/admin/Clients": 404, "/api/admin/clients/": 404, "/api/admin/clients;a=b": 404, "/api/admin": 404,
		"/api/oidc/api/admin/clients": 404, "/api/admin/clients/c-1/": 404, "/api/admin/clients/c-1/tokens": 404, "/api/admin/clients.json": 404,
		"/api/admin/%63lients": 404,
	} {
		if a := h.ask("GET", path, ""); a.StatusCode != status || a.cors() {
			t.Errorf("%s: %d %v %s", path, a.StatusCode, a.Header, a.body)
		}
	}
}

// Nothing is 404 in the words of its area.
func TestNothingIsHere(t *testing.T) {
	h := open(t, "/api/oidc")
	for path, mediaType := range map[string]string{
		"/api/oidc": "application/json", "/api/oidc/token": "application/json", "/api/oidc/dcr": "application/json", "/api/oidc/dcr/register/a/b": "application/json",
		"/api/admin": "application/problem+json", "/api/admin/nope": "application/problem+json",
		"/": "text/plain; charset=utf-8", "/.well-known/openid-configuration": "text/plain; charset=utf-8", "/api/administrators": "text/plain; charset=utf-8",
	} {
		a := h.ask("GET", path, "")
		if a.StatusCode != http.StatusNotFound || a.Header.Get("Content-Type") != mediaType || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", path, a.StatusCode, a.Header, a.body)
		}
	}
}

// Discovery is where each specification looks for it, and every endpoint it names is a route of the table.
func TestDiscovery(t *testing.T) {
	for issuerPath, places := range map[string][]string{
		"":          {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		"/api/oidc": {"/api/oidc/.well-known/openid-configuration", "/api/oidc/.well-known/oauth-authorization-server", "/.well-known/openid-configuration/api/oidc", "/.well-known/oauth-authorization-server/api/oidc"},
		"/t":        {"/t/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/t"},
	} {
		h := open(t, issuerPath)
		by := paths(table(origin, issuerPath), issuerPath)
		for _, place := range places {
			a := h.ask("GET", place, "")
			if a.StatusCode != http.StatusOK || a.member(t, "issuer") != origin+issuerPath || a.Header.Get("Cache-Control") != "public, max-age=300" {
				t.Errorf("%s: %d %v %s", place, a.StatusCode, a.Header, a.body)
			}
			if head := h.ask("HEAD", place, ""); head.StatusCode != http.StatusOK || head.body != "" || head.ContentLength != int64(len(a.body)) {
				t.Errorf("HEAD %s: %d, %d bytes of %d", place, head.StatusCode, head.ContentLength, len(a.body))
			}
			checkEndpoints(t, a, by)
		}
	}
}

// checkEndpoints looks every URL of a discovery document up in the table. It does not know a new one: add its method.
func checkEndpoints(t *testing.T, a answer, by map[string][]web.Route) {
	t.Helper()
	methods := map[string]string{"jwks_uri": "GET", "registration_endpoint": "POST"}
	doc, err := web.ParseBody([]byte(a.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range doc.All() {
		text, _ := v.Text()
		path, ours := strings.CutPrefix(text, origin)
		method := methods[name]
		switch {
		case !strings.HasSuffix(name, "_uri") && !strings.HasSuffix(name, "_endpoint"):
		case !ours || method == "":
			t.Errorf("%s: %s is no endpoint known here", name, v)
		case !slices.ContainsFunc(by[path], func(r web.Route) bool { return r.Method == method && r.CORS }):
			t.Errorf("%s names %s, where nothing answers %s from other origins", name, path, method)
		}
	}
}

// Keys are the same for GET and HEAD, and may be kept.
func TestKeys(t *testing.T) {
	h := open(t, "/api/oidc")
	for _, method := range []string{"GET", "HEAD"} {
		a := h.ask(method, "/api/oidc/jwks", "")
		if a.StatusCode != http.StatusOK || a.Header.Get("ETag") != `"k1"` || a.Header.Get("Cache-Control") != "public, max-age=300" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", method, a.StatusCode, a.Header)
		}
	}
}
