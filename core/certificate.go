package core

import "time"

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
}

// AlternativeNames are a certificate's other names (RFC 5280 §4.2.1.6), by kind.
type AlternativeNames struct {
	DNS, URI, Email, IP []string
}
