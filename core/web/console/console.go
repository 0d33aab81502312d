// Package console answers the operators' pages (/console): the recent decisions, and one of them explained (this file), a client with
// its secrets and its history (client.go), and the clients that wait for approval, to be approved as they are or with less
// (narrow.go), or rejected (approvals.go). It owns its
// templates and its own session cookie; an administrator signs in with a password, and no bearer token ever reaches the browser.
// It has no verbs of its own: each handler finds out who is there, calls a verb and renders.
package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// Door signs people in and out and knows who is there (core/login). Its sessions are the console's own: a cookie of another kind
// means nothing to it.
type Door interface {
	SignIn(ctx context.Context, a login.Attempt) (core.Session, core.Secret, error)
	Session(ctx context.Context, cookie core.Secret) (core.Session, core.User, bool, error)
	SignOut(ctx context.Context, cookie core.Secret) error
}

// Decisions reads the ledger (core/ledger).
type Decisions interface {
	Find(ctx context.Context, id core.DecisionID) (ledger.Entry, bool, error)
	Search(ctx context.Context, f ledger.Filter, after core.DecisionID, limit int) (found []ledger.Entry, next core.DecisionID, err error)
}

// Explainer tells what an entry does not hold itself.
type Explainer interface {
	// Before gives the metadata that an entry's client had when it was judged; absent when nobody knows.
	Before(e ledger.Entry) strictjson.Value
	// Line gives a line of the rules of a revision; "" when they are not at hand.
	Line(revision, file string, line int) string
}

// Failures counts sign-ins that failed, by address (web.Limiter).
type Failures interface {
	Ready(addr netip.Addr, now time.Time) (ok bool, retry time.Duration)
	Allow(addr netip.Addr, now time.Time) (ok bool, retry time.Duration)
}

// Handlers serve the console.
type Handlers struct {
	door      Door
	failures  Failures
	decisions Decisions
	clients   Clients
	desk      Desk
	explainer Explainer
	secure    bool // the site speaks https: cookies are bound to it
}

// New makes the handlers. secure says that browsers reach the site by https. Who signs in has to be Counted, too, and Approving is where
// approvals come from and go.
func New(door Door, decisions Decisions, explainer Explainer, secure bool) *Handlers {
	return &Handlers{door: door, decisions: decisions, explainer: explainer, secure: secure}
}

// Counted says where sign-ins that fail are counted.
func (h *Handlers) Counted(by Failures) *Handlers {
	h.failures = by
	return h
}

// The paths that pages name.
const (
	loginPath = "/console/login"
	listPath  = "/console/decisions"
)

const (
	pageLength = 50
	longestID  = 128
)

// A page is a handler that knows which administrator is there.
type page func(ctx context.Context, r *web.Request, who visitor) (web.Response, error)

// A visitor is an administrator who is signed in.
type visitor struct {
	user   core.User
	cookie core.Secret
}

// token is what forms of this session must carry. The cookie cannot be computed from it.
func (v visitor) token() string { return formToken("session", v.cookie) }

// As makes a handler that only an administrator reaches; others are sent to the sign-in page. A form of another site reaches none.
func (h *Handlers) As(p page) web.Handler {
	return func(ctx context.Context, r *web.Request) (web.Response, error) {
		if r.Method == http.MethodPost {
			if err := web.OwnForm(r); err != nil {
				return web.Response{}, err
			}
		}
		cookie := core.Secret(r.Cookie(h.cookieName()))
		_, user, there, err := h.door.Session(ctx, cookie)
		switch {
		case err != nil:
			return web.Response{}, err
		case !there || !user.Admin:
			return web.SeeOther(loginPath), nil
		}
		return p(ctx, r, visitor{user: user, cookie: cookie})
	}
}

// Home sends to the list.
func (h *Handlers) Home(context.Context, *web.Request, visitor) (web.Response, error) {
	return web.SeeOther(listPath), nil
}

// List shows decisions, newest first: any of ledger.FilterNames, and after=. What cannot be looked for is said above the form.
func (h *Handlers) List(ctx context.Context, r *web.Request, who visitor) (web.Response, error) {
	query, err := web.ParseQuery(r)
	if err != nil {
		return web.Response{}, err
	}
	after := query.Get("after")
	if len(after) > longestID {
		return web.Response{}, core.Refuse(core.InvalidRequest, "No id is that long.")
	}
	filter, err := ledger.ReadFilter(query.Get, r.Start)
	if err != nil {
		return render("decisions.html", http.StatusBadRequest, problemView(who, query.Get, err))
	}
	entries, next, err := h.decisions.Search(ctx, filter, core.DecisionID(after), pageLength)
	if err != nil {
		return web.Response{}, err
	}
	return render("decisions.html", http.StatusOK, listView(who, entries, next, query.Get))
}

// Show explains one decision.
func (h *Handlers) Show(ctx context.Context, r *web.Request, who visitor) (web.Response, error) {
	id := core.DecisionID(r.Param("id"))
	if len(id) > longestID {
		return web.Response{}, errNoDecision
	}
	entry, found, err := h.decisions.Find(ctx, id)
	switch {
	case err != nil:
		return web.Response{}, err
	case !found:
		return web.Response{}, errNoDecision
	}
	return render("decision.html", http.StatusOK, h.entryView(who, entry))
}

var errNoDecision = core.Refuse(core.NotFound, "There is no decision with this id, or its retention has passed.")

// LoginPage shows the sign-in form.
func (h *Handlers) LoginPage(_ context.Context, r *web.Request) (web.Response, error) {
	return h.form(r, http.StatusOK, "", "")
}

// form shows the sign-in form. Its token is bound to a cookie of this browser: nobody else can post it.
func (h *Handlers) form(r *web.Request, status int, username, problem string) (web.Response, error) {
	binding := h.binding(r)
	answer, err := render("login.html", status, loginView{Username: username, Problem: problem, Token: formToken("login", binding)})
	return answer.SetCookie(h.cookie(h.bindingName(), binding.Reveal(), int(time.Hour/time.Second))), err
}

// binding is what the forms of this browser are bound to: what it has already, so that the form in another tab stays good, or a fresh one.
func (h *Handlers) binding(r *web.Request) core.Secret {
	var fresh [18]byte
	if had := r.Cookie(h.bindingName()); len(had) == base64.RawURLEncoding.EncodedLen(len(fresh)) {
		return core.Secret(had)
	}
	_, _ = rand.Read(fresh[:]) // never fails since Go 1.24
	return core.Secret(base64.RawURLEncoding.EncodeToString(fresh[:]))
}

// Login signs an administrator in.
func (h *Handlers) Login(ctx context.Context, r *web.Request) (web.Response, error) {
	if err := web.OwnForm(r); err != nil {
		return web.Response{}, err
	}
	form, err := web.ParseForm(r)
	if err != nil {
		return web.Response{}, err
	}
	if !sameToken(form, "login", core.Secret(r.Cookie(h.bindingName()))) {
		return h.form(r, http.StatusForbidden, "", "The form had expired. Try again.")
	}
	if ok, retry := h.failures.Ready(r.RemoteIP, r.Start); !ok {
		return web.Response{}, web.TooManyFailures(retry)
	}
	_, cookie, err := h.door.SignIn(ctx, login.Attempt{
		Username: form.Get("username"), Password: core.Secret(form.Get("password")), IP: r.RemoteIP.String(), UserAgent: web.CallerOf(r).UserAgent,
		Cookie: core.Secret(r.Cookie(h.cookieName())), RequestID: r.ID,
	})
	if err != nil {
		return h.refused(r, form.Get("username"), err)
	}
	return h.enter(ctx, r, form.Get("username"), cookie)
}

// enter lets an administrator in who proved to be somebody, and nobody else.
func (h *Handlers) enter(ctx context.Context, r *web.Request, username string, cookie core.Secret) (web.Response, error) {
	if _, user, there, err := h.door.Session(ctx, cookie); err != nil || !there || !user.Admin {
		if err == nil {
			err = h.door.SignOut(ctx, cookie)
		}
		if err != nil {
			return web.Response{}, err
		}
		h.failures.Allow(r.RemoteIP, r.Start)
		return h.form(r, http.StatusForbidden, username, "This account is not an administrator's.")
	}
	return web.SeeOther(listPath).
		SetCookie(h.cookie(h.cookieName(), cookie.Reveal(), 0)).
		SetCookie(h.cookie(h.bindingName(), "", -1)), nil
}

// refused shows the form again with what was wrong; our own faults are not the form's.
func (h *Handlers) refused(r *web.Request, username string, err error) (web.Response, error) {
	switch why := core.AsError(err); why.Code {
	case core.AccessDenied:
		h.failures.Allow(r.RemoteIP, r.Start)
		if errors.Is(err, login.ErrDenied) {
			return h.form(r, http.StatusForbidden, username, why.Detail)
		}
		return h.form(r, http.StatusOK, username, why.Detail) // the page is what was asked for
	case core.TooManyRequests:
		return h.form(r, http.StatusTooManyRequests, username, why.Detail)
	}
	return web.Response{}, err
}

// Logout ends the session.
func (h *Handlers) Logout(ctx context.Context, r *web.Request, who visitor) (web.Response, error) {
	form, err := web.ParseForm(r)
	if err != nil {
		return web.Response{}, err
	}
	if !sameToken(form, "session", who.cookie) {
		return web.Response{}, core.Refuse(core.AccessDenied, "The form did not come from this session. Go back, reload the page and try again.")
	}
	if err := h.door.SignOut(ctx, who.cookie); err != nil {
		return web.Response{}, err
	}
	return web.SeeOther(loginPath).SetCookie(h.cookie(h.cookieName(), "", -1)), nil
}

// Icon answers the picture of the pages.
func (h *Handlers) Icon(context.Context, *web.Request) (web.Response, error) {
	return web.Response{ContentType: "image/svg+xml", Body: icon}.With("Cache-Control", "public, max-age=3600"), nil
}

// Style answers the style sheet.
func (h *Handlers) Style(context.Context, *web.Request) (web.Response, error) {
	return web.Response{ContentType: "text/css; charset=utf-8", Body: style}.With("Cache-Control", "public, max-age=3600"), nil
}

func (h *Handlers) cookieName() string  { return h.prefix() + "ostiary_console" }
func (h *Handlers) bindingName() string { return h.prefix() + "ostiary_console_form" }

// prefix binds a cookie to this host (RFC 6265bis §4.1.3.2); it needs https.
func (h *Handlers) prefix() string {
	if h.secure {
		return "__Host-"
	}
	return ""
}

// cookie is never sent along by other sites. age is in seconds; 0: until the browser closes; negative: remove it.
func (h *Handlers) cookie(name, value string, age int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: h.secure, SameSite: http.SameSiteStrictMode}
}

// formToken is what a form carries to show that it was made for the holder of a cookie.
func formToken(kind string, cookie core.Secret) string {
	sum := sha256.Sum256([]byte("ostiary console " + kind + "\x00" + cookie.Reveal()))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func sameToken(form oauth.Params, kind string, cookie core.Secret) bool {
	return cookie != "" && subtle.ConstantTimeCompare([]byte(form.Get("token")), []byte(formToken(kind, cookie))) == 1
}
