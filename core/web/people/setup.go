package people

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/web"
)

// Setup shows the form that sets a password, to who has a one-time link.
func (h *Handlers) Setup(ctx context.Context, r *web.Request) (web.Response, error) {
	link, err := web.OneQueryValue(r.RawQuery, "token")
	if err != nil {
		return web.Response{}, err
	}
	return h.setupPage(ctx, r, core.Secret(link), "")
}

// setupPage shows the form, if the link is good.
func (h *Handlers) setupPage(ctx context.Context, r *web.Request, link core.Secret, problem string) (web.Response, error) {
	owner, found, err := h.accounts.LinkOwner(ctx, link)
	if err != nil {
		return web.Response{}, err
	}
	if !found {
		return web.Response{}, badLink(nil)
	}
	browser := h.browser(r)
	view := setupView{
		frame: frame{"Choose a password"}, Problem: problem, Username: owner.Username,
		Link: link.Reveal(), Token: h.forms.Token(browser, setupForm(link)...),
	}
	return h.keep(h.page(http.StatusOK, "setup", view), r, browser), nil
}

// setupForm is what the form is about: this link.
func setupForm(link core.Secret) []string { return []string{"setup", link.Hash().String()} }

func badLink(cause error) error {
	return core.Fail(core.NotFound, "The link is unknown, expired or used. Ask an operator for a new one.", cause)
}

// SetupPosted sets the password and leads to the sign-in.
func (h *Handlers) SetupPosted(ctx context.Context, r *web.Request) (web.Response, error) {
	form, err := web.ParseForm(r)
	if err != nil {
		return web.Response{}, err
	}
	link, password := core.Secret(form.Get("link")), core.Secret(form.Get("password"))
	if err := h.forms.Check(form.Get("token"), h.browser(r), setupForm(link)...); err != nil {
		return web.Response{}, err
	}
	if form.Get("password") != form.Get("again") {
		return h.setupPage(ctx, r, link, notTheSame)
	}
	switch _, err := h.accounts.SetPassword(ctx, link, password); core.CodeOf(err) {
	case "":
		return h.signedOut(web.SeeOther(h.at("account") + "?done=setup")), nil // whoever was signed in here is not the owner
	case core.InvalidRequest:
		return h.setupPage(ctx, r, link, core.AsError(err).Detail)
	case core.InvalidToken:
		return web.Response{}, badLink(err)
	default:
		return web.Response{}, err
	}
}

const notTheSame = "The two passwords are not the same. Type the new one twice."
