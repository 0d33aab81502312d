package core

import (
	"encoding/base64"
	"encoding/hex"
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
