package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

func certificateNamed(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// whoseCertificate answers with the names in the chain that the caller presented.
func whoseCertificate(_ context.Context, r *Request) (Response, error) {
	var names []string
	for _, c := range r.Certificates {
		names = append(names, c.Subject.CommonName)
	}
	if held := CallerOf(r).Certificate; held != nil {
		names = append(names, held.Subject)
	}
	return Response{Body: []byte(strings.Join(names, " "))}, nil
}

func startCertified(t *testing.T, header string, proxies ...string) *rig {
	return start(t, func(o *Options) {
		o.Routes, o.CertificateHeader = append(o.Routes, Route{Method: "GET", Path: "/cert", Handler: whoseCertificate}), header
		for _, p := range proxies {
			o.TrustedProxies = append(o.TrustedProxies, netip.MustParsePrefix(p))
		}
	})
}

// The certificate that a trusted proxy passes on is the client's, in each of the forms that proxies write.
func TestCertificateHeader(t *testing.T) {
	der, other := certificateNamed(t, "app"), certificateNamed(t, "ca")
	b64 := base64.StdEncoding.EncodeToString(der)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	twice := text + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other}))
	g := startCertified(t, "Client-Cert", "127.0.0.0/8")
	for what, c := range map[string]struct {
		want string // empty: the request is refused
		sent []string
	}{
		"nothing":               {"-", nil},
		"none":                  {"-", []string{"Client-Cert:"}},
		"Apache's none":         {"-", []string{"Client-Cert: (null)"}},
		"RFC 9440":              {"app CN=app", []string{"Client-Cert: :" + b64 + ":"}},
		"RFC 9440 with a chain": {"app ca CN=app", []string{"Client-Cert: :" + b64 + ":", "Client-Cert-Chain: :" + base64.StdEncoding.EncodeToString(other) + ":"}},
		"PEM, percent-encoded":  {"app CN=app", []string{"Client-Cert: " + url.PathEscape(text)}},
		"PEM in one line":       {"app CN=app", []string{"client-cert: " + strings.ReplaceAll(strings.TrimSpace(text), "\n", " ")}},
		"another header":        {"-", []string{"X-ClientCert: " + url.PathEscape(text)}},
		"twice":                 {"", []string{"Client-Cert: :" + b64 + ":", "Client-Cert: :" + b64 + ":"}},
		"two in one":            {"", []string{"Client-Cert: " + url.PathEscape(twice)}},
		"cut off":               {"", []string{"Client-Cert: :" + b64[:len(b64)-8] + ":"}},
		"no end":                {"", []string{"Client-Cert: :" + b64}},
		"bare base64":           {"", []string{"Client-Cert: " + b64}},
		"broken encoding":       {"", []string{"Client-Cert: %zz"}},
		"a broken chain":        {"", []string{"Client-Cert: :" + b64 + ":", "Client-Cert-Chain: :AAAA:"}},
	} {
		a := g.ask(t, get("/cert", c.sent...))
		switch {
		case c.want == "" && (a.StatusCode != 400 || strings.Contains(a.body, "CN=app")):
			t.Errorf("%s: %d %s; want a refusal", what, a.StatusCode, a.body)
		case c.want != "" && (a.StatusCode != 200 || a.body != strings.TrimPrefix(c.want, "-")):
			t.Errorf("%s: %d %q, want %q", what, a.StatusCode, a.body, c.want)
		}
	}
}

// Who is no trusted proxy has no certificate, whatever it writes, and the log tells of it once.
func TestForeignCertificateHeader(t *testing.T) {
	sent := "Client-Cert: :" + base64.StdEncoding.EncodeToString(certificateNamed(t, "app")) + ":"
	far := startCertified(t, "Client-Cert", "10.0.0.0/8")
	for range 3 { // also as the same again
		if a := far.ask(t, get("/cert", sent, "X-Forwarded-For: 10.0.0.1")); a.StatusCode != 200 || a.body != "" {
			t.Errorf("from an untrusted peer: %d %q", a.StatusCode, a.body)
		}
	}
	if n := strings.Count(far.log(), "no trusted proxy"); n < 1 || n > 2 { // a minute may have ended
		t.Errorf("%d lines about it in %s", n, far.log())
	}
	off := startCertified(t, "", "127.0.0.0/8")
	if a := off.ask(t, get("/cert", sent)); a.StatusCode != 200 || a.body != "" {
		t.Errorf("where no header counts: %d %q", a.StatusCode, a.body)
	}
}

// That an authority of the operator's issued a certificate is said only of those that it did issue, for clients and for now.
func TestTrustedCertificates(t *testing.T) {
	now := time.Now()
	make := func(template *x509.Certificate, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, byKey)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	caKey, key := newKey(), newKey()
	caTemplate := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca := make(caTemplate, caTemplate, caKey, caKey)
	leaf := func(change func(*x509.Certificate)) *x509.Certificate {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "app"}, NotAfter: now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		change(c)
		return c
	}
	same := func(*x509.Certificate) {}
	ended := func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) }
	forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	for name, test := range map[string]struct {
		cert *x509.Certificate
		pool *x509.CertPool
		want bool
	}{
		"issued":         {make(leaf(same), ca, key, caKey), pool, true},
		"no authorities": {make(leaf(same), ca, key, caKey), nil, false},
		"self-signed":    {make(leaf(same), leaf(same), key, key), pool, false},
		"forged":         {make(leaf(same), caTemplate, key, newKey()), pool, false},
		"ended":          {make(leaf(ended), ca, key, caKey), pool, false},
		"for servers":    {make(leaf(forServers), ca, key, caKey), pool, false},
	} {
		r := &Request{Certificates: []*x509.Certificate{test.cert}, Start: now, issuers: test.pool}
		if got := CallerOf(r).Certificate.Trusted; got != test.want {
			t.Errorf("%s: trusted %t", name, got)
		}
	}
}
