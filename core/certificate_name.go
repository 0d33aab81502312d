package core

import (
	"crypto/x509"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/oauth"
)

// CertificateName gives the member by which a client registers the name of its certificate, and the name; empty: it has none
// (RFC 8705 §2.1.2).
func (m *Metadata) CertificateName() (member, name string) {
	for _, registered := range [][2]string{
		{"tls_client_auth_subject_dn", m.TLSSubjectDN}, {"tls_client_auth_san_dns", m.TLSSANDNS}, {"tls_client_auth_san_uri", m.TLSSANURI},
		{"tls_client_auth_san_ip", m.TLSSANIP}, {"tls_client_auth_san_email", m.TLSSANEmail},
	} {
		if registered[1] != "" {
			return registered[0], registered[1]
		}
	}
	return "", ""
}

// NamedBy tells whether a certificate has the one name that is registered, in its own place: a common name is no DNS name. Whether
// somebody who is trusted issued it is VerifyChain's to say.
func (m *Metadata) NamedBy(leaf *x509.Certificate) bool {
	switch member, name := m.CertificateName(); member {
	case "tls_client_auth_subject_dn":
		want, errWant := oauth.ParseDistinguishedName(name)
		have, errHave := oauth.NameOfCertificate(leaf.RawSubject)
		return errWant == nil && errHave == nil && want.Equal(have)
	case "tls_client_auth_san_dns":
		return slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, name) })
	case "tls_client_auth_san_uri":
		return slices.ContainsFunc(leaf.URIs, func(u *url.URL) bool { return u.String() == name })
	case "tls_client_auth_san_ip":
		want := net.ParseIP(name)
		return want != nil && slices.ContainsFunc(leaf.IPAddresses, want.Equal)
	case "tls_client_auth_san_email":
		return slices.Contains(leaf.EmailAddresses, name)
	}
	return false
}
