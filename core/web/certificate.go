package web

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/valyala/fasthttp"
)

// maxChain is how many certificates a request may bring; the rest of a longer chain is not looked at.
const maxChain = 8

// chainHeader carries the issuers of the certificate in Client-Cert (RFC 9440 §2.3).
const (
	certHeader  = "Client-Cert"
	chainHeader = "Client-Cert-Chain"
)

// takeCertificates finds the client's certificates, the client's own first: what was shown in the TLS handshake, or, where a
// proxy ends TLS, what it says in its header. Never both: where the header counts, the handshake is the proxy's own.
func (ex *exchange) takeCertificates() *refusal {
	if issuers := ex.s.opt.Authorities; issuers != nil {
		ex.req.issuers = issuers()
	}
	header := ex.s.opt.CertificateHeader
	if header == "" {
		if state := ex.ctx.TLSConnectionState(); state != nil {
			ex.req.Certificates = state.PeerCertificates[:min(len(state.PeerCertificates), maxChain)]
		}
		return nil
	}
	sent := ex.req.head.all(header)
	if len(sent) == 0 {
		return nil
	}
	if peer := peerOf(ex.ctx); !ex.s.trusted(peer) {
		ex.s.foreignHeader(header, ex.ctx)
		return nil
	}
	var err error
	if ex.req.Certificates, err = readCertificates(header, sent, ex.req.head.all(chainHeader)); err != nil {
		return &refusal{err: core.Fail(core.InvalidRequest, "The certificate in the header "+header+" cannot be read; the proxy must send one, once.", err)}
	}
	return nil
}

// foreignHeader tells, once a minute, that somebody who is no trusted proxy sends certificates in a header: an attack, or a proxy
// that is missing among the trusted ones.
func (s *Server) foreignHeader(header string, ctx *fasthttp.RequestCtx) {
	minute := s.opt.Now().Unix() / int64(time.Minute/time.Second)
	if last := s.foreignAt.Load(); last != minute && s.foreignAt.CompareAndSwap(last, minute) {
		s.opt.Log.Warn("a certificate in a header was left out: its sender is no trusted proxy", "header", header, "peer", peerOf(ctx).String())
	}
}

// readCertificates reads what a proxy says of the handshake that it made. "(null)" is Apache's word for none.
func readCertificates(header string, sent, issuers []string) ([]*x509.Certificate, error) {
	if len(sent) > 1 {
		return nil, errors.New("the header came twice")
	}
	if sent[0] == "" || sent[0] == "(null)" {
		return nil, nil
	}
	leaf, err := readCertificate(sent[0])
	if err != nil {
		return nil, err
	}
	chain := []*x509.Certificate{leaf}
	if !strings.EqualFold(header, certHeader) || len(issuers) == 0 {
		return chain, nil
	}
	for item := range strings.SplitSeq(strings.Join(issuers, ","), ",") {
		issuer, err := readCertificate(strings.Trim(item, " \t"))
		if err != nil {
			return nil, err
		}
		if chain = append(chain, issuer); len(chain) == maxChain {
			break
		}
	}
	return chain, nil
}

// The marks around the base64 of a certificate: as a byte sequence (RFC 9440 §2.1) and as PEM (RFC 7468 §5).
const (
	pemBegin = "-----BEGIN CERTIFICATE-----"
	pemEnd   = "-----END CERTIFICATE-----"
)

// readCertificate reads one certificate: as RFC 9440 has it, or as PEM, percent-encoded or with its line ends turned to blanks.
func readCertificate(text string) (*x509.Certificate, error) {
	var found bool
	if text, found = strings.CutPrefix(text, ":"); found {
		if text, found = strings.CutSuffix(text, ":"); !found {
			return nil, errors.New("the byte sequence has no end")
		}
	} else {
		plain, err := url.PathUnescape(text) // which leaves a plus what it is in base64
		if err != nil {
			return nil, errors.New("the percent-encoding is broken")
		}
		begun, isPEM := strings.CutPrefix(strings.TrimSpace(plain), pemBegin)
		body, ended := strings.CutSuffix(begun, pemEnd)
		if !isPEM || !ended {
			return nil, errors.New("it is neither one byte sequence nor the PEM form of one certificate")
		}
		text = strings.Join(strings.Fields(body), "")
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("it is no base64")
	}
	return x509.ParseCertificate(der)
}

// certificateOf gives what the client presented; nil when nothing was. Whoever presented it has its key: that was proved in the
// TLS handshake. Whether it is trusted says whether an authority of the operator's issued it.
func certificateOf(r *Request) *core.Certificate {
	if len(r.Certificates) == 0 {
		return nil
	}
	c := Described(r.Certificates[0])
	c.Trusted = core.VerifyChain(r.issuers, r.Certificates, r.Start) == nil
	return c
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
