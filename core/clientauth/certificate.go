package clientauth

import (
	"context"
	"crypto/x509"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// checkCertificate fulfils RFC 8705 §2: the certificate is good today, it is the client's, and last, plugins do not mind.
func (a *Authenticator) checkCertificate(ctx context.Context, p Presented, c *core.Client) error {
	if len(p.Certificates) == 0 {
		return refuseCertificate("is missing; present it in the TLS handshake", nil)
	}
	leaf, now := p.Certificates[0], a.parts.Now()
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return refuseCertificate("has expired or is not good yet", nil)
	}
	check := a.checkSelfSigned
	if Method(*c) == oauth.AuthTLS {
		check = a.checkIssued
	}
	if err := check(ctx, p.Certificates, c); err != nil || a.parts.CheckCertificate == nil {
		return err
	}
	caller := p.Caller
	caller.ClientID = c.ID
	return a.parts.CheckCertificate(ctx, c, caller)
}

// checkIssued wants a trusted authority to have issued the certificate, to the name that the client registered (RFC 8705 §2.1).
func (a *Authenticator) checkIssued(_ context.Context, chain []*x509.Certificate, c *core.Client) error {
	var authorities *x509.CertPool
	if a.parts.Authorities != nil {
		authorities = a.parts.Authorities()
	}
	if authorities == nil {
		return refuseCertificate("cannot be verified: this server trusts no authority", nil)
	}
	if err := core.VerifyChain(authorities, chain, a.parts.Now()); err != nil {
		return refuseCertificate("was not issued for clients by an authority that is trusted here", err)
	}
	if !c.Metadata.NamedBy(chain[0]) {
		return refuseCertificate("has another name than the client registered", nil)
	}
	return nil
}

// checkSelfSigned wants the certificate's key to be one of the client's own (RFC 8705 §2.2). Who issued it does not matter.
func (a *Authenticator) checkSelfSigned(ctx context.Context, chain []*x509.Certificate, c *core.Client) error {
	set, err := a.keysOf(ctx, c, "")
	if err != nil {
		return err
	}
	if !set.HasKey(chain[0].PublicKey) {
		return refuseCertificate("has a key that is not among the keys of this client", nil)
	}
	return nil
}

func refuseCertificate(why string, cause error) error {
	return core.Fail(core.InvalidClient, "The client's TLS certificate "+why+" (RFC 8705 section 2).", cause)
}
