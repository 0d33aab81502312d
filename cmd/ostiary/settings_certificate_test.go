package main

import (
	"crypto/tls"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// Certificates come by one road, and only by one that there is.
func TestCertificateSettings(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for what, c := range map[string]struct {
		given   certificateSettings
		tls     string
		proxies []netip.Prefix
		problem string // its path; empty: none
	}{
		"none":                      {given: certificateSettings{Header: "Client-Cert"}},
		"authorities for nothing":   {given: certificateSettings{Authorities: "ca.pem"}, problem: "client_certificates.from"},
		"tls without a certificate": {given: certificateSettings{From: "tls"}, problem: "client_certificates.from"},
		"tls":                       {given: certificateSettings{From: "tls"}, tls: "id.pem"},
		"header without proxies":    {given: certificateSettings{From: "header", Header: "Client-Cert"}, problem: "client_certificates.from"},
		"header":                    {given: certificateSettings{From: "header", Header: "ssl-client-cert"}, proxies: proxies},
		"header without a name":     {given: certificateSettings{From: "header"}, proxies: proxies, problem: "client_certificates.header"},
		"a name that is none":       {given: certificateSettings{From: "header", Header: "A: B"}, proxies: proxies, problem: "client_certificates.header"},
		"another road":              {given: certificateSettings{From: "both"}, problem: "client_certificates.from"},
	} {
		s, found := settings{TLS: tlsSettings{Cert: c.tls}, Proxies: c.proxies}, ""
		c.given.check(&s, func(path, _ string, _ ...any) { found = path })
		if found != c.problem {
			t.Errorf("%s: a problem of %q, want %q", what, found, c.problem)
		}
	}
	if c := (certificateSettings{From: fromHeader, Header: "Client-Cert"}); c.handshake() != tls.NoClientCert || c.header() != "Client-Cert" || len(c.methods()) != 1 {
		t.Errorf("by header: %v %q %v", c.handshake(), c.header(), c.methods())
	}
	if c := (certificateSettings{From: fromTLS, Header: "Client-Cert", Authorities: "ca.pem"}); c.handshake() != tls.RequestClientCert || c.header() != "" || len(c.methods()) != 2 {
		t.Errorf("by tls: %v %q %v", c.handshake(), c.header(), c.methods())
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + ".none"} {
		a := authorities{file: path}
		if err := a.load(); err == nil || a.held.Load() != nil {
			t.Errorf("%s gives authorities", path)
		}
	}
}

// A certificate that is replaced counts from the next handshake on. One that cannot be used, and half of a pair, change nothing.
func TestCertificatesAreReadAgain(t *testing.T) {
	files, first := newPair(t)
	next, second := newPair(t)
	pair := &tlsPair{}
	files.pair = pair
	shown := func() string {
		t.Helper()
		held, err := pair.current(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(held.Certificate[0])
	}
	copyTo := func(to, from string) {
		t.Helper()
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := pair.load(files); err != nil || shown() != string(first.Certificate[0]) {
		t.Fatal(err)
	}
	copyTo(files.Cert, next.Cert)
	if err := pair.load(files); err == nil || shown() != string(first.Certificate[0]) {
		t.Errorf("half of a pair: %v", err)
	}
	copyTo(files.Key, next.Key)
	if err := pair.load(files); err != nil || shown() != string(second.Certificate[0]) {
		t.Errorf("the next pair: %v", err)
	}
	a := authorities{file: next.Cert}
	if err := a.load(); err != nil || a.held.Load() == nil {
		t.Fatal(err)
	}
	held := a.held.Load()
	if err := os.WriteFile(next.Cert, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.load(); err == nil || a.held.Load() != held {
		t.Errorf("an empty file of authorities: %v", err)
	}
}
