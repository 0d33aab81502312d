package web

import (
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// Form is the media type of the bodies that browsers and OAuth clients post.
const Form = "application/x-www-form-urlencoded"

// ParseForm reads a form body. No parameter may come twice (RFC 6749 §3.2) but those that are named.
func ParseForm(r *Request, may ...string) (oauth.Params, error) {
	return parseParams(string(r.Body), "body", may)
}

// ParseQuery reads the query. No parameter may come twice (RFC 6749 §3.1) but those that are named.
func ParseQuery(r *Request, may ...string) (oauth.Params, error) {
	return parseParams(r.RawQuery, "query", may)
}

func parseParams(text, place string, may []string) (oauth.Params, error) {
	params, err := oauth.ParseParams(text)
	if err != nil {
		return nil, core.Refuse(core.InvalidRequest, "The %s cannot be read; send it as application/x-www-form-urlencoded.", place)
	}
	if name := params.Repeated(may...); name != "" {
		return nil, core.Refuse(core.InvalidRequest, "%s was sent twice; send it once (RFC 6749 section 3.1).", core.Clip(name))
	}
	return params, nil
}

// OwnForm refuses a form that the browser says another site sent (Fetch Metadata; of older browsers, Origin). It comes beside a form's
// token and the cookie's SameSite, which hold by themselves: who says neither is no browser of today. Pages that send no referrer
// have their own forms marked Origin: null, so that this says nothing.
func OwnForm(r *Request) error {
	switch r.Header("Sec-Fetch-Site") {
	case "same-origin", "none": // none: the person sent it again
		return nil
	case "":
		_, from, _ := strings.Cut(r.Header("Origin"), "://")
		if from == "" || strings.EqualFold(from, r.Host) {
			return nil
		}
	}
	return core.Refuse(core.AccessDenied, "The form was sent by a page of another site; open the page here and try again.")
}

// Cookie gives the value of the first cookie of that name, or "".
func (r *Request) Cookie(name string) string {
	for field, line := range r.Headers() {
		if !strings.EqualFold(field, "Cookie") {
			continue
		}
		for pair := range strings.SplitSeq(line, ";") {
			if got, value, _ := strings.Cut(strings.TrimSpace(pair), "="); got == name {
				return value
			}
		}
	}
	return ""
}

// SetCookie adds a cookie to the answer.
func (r Response) SetCookie(c *http.Cookie) Response { return r.With("Set-Cookie", c.String()) }
