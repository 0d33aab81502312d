package core

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"
)

// A Certificate is what there is to know of a client's X.509 certificate that was presented in the TLS handshake. It is evidence,
// no secret.
type Certificate struct {
	Subject   string // distinguished name (RFC 4514)
	Issuer    string
	Serial    string // hexadecimal
	SHA256    string // of the DER form, in hexadecimal
	SAN       AlternativeNames
	NotBefore time.Time
	NotAfter  time.Time
	PEM       string

	// Trusted tells that an authority issued it, for clients and for now, which the operator trusts with them.
	Trusted bool
}

// VerifyChain wants an authority to have issued a certificate, for clients and for now. The chain begins with it; those that follow may
// stand between it and the authority. Without authorities nobody is believed, and not whom the system believes.
func VerifyChain(authorities *x509.CertPool, chain []*x509.Certificate, now time.Time) error {
	switch {
	case len(chain) == 0:
		return errors.New("there is no certificate")
	case authorities == nil:
		return errors.New("this server trusts no authority with certificates of clients")
	}
	between := x509.NewCertPool()
	for _, issuer := range chain[1:] {
		between.AddCert(issuer)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: authorities, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

// AlternativeNames are a certificate's other names (RFC 5280 §4.2.1.6), by kind.
type AlternativeNames struct {
	DNS, URI, Email, IP []string
}

// Thumbprint names the certificate as access tokens do that are bound to it: x5t#S256 (RFC 8705 §3.1). Without a certificate it
// is empty.
func (c *Certificate) Thumbprint() string {
	if c == nil {
		return ""
	}
	sum, err := hex.DecodeString(c.SHA256)
	if err != nil { // it was encoded here
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}
