package admin_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
)

const site = "op.example"

// house is a served operators' API with a desk on a vault.
type house struct {
	*web.Server
	t      *testing.T
	vault  *vault
	book   *book
	desk   *registration.Desk
	crowd  *crowd
	people *login.Desk // over the crowd
	reaper reaper

	plugged *plugged
	routes  []web.Route
	ada     string // an operator's token
	now     time.Time

	mu    sync.Mutex
	lines strings.Builder

	deny   func(...core.Reason)     // what policy says from now on; nothing: it allows
	demand func(...core.Obligation) // what it demands from now on
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

// tick is a clock that never stands still, so that ids sort as they were made.
func (h *house) tick() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(time.Millisecond)
	return h.now
}

func open(t *testing.T) *house {
	t.Helper()
	ada := core.NewSecret()
	h := &house{t: t, ada: ada.Reveal(), plugged: &plugged{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	h.vault = &vault{
		clients: map[core.ClientID]registration.Stored{}, tokens: map[core.SecretHash]registration.Held{}, entries: map[core.DecisionID]ledger.Entry{},
	}
	h.book = &book{vault: h.vault, entries: map[core.DecisionID]ledger.Entry{}}
	h.openDesk()
	h.crowd = newCrowd()
	h.people = h.crowd.desk(h.tick)
	h.routes = routesOf(admin.New(admin.Parts{
		Roster: operator.NewRoster(operator.Token{Subject: "ada", Hash: ada.Hash()}),
		Tokens: registration.NewTokens(h.vault, h.desk.Site, h.tick),
		Desk:   h.desk, Declared: h.desk, Clients: h.vault, Reaper: &h.reaper, Issuers: registration.NewRecall(h.desk, h.vault), Decisions: h.book,
		Users: h.people, Sessions: h.people, SetupURL: func(link core.Secret) string { return "https://op.example/setup?token=" + link.Reveal() },
		Policies: func() any { return map[string]string{"active_revision": "r-1"} }, Plugins: h.plugged,
		Explainer: h.book,
	}))
	server, err := web.New(web.Options{
		Routes: h.routes, Areas: []web.Area{{Prefix: "/api/admin", Face: web.Operator}}, Sites: []string{site},
		Now: h.tick, Log: slog.New(slog.NewJSONHandler(h, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Server = server
	return h
}

// routesOf serves every verb; core/web/routes tests that the real table leaves no door open.
func routesOf(a *admin.Handlers) []web.Route {
	row := func(method, path string, handler web.Handler) web.Route {
		return web.Route{Method: method, Path: "/api/admin" + path, Handler: handler, Face: web.Operator, Challenge: web.Bearer}
	}
	return []web.Route{
		row("POST", "/dcr/initial-access-tokens", a.As(a.MintToken)),
		row("GET", "/dcr/initial-access-tokens", a.As(a.ListTokens)),
		row("DELETE", "/dcr/initial-access-tokens/:id", a.As(a.RevokeToken)),
		row("GET", "/dcr/initial-access-tokens/:id", a.As(a.ShowToken)),
		row("GET", "/clients", a.As(a.ListClients)),
		judged(row("POST", "/clients", a.As(a.CreateClient))),
		row("GET", "/clients/:id", a.As(a.ShowClient)),
		judged(row("PUT", "/clients/:id", a.As(a.ReplaceClient))),
		judged(row("PATCH", "/clients/:id", a.As(a.MergeClient))),
		judged(row("DELETE", "/clients/:id", a.As(a.DeleteClient))),
		judged(row("POST", "/clients/:id/disable", a.As(a.DisableClient))),
		judged(row("POST", "/clients/:id/enable", a.As(a.EnableClient))),
		judged(row("POST", "/clients/:id/approve", a.As(a.ApproveClient))),
		judged(row("POST", "/clients/:id/reject", a.As(a.RejectClient))),
		row("GET", "/clients/:id/history", a.As(a.ShowHistory)),
		row("GET", "/dcr/issuers", a.As(a.ListIssuers)),
		row("GET", "/dcr/unused", a.As(a.ListUnused)),
		row("POST", "/dcr/unused/reap", a.As(a.Reap)),
		judged(row("POST", "/clients/:id/secret", a.As(a.RotateSecret))),
		judged(row("POST", "/dcr/clients/:id/tokens", a.As(a.RenewRegistrationToken))),
		row("GET", "/export/clients", a.As(a.ExportClients)),
		row("POST", "/declarations/:set/plan", a.As(a.PlanClients)),
		judged(row("PUT", "/declarations/:set/clients/:id", a.As(a.DeclareClient))),
		judged(row("DELETE", "/declarations/:set/clients/:id", a.As(a.WithdrawClient))),
		row("POST", "/simulate", a.As(a.Simulate)),
		row("GET", "/decisions", a.As(a.ListDecisions)),
		row("GET", "/decisions/:id", a.As(a.ShowDecision)),
		row("POST", "/users", a.As(a.CreateUser)),
		row("GET", "/users", a.As(a.ListUsers)),
		row("GET", "/users/:id", a.As(a.ShowUser)),
		row("PATCH", "/users/:id", a.As(a.EditUser)),
		row("DELETE", "/users/:id", a.As(a.DeleteUser)),
		row("POST", "/users/:id/link", a.As(a.LinkUser)),
		row("GET", "/users/:id/sessions", a.As(a.ListSessions)),
		row("DELETE", "/users/:id/sessions", a.As(a.EndSessions)),
		row("DELETE", "/users/:id/sessions/:sid", a.As(a.EndSession)),
		row("GET", "/policies", a.As(a.ShowPolicies)),
		row("GET", "/plugins", a.As(a.ListPlugins)),
		row("GET", "/plugins/:name", a.As(a.ShowPlugin)),
		row("POST", "/plugins/:name/approve", a.As(a.ApprovePlugin)),
		row("POST", "/plugins/:name/revoke", a.As(a.RevokePlugin)),
		row("GET", "/plugins/:name/kept", a.As(a.ShowKept)),
		row("DELETE", "/plugins/:name/kept", a.As(a.ForgetKept)),
	}
}

func judged(r web.Route) web.Route {
	r.Judged = true
	return r
}

func (h *house) openDesk() {
	site := registration.DefaultSite()
	site.Profiles = map[string]registration.Profile{"bff": {TokenEndpointAuthMethod: "private_key_jwt"}}
	ready, err := site.Prepared()
	if err != nil {
		h.t.Fatal(err)
	}
	policy := rulesFor(registration.Policy.DecideRegistration)
	policy.verdict.Revision = "r-1"
	h.deny = func(reasons ...core.Reason) {
		policy.verdict.Allow, policy.verdict.Deny = len(reasons) == 0, reasons
	}
	h.deny()
	h.demand = func(list ...core.Obligation) { policy.verdict.Require = list }
	parts := registration.Parts{
		Store: h.vault, Policy: policy, Book: h.book, Site: ready, Now: h.tick,
		ClientURI: func(id core.ClientID) string { return "https://op.example/dcr/register/" + string(id) },
	}
	unplug(&parts.Plugins)
	h.desk = registration.NewDesk(parts)
}

// An answer is a response read to its end; doc is its JSON.
type answer struct {
	*http.Response
	body string
	doc  strictjson.Value
}

// ask sends one request as ada; fields are "Name: value" and come after hers.
func (h *house) ask(method, path, body string, fields ...string) answer {
	h.t.Helper()
	return h.send(method, path, body, append([]string{"Authorization: Bearer " + h.ada}, fields...)...)
}

func (h *house) send(method, path, body string, fields ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+site, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.URL.Opaque = "/api/admin" + path // as it is, however odd
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Add(name, value)
	}
	res, err := h.RoundTripper().RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	got := answer{Response: res, body: string(text)}
	if len(text) > 0 {
		if got.doc, err = strictjson.Parse(text, strictjson.Stored); err != nil {
			h.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return got
}

// at walks members and, by digits, items: "items.0.client_id".
func (a answer) at(path string) strictjson.Value {
	v := a.doc
	for name := range strings.SplitSeq(path, ".") {
		if i := int(name[0]) - '0'; i >= 0 && i < 10 {
			if i >= v.Len() {
				return strictjson.Value{}
			}
			v = v.Items()[i]
			continue
		}
		v, _ = v.Get(name)
	}
	return v
}

func (a answer) text(path string) string {
	s, _ := a.at(path).Text()
	return s
}

func (h *house) want(a answer, status int) answer {
	h.t.Helper()
	if a.StatusCode != status {
		h.t.Fatalf("%d %s, want %d", a.StatusCode, a.body, status)
	}
	return a
}

// refused fails unless the answer is a problem of this kind (RFC 9457).
func (h *house) refused(a answer, status int, code core.Code, says string) {
	h.t.Helper()
	n, _ := a.at("status").Int64()
	if a.StatusCode != status || n != int64(status) || a.Header.Get("Content-Type") != "application/problem+json" ||
		a.text("code") != string(code) || !strings.Contains(a.text("detail"), says) || a.Header.Get("Cache-Control") != "no-store" {
		h.t.Errorf("%d %v %s; want %d %s with %q", a.StatusCode, a.Header, a.body, status, code, says)
	}
	if id := a.Header.Get("Ostiary-Decision-Id"); id != a.text("decision_id") {
		h.t.Errorf("decision %q in the header: %s", id, a.body)
	}
}

const shop = `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scope":"openid email"}`

// create registers a client as ada and gives its id.
func (h *house) create(body string) string {
	h.t.Helper()
	return h.want(h.ask("POST", "/clients", body), http.StatusCreated).text("client_id")
}
