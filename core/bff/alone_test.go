package bff_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// What a bootstrap does next follows from what it knows, and from nothing else.
func TestNextStep(t *testing.T) {
	for known, want := range map[string]string{
		"given":                                 "ready",
		"given kept refused":                    "ready",
		"":                                      "noticket",
		"ticket":                                "register",
		"ticket replace":                        "register",
		"kept":                                  "read",
		"kept ticket":                           "read",
		"kept ticket replace":                   "replace",
		"kept read":                             "ready",
		"kept read differs":                     "update",
		"kept refused":                          "refused",
		"kept refused unknown":                  "refused",
		"kept refused unknown ticket":           "refused",
		"kept refused renewable":                "renew",
		"kept refused replace ticket":           "register",
		"kept refused remake unknown":           "refused", // nothing to register with
		"kept refused remake ticket":            "refused", // it knows us, and forbids
		"kept refused read differs":             "refused",
		"kept refused ticket renewable replace": "renew",
		"kept refused unknown remake ticket":    "register",
		"spent ticket":                          "spent",
		"kept unmanaged":                        "ready",
		"kept unmanaged differs":                "ready", // there is no way to say so
		"kept unmanaged replace ticket":         "replace",
		"kept unmanaged renewable":              "renew",
		"kept unmanaged fading":                 "secret",
		"kept fading":                           "read",
		"kept read fading differs":              "update",
		"kept read fading":                      "secret",
	} {
		if got := bff.NextStep(known); got != want {
			t.Errorf("%q: %s, want %s", known, got, want)
		}
	}
}

// settled are the settings of a backend that an operator looks after.
func settled() bff.Settings {
	s := settings()
	s.Settled, s.MaxKeys, s.KeyKept = true, 3, 60*day
	return s
}

// lone is a backend with parts of its own.
func (s *site) lone(with bff.Settings, change func(*bff.Parts)) *bff.Backend {
	s.Helper()
	parts := bff.Parts{Store: s.store, Door: s.op.peer, Keys: s.op, Now: s.clock.now, Mint: s.mint}
	change(&parts)
	b, err := bff.New(parts, with)
	if err != nil {
		s.Fatal(err)
	}
	return b
}

// An operator's client is not made again behind the operator's back: neither when it is gone nor under another id.
func TestSettled(t *testing.T) {
	s := newSite(t)
	b := s.lone(settled(), func(p *bff.Parts) { p.Mint = nil })
	if err := b.Bootstrap(t.Context()); !strings.Contains(core.AsError(err).Detail, "no initial access token to register with") {
		t.Errorf("nothing to register with: %v", err)
	}
	var seen []bff.Outcome
	b = s.lone(settled(), func(p *bff.Parts) { p.Seen = func(o bff.Outcome) { seen = append(seen, o) } })
	if err := errors.Join(b.Bootstrap(t.Context()), b.Bootstrap(t.Context())); err != nil {
		t.Fatal(err)
	}
	key := s.store.registration.Key
	s.op.client = strictjson.Value{}
	if err := b.Bootstrap(t.Context()); !strings.Contains(core.AsError(err).Detail, "not accepted any more") || s.op.mint != 1 {
		t.Errorf("gone: %v, %d tokens", err, s.op.mint)
	}
	if got := fmt.Sprint(seen); got != "[registered  token_invalid]" {
		t.Errorf("seen %s", got)
	}
	s.store.registration = bff.Registration{Key: key}
	if err := b.Bootstrap(t.Context()); err != nil || s.store.registration.Key != key {
		t.Errorf("with the key that was there: %v", err)
	}
	s.store.registration = bff.Registration{}
	if err := b.Bootstrap(t.Context()); !strings.Contains(core.AsError(err).Detail, "invalid_client_metadata") || s.store.registration.ClientID != "" {
		t.Errorf("the id is taken: %v, %+v", err, s.store.registration)
	}
}

// A client is replaced once for each initial access token, however often it starts; when the second half fails, the next start goes on.
func TestReplacedOnce(t *testing.T) {
	s := open(t)
	const deletes = "DELETE /dcr/register/bff-server"
	with := settled()
	with.Replace, with.Ticket = true, "ticket-2"
	for range 3 {
		if err := s.replica(with).Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if d, r := s.op.count(deletes), s.op.count(registers); d != 1 || r != 3 || s.store.registration.Ticket != "ticket-2" {
		t.Errorf("deleted %d, asked to register %d times, %+v", d, r, s.store.registration)
	}
	with.Ticket = "ticket-3"
	s.op.failing(deletes, 204, "")
	s.op.failing(registers, 400, `{"error":"invalid_client_metadata"}`)
	if err := s.replica(with).Bootstrap(t.Context()); !strings.Contains(core.AsError(err).Detail, "invalid_client_metadata") || s.store.registration.ClientID != "" {
		t.Errorf("half done: %v, %+v", err, s.store.registration)
	}
	s.op.healed(registers)
	s.op.client = strictjson.Value{}
	if err := s.replica(with).Bootstrap(t.Context()); err != nil || s.op.count(deletes) != 2 {
		t.Errorf("the next start: %v", err)
	}
	s.op.healed(deletes)
	s.op.token = "renewed elsewhere"
	with.Ticket = "ticket-4" // it cannot be deleted, and is taken: an operator must mend that
	if err := s.replica(with).Bootstrap(t.Context()); !strings.Contains(core.AsError(err).Detail, "invalid_client_metadata") {
		t.Errorf("%v", err)
	}
}

// A token or a wish that is refused does not cost the client that is to be replaced.
func TestNotReplacedInVain(t *testing.T) {
	for status, body := range map[int]string{
		401: `{"error":"invalid_token"}`, 400: `{"error":"invalid_redirect_uri"}`, 403: `{"error":"access_denied"}`, 503: `{}`,
	} {
		s := open(t)
		with := settled()
		with.Replace, with.Ticket = true, "ticket-2"
		s.op.failing(registers, status, body)
		before := s.store.registration
		if err := s.replica(with).Bootstrap(t.Context()); err == nil || s.op.count("DELETE /dcr/register/bff-server") != 0 || !s.store.registration.Equal(before) {
			t.Errorf("%d: %v, %+v", status, err, s.store.registration)
		}
	}
}

// An issuer that gives another id has both for a moment: the one before is deleted once the new one is kept.
func TestReplacedByAnother(t *testing.T) {
	s := open(t)
	with := settled()
	with.Replace, with.Ticket = true, "ticket-2"
	s.op.failing(registers, 201, `{"client_id":"c-2","registration_access_token":"RAT-2","id_token_signed_response_alg":"ES256"}`)
	b := s.replica(with)
	if err := b.Bootstrap(t.Context()); err != nil || b.Ready() != nil || s.op.count("DELETE /dcr/register/bff-server") != 1 {
		t.Errorf("%v", err)
	}
	if r := s.store.registration; r.ClientID != "c-2" || r.Token.Reveal() != "RAT-2" || r.Ticket != "ticket-2" {
		t.Errorf("kept %+v", r)
	}
}

// A registration access token that is not accepted is renewed once, and what was to be done is done.
func TestRenewed(t *testing.T) {
	s := open(t)
	s.op.token = "another one"
	asked := 0
	renew := func(_ context.Context, client core.ClientID) (core.Secret, error) {
		asked++
		return core.Secret(s.op.token), nil
	}
	with := settled()
	with.Scope = []string{"openid"}
	if err := s.lone(with, func(p *bff.Parts) { p.Renew = renew }).Bootstrap(t.Context()); err != nil || asked != 1 || s.op.count(updates) != 1 {
		t.Errorf("%v, asked %d times, updated %d", err, asked, s.op.count(updates))
	}
	s.op.failing(reads, 403, `{"error":"access_denied"}`)
	err := s.lone(settled(), func(p *bff.Parts) { p.Renew = renew }).Bootstrap(t.Context())
	if !strings.Contains(core.AsError(err).Detail, "not accepted any more") || !strings.Contains(err.Error(), "access_denied") || asked != 2 {
		t.Errorf("refused all the same: %v, asked %d times", err, asked)
	}
}

// What the operators' API answers when it is asked to renew a token.
func TestRenewAt(t *testing.T) {
	for name, test := range map[string]struct {
		status     int
		body, want string
	}{
		"renewed":      {201, `{"registration_access_token":"RAT"}`, ""},
		"no operator":  {401, `{}`, "does not accept the operator's token"},
		"no client":    {404, `{}`, "there is no client"},
		"other answer": {201, `{}`, "without a registration_access_token"},
		"failing":      {500, `{}`, "answered 500"},
	} {
		var to string
		door := doorFunc(func(r fetch.Request) (fetch.Response, error) {
			to = r.Method + " " + r.URL + " " + r.Header.Get("Authorization")
			return fetch.Response{Status: test.status, Body: []byte(test.body)}, nil
		})
		got, err := bff.RenewAt(door, "https://id.example.com", "OPERATOR")(t.Context(), "bff/server")
		if to != "POST https://id.example.com/api/admin/dcr/clients/bff%2Fserver/tokens Bearer OPERATOR" {
			t.Errorf("%s asks %s", name, to)
		}
		if test.want == "" && (err != nil || got != "RAT") || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "OPERATOR")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type doorFunc func(r fetch.Request) (fetch.Response, error)

// Do implements bff.Door.
func (f doorFunc) Do(_ context.Context, r fetch.Request) (fetch.Response, error) { return f(r) }

// An issuer that knows RFC 7592 and no more is sent the whole document, with everything in it that is not ours.
func TestUpdateWithoutPatch(t *testing.T) {
	for _, status := range []int{404, 405, 415, 501} {
		s := open(t)
		s.op.client = s.op.client.With("contacts", strictjson.Strings([]string{"ops@example.com"}))
		s.op.failing(updates, status, "")
		with := settled()
		with.Scope = []string{"openid"}
		if err := s.replica(with).Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, member := range []string{`"scope":"openid"`, `"contacts":["ops@example.com"]`, `"client_id":"bff-server"`, `"jwks":`} {
			if !strings.Contains(s.op.client.String(), member) {
				t.Errorf("%d: %s lacks %s", status, s.op.client, member)
			}
		}
		if sent := s.op.bodies[len(s.op.bodies)-1]; strings.Contains(sent, "registration_access_token") || strings.Contains(sent, "registration_client_uri") {
			t.Errorf("it sends back %s", sent)
		}
	}
}

// Keys that somebody else registered stay, up to the number that there may be; ours is always among them.
func TestKeysAreAdded(t *testing.T) {
	s := open(t)
	add := func(kids ...string) {
		var keys []strictjson.Value
		for _, kid := range kids {
			keys = append(keys, strictjson.Object(strictjson.Member{Name: "kid", Value: strictjson.String(kid)}))
		}
		s.op.client = s.op.client.With("jwks", strictjson.Object(strictjson.Member{Name: "keys", Value: strictjson.Array(keys...)}))
	}
	k := &keeper{site: s}
	for _, test := range []struct {
		max  int
		had  []string
		kept []string
	}{{3, []string{"a"}, []string{"a"}}, {3, []string{"a", "b", "c"}, []string{"b", "c"}}, {1, []string{"a"}, nil}, {0, []string{"a", "b", "c"}, []string{"a", "b", "c"}}} {
		add(test.had...)
		with := settled()
		with.MaxKeys = test.max
		b := s.replica(with)
		if err := b.Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Backend = b
		jwks, _ := s.op.client.Get("jwks")
		own := k.kidsIn(string(b.JWKS()))
		if got := k.kidsIn(jwks.String()); !slices.Equal(got, append(test.kept, own...)) {
			t.Errorf("of %v at most %d: %v", test.had, test.max, got)
		}
		before := s.op.count(updates)
		if err := s.replica(with).Bootstrap(t.Context()); err != nil || s.op.count(updates) != before {
			t.Errorf("of %v at most %d: it is sent again", test.had, test.max)
		}
	}
}

// Where keys are read at an address, they are not sent: neither at first nor when they turn.
func TestKeysByAddress(t *testing.T) {
	s := newSite(t)
	with := settled()
	with.JWKSURI, with.TurnKey = "https://app.example.com/.well-known/jwks.json", true
	waits, goOn := make(chan time.Duration), make(chan time.Time)
	b := s.lone(with, func(p *bff.Parts) {
		p.After = func(d time.Duration) <-chan time.Time {
			select {
			case waits <- d:
			case <-t.Context().Done():
			}
			return goOn
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go b.Run(ctx)
	<-waits
	if uri, _ := s.op.client.Get("jwks_uri"); uri.String() != `"https://app.example.com/.well-known/jwks.json"` || strings.Contains(s.op.client.String(), `"jwks":`) {
		t.Errorf("registered %s", s.op.client)
	}
	k := &keeper{site: s}
	if got := k.kidsIn(string(b.JWKS())); len(got) != 2 || s.op.count(updates)+s.op.count("PUT /dcr/register/bff-server") != 0 {
		t.Errorf("published %v, %d updates", got, s.op.count(updates))
	}
	with.JWKSURI, with.TurnKey = "", false // and back: the address goes, or there would be two ways
	if err := s.replica(with).Bootstrap(t.Context()); err != nil || strings.Contains(s.op.client.String(), "jwks_uri") || !strings.Contains(s.op.client.String(), `"jwks":`) {
		t.Errorf("%v: %s", err, s.op.client)
	}
}

// Older keys stay published until they are old enough; what another process found in its file is taken along.
func TestOlderKeys(t *testing.T) {
	s := open(t)
	first := s.store.registration
	s.store.registration.Older = []bff.OlderKey{{JWK: `{"kid":"older","kty":"EC"}`, From: s.clock.now().Add(-59 * day)}}
	s.store.registration.Unsaved = true
	b := s.replica(settled())
	if err := b.Bootstrap(t.Context()); err != nil || !strings.Contains(s.op.client.String(), `"older"`) {
		t.Errorf("%v: %s", err, s.op.client)
	}
	s.store.registration.Unsaved = false
	k := &keeper{site: s, waits: make(chan time.Duration), goOn: make(chan time.Time)}
	b = s.lone(settled(), func(p *bff.Parts) {
		p.After = func(d time.Duration) <-chan time.Time {
			select {
			case k.waits <- d:
			case <-t.Context().Done():
			}
			return k.goOn
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go b.Run(ctx)
	<-k.waits
	k.clock.advance(day)
	k.goOn <- time.Time{}
	<-k.waits
	if strings.Contains(s.op.client.String(), `"older"`) || s.store.registration.Key != first.Key || len(s.store.registration.Older) != 0 {
		t.Errorf("after sixty days: %s, %+v", s.op.client, s.store.registration)
	}
}

func (k *keeper) kidsIn(jwks string) []string {
	k.Helper()
	doc, err := strictjson.Parse([]byte(jwks), strictjson.Default)
	if err != nil {
		k.Fatal(err)
	}
	list, _ := doc.Get("keys")
	var kids []string
	for _, jwk := range list.Items() {
		kid, _ := jwk.Get("kid")
		text, _ := kid.Text()
		kids = append(kids, text)
	}
	return kids
}

// Who proves itself by a secret sends it in the way that is registered, and has no keys.
func TestSecretMethods(t *testing.T) {
	for method, check := range map[oauth.AuthMethod]func(r fetch.Request) bool{
		oauth.AuthClientSecretBasic: func(r fetch.Request) bool {
			want := "Basic " + base64.StdEncoding.EncodeToString([]byte("bff%3Aserver:s%2Fcret"))
			return r.Header.Get("Authorization") == want && !strings.Contains(string(r.Body), "cret")
		},
		oauth.AuthClientSecretPost: func(r fetch.Request) bool {
			return r.Header.Get("Authorization") == "" && strings.Contains(string(r.Body), "client_id=bff%3Aserver") && strings.Contains(string(r.Body), "client_secret=s%2Fcret")
		},
	} {
		var asked []fetch.Request
		door := doorFunc(func(r fetch.Request) (fetch.Response, error) {
			asked = append(asked, r)
			if strings.HasSuffix(r.URL, "/dcr/register") {
				return fetch.Response{Status: 201, Body: []byte(`{"client_id":"bff:server","client_secret":"s/cret","registration_access_token":"RAT"}`)}, nil
			}
			return fetch.Response{Status: 201, Body: []byte(`{"request_uri":"urn:x"}`)}, nil
		})
		s := newSite(t)
		with := settled()
		with.Method = method
		b := s.lone(with, func(p *bff.Parts) { p.Door = door })
		if err := b.Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Login(t.Context(), home, "/"); err != nil || len(asked) != 2 || !check(asked[1]) {
			t.Errorf("%s: %v, %v", method, err, asked)
		}
		if wish := string(asked[0].Body); strings.Contains(wish, "jwks") || !strings.Contains(wish, string(method)) || string(b.JWKS()) != `{"keys":[]}` {
			t.Errorf("%s: asked to be %s", method, wish)
		}
	}
}

// A client that an operator registered: nothing is asked, and what is missing is told.
func TestGiven(t *testing.T) {
	s := newSite(t)
	with := settled()
	with.Given = true
	b := s.lone(with, func(p *bff.Parts) { p.Mint = nil })
	if err := b.Bootstrap(t.Context()); !strings.Contains(err.Error(), "no key to sign with") || strings.Contains(core.AsError(err).Detail, "no key to sign with") {
		t.Errorf("without a key: %v", err)
	}
	with.Method = oauth.AuthClientSecretBasic
	b = s.lone(with, func(p *bff.Parts) { p.Mint = nil })
	if err := b.Bootstrap(t.Context()); !strings.Contains(err.Error(), "no client secret") || strings.Contains(core.AsError(err).Detail, "no client secret") {
		t.Errorf("without a secret: %v", err)
	}
	with.Secret = "SECRET"
	b = s.lone(with, func(p *bff.Parts) { p.Mint = nil })
	if err := b.Bootstrap(t.Context()); err != nil || len(s.op.calls) != 0 {
		t.Errorf("%v, asked %v", err, s.op.calls)
	}
	var log bytes.Buffer
	b = s.lone(with, func(p *bff.Parts) { p.Mint, p.Log = nil, slog.New(slog.NewTextHandler(&log, nil)) })
	if err := b.Bootstrap(t.Context()); err != nil || strings.Contains(log.String(), "WARN") {
		t.Errorf("%v, %s", err, log.String())
	}
}

// published is a discovery document with changes; an empty value takes a member away.
func published(changes ...string) string {
	doc := map[string]string{
		"issuer": "https://id.example.com", "authorization_endpoint": "https://id.example.com/a", "token_endpoint": "https://id.example.com/t",
		"jwks_uri": "https://id.example.com/k", "registration_endpoint": "https://id.example.com/r",
	}
	for i := 0; i < len(changes); i += 2 {
		doc[changes[i]] = changes[i+1]
	}
	var members []strictjson.Member
	for name, value := range doc {
		if value != "" {
			members = append(members, strictjson.Member{Name: name, Value: strictjson.String(value)})
		}
	}
	return strictjson.Object(append(members, strictjson.Member{Name: "id_token_signing_alg_values_supported", Value: strictjson.Strings([]string{"none", "HS256", "RS256"})})...).String()
}

// A discovery document is held to whose it must be, and to addresses no less safe than its own.
func TestDiscover(t *testing.T) {
	for name, test := range map[string]struct{ doc, issuer, want string }{
		"good":               {published(), "", ""},
		"of another issuer":  {published("issuer", "https://evil.example"), "", `calls itself "https://evil.example"`},
		"begins alike":       {published("issuer", "https://id.example.com//"), "", `calls itself "https://id.example.com//"`},
		"with a slash":       {published("issuer", "https://id.example.com/"), "", ""},
		"named otherwise":    {published("issuer", "https://public.example"), "https://public.example", ""},
		"no token endpoint":  {published("token_endpoint", ""), "", "lacks token_endpoint"},
		"browsers in clear":  {published("authorization_endpoint", "http://id.example.com/a"), "", "browsers cannot be sent"},
		"tokens in clear":    {published("token_endpoint", "http://id.example.com/t"), "", "no https address"},
		"script":             {published("end_session_endpoint", "javascript:alert(1)"), "", "browsers cannot be sent"},
		"registers in clear": {published("registration_endpoint", "http://id.example.com/r"), "", "no https address"},
		"no JSON":            {`<html>`, "", "openid-configuration"},
	} {
		door := doorFunc(func(r fetch.Request) (fetch.Response, error) {
			if r.URL != "https://id.example.com/.well-known/openid-configuration" {
				return fetch.Response{Status: 404}, nil
			}
			return fetch.Response{Status: http.StatusOK, Body: []byte(test.doc)}, nil
		})
		got, err := bff.Discover(t.Context(), door, []string{"https://id.example.com/nothing", "https://id.example.com"}, test.issuer)
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || !strings.Contains(test.doc, `"issuer":"`+got.Issuer+`"`) || got.Token != "https://id.example.com/t" || got.SaysIss || !slices.Equal(got.IDTokenAlgs, []string{jose.RS256}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	nowhere := doorFunc(func(fetch.Request) (fetch.Response, error) { return fetch.Response{Status: 404}, nil })
	if _, err := bff.Discover(t.Context(), nowhere, []string{"https://a.example", "https://a.example/api/oidc"}, ""); err == nil || !strings.Contains(err.Error(), "https://a.example/api/oidc/.well-known/openid-configuration answered 404") {
		t.Errorf("nowhere: %v", err)
	}
}

// The registration access token does not leave in clear because an answer of the issuer says so.
func TestManagedByHTTPS(t *testing.T) {
	s := open(t)
	at := bff.EndpointsOf("https://id.example.com/api/oidc")
	for uri, want := range map[string]string{
		"http://id.example.com/clients/1":  at.Register + "/bff-server",
		"https://id.example.com/clients/1": "https://id.example.com/clients/1",
		"":                                 at.Register + "/bff-server",
	} {
		s.store.registration.Issuer, s.store.registration.URI = at.Issuer, uri
		var to string
		b := s.lone(settled(), func(p *bff.Parts) {
			p.Discover = func(context.Context) (bff.Endpoints, error) { return at, nil }
			p.Door = doorFunc(func(r fetch.Request) (fetch.Response, error) {
				to = r.URL
				return fetch.Response{Status: http.StatusInternalServerError}, nil
			})
		})
		if err := b.Bootstrap(t.Context()); err == nil || to != want {
			t.Errorf("%q: asked at %s, %v", uri, to, err)
		}
	}
}

// What the issuer's own URL names is reached at another address; what lies elsewhere, or only begins so, is not.
func TestRebased(t *testing.T) {
	var to string
	door := bff.Rebased(doorFunc(func(r fetch.Request) (fetch.Response, error) {
		to = r.URL
		return fetch.Response{}, nil
	}), "https://id.example.com/api/oidc", "http://idp:8080/api/oidc")
	for url, want := range map[string]string{
		"https://id.example.com/api/oidc/token":  "http://idp:8080/api/oidc/token",
		"https://id.example.com/api/oidcs/token": "https://id.example.com/api/oidcs/token",
		"https://keys.example.com/jwks":          "https://keys.example.com/jwks",
	} {
		if _, err := door.Do(t.Context(), fetch.Request{URL: url}); err != nil || to != want {
			t.Errorf("%s is asked for at %s", url, to)
		}
	}
}

// An issuer that has less than ours: no pushed requests, no userinfo, no revocation, no end of sessions, no iss.
func TestPlainIssuer(t *testing.T) {
	s := newSite(t)
	s.op.quiet = true
	at := bff.EndpointsOf(issuerURL)
	at.PAR, at.UserInfo, at.Revoke, at.Logout, at.SaysIss = "", "", "", "", false
	discover := func(context.Context) (bff.Endpoints, error) { return at, nil }
	with := settled()
	b := s.lone(with, func(p *bff.Parts) { p.Discover = discover })
	if err := b.Bootstrap(t.Context()); !strings.Contains(err.Error(), "no endpoint for pushed authorization requests") || strings.Contains(core.AsError(err).Detail, "no endpoint for pushed authorization requests") {
		t.Errorf("pushing was asked for: %v", err)
	}
	with.Push = bff.PushOffered
	b = s.lone(with, func(p *bff.Parts) { p.Discover = discover })
	if err := b.Bootstrap(t.Context()); err != nil || strings.Contains(s.op.client.String(), "require_pushed") {
		t.Fatalf("%v: %s", err, s.op.client)
	}
	start, err := b.Login(t.Context(), home, "/")
	if err != nil || !strings.HasPrefix(start.URL, issuerURL+"/authorize?client_id=bff-server&code_challenge=") {
		t.Fatalf("%s, %v", start.URL, err)
	}
	params := s.op.authorizePlain(start.URL)
	delete(params, "iss")
	arrival, err := b.Callback(t.Context(), bff.Return{Params: params, Cookie: start.Cookie})
	if err != nil || arrival.Cookie == "" {
		t.Fatalf("%+v, %v", arrival, err)
	}
	if to, err := b.Logout(t.Context(), home, arrival.Cookie); err != nil || to != "/" || len(s.op.revoked) != 0 {
		t.Errorf("signed out to %s, %v", to, err)
	}
}
