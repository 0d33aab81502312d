package authorize_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/seal"
)

const (
	issuer    = "https://op.example/api/oidc"
	callback  = "https://shop.example/cb?keep=1"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
)

// crowd is an address that brings no more clients along.
const crowd = "192.0.2.66"

// house is an endpoint with everything around it, in memory.
type house struct {
	unusable error // what a client's lookup answers; nil: it works
	*testing.T
	*authorize.Endpoint
	exit  *authorize.Exit
	forms *authorize.Forms
	key   jose.PrivateKey

	mu       sync.Mutex
	now      time.Time
	clients  map[core.ClientID]core.Registered
	sessions map[core.Secret]core.Session
	users    map[core.Subject]core.User
	pushed   map[core.SecretHash]authorize.Held
	consents map[string]core.Consent
	issued   map[core.SecretHash]core.AuthorizationCode

	asked  []decision.Authorization
	policy func(*decision.Authorization) (decision.AuthorizationVerdict, error)
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{
		T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), clients: map[core.ClientID]core.Registered{}, sessions: map[core.Secret]core.Session{},
		users: map[core.Subject]core.User{}, pushed: map[core.SecretHash]authorize.Held{}, consents: map[string]core.Consent{},
		issued: map[core.SecretHash]core.AuthorizationCode{},
	}
	h.policy = func(q *decision.Authorization) (decision.AuthorizationVerdict, error) {
		return decision.AuthorizationVerdict{Allowed: true, Scopes: q.Scopes}, nil
	}
	ring, err := seal.New(seal.NewKey())
	h.must(err)
	h.key, err = jose.Generate("ES256")
	h.must(err)
	public, err := jose.PublicSet(h.key)
	h.must(err)
	clock := func() time.Time { return h.now }
	site := authorize.Site{
		Issuer: issuer, Names: core.NewPairwise("salt"), Keys: func() jose.KeySet { return public }, AnyLocalhostPort: true,
		Resource: func(_ core.Client, uri string) bool { return strings.HasPrefix(uri, "https://api.example/") },
		ScopeResources: func(_ core.Client, scope string) []string {
			return map[string][]string{"orders": {"https://api.example/orders"}, "stock": {"https://api.example/stock"}}[scope]
		},
		SignedOut: func(c core.Client, uri string) bool {
			return (c.ID == "shop" || c.ID.IsDocument()) && uri == "https://shop.example/bye?x=1"
		},
	}
	h.forms = authorize.NewForms(ring, clock)
	h.Endpoint = authorize.New(authorize.Parts{
		Site: site, Clients: h, Authenticator: h, Browser: h, Policy: h, Store: h, Forms: h.forms, Now: clock,
		Admit: func(id core.ClientID, caller core.Caller) error {
			if caller.IP == crowd && id == "shop" {
				return core.Refuse(core.TooManyRequests, "Later.")
			}
			return nil
		},
	})
	h.exit = authorize.NewExit(authorize.ExitParts{Site: site, Clients: h, Sessions: h, Forms: h.forms, Now: clock})
	h.add("shop", func(*core.Client) {})
	h.add("public", func(c *core.Client) { c.Metadata.TokenEndpointAuthMethod = "none" })
	h.users["ann"] = core.User{Subject: "ann", Username: "ann", Generation: 3}
	h.users["bob"] = core.User{Subject: "bob", Username: "bob"}
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// add registers a client.
func (h *house) add(id core.ClientID, change func(*core.Client)) {
	c := core.Client{ID: id, Generation: 7, Metadata: core.Metadata{
		ClientName: "Shop", RedirectURIs: []string{callback}, TokenEndpointAuthMethod: "client_secret_basic", ResponseTypes: []string{"code"},
		GrantTypes: []string{"authorization_code"}, Scope: []string{"openid", "profile", "email"},
	}, Provenance: core.Provenance{Profile: "default"}}
	change(&c)
	h.clients[id] = core.Registered{Client: c, State: core.Active}
}

// signIn starts a session at the present time and gives its cookie.
func (h *house) signIn(subject core.Subject) core.Secret {
	cookie := core.NewSecret()
	h.sessions[cookie] = core.Session{
		ID: core.NewSessionID(h.now), Subject: subject, UserGeneration: h.users[subject].Generation, AuthTime: h.now.Truncate(time.Second), Methods: []string{"pwd"},
	}
	return cookie
}

// The ports of the endpoint.

func (h *house) Registered(_ context.Context, id core.ClientID) (core.Registered, error) {
	if h.unusable != nil {
		return core.Registered{}, h.unusable
	}
	return h.clients[id], nil
}

func (h *house) Authenticate(_ context.Context, p clientauth.Presented) (core.Registered, error) {
	if p.Endpoint != issuer+"/par" {
		return core.Registered{}, core.Refuse(core.ServerError, "endpoint %s", p.Endpoint)
	}
	found := h.clients[core.ClientID(strings.TrimPrefix(p.Authorization, "as "))]
	if found.Client.ID == "" {
		return core.Registered{}, core.Refuse(core.InvalidClient, "who?")
	}
	return found, nil
}

func (h *house) Session(_ context.Context, cookie core.Secret) (core.Session, core.User, bool, error) {
	s, found := h.sessions[cookie]
	return s, h.users[s.Subject], found, nil
}

func (h *house) SignOut(_ context.Context, cookie core.Secret) error {
	delete(h.sessions, cookie)
	return nil
}

func (h *house) DecideAuthorization(_ context.Context, q *decision.Authorization) (decision.AuthorizationVerdict, error) {
	h.mu.Lock()
	h.asked = append(h.asked, *q)
	h.mu.Unlock()
	return h.policy(q)
}

func (h *house) Push(_ context.Context, reference core.SecretHash, p authorize.Pushed) error {
	h.pushed[reference] = authorize.Held{Pushed: p, Reference: reference, Stamp: authorize.Stamp{1}}
	return nil
}

func (h *house) Pushed(_ context.Context, reference core.SecretHash) (authorize.Held, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if held := h.pushed[reference]; h.now.Before(held.ForgetAt) {
		return held, nil
	}
	return authorize.Held{}, nil
}

func (h *house) Consent(_ context.Context, subject core.Subject, client core.ClientID) (core.Consent, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.consents[string(subject)+" "+string(client)], nil
}

func (h *house) Issue(_ context.Context, i authorize.Issue) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i.Pushed != nil {
		if _, there := h.pushed[i.Pushed.Reference]; !there {
			return authorize.ErrUsed
		}
		delete(h.pushed, i.Pushed.Reference)
	}
	if i.Consent != nil {
		h.consents[string(i.Consent.Subject)+" "+string(i.Consent.Client)] = *i.Consent
	}
	h.issued[i.Code] = i.Value
	return nil
}

func (h *house) Drop(_ context.Context, held authorize.Held) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.pushed[held.Reference]; !there {
		return authorize.ErrUsed
	}
	delete(h.pushed, held.Reference)
	return nil
}

// request gives a good request of shop with some parameters changed; an empty value takes one away.
func request(changes ...string) oauth.Params {
	params := oauth.Params{
		"client_id": {"shop"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email"}, "state": {"s&t"},
		"nonce": {"n1"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			delete(params, changes[i])
		} else {
			params[changes[i]] = []string{changes[i+1]}
		}
	}
	return params
}

// A tab is one browser with its cookies.
type tab struct {
	*house
	browser core.Secret
	cookie  core.Secret
}

func (h *house) tab() *tab { return &tab{house: h, browser: h.forms.Browser("")} }

func (b *tab) visit(params oauth.Params) authorize.Visit {
	return authorize.Visit{Params: params, Flow: params.Get("flow"), Cookie: b.cookie, Browser: b.browser, RequestID: "r1"}
}

// ask must not end on an error page.
func (b *tab) ask(params oauth.Params) authorize.Answer {
	b.Helper()
	a, err := b.Authorize(b.Context(), b.visit(params))
	b.must(err)
	return a
}

// back returns from signing in.
func (b *tab) back(a authorize.Answer) authorize.Answer {
	b.Helper()
	return b.ask(oauth.Params{"flow": {a.Flow}})
}

// decide answers a consent page.
func (b *tab) decide(a authorize.Answer, allow bool) (authorize.Answer, error) {
	v := b.visit(nil)
	v.Flow = a.Flow
	return b.Decide(b.Context(), authorize.Decision{Visit: v, Allow: allow, Token: a.Token, Shown: a.Shown})
}

// allow answers a consent page with yes.
func (b *tab) allow(a authorize.Answer) authorize.Answer {
	b.Helper()
	if a.Show != authorize.ShowConsent {
		b.Fatalf("not a consent page: %+v", a)
	}
	a, err := b.decide(a, true)
	b.must(err)
	return a
}

// sent gives what an answer carries to the client; it fails unless that goes to the callback with state and issuer.
func (b *tab) sent(a authorize.Answer) url.Values {
	b.Helper()
	if a.Show != authorize.Redirect || !strings.HasPrefix(a.To, callback+"&") {
		b.Fatalf("not sent back: %+v", a)
	}
	u, err := url.Parse(a.To)
	b.must(err)
	q := u.Query()
	if q.Get("iss") != issuer {
		b.Errorf("iss is %q (RFC 9207 section 2)", q.Get("iss"))
	}
	return q
}

// refused checks the error that was sent back.
func (b *tab) refused(a authorize.Answer, code core.Code) {
	b.Helper()
	if q := b.sent(a); q.Get("error") != string(code) || q.Has("code") || q.Get("state") != "s&t" {
		b.Errorf("sent back %v, want %s with state", q, code)
	}
}

// code checks that a code was sent back, and gives what it stands for.
func (b *tab) code(a authorize.Answer) core.AuthorizationCode {
	b.Helper()
	q := b.sent(a)
	if q.Has("error") || q.Get("state") != "s&t" {
		b.Fatalf("sent back %v, want a code with state", q)
	}
	value, found := b.issued[core.Secret(q.Get("code")).Hash()]
	if !found {
		b.Fatalf("the code was not issued: %v", q)
	}
	return value
}

// idToken signs claims as an ID token of ours.
func (h *house) idToken(typ string, claims map[string]any) string {
	h.Helper()
	all := map[string]any{"iss": issuer, "sub": "ann", "aud": "shop", "exp": 1}
	for name, v := range claims {
		all[name] = v
	}
	body, err := json.Marshal(all)
	h.must(err)
	token, err := jose.Sign(h.key, typ, body)
	h.must(err)
	return token
}
