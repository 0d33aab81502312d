package people

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
)

// sessionsShown is how many sessions the account page lists, the newest first.
const sessionsShown = 50

// done are the remarks that ?done= may name: the page says no text that an address brings.
var done = map[string]string{
	"setup":    "Your password is set. Sign in with it.",
	"password": "Your password is changed. Every other session has ended.",
	"session":  "The session has ended.",
}

// Account shows who is signed in, where, and what to change; or the login form.
func (h *Handlers) Account(ctx context.Context, r *web.Request) (web.Response, error) {
	word, err := web.OneQueryValue(r.RawQuery, "done")
	if err != nil {
		return web.Response{}, err
	}
	session, user, found, err := h.desk.Session(ctx, h.session(r))
	if err != nil {
		return web.Response{}, err
	}
	if !found {
		return h.accountLogin(ctx, r, done[word])
	}
	return h.accountPage(ctx, r, session, user, remark{Done: done[word]})
}

func (h *Handlers) accountLogin(ctx context.Context, r *web.Request, notice string) (web.Response, error) {
	browser := h.browser(r)
	answer, err := h.endpoint.LoginPage(ctx, authorize.Visit{Browser: browser})
	if err != nil {
		return web.Response{}, err
	}
	return h.keep(h.loginPage(http.StatusOK, answer, "", notice), r, browser), nil
}

// accountPage lists the person's sessions and the forms of the account.
func (h *Handlers) accountPage(ctx context.Context, r *web.Request, s core.Session, u core.User, said remark) (web.Response, error) {
	list, err := h.accounts.Sessions(ctx, u.Subject, "", sessionsShown)
	if err != nil {
		return web.Response{}, err
	}
	browser := h.browser(r)
	view := accountView{
		frame: frame{"Your account"}, remark: said, Who: whoOf(u), Username: u.Username, Email: clean(u.Profile.Email),
		Token: h.forms.Token(browser, h.accountForm(r)...),
	}
	for _, one := range list {
		view.Sessions = append(view.Sessions, sessionViewOf(one, s.ID))
	}
	return h.keep(h.page(http.StatusOK, "account", view), r, browser), nil
}

// accountForm is what the account's forms are about: this session.
func (h *Handlers) accountForm(r *web.Request) []string {
	return []string{"account", h.session(r).Hash().String()}
}

// owner reads an account form, and who posts it.
func (h *Handlers) owner(ctx context.Context, r *web.Request) (oauth.Params, core.Session, core.User, error) {
	form, err := web.ParseForm(r)
	if err != nil {
		return nil, core.Session{}, core.User{}, err
	}
	if err := h.forms.Check(form.Get("token"), h.browser(r), h.accountForm(r)...); err != nil {
		return nil, core.Session{}, core.User{}, err
	}
	session, user, found, err := h.desk.Session(ctx, h.session(r))
	if err == nil && !found {
		err = core.Refuse(core.LoginRequired, "Your session has ended. Open your account page and sign in again.")
	}
	return form, session, user, err
}

// ChangePassword takes the form that changes a password.
func (h *Handlers) ChangePassword(ctx context.Context, r *web.Request) (web.Response, error) {
	form, session, user, err := h.owner(ctx, r)
	if err != nil {
		return web.Response{}, err
	}
	if form.Get("password") != form.Get("again") {
		return h.accountPage(ctx, r, session, user, remark{Problem: notTheSame})
	}
	next, secret, err := h.accounts.ChangePassword(ctx, session, core.Secret(form.Get("current")), core.Secret(form.Get("password")))
	switch core.CodeOf(err) {
	case "":
		return h.signedIn(web.SeeOther(h.at("account")+"?done=password"), next, secret), nil
	case core.AccessDenied:
		return h.accountPage(ctx, r, session, user, remark{Problem: "The current password is wrong. Nothing was changed."})
	case core.InvalidRequest, core.TooManyRequests:
		return h.accountPage(ctx, r, session, user, remark{Problem: core.AsError(err).Detail})
	default:
		return web.Response{}, err
	}
}

// EndSession ends one session of the person, maybe this one.
func (h *Handlers) EndSession(ctx context.Context, r *web.Request) (web.Response, error) {
	form, session, user, err := h.owner(ctx, r)
	if err != nil {
		return web.Response{}, err
	}
	id := core.SessionID(form.Get("session"))
	if err := h.accounts.End(ctx, user.Subject, id); err != nil && core.CodeOf(err) != core.NotFound { // it may have ended by itself
		return web.Response{}, err
	}
	if id == session.ID {
		return h.signedOut(web.SeeOther(h.at("logout"))), nil
	}
	return web.SeeOther(h.at("account") + "?done=session"), nil
}

// EndAllSessions signs the person out everywhere.
func (h *Handlers) EndAllSessions(ctx context.Context, r *web.Request) (web.Response, error) {
	_, _, user, err := h.owner(ctx, r)
	if err != nil {
		return web.Response{}, err
	}
	if err := h.accounts.EndAll(ctx, user.Subject); err != nil {
		return web.Response{}, err
	}
	return h.signedOut(web.SeeOther(h.at("logout"))), nil
}
