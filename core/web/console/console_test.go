package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/console"
)

const site = "op.example"

// door knows two people, both with the password "right"; ada is an administrator.
type door struct {
	sessions map[core.Secret]core.User
	tries    int
}

func (d *door) SignIn(_ context.Context, a login.Attempt) (core.Session, core.Secret, error) {
	d.tries++
	if a.Username == "busy" {
		return core.Session{}, "", &core.Error{Code: core.TooManyRequests, Detail: "Wait a minute.", RetryAfter: time.Minute}
	}
	if a.Username == "eve" {
		return core.Session{}, "", core.Fail(core.AccessDenied, "You are not signed in. Only from the office. (Decision "+a.RequestID+")", login.ErrDenied)
	}
	if a.Username != "ada" && a.Username != "bob" || a.Password.Reveal() != "right" {
		return core.Session{}, "", core.Refuse(core.AccessDenied, "Wrong username or password.")
	}
	cookie := core.NewSecret()
	d.sessions[cookie] = core.User{Subject: core.Subject("u-" + a.Username), Username: a.Username, Admin: a.Username == "ada"}
	return core.Session{}, cookie, nil
}

func (d *door) Session(_ context.Context, cookie core.Secret) (core.Session, core.User, bool, error) {
	user, there := d.sessions[cookie]
	return core.Session{}, user, there, nil
}

func (d *door) SignOut(_ context.Context, cookie core.Secret) error {
	delete(d.sessions, cookie)
	return nil
}

// book holds one decision whose texts a stranger chose.
type book struct{ entry ledger.Entry }

func (b book) Find(_ context.Context, id core.DecisionID) (ledger.Entry, bool, error) {
	return b.entry, id == b.entry.DecisionID, nil
}

func (b book) Search(_ context.Context, f ledger.Filter, _ core.DecisionID, limit int) ([]ledger.Entry, core.DecisionID, error) {
	if !f.Holds(b.entry) {
		return nil, "", nil
	}
	var list []ledger.Entry
	for range limit { // as many as are asked for: there is an older page
		list = append(list, b.entry)
	}
	return list, b.entry.DecisionID, nil
}

func (book) Before(ledger.Entry) strictjson.Value { return strictjson.Object() }

func (book) Line(_, file string, line int) string {
	return fmt.Sprintf("  deny of %s, line %d <b>", file, line)
}

const nasty = `<script>alert("x")</script>`

func refusal() ledger.Entry {
	return ledger.Entry{
		V: 1, DecisionID: "d-1", Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Operation: core.Register, Channel: core.ChannelDCR, ClientID: nasty,
		Actor: ledger.Actor{Kind: "open", IP: "192.0.2.7"}, Verdict: ledger.Denied, Outcome: ledger.Nothing,
		Error: &ledger.Problem{Code: core.InvalidScope, Detail: "The scope " + nasty + " is not allowed."},
		Stages: []ledger.Stage{
			{Stage: "normalise", By: ledger.By{Kind: "core"}, NS: 3000, Patch: []strictjson.PatchOp{{Op: "add", Path: "/client~1name", Value: strictjson.String(nasty)}}},
			{Stage: "policy", By: ledger.By{Kind: "policy"}, NS: 1_000_000, Cached: true, Reasons: []core.Reason{
				{Rule: "scopes.allowed", Code: core.InvalidScope, Message: "no " + nasty, File: "scopes.rego", Line: 12, Fields: []string{"scope"}},
			}},
		},
	}
}

// rig is a console with a browser that keeps cookies.
type rig struct {
	t       *testing.T
	server  *web.Server
	door    *door
	hall    *hall
	cookies map[string]string
	now     time.Time
}

func open(t *testing.T) *rig { return openWith(t, refusal()) }

// openWith makes a console whose book holds one decision.
func openWith(t *testing.T, e ledger.Entry) *rig {
	t.Helper()
	d := &door{sessions: map[core.Secret]core.User{}}
	g := &rig{t: t, door: d, hall: &hall{}, cookies: map[string]string{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	h := console.New(d, book{e}, book{}, true).Counted(web.NewLimiter(3*time.Second, freeFailures, 100)).Approving(g.hall, g.hall)
	var err error
	g.server, err = web.New(web.Options{Sites: []string{site}, Face: web.Page, Routes: table(h), Now: func() time.Time { return g.now }})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

const freeFailures = 4

func table(h *console.Handlers) []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/console", Handler: h.As(h.Home)},
		{Method: "GET", Path: "/console/login", Handler: h.LoginPage},
		{Method: "POST", Path: "/console/login", Handler: h.Login},
		{Method: "POST", Path: "/console/logout", Handler: h.As(h.Logout)},
		{Method: "GET", Path: "/console/decisions", Handler: h.As(h.List)},
		{Method: "GET", Path: "/console/decisions/:id", Handler: h.As(h.Show)},
		{Method: "GET", Path: "/console/client", Handler: h.As(h.Client)},
		{Method: "GET", Path: "/console/approvals", Handler: h.As(h.Approvals)},
		{Method: "POST", Path: "/console/approvals/approve", Handler: h.As(h.Approve)},
		{Method: "POST", Path: "/console/approvals/reject", Handler: h.As(h.Reject)},
		{Method: "GET", Path: "/console/style.css", Handler: h.Style},
		{Method: "GET", Path: "/console/icon.svg", Handler: h.Icon},
	}
}

// ask sends a request with the browser's cookies; more are further header fields, name and value.
func (g *rig) ask(method, path string, form url.Values, more ...string) (*http.Response, string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, "http://"+site+path, strings.NewReader(form.Encode()))
	if err != nil {
		g.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", web.Form)
	}
	for pair := range slices.Chunk(more, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	for name, value := range g.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := g.server.RoundTripper().RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || !strings.HasPrefix(c.Name, "__Host-") || c.Path != "/" {
			g.t.Errorf("cookie %v", c)
		}
		if g.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(g.cookies, c.Name)
		}
	}
	return res, string(body)
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

func (g *rig) token(page string) string {
	g.t.Helper()
	m := tokenField.FindStringSubmatch(page)
	if m == nil {
		g.t.Fatalf("no form token in %s", page)
	}
	return m[1]
}

func (g *rig) signIn(username, password string) (*http.Response, string) {
	g.t.Helper()
	_, page := g.ask("GET", "/console/login", nil)
	return g.ask("POST", "/console/login", url.Values{"token": {g.token(page)}, "username": {username}, "password": {password}})
}

func TestConsole(t *testing.T) {
	g := open(t)
	for _, path := range []string{"/console", "/console/decisions", "/console/decisions/d-1"} {
		if res, _ := g.ask("GET", path, nil); res.StatusCode != 303 || res.Header.Get("Location") != "/console/login" {
			t.Errorf("%s without a session: %d %v", path, res.StatusCode, res.Header)
		}
	}
	if res, _ := g.signIn("ada", "right"); res.StatusCode != 303 || res.Header.Get("Location") != "/console/decisions" {
		t.Fatalf("sign-in: %d", res.StatusCode)
	}
	if res, _ := g.ask("GET", "/console", nil); res.Header.Get("Location") != "/console/decisions" {
		t.Errorf("home: %v", res.Header)
	}
	res, list := g.ask("GET", "/console/decisions", nil)
	if res.StatusCode != 200 || !strings.Contains(list, `href="/console/decisions/d-1"`) || !strings.Contains(list, "refused") || !strings.Contains(list, `rel="next"`) {
		t.Errorf("list: %d %s", res.StatusCode, list)
	}
	res, one := g.ask("GET", "/console/decisions/d-1", nil)
	for _, want := range []string{"scopes.rego:12", "scopes.allowed", "invalid_scope", "192.0.2.7", "client/name", "1.00 ms", "remembered", "deny of scopes.rego, line 12 &lt;b&gt;", "<ins><code>&#34;"} {
		if !strings.Contains(one, want) {
			t.Errorf("the explanation lacks %q: %s", want, one)
		}
	}
	if strings.Contains(list+one, "<script") || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("markup of a stranger is in the page, or it has no policy")
	}
	if res, page := g.ask("GET", "/console/decisions?client_id=nobody", nil); res.StatusCode != 200 || !strings.Contains(page, "No decision is like that") {
		t.Errorf("nobody's list: %d %s", res.StatusCode, page)
	}
	if res, _ := g.ask("GET", "/console/decisions/d-2", nil); res.StatusCode != 404 {
		t.Errorf("an unknown decision: %d", res.StatusCode)
	}
	if res, _ := g.ask("POST", "/console/logout", url.Values{"token": {"wrong"}}); res.StatusCode != 403 || len(g.door.sessions) != 1 {
		t.Errorf("a foreign sign-out: %d, %d sessions", res.StatusCode, len(g.door.sessions))
	}
	if res, _ := g.ask("POST", "/console/logout", url.Values{"token": {g.token(list)}}); res.StatusCode != 303 || len(g.door.sessions) != 0 {
		t.Errorf("sign-out: %d, %d sessions", res.StatusCode, len(g.door.sessions))
	}
}

func TestConsoleSignIn(t *testing.T) {
	for name, test := range map[string]struct {
		username, password string
		status             int
		says               string
	}{
		"wrong password": {"ada", "wrong", 200, "Wrong username or password."},
		"too often":      {"busy", "x", 429, "Wait a minute."},
		"no operator":    {"bob", "right", 403, "not an administrator"},
		"by policy":      {"eve", "right", 403, "Only from the office. (Decision "},
		"markup":         {nasty, "x", 200, "&lt;script&gt;"},
	} {
		t.Run(name, func(t *testing.T) {
			g := open(t)
			res, page := g.signIn(test.username, test.password)
			if res.StatusCode != test.status || !strings.Contains(page, test.says) || len(g.door.sessions) != 0 {
				t.Errorf("%d, %d sessions: %s", res.StatusCode, len(g.door.sessions), page)
			}
			if res, _ := g.ask("GET", "/console/decisions", nil); res.StatusCode != 303 {
				t.Errorf("then the list: %d", res.StatusCode)
			}
		})
	}
}

// Failures of one address are bounded, whatever names it tries; what does not fail costs nothing, nor does an account that waits.
func TestConsoleFailuresAreBounded(t *testing.T) {
	g := open(t)
	for range 2 * freeFailures {
		g.signIn("ada", "right")
		g.signIn("busy", "x")
	}
	for i := range freeFailures {
		who := []string{"ada", "wrong"}
		if i == 0 {
			who = []string{"bob", "right"} // no administrator: that is a failure, too
		}
		if res, page := g.signIn(who[0]+strings.Repeat("x", i), who[1]); res.StatusCode == 429 {
			t.Fatalf("failure %d: %s", i+1, page)
		}
	}
	tries := g.door.tries
	for range 3 {
		res, page := g.signIn("ada", "right")
		if res.StatusCode != 429 || res.Header.Get("Retry-After") != "3" || !strings.Contains(page, "Wait a few seconds") || g.door.tries != tries {
			t.Errorf("after too many failures: %d %v, %d tries: %s", res.StatusCode, res.Header, g.door.tries-tries, page)
		}
	}
	g.now = g.now.Add(3 * time.Second)
	if res, _ := g.signIn("ada", "wrong"); res.StatusCode != 200 {
		t.Errorf("later: %d", res.StatusCode)
	}
	if res, _ := g.signIn("ada", "right"); res.StatusCode != 429 {
		t.Errorf("one more is one: %d", res.StatusCode)
	}
	g.now = g.now.Add(3 * time.Second)
	if res, _ := g.signIn("ada", "right"); res.StatusCode != 303 {
		t.Errorf("the right one later: %d", res.StatusCode)
	}
}

// A sign-in form that another browser was given is of no use (login CSRF).
func TestConsoleSignInIsBound(t *testing.T) {
	g, other := open(t), open(t)
	_, page := other.ask("GET", "/console/login", nil)
	g.ask("GET", "/console/login", nil)
	for _, token := range []string{other.token(page), "", "x"} {
		res, page := g.ask("POST", "/console/login", url.Values{"token": {token}, "username": {"ada"}, "password": {"right"}})
		if res.StatusCode != 403 || len(g.door.sessions) != 0 || !strings.Contains(page, "Try again") {
			t.Errorf("token %q: %d", token, res.StatusCode)
		}
	}
}

// A form that another site sends does nothing, also if it had token and cookie.
func TestConsoleFormsOfOtherSites(t *testing.T) {
	g := open(t)
	_, page := g.ask("GET", "/console/login", nil)
	in := url.Values{"token": {g.token(page)}, "username": {"ada"}, "password": {"right"}}
	if res, _ := g.ask("POST", "/console/login", in, "Sec-Fetch-Site", "cross-site"); res.StatusCode != 403 || g.door.tries != 0 {
		t.Errorf("sign-in: %d, %d tries", res.StatusCode, g.door.tries)
	}
	if res, _ := g.ask("POST", "/console/login", in, "Sec-Fetch-Site", "same-origin", "Origin", "null"); res.StatusCode != 303 {
		t.Fatalf("our own sign-in: %d", res.StatusCode)
	}
	_, page = g.ask("GET", "/console/approvals", nil, "Sec-Fetch-Site", "cross-site") // a link is no form
	out := url.Values{"token": {g.token(page)}}
	for _, path := range []string{"/console/logout", "/console/approvals/approve", "/console/approvals/reject"} {
		if res, page := g.ask("POST", path, out, "Sec-Fetch-Site", "same-site"); res.StatusCode != 403 || !strings.Contains(page, "another site") || len(g.door.sessions) != 1 {
			t.Errorf("%s: %d, %d sessions", path, res.StatusCode, len(g.door.sessions))
		}
	}
}

// The sign-in form of one tab stays good when another tab shows it, too.
func TestConsoleSignInInTwoTabs(t *testing.T) {
	g := open(t)
	_, first := g.ask("GET", "/console/login", nil)
	g.ask("GET", "/console/login", nil)
	if res, _ := g.ask("POST", "/console/login", url.Values{"token": {g.token(first)}, "username": {"ada"}, "password": {"right"}}); res.StatusCode != 303 {
		t.Errorf("the first tab: %d", res.StatusCode)
	}
}

// What a stranger wrote from right to left leaves the words around it in their order.
func TestConsoleIsolatesNames(t *testing.T) {
	g := openWith(t, written("c-1"))
	s := stranger("c-1")
	s.Client.Metadata.ClientName = "שלום (1)"
	g.hall.waiting = []registration.Stored{s}
	g.signIn("ada", "right")
	for path, name := range map[string]string{"/console/approvals": "שלום (1)", "/console/client?client_id=c-1": "שלום (1)", "/console/decisions/d-1": "no &lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;"} {
		if _, page := g.ask("GET", path, nil); !strings.Contains(page, "<bdi>"+name+"</bdi>") {
			t.Errorf("%s: %s", path, page)
		}
	}
}

// Each field that a person fills has a label; nothing on the pages runs or is styled inline.
func TestConsolePagesAreAccessible(t *testing.T) {
	g := open(t)
	_, form := g.ask("GET", "/console/login", nil)
	g.signIn("ada", "right")
	_, list := g.ask("GET", "/console/decisions", nil)
	_, one := g.ask("GET", "/console/decisions/d-1", nil)
	g.hall.waiting = []registration.Stored{stranger("c-1"), stranger("c-2")}
	_, approvals := g.ask("GET", "/console/approvals", nil)
	for i, page := range []string{form, list, one, approvals} {
		for _, input := range regexp.MustCompile(`<input [^>]*>`).FindAllString(page, -1) {
			id := regexp.MustCompile(` id="([^"]+)"`).FindStringSubmatch(input)
			if !strings.Contains(input, `type="hidden"`) && (id == nil || !strings.Contains(page, fmt.Sprintf(`<label for="%s">`, id[1]))) {
				t.Errorf("page %d: %s has no label", i, input)
			}
		}
		if strings.Contains(page, "style=") || strings.Contains(page, " on") && regexp.MustCompile(` on[a-z]+=`).MatchString(page) || !strings.Contains(page, `<html lang="en">`) {
			t.Errorf("page %d has inline code or no language", i)
		}
	}
	if res, svg := g.ask("GET", "/console/icon.svg", nil); res.StatusCode != 200 || !strings.HasPrefix(svg, "<svg") {
		t.Errorf("icon: %d", res.StatusCode)
	}
	if res, css := g.ask("GET", "/console/style.css", nil); res.StatusCode != 200 || !strings.Contains(css, "prefers-color-scheme") {
		t.Errorf("style: %d", res.StatusCode)
	}
}

// The list is narrowed by its form, the next page keeps to that, and what cannot be looked for is said in the page.
func TestConsoleFilters(t *testing.T) {
	g := open(t)
	g.signIn("ada", "right")
	res, page := g.ask("GET", "/console/decisions?verdict=denied&code=invalid_scope&rule=scopes.allowed&since=2026-02-01", nil)
	if res.StatusCode != 200 || !strings.Contains(page, `href="/console/decisions/d-1"`) || !strings.Contains(page, "<option selected>denied</option>") ||
		!strings.Contains(page, `name="rule" value="scopes.allowed"`) || !strings.Contains(page, "/console/decisions?after=d-1&amp;code=invalid_scope&amp;rule=scopes.allowed&amp;since=2026-02-01&amp;verdict=denied") {
		t.Errorf("%d %s", res.StatusCode, page)
	}
	for query, says := range map[string]string{"verdict=allowed": "No decision is like that", "until=2026-02-01": "No decision is like that", "operation=update": "No decision is like that"} {
		if res, page := g.ask("GET", "/console/decisions?"+query, nil); res.StatusCode != 200 || !strings.Contains(page, says) || strings.Contains(page, "d-1\"") {
			t.Errorf("%s: %d %s", query, res.StatusCode, page)
		}
	}
	if res, page := g.ask("GET", "/console/decisions?since=%3Cb%3E", nil); res.StatusCode != 400 || !strings.Contains(page, "since must be a time") || strings.Contains(page, "<b>") {
		t.Errorf("%d %s", res.StatusCode, page)
	}
}
