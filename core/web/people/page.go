package people

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
)

//go:embed pages/*.html
var sources embed.FS

//go:embed pages/style.css
var style []byte

//go:embed pages/icon.svg
var icon []byte

// styleVersion is in the address of the style, so that it may be kept for ever.
var styleVersion = digest(style)[:12]

// pages are the templates of one issuer, by name: each is the layout with one content.
type pages map[string]*template.Template

// newPages parses every page once. What is the same on all pages of an issuer (@base, @host, @style) is put in before: it needs
// no escaping again for each browser.
func newPages(base, host string) pages {
	constant := strings.NewReplacer("@base", template.HTMLEscapeString(base), "@host", template.HTMLEscapeString(host), "@style", styleVersion)
	source := func(name string) string {
		text, err := sources.ReadFile("pages/" + name + ".html")
		if err != nil { // it is embedded; a test draws every page
			return ""
		}
		return constant.Replace(string(text))
	}
	layout := template.Must(template.New("layout").Parse(source("layout")))
	set := make(pages)
	for _, name := range [...]string{"login", "consent", "post", "leave", "signedout", "setup", "account", "error"} {
		set[name] = template.Must(template.Must(layout.Clone()).Parse(source(name)))
	}
	return set
}

// frame is what every page has.
type frame struct{ Title string }

// usualPage is how long a page is, about, in bytes.
const usualPage = 4 << 10

// page draws a page. A form on it may lead on to one other place: browsers hold form-action against where a form's answer
// redirects, too.
func (h *Handlers) page(status int, name string, view any, leadsTo string) web.Response {
	return h.pages.draw(status, name, view).With("Content-Security-Policy", policy(leadsTo, ""))
}

func (p pages) draw(status int, name string, view any) web.Response {
	out := bytes.NewBuffer(make([]byte, 0, usualPage))
	if err := p[name].Execute(out, view); err != nil { // a test draws every page; a buffer takes every write
		return web.Text(http.StatusInternalServerError, "server_error\n")
	}
	return web.HTML(status, out.Bytes())
}

// policy is the Content-Security-Policy of a page: nothing from elsewhere, no frame, and at most one script, by its hash.
func policy(leadsTo, script string) string {
	var b strings.Builder
	b.WriteString("default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	if source := sourceOf(leadsTo); source != "" {
		b.WriteString(" " + source)
	}
	if script != "" {
		b.WriteString("; script-src 'sha256-" + script + "'")
	}
	return b.String()
}

// sourceOf gives the source expression that a URI falls under (CSP Level 3 §2.3.1): its origin, or its scheme where there is no
// origin or, as with IPv6 addresses, no way to write it.
func sourceOf(uri string) string {
	u := oauth.ParseURI(uri)
	switch {
	case !u.Valid:
		return ""
	case u.Scheme != "https" && u.Scheme != "http", strings.Contains(u.Host, ":"):
		return u.Scheme + ":"
	case u.Port != "":
		return u.Scheme + "://" + u.Host + ":" + u.Port
	}
	return u.Scheme + "://" + u.Host
}

// ErrorPage says what happened and what to do, in the look of the other pages.
func (h *Handlers) ErrorPage(e *core.Error, status int) web.Response {
	view := errorView{frame: frame{http.StatusText(status)}, Detail: e.Detail, Code: string(e.Code), Decision: string(e.Decision)}
	for _, r := range e.Reasons {
		if r.Public {
			view.Reasons = append(view.Reasons, r.Message)
		}
	}
	return h.page(status, "error", view, "")
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
