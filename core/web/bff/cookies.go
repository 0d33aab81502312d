package bff

import (
	"net/http"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	backend "github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/web"
)

// cookies knows the names and attributes of our cookies. With https they are __Host- ones: no other host, no other path and no
// plain connection can set them (RFC 6265bis §4.1.3.2). A session that several hosts share has a __Secure- one, with their domain; the
// cookie of a login stays with the host that began it.
type cookies struct {
	secure bool
	domain string // of the session's cookie; empty: of the host alone
}

// maxLogins is how many logins of one browser may be under way; the cookies of all of them go with every request.
const maxLogins = 4

// SessionCookie gives the name of the session's cookie, for the proxy. domain is that of Parts.
func SessionCookie(secure bool, domain string) string {
	return cookies{secure: secure, domain: domain}.sessionName()
}

func (c cookies) sessionName() string {
	if c.domain != "" {
		return "__Secure-bff_session"
	}
	return c.name("bff_session")
}

func (c cookies) loginName(login string) string { return c.name("bff_login_" + login) }

func (c cookies) name(plain string) string {
	if c.secure {
		return "__Host-" + plain
	}
	return plain
}

func (c cookies) make(name string, value core.Secret) *http.Cookie {
	return &http.Cookie{Name: name, Value: value.Reveal(), Path: "/", HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode}
}

// session has no end of its own: the browser forgets it when it closes, the server when the session ends.
func (c cookies) session(value core.Secret) *http.Cookie {
	cookie := c.make(c.sessionName(), value)
	cookie.Domain = c.domain
	return cookie
}

// noSession makes the browser forget the session's.
func (c cookies) noSession() *http.Cookie {
	cookie := c.session("")
	cookie.MaxAge = -1
	return cookie
}

func (c cookies) login(start backend.Start, now time.Time) *http.Cookie {
	cookie := c.make(c.loginName(start.Name), start.Cookie)
	cookie.MaxAge = int(start.Expires.Sub(now) / time.Second)
	return cookie
}

// gone makes the browser forget a cookie.
func (c cookies) gone(name string) *http.Cookie {
	cookie := c.make(name, "")
	cookie.MaxAge = -1
	return cookie
}

// surplus lists the logins to be forgotten before another one begins. Browsers send the eldest first (RFC 6265 §5.4).
func (c cookies) surplus(r *web.Request) []string {
	var names []string
	for _, line := range r.HeaderValues("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.HasPrefix(name, c.loginName("")) {
				names = append(names, name)
			}
		}
	}
	return names[:max(0, len(names)-maxLogins+1)]
}
