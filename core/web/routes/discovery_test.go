package routes_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/web"
)

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

// endpoints are the members of a discovery document that name a URL of ours, and the methods it takes.
var endpoints = map[string][]string{
	"jwks_uri": {"GET"}, "registration_endpoint": {"POST"}, "authorization_endpoint": {"GET", "POST"}, "token_endpoint": {"POST"},
	"pushed_authorization_request_endpoint": {"POST"}, "userinfo_endpoint": {"GET", "POST"}, "introspection_endpoint": {"POST"},
	"revocation_endpoint": {"POST"}, "end_session_endpoint": {"GET", "POST"},
}

// checkEndpoints looks every URL of a discovery document up in the table. It does not know a new one: add its methods.
func checkEndpoints(t *testing.T, a answer, by map[string][]web.Route) {
	t.Helper()
	doc, err := web.ParseBody([]byte(a.body))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for name, v := range doc.All() {
		text, _ := v.Text()
		path, ours := strings.CutPrefix(text, origin)
		methods := endpoints[name]
		if !strings.HasSuffix(name, "_uri") && !strings.HasSuffix(name, "_endpoint") {
			continue
		}
		found++
		if !ours || len(methods) == 0 {
			t.Errorf("%s: %s is no endpoint known here", name, v)
		}
		for _, method := range methods {
			if !slices.ContainsFunc(by[path], func(r web.Route) bool { return r.Method == method && r.CORS == sideOf(r).open }) {
				t.Errorf("%s names %s, where nothing answers %s to those who may ask", name, path, method)
			}
		}
	}
	if found != len(endpoints) {
		t.Errorf("%d endpoints are named, want %d", found, len(endpoints))
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
