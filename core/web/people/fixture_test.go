package people_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/people"
)

const (
	site   = "op.example"
	issuer = "https://op.example/api/oidc"
)

// house serves the pages over verbs that answer what a test tells them.
type house struct {
	*testing.T
	server *web.Server
	pages  *people.Handlers
	now    time.Time

	answer   authorize.Answer // of the endpoint
	farewell authorize.Farewell
	fault    error // of every verb
	refuses  error // of signing in and of setting a password

	visit    authorize.Visit // as it was last seen
	decided  authorize.Decision
	pushed   authorize.Push
	leaving  authorize.Leaving
	attempt  login.Attempt
	password string
	ended    []core.SessionID
	endedAll bool
}

func open(t *testing.T, at string) *house {
	t.Helper()
	h := &house{T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	var err error
	h.pages, err = people.New(people.Parts{
		Issuer: at, Endpoint: endpoint{h}, Exit: h, Desk: h, Accounts: h, Forms: forms{},
		Failures: web.NewLimiter(3*time.Second, freeFailures, 100), Now: func() time.Time { return h.now },
	})
	h.must(err)
	p := h.pages
	var routes []web.Route
	row := func(method, path string, handler web.Handler, face web.Face) {
		routes = append(routes, web.Route{Method: method, Path: path, Handler: handler, Face: face})
	}
	row("GET", "authorize", p.Authorize, web.Page)
	row("POST", "authorize", p.AuthorizePosted, web.Page)
	row("POST", "par", p.Push, web.OAuth)
	row("GET", "login", p.LoginAgain, web.Page)
	row("POST", "login", p.Login, web.Page)
	row("POST", "consent", p.Consent, web.Page)
	row("GET", "account", p.Account, web.Page)
	row("GET", "account/setup", p.Setup, web.Page)
	row("POST", "account/setup", p.SetupPosted, web.Page)
	row("POST", "account/password", p.ChangePassword, web.Page)
	row("POST", "account/sessions/end", p.EndSession, web.Page)
	row("POST", "account/sessions/end-all", p.EndAllSessions, web.Page)
	row("GET", "logout", p.Logout, web.Page)
	row("POST", "logout", p.LogoutPosted, web.Page)
	row("GET", "assets/style.css", p.Style, web.Plain)
	row("GET", "assets/icon.svg", p.Icon, web.Plain)
	h.server, err = web.New(web.Options{Routes: routes, IssuerPath: "/api/oidc", Sites: []string{site}, Now: func() time.Time { return h.now }})
	h.must(err)
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// endpoint answers what the house says.
type endpoint struct{ h *house }

func (e endpoint) Authorize(_ context.Context, v authorize.Visit) (authorize.Answer, error) {
	e.h.visit = v
	return e.h.answer, e.h.fault
}

func (e endpoint) Decide(_ context.Context, d authorize.Decision) (authorize.Answer, error) {
	e.h.decided = d
	return e.h.answer, e.h.fault
}

func (e endpoint) Push(_ context.Context, p authorize.Push) (core.Secret, time.Duration, error) {
	e.h.pushed = p
	return "urn:x", 90 * time.Second, e.h.fault
}

func (e endpoint) MaySignIn(s authorize.SignIn) error {
	e.h.visit = s.Visit
	if s.Token != "good" {
		return core.Refuse(core.AccessDenied, "foreign form")
	}
	return e.h.fault
}

func (e endpoint) Asking(_ context.Context, v authorize.Visit) (core.Client, error) {
	if v.Flow == "" {
		return core.Client{}, e.h.fault
	}
	return e.h.answer.Client, e.h.fault
}

func (e endpoint) LoginPage(_ context.Context, v authorize.Visit) (authorize.Answer, error) {
	e.h.visit = v
	a := e.h.answer
	a.Show, a.Flow = authorize.ShowLogin, v.Flow
	return a, e.h.fault
}

func (h *house) Leave(_ context.Context, l authorize.Leaving) (authorize.Farewell, error) {
	h.leaving = l
	return h.farewell, h.fault
}

// ann is who is signed in with the cookie.
var ann = core.User{Subject: "u-ann", Username: "ann", Profile: core.Profile{Name: "Ann <b>Onym</b>", Email: "ann@example.com"}}

const cookie = "anns-cookie"

func (h *house) SignIn(_ context.Context, a login.Attempt) (core.Session, core.Secret, error) {
	h.attempt = a
	return core.Session{ID: "s-new", ExpiresAt: h.now.Add(12 * time.Hour)}, "new-cookie", h.refuses
}

func (h *house) Session(_ context.Context, secret core.Secret) (core.Session, core.User, bool, error) {
	if secret != cookie {
		return core.Session{}, core.User{}, false, h.fault
	}
	return core.Session{ID: "s-here", Subject: ann.Subject}, ann, true, h.fault
}

func (h *house) LinkOwner(_ context.Context, link core.Secret) (core.User, bool, error) {
	return ann, link == "good-link", h.fault
}

func (h *house) SetPassword(_ context.Context, _, password core.Secret) (core.User, error) {
	h.password = password.Reveal()
	return ann, h.refuses
}

func (h *house) ChangePassword(_ context.Context, _ core.Session, before, after core.Secret) (core.Session, core.Secret, error) {
	h.password = before.Reveal() + " " + after.Reveal()
	return core.Session{ID: "s-new", ExpiresAt: h.now.Add(12 * time.Hour)}, "new-cookie", h.refuses
}

func (h *house) Sessions(context.Context, core.Subject, core.SessionID, int) ([]core.Session, error) {
	return []core.Session{
		{ID: "s-here", CreatedAt: h.now, IP: "192.0.2.1", UserAgent: "Browser/1 <script>alert(1)</script>"},
		{ID: "s-other", CreatedAt: h.now.Add(-time.Hour), IP: "192.0.2.2", UserAgent: "Browser/2"},
	}, h.fault
}

func (h *house) End(_ context.Context, _ core.Subject, id core.SessionID) error {
	h.ended = append(h.ended, id)
	return h.refuses
}

func (h *house) EndAll(context.Context, core.Subject) error {
	h.endedAll = true
	return h.refuses
}

// forms know one good token for each browser and purpose.
type forms struct{}

func (forms) Browser(cookie core.Secret) core.Secret {
	if cookie == "" {
		return "new-browser"
	}
	return cookie
}

func (forms) Token(browser core.Secret, about ...string) string {
	return browser.Reveal() + " " + strings.Join(about, " ")
}

func (f forms) Check(token string, browser core.Secret, about ...string) error {
	if token != f.Token(browser, about...) {
		return core.Refuse(core.AccessDenied, "foreign form")
	}
	return nil
}

// An ask is one request of a browser.
type ask struct {
	path    string
	form    url.Values // makes it a POST
	cookies string
	reads   string // Accept-Language
}

// An answer is what came back, read to its end.
type answer struct {
	*http.Response
	body string
}

func (h *house) ask(a ask) answer {
	h.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if a.form != nil {
		method, body = http.MethodPost, strings.NewReader(a.form.Encode())
	}
	req, err := http.NewRequestWithContext(h.Context(), method, "https://"+site+"/api/oidc/"+a.path, body)
	h.must(err)
	if a.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if a.cookies != "" {
		req.Header.Set("Cookie", a.cookies)
	}
	if a.reads != "" {
		req.Header.Set("Accept-Language", a.reads)
	}
	res, err := h.server.RoundTripper().RoundTrip(req)
	h.must(err)
	text, err := io.ReadAll(res.Body)
	h.must(err)
	return answer{res, string(text)}
}

// get asks as ann.
func (h *house) get(path string) answer {
	h.Helper()
	return h.ask(ask{path: path, cookies: "__Host-ostiary_browser=b1; __Host-ostiary_session=" + cookie})
}

// post posts as ann.
func (h *house) post(path string, pairs ...string) answer {
	h.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return h.ask(ask{path: path, form: form, cookies: "__Host-ostiary_browser=b1; __Host-ostiary_session=" + cookie})
}

// annToken is the token of ann's account forms.
func annToken() string { return forms{}.Token("b1", "account", core.Secret(cookie).Hash().String()) }

// shows wants a page with this status that says all this.
func (a answer) shows(t *testing.T, status int, says ...string) {
	t.Helper()
	if a.StatusCode != status || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%d %s: %s", a.StatusCode, a.Header.Get("Content-Type"), a.body)
	}
	for _, text := range says {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not say %q: %s", text, a.body)
		}
	}
}

// leads wants a 303 to there.
func (a answer) leads(t *testing.T, to string) {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != to {
		t.Errorf("%d to %q, want 303 to %q: %s", a.StatusCode, a.Header.Get("Location"), to, a.body)
	}
}

// sets gives the cookie of that name that an answer sets, or nil.
func (a answer) sets(name string) *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// shop is a client that says all it can.
func shop(name string) core.Client {
	return core.Client{ID: "shop", IssuedAt: time.Date(2026, 2, 26, 12, 0, 0, 0, time.UTC), Metadata: core.Metadata{
		ClientName: name, PolicyURI: "https://shop.example/privacy", TosURI: "https://shop.example/terms",
	}}
}

func consent(name string) authorize.Answer {
	return authorize.Answer{
		Show: authorize.ShowConsent, Flow: "flow1", Token: "token1", Shown: "scope=openid", Client: shop(name), RedirectURI: "https://shop.example/cb",
		User: ann, Scope: []string{"openid", "shop.read"}, Resources: []string{"https://api.example/"},
	}
}
