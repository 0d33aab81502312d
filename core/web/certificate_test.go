package web

import (
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestCertificateOfTheCaller(t *testing.T) {
	shown := &x509.Certificate{
		Raw: []byte("der"), SerialNumber: big.NewInt(31), URIs: []*url.URL{{Scheme: "https", Host: "bank.example"}}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)},
	}
	shown.Subject.CommonName, shown.Issuer.CommonName = "s-1", "Directory"
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{shown}}
	got := certificateOf(&Request{TLS: state})
	if got == nil || got.Subject != "CN=s-1" || got.Issuer != "CN=Directory" || got.Serial != "1f" || len(got.SHA256) != 64 ||
		!slices.Equal(got.SAN.URI, []string{"https://bank.example"}) || !slices.Equal(got.SAN.IP, []string{"192.0.2.1"}) ||
		!strings.HasPrefix(got.PEM, "-----BEGIN CERTIFICATE-----\n") {
		t.Errorf("got %+v", got)
	}
	for what, r := range map[string]*Request{
		"no TLS": {}, "no certificate": {TLS: &tls.ConnectionState{}}, "that of a proxy": {TLS: state, proxied: true},
	} {
		if got := certificateOf(r); got != nil {
			t.Errorf("%s: %+v", what, got)
		}
	}
}
