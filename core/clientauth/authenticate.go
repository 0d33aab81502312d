package clientauth

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
)

// Clients finds clients.
type Clients interface {
	// Registered gives a client with its credentials and state in one view; the zero Registered when there is none.
	Registered(ctx context.Context, id core.ClientID) (core.Registered, error)
}

// Keys gives the key set that a client publishes at its jwks_uri; kid is the key that is looked for.
type Keys interface {
	Set(ctx context.Context, jwksURI, kid string) (jose.KeySet, error)
}

// Once says whether something happens for the first time, and remembers it until then.
type Once interface {
	Once(ctx context.Context, kind string, hash core.SecretHash, until time.Time) (first bool, err error)
}

// Parts are what an Authenticator is made of. All are needed, but for those whose comment tells of nil.
type Parts struct {
	Clients       Clients
	Keys          Keys
	Once          Once
	Issuer        string // accepted as the audience of assertions, and so is TokenEndpoint
	TokenEndpoint string
	Now           func() time.Time

	Authorities func() *x509.CertPool // who may issue certificates for tls_client_auth; nil: nobody
	Secrets     Secrets               // told of better hashes; nil: nobody
	// Admit may refuse a client_id that somebody brings along, before the client is looked for; nil: it refuses none.
	Admit func(id core.ClientID, caller core.Caller) error
	// CheckCertificate may refuse the certificate by which a client proved itself; nil: nobody minds.
	CheckCertificate func(ctx context.Context, c *core.Client, caller core.Caller) error
}

// An Authenticator tells which client is calling. It is safe for concurrent use.
type Authenticator struct {
	parts    Parts
	sets     keys.Parsed
	supplied *supplied
}

// New makes an Authenticator.
func New(p Parts) *Authenticator { return &Authenticator{parts: p, supplied: newSupplied()} }

// Authenticate gives the client that proved itself by the one method it is registered for. A public client (method none) has
// proved nothing but knows its id.
//
// Errors: invalid_request for a request with two methods, or one that cannot be read; invalid_client for an unknown client or
// a proof that does not hold; unauthorized_client for one that holds, of a client that is pending or disabled (RFC 6749 §5.2).
func (a *Authenticator) Authenticate(ctx context.Context, p Presented) (core.Registered, error) {
	proof, err := p.proof()
	if err != nil {
		return core.Registered{}, err
	}
	if a.parts.Admit != nil {
		if err := a.parts.Admit(proof.client, p.Caller); err != nil {
			return core.Registered{}, err
		}
	}
	client, err := a.parts.Clients.Registered(ctx, proof.client)
	if err != nil {
		return core.Registered{}, err
	}
	if err := a.check(ctx, proof, client, p); err != nil {
		return core.Registered{}, err
	}
	return client, mayBeUsed(client)
}

// check holds a proof against the client. A client that is not there fails after the work that one with a wrong secret makes, but for
// the slow hash of one that was supplied: that it takes time tells that there is such a client. An id is no secret (RFC 6749 §2.2), and
// the authorization endpoint tells of each whether it is a client's; slow hashes for ids that are nobody's would be work for strangers.
func (a *Authenticator) check(ctx context.Context, proof proof, r core.Registered, p Presented) error {
	now := a.parts.Now()
	known := r.Client.ID != "" && !r.Client.ExpiredAt(now)
	if !known {
		r = core.Registered{}
	}
	secretHolds := proof.secretHolds(r.Credentials.Secrets, now)
	switch {
	case !known:
		return unknown(nil)
	case proof.method == oauth.AuthNone && oauth.UsesCertificate(Method(r.Client)):
		return a.checkCertificate(ctx, p, &r.Client)
	case proof.method != Method(r.Client):
		return core.Refuse(core.InvalidClient, "This client is registered to authenticate by %s, not by %s.", Method(r.Client), proof.method)
	case proof.method == oauth.AuthPrivateKeyJWT:
		return a.checkAssertion(ctx, proof, &r.Client, p.Endpoint)
	case oauth.UsesSecret(proof.method) && !secretHolds:
		return a.checkSupplied(ctx, proof, p.Caller.IP, &r, now)
	}
	return nil
}

// checkSupplied holds a secret against those that were supplied, and has an imported one kept under a better hash.
func (a *Authenticator) checkSupplied(ctx context.Context, proof proof, ip string, r *core.Registered, now time.Time) error {
	kept, ok, err := a.supplied.holds(ctx, ip, proof.secret, r.Credentials.Secrets, now)
	switch {
	case err != nil:
		return err
	case !ok:
		return unknown(nil)
	case a.parts.Secrets == nil:
		return nil
	}
	if better, ok := a.supplied.better(ctx, proof.secret, kept); ok {
		_ = a.parts.Secrets.ReplaceSecret(ctx, r.Client.ID, kept, better) // else at the next request; the client has proved itself
	}
	return nil
}

// Method gives how a client authenticates. Absent means client_secret_basic (RFC 7591 §2).
func Method(c core.Client) oauth.AuthMethod {
	if c.Metadata.TokenEndpointAuthMethod == "" {
		return oauth.AuthClientSecretBasic
	}
	return oauth.AuthMethod(c.Metadata.TokenEndpointAuthMethod)
}

// mayBeUsed refuses a client that is known and not active: only who proved to be it learns so.
func mayBeUsed(r core.Registered) error {
	switch r.State {
	case core.Active:
		return nil
	case core.Pending:
		return core.Refuse(core.UnauthorizedClient, "This client is registered and waits for an operator's approval.")
	}
	return core.Refuse(core.UnauthorizedClient, "This client was disabled by an operator.")
}

// unknown is the one answer to a client that there is not, not any more, or that could not prove itself.
func unknown(cause error) error {
	return core.Fail(core.InvalidClient, "Client authentication failed: there is no such client, or its credentials do not match.", cause)
}
