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
	for _, name := range [...]string{"login", "consent", "post", "leave", "signedout", "setup", "account", "error", "aside"} {
		set[name] = template.Must(template.Must(layout.Clone()).Parse(source(name)))
	}
	return set
}

// frame is what every page has.
type frame struct{ Title string }

// usualPage is how long a page is, about, in bytes.
const usualPage = 4 << 10

// strict is the Content-Security-Policy that all pages share: nothing from elsewhere, no script, no frame.
const strict = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// page draws a page whose forms lead to pages of ours.
func (h *Handlers) page(status int, name string, view any) web.Response {
	return h.pages.draw(status, name, view).With("Content-Security-Policy", strict+"; form-action 'self'")
}

// wayOut draws a page from which the browser may be sent to a client. It leaves form-action out: browsers hold that against
// every redirect that follows a form, and where the client sends the browser on to, only the client knows.
func (h *Handlers) wayOut(status int, name string, view any) web.Response {
	return h.pages.draw(status, name, view).With("Content-Security-Policy", strict)
}

func (p pages) draw(status int, name string, view any) web.Response {
	out := bytes.NewBuffer(make([]byte, 0, usualPage))
	if err := p[name].Execute(out, view); err != nil { // a test draws every page; a buffer takes every write
		return web.Text(http.StatusInternalServerError, "server_error\n")
	}
	return web.HTML(status, out.Bytes())
}

// ErrorPage says what happened and what to do, in the look of the other pages.
func (h *Handlers) ErrorPage(e *core.Error, status int) web.Response {
	view := errorView{frame: frame{http.StatusText(status)}, Detail: e.Detail, Code: string(e.Code), Decision: string(e.Decision)}
	for _, r := range e.Reasons {
		if r.Public {
			view.Reasons = append(view.Reasons, r.Message)
		}
	}
	return h.page(status, "error", view)
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
