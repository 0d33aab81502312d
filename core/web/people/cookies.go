package people

import (
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/web"
)

// SessionCookie names the cookie of a signed-in browser. Under https no other host and no plain connection can set it.
func SessionCookie(secure bool) string { return prefixed("ostiary_session", secure) }

// browserCookie names the cookie that pages are bound to, signed in or not.
func browserCookie(secure bool) string { return prefixed("ostiary_browser", secure) }

func prefixed(name string, secure bool) string {
	if secure {
		return "__Host-" + name
	}
	return name
}

// session gives the cookie of the signed-in browser, or "".
func (h *Handlers) session(r *web.Request) core.Secret {
	return core.Secret(r.Cookie(SessionCookie(h.secure)))
}

// browser gives what pages are bound to: the browser's cookie, or a new one that keep sets.
func (h *Handlers) browser(r *web.Request) core.Secret {
	return h.forms.Browser(core.Secret(r.Cookie(browserCookie(h.secure))))
}

// keep sets the cookie that a page is bound to, unless the browser has it.
func (h *Handlers) keep(answer web.Response, r *web.Request, browser core.Secret) web.Response {
	if r.Cookie(browserCookie(h.secure)) == browser.Reveal() {
		return answer
	}
	return answer.SetCookie(h.cookie(browserCookie(h.secure), browser))
}

// signedIn sets the cookie of a new session. It lasts as long.
func (h *Handlers) signedIn(answer web.Response, s core.Session, secret core.Secret) web.Response {
	c := h.cookie(SessionCookie(h.secure), secret)
	c.MaxAge = max(1, int(s.ExpiresAt.Sub(h.now())/time.Second))
	return answer.SetCookie(c)
}

// signedOut removes the cookie of a session.
func (h *Handlers) signedOut(answer web.Response) web.Response {
	c := h.cookie(SessionCookie(h.secure), "")
	c.MaxAge = -1
	return answer.SetCookie(c)
}

// cookie is one that no script reads and no other site's form sends along.
func (h *Handlers) cookie(name string, value core.Secret) *http.Cookie {
	return &http.Cookie{Name: name, Value: value.Reveal(), Path: "/", HttpOnly: true, Secure: h.secure, SameSite: http.SameSiteLaxMode}
}
