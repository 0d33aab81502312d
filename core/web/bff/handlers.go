// Package bff answers what lies under /auth: the part of the site that a single-page application talks to about who is signed
// in, and the way through to the APIs behind it (bridge.go). A handler parses, calls the backend and writes; it holds no rule
// of the protocol, and no answer of it carries a token.
package bff

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	backend "github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// Backend is what a browser's requests come to (core/bff).
type Backend interface {
	Login(ctx context.Context, host, returnTo string) (backend.Start, error)
	Callback(ctx context.Context, r backend.Return) (backend.Arrival, error)
	Session(ctx context.Context, cookie core.Secret) (backend.Session, error)
	Refresh(ctx context.Context, cookie core.Secret) (backend.Session, error)
	Logout(ctx context.Context, host string, cookie core.Secret) (string, error)
	JWKS() []byte
}

// Limiter says whether an address may ask now, and when to come back.
type Limiter interface {
	Allow(addr netip.Addr, now time.Time) (ok bool, retry time.Duration)
}

// Parts are what Handlers are made of.
type Parts struct {
	Backend Backend
	Guard   backend.Guard
	Secure  bool         // browsers come by https
	Domain  string       // whose hosts share the session; empty: each has its own. It needs Secure
	Limiter Limiter      // of logins that one address may begin
	Proxy   http.Handler // takes the calls of APIs
}

// Handlers serve the browsers of one backend.
type Handlers struct {
	backend Backend
	guard   backend.Guard
	cookies cookies
	limiter Limiter
	proxy   http.Handler
}

// New makes the handlers.
func New(p Parts) *Handlers {
	return &Handlers{backend: p.Backend, guard: p.Guard, cookies: cookies{secure: p.Secure, domain: p.Domain}, limiter: p.Limiter, proxy: p.Proxy}
}

// Login answers GET /auth/login?return_to=/path: it sends the browser to the issuer.
func (h *Handlers) Login(ctx context.Context, r *web.Request) (web.Response, error) {
	if ok, retry := h.limiter.Allow(r.RemoteIP, r.Start); !ok {
		return web.Response{}, &core.Error{Code: core.TooManyRequests, Detail: "Too many sign-ins were begun from this address; wait and try again.", RetryAfter: retry}
	}
	returnTo, err := web.OneQueryValue(r.RawQuery, "return_to")
	if err != nil {
		return web.Response{}, err
	}
	start, err := h.backend.Login(ctx, r.Host, returnTo)
	if err != nil {
		return web.Response{}, err
	}
	answer := web.SeeOther(start.URL).SetCookie(h.cookies.login(start, r.Start))
	for _, name := range h.cookies.surplus(r) {
		answer = answer.SetCookie(h.cookies.gone(name))
	}
	return answer, nil
}

// Callback answers GET /auth/callback: the browser comes back from the issuer.
func (h *Handlers) Callback(ctx context.Context, r *web.Request) (web.Response, error) {
	params, err := web.ParseQuery(r)
	if err != nil {
		return web.Response{}, err
	}
	name := h.cookies.loginName(backend.LoginName(core.Secret(params.Get("state"))))
	arrival, err := h.backend.Callback(ctx, backend.Return{
		Params: params, Cookie: core.Secret(r.Cookie(name)), Session: h.session(r),
	})
	var spent web.Response // also beside an error: the login is over
	if r.Cookie(name) != "" {
		spent = spent.SetCookie(h.cookies.gone(name))
	}
	if err != nil {
		return spent, err
	}
	answer := web.SeeOther(arrival.ReturnTo)
	answer.Header = append(answer.Header, spent.Header...)
	if arrival.Cookie != "" {
		answer = answer.SetCookie(h.cookies.session(arrival.Cookie))
	}
	return answer, nil
}

// nobody is what /auth/session answers without a session: 200, because it is an answer and no failure; a page that asks it at
// every load fills no console with errors.
var nobody = []byte(`{"authenticated":false}`)

// Session answers GET /auth/session: who is signed in.
func (h *Handlers) Session(ctx context.Context, r *web.Request) (web.Response, error) {
	s, err := h.backend.Session(ctx, h.session(r))
	if err != nil {
		return web.Response{}, err
	}
	return describe(s)
}

func describe(s backend.Session) (web.Response, error) {
	if s.Subject == "" {
		return web.JSON(http.StatusOK, nobody), nil
	}
	doc := strictjson.RecordTo(make([]byte, 0, 256))
	doc.Begin('{')
	doc.Bool("authenticated", true)
	doc.Text("sub", string(s.Subject))
	doc.TextIf("preferred_username", s.Username)
	doc.TextIf("name", s.Name)
	if s.Email != "" {
		doc.Text("email", s.Email)
		doc.Bool("email_verified", s.EmailVerified)
	}
	doc.Int("expires_at", s.ExpiresAt.Unix())
	doc.End('}')
	body, err := doc.Bytes()
	return web.JSON(http.StatusOK, body), err
}

// Refresh answers POST /auth/refresh: the tokens are renewed now. The answer is that of /auth/session.
func (h *Handlers) Refresh(ctx context.Context, r *web.Request) (web.Response, error) {
	if err := h.guard.Check(r.Method, r.Header); err != nil {
		return web.Response{}, err
	}
	s, err := h.backend.Refresh(ctx, h.session(r))
	if err != nil {
		return web.Response{}, err
	}
	return describe(s)
}

// Logout answers POST /auth/logout: with the header of the guard it says where to go, {"logout_url": …}; a form that carries
// csrf_token is sent there.
func (h *Handlers) Logout(ctx context.Context, r *web.Request) (web.Response, error) {
	isForm := strings.HasPrefix(r.Header("Content-Type"), web.Form)
	if err := h.mayLogout(r, isForm); err != nil {
		return web.Response{}, err
	}
	to, err := h.backend.Logout(ctx, r.Host, h.session(r))
	if err != nil {
		return web.Response{}, err
	}
	answer := web.SeeOther(to)
	if !isForm {
		answer = web.JSON(http.StatusOK, strictjson.Append(nil, strictjson.Object(strictjson.Member{Name: "logout_url", Value: strictjson.String(to)})))
	}
	return answer.SetCookie(h.cookies.noSession()), nil
}

func (h *Handlers) mayLogout(r *web.Request, isForm bool) error {
	if !isForm {
		return h.guard.Check(r.Method, r.Header)
	}
	if err := h.guard.CheckSite(r.Method, r.Header); err != nil {
		return err
	}
	form, err := web.ParseForm(r)
	if err != nil || h.session(r) == "" {
		return err
	}
	return backend.CheckFormToken(h.session(r), form.Get("csrf_token"))
}

// CSRF answers GET /auth/csrf: what calls that change something must carry, and the token for forms.
func (h *Handlers) CSRF(_ context.Context, r *web.Request) (web.Response, error) {
	var token string
	if cookie := h.session(r); cookie != "" {
		token = backend.FormToken(cookie)
	}
	return web.JSON(http.StatusOK, strictjson.Append(nil, strictjson.Object(
		strictjson.Member{Name: "header", Value: strictjson.String(backend.CSRFHeader)},
		strictjson.Member{Name: "csrf_token", Value: strictjson.String(token)},
	))), nil
}

// JWKS answers GET /.well-known/jwks.json: the keys that the backend's assertions are signed with.
func (h *Handlers) JWKS(context.Context, *web.Request) (web.Response, error) {
	return web.JSON(http.StatusOK, h.backend.JWKS()).With("Cache-Control", "public, max-age=300"), nil
}

func (h *Handlers) session(r *web.Request) core.Secret {
	return core.Secret(r.Cookie(h.cookies.sessionName()))
}
