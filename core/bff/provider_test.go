package bff_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

const issuerURL = "http://localhost:8080/api/oidc"

// A provider is a small OpenID provider. It checks what a real one checks; the fields below change what it answers.
type provider struct {
	t     *testing.T
	now   func() time.Time
	key   jose.PrivateKey
	peer  *fetch.Peer
	mint  int                 // initial access tokens given out
	claim claims              // replaces claims of ID tokens; null removes one
	sign  func([]byte) string // nil: with the key
	life  int                 // seconds of an access token
	bare  bool                // registrations are answered without credentials to manage them by
	turns bool                // a read ends the registration access token, and brings another one
	ends  time.Duration       // of a client_secret; 0: there is none
	lasts bool                // an update gives no other secret
	quiet bool                // ID tokens without names: ask userinfo
	about string              // the sub that userinfo speaks of
	fail  map[string]answer   // by "METHOD path": answered instead
	hold  chan struct{}       // not nil: refreshes wait for it
	done  func(name string)   // called with "METHOD path" when a call is done, before its answer is on the way

	mu      sync.Mutex
	adds    strictjson.Value // what policy sets in every client: a merge patch
	client  strictjson.Value // as registered; absent: none
	token   string           // registration access token
	secret  string           // of the client; empty: none
	until   time.Time        // when it ends
	pushed  map[string]url.Values
	codes   map[string]url.Values
	refresh string
	access  int
	jtis    map[string]bool
	calls   map[string]int // by "METHOD path"
	bodies  []string       // everything it was sent
	revoked []string
}

type claims map[string]any

type answer struct {
	status int
	body   string
}

func newProvider(t *testing.T, now func() time.Time) *provider {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{
		t: t, now: now, key: key, life: 300, about: "u-alice", pushed: map[string]url.Values{}, codes: map[string]url.Values{},
		jtis: map[string]bool{}, calls: map[string]int{}, fail: map[string]answer{}, claim: claims{},
		done: func(string) {},
	}
	p.peer = fetch.NewPeer(fetch.PeerOptions{Through: p})
	return p
}

// Set implements bff.IssuerKeys: it reads the published keys each time.
func (p *provider) Set(ctx context.Context, uri, _ string) (jose.KeySet, error) {
	response, err := p.peer.Do(ctx, fetch.Request{URL: uri})
	if err != nil {
		return jose.KeySet{}, err
	}
	return jose.ParsePublished(response.Body)
}

// RoundTrip implements http.RoundTripper. Who no longer waits does not get the answer.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	p.done(r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/oidc"))
	return w.Result(), r.Context().Err()
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body strings.Builder
	if r.Body != nil {
		buffer := make([]byte, 1<<16)
		n, _ := r.Body.Read(buffer)
		body.Write(buffer[:n])
	}
	name := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/api/oidc")
	p.mu.Lock()
	p.calls[name]++
	p.bodies = append(p.bodies, body.String())
	instead, failing := p.fail[name]
	p.mu.Unlock()
	if failing {
		w.WriteHeader(instead.status)
		fmt.Fprint(w, instead.body)
		return
	}
	if name == "POST /token" && p.hold != nil && strings.Contains(body.String(), "grant_type=refresh_token") {
		<-p.hold
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	status, doc := p.serve(name, r, body.String())
	w.WriteHeader(status)
	out, _ := json.Marshal(doc)
	_, _ = w.Write(out)
}

func (p *provider) serve(name string, r *http.Request, body string) (int, any) {
	form, _ := url.ParseQuery(body)
	switch name {
	case "POST /dcr/register":
		return p.register(r, body)
	case "GET /jwks":
		public, _ := jose.PublicJWK(p.key)
		return 200, map[string]any{"keys": []json.RawMessage{public}}
	case "GET /userinfo":
		return 200, claims{"sub": p.about, "name": "Alice Userinfo", "email": "alice@example.com", "email_verified": true}
	}
	if _, path, _ := strings.Cut(name, " "); strings.HasPrefix(path, "/dcr/register/") {
		return p.manage(r, body)
	}
	if problem := p.authenticate(form); problem != "" {
		return 401, claims{"error": "invalid_client", "error_description": problem}
	}
	switch name {
	case "POST /par":
		uri := fmt.Sprintf("urn:ietf:params:oauth:request_uri:%d", len(p.pushed))
		p.pushed[uri] = form
		return 201, claims{"request_uri": uri, "expires_in": 60}
	case "POST /token":
		return p.tokens(form)
	case "POST /revoke":
		p.revoked = append(p.revoked, form.Get("token"))
		return 200, claims{}
	}
	return 404, claims{"error": "not_found"}
}

func (p *provider) register(r *http.Request, body string) (int, any) {
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer iat-%d", p.mint) {
		return 401, claims{"error": "invalid_token"}
	}
	doc, err := strictjson.Parse([]byte(body), strictjson.Default)
	if err != nil {
		return 400, claims{"error": "invalid_client_metadata"}
	}
	if wanted, _ := doc.Get("client_id"); wanted.IsAbsent() {
		doc = doc.With("client_id", strictjson.String("c-random"))
	} else if had, _ := p.client.Get("client_id"); strictjson.Equal(had, wanted) {
		return 400, claims{"error": "invalid_client_metadata", "error_description": "client_id is taken"}
	}
	p.client, p.secret = doc, ""
	return 201, p.decided()
}

// decided is the answer to a write, after policy had its say.
func (p *provider) decided() strictjson.Value {
	if p.adds.Kind() == strictjson.KindObject {
		p.client = strictjson.MergePatch(p.client, p.adds)
	}
	return p.described().With("decision_id", strictjson.String("d-1"))
}

// described is the client information response, with a new registration access token.
func (p *provider) described() strictjson.Value {
	p.token = core.NewSecret().Reveal()
	id, _ := p.client.Get("client_id")
	text, _ := id.Text()
	if p.bare {
		return p.client
	}
	return p.withSecret(!p.lasts).With("registration_access_token", strictjson.String(p.token)).
		With("registration_client_uri", strictjson.String(issuerURL+"/dcr/register/"+text)).With("client_id_issued_at", strictjson.Int(1))
}

// withSecret is the client with a secret that ends; fresh: with another one than before.
func (p *provider) withSecret(fresh bool) strictjson.Value {
	if p.ends == 0 {
		return p.client
	}
	if fresh || p.secret == "" {
		p.secret, p.until = core.NewSecret().Reveal(), p.now().Add(p.ends)
	}
	return p.client.With("client_secret", strictjson.String(p.secret)).With("client_secret_expires_at", strictjson.Int(p.until.Unix()))
}

func (p *provider) manage(r *http.Request, body string) (int, any) {
	if p.client.IsAbsent() || r.Header.Get("Authorization") != "Bearer "+p.token {
		return 401, claims{"error": "invalid_token"}
	}
	doc, _ := strictjson.Parse([]byte(body), strictjson.Default)
	switch r.Method {
	case http.MethodPut:
		p.client = doc
		return 200, p.decided()
	case http.MethodPatch:
		p.client = strictjson.MergePatch(p.client, doc)
		return 200, p.decided()
	case http.MethodDelete:
		p.client = strictjson.Value{}
		return 204, nil
	}
	if p.turns {
		p.token = core.NewSecret().Reveal()
	}
	return 200, p.withSecret(false).With("registration_access_token", strictjson.String(p.token))
}

// authenticate is private_key_jwt; it says what is wrong.
func (p *provider) authenticate(form url.Values) string {
	jwks, _ := p.client.Get("jwks")
	set, err := jose.ReadJWKS(jwks)
	if err != nil {
		return "no keys"
	}
	got, err := jose.Verify(form.Get("client_assertion"), set, []string{jose.ES256})
	if err != nil {
		return err.Error()
	}
	text := func(name string) string {
		v, _ := got.Get(name)
		s, _ := v.Text()
		return s
	}
	id, _ := p.client.Get("client_id")
	clientID, _ := id.Text()
	exp, _ := got.Get("exp")
	until, _ := exp.Int64()
	switch {
	case text("iss") != clientID || text("sub") != clientID || text("aud") != issuerURL || form.Get("client_id") != clientID:
		return "assertion of somebody else"
	case until <= p.now().Unix() || p.jtis[text("jti")]:
		return "assertion expired or used"
	}
	p.jtis[text("jti")] = true
	return ""
}

// authorize is the person at the issuer who says yes: it gives the query that the browser comes back with.
func (p *provider) authorize(to string) oauth.Params {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	u, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, issuerURL+"/authorize?") {
		p.t.Fatalf("the browser was sent to %q: %v", to, err)
	}
	request, ok := p.pushed[u.Query().Get("request_uri")]
	if !ok || u.Query().Get("client_id") != request.Get("client_id") || len(u.Query()) != 2 {
		p.t.Fatalf("no pushed request: %s", to)
	}
	if request.Get("code_challenge_method") != "S256" || !oauth.ValidChallenge(request.Get("code_challenge")) {
		p.t.Fatalf("no PKCE: %v", request)
	}
	code := fmt.Sprintf("code-%d", len(p.codes))
	p.codes[code] = request
	return oauth.Params{"code": {code}, "state": {request.Get("state")}, "iss": {issuerURL}}
}

// authorizePlain is authorize for a request that was not pushed.
func (p *provider) authorizePlain(to string) oauth.Params {
	p.t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.pushed["plain"] = u.Query()
	p.mu.Unlock()
	return p.authorize(issuerURL + "/authorize?" + url.Values{"client_id": {u.Query().Get("client_id")}, "request_uri": {"plain"}}.Encode())
}

func (p *provider) tokens(form url.Values) (int, any) {
	request := url.Values{}
	switch form.Get("grant_type") {
	case "authorization_code":
		var ok bool
		request, ok = p.codes[form.Get("code")]
		delete(p.codes, form.Get("code"))
		if !ok || !oauth.VerifyS256(form.Get("code_verifier"), request.Get("code_challenge")) || form.Get("redirect_uri") != request.Get("redirect_uri") {
			return 400, claims{"error": "invalid_grant"}
		}
	case "refresh_token":
		if p.refresh == "" || form.Get("refresh_token") != p.refresh {
			return 400, claims{"error": "invalid_grant"}
		}
	}
	p.access++
	access := fmt.Sprintf("ACCESS-%d", p.access)
	p.refresh = fmt.Sprintf("REFRESH-%d", p.access)
	doc := claims{"access_token": access, "token_type": "bearer", "expires_in": p.life, "refresh_token": p.refresh}
	if request.Has("nonce") {
		doc["id_token"] = p.idToken(request)
	}
	return 200, doc
}

func (p *provider) idToken(request url.Values) string {
	c := claims{
		"iss": issuerURL, "sub": "u-alice", "aud": request.Get("client_id"), "nonce": request.Get("nonce"), "sid": "s-1",
		"iat": p.now().Unix(), "exp": p.now().Unix() + 300,
	}
	if !p.quiet {
		c["name"], c["preferred_username"] = "Alice", "alice"
	}
	for name, v := range p.claim {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	body, _ := json.Marshal(c)
	if p.sign != nil {
		return p.sign(body)
	}
	signed, err := jose.Sign(p.key, "JWT", body)
	if err != nil {
		p.t.Error(err)
	}
	return signed
}

func (p *provider) count(call string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[call]
}

func (p *provider) failing(call string, status int, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail[call] = answer{status, body}
}

func (p *provider) healed(call string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.fail, call)
}
