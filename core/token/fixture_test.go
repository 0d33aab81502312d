package token_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/token"
)

const (
	issuer   = "https://op.example/api/oidc"
	api      = "https://api.example/v1"
	other    = "urn:example:other"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	redirect = "https://app.example/cb"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shelf keeps everything in maps, as a store would. It may be used by many at once.
type shelf struct {
	mu      sync.Mutex
	clients map[core.ClientID]core.Registered
	users   map[core.Subject]core.User
	codes   map[core.SecretHash]token.HeldCode
	grants  map[core.GrantID]token.HeldGrant
	seen    map[string]bool
	writes  int
	last    byte
	before  func() // what happens just before the next write; nil: nothing
}

func (s *shelf) lock() func() {
	s.mu.Lock()
	return s.mu.Unlock
}

// meanwhile lets what a test wants happen between reading and writing.
func (s *shelf) meanwhile() {
	s.mu.Lock()
	before := s.before
	s.before = nil
	s.mu.Unlock()
	if before != nil {
		before()
	}
}

func (s *shelf) Registered(_ context.Context, id core.ClientID) (core.Registered, error) {
	defer s.lock()()
	return s.clients[id], nil
}

func (s *shelf) User(_ context.Context, id core.Subject) (core.User, bool, error) {
	defer s.lock()()
	user, found := s.users[id]
	return user, found, nil
}

func (s *shelf) Code(_ context.Context, hash core.SecretHash) (token.HeldCode, error) {
	defer s.lock()()
	return s.codes[hash], nil
}

func (s *shelf) Redeem(_ context.Context, code token.HeldCode, grant core.Grant) error {
	s.meanwhile()
	defer s.lock()()
	if s.codes[code.Hash].Stamp != code.Stamp {
		return token.ErrUsed
	}
	if s.clients[grant.Client].Client.Generation != grant.ClientGeneration {
		return token.ErrVoid
	}
	code.Used, code.Stamp = true, s.stamp()
	s.codes[code.Hash] = code
	s.grants[grant.ID] = token.HeldGrant{Grant: grant, Stamp: s.stamp()}
	return nil
}

func (s *shelf) stamp() token.Stamp {
	s.last++
	s.writes++
	return token.Stamp{s.last}
}

func (s *shelf) Grant(_ context.Context, id core.GrantID) (token.HeldGrant, error) {
	defer s.lock()()
	return s.grants[id], nil
}

func (s *shelf) Rotate(_ context.Context, held token.HeldGrant, next core.Grant) error {
	s.meanwhile()
	defer s.lock()()
	if s.grants[next.ID].Stamp != held.Stamp {
		return token.ErrUsed
	}
	s.grants[next.ID] = token.HeldGrant{Grant: next, Stamp: s.stamp()}
	return nil
}

func (s *shelf) EndGrant(_ context.Context, id core.GrantID) error {
	defer s.lock()()
	delete(s.grants, id)
	return nil
}

func (s *shelf) Once(_ context.Context, kind string, hash core.SecretHash, _ time.Time) (bool, error) {
	defer s.lock()()
	first := !s.seen[kind+hash.String()]
	s.seen[kind+hash.String()] = true
	s.writes++
	return first, nil
}

func (s *shelf) Seen(_ context.Context, kind string, hash core.SecretHash) (bool, error) {
	defer s.lock()()
	return s.seen[kind+hash.String()], nil
}

// broken is a store that answers nothing.
type broken struct{ token.Grants }

var errBroken = errors.New("disk on fire")

func (broken) Registered(context.Context, core.ClientID) (core.Registered, error) {
	return core.Registered{}, errBroken
}
func (broken) User(context.Context, core.Subject) (core.User, bool, error) {
	return core.User{}, false, errBroken
}
func (broken) Code(context.Context, core.SecretHash) (token.HeldCode, error) {
	return token.HeldCode{}, errBroken
}
func (broken) Grant(context.Context, core.GrantID) (token.HeldGrant, error) {
	return token.HeldGrant{}, errBroken
}
func (broken) Seen(context.Context, string, core.SecretHash) (bool, error) { return false, errBroken }
func (broken) Once(context.Context, string, core.SecretHash, time.Time) (bool, error) {
	return false, errBroken
}

// nobody publishes keys: clientauth.Keys.
type nobody struct{}

func (nobody) Set(context.Context, string, string) (jose.KeySet, error) {
	return jose.KeySet{}, keys.ErrUnreachable
}

func (nobody) Having(context.Context, string, func(jose.KeySet) bool) (jose.KeySet, error) {
	return jose.KeySet{}, keys.ErrUnreachable
}

// keyStore keeps the keys of a ring; nobody else changes them.
type keyStore struct{ keys []keys.Stored }

func (k *keyStore) Keys(context.Context) ([]keys.Stored, error) { return slices.Clone(k.keys), nil }

func (k *keyStore) Change(_ context.Context, c keys.Change) error {
	k.keys = append(k.keys, c.Add...)
	return nil
}

// rings are two rings that many tests share: RSA keys are slow to make.
var rings = sync.OnceValues(func() (ours, foreign *keys.Ring) {
	open := func(algs ...string) *keys.Ring {
		ring, err := keys.Open(context.Background(), &keyStore{}, algs, func() time.Time { return start })
		if err != nil {
			panic(err)
		}
		return ring
	}
	return open(jose.ES256, jose.RS256, jose.PS256, jose.EdDSA), open(jose.ES256)
})

// house is an endpoint over a shelf, with a client for each test to change.
type house struct {
	*testing.T
	*shelf
	*token.Endpoint
	ring   *keys.Ring
	now    time.Time
	asked  *decision.Token // the last question to policy
	policy func(q *decision.Token) (decision.TokenVerdict, error)
	minted int
	chain  chain
	using  sync.Mutex
	used   []string // clients, and for how long what they got is good
	told   []token.Extension

	published token.ClientKeys // at the addresses of clients
}

// At implements hook.Chain.
func (h *house) At(p hook.Point) ([]hook.Plugin, error) { return h.chain.At(p) }
func (h *house) Serves(p hook.Point) bool               { return h.chain.Serves(p) }

// DecideToken implements token.Policy.
func (h *house) DecideToken(_ context.Context, q *decision.Token) (decision.TokenVerdict, error) {
	defer h.lock()()
	h.asked = q
	return h.policy(q)
}

func allow(q *decision.Token) (decision.TokenVerdict, error) {
	return decision.TokenVerdict{Allowed: true, Scopes: q.Scopes}, nil
}

func open(t *testing.T) *house {
	t.Helper()
	ring, _ := rings()
	h := &house{T: t, ring: ring, now: start, policy: allow, published: nobody{}, shelf: &shelf{
		clients: map[core.ClientID]core.Registered{}, users: map[core.Subject]core.User{},
		codes: map[core.SecretHash]token.HeldCode{}, grants: map[core.GrantID]token.HeldGrant{}, seen: map[string]bool{},
	}}
	h.reopen(ring)
	h.user("u-ann")
	h.client("web", oauth.AuthClientSecretBasic)
	h.client("spa", oauth.AuthNone)
	return h
}

// reopen opens the endpoint on a ring, which swap exchanges under it.
func (h *house) reopen(ring *keys.Ring) {
	h.ring = ring
	now := func() time.Time { return h.now }
	h.Endpoint = token.New(token.Parts{
		Authenticator: h.authenticator(),
		Clients:       h.shelf, People: h.shelf, Grants: h.shelf, Once: h.shelf, Keys: h, ClientKeys: h.published, Policy: h, Now: now,
		Plugins: h, Extended: func(x token.Extension) { h.told = append(h.told, x) },
		Names: names,
		Used: func(c *core.Client, until time.Time) {
			h.using.Lock()
			defer h.using.Unlock()
			h.used = append(h.used, string(c.ID)+" "+until.Sub(h.now).String())
		},
		Options: token.Options{
			Issuer: issuer, AudienceAllowed: func(resource string, _ core.Client) bool { return resource == api || resource == other },
			ScopeAudiences: map[string][]string{"orders": {api, "https://gone.example", other}, "stock": {other}, "old": {"https://gone.example"}},
		},
	})
}

func (h *house) authenticator() *clientauth.Authenticator {
	return clientauth.New(clientauth.Parts{
		Clients: h.shelf, Keys: nobody{}, Once: h.shelf, Issuer: issuer, TokenEndpoint: issuer + "/token", Now: func() time.Time { return h.now },
	})
}

func (h *house) swap(ring *keys.Ring) { h.ring = ring }

// Signer, Set and JWKS implement token.Keys with the ring of the moment.
func (h *house) Signer(alg string) (keys.Signer, error) { return h.ring.Signer(alg) }

func (h *house) Set(ctx context.Context, kid string) (jose.KeySet, error) {
	return h.ring.Set(ctx, kid)
}

func (h *house) JWKS() ([]byte, string) { return h.ring.JWKS() }

// client registers a client for everything but the operators' scopes.
func (h *house) client(id core.ClientID, method oauth.AuthMethod, change ...func(*core.Client)) {
	r := core.Registered{State: core.Active, Client: core.Client{ID: id, Generation: 7, Metadata: core.Metadata{
		TokenEndpointAuthMethod: string(method), GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"},
		Scope: []string{"openid", "profile", "email", "phone", "address", "offline_access", "read", "write"},
	}}}
	if method != oauth.AuthNone {
		r.Credentials.Secrets = []core.StoredSecret{{Alg: "sha256", Hash: secretOf(id).Hash().String()}}
	}
	for _, f := range change {
		f(&r.Client)
	}
	h.clients[id] = r
}

func secretOf(id core.ClientID) core.Secret { return core.Secret("secret of " + id) }

func (h *house) change(id core.ClientID, f func(*core.Registered)) {
	defer h.lock()()
	r := h.clients[id]
	f(&r)
	h.clients[id] = r
}

func (h *house) user(id core.Subject, change ...func(*core.User)) {
	u := core.User{Subject: id, Username: "Ann", Generation: 3, UpdatedAt: start.Add(-time.Hour), Profile: core.Profile{
		Name: "Ann Lee", GivenName: "Ann", FamilyName: "Lee", Nickname: "annie", Picture: "https://a.example/p", Website: "https://a.example",
		Birthdate: "1990-01-02", Zoneinfo: "Europe/Berlin", Locale: "de", Email: "ann@a.example", EmailVerified: true, Phone: "+49 1", Address: "Way 1\nTown",
	}}
	for _, f := range change {
		f(&u)
	}
	defer h.lock()()
	h.users[id] = u
}

// code gives out a code as the authorization endpoint does.
func (h *house) code(id core.ClientID, change ...func(*core.AuthorizationCode)) core.Secret {
	secret := core.NewSecret()
	h.minted++
	code := core.AuthorizationCode{
		RedirectURI: redirect, RedirectSet: true, Challenge: oauth.S256Challenge(verifier), Nonce: "n-1", ExpiresAt: h.now.Add(time.Minute),
		Grant: core.Grant{
			ID: core.GrantID(fmt.Sprint("g-", h.minted)), Client: id, ClientGeneration: 7, Subject: "u-ann", UserGeneration: 3, Session: "s-1",
			Scope: []string{"openid", "email", "offline_access", "read"}, AuthTime: start.Add(-time.Minute), Methods: []string{"pwd"},
		},
	}
	for _, f := range change {
		f(&code)
	}
	h.codes[secret.Hash()] = token.HeldCode{Code: code, Hash: secret.Hash(), Stamp: token.Stamp{255, byte(h.minted)}}
	return secret
}

// as is a request of a client with its proof and these parameters.
func (h *house) as(id core.ClientID, pairs ...string) token.Request {
	form := oauth.Params{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			form[pairs[i]] = append(form[pairs[i]], pairs[i+1])
		}
	}
	p := clientauth.Presented{Form: form, Endpoint: issuer + "/token"}
	if clientauth.Method(h.clients[id].Client) == oauth.AuthNone {
		form["client_id"] = []string{string(id)}
	} else {
		p.Authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(string(id))+":"+url.QueryEscape(secretOf(id).Reveal())))
	}
	return token.Request{Presented: p, Caller: core.Caller{IP: "192.0.2.1"}, RequestID: "r-1"}
}

// redeeming is the request that redeems a code, with parameters replaced or, when empty, left out.
func (h *house) redeeming(id core.ClientID, code core.Secret, change ...string) token.Request {
	return h.with([]string{"grant_type", "authorization_code", "code", code.Reveal(), "redirect_uri", redirect, "code_verifier", verifier}, id, change)
}

func (h *house) refreshing(id core.ClientID, refresh core.Secret, change ...string) token.Request {
	return h.with([]string{"grant_type", "refresh_token", "refresh_token", refresh.Reveal()}, id, change)
}

func (h *house) forItself(id core.ClientID, change ...string) token.Request {
	return h.with([]string{"grant_type", "client_credentials"}, id, change)
}

func (h *house) with(usual []string, id core.ClientID, change []string) token.Request {
	var pairs []string
	for i := 0; i < len(usual); i += 2 {
		if !slices.Contains(change, usual[i]) {
			pairs = append(pairs, usual[i], usual[i+1])
		}
	}
	return h.as(id, append(pairs, change...)...)
}

// got is an answer that must be there.
func (h *house) got(req token.Request) token.Answer {
	h.Helper()
	answer, err := h.Token(h.Context(), req)
	if err != nil {
		h.Fatal(err)
	}
	return answer
}

// refused fails unless the token endpoint refuses with a code and a text that says something.
func (h *house) refused(what string, req token.Request, code core.Code, says string) {
	h.Helper()
	answer, err := h.Token(h.Context(), req)
	h.checkRefusal(what, err, code, says)
	if answer.AccessToken != "" || answer.IDToken != "" || answer.RefreshToken != "" {
		h.Errorf("%s: refused, with tokens", what)
	}
}

func (h *house) checkRefusal(what string, err error, code core.Code, says string) {
	h.Helper()
	if core.CodeOf(err) != code || !strings.Contains(core.AsError(err).Detail, says) {
		h.Errorf("%s: %v; want %s with %q", what, err, code, says)
	}
}

// claims verifies a token of ours with the published keys and gives its claims.
func (h *house) claims(compact core.Secret, typ, alg string) strictjson.Value {
	h.Helper()
	body, _ := h.ring.JWKS()
	set, err := jose.ParseJWKS(body)
	if err != nil {
		h.Fatal(err)
	}
	claims, err := jose.Verify(compact.Reveal(), set, []string{alg})
	if err != nil {
		h.Fatal(err)
	}
	if header, _, _ := jose.Peek(compact.Reveal(), 0); header.Typ != typ || header.Kid == "" {
		h.Errorf("header %+v, want typ %s", header, typ)
	}
	return claims
}

// checkJSON compares documents member by member; "*" in want stands for any value.
func checkJSON(t *testing.T, what string, got strictjson.Value, want string) {
	t.Helper()
	expected, err := strictjson.Parse([]byte(want), strictjson.Default)
	if err != nil {
		t.Fatal(err)
	}
	members := maps.Collect(got.All())
	for name, value := range expected.All() {
		if value.String() != `"*"` && value.String() != members[name].String() || members[name].IsAbsent() {
			t.Errorf("%s: %s is %s, want %s", what, name, members[name], value)
		}
		delete(members, name)
	}
	for name, value := range members {
		t.Errorf("%s: %s is %s, which nobody wants", what, name, value)
	}
}

func parse(t *testing.T, body []byte) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse(body, strictjson.Default)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}
