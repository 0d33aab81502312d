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
	"encoding/asn1"
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
	"github.com/ostiary/ostiary/core/keys/jose/josetest"
	"github.com/ostiary/ostiary/core/oauth"
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

// publish puts a key at a path, and more JWKs beside it, and gives the address.
func (d *directory) publish(path string, key jose.PrivateKey, more ...string) string {
	d.Helper()
	jwk, err := jose.PublicJWK(key)
	if err != nil {
		d.Fatal(err)
	}
	d.put(path, `{"keys":[`+strings.Join(append(more, string(jwk)), ",")+`]}`)
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
		template.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, Value: name}}
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
	issuer   string
	settings settings
	house    *house
	stop     func()
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
	port, err := unusedPort()
	if err != nil {
		d.Fatal(err)
	}
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
	if b.settings, err = readSettings(filepath.Join(dir, "ostiary.yaml")); err != nil {
		d.Fatal(err)
	}
	b.serve(net.JoinHostPort("127.0.0.1", port))
	b.Cleanup(func() { b.stop() })
	return b
}

func (b *bank) serve(address string) {
	b.Helper()
	public, err := listen(address, b.settings.TLS, b.settings.Certificates.handshake())
	if err != nil {
		b.Fatal(err)
	}
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan *house, 1), make(chan error, 1)
	go func() {
		ended <- serveOn(ctx, b.settings, slog.New(slog.DiscardHandler), public, ops, func(h *house) error { ready <- h; return nil })
	}()
	select {
	case b.house = <-ready:
	case err := <-ended:
		b.Fatal(err)
	}
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}
}

// again stops the bank and opens it at the same address, with what it has kept.
func (b *bank) again() {
	b.Helper()
	at, err := url.Parse(b.issuer)
	if err != nil {
		b.Fatal(err)
	}
	b.stop()
	b.serve(net.JoinHostPort("127.0.0.1", at.Port()))
}

// A software of a third party: what the directory says of it, its keys and its certificate.
type software struct {
	*bank
	id, org string
	key     jose.PrivateKey // by which it signs
	reader  josetest.Reader // with which it decrypts
	claims  string
	peer    *fetch.Peer
}

func (b *bank) newSoftware(id, org string, claims func(keys string) string) *software {
	b.Helper()
	s := &software{bank: b, id: id, org: org, key: b.newKey(), reader: josetest.NewReader()}
	s.claims = claims(b.publish("/"+id+".jwks", s.key, s.reader.JWK(`"use":"enc","alg":"RSA-OAEP","kid":"for-encryption"`)))
	s.connect()
	return s
}

// connect opens new connections with the software's certificate.
func (s *software) connect() {
	s.Helper()
	s.peer = s.peerWith(s.certify(s.id, s.org))
}

// roots are the authorities that everybody here trusts.
func (d *directory) roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(d.ca)
	return roots
}

func (b *bank) peerWith(cert tls.Certificate) *fetch.Peer {
	peer := fetch.NewPeer(fetch.PeerOptions{TrustCA: b.roots(), Certificate: &cert})
	b.Cleanup(peer.Close)
	return peer
}

// statement is a new one of the directory; more claims replace none.
func (s *software) statement() string {
	return s.directory.sign(s.directory.key, fmt.Sprintf(`{"iss":%q,"iat":%d,"jti":%q,%s}`, s.directory.issuer, time.Now().Unix(), core.NewSecret().Reveal(), s.claims))
}

// signed is a document as a signed request of the software.
func (s *software) signed(by jose.PrivateKey, members string) string {
	now := time.Now().Unix()
	return s.sign(by, fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"exp":%d,"jti":%q,%s}`, s.id, s.bank.issuer, now, now+120, core.NewSecret().Reveal(), members))
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
	return s.do(peer, fetch.Request{Method: method, URL: address, Header: header, Body: []byte(body)}, status)
}

func (s *software) do(peer *fetch.Peer, r fetch.Request, status int) strictjson.Value {
	s.Helper()
	got, err := peer.Do(s.Context(), r)
	if err != nil {
		s.Fatal(err)
	}
	return answered(s.T, got, status)
}

// prove posts a form with an assertion of the client's.
func (s *software) prove(id, path string, status int, form oauth.Params) strictjson.Value {
	s.Helper()
	now := time.Now().Unix()
	form["client_assertion_type"] = []string{"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
	form["client_assertion"] = []string{s.sign(s.key, fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"iat":%d,"exp":%d,"jti":%q}`, id, id, s.bank.issuer, now, now+60, core.NewSecret().Reveal()))}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return s.do(s.peer, fetch.Request{Method: "POST", URL: s.bank.issuer + path, Header: header, Body: []byte(form.Encode())}, status)
}
