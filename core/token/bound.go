package token

import (
	"context"
	"crypto/subtle"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A token may be bound to the certificate of the connection that it was asked for by: nobody else can use it (RFC 8705 §3).

// thumbprint is the member of cnf that names a certificate (RFC 8705 §3.1).
const thumbprint = "x5t#S256"

// bind finds the certificate that the tokens will be bound to, for a client that registered it so, or that policy obliges. What
// cannot be bound as it was registered is not issued.
func (c *call) bind() error {
	m := &c.client.Client.Metadata
	if m.DPoPBoundTokens != nil && *m.DPoPBoundTokens {
		return core.Refuse(core.InvalidRequest, "This client registered dpop_bound_access_tokens (RFC 9449 section 5.2), and this server binds no tokens by DPoP yet: "+
			"it gets none. Register false to get bearer tokens, or tls_client_certificate_bound_access_tokens.")
	}
	registered := m.CertificateBoundTokens != nil && *m.CertificateBoundTokens
	if !registered && !c.client.Client.Governance.Obliges(decision.ObligeMTLS) {
		return nil
	}
	cert := c.req.Caller.Certificate
	if cert == nil || c.now.Before(cert.NotBefore) || c.now.After(cert.NotAfter) {
		return core.Refuse(core.InvalidRequest, "The tokens of this client are bound to its TLS certificate (RFC 8705 section 3): present one in the handshake that is good today.")
	}
	c.certificate = cert.Thumbprint()
	return nil
}

// bindRefresh binds the refresh tokens of a client that proves nothing else (RFC 8705 §4). Others prove themselves with each use.
func (c *call) bindRefresh() string {
	if c.isPublic() {
		return c.certificate
	}
	return ""
}

// isBoundElsewhere tells that what is bound to a certificate came with another one, or none.
func isBoundElsewhere(bound string, presented *core.Certificate) bool {
	return bound != "" && subtle.ConstantTimeCompare([]byte(bound), []byte(presented.Thumbprint())) != 1
}

// VerifyWith is Verify of a token that came with a certificate; nil: with none.
func (e *Endpoint) VerifyWith(ctx context.Context, bearer core.Secret, presented *core.Certificate) (Access, error) {
	access, err := e.verifyAny(ctx, bearer)
	if err == nil && isBoundElsewhere(access.Certificate, presented) {
		return Access{}, stolenToken()
	}
	return access, err
}

func stolenToken() error {
	return core.Refuse(core.InvalidToken, "The access token is bound to another TLS certificate than that of this connection (RFC 8705 section 3).")
}

// writeConfirmation writes what a token is bound to (RFC 7800 §3.1).
func writeConfirmation(r *strictjson.Record, certificate string) {
	if certificate == "" {
		return
	}
	r.Key("cnf")
	r.Begin('{')
	r.Text(thumbprint, certificate)
	r.End('}')
}

func readConfirmation(claims strictjson.Value) string {
	cnf, _ := claims.Get("cnf")
	return text(cnf, thumbprint)
}
