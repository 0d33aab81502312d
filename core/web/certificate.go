package web

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"

	"github.com/ostiary/ostiary/core"
)

// certificateOf gives what was presented in the TLS handshake; nil when nothing was. Whoever presented it has its key: that
// was proved there. Who issued it is not looked at here. What a proxy shows us is the proxy's, and no caller's.
func certificateOf(r *Request) *core.Certificate {
	if r.proxied || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return Described(r.TLS.PeerCertificates[0])
}

// Described gives what there is to know of a certificate.
func Described(c *x509.Certificate) *core.Certificate {
	sum := sha256.Sum256(c.Raw)
	d := &core.Certificate{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), SHA256: hex.EncodeToString(sum[:]),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		SAN: core.AlternativeNames{DNS: c.DNSNames, Email: c.EmailAddresses},
		PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
	}
	if c.SerialNumber != nil {
		d.Serial = c.SerialNumber.Text(16)
	}
	for _, u := range c.URIs {
		d.SAN.URI = append(d.SAN.URI, u.String())
	}
	for _, ip := range c.IPAddresses {
		d.SAN.IP = append(d.SAN.IP, ip.String())
	}
	return d
}
