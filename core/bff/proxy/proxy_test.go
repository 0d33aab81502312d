package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/proxy"
)

// sessions knows one cookie.
type sessions struct{ err error }

func (s sessions) AccessToken(_ context.Context, cookie core.Secret) (core.Secret, error) {
	if s.err != nil {
		return "", s.err
	}
	if cookie != "good" {
		return "", core.Refuse(core.InvalidToken, "There is no session.")
	}
	return "ACCESS", nil
}

// An api remembers the last call that reached it.
type api struct {
	*httptest.Server
	mu     sync.Mutex
	last   *http.Request
	body   string
	answer func(w http.ResponseWriter)
}

// answers changes what it answers.
func (a *api) answers(with func(w http.ResponseWriter)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = with
}

func newAPI(t *testing.T) *api {
	a := &api{answer: func(w http.ResponseWriter) { fmt.Fprint(w, "hello") }}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.last, a.body = r, string(body)
		answer := a.answer
		a.mu.Unlock()
		answer(w)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *api) proxy(t *testing.T, change func(*proxy.Parts)) http.Handler {
	t.Helper()
	upstream, _ := url.Parse(a.URL + "/base")
	parts := proxy.Parts{
		Routes: []proxy.Route{
			{Prefix: "/api/demo", Upstream: upstream, StripPrefix: true},
			{Prefix: "/api/whole", Upstream: upstream, Methods: []string{"GET"}, KeepCookies: true},
		},
		Tokens: sessions{}, Guard: bff.NewGuard("http://localhost:8080"), Cookie: "bff_session", Transport: a.Client().Transport,
	}
	if change != nil {
		change(&parts)
	}
	p, err := proxy.New(parts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// call sends "METHOD target" with headers, one "Name: value" each.
func call(p http.Handler, line string, headers ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(line, " ")
	r := httptest.NewRequest(method, "http://localhost:8080/", strings.NewReader("the body"))
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
	if decoded, err := url.PathUnescape(r.URL.Path); err == nil && decoded != r.URL.Path {
		r.URL.Path, r.URL.RawPath = decoded, r.URL.Path
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header[name] = append(r.Header[name], value)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

const cookie = "Cookie: a=b; bff_session=good; c=d"

// A call reaches the API with the token in place of the cookie.
func TestPassesOn(t *testing.T) {
	a := newAPI(t)
	p := a.proxy(t, nil)
	for line, want := range map[string]string{
		"GET /api/demo": "/base/", "GET /api/demo/": "/base/", "GET /api/demo/a/b?x=1&y=%20": "/base/a/b?x=1&y=%20", "GET /api/demo/%C3%A9": "/base/%C3%A9",
		"GET /api/whole/a": "/base/api/whole/a", "HEAD /api/demo/x": "/base/x", "GET /api/demo/api/demo": "/base/api/demo",
	} {
		w := call(p, line, cookie)
		if w.Code != 200 || a.last.URL.String() != want || a.last.Header.Get("Authorization") != "Bearer ACCESS" || a.last.Host != strings.TrimPrefix(a.URL, "http://") {
			t.Errorf("%s: %d, reached %s at %s with %q", line, w.Code, a.last.URL, a.last.Host, a.last.Header.Get("Authorization"))
		}
	}
	w := call(p, "POST /api/demo/notes", cookie, "X-Csrf: 1", "Content-Type: text/plain", "X-Mine: kept")
	if w.Code != 200 || w.Body.String() != "hello" || a.body != "the body" || a.last.Header.Get("X-Mine") != "kept" || a.last.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("%d %q; the API saw %q, %v", w.Code, w.Body, a.body, a.last.Header)
	}
}

// Whatever an API could take for the word of somebody it trusts does not come through.
func TestStripsWhatTheBrowserMayNotSay(t *testing.T) {
	a := newAPI(t)
	bad := []string{
		"Authorization: Bearer MINE", "authorization: Basic eA==", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil", "X-Forwarded-Uri: /x", "Forwarded: for=1.2.3.4",
		"X-Real-Ip: 1.2.3.4", "X-User: root", "X-User-Id: 1", "X_User: root", "X_Forwarded_For: 1.2.3.4", "Remote-User: root", "Remote_User: root",
		"X-Remote-User: root", "X-Auth-Request-Email: a@b", "X-Original-Url: /admin", "X-Http-Method-Override: DELETE", "Proxy-Authorization: x", "X-Client-Cert: x",
		"Cf-Access-Jwt-Assertion: x", "X-Ms-Client-Principal: x", "x-forwarded-user: root", "Keep-Alive: 1", "Te: trailers, x", "Trailer: X", "Upgrade: websocket", "Dpop: x",
		"X-Hop: 1", "Connection: X-Hop, Authorization, upgrade",
	}
	w := call(a.proxy(t, nil), "GET /api/demo/x", append(bad, cookie, "Accept: text/plain")...)
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	for name, values := range a.last.Header {
		switch name {
		case "Accept", "Accept-Encoding", "User-Agent", "Content-Length", "Te":
		case "Authorization":
			if len(values) != 1 || values[0] != "Bearer ACCESS" {
				t.Errorf("authorization: %q", values)
			}
		default:
			t.Errorf("the API saw %s: %q", name, values)
		}
	}
}

// What an API answers may set nothing in the browser, and nobody may keep it for others.
func TestTamesAnswers(t *testing.T) {
	a := newAPI(t)
	a.answers(func(w http.ResponseWriter) {
		for name, value := range map[string]string{
			"Set-Cookie": "bff_session=evil", "Access-Control-Allow-Origin": "*", "Clear-Site-Data": `"*"`, "Service-Worker-Allowed": "/", "Cache-Control": "public, max-age=60",
			"ETag": `"1"`, "X-Mine": "kept", "Strict-Transport-Security": "max-age=1", "Refresh": "0; url=//evil",
		} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(404)
	})
	p := a.proxy(t, nil)
	w := call(p, "GET /api/demo/x", cookie)
	var names []string
	for name := range w.Header() {
		names = append(names, name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); w.Code != 404 || got != "Cache-Control Content-Length Date Etag Vary X-Content-Type-Options X-Mine" {
		t.Errorf("%d %s", w.Code, got)
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Vary") != "Cookie" {
		t.Errorf("%v", w.Header())
	}
	if w := call(p, "GET /api/whole/x", cookie); w.Header().Get("Set-Cookie") == "" {
		t.Error("a route that keeps cookies lost one")
	}
	a.answers(func(w http.ResponseWriter) { w.Header().Set("Cache-Control", "private, max-age=5") })
	if got := call(p, "GET /api/demo/x", cookie).Header().Get("Cache-Control"); got != "private, max-age=5" {
		t.Errorf("a private answer: %q", got)
	}
}

// Calls that never reach the API, each with a problem document and never with a redirect.
func TestRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		line    string
		headers string
		status  int
		code    string
	}{
		"no session":                {"GET /api/demo/x", "X-Requested-With: XMLHttpRequest", 401, "invalid_token"},
		"no session, a page":        {"GET /api/demo/x", "Accept: text/html|Sec-Fetch-Mode: navigate", 401, "invalid_token"},
		"unknown session":           {"GET /api/demo/x", "Cookie: bff_session=bad", 401, "invalid_token"},
		"two sessions":              {"GET /api/demo/x", "Cookie: bff_session=good; bff_session=good", 401, "invalid_token"},
		"session in another cookie": {"GET /api/demo/x", "Cookie: xbff_session=good", 401, "invalid_token"},
		"bearer instead of session": {"GET /api/demo/x", "Authorization: Bearer ACCESS", 401, "invalid_token"},
		"no csrf header":            {"POST /api/demo/x", cookie, 403, "access_denied"},
		"of another site":           {"GET /api/demo/x", cookie + "|Sec-Fetch-Site: cross-site", 403, "access_denied"},
		"of another origin":         {"POST /api/demo/x", cookie + "|X-Csrf: 1|Origin: http://evil.example", 403, "access_denied"},
		"method of no route":        {"DELETE /api/whole/x", cookie + "|X-Csrf: 1", 405, "method_not_allowed"},
		"method of no API":          {"TRACE /api/demo/x", cookie + "|X-Csrf: 1", 405, "method_not_allowed"},
		"no route":                  {"GET /api/other", cookie, 404, "not_found"},
		"next to a route":           {"GET /api/demolition", cookie, 404, "not_found"},
		"dot segments":              {"GET /api/demo/../admin", cookie, 400, "invalid_request"},
		"encoded dot segments":      {"GET /api/demo/%2e%2e/admin", cookie, 400, "invalid_request"},
		"encoded slash":             {"GET /api/demo/..%2fadmin", cookie, 400, "invalid_request"},
		"encoded backslash":         {"GET /api/demo/..%5cadmin", cookie, 400, "invalid_request"},
		"encoded twice":             {"GET /api/demo/%252e%252e/admin", cookie, 400, "invalid_request"},
		"path parameter":            {"GET /api/demo/..;/admin", cookie, 400, "invalid_request"},
		"empty segment":             {"GET /api/demo//admin", cookie, 400, "invalid_request"},
		"control character":         {"GET /api/demo/%0aadmin", cookie, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			w := call(a.proxy(t, nil), test.line, strings.Split(test.headers, "|")...)
			if w.Code != test.status || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) || w.Header().Get("Content-Type") != "application/problem+json" || a.last != nil {
				t.Errorf("%d %s %v; reached: %t", w.Code, w.Body, w.Header(), a.last != nil)
			}
		})
	}
}

// What the tokens' keeper says is passed on; what broke inside is not.
func TestNoToken(t *testing.T) {
	a := newAPI(t)
	for _, test := range []struct {
		err          error
		status       int
		retry, lacks string
	}{
		{&core.Error{Code: core.TemporarilyUnavailable, Detail: "Later.", RetryAfter: 4500 * time.Millisecond}, 503, "5", "cause"},
		{errors.New("the cause"), 500, "", "cause"},
	} {
		w := call(a.proxy(t, func(p *proxy.Parts) { p.Tokens = sessions{err: test.err} }), "GET /api/demo/x", cookie)
		if w.Code != test.status || w.Header().Get("Retry-After") != test.retry || strings.Contains(w.Body.String(), test.lacks) || a.last != nil {
			t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
		}
	}
}

// An API that is not there, breaks off or switches protocols is a 502.
func TestBadGateway(t *testing.T) {
	a := newAPI(t)
	p := a.proxy(t, nil)
	a.answers(func(http.ResponseWriter) { panic(http.ErrAbortHandler) })
	if w := call(p, "GET /api/demo/x", cookie); w.Code != 502 || !strings.Contains(w.Body.String(), `"status":502`) {
		t.Errorf("broken off: %d %s", w.Code, w.Body)
	}
	a.answers(func(w http.ResponseWriter) {
		w.Header().Set("Upgrade", "x")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	if w := call(p, "GET /api/demo/x", cookie, "Connection: Upgrade", "Upgrade: x"); w.Code != 502 {
		t.Errorf("switched: %d %s", w.Code, w.Body)
	}
	a.Close()
	w := call(p, "GET /api/demo/x", cookie)
	if w.Code != 502 || strings.Contains(w.Body.String(), "127.0.0.1") {
		t.Errorf("closed: %d %s", w.Code, w.Body)
	}
}

// Bad routes are reported at once, all of them.
func TestNewRefuses(t *testing.T) {
	good, _ := url.Parse("https://api.internal")
	user, _ := url.Parse("https://u:p@api.internal")
	_, err := proxy.New(proxy.Parts{Routes: []proxy.Route{
		{Prefix: "/", Upstream: good}, {Prefix: "/a/", Upstream: good}, {Prefix: "b", Upstream: good}, {Prefix: "/c/../d", Upstream: good},
		{Prefix: "/e"}, {Prefix: "/f", Upstream: &url.URL{Path: "/x"}}, {Prefix: "/g", Upstream: user}, {Prefix: "/h", Upstream: good, Methods: []string{"CONNECT"}},
		{Prefix: "/i", Upstream: good}, {Prefix: "/i", Upstream: good},
	}})
	for _, want := range []string{`"/"`, `"/a/"`, `"b"`, `"/c/../d"`, `"/e": the upstream`, `"/f": the upstream`, `"/g": the upstream has`, `"CONNECT"`, `"/i": given twice`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
}
