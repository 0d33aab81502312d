package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/proxy"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/web"
	webbff "github.com/ostiary/ostiary/core/web/bff"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/memory"
)

const (
	demoIssuer = "http://localhost:8080/api/oidc"
	demoOrigin = "http://localhost:8080"
)

// A demoProvider is as much of an OpenID provider as the demo's road needs: it registers, pushes, signs and refreshes. What it
// refuses is tested where the backend is (core/bff).
type demoProvider struct {
	t      *testing.T
	key    jose.PrivateKey
	pushed url.Values
	count  int
	over   []string // tokens that were revoked
}

func newDemoProvider(t *testing.T) *demoProvider {
	t.Helper()
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return &demoProvider{t: t, key: key}
}

// Set implements bff.IssuerKeys and issuerKeySet.
func (p *demoProvider) Set(context.Context, string, string) (jose.KeySet, error) {
	return jose.PublicSet(p.key)
}

// RoundTrip implements http.RoundTripper.
func (p *demoProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, _ := url.ParseQuery(string(body))
	w := httptest.NewRecorder()
	answer := map[string]any{}
	switch strings.TrimPrefix(r.URL.String(), demoIssuer) {
	case "/dcr/register":
		answer = map[string]any{"client_id": "bff-server", "registration_access_token": "REGISTRATION-TOKEN", "id_token_signed_response_alg": "ES256"}
	case "/par":
		p.pushed = form
		answer = map[string]any{"request_uri": "urn:x"}
	case "/token":
		p.count++
		answer = map[string]any{"access_token": p.access(nil), "refresh_token": fmt.Sprintf("REFRESH-TOKEN-%d", p.count), "token_type": "Bearer", "expires_in": 300}
		if form.Get("grant_type") == "authorization_code" {
			answer["id_token"] = p.signed("JWT", map[string]any{"aud": "bff-server", "nonce": p.pushed.Get("nonce"), "name": "Alice", "email": "alice@example.com", "sid": "s-1"})
		}
	case "/revoke":
		p.over = append(p.over, form.Get("token"))
	default:
		p.t.Errorf("the provider has no %s", r.URL)
	}
	out, _ := json.Marshal(answer)
	_, _ = w.Write(out)
	return w.Result(), nil
}

// access makes an access token (RFC 9068); change replaces claims, nil ones go.
func (p *demoProvider) access(change map[string]any) string {
	claims := map[string]any{"aud": demoIssuer, "client_id": "bff-server", "scope": "openid profile email", "jti": fmt.Sprint(p.count)}
	for name, v := range change {
		claims[name] = v
	}
	return p.signed("at+jwt", claims)
}

func (p *demoProvider) signed(typ string, claims map[string]any) string {
	for name, v := range map[string]any{"iss": demoIssuer, "sub": "u-alice", "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix()} {
		if _, given := claims[name]; !given {
			claims[name] = v
		}
	}
	for name, v := range claims {
		if v == nil {
			delete(claims, name)
		}
	}
	body, _ := json.Marshal(claims)
	signed, err := jose.Sign(p.key, typ, body)
	if err != nil {
		p.t.Error(err)
	}
	return signed
}

// openDemo puts the demo together as the house does, with that provider in place of ours.
func openDemo(t *testing.T, p *demoProvider) *web.Server {
	t.Helper()
	ring, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	back, err := bff.New(bff.Parts{
		Store: storage.NewBFF(memory.New(time.Now), "main", ring), Door: fetch.NewPeer(fetch.PeerOptions{Through: p}), Keys: p, Now: time.Now,
		Mint: func(context.Context) (core.Secret, error) { return "INITIAL-ACCESS-TOKEN", nil },
	}, bff.Settings{Issuer: demoIssuer, Origins: []string{demoOrigin}})
	if err == nil {
		err = back.Bootstrap(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	upstream, stop, err := serveDemo(demoAPI(demoVerifier{Issuer: demoIssuer, JWKSURI: demoIssuer + "/jwks", Audience: demoIssuer, Keys: p, Now: time.Now}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	through, err := proxy.New(proxy.Parts{
		Routes: []proxy.Route{{Prefix: "/api/demo", Upstream: upstream, StripPrefix: true}}, Tokens: back, Guard: back.Guard(),
		Cookie: webbff.SessionCookie(back.Secure(), ""), Transport: fetch.NewPeer(fetch.PeerOptions{}).HTTPClient().Transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	h := webbff.New(webbff.Parts{Backend: back, Guard: back.Guard(), Secure: back.Secure(), Limiter: web.NewLimiter(time.Second, 100, 100), Proxy: through})
	table, err := demoSite()
	if err != nil {
		t.Fatal(err)
	}
	server, err := web.New(web.Options{Sites: []string{"localhost:8080"}, Routes: append(table,
		web.Route{Method: "GET", Path: "/auth/login", Handler: h.Login, Face: web.Page},
		web.Route{Method: "GET", Path: "/auth/callback", Handler: h.Callback, Face: web.Page},
		web.Route{Method: "GET", Path: "/auth/session", Handler: h.Session},
		web.Route{Method: "POST", Path: "/auth/refresh", Handler: h.Refresh},
		web.Route{Method: "POST", Path: "/auth/logout", Handler: h.Logout},
		web.Route{Method: "GET", Path: "/api/demo/*", Handler: h.Proxied},
		web.Route{Method: "POST", Path: "/api/demo/*", Handler: h.Proxied},
	)})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// A demoBrowser keeps cookies, and everything that it ever received.
type demoBrowser struct {
	*testing.T
	peer *fetch.Peer
	seen strings.Builder
}

// ask sends "METHOD path" with the header that the page sends, and wants a status.
func (b *demoBrowser) ask(line string, body string, want int) fetch.Response {
	b.Helper()
	method, path, _ := strings.Cut(line, " ")
	answer, err := b.peer.Do(b.Context(), fetch.Request{
		Method: method, URL: demoOrigin + path, Body: []byte(body), Header: http.Header{"X-Csrf": {"1"}, "Origin": {demoOrigin}, "Content-Type": {"application/json"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	if answer.Status != want {
		b.Errorf("%s: %d %s, want %d", line, answer.Status, answer.Body, want)
	}
	fmt.Fprintln(&b.seen, line, answer.Status, answer.Header, string(answer.Body))
	return answer
}

// The whole road of the demo, as its page walks it: nobody, sign in, who, a call, a note, fresh tokens, sign out. Nothing that
// the browser receives on it holds a token.
func TestDemoRoad(t *testing.T) {
	p := newDemoProvider(t)
	b := &demoBrowser{T: t, peer: fetch.NewPeer(fetch.PeerOptions{Through: openDemo(t, p).RoundTripper(), Cookies: true})}
	says := func(what string, answer fetch.Response, want string) {
		t.Helper()
		if !strings.Contains(string(answer.Body), want) {
			t.Errorf("%s: %s\nlacks %s", what, answer.Body, want)
		}
	}
	b.ask("GET /", "", 200)
	says("nobody", b.ask("GET /auth/session", "", 200), `{"authenticated":false}`)
	b.ask("GET /api/demo/me", "", 401)
	to := b.ask("GET /auth/login?return_to=%2F", "", 303).Header.Get("Location")
	if to != demoIssuer+"/authorize?client_id=bff-server&request_uri=urn%3Ax" {
		t.Fatalf("sent to %s", to)
	}
	back := "/auth/callback?" + oauth.Params{"code": {"c"}, "state": {p.pushed.Get("state")}, "iss": {demoIssuer}}.Encode()
	stranger := &demoBrowser{T: t, peer: fetch.NewPeer(fetch.PeerOptions{Through: openDemo(t, p).RoundTripper(), Cookies: true})}
	stranger.ask("GET "+back, "", 400)
	if to := b.ask("GET "+back, "", 303).Header.Get("Location"); to != "/" {
		t.Errorf("then sent to %s", to)
	}
	b.ask("GET "+back, "", 400) // a second time
	says("session", b.ask("GET /auth/session", "", 200), `{"authenticated":true,"sub":"u-alice","name":"Alice","email":"alice@example.com"`)
	says("me", b.ask("GET /api/demo/me", "", 200), `"sub":"u-alice","client_id":"bff-server","scope":["openid","profile","email"]`)
	says("no notes", b.ask("GET /api/demo/notes", "", 200), `{"notes":[]}`)
	b.ask("POST /api/demo/notes", `{"text":"one"}`, 201)
	says("notes", b.ask("POST /api/demo/notes", `{"text":"two"}`, 201), `{"notes":["two","one"]}`)
	b.ask("POST /api/demo/notes", `{"text":" "}`, 400)
	says("refresh", b.ask("POST /auth/refresh", "", 200), `"authenticated":true`)
	b.ask("GET /api/demo/me", "", 200)
	says("logout", b.ask("POST /auth/logout", "", 200), demoIssuer+`/logout?client_id=bff-server&post_logout_redirect_uri=`)
	says("afterwards", b.ask("GET /auth/session", "", 200), `{"authenticated":false}`)
	b.ask("GET /api/demo/me", "", 401)
	if fmt.Sprint(p.over) != "[REFRESH-TOKEN-2]" {
		t.Errorf("revoked %v", p.over)
	}
	for _, token := range []string{"eyJ", "REFRESH-TOKEN", "REGISTRATION-TOKEN", "INITIAL-ACCESS-TOKEN"} {
		if strings.Contains(b.seen.String(), token) {
			t.Errorf("%s is in what the browser received:\n%s", token, b.seen.String())
		}
	}
}

// The page keeps to its own policy: no script, style or handler stands in it, and whatever it names is served.
func TestDemoSite(t *testing.T) {
	table, err := demoSite()
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]web.Response{}
	for _, route := range table {
		answer, err := route.Handler(t.Context(), nil)
		if err != nil || answer.ContentType == "" || len(answer.Body) == 0 {
			t.Errorf("%s: %+v, %v", route.Path, answer, err)
		}
		served[route.Path] = answer
	}
	page := string(served["/"].Body)
	if !strings.Contains(fmt.Sprint(served["/"].Header), "default-src 'none'; script-src 'self'") {
		t.Errorf("policy: %v", served["/"].Header)
	}
	if inline := regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\son[a-z]+=|\sstyle=|javascript:|https?://`).FindString(page); inline != "" {
		t.Errorf("the page has %q in it", inline)
	}
	for _, named := range regexp.MustCompile(`(?:src|href)="(/demo/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		if _, ok := served[named[1]]; !ok {
			t.Errorf("the page names %s, which is not served", named[1])
		}
	}
	script := string(served["/demo/app.js"].Body)
	if bad := regexp.MustCompile(`innerHTML|document\.write|eval\(|localStorage|sessionStorage|document\.cookie`).FindString(script); bad != "" {
		t.Errorf("the script uses %s", bad)
	}
	for _, id := range regexp.MustCompile(`\$\('([a-z-]+)'\)`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(page, `id="`+id[1]+`"`) {
			t.Errorf("the script wants #%s, which the page has not", id[1])
		}
	}
}
