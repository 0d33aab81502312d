package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A directory of open banking: it vouches for software, publishes its keys and those of the software, issues certificates, and
// takes back what it said.
type directory struct {
	*testing.T
	issuer string
	key    jose.PrivateKey
	caKey  crypto.Signer
	ca     *x509.Certificate
	server *httptest.Server
	files  string

	mu        sync.Mutex
	published map[string]string
}

func newDirectory(t *testing.T, issuer string) *directory {
	t.Helper()
	d := &directory{T: t, issuer: issuer, files: t.TempDir(), published: map[string]string{}}
	d.key = d.newKey()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d.caKey = key
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Issuing CA", Organization: []string{"Directory"}}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if d.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	d.write("ca.pem", "CERTIFICATE", der)
	d.server = httptest.NewUnstartedServer(d)
	d.server.TLS = &tls.Config{Certificates: []tls.Certificate{d.certify("localhost", "")}}
	d.server.StartTLS()
	t.Cleanup(d.server.Close)
	d.publish("/directory.jwks", d.key)
	return d
}

func (d *directory) newKey() jose.PrivateKey {
	d.Helper()
	key, err := jose.Generate(jose.PS256)
	if err != nil {
		d.Fatal(err)
	}
	return key
}

// publish puts a key at a path and gives its address.
func (d *directory) publish(path string, key jose.PrivateKey) string {
	d.Helper()
	jwk, err := jose.PublicJWK(key)
	if err != nil {
		d.Fatal(err)
	}
	d.put(path, `{"keys":[`+string(jwk)+`]}`)
	return d.address() + path
}

func (d *directory) put(path, body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.published[path] = body
}

// ServeHTTP implements http.Handler.
func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	body, ok := d.published[r.URL.Path]
	d.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

// address is under a name: its certificate is for localhost.
func (d *directory) address() string {
	return strings.Replace(d.server.URL, "127.0.0.1", "localhost", 1)
}

// certify issues a certificate; with a unit it is a client's.
func (d *directory) certify(name, unit string) tls.Certificate {
	d.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	if template.DNSNames, template.ExtKeyUsage = []string{name}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}; unit != "" {
		template.DNSNames, template.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		template.Subject.OrganizationalUnit = []string{unit}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, d.ca, key.Public(), d.caKey)
	if err != nil {
		d.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (d *directory) write(name, kind string, der []byte) string {
	d.Helper()
	path := filepath.Join(d.files, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		d.Fatal(err)
	}
	return path
}

func (d *directory) sign(key jose.PrivateKey, claims string) string {
	d.Helper()
	compact, err := jose.Sign(key, "JWT", []byte(claims))
	if err != nil {
		d.Fatal(err)
	}
	return compact
}

// A bank is a server with a preset and the directory's terms, of its own kind: serve in this process.
type bank struct {
	*directory
	issuer string
	house  *house
}

// openBank serves with a preset. terms are further members of the directory's entry among the trusted issuers.
func openBank(d *directory, preset, terms string) *bank {
	d.Helper()
	dir := d.files
	policyRun(d.T, "init", filepath.Join(dir, "policies"), "--preset", preset)
	config, err := os.ReadFile(filepath.Join(dir, "policies", preset, "dcr_config.yaml"))
	if err != nil {
		d.Fatal(err)
	}
	text, _, found := strings.Cut(string(config), "\ntrusted_issuers:")
	if !found {
		d.Fatal("the preset trusts nobody")
	}
	text += fmt.Sprintf("\ntrusted_issuers:\n  - issuer: %s\n    jwks_uri: %s/directory.jwks\n%s", d.issuer, d.address(), terms)
	own := d.certify("localhost", "")
	private, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		d.Fatal(err)
	}
	d.write("tls.pem", "CERTIFICATE", own.Certificate[0])
	d.write("tls.key", "PRIVATE KEY", private)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		d.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	there, err := url.Parse(d.address())
	if err != nil {
		d.Fatal(err)
	}
	b := &bank{directory: d, issuer: "https://localhost:" + port + "/api/oidc"}
	for name, body := range map[string]string{
		"dcr_config.yaml": text,
		"ostiary.yaml": fmt.Sprintf(`
issuer: %s
data_dir: data
policy_dir: policies
dcr_config: dcr_config.yaml
trust_ca: ca.pem
tls: {cert: tls.pem, key: tls.key}
client_certificates: {from: tls, authorities: ca.pem}
fetch: {allow: [{host: localhost, port: %s, purpose: jwks}]}
storage: {min_free_mib: 1}
`, b.issuer, there.Port()),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			d.Fatal(err)
		}
	}
	s, err := readSettings(filepath.Join(dir, "ostiary.yaml"))
	if err != nil {
		d.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		d.Fatal(err)
	}
	public, err := listen(net.JoinHostPort("127.0.0.1", port), s.TLS, s.Certificates.handshake())
	if err != nil {
		d.Fatal(err)
	}
	b.serve(s, public)
	return b
}

func (b *bank) serve(s settings, public net.Listener) {
	b.Helper()
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan *house, 1), make(chan error, 1)
	go func() {
		ended <- serveOn(ctx, s, slog.New(slog.DiscardHandler), public, ops, func(h *house) error { ready <- h; return nil })
	}()
	select {
	case b.house = <-ready:
	case err := <-ended:
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
}

// A software of a third party: what the directory says of it, its key and its certificate.
type software struct {
	*bank
	key    jose.PrivateKey
	claims string
	peer   *fetch.Peer
}

func (b *bank) newSoftware(id, org string, claims func(keys string) string) *software {
	b.Helper()
	s := &software{bank: b, key: b.newKey()}
	s.claims = claims(b.publish("/"+id+".jwks", s.key))
	s.peer = b.peerWith(b.certify(id, org))
	return s
}

func (b *bank) peerWith(cert tls.Certificate) *fetch.Peer {
	roots := x509.NewCertPool()
	roots.AddCert(b.ca)
	peer := fetch.NewPeer(fetch.PeerOptions{TrustCA: roots, Certificate: &cert})
	b.Cleanup(peer.Close)
	return peer
}

// statement is a new one of the directory; more claims replace none.
func (s *software) statement() string {
	return s.directory.sign(s.directory.key, fmt.Sprintf(`{"iss":%q,"iat":%d,"jti":%q,%s}`, s.directory.issuer, time.Now().Unix(), core.NewSecret().Reveal(), s.claims))
}

// signed is a document as a signed request of the software.
func (s *software) signed(by jose.PrivateKey, id, members string) string {
	now := time.Now().Unix()
	return s.sign(by, fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"exp":%d,"jti":%q,%s}`, id, s.bank.issuer, now, now+120, core.NewSecret().Reveal(), members))
}

// ask sends a request and wants a status.
func (s *software) ask(peer *fetch.Peer, method, address, token, body string, status int) strictjson.Value {
	s.Helper()
	header := http.Header{}
	if body != "" {
		header.Set("Content-Type", "application/jose")
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	response, err := peer.Do(s.Context(), fetch.Request{Method: method, URL: address, Header: header, Body: []byte(body)})
	if err != nil {
		s.Fatal(err)
	}
	if response.Status != status {
		s.Fatalf("%s %s: %d %s, want %d", method, address, response.Status, response.Body, status)
	}
	if len(response.Body) == 0 {
		return strictjson.Value{}
	}
	v, err := strictjson.Parse(response.Body, strictjson.Default)
	if err != nil {
		s.Fatal(err)
	}
	return v
}

// onboarding walks a software through its life at a bank: registered by a signed request with a statement over mutual TLS, read,
// changed and deleted.
func onboarding(s *software, id, members, scope string) {
	s.Helper()
	register := s.bank.issuer + "/dcr/register"
	document := func(more string) string {
		return members + more + fmt.Sprintf(`,"software_statement":%q`, s.statement())
	}
	plain := document("")

	thief := s.newKey()
	if refused := s.ask(s.peer, "POST", register, "", s.signed(thief, id, plain), 400); !strings.Contains(textOf(refused, "error_description"), "does not verify") {
		s.Errorf("signed by a thief: %s", refused)
	}
	stranger := s.peerWith(s.certify("another", "another"))
	if refused := s.ask(stranger, "POST", register, "", s.signed(s.key, id, plain), 400); !strings.Contains(textOf(refused, "error_description"), "The CN of the client certificate") {
		s.Errorf("over the certificate of others: %s", refused)
	}
	signed := s.signed(s.key, id, plain)
	client := s.ask(s.peer, "POST", register, "", signed, 201)
	if textOf(client, "scope") != scope || textOf(client, "software_statement") == "" || textOf(client, "token_endpoint_auth_method") != "private_key_jwt" {
		s.Errorf("registered %s", client)
	}
	if again := s.ask(s.peer, "POST", register, "", signed, 400); !strings.Contains(textOf(again, "error_description"), "was used before") {
		s.Errorf("again: %s", again)
	}
	at, token := textOf(client, "registration_client_uri"), textOf(client, "registration_access_token")
	if read := s.ask(s.peer, "GET", at, token, "", 200); textOf(read, "client_id") != textOf(client, "client_id") {
		s.Errorf("read %s", read)
	}
	changed := fmt.Sprintf(`,"client_id":%q,"contacts":["ops@tpp.example"]`, textOf(client, "client_id"))
	updated := s.ask(s.peer, "PUT", at, token, s.signed(s.key, id, document(changed)), 200)
	if contacts, _ := updated.Get("contacts"); contacts.String() != `["ops@tpp.example"]` {
		s.Errorf("updated %s", updated)
	}
	if next := textOf(updated, "registration_access_token"); next != "" {
		token = next
	}
	s.ask(s.peer, "PUT", at, token, s.signed(s.key, id, strings.Replace(document(changed), "https://tpp.example/callback", "https://evil.example/callback", 1)), 400)
	s.ask(s.peer, "DELETE", at, token, "", 204)
	s.ask(s.peer, "GET", at, token, "", 401)
}

// What the entry of a directory says beside its keys: whose keys sign requests, and whose certificate it is.
const directoryTerms = `    request_keys: {jwks_uri: %s}
    certificate: {cn: software_id, ou: org_id}
    redirects_claim: software_redirect_uris
`

// A third party of open banking in the UK, end to end.
func TestOpenBankingUK(t *testing.T) {
	d := newDirectory(t, "OpenBanking Ltd")
	d.put("/introspect", `{"active":true}`)
	b := openBank(d, "openbanking-uk", fmt.Sprintf(directoryTerms, "software_jwks_endpoint")+"    revocation: {introspection: "+d.address()+"/introspect}\n")
	s := b.newSoftware("4nM1sL", "0015800001041REAAY", func(keys string) string {
		return fmt.Sprintf(`"software_id":"4nM1sL","software_client_id":"4nM1sL","software_client_name":"Budget","software_mode":"Live",
			"software_roles":["AISP","PISP"],"software_redirect_uris":["https://tpp.example/callback"],"software_jwks_endpoint":%q,
			"org_id":"0015800001041REAAY","org_name":"Acme","org_status":"Active"`, keys)
	})
	const members = `"redirect_uris":["https://tpp.example/callback"],"token_endpoint_auth_method":"private_key_jwt",
		"token_endpoint_auth_signing_alg":"PS256","grant_types":["authorization_code","refresh_token","client_credentials"],
		"response_types":["code"],"application_type":"web","id_token_signed_response_alg":"ES256","scope":"openid accounts payments"`
	onboarding(s, "4nM1sL", members, "openid accounts payments")
	revoked(s, "4nM1sL", members)
}

// What the directory takes back disables its clients, and lets nobody in or change anything.
func revoked(s *software, id, members string) {
	s.Helper()
	document := func() string { return members + fmt.Sprintf(`,"software_statement":%q`, s.statement()) }
	client := s.ask(s.peer, "POST", s.bank.issuer+"/dcr/register", "", s.signed(s.key, id, document()), 201)
	s.put("/introspect", `{"active":false}`)
	if refused := s.ask(s.peer, "POST", s.bank.issuer+"/dcr/register", "", s.signed(s.key, id, document()), 400); !strings.Contains(textOf(refused, "error_description"), "revoked by its issuer") {
		s.Errorf("a revoked statement: %s", refused)
	}
	registration.NewRecall(s.house.desk, s.house.clients).Due(s.Context())
	stored, err := s.house.clients.Client(s.Context(), core.ClientID(textOf(client, "client_id")))
	if err != nil || stored.State != core.Disabled {
		s.Errorf("the client is %q, %v", stored.State, err)
	}
	s.ask(s.peer, "PUT", textOf(client, "registration_client_uri"), textOf(client, "registration_access_token"), s.signed(s.key, id, document()), 403)
}

// A participant of open finance in Brazil, end to end.
func TestOpenFinanceBrazil(t *testing.T) {
	b := openBank(newDirectory(t, "Open Banking Open Banking Brasil prod SSA issuer"), "openbanking-brazil", fmt.Sprintf(directoryTerms, "software_jwks_uri"))
	s := b.newSoftware("Cki1EbvjwyhPB12NGLlz2", "0015800001HQQrZAAX", func(keys string) string {
		return fmt.Sprintf(`"software_id":"Cki1EbvjwyhPB12NGLlz2","software_client_name":"Acme Budget","software_mode":"Live",
			"software_redirect_uris":["https://tpp.example/callback"],"software_jwks_uri":%q,"org_id":"0015800001HQQrZAAX","org_name":"Acme",
			"org_status":"Active","software_statement_roles":[{"role":"DADOS","authorisation_domain":"Open Banking","status":"Active"}]`, keys)
	})
	onboarding(s, "Cki1EbvjwyhPB12NGLlz2", `"redirect_uris":["https://tpp.example/callback"],"token_endpoint_auth_method":"private_key_jwt",
		"token_endpoint_auth_signing_alg":"PS256","request_object_signing_alg":"PS256","id_token_signed_response_alg":"ES256","response_types":["code"],"scope":"openid accounts"`,
		"openid accounts")
}
