package storage_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/storage"
)

// A desk is the real registration desk over the real store: the only way to write a client (law 3). Policy alone is a test's.
type desk struct {
	*store
	*registration.Desk
	clients *storage.Clients
	ledger  storage.Ledger
	book    *ledger.Book
	tokens  *registration.Tokens
	policy  answers
	plugins []hook.Plugin // asked at every registration
}

// At implements hook.Chain.
func (d *desk) At(p hook.Point) ([]hook.Plugin, error) {
	if p == hook.PreRegister {
		return d.plugins, nil
	}
	return nil, nil
}

// Serves implements hook.Chain.
func (d *desk) Serves(p hook.Point) bool { return p == hook.PreRegister && len(d.plugins) > 0 }

// quiet is a plugin that has nothing to say.
type quiet struct{}

func (quiet) Name() string                     { return "quiet" }
func (quiet) Digest() string                   { return "00ff" }
func (quiet) Reads() hook.Reads                { return hook.Reads{hook.AllMembers} }
func (quiet) MayWrite(hook.Point, string) bool { return false }
func (quiet) FailsOpen(hook.Point) bool        { return false }
func (quiet) Ask(_ context.Context, _ hook.Call, judge func(hook.Result) error) (hook.Result, hook.Usage, error) {
	nothing := hook.Result{Action: hook.Continue}
	return nothing, hook.Usage{}, judge(nothing)
}

// answers is a policy made of Go. It may be asked by many at once.
type answers func(q *decision.Registration) (decision.Verdict, error)

// DecideRegistration implements registration.Policy.
func (d *desk) DecideRegistration(_ context.Context, q *decision.Registration) (decision.Verdict, error) {
	verdict, err := d.policy(q)
	verdict.Revision = "r-test"
	return verdict, err
}

func allow(*decision.Registration) (decision.Verdict, error) {
	return decision.Verdict{Allow: true}, nil
}

// expiring gives clients a lifetime.
func expiring(seconds int64) answers {
	return func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Limits: map[string]int64{decision.LimitClientLifetime: seconds}}, nil
	}
}

func openDesk(s *store, change ...func(*registration.Site)) *desk {
	s.Helper()
	site := registration.DefaultSite()
	for _, f := range change {
		f(&site)
	}
	if problems := site.Validate(); len(problems) > 0 {
		s.Fatalf("site: %v", problems)
	}
	ready, err := site.Prepared()
	if err != nil {
		s.Fatal(err)
	}
	d := &desk{store: s, policy: allow}
	d.ledger = storage.NewLedger(s.engine, issuer, s.ring, storage.DefaultRetention(), s.clock.now)
	d.clients = d.reopened()
	d.book = ledger.NewBook(d.ledger, 10000, s.clock.now, slog.New(slog.DiscardHandler))
	s.Cleanup(d.book.Close)
	d.Desk = registration.NewDesk(registration.Parts{
		Certified: []oauth.AuthMethod{oauth.AuthSelfSignedTLS},
		Store:     d.clients, Policy: d, Plugins: d, Book: d.book, Site: ready, Now: s.clock.now,
		ClientURI: func(id core.ClientID) string { return "https://op.example/dcr/register/" + string(id) },
		Audiences: []string{"https://op.example"},
		Sectors: registration.NewSectorLists(func(context.Context, string) ([]byte, error) {
			return []byte(`["https://shop.example/cb"]`), nil
		}, s.clock.now),
	})
	d.tokens = registration.NewTokens(d.clients, d.Site, s.clock.now)
	return d
}

// reopened gives the clients as a process sees them that has read none of them yet.
func (d *desk) reopened() *storage.Clients {
	return storage.NewClients(d.engine, issuer, d.ledger, d.ring, d.clock.now)
}

// storageOf gives the clients of another issuer in the same store.
func storageOf(s *store, other core.IssuerID, d *desk) *storage.Clients {
	return storage.NewClients(s.engine, other, d.ledger, s.ring, s.clock.now)
}

// request makes a request over a channel.
func (d *desk) request(op core.Operation, channel core.Channel, id core.ClientID, body string) registration.Request {
	d.Helper()
	req := registration.Request{
		Operation: op, Channel: channel, ClientID: id, RequestID: "req", Decision: core.NewDecisionID(d.clock.now()),
		Caller: core.Caller{IP: "192.0.2.1", UserAgent: userAgent},
	}
	if body != "" {
		req.Body = parse(d.T, body)
	}
	return req
}

// userAgent stands in policy inputs and nowhere else.
const userAgent = "Browser-Of-Ann/7"

// byOperator makes a request of an operator's.
func (d *desk) byOperator(op core.Operation, id core.ClientID, body string) registration.Request {
	d.Helper()
	req := d.request(op, core.ChannelOperator, id, body)
	req.Credential.Operator = "ada"
	return req
}

// byToken makes a registration with an initial access token.
func (d *desk) byToken(token core.Secret, body string) registration.Request {
	d.Helper()
	req := d.request(core.Register, core.ChannelDCR, "", body)
	req.Credential.Bearer = token
	return req
}

// mintBinding makes an initial access token that lays down something of everything.
func (d *desk) mintBinding() core.Secret {
	d.Helper()
	_, secret, err := d.tokens.Mint(d.Context(), "ada", registration.TokenRequest{
		Label: "bound", Scopes: []string{"openid", "email", "profile", "offline_access"}, RedirectHosts: []string{"shop.example", "*.shop.example"},
		SoftwareIDs: []string{`<shop> & "sons"`}, Origins: []string{"https://shop.example"},
		PolicyData: strictjson.Object(strictjson.Member{Name: "team", Value: strictjson.String("é")}),
	})
	if err != nil {
		d.Fatal(err)
	}
	return secret
}

// mint makes an initial access token.
func (d *desk) mint(uses int64) (core.InitialAccessToken, core.Secret) {
	d.Helper()
	token, secret, err := d.tokens.Mint(d.Context(), "ada", registration.TokenRequest{MaxUses: &uses, Label: "team"})
	if err != nil {
		d.Fatal(err)
	}
	return token, secret
}

// do must succeed; it gives the answer's document.
func (d *desk) do(req registration.Request) strictjson.Value {
	d.Helper()
	answer, err := d.Do(d.Context(), req)
	if err != nil {
		d.Fatalf("%s: %v", req.Operation, err)
	}
	if answer.Body == nil {
		return strictjson.Value{}
	}
	return parse(d.T, string(answer.Body))
}

// judge must approve.
func (d *desk) judge(req registration.Request) registration.Approved {
	d.Helper()
	approved, _, err := d.Judge(d.Context(), req)
	if err != nil {
		d.Fatalf("%s: %v", req.Operation, err)
	}
	return approved
}

func (d *desk) commit(a registration.Approved) error {
	return d.clients.Commit(d.Context(), a)
}

// settle waits until everything that the desk wrote down is stored.
func (d *desk) settle() {
	d.Helper()
	if _, err := d.book.Entries(d.Context(), "", "", 1); err != nil {
		d.Fatal(err)
	}
}

// register lets an operator register a client.
func (d *desk) register(body string) core.ClientID {
	d.Helper()
	return core.ClientID(member(d.do(d.byOperator(core.Register, "", body)), "client_id"))
}

// load gives a client as it is stored, absent or not.
func (d *desk) load(id core.ClientID) registration.Stored {
	d.Helper()
	return load(d.T, d.clients, id)
}

func load(t *testing.T, clients *storage.Clients, id core.ClientID) registration.Stored {
	t.Helper()
	stored, err := clients.Client(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// app is a small client's document with some members more.
func app(more string) string {
	return `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scope":"openid"` + more + `}`
}

func parse(t *testing.T, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Default)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func member(doc strictjson.Value, name string) string {
	v, _ := doc.Get(name)
	text, _ := v.Text()
	return text
}

// A signer issues software statements with a key of its own.
type signer struct {
	name string
	ring *keys.Ring
}

func newSigner(s *store, name string) signer {
	s.Helper()
	store := storage.NewKeys(s.engine, core.IssuerID(name), s.ring)
	ring, err := keys.Open(s.Context(), store, []string{"ES256"}, s.clock.now)
	if err != nil {
		s.Fatal(err)
	}
	return signer{name, ring}
}

func (i signer) jwks() string {
	body, _ := i.ring.JWKS()
	return string(body)
}

func (i signer) sign(t *testing.T, claims string) string {
	t.Helper()
	key, err := i.ring.Signer("ES256")
	if err != nil {
		t.Fatal(err)
	}
	compact, err := key.Sign("", fmt.Appendf(nil, `{"iss":%q,%s}`, i.name, claims))
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// trusting configures issuers of statements.
func trusting(issuers ...signer) func(*registration.Site) {
	return func(s *registration.Site) {
		for _, i := range issuers {
			s.TrustedIssuers = append(s.TrustedIssuers, registration.TrustedIssuer{Issuer: i.name, JWKS: i.jwks()})
		}
	}
}

// offering has a profile whose clients may ask for an id.
func offering(s *registration.Site) {
	s.Profiles = map[string]registration.Profile{"bff": {ClientIDs: []string{"bff-server"}}}
}

// chosen is the document of the client that asks for its id.
var chosen = app(`,"client_profile":"bff","client_id":"bff-server"`)
