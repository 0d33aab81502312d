package people

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
)

// Logout takes a browser that a client sends to sign out (OpenID Connect RP-Initiated Logout 1.0 §2).
func (h *Handlers) Logout(ctx context.Context, r *web.Request) (web.Response, error) {
	params, err := oauth.ParseParams(r.RawQuery)
	if err != nil {
		return web.Response{}, unreadable()
	}
	return h.leave(ctx, r, authorize.Leaving{Params: params})
}

// LogoutPosted is Logout by a form: a client's, or ours that asked the person.
func (h *Handlers) LogoutPosted(ctx context.Context, r *web.Request) (web.Response, error) {
	params, err := oauth.ParseParams(string(r.Body))
	if err != nil {
		return web.Response{}, unreadable()
	}
	return h.leave(ctx, r, authorize.Leaving{Params: params, Flow: params.Get("flow"), Token: params.Get("token")})
}

func (h *Handlers) leave(ctx context.Context, r *web.Request, l authorize.Leaving) (web.Response, error) {
	l.Cookie, l.Browser = h.session(r), h.browser(r)
	f, err := h.exit.Leave(ctx, l)
	switch {
	case err != nil:
		return web.Response{}, err
	case f.Ask:
		return h.keep(h.leavePage(f), r, l.Browser), nil
	case f.To != "":
		return h.signedOut(web.SeeOther(f.To)), nil
	}
	return h.signedOut(h.signedOutPage()), nil
}

func (h *Handlers) leavePage(f authorize.Farewell) web.Response {
	return h.page(http.StatusOK, "leave", leaveView{
		frame: frame{"Sign out"}, Flow: f.Flow, Token: f.Token, Who: whoOf(f.User), App: appOf(f.Client),
	}, f.To)
}

func (h *Handlers) signedOutPage() web.Response {
	return h.page(http.StatusOK, "signedout", frame{"Signed out"}, "")
}

// whoOf gives what a person is called on the own pages.
func whoOf(u core.User) string {
	if u.Profile.Name != "" {
		return clean(u.Profile.Name)
	}
	return u.Username
}
