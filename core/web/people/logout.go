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

// LogoutPosted takes the form of ours that asked the person; it carries a flow with its token. Any other is a client's request
// (RP-Initiated Logout §2): it goes round, so that the browser shows whose session it has.
func (h *Handlers) LogoutPosted(ctx context.Context, r *web.Request) (web.Response, error) {
	params, err := oauth.ParseParams(string(r.Body))
	if err != nil {
		return web.Response{}, unreadable()
	}
	if !params.Has("flow") || !params.Has("token") {
		return h.round("logout", params)
	}
	return h.leave(ctx, r, authorize.Leaving{Flow: params.Get("flow"), Token: params.Get("token")})
}

func (h *Handlers) leave(ctx context.Context, r *web.Request, l authorize.Leaving) (web.Response, error) {
	l.Cookie, l.Browser = h.session(r), h.browser(r)
	f, err := h.exit.Leave(ctx, l)
	if err != nil {
		return web.Response{}, err
	}
	f.Locales = h.languages(f.Locales, r)
	if f.Ask {
		return h.keep(h.leavePage(f), r, l.Browser), nil
	}
	answer := h.signedOutPage()
	if f.To != "" {
		answer = web.SeeOther(f.To)
	}
	if f.Ended {
		answer = h.signedOut(answer)
	}
	return answer, nil
}

func (h *Handlers) leavePage(f authorize.Farewell) web.Response {
	return h.wayOut(http.StatusOK, "leave", leaveView{
		frame: frame{"Sign out"}, Flow: f.Flow, Token: f.Token, Who: whoOf(f.User), App: appOf(f.Client, f.Locales),
	})
}

func (h *Handlers) signedOutPage() web.Response {
	return h.page(http.StatusOK, "signedout", frame{"Signed out"})
}

// whoOf gives what a person is called on the own pages.
func whoOf(u core.User) string {
	if u.Profile.Name != "" {
		return clean(u.Profile.Name)
	}
	return u.Username
}
