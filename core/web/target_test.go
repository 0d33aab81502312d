package web

import (
	"context"
	"net/url"
	"strings"
	"testing"
)

// Only the exact spelling of a path reaches its route.
func TestOneSpellingPerPath(t *testing.T) {
	g := start(t)
	for path, want := range map[string]int{
		"/api/oidc/dcr/register/c-1":           200,
		"/api/oidc/dcr/register/c-1?x=/../":    200,
		"/api/oidc/dcr/register/c%2D1":         200,
		"/api/oidc/dcr/register/c.1_~;a":       200,
		"/api/oidc/dcr/register/":              404,
		"/api/oidc/dcr/register/c-1/":          404,
		"/api/oidc/dcr/register/c-1/x":         404,
		"/API/oidc/dcr/register/c-1":           404,
		"/api/oidc/dcr/Register/c-1":           404,
		"/api/oidc/dcr;x/register/c-1":         404,
		"/api/oidc/d%63r/register/c-1":         404,
		"/api/oidc%20/dcr/register/c-1":        404,
		"//api/oidc/dcr/register/c-1":          400,
		"/api/oidc//dcr/register/c-1":          400,
		"/api/oidc/dcr/register//":             400,
		"/x/../api/oidc/dcr/register/c-1":      400,
		"/./api/oidc/dcr/register/c-1":         400,
		"/api/oidc/dcr/register/.":             400,
		"/api/oidc/dcr/register/..":            400,
		"/api/oidc/dcr/register/..;":           400,
		"/api/oidc/dcr/register/..;/c-1":       400,
		"/api/oidc/dcr/register/%2e%2e":        400,
		"/api/oidc/dcr/register/.%2E":          400,
		"/x/%2e%2e/api/oidc/dcr/register/c-1":  400,
		"/api/oidc/dcr/register/a%2fb":         400,
		"/api/oidc/dcr/register/a%5cb":         400,
		"/api/oidc/dcr/register/a%252e":        400,
		"/api/oidc/dcr/register/a%00":          400,
		"/api/oidc/dcr/register/a%0d%0aX:y":    400,
		"/api/oidc/dcr/register/a%7f":          400,
		"/api/oidc/dcr/register/a%ff":          400,
		"/api/oidc/dcr/register/a%":            400,
		"/api/oidc/dcr/register/a%4":           400,
		"/api/oidc/dcr/register/a%zz":          400,
		"/api/oidc/dcr/register/a\\b":          400,
		"/api/oidc/dcr/register/a#b":           400,
		"/api/oidc/dcr/register/caf\xc3\xa9":   400,
		"/api/oidc\\dcr/register/c-1":          400,
		"/api/oidc%2fdcr/register/c-1":         400,
		"/api/oidc/dcr/register/c-1%2f..%2fc2": 400,
		"*":                                    400,
		"api/oidc/dcr/register/c-1":            400,
		"/files":                               200,
		"/files/":                              200,
		"/filesystem":                          404,
		"/files/a/b%20c":                       200,
		"/files/a/../b":                        400,
	} {
		if a := g.ask(t, get(path)); a.StatusCode != want {
			t.Errorf("%s: status %d, want %d: %s", path, a.StatusCode, want, a.body)
		}
	}
}

// No spelling of an operator's path is answered by anything but its own exact route.
func TestAdminPathSpellings(t *testing.T) {
	g := start(t)
	for _, path := range []string{
		"//api/admin/clients", "/api/admin/..;/admin/clients", "/api/admin/%2e%2e/admin/clients", "/api/oidc/../admin/clients",
		"/api%2fadmin/clients", "/api/admin/clients/", "/Api/admin/clients", "/api/admin;/clients", "/./api/admin/clients",
		"/api/admin//clients", "/api/admin/./clients", "/api/%61dmin/clients", "/api\\admin\\clients", "/files/../api/admin/clients",
		"/files/..;/api/admin/clients", "/files/%2e%2e/api/admin/clients", "/files/..%2fapi/admin/clients",
	} {
		a := g.ask(t, request("POST", path, "{}"))
		if a.StatusCode < 400 || strings.Contains(a.body, "/api/admin/clients|") {
			t.Errorf("%s: status %d: %s", path, a.StatusCode, a.body)
		}
	}
}

func TestParamsAreDecodedOnce(t *testing.T) {
	g := start(t)
	for path, want := range map[string]string{
		"/api/oidc/dcr/register/a%20b%26c": "a b&c",
		"/api/oidc/dcr/register/caf%C3%A9": "café",
		"/api/oidc/dcr/register/a+b":       "a+b",
		"/api/oidc/dcr/register/:x":        ":x",
		"/files/x/y%20z":                   "x/y z",
		"/files":                           "",
	} {
		if a := g.ask(t, get(path)); !strings.Contains(a.body, "|"+want+"|") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

// The host of the request and of an absolute target must both be ours.
func TestHosts(t *testing.T) {
	g := start(t, func(o *Options) { o.Sites = []string{"ID.test:8080", "plain.test", "[::1]:8080"} })
	for _, c := range []struct {
		host, target string
		status       int
	}{
		{"id.test:8080", "/files/a", 200},
		{"ID.TEST:8080", "/files/a", 200},
		{"plain.test", "/files/a", 200},
		{"plain.test:80", "/files/a", 200},
		{"plain.test:443", "/files/a", 200},
		{"[::1]:8080", "/files/a", 200},
		{"id.test", "/files/a", 421},
		{"id.test:80", "/files/a", 421},
		{"plain.test:8080", "/files/a", 421},
		{"plain.test.", "/files/a", 421},
		{"plain.test:", "/files/a", 421},
		{"evil.test", "/files/a", 421},
		{"plain.test@evil.test", "/files/a", 421},
		{"evil.test#plain.test", "/files/a", 421},
		{"127.0.0.1", "/files/a", 421},
		{"plain.test", "http://plain.test/files/a", 200},
		{"plain.test", "HTTPS://PLAIN.test:443/files/a?b", 200},
		{"plain.test", "http://evil.test/files/a", 421},
		{"evil.test", "http://plain.test/files/a", 421},
		{"plain.test", "http://plain.test@evil.test/files/a", 421},
		{"plain.test", "http://plain.test", 400},
		{"plain.test", "http://plain.test?a/files/a", 400},
		{"plain.test", "http:///files/a", 400},
		{"plain.test", "ftp://plain.test/files/a", 400},
		{"plain.test", "http:/files/a", 400},
	} {
		a := g.ask(t, "GET "+c.target+" HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n")
		if a.StatusCode != c.status && (c.status != 421 || a.StatusCode != 400) {
			t.Errorf("%s with %s: status %d, want %d: %s", c.target, c.host, a.StatusCode, c.status, a.body)
		}
	}
	if a := g.ask(t, "GET /files/a HTTP/1.0\r\n\r\n"); a.StatusCode != 421 {
		t.Errorf("HTTP/1.0 without Host: %d", a.StatusCode)
	}
	if a := g.ask(t, "GET //plain.test/files/a HTTP/1.0\r\n\r\n"); a.StatusCode != 400 {
		t.Errorf("network path without Host: %d", a.StatusCode)
	}
	for path, want := range map[string]string{"/api/oidc/nope": "application/json", "/api/oidc/token": "application/json", "/api/admin/nope": "application/problem+json", "/console/x": "text/html; charset=utf-8"} {
		if a := g.ask(t, "GET "+path+" HTTP/1.1\r\nHost: evil.test\r\n\r\n"); a.StatusCode != 421 || a.Header.Get("Content-Type") != want {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.Header.Get("Content-Type"))
		}
	}
}

func TestAnySite(t *testing.T) {
	g := start(t, func(o *Options) { o.Sites = []string{AnySite} })
	if a := g.ask(t, "GET /files/a HTTP/1.1\r\nHost: 10.1.2.3:9\r\n\r\n"); a.StatusCode != 200 {
		t.Errorf("status %d", a.StatusCode)
	}
}

// What a handler keeps stays what it was, whatever the connection carries afterwards.
func TestKeptRequestsDoNotChange(t *testing.T) {
	var kept []*Request
	g := start(t, func(o *Options) {
		o.Routes = []Route{{Method: "POST", Path: "/keep/:client_id", Handler: func(_ context.Context, r *Request) (Response, error) {
			kept = append(kept, r)
			return NoContent(), nil
		}}}
	})
	w := g.dial(t)
	names := make([]string, 200)
	for i := range names {
		names[i] = strings.Repeat(string(rune('a'+i%26)), 1+i%40)
		w.send(request("POST", "/keep/"+names[i]+"?q="+names[i], names[i], "Authorization: Bearer "+names[i]))
		w.read("POST")
	}
	if len(kept) != len(names) {
		t.Fatalf("%d requests arrived", len(kept))
	}
	for i, r := range kept {
		want := names[i]
		if r.Param("client_id") != want || r.Header("authorization") != "Bearer "+want || string(r.Body) != want || r.RawQuery != "q="+want || r.Path != "/keep/"+want {
			t.Errorf("request %d changed: %+v", i, r)
		}
	}
}

// FuzzTarget: an accepted target means the same to net/url, and has no dot segment however it is decoded.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/a/b?c=d", "http://a/b", "//a/b", "/a/%2e%2e/b", "/a;b/..;c", "/a%20b", "*", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, bad := parseTarget(raw)
		if bad != nil {
			return
		}
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			if strings.ContainsAny(got.authority+got.path, "%[]:@") || got.authority != "" {
				return // net/url is stricter about hosts, which the list of sites judges here
			}
			t.Fatalf("%q: net/url says %v", raw, err)
		}
		if decoded, ok := decodeSegment(got.path); !ok || decoded != u.Path || u.RawQuery != got.query {
			t.Fatalf("%q: we read %+v, net/url path %q query %q", raw, got, u.Path, u.RawQuery)
		}
		for segment := range strings.SplitSeq(u.Path, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q passed with a dot segment", raw)
			}
		}
	})
}
