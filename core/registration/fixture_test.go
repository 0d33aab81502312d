package registration_test

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// vault is a registration.Store and TokenStore in memory, as strict about stamps as a real one.
type vault struct {
	mu      sync.Mutex
	clients map[core.ClientID]registration.Stored
	tokens  map[core.SecretHash]registration.Held
	entries map[core.DecisionID]ledger.Entry
	once    map[registration.Once]bool
	late    registration.Approved // committed just before the next one
	commits int
	last    uint64
	tries   int
	reads   int // of clients, one at a time

	overtake   int         // so many commits of what plugins keep are overtaken
	committing func(n int) // is told before the nth try of a commit; nil: nobody
	fail       error       // what Commit, ForgetEarlier and the reads answer; nil: they work
}

func (v *vault) stamp() (s registration.Stamp) {
	v.last++
	binary.BigEndian.PutUint64(s[:], v.last)
	return s
}

func (v *vault) Client(_ context.Context, id core.ClientID) (registration.Stored, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reads++
	return v.clients[id], v.fail
}

func (v *vault) Presence(ctx context.Context, id core.ClientID) (core.Credentials, registration.Stamps, error) {
	stored, err := v.Client(ctx, id)
	return stored.Credentials, stored.Stamps, err
}

func (v *vault) TokenByHash(_ context.Context, hash core.SecretHash) (registration.Held, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tokens[hash], v.fail
}

func (v *vault) Commit(_ context.Context, a registration.Approved) error {
	v.mu.Lock()
	v.tries++
	n := v.tries
	v.mu.Unlock()
	if v.committing != nil {
		v.committing(n)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(a.Writes()) > 0 && v.overtake > 0:
		v.overtake--
		return registration.ErrOvertaken
	case a.IsZero():
		return registration.ErrZero
	case v.fail != nil:
		return v.fail
	case v.replayed(a) != nil:
		return v.replayed(a)
	case a.Unchanged():
		v.markOnce(a)
		return nil
	}
	if !v.late.IsZero() { // somebody else was faster
		c := v.late.Client()
		v.clients[c.ID] = registration.Stored{Client: c, State: core.Active, Stamps: registration.Stamps{Client: v.stamp()}}
	}
	id, before := a.Client().ID, a.Before()
	have, exists := v.clients[id]
	switch {
	case a.Operation() == core.Register && exists:
		return registration.ErrTaken
	case a.Operation() != core.Register && (!exists || have.Stamps != before.Stamps):
		return registration.ErrChanged
	}
	if held, spends := a.Spends(); spends {
		now := v.tokens[held.Token.Hash]
		if now.Stamp != held.Stamp || now.Uses >= held.Token.MaxUses {
			return registration.ErrSpent
		}
		now.Uses++
		v.tokens[held.Token.Hash] = now
	}
	v.commits++
	v.markOnce(a)
	v.entries[a.Entry().DecisionID] = a.Entry()
	if op := a.Operation(); op == core.Delete || op == core.Reject {
		delete(v.clients, id)
		return nil
	}
	stamps := registration.Stamps{Client: v.stamp(), Credentials: v.stamp()}
	if a.State() != core.Active {
		stamps.State = v.stamp()
	}
	v.clients[id] = registration.Stored{Client: a.Client(), Credentials: a.Credentials(), State: a.State(), Stamps: stamps}
	return nil
}

// replayed tells whether what may be done once was done; markOnce does it.
func (v *vault) replayed(a registration.Approved) error {
	for _, once := range a.Onces() {
		if v.once[once] {
			return once.Replayed()
		}
	}
	return nil
}

func (v *vault) markOnce(a registration.Approved) {
	for _, once := range a.Onces() {
		v.once[once] = true
	}
}

func (v *vault) ForgetEarlier(_ context.Context, id core.ClientID, at registration.Stamp) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	have := v.clients[id]
	if v.fail != nil {
		return v.fail
	}
	if have.Stamps.Credentials != at {
		return registration.ErrChanged
	}
	tokens := have.Credentials.Registration
	have.Credentials.Registration = slices.Clone(tokens[len(tokens)-1:])
	have.Stamps.Credentials = v.stamp()
	v.clients[id] = have
	return nil
}

func (v *vault) AddToken(_ context.Context, t core.InitialAccessToken) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens[t.Hash] = registration.Held{Token: t, Stamp: v.stamp()}
	return v.fail
}

func (v *vault) Token(_ context.Context, id core.TokenID) (registration.Held, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, h := range v.tokens {
		if h.Token.ID == id {
			return h, v.fail
		}
	}
	return registration.Held{}, v.fail
}

func (v *vault) Tokens(context.Context, core.TokenID, int) ([]registration.Held, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var held []registration.Held
	for _, h := range v.tokens {
		held = append(held, h)
	}
	return held, v.fail
}

func (v *vault) RevokeToken(_ context.Context, id core.TokenID) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for hash, h := range v.tokens {
		if h.Token.ID == id {
			delete(v.tokens, hash)
			return true, v.fail
		}
	}
	return false, v.fail
}

var (
	_ registration.Store      = (*vault)(nil)
	_ registration.TokenStore = (*vault)(nil)
)

// notes is a Book that only remembers.
type notes struct {
	mu      sync.Mutex
	entries []ledger.Entry
	shaped  map[core.DecisionID][]ledger.Stage
}

func (n *notes) Record(e ledger.Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.entries = append(n.entries, e)
}

func (n *notes) Shaped(id core.DecisionID, rows []ledger.Stage) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shaped[id] = append(n.shaped[id], rows...)
}

// answers is a policy made of Go.
type answers func(q *decision.Registration) (decision.Verdict, error)

func (f answers) DecideRegistration(_ context.Context, q *decision.Registration) (decision.Verdict, error) {
	v, err := f(q)
	if v.Revision == "" {
		v.Revision = "r-test"
	}
	return v, err
}

func allow(*decision.Registration) (decision.Verdict, error) {
	return decision.Verdict{Allow: true}, nil
}

// chain is the plugins of each point.
type chain struct {
	plugins map[hook.Point][]hook.Plugin
	err     error
}

func (c *chain) At(p hook.Point) ([]hook.Plugin, error) { return c.plugins[p], c.err }

func (c *chain) Serves(p hook.Point) bool { return c.err != nil || len(c.plugins[p]) > 0 }

// bench is a desk with everything around it faked.
type bench struct {
	t       testing.TB
	desk    *registration.Desk
	store   *vault
	book    *notes
	policy  answers
	plugins *chain
	now     time.Time
	serial  int

	published map[string]string // key sets by their jwks_uri, and lists of revoked statements
	pages     pages             // clients metadata documents
	sectors   registration.Sectors
	telling   sync.Mutex // guards decided while requests run
	decided   []decision.Taken
	site      *registration.Site
	limited   func(registration.Bound) // is told of what a limit refused; nil: nobody

	authorization core.Secret // without it no such list is given
	asked         int         // so often one was
	accessTokens  registration.AccessTokens
}

func newBench(t testing.TB, change ...func(*registration.Site)) *bench {
	t.Helper()
	b := &bench{
		t: t, policy: allow, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), plugins: &chain{plugins: map[hook.Point][]hook.Plugin{}},
		store: &vault{
			clients: map[core.ClientID]registration.Stored{}, tokens: map[core.SecretHash]registration.Held{},
			entries: map[core.DecisionID]ledger.Entry{}, once: map[registration.Once]bool{},
		},
		book: &notes{shaped: map[core.DecisionID][]ledger.Stage{}},
	}
	site := registration.DefaultSite()
	for _, f := range change {
		f(&site)
	}
	b.site = prepared(t, site)
	b.certify(nil)
	return b
}

// certify opens the desk where clients can use these methods with certificates.
func (b *bench) certify(methods []oauth.AuthMethod) {
	b.desk = registration.NewDesk(registration.Parts{
		AccessTokens: b.accessTokens,
		Store:        b.store, Certified: methods, Policy: answers(func(q *decision.Registration) (decision.Verdict, error) { return b.policy(q) }),
		Plugins: b.plugins, Book: b.book, IssuerKeys: b, ClientKeys: b, Revoked: b, Documents: &b.pages, Sectors: b.sectors, Site: b.site,
		ClientURI: func(id core.ClientID) string { return "https://op.example/dcr/register/" + string(id) },
		Audiences: []string{"https://op.example", "https://op.example/dcr/register"},
		Now:       func() time.Time { return b.now }, Limited: b.limited,
		Decided: func(t decision.Taken) {
			b.telling.Lock()
			defer b.telling.Unlock()
			b.decided = append(b.decided, t)
		},
	})
}

// Configured is what the trusted issuer publishes where its document says.
func (b *bench) Configured(ctx context.Context, endpoint, claim, kid string) (jose.KeySet, error) {
	return b.Set(ctx, text(parse(b.t, b.published[endpoint]), claim), kid)
}

// Set is what the trusted issuer at jwksURI publishes.
func (b *bench) Set(_ context.Context, jwksURI, _ string) (jose.KeySet, error) {
	body, ok := b.published[jwksURI]
	if !ok {
		return jose.KeySet{}, keys.ErrUnreachable
	}
	return jose.ParseJWKS([]byte(body))
}

func prepared(t testing.TB, site registration.Site) *registration.Site {
	t.Helper()
	if problems := site.Validate(); len(problems) > 0 {
		t.Fatalf("site: %v", problems)
	}
	ready, err := site.Prepared()
	if err != nil {
		t.Fatal(err)
	}
	return ready
}

// request makes a request with a decision id of its own.
func (b *bench) request(op core.Operation, channel core.Channel, id core.ClientID, body string) registration.Request {
	b.t.Helper()
	b.serial++
	req := registration.Request{
		Operation: op, Channel: channel, ClientID: id, RequestID: "req", Caller: core.Caller{IP: "192.0.2.1"},
		Decision: core.NewDecisionID(b.now.Add(time.Duration(b.serial) * time.Millisecond)),
	}
	if body != "" {
		req.Body = parse(b.t, body)
	}
	if channel == core.ChannelOperator {
		req.Credential.Operator = "ada"
	}
	return req
}

func parse(t testing.TB, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Default)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// token mints an initial access token.
func (b *bench) token(uses int64, profile string) core.Secret {
	b.t.Helper()
	desk := registration.NewTokens(b.store, b.desk.Site, func() time.Time { return b.now })
	_, secret, err := desk.Mint(b.t.Context(), "ada", registration.TokenRequest{MaxUses: &uses, Profile: profile})
	if err != nil {
		b.t.Fatal(err)
	}
	return secret
}

// do sends a request and gives the answer's document.
func (b *bench) do(req registration.Request) (strictjson.Value, error) {
	b.t.Helper()
	answer, err := b.desk.Do(b.t.Context(), req)
	if err != nil || answer.Body == nil {
		return strictjson.Value{}, err
	}
	return parse(b.t, string(answer.Body)), nil
}

const shop = `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scope":"openid email"}`

// client is one registered client and what it was given.
type client struct {
	id     core.ClientID
	rat    core.Secret
	secret core.Secret
	doc    strictjson.Value
}

// register registers over the channel dcr and must succeed.
func (b *bench) register(body string) client {
	b.t.Helper()
	req := b.request(core.Register, core.ChannelDCR, "", body)
	req.Credential.Bearer = b.token(1, "")
	doc, err := b.do(req)
	if err != nil {
		b.t.Fatalf("register %s: %v", body, err)
	}
	return clientOf(doc)
}

func clientOf(doc strictjson.Value) client {
	return client{
		id: core.ClientID(text(doc, "client_id")), rat: core.Secret(text(doc, "registration_access_token")),
		secret: core.Secret(text(doc, "client_secret")), doc: doc,
	}
}

// manage makes a request of the client's own.
func (b *bench) manage(op core.Operation, c client, body string) registration.Request {
	b.t.Helper()
	req := b.request(op, core.ChannelManage, c.id, body)
	req.Credential.Bearer = c.rat
	return req
}

// put is a replacement by the client's own document with some members changed; "" removes one.
func (c client) put(t testing.TB, changes ...string) string {
	t.Helper()
	doc := c.doc.Without("client_secret")
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			doc = doc.Without(changes[i])
			continue
		}
		doc = doc.With(changes[i], parse(t, changes[i+1]))
	}
	return doc.String()
}

func text(doc strictjson.Value, name string) string {
	v, _ := doc.Get(name)
	s, _ := v.Text()
	return s
}

// stored is a client as the vault has it.
func (b *bench) stored(id core.ClientID) registration.Stored {
	b.t.Helper()
	s, err := b.store.Client(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// lastEntry is what the book was given last.
func (b *bench) lastEntry() ledger.Entry {
	b.t.Helper()
	if len(b.book.entries) == 0 {
		b.t.Fatal("the book has no entry")
	}
	return b.book.entries[len(b.book.entries)-1]
}

// stages lists the names of an entry's stages.
func stages(e ledger.Entry) string {
	var names []string
	for _, s := range e.Stages {
		names = append(names, s.Stage)
	}
	return strings.Join(names, " ")
}

// checkMembers compares members of a document, given as name and JSON; "" wants the member to be absent.
func checkMembers(t *testing.T, doc strictjson.Value, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		got, present := doc.Get(pairs[i])
		switch {
		case pairs[i+1] == "" && present:
			t.Errorf("%s = %s, want it absent", pairs[i], got)
		case pairs[i+1] != "" && !strictjson.Equal(got, parse(t, pairs[i+1])):
			t.Errorf("%s = %s, want %s", pairs[i], got, pairs[i+1])
		}
	}
}

// checkCode compares the code of an error and looks for a piece of its detail.
func checkCode(t *testing.T, err error, want core.Code, says string) {
	t.Helper()
	if core.CodeOf(err) != want || err != nil && !strings.Contains(core.AsError(err).Detail, says) {
		t.Errorf("err = %v, want %s with %q", err, want, says)
	}
}
