package bff_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	backend "github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/bff"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A desk is a backend that knows one session, "good", and says what it was asked.
type desk struct {
	asked  []string
	err    error
	logins int
}

func (d *desk) ask(format string, args ...any) error {
	d.asked = append(d.asked, fmt.Sprintf(format, args...))
	return d.err
}

func (d *desk) Login(_ context.Context, host, returnTo string) (backend.Start, error) {
	d.logins++
	return backend.Start{
		URL: "https://id.example.com/authorize?client_id=bff-server&request_uri=x", Name: fmt.Sprintf("%08d", d.logins),
		Cookie: "LOGIN-COOKIE", Expires: noon.Add(10 * time.Minute),
	}, d.ask("login %s %s", host, returnTo)
}

func (d *desk) Callback(_ context.Context, r backend.Return) (backend.Arrival, error) {
	err := d.ask("callback %s cookie=%s session=%s", r.Params.Encode(), r.Cookie.Reveal(), r.Session.Reveal())
	if r.Params.Has("error") {
		return backend.Arrival{ReturnTo: "/inbox?auth_error=access_denied"}, err
	}
	return backend.Arrival{ReturnTo: "/inbox", Cookie: "SESSION-COOKIE", Expires: noon.Add(time.Hour)}, err
}

func (d *desk) Session(_ context.Context, cookie core.Secret) (backend.Session, error) {
	if err := d.ask("session %s", cookie.Reveal()); err != nil || cookie != "good" {
		return backend.Session{}, err
	}
	return backend.Session{Subject: "u-alice", Username: "alice", Name: `Al"ice`, Email: "a@example.com", Issued: "s-1", ExpiresAt: noon.Add(time.Hour)}, nil
}

func (d *desk) Refresh(ctx context.Context, cookie core.Secret) (backend.Session, error) {
	return d.Session(ctx, cookie)
}

func (d *desk) Logout(_ context.Context, host string, cookie core.Secret) (string, error) {
	return "https://id.example.com/logout?client_id=bff-server", d.ask("logout %s %s", host, cookie.Reveal())
}

func (d *desk) JWKS() []byte { return []byte(`{"keys":[]}`) }

// always lets everybody, or nobody.
type always bool

func (a always) Allow(netip.Addr, time.Time) (bool, time.Duration) { return bool(a), time.Second }

// table is how the routes stand in the server's own table.
func table(h *bff.Handlers) []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/auth/login", Handler: h.Login, Face: web.Page},
		{Method: "GET", Path: "/auth/callback", Handler: h.Callback, Face: web.Page},
		{Method: "GET", Path: "/auth/session", Handler: h.Session, Face: web.Operator},
		{Method: "POST", Path: "/auth/refresh", Handler: h.Refresh, Face: web.Operator},
		{Method: "POST", Path: "/auth/logout", Handler: h.Logout, Face: web.Operator},
		{Method: "GET", Path: "/auth/csrf", Handler: h.CSRF, Face: web.Operator},
		{Method: "GET", Path: "/.well-known/jwks.json", Handler: h.JWKS, Face: web.Operator, CORS: true},
		{Method: "GET", Path: "/api/demo/*", Handler: h.Proxied, Face: web.Operator},
		{Method: "POST", Path: "/api/demo/*", Handler: h.Proxied, Face: web.Operator, Limit: 1 << 20},
	}
}

// A front is a server with the handlers.
type front struct {
	*testing.T
	desk   *desk
	server *web.Server
}

func open(t *testing.T, change func(*bff.Parts)) *front {
	t.Helper()
	f := &front{T: t, desk: &desk{}}
	parts := bff.Parts{Backend: f.desk, Guard: backend.NewGuard("https://app.example.com"), Secure: true, Limiter: always(true), Proxy: http.NotFoundHandler()}
	if change != nil {
		change(&parts)
	}
	server, err := web.New(web.Options{Routes: table(bff.New(parts)), Sites: []string{"app.example.com"}, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	f.server = server
	return f
}

// An answer is read to its end.
type answer struct {
	*http.Response
	body string
}

// ask sends "METHOD target", with headers, one "Name: value" each; "body: " is the body.
func (f *front) ask(line string, headers ...string) answer {
	f.Helper()
	method, target, _ := strings.Cut(line, " ")
	r, err := http.NewRequest(method, "http://app.example.com"+target, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "body" {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(value)), int64(len(value))
			continue
		}
		r.Header.Add(name, value)
	}
	response, err := f.server.RoundTripper().RoundTrip(r)
	if err != nil {
		f.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.Error(err)
	}
	return answer{response, string(body)}
}

func (f *front) wantAsked(want ...string) {
	f.Helper()
	if fmt.Sprint(f.desk.asked) != fmt.Sprint(want) {
		f.Errorf("asked %q\nwant  %q", f.desk.asked, want)
	}
	f.desk.asked = nil
}

func (f *front) want(what string, got, want any) {
	f.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		f.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

const attributes = "; HttpOnly; Secure; SameSite=Lax"

// A login sends the browser to the issuer with a cookie for this login.
func TestLogin(t *testing.T) {
	f := open(t, nil)
	a := f.ask("GET /auth/login?return_to=%2Finbox%3Fa%3Db")
	f.want("status", a.StatusCode, 303)
	f.want("location", a.Header.Get("Location"), "https://id.example.com/authorize?client_id=bff-server&request_uri=x")
	f.want("cookies", a.Header["Set-Cookie"], []string{"__Host-bff_login_00000001=LOGIN-COOKIE; Path=/; Max-Age=600" + attributes})
	f.want("cache", a.Header.Get("Cache-Control"), "no-store")
	f.wantAsked("login app.example.com /inbox?a=b")
	f.want("return_to twice", f.ask("GET /auth/login?return_to=/a&return_to=/b").StatusCode, 400)
	f.wantAsked()
	f.desk.err = core.Refuse(core.InvalidRequest, "return_to must be a path.")
	a = f.ask("GET /auth/login?return_to=//evil")
	f.want("refused", a.StatusCode, 400)
	if a.Header.Get("Set-Cookie") != "" || !strings.Contains(a.body, "return_to must be a path.") || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%v %s", a.Header, a.body)
	}
}

// Who begins logins without end has the eldest forgotten, and is slowed down.
func TestManyLogins(t *testing.T) {
	f := open(t, nil)
	f.want("cookies", f.ask("GET /auth/login", "Cookie: __Host-bff_login_1=a; x=y; __Host-bff_login_2=b; __Host-bff_login_3=c").Header["Set-Cookie"],
		[]string{"__Host-bff_login_00000001=LOGIN-COOKIE; Path=/; Max-Age=600" + attributes})
	a := f.ask("GET /auth/login", "Cookie: __Host-bff_login_1=a; x=y; __Host-bff_login_2=b; __Host-bff_login_3=c; __Host-bff_login_4=d; __Host-bff_login_5=e")
	f.want("cookies", a.Header["Set-Cookie"], []string{
		"__Host-bff_login_00000002=LOGIN-COOKIE; Path=/; Max-Age=600" + attributes,
		"__Host-bff_login_1=; Path=/; Max-Age=0" + attributes, "__Host-bff_login_2=; Path=/; Max-Age=0" + attributes,
	})
	f = open(t, func(p *bff.Parts) { p.Limiter = always(false) })
	a = f.ask("GET /auth/login")
	f.want("slowed", a.StatusCode, 429)
	f.want("retry", a.Header.Get("Retry-After"), "1")
	f.wantAsked()
}

// A browser that comes back gets a session's cookie and loses that of the login.
func TestCallback(t *testing.T) {
	f := open(t, nil)
	name := "__Host-bff_login_" + backend.LoginName("STATE")
	gone := name + "=; Path=/; Max-Age=0" + attributes
	a := f.ask("GET /auth/callback?code=C&state=STATE&iss=I", "Cookie: "+name+"=LOGIN-COOKIE; __Host-bff_session=old")
	f.want("status", a.StatusCode, 303)
	f.want("location", a.Header.Get("Location"), "/inbox")
	f.want("cookies", a.Header["Set-Cookie"], []string{gone, "__Host-bff_session=SESSION-COOKIE; Path=/" + attributes})
	f.wantAsked("callback code=C&iss=I&state=STATE cookie=LOGIN-COOKIE session=old")

	a = f.ask("GET /auth/callback?error=access_denied&state=STATE", "Cookie: "+name+"=LOGIN-COOKIE")
	f.want("denied", a.Header.Get("Location"), "/inbox?auth_error=access_denied")
	f.want("cookies", a.Header["Set-Cookie"], []string{gone})
	f.desk.asked = nil

	f.want("a parameter twice", f.ask("GET /auth/callback?state=STATE&state=OTHER&code=C").StatusCode, 400)
	f.wantAsked()
	f.desk.err = core.Refuse(core.InvalidRequest, "This sign-in is not under way in this browser.")
	a = f.ask("GET /auth/callback?code=C&state=STATE&iss=I", "Cookie: "+name+"=OTHER")
	f.want("refused", a.StatusCode, 400)
	f.want("cookies", a.Header["Set-Cookie"], []string{gone})
	if !strings.Contains(a.body, "not under way") || strings.Contains(a.body, "SESSION-COOKIE") {
		t.Errorf("%s", a.body)
	}
	f.wantAsked("callback code=C&iss=I&state=STATE cookie=OTHER session=")
	f.ask("GET /auth/callback?code=C&state=ELSE&iss=I", "Cookie: "+name+"=LOGIN-COOKIE")
	f.wantAsked("callback code=C&iss=I&state=ELSE cookie= session=")
}

// Without https the cookies have plain names; with it plain names count for nothing.
func TestCookieNames(t *testing.T) {
	f := open(t, func(p *bff.Parts) { p.Secure = false })
	f.want("login", f.ask("GET /auth/login").Header["Set-Cookie"], []string{"bff_login_00000001=LOGIN-COOKIE; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"})
	f.ask("GET /auth/session", "Cookie: bff_session=good; __Host-bff_session=bad")
	f.wantAsked("login app.example.com ", "session good")
	f = open(t, nil)
	f.ask("GET /auth/session", "Cookie: bff_session=evil; __Host-bff_session=good")
	f.ask("GET /auth/session", "Cookie: bff_session=evil")
	f.wantAsked("session good", "session ")
	f.want("name", bff.SessionCookie(true, ""), "__Host-bff_session")
	f = open(t, func(p *bff.Parts) { p.Domain = "example.com" })
	f.want("shared", f.ask("GET /auth/callback?code=C&state=S&iss=I").Header["Set-Cookie"],
		[]string{"__Secure-bff_session=SESSION-COOKIE; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax"})
	f.want("login", strings.HasPrefix(f.ask("GET /auth/login").Header.Get("Set-Cookie"), "__Host-bff_login_"), true)
	f.want("signed out", f.ask("POST /auth/logout", "X-CSRF: 1").Header["Set-Cookie"],
		[]string{"__Secure-bff_session=; Path=/; Domain=example.com; Max-Age=0; HttpOnly; Secure; SameSite=Lax"})
	f.want("name", bff.SessionCookie(true, "example.com"), "__Secure-bff_session")
}

// /auth/session says who is there, 200 either way.
func TestSession(t *testing.T) {
	f := open(t, nil)
	a := f.ask("GET /auth/session", "Cookie: __Host-bff_session=good")
	f.want("session", fmt.Sprint(a.StatusCode, a.body, a.Header.Get("Cache-Control")),
		`200{"authenticated":true,"sub":"u-alice","preferred_username":"alice","name":"Al\"ice","email":"a@example.com","email_verified":false,"expires_at":1772370000}no-store`)
	a = f.ask("GET /auth/session")
	f.want("nobody", fmt.Sprint(a.StatusCode, a.body), `200{"authenticated":false}`)
	f.desk.err = &core.Error{Code: core.TemporarilyUnavailable, Detail: "Not registered: mint another one.", RetryAfter: 5 * time.Second}
	for _, line := range []string{"GET /auth/session", "GET /auth/login", "GET /auth/callback?state=x"} {
		a = f.ask(line)
		if a.StatusCode != 503 || a.Header.Get("Retry-After") != "5" || !strings.Contains(a.body, "mint another one") {
			t.Errorf("%s: %d %s", line, a.StatusCode, a.body)
		}
	}
}
