package bff_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	backend "github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/proxy"
	"github.com/ostiary/ostiary/core/web/bff"
)

// through opens a front whose proxy is a plain handler.
func through(t *testing.T, handler http.HandlerFunc) *front {
	return open(t, func(p *bff.Parts) { p.Proxy = handler })
}

// What crosses the bridge, both ways.
func TestBridge(t *testing.T) {
	f := through(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		w.Header()["X-Two"] = []string{"a", "b"}
		w.Header().Set("Content-Length", "999")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "lost")
		fmt.Fprintf(w, "%s %s %s|%s|%s|%d|%q", r.Method, r.URL, r.Host, r.Header.Get("Cookie"), body, r.ContentLength, r.Header["X-Csrf"])
	})
	a := f.ask("POST /api/demo/a%20b?x=%2F&y", "Cookie: a=b", "X-CSRF: 1", "body: hello")
	f.want("answer", fmt.Sprint(a.StatusCode, a.body), `418POST /api/demo/a%20b?x=%2F&y app.example.com|a=b|hello|5|["1"]`)
	f.want("headers", fmt.Sprint(a.Header["X-Two"], a.Header["X-Late"], a.Header["Content-Length"], a.Header.Get("Content-Type")), fmt.Sprintf("[a b] [] [%d]text/plain", len(a.body)))
	f.want("nothing is guessed", through(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }).ask("GET /api/demo/x").Header.Get("Content-Type"), "application/octet-stream")
	f.want("an empty answer", through(t, func(http.ResponseWriter, *http.Request) {}).ask("GET /api/demo/x").StatusCode, 200)
}

// Every field of a call crosses but those that say how it came, and the request's id is ours.
func TestBridgeFields(t *testing.T) {
	var saw http.Header
	f := through(t, func(_ http.ResponseWriter, r *http.Request) { saw = r.Header })
	f.ask("POST /api/demo/x", "X-Shop-Currency: EUR", "x-two: a", "X-Two: b", "Content-Type: text/csv", "Accept: */*", "Accept-Encoding: br", "Range: bytes=0-1", "Te: trailers",
		"Keep-Alive: 5", "Upgrade: h2c", "Trailer: X-Late", "X-Request-Id: mine", "body: a,b")
	saw.Del("User-Agent")
	saw.Del("Connection") // of the test's own
	f.want("fields", saw, http.Header{
		"X-Shop-Currency": {"EUR"}, "X-Two": {"a", "b"}, "Content-Type": {"text/csv"}, "Accept": {"*/*"}, "Accept-Encoding": {"br"},
		"Range": {"bytes=0-1"}, "X-Request-Id": {"mine"},
	})
}

// An answer that is too long, or that breaks off, is none: never a part of one.
func TestBridgeBreaks(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, handler := range map[string]http.HandlerFunc{
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			for range 9 {
				if _, err := io.WriteString(w, long); err != nil {
					panic(http.ErrAbortHandler)
				}
			}
		},
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "half")
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := through(t, handler).ask("GET /api/demo/x")
			if a.StatusCode != 502 || strings.Contains(a.body, "half") || a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %.200s", a.StatusCode, a.body)
			}
		})
	}
	if a := through(t, func(http.ResponseWriter, *http.Request) { panic("bug") }).ask("GET /api/demo/x"); a.StatusCode != 500 {
		t.Errorf("a panic: %d %s", a.StatusCode, a.body)
	}
}

// tokens gives the one session's token.
type tokens struct{}

func (tokens) AccessToken(_ context.Context, cookie core.Secret) (core.Secret, error) {
	if cookie != "good" {
		return "", core.Refuse(core.InvalidToken, "There is no session; sign in at /auth/login.")
	}
	return "ACCESS-TOKEN", nil
}

// The real proxy behind the bridge: a call reaches the API with the token; the browser never sees it, also when the API breaks
// off in the middle.
func TestProxied(t *testing.T) {
	var saw string
	var fields http.Header
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fields = r.Header
		saw = r.Header.Get("Authorization") + r.Header.Get("Cookie") + " " + r.URL.Path
		if r.URL.Path == "/half" {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"ok":true}`)
	}))
	defer api.Close()
	upstream, err := url.Parse(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	passer, err := proxy.New(proxy.Parts{
		Routes: []proxy.Route{{Prefix: "/api/demo", Upstream: upstream, StripPrefix: true}}, Tokens: tokens{},
		Guard: backend.NewGuard("https://app.example.com"), Cookie: bff.SessionCookie(true, ""), Transport: api.Client().Transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	f := through(t, passer.ServeHTTP)
	a := f.ask("GET /api/demo/me", "Cookie: __Host-bff_session=good")
	f.want("call", fmt.Sprint(a.StatusCode, a.body, saw), `200{"ok":true}Bearer ACCESS-TOKEN /me`)
	if strings.Contains(fmt.Sprint(a.Header, a.body), "ACCESS-TOKEN") {
		t.Error("the browser sees the token")
	}
	f.ask("POST /api/demo/me", "Cookie: __Host-bff_session=good", "X-CSRF: 1", "X-Shop-Currency: EUR", "Authorization: Bearer mine", "X-Forwarded-For: 1.2.3.4",
		"X-User-Id: root", "Client-Cert: x", "Proxy-Authorization: x", "Connection: X-Private, Authorization, X-CSRF", "X-Private: x", "Upgrade: websocket", "Forwarded: for=x")
	for _, name := range []string{"User-Agent", "Accept-Encoding", "X-Request-Id", "Content-Length"} {
		fields.Del(name)
	}
	f.want("fields", fields, http.Header{"X-Shop-Currency": {"EUR"}, "Authorization": {"Bearer ACCESS-TOKEN"}})
	a = f.ask("GET /api/demo/me")
	f.want("without a session", a.StatusCode, 401)
	f.want("kind", a.Header.Get("Content-Type"), "application/problem+json")
	f.want("without the header", f.ask("POST /api/demo/notes", "Cookie: __Host-bff_session=good").StatusCode, 403)
	a = f.ask("GET /api/demo/half", "Cookie: __Host-bff_session=good")
	if a.StatusCode != 502 || strings.HasPrefix(a.body, "half") {
		t.Errorf("broken off: %d %s", a.StatusCode, a.body)
	}
}
