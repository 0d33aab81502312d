package bff

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"

	"github.com/ostiary/ostiary/core"
)

// CSRFHeader is what calls that change something must carry: no page of another site can send it without being asked first
// (CORS), and we never agree.
const CSRFHeader = "X-CSRF"

// A Guard tells calls of our own pages from those that other sites make in the browser's name.
type Guard struct{ origins []string }

// NewGuard makes a Guard for pages of these origins.
func NewGuard(origins ...string) Guard { return Guard{origins: origins} }

// Check refuses a call that another site made. header gives a field of the request.
func (g Guard) Check(method string, header func(name string) string) error {
	if err := g.CheckSite(method, header); err != nil {
		return err
	}
	if !isSafe(method) && header(CSRFHeader) == "" {
		return core.Refuse(core.AccessDenied, "This call changes something and needs the header %s: 1.", CSRFHeader)
	}
	return nil
}

// CheckSite is Check without the header, for forms that carry a token instead.
func (g Guard) CheckSite(method string, header func(name string) string) error {
	if origin := header("Origin"); origin != "" {
		if slices.Contains(g.origins, origin) {
			return nil
		}
		return crossSite()
	}
	switch header("Sec-Fetch-Site") {
	case "", "same-origin": // "": no browser of today; SameSite and the header hold
		return nil
	case "none": // typed into the address bar
		if isSafe(method) {
			return nil
		}
	}
	return crossSite()
}

func crossSite() error {
	return core.Refuse(core.AccessDenied, "This call was made by another site; only pages of this one may make it.")
}

// isSafe tells methods that change nothing (RFC 9110 §9.2.1).
func isSafe(method string) bool { return method == "GET" || method == "HEAD" || method == "OPTIONS" }

// FormToken is what a form must carry in place of the header. It is made of the cookie, which no page can read, and tells
// nothing of it.
func FormToken(cookie core.Secret) string {
	mac := hmac.New(sha256.New, []byte(cookie.Reveal()))
	mac.Write([]byte("ostiary bff form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// CheckFormToken compares the token of a form with the browser's cookie.
func CheckFormToken(cookie core.Secret, token string) error {
	if cookie == "" || subtle.ConstantTimeCompare([]byte(FormToken(cookie)), []byte(token)) != 1 {
		return core.Refuse(core.AccessDenied, "The form is not of this session; load the page again.")
	}
	return nil
}
