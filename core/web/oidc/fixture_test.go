package oidc_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/oidc"
)

const (
	site   = "op.example"
	issuer = "https://op.example/api/oidc"
)

// keySet is a key set that does not change.
type keySet struct{ body, etag string }

func (k keySet) JWKS() ([]byte, string) { return []byte(k.body), k.etag }

const (
	burst = 3
	every = 10 * time.Second
)

// house is a served issuer with a desk on a vault.
type house struct {
	*web.Server
	t     *testing.T
	vault *vault
	now   time.Time
	lines strings.Builder
	mu    sync.Mutex

	deny  func(core.Reason)                       // what policy says from now on
	noted func() (core.DecisionID, core.ClientID) // of the last entry that no commit carried
}

func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lines.Write(p)
}

func (h *house) log() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lines.String()
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{
		t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		vault: &vault{clients: map[core.ClientID]registration.Stored{}, tokens: map[core.SecretHash]registration.Held{}},
	}
	o := oidc.New(h.desk(), keySet{`{"keys":[]}`, `"k1"`}, web.NewLimiter(every, burst, 100), oidc.Document(issuer))
	routes := []web.Route{{Method: "GET", Path: "jwks", Handler: o.JWKS}, {Method: "GET", Path: "configuration", Handler: o.Metadata}}
	row := func(method, path string, handler web.Handler, types ...string) {
		routes = append(routes, web.Route{Method: method, Path: path, Handler: handler, MediaTypes: types, Judged: true, Challenge: web.Bearer})
	}
	row("POST", "dcr/register", o.Register, "application/json")
	for _, path := range []string{"dcr/register", "dcr/register/:client_id"} {
		row("GET", path, o.Read)
		row("PUT", path, o.Replace, "application/json")
		row("PATCH", path, o.Merge, "application/merge-patch+json", "application/json")
		row("DELETE", path, o.Delete)
	}
	server, err := web.New(web.Options{
		Routes: routes, IssuerPath: "/api/oidc", Sites: []string{site}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Now: func() time.Time { return h.now }, Log: slog.New(slog.NewJSONHandler(h, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Server = server
	return h
}

func (h *house) desk() *registration.Desk {
	ready, err := registration.DefaultSite().Prepared()
	if err != nil {
		h.t.Fatal(err)
	}
	policy := rulesFor(registration.Policy.DecideRegistration)
	policy.verdict.Allow = true
	h.deny = func(r core.Reason) { policy.verdict.Allow, policy.verdict.Deny = false, []core.Reason{r} }
	book := notesFor(registration.Book.Record, registration.Book.Shaped)
	h.noted = func() (core.DecisionID, core.ClientID) { e := book.last(); return e.DecisionID, e.ClientID }
	parts := registration.Parts{
		Store: h.vault, Policy: policy, Book: book, Site: ready, Now: func() time.Time { return h.now },
		ClientURI: func(id core.ClientID) string { return issuer + "/dcr/register/" + string(id) },
	}
	unplug(&parts.Plugins)
	return registration.NewDesk(parts)
}

// token mints an initial access token.
func (h *house) token(uses int64) string {
	secret := core.NewSecret()
	h.vault.tokens[secret.Hash()] = registration.Held{Stamp: h.vault.stamp(), Token: core.InitialAccessToken{
		ID: core.NewTokenID(h.now), MaxUses: uses, ExpiresAt: h.now.Add(time.Hour), Hash: secret.Hash(),
	}}
	return secret.Reveal()
}

// An ask is one request.
type ask struct {
	method, path string
	bearer       string // "": no Authorization
	body         string
	mediaType    string // "": application/json, when there is a body
	from         string // the caller's address; "": that of the proxy
	header       http.Header
}

// An answer is a response read to its end; doc is its JSON.
type answer struct {
	*http.Response
	body string
	doc  strictjson.Value
}

func (h *house) ask(a ask) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), a.method, "http://"+site, strings.NewReader(a.body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.URL.Opaque = "/api/oidc/" + a.path // as it is, however odd
	if a.header != nil {
		req.Header = a.header
	}
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if a.bearer != "" {
		set("Authorization", "Bearer "+a.bearer)
	}
	if a.mediaType == "" && a.body != "" {
		a.mediaType = "application/json"
	}
	set("Content-Type", a.mediaType)
	set("X-Forwarded-For", a.from)
	res, err := h.RoundTripper().RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	got := answer{Response: res, body: string(body)}
	if len(body) > 0 {
		if got.doc, err = strictjson.Parse(body, strictjson.Default); err != nil {
			h.t.Fatalf("%s %s: %v in %s", a.method, a.path, err, body)
		}
	}
	return got
}

// text gives a member that is a string, or "".
func (a answer) text(name string) string {
	v, _ := a.doc.Get(name)
	s, _ := v.Text()
	return s
}

// refused fails unless the answer is an OAuth error of this kind that an entry explains.
func (h *house) refused(a answer, status int, code core.Code, says string) {
	h.t.Helper()
	id, _ := h.noted()
	switch {
	case a.StatusCode != status || a.text("error") != string(code) || !strings.Contains(a.text("error_description"), says):
		h.t.Errorf("%d %s; want %d %s with %q", a.StatusCode, a.body, status, code, says)
	case a.text("decision_id") == "" || a.text("decision_id") != a.Header.Get("Ostiary-Decision-Id") || a.text("decision_id") != string(id):
		h.t.Errorf("decision_id in %s, header %q, entry %q", a.body, a.Header.Get("Ostiary-Decision-Id"), id)
	case a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json":
		h.t.Errorf("fields %v", a.Header)
	}
}

const shop = `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scope":"openid email"}`

// client is a registered client.
type client struct {
	id, rat string
	doc     strictjson.Value // as it was answered
}

func (h *house) register(body string) client {
	h.t.Helper()
	a := h.ask(ask{method: "POST", path: "dcr/register", bearer: h.token(1), body: body})
	if a.StatusCode != http.StatusCreated {
		h.t.Fatalf("register: %d %s", a.StatusCode, a.body)
	}
	return client{id: a.text("client_id"), rat: a.text("registration_access_token"), doc: a.doc}
}

// put is the client's own document with one member changed; the absent Value removes it.
func (c client) put(name string, v strictjson.Value) string {
	if v.IsAbsent() {
		return c.doc.Without(name).String()
	}
	return c.doc.With(name, v).String()
}
