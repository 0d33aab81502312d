package routes_test

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/core/web/bff"
	"github.com/ostiary/ostiary/core/web/console"
	"github.com/ostiary/ostiary/core/web/oidc"
	"github.com/ostiary/ostiary/core/web/people"
	"github.com/ostiary/ostiary/core/web/routes"
)

const (
	site   = "op.example"
	origin = "https://op.example"
)

// house is a served table and what its edge reported.
type house struct {
	*web.Server
	t *testing.T

	mu      sync.Mutex
	refused []web.Refused
}

func open(t *testing.T, issuerPath string) *house {
	t.Helper()
	h, p := &house{t: t}, parts(origin, issuerPath)
	server, err := web.New(web.Options{
		Routes: routes.Table(issuerPath, p), IssuerPath: issuerPath, Sites: []string{site}, Face: web.Plain, ErrorPage: p.People.ErrorPage,
		Areas: []web.Area{
			{Prefix: routes.OperatorsArea, Face: web.Operator}, {Prefix: routes.ConsoleArea, Face: web.Page}, {Prefix: routes.BFFArea, Face: web.OAuth},
		},
		OnRefused: func(_ context.Context, r web.Refused) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.refused = append(h.refused, r)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Server = server
	return h
}

func (h *house) reported() []web.Refused {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.refused)
}

// An answer is a response read to its end.
type answer struct {
	*http.Response
	body string
}

// ask sends one request; fields are "Name: value".
func (h *house) ask(method, path, body string, fields ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+site, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.URL.Opaque = path // as it is, however odd
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
	return answer{Response: res, body: string(text)}
}

// member gives a member of a JSON answer, or "".
func (a answer) member(t *testing.T, name string) string {
	t.Helper()
	doc, err := web.ParseBody([]byte(a.body))
	if err != nil {
		t.Fatalf("%d %q: %v", a.StatusCode, a.body, err)
	}
	v, _ := doc.Get(name)
	text, _ := v.Text()
	return text
}

// mediaTypes are those of errors.
var mediaTypes = map[web.Face]string{
	web.OAuth: "application/json", web.Operator: "application/problem+json", web.Page: "text/html; charset=utf-8", web.Plain: "text/plain; charset=utf-8",
}

// said finds the word of an error and what it says in a page, and in a line of text.
var said = map[web.Face]*regexp.Regexp{
	web.Page:  regexp.MustCompile(`(?s)<p class="lead">[^<]+</p>.*<code>([a-z_]+)</code>`),
	web.Plain: regexp.MustCompile(`^([a-z_]+): [^\n]+\n$`),
}

// code is the word of an error, which must be in a face.
func (a answer) code(t *testing.T, face web.Face) string {
	t.Helper()
	if a.Header.Get("Content-Type") != mediaTypes[face] {
		t.Errorf("an error of the type %q, want %q: %s", a.Header.Get("Content-Type"), mediaTypes[face], a.body)
		return ""
	}
	if csp := a.Header.Get("Content-Security-Policy"); face == web.Page && !isClosed(csp) {
		t.Errorf("a page with the policy %q", csp)
	}
	word, detail := "error", "error_description"
	switch face {
	case web.Page, web.Plain:
		if found := said[face].FindStringSubmatch(a.body); found != nil {
			return found[1]
		}
		t.Errorf("neither a word nor a detail: %s", a.body)
		return ""
	case web.Operator:
		word, detail = "code", "detail"
	}
	if a.member(t, detail) == "" {
		t.Errorf("no detail: %s", a.body)
	}
	return a.member(t, word)
}

// isClosed tells a Content-Security-Policy that lets a page of errors load nothing from elsewhere, run nothing and be in no frame.
func isClosed(policy string) bool {
	for _, rule := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
		if !slices.Contains(strings.Split(policy, "; "), rule) {
			return false
		}
	}
	return !strings.Contains(policy, "script-src")
}

func (a answer) cors() bool {
	for name := range a.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			return true
		}
	}
	return false
}

// concrete puts an id in the place of a parameter, and of all below a path.
func concrete(path string) string { return parameter.ReplaceAllString(path, "c-1") }

// paths groups the rows by the path that a request has.
func paths(rows []web.Route, issuerPath string) map[string][]web.Route {
	by := map[string][]web.Route{}
	for _, r := range rows {
		path := concrete(absolute(issuerPath, r.Path))
		by[path] = append(by[path], r)
	}
	return by
}

// allowed is what the rows of one path take, as Allow has it.
func allowed(rows []web.Route) []string {
	list := []string{"OPTIONS"}
	for _, r := range rows {
		list = append(list, r.Method)
		if r.Method == http.MethodGet && !r.Acts {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return list
}

func split(list string) []string {
	items := strings.Split(list, ", ")
	slices.Sort(items)
	return items
}

// keySet is a key set that does not change.
type keySet struct{}

func (keySet) JWKS() ([]byte, string) { return []byte(`{"keys":[]}`), `"k1"` }

// deaf is a desk that does nothing. No arrow leads from here to its nouns: their types are inferred from the port.
type deaf[Req, Ans, Sim, Dec any] struct{}

func (deaf[Req, Ans, Sim, Dec]) Do(context.Context, Req) (none Ans, err error)    { return none, nil }
func (deaf[Req, Ans, Sim, Dec]) Simulate(context.Context, Req, string) (none Sim) { return none }
func (deaf[Req, Ans, Sim, Dec]) SimulateUnder(context.Context, Dec, Req, string) (none Sim) {
	return none
}

func deafen[Req, Ans, Sim, Dec any](
	func(admin.Desk, context.Context, Req) (Ans, error), func(admin.Desk, context.Context, Dec, Req, string) Sim,
) deaf[Req, Ans, Sim, Dec] {
	return deaf[Req, Ans, Sim, Dec]{}
}

// parts are handlers without ports, but for keys and a desk that does nothing: a request that gets as far as to a port panics,
// which is 500. What answers without one is listed (TestWhatAnswersUnasked).
func parts(origin, issuerPath string) routes.Parts {
	issuer := origin + issuerPath
	pages, err := people.New(people.Parts{Issuer: issuer})
	if err != nil {
		panic(err)
	}
	return routes.Parts{
		OIDC: oidc.New(nil, keySet{}, nil, oidc.Document(issuer)), Tokens: oidc.NewTokenHandlers(nil, issuer), People: pages,
		Admin:   admin.New(admin.Parts{Desk: deafen(admin.Desk.Do, admin.Desk.SimulateUnder)}),
		Console: console.New(nil, nil, nil, true),
		BFF:     bff.New(bff.Parts{Secure: true}), Proxied: []string{"/api/orders"},
	}
}

// table is the route table of an issuer.
func table(origin, issuerPath string) []web.Route {
	return routes.Table(issuerPath, parts(origin, issuerPath))
}

var parameter = regexp.MustCompile(`:[a-z_]+|\*$`)

func absolute(issuerPath, path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return issuerPath + "/" + path
}
