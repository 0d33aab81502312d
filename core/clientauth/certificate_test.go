package clientauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/oauth"
)

// An authority of the test: a certificate and its key.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate; without an issuer it signs itself.
func issue(t *testing.T, by *authority, now time.Time, change func(*x509.Certificate)) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "app.example", Organization: []string{"Example"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), BasicConstraintsValid: true,
	}
	change(template)
	parent := authority{template, key}
	if by != nil {
		parent = *by
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &key.PublicKey, parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func named(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject, c.IsCA = pkix.Name{CommonName: name}, true }
}

// certified lets an authority issue for the clients of the house.
func (h *house) certified(root authority, check func(context.Context, *core.Client, core.Caller) error) *clientauth.Authenticator {
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	return clientauth.New(clientauth.Parts{
		Clients: h, Keys: h, Once: h, Issuer: issuer, TokenEndpoint: endpoint, Now: func() time.Time { return h.now }, Authorities: func() *x509.CertPool { return pool }, CheckCertificate: check,
	})
}

func showing(id string, chain ...*x509.Certificate) clientauth.Presented {
	return clientauth.Presented{Endpoint: endpoint, Form: form("client_id", id), Certificates: chain}
}

func registered(change func(*core.Metadata)) func(*core.Registered) {
	return func(r *core.Registered) { change(&r.Client.Metadata) }
}

// tls_client_auth takes a certificate of a trusted authority with the one name that is registered, in its own place.
func TestTLSClientAuth(t *testing.T) {
	h := open(t)
	root, stranger := issue(t, nil, h.now, named("root")), issue(t, nil, h.now, named("root"))
	between := issue(t, &root, h.now, named("between"))
	uri := &url.URL{Scheme: "spiffe", Host: "example", Path: "/app"}
	full := func(c *x509.Certificate) {
		c.DNSNames, c.EmailAddresses, c.IPAddresses, c.URIs = []string{"app.example"}, []string{"app@example.org"}, []net.IP{net.ParseIP("192.0.2.1")}, []*url.URL{uri}
	}
	h.add("dn", oauth.AuthTLS, registered(func(m *core.Metadata) { m.TLSSubjectDN = "CN=app.example, O=Example" }))
	h.add("dns", oauth.AuthTLS, registered(func(m *core.Metadata) { m.TLSSANDNS = "App.example" }))
	h.add("uri", oauth.AuthTLS, registered(func(m *core.Metadata) { m.TLSSANURI = "spiffe://example/app" }))
	h.add("ip", oauth.AuthTLS, registered(func(m *core.Metadata) { m.TLSSANIP = "192.0.2.1" }))
	h.add("email", oauth.AuthTLS, registered(func(m *core.Metadata) { m.TLSSANEmail = "app@example.org" }))
	h.add("nameless", oauth.AuthTLS)
	h.add("basic", oauth.AuthClientSecretBasic, secrets("s"))
	h.Authenticator = h.certified(root, nil)
	leaf := issue(t, &root, h.now, full)
	for _, id := range []core.ClientID{"dn", "dns", "uri", "ip", "email"} {
		h.accepted("a certificate with every name", showing(string(id), leaf.cert), id)
	}
	plain := issue(t, &root, h.now, func(*x509.Certificate) {})
	h.accepted("a renewed certificate", showing("dn", plain.cert), "dn")
	for _, id := range []string{"dns", "uri", "ip", "email"} {
		h.refused("only a common name", showing(id, plain.cert), core.InvalidClient, "another name")
	}
	chained := issue(t, &between, h.now, full)
	h.accepted("a chain", showing("dn", chained.cert, between.cert), "dn")
	h.refused("a chain with a gap", showing("dn", chained.cert), core.InvalidClient, "authority")
	h.refused("another authority of that name", showing("dn", issue(t, &stranger, h.now, full).cert, stranger.cert), core.InvalidClient, "authority")
	h.refused("signed by itself", showing("dn", issue(t, nil, h.now, full).cert), core.InvalidClient, "authority")
	h.refused("a server's", showing("dn", issue(t, &root, h.now, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}).cert), core.InvalidClient, "authority")
	h.refused("expired", showing("dn", issue(t, &root, h.now, func(c *x509.Certificate) { c.NotAfter = h.now.Add(-time.Minute) }).cert), core.InvalidClient, "expired")
	h.refused("not good yet", showing("dn", issue(t, &root, h.now, func(c *x509.Certificate) { c.NotBefore = h.now.Add(time.Minute) }).cert), core.InvalidClient, "not good yet")
	h.refused("none", showing("dn"), core.InvalidClient, "missing")
	h.refused("no name", showing("nameless", leaf.cert), core.InvalidClient, "another name")
	h.refused("no such client", showing("nobody", leaf.cert), core.InvalidClient, "")
	h.refused("a client with a secret", showing("basic", leaf.cert), core.InvalidClient, "client_secret_basic")
	secret := showing("dn", leaf.cert)
	secret.Form = form("client_id", "dn", "client_secret", "s")
	h.refused("a secret beside it", secret, core.InvalidClient, "tls_client_auth")
	both := showing("basic", leaf.cert)
	both.Authorization = basic("basic", "s")
	h.accepted("a certificate beside the secret", both, "basic")

	h.Authenticator = clientauth.New(clientauth.Parts{Clients: h, Keys: h, Once: h, Issuer: issuer, TokenEndpoint: endpoint, Now: func() time.Time { return h.now }})
	h.refused("no authority is trusted", showing("dn", leaf.cert), core.InvalidClient, "trusts no authority")
}

// self_signed_tls_client_auth takes whatever certificate has one of the client's own keys.
func TestSelfSignedTLSClientAuth(t *testing.T) {
	h := open(t)
	own, other := issue(t, nil, h.now, func(*x509.Certificate) {}), issue(t, nil, h.now, func(*x509.Certificate) {})
	point, err := own.key.Public().(*ecdsa.PublicKey).Bytes() // 0x04 | x | y
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	jwk := `{"kty":"EC","crv":"P-256","x":"` + encode(point[1:33]) + `","y":"` + encode(point[33:]) + `"}`
	h.add("c-1", oauth.AuthSelfSignedTLS, registered(func(m *core.Metadata) { m.JWKS = `{"keys":[` + jwk + `]}` }))
	h.add("keyless", oauth.AuthSelfSignedTLS)
	h.accepted("its own", showing("c-1", own.cert), "c-1")
	h.refused("another key in the same name", showing("c-1", other.cert), core.InvalidClient, "key")
	h.refused("another key, its own behind it", showing("c-1", other.cert, own.cert), core.InvalidClient, "key")
	h.refused("no keys", showing("keyless", own.cert), core.InvalidClient, "")
	h.now = h.now.Add(2 * time.Hour)
	h.refused("expired", showing("c-1", own.cert), core.InvalidClient, "expired")
}

// Plugins are asked after the core matched, and a fault of theirs refuses.
func TestCertificateCheck(t *testing.T) {
	h := open(t)
	root := issue(t, nil, h.now, named("root"))
	h.add("dn", oauth.AuthTLS, registered(func(m *core.Metadata) { m.TLSSubjectDN = "CN=app.example,O=Example" }))
	asked, answer := 0, error(nil)
	h.Authenticator = h.certified(root, func(_ context.Context, c *core.Client, caller core.Caller) error {
		if asked++; c.ID != "dn" || caller.ClientID != "dn" || caller.IP != "192.0.2.1" {
			t.Errorf("asked about %s for %+v", c.ID, caller)
		}
		return answer
	})
	good := showing("dn", issue(t, &root, h.now, func(*x509.Certificate) {}).cert)
	good.Caller.IP = "192.0.2.1"
	h.refused("a wrong one", showing("dn", root.cert), core.InvalidClient, "another name")
	if asked != 0 {
		t.Error("plugins were asked about a certificate that does not match")
	}
	h.accepted("a good one", good, "dn")
	answer = core.Refuse(core.InvalidClient, "not in the directory")
	h.refused("a plugin refuses", good, core.InvalidClient, "directory")
	answer = core.Refuse(core.PluginFault, "it failed")
	h.refused("a plugin fails", good, core.PluginFault, "failed")
}
