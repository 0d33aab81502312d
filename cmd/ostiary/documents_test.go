package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
)

// A publisher is a site with the metadata document of a client, and the server that reads it.
type publisher struct {
	*testing.T
	web     *httptest.Server
	page    atomic.Pointer[string] // at any path
	fetched atomic.Int64
	s       settings
	h       *house
	peer    *fetch.Peer // without a cookie
}

func publish(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{T: t}
	p.say("{}")
	p.web = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.fetched.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(*p.page.Load()))
	}))
	t.Cleanup(p.web.Close)
	at, err := url.Parse(p.web.URL)
	if err != nil {
		t.Fatal(err)
	}
	p.s = defaults()
	p.s.DataDir, p.s.Issuer, p.s.Sites = t.TempDir(), "http://localhost:8080/api/oidc", []string{"localhost:8080"}
	p.s.DCRConfig, p.s.TrustCA = filepath.Join(p.s.DataDir, "dcr_config.yaml"), filepath.Join(p.s.DataDir, "ca.pem")
	p.s.Storage.MinFreeMiB, p.s.PolicyDir = 0, t.TempDir()
	var port uint16
	if _, err := fmt.Sscan(at.Port(), &port); err != nil {
		t.Fatal(err)
	}
	p.s.Fetch.Allow = []fetch.Rule{{Host: "127.0.0.1", Port: port, Purpose: "client_id"}, {Host: "127.0.0.1", Port: port, Purpose: "jwks"}}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.web.Certificate().Raw})
	config := "client_id_metadata_documents: {enabled: true, ports: [" + at.Port() + "]}\n"
	for name, text := range map[string][]byte{p.s.TrustCA: ca, p.s.DCRConfig: []byte(config)} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.open()
	if _, err := p.h.people.login.Create(t.Context(), login.NewUser{Username: "ann", Password: "correct horse"}); err != nil {
		t.Fatal(err)
	}
	return p
}

// id is the client_id at a path.
func (p *publisher) id(path string) string { return p.web.URL + path }

// say publishes a document.
func (p *publisher) say(document string) { p.page.Store(&document) }

// open starts the server; it knows nothing of documents that it has read before.
func (p *publisher) open() {
	p.Helper()
	h, err := build(p.Context(), p.s, slog.New(slog.DiscardHandler))
	if err != nil {
		p.Fatal(err)
	}
	p.h, p.peer = h, fetch.NewPeer(fetch.PeerOptions{Through: h.server.RoundTripper()})
	p.Cleanup(func() { _ = h.close() })
}

func (p *publisher) again() {
	p.Helper()
	if err := p.h.close(); err != nil {
		p.Fatal(err)
	}
	p.open()
}

// ann is a person at a new browser.
func (p *publisher) ann() *person {
	return &person{T: p.T, browser: fetch.NewPeer(fetch.PeerOptions{Cookies: true, Through: p.h.server.RoundTripper()}), username: "ann", password: "correct horse"}
}

func (p *publisher) authorize(id, redirect string, more ...string) string {
	params := oauth.Params{
		"client_id": {id}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid offline_access"}, "state": {"s"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		params[more[i]] = []string{more[i+1]}
	}
	return p.s.Issuer + "/authorize?" + params.Encode()
}

// post sends a form to an endpoint of the issuer.
func (p *publisher) post(path string, form ...string) fetch.Response {
	p.Helper()
	params := oauth.Params{}
	for i := 0; i+1 < len(form); i += 2 {
		params[form[i]] = []string{form[i+1]}
	}
	got, err := p.peer.Do(p.Context(), fetch.Request{
		Method: http.MethodPost, URL: p.s.Issuer + path, Body: []byte(params.Encode()), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	})
	if err != nil {
		p.Fatal(err)
	}
	return got
}

func (p *publisher) redeem(id, redirect, code string, more ...string) fetch.Response {
	p.Helper()
	return p.post("/token", append([]string{
		"grant_type", "authorization_code", "client_id", id, "redirect_uri", redirect, "code", code, "code_verifier", appVerifier,
	}, more...)...)
}

func codeIn(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("code") == "" {
		t.Fatalf("no code in %s", address)
	}
	return u.Query().Get("code")
}

// A client that nobody registered signs somebody in; its document is read once, and kept in mind by what it says: after a start
// tokens are still good, and when it says something else, they are void and the person is asked again.
func TestDocumentSignsIn(t *testing.T) {
	p := publish(t)
	const redirect = "http://127.0.0.1:51000/callback" // the document leaves the port out
	id := p.id("/oauth/client.json")
	document := `{"client_id":"` + id + `","client_name":"Editor","redirect_uris":["http://127.0.0.1/callback","http://localhost/callback"],
		"grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],"response_types":["code"],"token_endpoint_auth_method":"none"}`
	p.say(document)
	ann := p.ann()
	page := ann.fill(ann.get(p.authorize(id, redirect)))
	page = ann.get(ann.from(page.URL, page.Header.Get("Location")))
	for _, says := range []string{"<bdi>Editor</bdi>", "Not verified", "<dt>It is described by</dt>", "<bdi>127.0.0.1:", "runs on this computer"} {
		if !strings.Contains(string(page.Body), says) {
			t.Errorf("the page does not say %q: %s", says, page.Body)
		}
	}
	sent := ann.fill(page).Header.Get("Location")
	tokens := answered(t, p.redeem(id, redirect, codeIn(t, sent)), http.StatusOK)
	access, refresh := textOf(tokens, "access_token"), textOf(tokens, "refresh_token")
	userinfo := func() int {
		got, err := p.peer.Do(t.Context(), fetch.Request{URL: p.s.Issuer + "/userinfo", Header: http.Header{"Authorization": {"Bearer " + access}}})
		if err != nil {
			t.Fatal(err)
		}
		return got.Status
	}
	if status := userinfo(); status != http.StatusOK || p.fetched.Load() != 1 {
		t.Fatalf("userinfo: %d; the document was fetched %d times", status, p.fetched.Load())
	}
	stored, _, err := p.h.clients.Page(t.Context(), registration.Filter{}, "", 10)
	if err != nil || len(stored) > 0 {
		t.Errorf("clients were stored: %v, %v", stored, err)
	}
	code := codeIn(t, p.ann().visit(p.authorize(id, redirect), redirect))

	p.again()
	if status := userinfo(); status != http.StatusOK {
		t.Errorf("userinfo after a start: %d", status)
	}
	tokens = answered(t, p.post("/token", "grant_type", "refresh_token", "client_id", id, "refresh_token", refresh), http.StatusOK)
	refresh = textOf(tokens, "refresh_token")

	p.say(strings.Replace(document, "http://localhost/callback", "https://evil.example/callback", 1))
	p.again()
	if status := userinfo(); status != http.StatusUnauthorized {
		t.Errorf("userinfo after a change: %d", status)
	}
	for name, got := range map[string]fetch.Response{
		"code":    p.redeem(id, redirect, code),
		"refresh": p.post("/token", "grant_type", "refresh_token", "client_id", id, "refresh_token", refresh),
	} {
		if refused := answered(t, got, http.StatusBadRequest); textOf(refused, "error") != "invalid_grant" {
			t.Errorf("%s: %s", name, refused)
		}
	}
	if p.fetched.Load() != 3 {
		t.Errorf("fetched %d times", p.fetched.Load())
	}
}

// A client with a key proves itself, pushes its request and is not asked about twice.
func TestDocumentWithAKey(t *testing.T) {
	p := publish(t)
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := jose.PublicJWK(key)
	if err != nil {
		t.Fatal(err)
	}
	const redirect = "https://app.example.com/cb"
	id := p.id("/client.json")
	p.say(`{"client_id":"` + id + `","client_name":"Service","redirect_uris":["` + redirect + `"],"jwks":{"keys":[` + string(jwk) + `]},
		"token_endpoint_auth_methods_supported":["none","private_key_jwt"]}`)
	count := 0
	assertion := func() []string {
		count++
		body, _ := json.Marshal(map[string]any{
			"iss": id, "sub": id, "aud": p.s.Issuer, "jti": fmt.Sprint(count), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		})
		signed, err := jose.Sign(key, "JWT", body)
		if err != nil {
			t.Fatal(err)
		}
		return []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", signed}
	}
	if refused := answered(t, p.post("/par", "client_id", id), http.StatusUnauthorized); textOf(refused, "error") != "invalid_client" {
		t.Errorf("without a proof: %s", refused)
	}
	pushed := answered(t, p.post("/par", append(assertion(), "response_type", "code", "redirect_uri", redirect, "scope", "openid offline_access",
		"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method", "S256")...), http.StatusCreated)
	ann := p.ann()
	code := codeIn(t, ann.visit(p.s.Issuer+"/authorize?"+oauth.Params{"client_id": {id}, "request_uri": {textOf(pushed, "request_uri")}}.Encode(), redirect))
	tokens := answered(t, p.redeem(id, redirect, code, assertion()...), http.StatusOK)
	about := answered(t, p.post("/introspect", append(assertion(), "token", textOf(tokens, "access_token"))...), http.StatusOK)
	if !isOn(about, "active") || textOf(about, "client_id") != id {
		t.Errorf("%s", about)
	}
	if sent := ann.get(p.authorize(id, redirect)).Header.Get("Location"); !strings.HasPrefix(sent, redirect+"?") {
		t.Errorf("asked about again: %s", sent)
	}
	answered(t, p.post("/revoke", append(assertion(), "token", textOf(tokens, "refresh_token"))...), http.StatusOK)
}

// What is wrong with a document is said to who comes with it: on a page, and to programs as invalid_client.
func TestDocumentRefused(t *testing.T) {
	p := publish(t)
	id := p.id("/client.json")
	p.say(`{"client_id":"` + id + `","redirect_uris":["https://app.example.com/cb"],"client_secret":"x"}`)
	page := p.ann().get(p.authorize(id, "https://app.example.com/cb"))
	if page.Status != http.StatusBadRequest || page.Header.Get("Location") != "" || !strings.Contains(string(page.Body), "must not have client_secret") {
		t.Errorf("%d %s", page.Status, page.Body)
	}
	refused := answered(t, p.redeem(id, "https://app.example.com/cb", "x"), http.StatusUnauthorized)
	if textOf(refused, "error") != "invalid_client" || !strings.Contains(textOf(refused, "error_description"), "client_secret") {
		t.Errorf("%s", refused)
	}
	if p.fetched.Load() != 2 { // once for each who came: a bad document is not kept
		t.Errorf("fetched %d times", p.fetched.Load())
	}
	p.say(`{"client_id":"` + id + `","redirect_uris":["https://app.example.com/cb"]}`)
	if page := p.ann().get(p.authorize(id, "https://app.example.com/cb")); page.Status != http.StatusOK {
		t.Errorf("mended: %d %s", page.Status, page.Body)
	}
	for _, elsewhere := range []string{"https://127.0.0.1:1/c", "https://169.254.169.254/latest", "https://10.0.0.1/c", "https://[::1]/c", "https://localhost/c"} {
		got := p.redeem(elsewhere, "https://app.example.com/cb", "x")
		if refused := answered(t, got, http.StatusUnauthorized); textOf(refused, "error") != "invalid_client" {
			t.Errorf("%s: %s", elsewhere, refused)
		}
	}
}

// One caller has only so many documents fetched that are not known here, by whatever door and of however many hosts.
func TestDocumentsOfOneCaller(t *testing.T) {
	p := publish(t)
	const redirect = "https://app.example.com/cb"
	hosts := 0
	next := func() string { // at an address of its own
		hosts++
		return strings.Replace(p.id("/c"), "127.0.0.1", fmt.Sprint("127.0.1.", hosts), 1)
	}
	browser := p.ann()
	for door, ask := range map[string]func() fetch.Response{
		"authorize": func() fetch.Response { return browser.get(p.authorize(next(), redirect)) },
		"token":     func() fetch.Response { return p.redeem(next(), redirect, "x") },
	} {
		got := ask()
		for range 100 { // more than come back meanwhile
			if got.Status == http.StatusTooManyRequests {
				break
			}
			got = ask()
		}
		if got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", door, got.Status, got.Body)
		}
	}
	if hosts < 20 {
		t.Errorf("held up after %d", hosts)
	}
}

// The metadata says which ways in are open, and a closed one is not there.
func TestWaysInAreAdvertised(t *testing.T) {
	p := publish(t)
	metadata := func() (registers, documents bool) {
		got, err := p.peer.Do(t.Context(), fetch.Request{URL: p.s.Issuer + "/.well-known/openid-configuration"})
		if err != nil {
			t.Fatal(err)
		}
		doc := answered(t, got, http.StatusOK)
		return textOf(doc, "registration_endpoint") != "", isOn(doc, "client_id_metadata_document_supported")
	}
	set := func(change string) {
		if err := os.WriteFile(p.s.DCRConfig, []byte(change), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.h.rules.load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if registers, documents := metadata(); !registers || !documents {
		t.Error("not all is on")
	}
	set("registration: {enabled: false}\n")
	if registers, documents := metadata(); registers || documents {
		t.Error("something is on")
	}
	register := func() fetch.Response {
		got, err := p.peer.Do(t.Context(), fetch.Request{
			Method: http.MethodPost, URL: p.s.Issuer + "/dcr/register", Body: []byte(`{"redirect_uris":["https://a.example/"]}`), Header: http.Header{"Content-Type": {"application/json"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if refused := answered(t, register(), http.StatusNotFound); textOf(refused, "error") != "not_found" {
		t.Errorf("%s", refused)
	}
	set("{}\n")
	if registers, documents := metadata(); !registers || documents {
		t.Error("the defaults are others")
	}
	answered(t, register(), http.StatusUnauthorized)
}
