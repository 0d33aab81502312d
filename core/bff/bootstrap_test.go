package bff_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/strictjson"
)

const (
	registers = "POST /dcr/register"
	reads     = "GET /dcr/register/bff-server"
	updates   = "PATCH /dcr/register/bff-server"
)

func (s *site) counts(registered, read, updated int) {
	s.Helper()
	if r, g, u := s.op.count(registers), s.op.count(reads), s.op.count(updates); r != registered || g != read || u != updated {
		s.Errorf("registered %d, read %d, updated %d; want %d, %d, %d", r, g, u, registered, read, updated)
	}
}

// The first start registers; what is asked for is a confidential client with its own key and nothing more.
func TestFirstStart(t *testing.T) {
	s := newSite(t)
	s.wantCode("before", s.Ready(), core.TemporarilyUnavailable)
	if got := string(s.JWKS()); got != `{"keys":[]}` {
		t.Errorf("keys before: %s", got)
	}
	if err := s.Bootstrap(t.Context()); err != nil || s.Ready() != nil {
		t.Fatal(err, s.Ready())
	}
	s.counts(1, 0, 0)
	kept := s.store.registration
	if kept.ClientID != "bff-server" || kept.Token.Reveal() != s.op.token || kept.IDTokenAlg != "ES256" || kept.Issuer != issuerURL {
		t.Errorf("kept: %+v", kept)
	}
	jwks, _ := s.op.client.Get("jwks")
	if jwks.String() != string(s.JWKS()) {
		t.Errorf("registered keys %s\npublished %s", jwks, s.JWKS())
	}
	got := s.op.client.Without("jwks").String()
	want := `{"client_name":"bff-server","redirect_uris":["http://localhost:8080/auth/callback","http://127.0.0.1:8080/auth/callback"],` +
		`"post_logout_redirect_uris":["http://localhost:8080/","http://127.0.0.1:8080/"],"grant_types":["authorization_code","refresh_token"],` +
		`"response_types":["code"],"scope":"openid profile email offline_access","subject_type":"public","token_endpoint_auth_method":"private_key_jwt",` +
		`"token_endpoint_auth_signing_alg":"ES256","id_token_signed_response_alg":"ES256","require_pushed_authorization_requests":true,` +
		`"client_profile":"code-flow-pkjwt","client_id":"bff-server"}`
	if got != want {
		t.Errorf("registered %s\nwant       %s", got, want)
	}
}

// Who is told to end while the issuer registers it keeps what comes of that: the token is spent, and the id is taken.
func TestToldToEndMeanwhile(t *testing.T) {
	s := newSite(t)
	ctx, end := context.WithCancel(t.Context())
	s.op.done = func(name string) {
		if name == registers {
			end()
		}
	}
	_ = s.Bootstrap(ctx)
	if kept := s.store.registration; ctx.Err() == nil || kept.ClientID != "bff-server" || kept.Token.Reveal() != s.op.token {
		t.Errorf("ended: %v; kept: %+v", ctx.Err(), kept)
	}
}

// A restart with the same wishes writes nothing; it only looks whether the issuer still knows us.
func TestRestart(t *testing.T) {
	s := open(t)
	before, keys := s.store.registration, string(s.JWKS())
	again := s.replica(settings())
	if err := again.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.counts(1, 1, 0)
	if s.op.mint != 1 || !s.store.registration.Equal(before) || string(again.JWKS()) != keys {
		t.Errorf("%d tokens minted; registration %+v", s.op.mint, s.store.registration)
	}
}

// Other redirect URIs or another scope are an update (RFC 7592), with the same key and without an initial access token.
func TestChangedMetadata(t *testing.T) {
	for name, change := range map[string]func(*bff.Settings){
		"origins": func(x *bff.Settings) { x.Origins = x.Origins[:1] },
		"scope":   func(x *bff.Settings) { x.Scope = []string{"openid"} },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			with, before := settings(), s.store.registration
			change(&with)
			changed := s.replica(with)
			if err := changed.Bootstrap(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.counts(1, 1, 1)
			after := s.store.registration
			if s.op.mint != 1 || after.Key != before.Key || after.Digest == before.Digest || after.Token.Reveal() != s.op.token {
				t.Errorf("%d tokens minted; kept %+v", s.op.mint, after)
			}
			if sent := s.op.bodies[len(s.op.bodies)-1]; strings.Contains(sent, "client_profile") || strings.Contains(sent, "grant_types") {
				t.Errorf("an update names the profile, which cannot be changed, or what has not changed: %s", sent)
			}
			s.Backend = changed
			s.signIn()
		})
	}
}

// Where policy wants more of every client than this one can do, nobody could sign in: the start says so, with what it is and where to
// look. It spends one token on that, and goes on by itself when policy lets it.
func TestMoreThanItCan(t *testing.T) {
	for adds, says := range map[string]string{
		`{"id_token_encrypted_response_alg":"ECDH-ES","id_token_encrypted_response_enc":"A128GCM"}`: `with id_token_encrypted_response_alg "ECDH-ES",`,
		`{"userinfo_encrypted_response_alg":"RSA-OAEP"}`:                                            `with userinfo_encrypted_response_alg "RSA-OAEP",`,
		`{"userinfo_signed_response_alg":"ES256","require_signed_request_object":true}`:             `with userinfo_signed_response_alg "ES256", require_signed_request_object true,`,
		`{"dpop_bound_access_tokens":true}`:                                                         `with dpop_bound_access_tokens true,`,
		`{"tls_client_certificate_bound_access_tokens":true}`:                                       `with tls_client_certificate_bound_access_tokens true,`,
	} {
		t.Run(adds, func(t *testing.T) {
			s := newSite(t)
			s.op.adds = document(t, adds)
			for range 2 {
				err := s.Bootstrap(t.Context())
				s.wantCode("start", err, core.TemporarilyUnavailable)
				for _, text := range []string{"registered bff-server " + says, "the decision d-1 says which"} {
					if err == nil || !strings.Contains(errors.Unwrap(err).Error(), text) {
						t.Errorf("%v, want %q", errors.Unwrap(err), text)
					}
				}
			}
			s.counts(1, 1, 1)
			s.op.adds = document(t, `{"dpop_bound_access_tokens":false}`)
			if err := s.Bootstrap(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.counts(1, 2, 2)
			s.signIn()
		})
	}
}

// A client that is gone is registered anew, whether that shows when it is read or when it is updated.
func TestClientGone(t *testing.T) {
	for name, with := range map[string]bff.Settings{"same wishes": settings(), "other wishes": {ClientID: bff.DefaultClientID, Issuer: issuerURL, Origins: []string{"http://localhost:8080"}}} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			before := s.store.registration
			s.op.client = strictjson.Value{}
			s.Backend = s.replica(with)
			if err := s.Bootstrap(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s.op.count(registers) != 2 || s.store.registration.Key == before.Key || s.store.holder != "" {
				t.Errorf("%d registrations, kept %+v, lease %q", s.op.count(registers), s.store.registration, s.store.holder)
			}
			s.signIn()
		})
	}
}

// When the id we would like is taken, because a registration got lost, any other one does.
func TestWantedIDTaken(t *testing.T) {
	s := open(t)
	s.store.registration = bff.Registration{}
	s.Backend = s.replica(settings())
	if err := s.Bootstrap(t.Context()); err != nil || s.store.registration.ClientID != "c-random" {
		t.Fatalf("%v; kept %+v", err, s.store.registration)
	}
	s.signIn()
}

// An issuer that has moved is asked at its new address.
func TestIssuerMoved(t *testing.T) {
	s := open(t)
	s.store.registration.Issuer, s.store.registration.URI = "http://old.example", "http://old.example/dcr/register/bff-server"
	if err := s.replica(settings()).Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.counts(1, 1, 0)
}

// A failure is told with what to do about it, to everybody who asks, until it is over.
func TestBootstrapFails(t *testing.T) {
	for name, test := range map[string]struct {
		status     int
		body, says string
	}{
		"scope":    {400, `{"error":"invalid_scope","error_description":"secret detail"}`, "policy.allowed_scopes in dcr_config.yaml"},
		"redirect": {400, `{"error":"invalid_redirect_uri"}`, "policy for redirect_uris"},
		"metadata": {400, `{"error":"invalid_client_metadata"}`, "check redirect_uris, grant_types and token_endpoint_auth_method"},
		"token":    {401, `{"error":"invalid_token"}`, "mint another one"},
		"other":    {403, `{"error":"access_denied","decision_id":"d-1"}`, "look up its decision"},
		"html":     {502, `<html>`, "look up its decision"},
		"nothing":  {201, `{}`, "see the log"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.op.failing(registers, test.status, test.body)
			err := s.Bootstrap(t.Context())
			for what, err := range map[string]error{"bootstrap": err, "ready": s.Ready(), "login": second(s.Login(t.Context(), home, "/")), "session": second(s.Session(t.Context(), "x"))} {
				s.wantCode(what, err, core.TemporarilyUnavailable)
				if e := core.AsError(err); !strings.Contains(e.Detail, test.says) || strings.Contains(e.Detail, "secret detail") || e.RetryAfter == 0 {
					t.Errorf("%s says %q, wants %q", what, e.Detail, test.says)
				}
			}
			if s.store.holder != "" {
				t.Error("the lease is kept after the failure")
			}
			s.op.healed(registers)
			if err := s.Bootstrap(t.Context()); err != nil || s.Ready() != nil {
				t.Errorf("healed: %v", err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// Nobody to mint a token: also a failure that is told. What is wrong with the configuration is said, a fault of ours is not.
func TestMintFails(t *testing.T) {
	for says, cause := range map[string]error{
		"did not answer": errors.New("the store is full"),
		`client_profile "code-flow-pkjwt" is not offered`: core.Refuse(core.InvalidClientMetadata, `client_profile "code-flow-pkjwt" is not offered.`),
	} {
		s := newSite(t)
		b, err := bff.New(bff.Parts{Store: s.store, Door: s.op.peer, Keys: s.op, Now: s.clock.now, Mint: func(context.Context) (core.Secret, error) {
			return "", cause
		}}, settings())
		if err != nil {
			t.Fatal(err)
		}
		err = b.Bootstrap(t.Context())
		s.wantCode("bootstrap", err, core.TemporarilyUnavailable)
		if detail := core.AsError(err).Detail; !strings.Contains(detail, says) || strings.Contains(detail, "store is full") {
			t.Errorf("%v is told as %q", cause, detail)
		}
		s.counts(0, 0, 0)
	}
}

// Many replicas that start at once: one registers, the others wait and take what it made.
func TestOneReplicaRegisters(t *testing.T) {
	s := newSite(t)
	replicas := make([]*bff.Backend, 10)
	var all sync.WaitGroup
	for i := range replicas {
		replicas[i] = s.replica(settings())
		all.Go(func() {
			err := errors.New("not tried")
			for err != nil {
				if err = replicas[i].Bootstrap(t.Context()); err != nil && !errors.Is(err, bff.ErrLeased) {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if s.op.count(registers) != 1 {
		t.Errorf("%d registrations", s.op.count(registers))
	}
	for i, b := range replicas {
		if string(b.JWKS()) != string(replicas[0].JWKS()) {
			t.Errorf("replica %d has another key", i)
		}
	}
}

// The lease of a replica that died runs out.
func TestLeaseRunsOut(t *testing.T) {
	s := newSite(t)
	if err := s.store.Lease(t.Context(), "dead", s.clock.now().Add(30*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := s.Bootstrap(t.Context()); !errors.Is(err, bff.ErrLeased) || !strings.Contains(err.Error(), "another replica") {
		t.Errorf("while it lives: %v", err)
	}
	s.clock.advance(30 * time.Second)
	if err := s.Bootstrap(t.Context()); err != nil {
		t.Error(err)
	}
}

// Run tries again, ever more slowly, and wakes up when the issuer says that it does not know us.
func TestRun(t *testing.T) {
	s := newSite(t)
	waits, goOn := make(chan time.Duration), make(chan time.Time)
	b, err := bff.New(bff.Parts{Store: s.store, Door: s.op.peer, Keys: s.op, Now: s.clock.now, Mint: s.mint, After: func(d time.Duration) <-chan time.Time {
		waits <- d
		return goOn
	}}, settings())
	if err != nil {
		t.Fatal(err)
	}
	s.op.failing(registers, 500, "")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { b.Run(ctx); close(ended) }()
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60} {
		if got := <-waits; got != want*time.Second {
			t.Errorf("waits %v, want %ds", got, want)
		}
		goOn <- time.Time{}
	}
	if got := <-waits; got != time.Minute {
		t.Errorf("waits %v at last", got)
	}
	s.op.healed(registers)
	_ = s.store.Lease(ctx, "other", s.clock.now().Add(time.Minute)) // and now it waits for another replica
	goOn <- time.Time{}
	if got := <-waits; got != time.Second {
		t.Errorf("waits %v for another replica", got)
	}
	_ = s.store.Release(ctx, "other")
	goOn <- time.Time{}
	if got := <-waits; got != time.Hour || b.Ready() != nil {
		t.Errorf("registered: waits %v, %v", got, b.Ready())
	}
	s.op.mu.Lock()
	s.op.client = strictjson.Value{}
	s.op.mu.Unlock()
	if _, err := b.Login(ctx, home, "/"); core.CodeOf(err) != core.TemporarilyUnavailable {
		t.Errorf("login of an unknown client: %v", err)
	}
	if got := <-waits; got != time.Hour || second(b.Login(ctx, home, "/")) != nil {
		t.Errorf("registered anew: waits %v", got)
	}
	stop()
	<-ended
}

// eventually asks again and again, for as long as the test may run.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for !holds() {
		if t.Context().Err() != nil {
			t.Fatal("it never came true")
		}
		runtime.Gosched()
	}
}

// Bad settings are all told at once.
func TestBadSettings(t *testing.T) {
	_, err := bff.New(bff.Parts{}, bff.Settings{
		Issuer: "https://id.example.com/", Origins: []string{"https://a.example", "http://localhost:1", "http://b.example", "https://c.example/"},
		KeyLife: time.Hour, Scope: []string{"profile"}, AfterLogout: "//evil", SessionLife: -1,
	})
	for _, want := range []string{"without a slash", "all https or all http", `"http://b.example" is no origin`, `"https://c.example/" is no origin`, "lacks openid", `"//evil"`, "negative", "two days"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	if _, err := bff.New(bff.Parts{}, bff.Settings{Issuer: issuerURL}); err == nil || !strings.Contains(err.Error(), "at least one origin") {
		t.Errorf("without origins: %v", err)
	}
}

func document(t *testing.T, text string) strictjson.Value {
	t.Helper()
	doc, err := strictjson.Parse([]byte(text), strictjson.Default)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
