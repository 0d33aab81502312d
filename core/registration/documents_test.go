package registration_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// pages are documents by their address.
type pages struct {
	mu    sync.Mutex
	at    map[string]page
	asked []string
	hold  chan struct{} // answers wait for it; nil: they do not
}

type page struct {
	body  string
	fresh time.Duration
	err   error
}

func (p *pages) put(address, body string) { p.is(address, page{body: body}) }

func (p *pages) is(address string, is page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at = make(map[string]page)
	}
	p.at[address] = is
}

func (p *pages) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

func (p *pages) ClientDocument(ctx context.Context, address string, limit int64) ([]byte, time.Duration, error) {
	p.mu.Lock()
	p.asked = append(p.asked, address)
	found, there := p.at[address]
	hold := p.hold
	p.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	switch {
	case !there:
		return nil, 0, fmt.Errorf("%w: status 404, %w", registration.ErrNoDocument, registration.ErrAnswered)
	case found.err != nil:
		return nil, 0, found.err
	case int64(len(found.body)) > limit:
		return nil, 0, fmt.Errorf("%w: too long, %w", registration.ErrNoDocument, registration.ErrAnswered)
	}
	return []byte(found.body), found.fresh, nil
}

const app = "https://app.example/oauth/client.json"

// appDocument is a good document, with more members.
func appDocument(members string) string {
	return `{"client_id":"` + app + `","client_name":"App","redirect_uris":["https://app.example/cb"]` + members + `}`
}

// desk with documents, before an empty store.
type reading struct {
	*bench
	documents *registration.Documents
	results   []string
}

func documents(t *testing.T, change ...func(*registration.Site)) *reading {
	t.Helper()
	on := true
	b := newBench(t, append([]func(*registration.Site){func(s *registration.Site) { s.Documents.Enabled = &on }}, change...)...)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Holds: func() bool { return true }}, nil
	}
	r := &reading{bench: b}
	r.documents = registration.NewDocuments(b.desk, b, func(result string) { r.results = append(r.results, result) })
	b.pages.put(app, appDocument(""))
	return r
}

// Registered is the store's.
func (b *bench) Registered(_ context.Context, id core.ClientID) (core.Registered, error) {
	stored := b.store.clients[id]
	return core.Registered{Client: stored.Client, Credentials: stored.Credentials, State: stored.State}, nil
}

// client fails the test unless the document is accepted.
func (r *reading) client(id core.ClientID) core.Client {
	r.t.Helper()
	found, err := r.documents.Explained().Registered(r.t.Context(), id)
	if err != nil || found.Client.ID != id || found.State != core.Active {
		r.t.Fatalf("%s: %+v, %v", id, found, err)
	}
	return found.Client
}

// refused fails the test unless the document is refused so; without an explanation it is no client at all.
func (r *reading) refused(id core.ClientID, says string) *core.Error {
	r.t.Helper()
	found, err := r.documents.Explained().Registered(r.t.Context(), id)
	if core.CodeOf(err) != core.InvalidClient || found.Client.ID != "" || !strings.Contains(core.AsError(err).Detail, says) {
		r.t.Fatalf("%s: %+v, %v; want invalid_client with %q", id, found, err, says)
	}
	if found, quiet := r.documents.Registered(r.t.Context(), id); quiet != nil || found.Client.ID != "" {
		r.t.Fatalf("%s: %+v, %v", id, found, quiet)
	}
	return core.AsError(err)
}

// last is the last entry.
func (r *reading) last() ledger.Entry {
	r.t.Helper()
	if len(r.book.entries) == 0 {
		r.t.Fatal("no entry")
	}
	return r.book.entries[len(r.book.entries)-1]
}

// A document is a client that nobody stored.
func TestDocumentIsClient(t *testing.T) {
	r := documents(t)
	var asked decision.Registration
	r.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = *q
		return decision.Verdict{Allow: true, Holds: func() bool { return true }, Require: []core.Obligation{{Name: "pkce_s256", Rule: "x"}}}, nil
	}
	c := r.client(app)
	if c.Metadata.TokenEndpointAuthMethod != "none" || c.Provenance.Channel != core.ChannelDocument || c.Provenance.Profile != "default" ||
		c.Governance.Trust != "none" || !c.Governance.Obliges("pkce_s256") || c.Generation == 0 || c.Metadata.ClientName != "App" {
		t.Errorf("%+v", c)
	}
	if asked.Channel != core.ChannelDocument || asked.Operation != core.Register || asked.Caller.Kind != registration.KindDocument ||
		asked.Caller.IP != "" || asked.Effective.ClientID != app || asked.Before.ClientID != "" {
		t.Errorf("policy was asked %+v", asked)
	}
	if len(r.store.clients) > 0 || r.store.commits > 0 {
		t.Error("something was stored")
	}
	e := r.last()
	if e.Verdict != ledger.Allowed || e.Outcome != ledger.Nothing || e.ClientID != app || e.Channel != core.ChannelDocument || len(e.Input) == 0 || e.DecisionID != c.Provenance.RegisteredBy {
		t.Errorf("%+v", e)
	}
	for range 5 {
		r.client(app)
	}
	if r.pages.count() != 1 || len(r.book.entries) != 1 || len(r.decided) != 1 || !slices.Equal(r.results, []string{registration.DocumentAccepted}) {
		t.Errorf("%d fetched, %d entries, %d decided, %q", r.pages.count(), len(r.book.entries), len(r.decided), r.results)
	}
	stored := r.register(shop)
	if found, err := r.documents.Registered(t.Context(), stored.id); err != nil || found.Client.ID != stored.id {
		t.Errorf("a stored client: %+v, %v", found, err)
	}
}

// What clients publish today.
func TestDocumentsInUse(t *testing.T) {
	const hosted, desktop = "https://chat.example/oauth/client.json", "https://cli.example/oauth/client-metadata"
	r := documents(t)
	for _, test := range []struct{ id, body, method, redirect string }{
		{hosted, `{"client_id":"` + hosted + `","client_name":"Chat","client_uri":"https://chat.example","logo_uri":"https://chat.example/l.png",
			"redirect_uris":["https://chat.example/connector/oauth/abc"],"grant_types":["authorization_code","refresh_token"],"response_types":["code"],
			"token_endpoint_auth_methods_supported":["none","private_key_jwt"],"token_endpoint_auth_signing_alg_values_supported":["RS256","ES256"],
			"jwks_uri":"https://chat.example/jwks.json","resource":"https://mcp.example","x_vendor":{"a":1}}`, "private_key_jwt", "https://chat.example/connector/oauth/abc"},
		{desktop, `{"client_id":"` + desktop + `","client_name":"CLI","redirect_uris":["http://localhost/callback","http://127.0.0.1/callback"],
			"grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],"response_types":["code"],
			"token_endpoint_auth_method":"none"}`, "none", "http://localhost/callback"},
	} {
		r.pages.put(test.id, test.body)
		c := r.client(core.ClientID(test.id))
		if c.Metadata.TokenEndpointAuthMethod != test.method || c.Metadata.RedirectURIs[0] != test.redirect ||
			!slices.Equal(c.Metadata.GrantTypes, []string{"authorization_code", "refresh_token"}) {
			t.Errorf("%+v", c.Metadata)
		}
	}
}

// How a client authenticates (RP Metadata Choices 1.0).
func TestDocumentMethods(t *testing.T) {
	const keys = `,"jwks_uri":"https://app.example/jwks.json"`
	for _, test := range []struct{ members, want, refusal string }{
		{"", "none", ""},
		{keys, "private_key_jwt", ""},
		{`,"token_endpoint_auth_method":null`, "none", ""},
		{`,"token_endpoint_auth_method":"none"` + keys, "none", ""},
		{`,"token_endpoint_auth_method":"private_key_jwt"` + keys, "private_key_jwt", ""},
		{`,"token_endpoint_auth_methods_supported":["none","private_key_jwt"]` + keys, "private_key_jwt", ""},
		{`,"token_endpoint_auth_methods_supported":["none","private_key_jwt"]`, "none", ""},
		{`,"token_endpoint_auth_method":"attest_jwt_client_auth","token_endpoint_auth_methods_supported":["attest_jwt_client_auth","none"]`, "none", ""},
		{`,"token_endpoint_auth_methods_supported":["client_secret_basic","none"]`, "none", ""},
		{`,"token_endpoint_auth_methods_supported":["client_secret_basic"]`, "", "has no method"},
		{`,"token_endpoint_auth_method":"attest_jwt_client_auth"`, "", "attest_jwt_client_auth"},
		{`,"token_endpoint_auth_method":"client_secret_basic"`, "", "shared secret"},
		{`,"token_endpoint_auth_method":"client_secret_jwt","token_endpoint_auth_methods_supported":["none"]`, "", "shared secret"},
		{`,"token_endpoint_auth_method":7`, "", "must be a string"},
	} {
		r := documents(t)
		r.pages.put(app, appDocument(test.members))
		if test.refusal != "" {
			r.refused(app, test.refusal)
		} else if got := r.client(app).Metadata.TokenEndpointAuthMethod; got != test.want {
			t.Errorf("%s: %s, want %s", test.members, got, test.want)
		}
	}
}

// Addresses that nothing is asked at.
func TestDocumentAddresses(t *testing.T) {
	r := documents(t, func(s *registration.Site) { s.Documents.BlockedHosts = []string{"evil.example", "*.evil.example"} })
	for _, id := range []string{
		"https://app.example", "https://app.example#x", app + "#x", "https://u@app.example/c", "https://u:p@app.example/c", "https://app.example/a/../c",
		"https://app.example/./c", "https://app.example/%2e%2e/c", "https://app.example/a/..%2fc", "https://app.example\\c", "https://app.example/c c",
		"https:///c", "https://", "https://*.example/c", "https://app.example:0/c", "https://app.example:8443/c", "https://app.example:22/c",
		"https://evil.example/c", "https://a.evil.example/c", "https://EVIL.example/c", "https://app.example/" + strings.Repeat("c", 256),
		"https://2130706433/c", "https://app.example/\u00e9", "https://app.example/c\n", "https://[::1/c",
	} {
		r.refused(core.ClientID(id), "")
	}
	if n := r.pages.count(); n > 0 || len(r.book.entries) > 0 {
		t.Errorf("%d were fetched: %q; %d entries", n, r.pages.asked, len(r.book.entries))
	}
	for _, id := range []string{"http://app.example/c", "HTTPS://app.example/c", "app", "javascript:alert(1)"} {
		if found, err := r.documents.Explained().Registered(t.Context(), core.ClientID(id)); err != nil || found.Client.ID != "" {
			t.Errorf("%s: %+v, %v", id, found, err)
		}
	}
	only := documents(t, func(s *registration.Site) {
		s.Documents.AllowedHosts, s.Documents.Ports = []string{"app.example"}, []uint16{443, 8443}
	})
	only.client(app)
	only.refused("https://other.example/c", "not taken from other.example")
	const other = "https://app.example:8443/c"
	only.pages.put(other, strings.Replace(appDocument(""), app, other, 1))
	only.client(other)
	elsewhere := documents(t, func(s *registration.Site) { s.Documents.Ports = []uint16{8443} })
	elsewhere.refused(app, "not taken from port 443 here")
	elsewhere.refused("https://app.example:9443/c", "not taken from port 9443 here")
}

// Off is off: the id is one that nobody has.
func TestDocumentsOff(t *testing.T) {
	off := false
	r := documents(t, func(s *registration.Site) { s.Documents.Enabled = &off })
	if found, err := r.documents.Explained().Registered(t.Context(), app); err != nil || found.Client.ID != "" || r.pages.count() > 0 {
		t.Errorf("%+v, %v, %d fetched", found, err, r.pages.count())
	}
	r.bench.site.Documents.Enabled = nil
	if r.bench.site.Documents.IsOn() {
		t.Error("it is on where nothing is said")
	}
}

// Documents that are none, or say what none may.
func TestBadDocuments(t *testing.T) {
	private := `,"jwks":{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}]}`
	for name, test := range map[string]struct{ body, says string }{
		"no JSON":                  {"<html>", "not valid JSON"},
		"a member twice":           {`{"client_id":"` + app + `","client_id":"` + app + `"}`, "not valid JSON"},
		"no object":                {`[]`, "JSON object"},
		"no client_id":             {`{"redirect_uris":["https://app.example/cb"]}`, "character by character"},
		"another's client_id":      {strings.Replace(appDocument(""), app, "https://other.example/c", 1), "character by character"},
		"another spelling":         {strings.Replace(appDocument(""), app, "https://APP.example/oauth/client.json", 1), "character by character"},
		"a trailing slash":         {strings.Replace(appDocument(""), app, app+"/", 1), "character by character"},
		"a list of ids":            {`{"client_id":["` + app + `"]}`, "character by character"},
		"a secret":                 {appDocument(`,"client_secret":"hunter2"`), "client_secret"},
		"a secret's end":           {appDocument(`,"client_secret_expires_at":0`), "client_secret_expires_at"},
		"a private key":            {appDocument(private), "jwks"},
		"a redirect to javascript": {strings.Replace(appDocument(""), "https://app.example/cb", "javascript:alert(1)", 1), "redirect_uri"},
		"a plain redirect":         {strings.Replace(appDocument(""), "https://app.example/cb", "http://app.example/cb", 1), "redirect_uri"},
		"no redirect":              {`{"client_id":"` + app + `"}`, "redirect_uris"},
		"a name that is none":      {appDocument(`,"client_name#fr":7`), "client_name#fr"},
		"beyond the cap":           {appDocument(`,"x":"` + strings.Repeat("x", 10<<10) + `"`), "at most 10240 bytes"},
	} {
		r := documents(t)
		r.pages.put(app, test.body)
		refused := r.refused(app, test.says)
		e := r.last()
		if e.Verdict != ledger.Denied || refused.Decision != e.DecisionID || strings.Contains(fmt.Sprintf("%+v %s", e, e.Input), "870MB6") {
			t.Errorf("%s: %+v", name, e)
		}
		r.refused(app, test.says)
		if n := len(r.book.entries); n != 1 || r.pages.count() != 2 { // such an answer is remembered for nobody who brings it along, and tells nothing new
			t.Errorf("%s: %d entries, %d fetched", name, n, r.pages.count())
		}
		r.pages.put(app, appDocument(""))
		r.client(app)
	}
}

// An answer that is an error is not remembered (draft §4.4): what is mended counts at once. That nobody answers is, for a while, and so
// is a refusal of policy, since the document is good.
func TestErrorsAreNotRemembered(t *testing.T) {
	for name, test := range map[string]struct {
		is      page
		again   bool
		refused core.Code
	}{
		"status 404":        {page{err: fmt.Errorf("%w: %w", registration.ErrNoDocument, registration.ErrAnswered)}, true, core.InvalidClient},
		"status 503":        {page{err: registration.ErrAnswered}, true, core.TemporarilyUnavailable},
		"a bad document":    {page{body: "<html>", fresh: time.Hour}, true, core.InvalidClient},
		"nobody answers":    {page{err: errors.New("refused")}, false, core.TemporarilyUnavailable},
		"a private address": {page{err: registration.ErrNoDocument}, false, core.InvalidClient},
		"refused by policy": {page{body: appDocument(`,"client_uri":"https://bad.example/"`)}, false, core.InvalidClient},
	} {
		r := documents(t)
		r.policy = func(q *decision.Registration) (decision.Verdict, error) {
			v := decision.Verdict{Allow: q.Effective.Metadata.ClientURI == "", Holds: func() bool { return true }}
			if !v.Allow {
				v.Deny = []core.Reason{{Rule: "r", Code: core.AccessDenied, Message: "No."}}
			}
			return v, nil
		}
		r.pages.is(app, test.is)
		if _, err := r.documents.Explained().Registered(t.Context(), app); core.CodeOf(err) != test.refused {
			t.Errorf("%s: %v", name, err)
		}
		r.pages.put(app, appDocument(""))
		if found, err := r.documents.Explained().Registered(t.Context(), app); (err == nil && found.Client.ID == app) != test.again {
			t.Errorf("%s, mended: %v", name, err)
		}
	}
}

// Who looks after the tokens of a client whose document is none any more does not have it fetched each time.
func TestTokensOfABrokenDocument(t *testing.T) {
	r := documents(t)
	r.client(app)
	r.pages.put(app, "<html>")
	r.now = r.now.Add(time.Hour)
	for range 200 {
		if found, err := r.documents.Registered(t.Context(), app); err != nil || found.Client.ID != "" {
			t.Fatalf("%+v, %v", found, err)
		}
	}
	if n := r.pages.count(); n != 2 {
		t.Errorf("fetched %d times", n)
	}
	r.pages.put(app, appDocument(""))
	r.now = r.now.Add(30 * time.Second)
	if found, err := r.documents.Registered(t.Context(), app); err != nil || found.Client.ID != app {
		t.Errorf("mended: %+v, %v", found, err)
	}
}

// Who waits for a document that is refused is told what the first one is told, though it is not remembered.
func TestRefusedDocumentIsFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := documents(t)
		r.pages.put(app, "<html>")
		r.pages.hold = make(chan struct{})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := r.documents.Explained().Registered(context.Background(), app); core.CodeOf(err) != core.InvalidClient {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all of them wait
		close(r.pages.hold)
		wg.Wait()
		if n := r.pages.count(); n != 1 {
			t.Errorf("fetched %d times", n)
		}
	})
}

// A statement that is good for one registration has no place in a document, which nothing is ever written for: it would be good for
// ever, and for everybody who copies it.
func TestOneTimeStatementInADocument(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	statement := `,"software_statement":"` + issuer.sign(t, `"jti":"1"`) + `"`
	for oneTime, says := range map[bool]string{false: "", true: "good for one time"} {
		r := documents(t, onTerms(t, issuer, registration.Terms{OneTime: oneTime}))
		r.pages.put(app, appDocument(statement))
		if says == "" {
			r.client(app)
			continue
		}
		r.refused(app, says)
	}
}

// What cannot be reached is our caller's to try again, and says nothing of our network.
func TestUnreachableDocument(t *testing.T) {
	r := documents(t)
	r.pages.is(app, page{err: errors.New("dial tcp 10.0.0.7:443: refused")})
	for range 3 {
		_, err := r.documents.Registered(t.Context(), app)
		if e := core.AsError(err); e.Code != core.TemporarilyUnavailable || e.RetryAfter == 0 || strings.Contains(e.Detail, "10.0.0.7") {
			t.Fatal(err)
		}
	}
	if r.pages.count() != 1 || len(r.book.entries) != 1 || r.last().Stages[1].Fault == "" || !strings.Contains(r.last().Stages[1].Fault, "10.0.0.7") {
		t.Errorf("%d fetched, %+v", r.pages.count(), r.book.entries)
	}
	r.pages.put(app, appDocument(""))
	r.now = r.now.Add(31 * time.Second)
	r.client(app)
	if len(r.book.entries) != 2 {
		t.Errorf("%d entries", len(r.book.entries))
	}
}

// A document is kept as long as it says, within the site's bounds; while it cannot be reached, no longer than the upper one.
func TestDocumentLifetime(t *testing.T) {
	for fresh, want := range map[time.Duration]time.Duration{0: 5 * time.Minute, time.Second: 5 * time.Minute, 20 * time.Minute: 20 * time.Minute, 48 * time.Hour: time.Hour} {
		r := documents(t)
		r.pages.is(app, page{body: appDocument(""), fresh: fresh})
		r.client(app)
		r.now = r.now.Add(want - time.Second)
		if r.client(app); r.pages.count() != 1 {
			t.Errorf("%s: fetched again too soon", fresh)
		}
		r.now = r.now.Add(time.Second)
		if r.client(app); r.pages.count() != 2 || len(r.book.entries) != 1 {
			t.Errorf("%s: fetched %d times, %d entries", fresh, r.pages.count(), len(r.book.entries))
		}
	}
	r := documents(t)
	first := r.client(app)
	r.pages.is(app, page{err: errors.New("down")})
	r.now = r.now.Add(59 * time.Minute)
	if r.client(app).Generation != first.Generation {
		t.Error("another client")
	}
	r.now = r.now.Add(time.Minute)
	if _, err := r.documents.Registered(t.Context(), app); core.CodeOf(err) != core.TemporarilyUnavailable {
		t.Error(err)
	}
	gone := documents(t)
	gone.client(app)
	gone.pages.is(app, page{err: registration.ErrNoDocument})
	gone.now = gone.now.Add(5 * time.Minute)
	gone.refused(app, "no client metadata document")
}

// What changes in a document is a ledger entry, and when it is what people trusted, another generation.
func TestDocumentChanges(t *testing.T) {
	const key = `{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`
	for member, test := range map[string]struct {
		body string
		void bool
	}{
		"redirect_uris":    {strings.Replace(appDocument(""), "/cb", "/cb2", 1), true},
		"client_name":      {strings.Replace(appDocument(""), "App", "Bank", 1), true},
		"client_name#de":   {appDocument(`,"client_name#de":"Bank"`), true},
		"logo_uri":         {appDocument(`,"logo_uri":"https://app.example/l.png"`), true},
		"jwks":             {appDocument(`,"token_endpoint_auth_method":"none","jwks":` + key), true},
		"jwks_uri":         {appDocument(`,"token_endpoint_auth_method":"none","jwks_uri":"https://app.example/k"`), true},
		"subject_type":     {appDocument(`,"subject_type":"pairwise"`), true},
		"contacts":         {appDocument(`,"contacts":["a@app.example"]`), false},
		"software_version": {appDocument(`,"software_version":"2"`), false},
		"scope":            {appDocument(`,"scope":"openid"`), false},
	} {
		r := documents(t)
		first := r.client(app)
		r.pages.put(app, test.body)
		r.now = r.now.Add(5 * time.Minute)
		second := r.client(app)
		if (first.Generation != second.Generation) != test.void {
			t.Errorf("%s: generations %d and %d", member, first.Generation, second.Generation)
		}
		e := r.last()
		last := e.Stages[len(e.Stages)-1]
		if len(r.book.entries) != 2 || last.Stage != "change" || strings.Contains(last.Reasons[0].Message, "asked again") != test.void ||
			!slices.Contains(last.Reasons[0].Fields, member) {
			t.Errorf("%s: %+v", member, last)
		}
		r.pages.put(app, appDocument(""))
		r.now = r.now.Add(5 * time.Minute)
		if r.client(app).Generation != first.Generation {
			t.Errorf("%s: changed back it is not the first again", member)
		}
	}
	other := documents(t) // another node, or the same after a start
	if documents(t).client(app).Generation != other.client(app).Generation {
		t.Error("generations differ from node to node")
	}
}

// The verdict follows the rules without the document being fetched again, and never what was asked before.
func TestDocumentIsJudgedAgain(t *testing.T) {
	r := documents(t)
	revision := 1
	deny := false
	r.policy = func(*decision.Registration) (decision.Verdict, error) {
		at := revision
		v := decision.Verdict{Allow: !deny, Holds: func() bool { return at == revision }}
		if deny {
			v.Deny = []core.Reason{{Rule: "site.no", Code: core.InvalidClientMetadata, Message: "Not this one.", Public: true}}
		}
		return v, nil
	}
	r.client(app)
	revision++
	r.client(app) // judged again, alike: no entry
	if len(r.decided) != 2 || len(r.book.entries) != 1 || r.pages.count() != 1 {
		t.Fatalf("%d decided, %d entries, %d fetched", len(r.decided), len(r.book.entries), r.pages.count())
	}
	revision, deny = revision+1, true
	refused := r.refused(app, "Not this one.")
	if e := r.last(); len(r.book.entries) != 2 || refused.Decision != e.DecisionID || r.pages.count() != 1 {
		t.Fatalf("%d entries, %d fetched", len(r.book.entries), r.pages.count())
	}
	revision, deny = revision+1, false
	r.client(app)
	site := *r.bench.site
	site.Documents.BlockedHosts = []string{"app.example"}
	r.desk.SetSite(prepared(t, site))
	r.refused(app, "not taken from app.example")
	if r.pages.count() != 1 {
		t.Errorf("%d fetched", r.pages.count())
	}
}

// Policy may shape the client like any other, and no rule gives it a secret or lets it wait.
func TestDocumentUnderPolicy(t *testing.T) {
	r := documents(t)
	r.policy = func(q *decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{
			Allow: true, Holds: func() bool { return true }, Limits: map[string]int64{"access_token_lifetime": 60}, Labels: []string{"self-described"},
			Strip: []decision.Scope{{Scope: "phone", By: core.Reason{Rule: "x"}}},
		}, nil
	}
	c := r.client(app)
	if slices.Contains(c.Metadata.Scope, "phone") || c.Governance.Limits["access_token_lifetime"] != 60 || !slices.Contains(c.Governance.Labels, "self-described") {
		t.Errorf("%+v", c)
	}
	waiting := documents(t)
	waiting.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Require: []core.Obligation{{Name: "approval", Rule: "x"}}}, nil
	}
	waiting.refused(app, "operator's approval")
	secret := documents(t)
	secret.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Set: []decision.Setting{{Field: "token_endpoint_auth_method", Value: parse(t, `"client_secret_basic"`), By: core.Reason{Rule: "x"}}}}, nil
	}
	if _, err := secret.documents.Registered(t.Context(), app); core.CodeOf(err) != core.PolicyUnstable {
		t.Error(err)
	}
	if _, err := secret.documents.Registered(t.Context(), app); core.CodeOf(err) != core.PolicyUnstable {
		t.Error(err)
	}
}

// Plugins propose as for any registration; what they would keep is let go.
func TestDocumentAndPlugins(t *testing.T) {
	r := documents(t)
	r.plug(hook.PreRegister, asking("namer", "client_name", func(c hook.Call) (hook.Result, error) {
		if c.Context.Channel != core.ChannelDocument || c.Context.ClientID != app {
			t.Errorf("%+v", c.Context)
		}
		return hook.Result{Action: hook.Patch, Patch: parse(t, `{"client_name":"Renamed"}`)}, nil
	}))
	if c := r.client(app); c.Metadata.ClientName != "Renamed" {
		t.Errorf("%+v", c.Metadata)
	}
}

// One address is fetched once, however many ask for it at once.
func TestDocumentIsFetchedOnce(t *testing.T) {
	r := documents(t)
	r.pages.hold = make(chan struct{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if found, err := r.documents.Registered(context.Background(), app); err != nil || found.Client.ID != app {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.documents.Registered(gone, app); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(r.pages.hold)
	wg.Wait()
	if r.pages.count() > 2 { // the one who had gone may have been first
		t.Errorf("fetched %d times", r.pages.count())
	}
}

// Strangers have so many documents fetched and no more; who is known is not held up by them.
func TestDocumentPace(t *testing.T) {
	r := documents(t)
	r.client(app)
	limited := 0
	for i := range 100 {
		_, err := r.documents.Explained().Registered(t.Context(), core.ClientID(fmt.Sprintf("https://victim.example/%d", i)))
		if core.CodeOf(err) == core.TooManyRequests {
			limited++
			if core.AsError(err).RetryAfter <= 0 {
				t.Error("no Retry-After")
			}
		}
	}
	if limited != 80 || r.pages.count() != 21 {
		t.Errorf("%d limited, %d fetched", limited, r.pages.count())
	}
	for i := range 3000 {
		_, _ = r.documents.Registered(t.Context(), core.ClientID(fmt.Sprintf("https://h%d.example/c", i)))
	}
	if n := r.pages.count(); n > 125 {
		t.Errorf("%d fetched of many hosts", n)
	}
	r.now = r.now.Add(5 * time.Minute)
	before := r.pages.count()
	r.client(app)
	if r.pages.count() != before+1 || !slices.Contains(r.results, registration.DocumentLimited) {
		t.Errorf("%d fetched, %d before", r.pages.count(), before)
	}
}

// A host that has clients is not held up by their number: after a start of the server all of them are new to it.
func TestDocumentsOfOneHost(t *testing.T) {
	r := documents(t)
	for i := range 100 {
		id := core.ClientID(fmt.Sprintf("https://app.example/%d", i))
		r.pages.put(string(id), strings.Replace(appDocument(""), app, string(id), 1))
		r.client(id)
	}
	limited := 0
	for i := range 30 {
		if _, err := r.documents.Explained().Registered(t.Context(), core.ClientID(fmt.Sprintf("https://app.example/none/%d", i))); core.CodeOf(err) == core.TooManyRequests {
			limited++
		}
	}
	if limited < 10 {
		t.Errorf("%d limited of 30 that are none", limited)
	}
}

// One stranger cannot use up what is fetched for all; who is known here, or where nobody answered a moment ago, costs nobody anything.
func TestDocumentsOfOneCaller(t *testing.T) {
	r := documents(t)
	r.client(app)
	r.pages.is("https://h0.example/c", page{err: errors.New("refused")})
	limited := 0
	for i := range 100 {
		id := core.ClientID(fmt.Sprintf("https://h%d.example/c", i))
		err := r.documents.Admit(id, core.Caller{IP: fmt.Sprintf("2001:db8::%x", i)}) // the last bits are theirs to choose
		if err == nil {
			_, _ = r.documents.Registered(t.Context(), id)
			continue
		}
		if limited++; core.CodeOf(err) != core.TooManyRequests || core.AsError(err).RetryAfter <= 0 {
			t.Fatal(err)
		}
	}
	if limited != 80 || !slices.Contains(r.results, registration.DocumentLimited) {
		t.Errorf("%d limited", limited)
	}
	same := core.Caller{IP: "2001:db8::ffff"}
	for what, id := range map[string]core.ClientID{
		"a known one": app, "one where nobody answered": "https://h0.example/c", "no document": "c-1", "no address of one": "https://h1.example/a/../b",
	} {
		if err := r.documents.Admit(id, same); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.now = r.now.Add(2 * time.Hour) // the known one is old, and stays known
	for range 100 {
		if err := r.documents.Admit(app, same); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.documents.Admit("https://new.example/c", core.Caller{IP: "198.51.100.7"}); err != nil {
		t.Errorf("another caller: %v", err)
	}
}

// Nobody registers the id of a document.
func TestNobodyRegistersADocumentsID(t *testing.T) {
	site := registration.DefaultSite()
	site.Profiles = map[string]registration.Profile{"p": {ClientIDs: []string{app}}}
	if len(site.Validate()) == 0 {
		t.Error("a profile may list the id of a document")
	}
	b := newBench(t)
	b.plug(hook.MintClientID, minting("minter", app))
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", shop))
	checkCode(t, err, core.PluginFault, "")
}

// A document can be tried without anybody coming.
func TestSimulateDocument(t *testing.T) {
	r := documents(t)
	req := r.request(core.Register, core.ChannelDocument, app, "")
	s := r.desk.Simulate(t.Context(), req, registration.KindDocument)
	if s.Err != nil || s.State != core.Active || r.pages.count() != 1 || len(r.book.entries) > 0 {
		t.Errorf("%+v", s)
	}
	req.Body = parse(t, appDocument(`,"client_secret":"x"`))
	if s = r.desk.Simulate(t.Context(), req, registration.KindDocument); core.CodeOf(s.Err) != core.InvalidClientMetadata || r.pages.count() != 1 {
		t.Errorf("%+v", s)
	}
}

// The profile of a document is the site's to say, whatever it says itself; attacks at this door are those of TestAttacksAtEachDoor.
func TestDocumentChoosesNoProfile(t *testing.T) {
	for _, profile := range []string{`"spa"`, `"old"`, `"strict"`, `7`} {
		r := documents(t, withProfiles)
		r.pages.put(app, appDocument(`,"client_profile":`+profile))
		if c := r.client(app); c.Provenance.Profile != "default" || c.Metadata.IDTokenSignedResponseAlg != "RS256" {
			t.Errorf("it chose the profile %s", c.Provenance.Profile)
		}
	}
}
