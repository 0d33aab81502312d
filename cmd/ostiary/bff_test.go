package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The environment as guides to other backends print it: the one of its registration as a client that proves itself by a key, and the one
// that mends its start. Only the hosts are others, and KEYS stands for the folder of keys.
const (
	registerSample = `
AUTH_CLIENT_ID=bff-server
MS_BFF_TOKEN_AUTH_METHOD=private_key_jwt
BFF_JWT_SIGNING_KEY=KEYS/fapi-adv-key-1.pem
DCR_IAT=IAT
DCR_CLIENT_ID=bff-server
DCR_CLIENT_PROFILE=code-flow-pkjwt
DCR_SIGNING_KEY=KEYS/fapi-adv-key-1.pem
DCR_REDIRECT_URIS=https://automate.example.com/auth/callback,https://authn.example.com/auth/callback,https://authz.example.com/auth/callback
DCR_FORCE_REPLACE=true`
	startSample = `
DCR_ENABLED=true
SKIP_DCR_BOOTSTRAP=false
IDP_BASE_URL=ISSUER
DCR_IAT=IAT
ALLOW_BOOTSTRAP_FAILURE=false`
)

const automate = "https://automate.example.com"

// A stand is an issuer with room for a backend beside it.
type stand struct {
	*devServer
	dir    string
	logout string // the issuer's end of sessions; empty: as this program has it
}

func newStand(t *testing.T) *stand {
	t.Helper()
	return &stand{devServer: runDev(t), dir: t.TempDir()}
}

// ticket mints an initial access token as the guides do.
func (s *stand) ticket() string {
	s.Helper()
	got := s.asOperator(http.MethodPost, "/api/admin/dcr/initial-access-tokens", `{"label":"ms-bff bootstrap","expires_in":3600,"max_usages":1}`)
	return textOf(answered(s.T, got, http.StatusCreated), "token")
}

// asOperator calls the operators' API; CLIENT_ID in a path stands for bff-server.
func (s *stand) asOperator(method, path, body string) fetch.Response {
	s.Helper()
	path = strings.Replace(path, "CLIENT_ID", "bff-server", 1)
	header := http.Header{"Authorization": {"Bearer " + s.Token}}
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	got, err := fetch.NewPeer(fetch.PeerOptions{}).Do(s.Context(), fetch.Request{Method: method, URL: s.BaseURL + path, Header: header, Body: []byte(body)})
	if err != nil {
		s.Fatal(err)
	}
	return got
}

// client gives what the issuer has of bff-server.
func (s *stand) client() strictjson.Value {
	s.Helper()
	doc := answered(s.T, s.asOperator(http.MethodGet, "/api/admin/clients/CLIENT_ID", ""), http.StatusOK)
	metadata, _ := doc.Get("metadata")
	return metadata
}

// environment is both samples, with the variables in change in their place; an empty value takes one away.
func (s *stand) environment(change ...string) []string {
	fill := strings.NewReplacer("KEYS", filepath.Join(s.dir, "keys"), "ISSUER", s.Issuer)
	list := strings.Fields(fill.Replace(registerSample + startSample))
	for _, pair := range change {
		name, _, _ := strings.Cut(pair, "=")
		list = append(slices.DeleteFunc(list, func(old string) bool { return strings.HasPrefix(old, name+"=") }), fill.Replace(pair))
	}
	return list
}

// A lone is a backend that runs by itself.
type lone struct {
	*stand
	*outpost
	at    string // where it listens
	said  *transcript
	stop  func()
	ended chan error
}

// run starts a backend with an environment, and waits until it has begun or has ended.
func (s *stand) run(environment ...string) *lone {
	s.Helper()
	settings, _, err := readBackend("", func(b *backendSettings) {
		b.DataDir, b.Listen, b.OpsListen, b.Storage.MinFreeMiB = s.dir, "localhost:0", "localhost:0", 0
	}, environment)
	if err != nil {
		s.Fatal(err)
	}
	public, private := s.port(), s.port()
	settings.bound(public.Addr())
	b := &lone{stand: s, said: &transcript{}, ended: make(chan error, 1), at: "http://" + public.Addr().String()}
	if b.outpost, err = buildOutpost(settings, slog.New(slog.NewTextHandler(b.said, nil))); err != nil {
		s.Fatal(err)
	}
	ctx, stop := context.WithCancel(s.Context())
	var once sync.Once
	b.stop = func() {
		once.Do(func() {
			stop()
			b.ended <- errors.Join(<-b.ended, b.close())
		})
	}
	s.Cleanup(b.stop)
	go func() { b.ended <- b.outpost.serve(ctx, public, private) }()
	for !b.started.Load() && len(b.ended) == 0 && s.Context().Err() == nil {
		runtime.Gosched()
	}
	return b
}

func (s *stand) port() net.Listener {
	s.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	return ln
}

// end ends a backend and gives what it ended with.
func (b *lone) end() error {
	b.stop()
	err := <-b.ended
	b.ended <- err
	return err
}

func (b *lone) wantSaid(wanted ...string) {
	b.Helper()
	for _, want := range wanted {
		if !strings.Contains(b.said.String(), want) {
			b.Errorf("%q is not in the log:\n%s", want, b.said)
		}
	}
}

// A transcript is a log that can be read while it is written.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String gives what was written.
func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// edge is the proxy that ends TLS before a backend.
type edge struct {
	to  string
	raw http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (e edge) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Hostname(), ".example.com") {
		r = r.Clone(r.Context())
		r.Host, r.URL.Scheme, r.URL.Host = r.URL.Host, "http", strings.TrimPrefix(e.to, "http://")
	}
	return e.raw.RoundTrip(r)
}

// visitor is a person whose browser comes to a backend through an edge.
func (b *lone) visitor() *person {
	p := newPerson(b.T, b.DemoUser)
	p.browser = fetch.NewPeer(fetch.PeerOptions{Cookies: true, Through: edge{b.at, fetch.NewPeer(fetch.PeerOptions{}).HTTPClient().Transport}})
	return p
}

// wantSignIn signs somebody in at an origin, renews their tokens and signs them out. It gives them, and where they are sent then.
func (b *lone) wantSignIn(origin string) (p *person, to string) {
	b.Helper()
	p = b.visitor()
	p.visit(origin+"/auth/login?return_to=%2Finbox", origin+"/inbox")
	session := answered(b.T, p.get(origin+"/auth/session"), http.StatusOK)
	if !isOn(session, "authenticated") || textOf(session, "preferred_username") != "demo" {
		b.Fatalf("session: %s\n%s", session, b.said)
	}
	answered(b.T, p.post(origin+"/auth/refresh", nil), http.StatusOK)
	leave := fetch.Request{Method: http.MethodPost, URL: origin + "/auth/logout", Header: http.Header{"X-Csrf": {"1"}}}
	to = textOf(answered(b.T, p.ask(leave), http.StatusOK), "logout_url")
	if !strings.HasPrefix(to, b.Issuer+cmp.Or(b.logout, "/logout?")) {
		b.Errorf("signed out to %s", to)
	}
	if session := answered(b.T, p.get(origin+"/auth/session"), http.StatusOK); isOn(session, "authenticated") {
		b.Errorf("after the sign-out: %s", session)
	}
	return p, to
}

// writeKey makes a key file of the kind that an algorithm needs, and gives the id of the key.
func (s *stand) writeKey(alg string) string {
	s.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		s.Fatal(err)
	}
	text, err := jose.MarshalPEM(key)
	if err != nil {
		s.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(s.dir, "keys"), 0o700), os.WriteFile(filepath.Join(s.dir, "keys", "fapi-adv-key-1.pem"), text, 0o600)); err != nil {
		s.Fatal(err)
	}
	return key.ID()
}

// kids lists the keys of a client.
func kids(client strictjson.Value) (list []string) {
	jwks, _ := client.Get("jwks")
	keys, _ := jwks.Get("keys")
	for _, jwk := range keys.Items() {
		list = append(list, textOf(jwk, "kid"))
	}
	return list
}

// The samples of the guides, with only the hosts changed, bring a backend up; what they say about the days after holds, too: a restart
// does nothing, with the token and without; a fresh token replaces the client, once; a new key is taken along.
func TestGuidesSamples(t *testing.T) {
	s := newStand(t)
	kid := s.writeKey(jose.PS256)
	ticket := s.ticket()
	b := s.run(s.environment("DCR_IAT=" + ticket)...)
	b.wantSaid("201 Created", "Client registered: bff-server")
	first := s.client()
	if got := kids(first); len(got) != 1 || got[0] != kid || textOf(first, "token_endpoint_auth_method") != "private_key_jwt" {
		t.Errorf("registered %s", first)
	}
	for _, host := range []string{"automate", "authn", "authz"} {
		b.wantSignIn("https://" + host + ".example.com")
	}
	if err := b.end(); err != nil {
		t.Fatal(err)
	}
	for what, environment := range map[string][]string{"again": s.environment("DCR_IAT=" + ticket), "without the token": s.environment("DCR_IAT=")} {
		b := s.run(environment...)
		b.wantSaid("Ready: the registration is as it should be")
		b.wantSignIn(automate)
		if now := s.client(); !strictjson.Equal(now, first) || strings.Contains(b.said.String(), "Client registered") {
			t.Errorf("%s: %s", what, now)
		}
		if err := b.end(); err != nil {
			t.Error(err)
		}
	}
	history := len(answered(t, s.asOperator(http.MethodGet, "/api/admin/clients/CLIENT_ID/history", ""), http.StatusOK).String())
	b = s.run(s.environment("DCR_IAT=" + s.ticket())...)
	b.wantSaid("Client registered: bff-server")
	b.wantSignIn(automate)
	_ = b.end()
	if again := len(answered(t, s.asOperator(http.MethodGet, "/api/admin/clients/CLIENT_ID/history", ""), http.StatusOK).String()); again == history {
		t.Error("the client was not replaced")
	}
	next := s.writeKey(jose.ES256)
	b = s.run(s.environment("DCR_IAT=")...)
	b.wantSaid("JWKS rotated successfully")
	b.wantSignIn(automate)
	if got := kids(s.client()); !slices.Equal(got, []string{kid, next}) {
		t.Errorf("the issuer has %v, want %v", got, []string{kid, next})
	}
	if set := answered(t, b.visitor().get(automate+"/.well-known/jwks.json"), http.StatusOK).String(); !strings.Contains(set, kid) || !strings.Contains(set, next) {
		t.Errorf("published: %s", set)
	}
}

// Each sample alone starts: what it does not say is as elsewhere.
func TestEachSampleStarts(t *testing.T) {
	s := &stand{devServer: &devServer{T: t}, dir: t.TempDir()}
	fill := strings.NewReplacer("KEYS", s.dir, "ISSUER", "https://id.example.com/api/oidc")
	for name, sample := range map[string]string{"register": registerSample, "start": startSample} {
		got, notes, err := readBackend("", func(*backendSettings) {}, strings.Fields(fill.Replace(sample)))
		if err != nil || len(notes) > 0 {
			t.Errorf("%s: %v, %v", name, err, notes)
		}
		if name == "register" && (got.Provider.Issuer != defaultIssuer || len(got.Site.Common.Origins) != 3) || name == "start" && got.Site.Common.Origins[0] != "http://localhost:8090" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Without a token and without a client nothing is to be done: it ends, and says what is missing; or it stays and says so to everybody.
func TestNoTicket(t *testing.T) {
	s := newStand(t)
	const hint = "Get new RAT/IAT from /api/admin/dcr/initial-access-tokens and update DCR_IAT"
	b := s.run(s.environment("DCR_IAT=")...)
	if err := b.end(); err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("ended with %v", err)
	}
	b = s.run(s.environment("DCR_IAT=used-up-or-wrong")...)
	if err := b.end(); err == nil || !strings.Contains(err.Error(), "DCR_IAT is expired, revoked or used up") || strings.Contains(err.Error(), "used-up-or-wrong") {
		t.Errorf("with a bad token: %v", err)
	}
	b = s.run(s.environment("DCR_IAT=", "ALLOW_BOOTSTRAP_FAILURE=true")...)
	for _, path := range []string{"/auth/login", "/auth/session"} {
		if got := b.visitor().get(automate + path); got.Status != http.StatusServiceUnavailable || !strings.Contains(string(got.Body), hint) {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	if b.health(t.Context()).Status != "unavailable" {
		t.Error("it says that it is ready")
	}
}

// A registration access token that counts no more: an operator's token has it renewed; without one it ends and says what to do, and
// leaves the client alone.
func TestTokenRenewed(t *testing.T) {
	s := newStand(t)
	_ = s.run(s.environment("DCR_IAT=" + s.ticket())...).end()
	answered(t, s.asOperator(http.MethodPost, "/api/admin/dcr/clients/CLIENT_ID/tokens", ""), http.StatusCreated)
	scope := "OIDC_SCOPES=openid profile"
	b := s.run(s.environment("DCR_IAT=", scope)...)
	if err := b.end(); err == nil || !strings.Contains(err.Error(), "BOOTSTRAP_ADMIN_TOKEN") {
		t.Errorf("without an operator's token: %v", err)
	}
	b = s.run(s.environment("DCR_IAT=", scope, "BOOTSTRAP_ADMIN_TOKEN=wrong-token-of-nobody")...)
	if err := b.end(); err == nil || !strings.Contains(err.Error(), "does not accept the operator's token") {
		t.Errorf("with a wrong one: %v", err)
	}
	b = s.run(s.environment("DCR_IAT=", scope, "BOOTSTRAP_ADMIN_TOKEN="+s.Token)...)
	if got := textOf(s.client(), "scope"); got != "openid profile" {
		t.Errorf("scope %q\n%s", got, b.said)
	}
	b.wantSaid("Client updated: bff-server")
	b.wantReady()
	if strings.Contains(b.said.String(), s.Token) {
		t.Error("the operator's token is in the log")
	}
}

func (b *lone) wantReady() {
	b.Helper()
	if err := b.backend.Ready(); err != nil {
		b.Fatalf("%v\n%s", err, b.said)
	}
}

// What an update makes of redirect URIs that somebody added at the issuer.
func TestRedirectModes(t *testing.T) {
	s := newStand(t)
	_ = s.run(s.environment("DCR_IAT=" + s.ticket())...).end()
	added, own := `"https://other.example.com/auth/callback"`, `"https://automate.example.com/auth/callback"`
	for _, test := range []struct{ change, want string }{
		{"DCR_REDIRECT_UPDATE_MODE=none", `[` + added + `]`},
		{"DCR_REDIRECT_UPDATE_MODE=merge", `[` + added + `,` + own + `]`},
		{"DCR_ROTATION_SAFE=true", `[` + added + `,` + own + `]`},
		{"DCR_REDIRECT_UPDATE_MODE=auto", `[` + own + `]`},
		{"DCR_REDIRECT_UPDATE_MODE=replace", `[` + own + `]`},
	} {
		answered(t, s.asOperator(http.MethodPatch, "/api/admin/clients/CLIENT_ID", `{"redirect_uris":[`+added+`]}`), http.StatusOK)
		b := s.run(s.environment("DCR_IAT=", "DCR_REDIRECT_URIS="+strings.Trim(own, `"`), test.change)...)
		b.wantReady()
		uris, _ := s.client().Get("redirect_uris")
		if uris.String() != test.want {
			t.Errorf("%s: %s, want %s", test.change, uris, test.want)
		}
		_ = b.end()
	}
}

// Secrets instead of a key: registered by itself, or by an operator.
func TestSecrets(t *testing.T) {
	s := newStand(t)
	b := s.run(s.environment("DCR_IAT="+s.ticket(), "MS_BFF_TOKEN_AUTH_METHOD=client_secret_basic", "DCR_CLIENT_PROFILE=code-flow-secret",
		"AUTH_CLIENT_ID=", "DCR_CLIENT_ID=", "BFF_JWT_SIGNING_KEY=", "DCR_SIGNING_KEY=")...)
	b.wantReady()
	b.wantSignIn(automate)
	if got := string(b.backend.JWKS()); got != `{"keys":[]}` {
		t.Errorf("keys: %s", got)
	}
	for _, method := range []oauth.AuthMethod{oauth.AuthClientSecretPost, oauth.AuthClientSecretBasic} {
		made := answered(t, s.asOperator(http.MethodPost, "/api/admin/clients", `{"client_name":"by hand","redirect_uris":["`+automate+`/auth/callback"],`+
			`"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"`+string(method)+`"}`), http.StatusCreated)
		b := (&stand{devServer: s.devServer, dir: t.TempDir()}).run("DCR_ENABLED=false", "OIDC_ISSUER="+s.Issuer, "AUTH_CLIENT_ID="+textOf(made, "client_id"),
			"AUTH_CLIENT_SECRET="+textOf(made, "client_secret"), "MS_BFF_TOKEN_AUTH_METHOD="+string(method), "BFF_CALLBACK_URL="+automate+"/auth/callback", "MS_BFF_PAR_ENABLED=false")
		b.wantSaid("nothing is asked of the identity provider")
		b.wantSignIn(automate)
	}
}

// Another method at the next start: the client is changed at the issuer, there and back, and sign-in works each time.
func TestMethodChanges(t *testing.T) {
	s := newStand(t)
	for i, method := range []string{"private_key_jwt", "client_secret_post", "client_secret_basic", "private_key_jwt"} {
		change := []string{"MS_BFF_TOKEN_AUTH_METHOD=" + method, "DCR_CLIENT_PROFILE=", "DCR_CLIENT_ID=", "AUTH_CLIENT_ID=", "DCR_FORCE_REPLACE=", "DCR_IAT="}
		if i == 0 {
			change[len(change)-1] = "DCR_IAT=" + s.ticket()
		}
		b := s.run(s.environment(change...)...)
		b.wantReady()
		b.wantSignIn(automate)
		if warned := strings.Contains(b.said.String(), "client_secret_post sends the secret"); warned != (method == "client_secret_post") {
			t.Errorf("%s: %s", method, b.said)
		}
		if err := b.end(); err != nil {
			t.Error(err)
		}
	}
}

// A client that an operator registered, with its key: by the name that the operator gave the key.
func TestGivenClient(t *testing.T) {
	s := newStand(t)
	s.writeKey(jose.PS256)
	text, err := os.ReadFile(filepath.Join(s.dir, "keys", "fapi-adv-key-1.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := jose.ParseClientPEM(text, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := jose.PublicJWK(key.Named("fapi-adv-key-1"))
	if err != nil {
		t.Fatal(err)
	}
	made := answered(t, s.asOperator(http.MethodPost, "/api/admin/clients", `{"redirect_uris":["`+automate+`/auth/callback"],"grant_types":["authorization_code","refresh_token"],`+
		`"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[`+string(public)+`]}}`), http.StatusCreated)
	id := "AUTH_CLIENT_ID=" + textOf(made, "client_id")
	base := strings.TrimSuffix(s.Issuer, "/api/oidc") // also without the issuer's path
	b := s.run(s.environment("SKIP_DCR_BOOTSTRAP=true", "DCR_IAT=", "DCR_CLIENT_ID=", id, "BFF_KID=fapi-adv-key-1", "IDP_BASE_URL="+base)...)
	b.wantReady()
	b.wantSignIn(automate)
	_ = b.end()
	s.writeKey(jose.PS256)
	b = s.run(s.environment("SKIP_DCR_BOOTSTRAP=true", "DCR_IAT=", "DCR_CLIENT_ID=", id, "BFF_KID=fapi-adv-key-1")...)
	if got := b.visitor().get(automate + "/auth/login"); got.Status != http.StatusServiceUnavailable {
		t.Errorf("with another key: %d", got.Status)
	}
	b.wantSaid("AUTH_CLIENT_ID, MS_BFF_TOKEN_AUTH_METHOD and BFF_JWT_SIGNING_KEY")
}

// A key that the backend made is turned by itself: the issuer knows the new one before it signs, and the file follows.
func TestOwnKeyTurns(t *testing.T) {
	s := newStand(t)
	own := []string{"BFF_JWT_SIGNING_KEY=", "DCR_SIGNING_KEY="}
	_ = s.run(s.environment(append(own, "DCR_IAT="+s.ticket())...)...).end()
	before := kids(s.client())
	b := s.run(s.environment(append(own, "DCR_IAT=", "BFF_JWK_ROTATE_AFTER_DAYS=0", "BFF_JWK_MAX_KEYS=2")...)...)
	for !strings.Contains(b.said.String(), "looked after") && !strings.Contains(b.said.String(), "keys were turned") && t.Context().Err() == nil {
		runtime.Gosched()
	}
	after := kids(s.client())
	if len(before) != 1 || len(after) != 2 || after[0] != before[0] {
		t.Errorf("before %v, after %v", before, after)
	}
	b.wantSignIn(automate)
	_ = b.end()
	kept, err := b.settings.kept(nil).Registration(t.Context())
	if err != nil || len(kept.Older) != 1 || !strings.Contains(kept.Older[0].JWK, before[0]) {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

// A folder that nothing can be written to: nothing is changed at the issuer.
func TestNothingKeptNothingDone(t *testing.T) {
	s := newStand(t)
	ticket := s.ticket()
	for _, nowhere := range [][]string{
		{"BFF_CLIENT_CRED_PATH=/proc/nowhere/bff_client.json"},
		{"BFF_JWT_SIGNING_KEY=/proc/nowhere/bff.pem", "DCR_SIGNING_KEY=/proc/nowhere/bff.pem"},
	} {
		b := s.run(s.environment(append(nowhere, "DCR_IAT="+ticket)...)...)
		if err := b.end(); err == nil || !strings.Contains(err.Error(), "cannot be kept") {
			t.Errorf("%s: ended with %v", nowhere, err)
		}
	}
	key := filepath.Join(s.dir, "spoilt.pem")
	if err := os.WriteFile(key, []byte("SPOILT"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := s.run(s.environment("DCR_IAT="+ticket, "BFF_JWT_SIGNING_KEY="+key, "DCR_SIGNING_KEY="+key)...)
	if err := b.end(); err == nil || !strings.Contains(err.Error(), "check IDP_BASE_URL, OIDC_ISSUER, BFF_CLIENT_CRED_PATH and BFF_JWT_SIGNING_KEY") || !strings.Contains(err.Error(), key) {
		t.Errorf("with a spoilt key: %v", err)
	}
	b = s.run(s.environment("DCR_IAT=" + ticket)...)
	b.wantSaid("Client registered: bff-server") // the token was not spent
}

// What became of it is pushed to a gateway, in the names that others look for.
func TestPushedStatus(t *testing.T) {
	o := &outpost{log: slog.New(slog.DiscardHandler), pushing: fetch.NewPeer(fetch.PeerOptions{})}
	got := make(chan string, 1)
	gateway := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		got <- r.URL.Path + body.String()
		w.WriteHeader(http.StatusOK)
	})}
	ln := (&stand{devServer: &devServer{T: t}}).port()
	go func() { _ = gateway.Serve(ln) }()
	defer gateway.Close()
	o.settings.Registration.Pushgateway = "http://" + ln.Addr().String()
	for _, outcome := range []bff.Outcome{bff.Registered, bff.Updated, bff.Kept, bff.TokenInvalid, bff.TurnFailed} {
		o.pushStatus(outcome)
		if text := <-got; !strings.Contains(text, "/metrics/job/ostiary_bff") || !strings.Contains(text, "bff_dcr_status") || !strings.Contains(text, "jwks_rotation_failed") {
			t.Errorf("%q: %q", outcome, text)
		}
	}
}

// A gateway that does not answer keeps nobody waiting: the backend begins, and signs people in.
func TestSlowGateway(t *testing.T) {
	s := newStand(t)
	gateway := s.port() // that nobody listens at
	defer gateway.Close()
	b := s.run(s.environment("DCR_IAT="+s.ticket(), "PROM_PUSHGATEWAY_URL=http://"+gateway.Addr().String())...)
	b.wantReady()
	if b.pushed == nil {
		t.Fatal("nothing was pushed")
	}
	select {
	case <-b.pushed:
		t.Error("the gateway was waited for")
	default:
	}
}
