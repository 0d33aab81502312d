package people

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
)

// maxPosted is how long a posted request may be, encoded: it comes back as a query.
const maxPosted = 8 << 10

// Authorize takes a browser that a client sends, or one that comes back from signing in (RFC 6749 §3.1).
func (h *Handlers) Authorize(ctx context.Context, r *web.Request) (web.Response, error) {
	params, err := oauth.ParseParams(r.RawQuery)
	if err != nil {
		return web.Response{}, unreadable()
	}
	visit := h.visit(r)
	visit.Params = params
	if !params.Has("client_id") { // else it is a client's, and a flow is one more parameter that nobody knows (RFC 6749 §3.1)
		visit.Flow = params.Get("flow")
	}
	answer, err := h.endpoint.Authorize(ctx, visit)
	if err != nil {
		return web.Response{}, err
	}
	answer.Locales = h.languages(answer.Locales, r)
	return h.keep(h.show(answer), r, visit.Browser), nil
}

// AuthorizePosted takes a request as a form (OpenID Connect Core §3.1.2.1).
func (h *Handlers) AuthorizePosted(_ context.Context, r *web.Request) (web.Response, error) {
	params, err := oauth.ParseParams(string(r.Body))
	if err != nil {
		return web.Response{}, unreadable()
	}
	return h.round("authorize", params)
}

// round sends a request that a client had posted round as a query: the cookies of a form that another site posts stay behind,
// and its reload would post again.
func (h *Handlers) round(path string, params oauth.Params) (web.Response, error) {
	query := params.Encode()
	if len(query) > maxPosted {
		return web.Response{}, core.Refuse(core.InvalidRequest, "The request is longer than %d bytes. Start again from the application.", maxPosted)
	}
	return web.SeeOther(h.at(path) + "?" + query), nil
}

func unreadable() error {
	return core.Refuse(core.InvalidRequest, "The request cannot be read. Start again from the application; if it is yours, percent-encode the parameters.")
}

// visit reads what all requests of a browser have.
func (h *Handlers) visit(r *web.Request) authorize.Visit {
	return authorize.Visit{Cookie: h.session(r), Browser: h.browser(r), Caller: web.CallerOf(r), RequestID: r.ID}
}

// Login takes the login form.
func (h *Handlers) Login(ctx context.Context, r *web.Request) (web.Response, error) {
	form, err := web.ParseForm(r)
	if err != nil {
		return web.Response{}, err
	}
	visit := h.visit(r)
	visit.Flow = form.Get("flow")
	if err := h.endpoint.MaySignIn(authorize.SignIn{Visit: visit, Token: form.Get("token")}); err != nil {
		return web.Response{}, err
	}
	if ok, retry := h.failures.Ready(r.RemoteIP, r.Start); !ok {
		return web.Response{}, web.TooManyFailures(retry)
	}
	client, err := h.endpoint.Asking(ctx, visit)
	if err != nil {
		return web.Response{}, err
	}
	session, secret, err := h.desk.SignIn(ctx, login.Attempt{
		Username: form.Get("username"), Password: core.Secret(form.Get("password")),
		IP: visit.Caller.IP, UserAgent: visit.Caller.UserAgent, Cookie: visit.Cookie, Client: client, RequestID: r.ID,
	})
	if errors.Is(err, login.ErrWrong) {
		h.failures.Allow(r.RemoteIP, r.Start)
	}
	if err != nil {
		return h.notSignedIn(ctx, r, visit, form.Get("username"), err)
	}
	return h.signedIn(web.SeeOther(h.after(visit.Flow)), session, secret), nil
}

// after is where a sign-in leads.
func (h *Handlers) after(flow string) string {
	if flow == "" {
		return h.at("account")
	}
	return h.at("authorize") + "?flow=" + flow
}

// notSignedIn shows the form again with what was wrong, when that is something to say to a person.
func (h *Handlers) notSignedIn(ctx context.Context, r *web.Request, v authorize.Visit, username string, cause error) (web.Response, error) {
	status := http.StatusOK // the page is what was asked for; a browser takes an error for a broken one
	switch {
	case core.CodeOf(cause) == core.TooManyRequests:
		status = http.StatusTooManyRequests
	case errors.Is(cause, login.ErrDenied):
		status = http.StatusForbidden
	case !errors.Is(cause, login.ErrWrong):
		return web.Response{}, cause
	}
	answer, err := h.endpoint.LoginPage(ctx, v)
	if err != nil {
		return web.Response{}, err
	}
	refused := core.AsError(cause)
	answer.LoginHint, answer.Locales = username, h.languages(answer.Locales, r)
	page := h.loginPage(status, answer, refused.Detail, "")
	if wait := refused.RetryAfter; wait > 0 {
		page = page.With("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	return h.keep(page, r, v.Browser), nil
}

// LoginAgain takes a browser that asks for the login form by its address: it belongs to no request, so it is the account's.
func (h *Handlers) LoginAgain(context.Context, *web.Request) (web.Response, error) {
	return web.SeeOther(h.at("account")), nil
}

// Consent takes the consent form.
func (h *Handlers) Consent(ctx context.Context, r *web.Request) (web.Response, error) {
	form, err := web.ParseForm(r)
	if err != nil {
		return web.Response{}, err
	}
	d := authorize.Decision{Visit: h.visit(r), Token: form.Get("token"), Shown: form.Get("shown")}
	d.Flow = form.Get("flow")
	switch form.Get("decision") {
	case "Allow":
		d.Allow = true
	case "Deny":
	default:
		return web.Response{}, core.Refuse(core.InvalidRequest, "The form says neither Allow nor Deny. Go back and choose one.")
	}
	answer, err := h.endpoint.Decide(ctx, d)
	if err != nil {
		return web.Response{}, err
	}
	answer.Locales = h.languages(answer.Locales, r)
	return h.show(answer), nil
}

// languages are those that the person reads: what the client knows of it, then what the browser says.
func (h *Handlers) languages(known []string, r *web.Request) []string {
	return slices.Concat(known, oauth.PreferredLanguage(r.Header("Accept-Language")))
}

// Push takes an authorization request from a client itself (RFC 9126 §2).
func (h *Handlers) Push(ctx context.Context, r *web.Request) (web.Response, error) {
	if r.RawQuery != "" { // it would stand in logs
		return web.Response{}, core.Refuse(core.InvalidRequest, "Parameters belong into the body, not into the query.")
	}
	form, err := web.ParseForm(r, "resource")
	if err != nil {
		return web.Response{}, err
	}
	authorization := r.HeaderValues("Authorization")
	if len(authorization) > 1 {
		return web.Response{}, core.Refuse(core.InvalidRequest, "Two Authorization headers; send one credential.")
	}
	reference, lifetime, err := h.endpoint.Push(ctx, authorize.Push{Authorization: r.Header("Authorization"), Form: form, Certificates: r.Certificates, Caller: web.CallerOf(r)})
	if err != nil {
		return web.Response{}, err
	}
	body, err := json.Marshal(struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int64  `json:"expires_in"`
	}{reference.Reveal(), int64(lifetime / time.Second)})
	return web.JSON(http.StatusCreated, body), err
}
