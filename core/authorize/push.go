package authorize

import (
	"context"
	"crypto/x509"
	"maps"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/oauth"
)

// pushedLifetime is how long a pushed request waits for a browser to come with it, if its client registered no par_lifetime. Then
// it lasts as long as any other request.
const pushedLifetime = 90 * time.Second

// referencePrefix begins every reference that we give out (RFC 9126 §2.2).
const referencePrefix = "urn:ietf:params:oauth:request_uri:"

// A Push is a request at the PAR endpoint.
type Push struct {
	Authorization string       // the header's value
	Form          oauth.Params // of the body; what is repeated is refused by the checks

	Certificates []*x509.Certificate // of the connection (RFC 8705)
	Caller       core.Caller
}

// Push takes an authorization request from the client itself (RFC 9126 §2). It is checked as it would be from a browser; what
// is wrong is told to the client at once. The reference is a secret: whoever has it can have the request answered.
func (e *Endpoint) Push(ctx context.Context, p Push) (reference core.Secret, lifetime time.Duration, err error) {
	if name := p.Form.Repeated("resource"); name != "" {
		return "", 0, core.Refuse(core.InvalidRequest, "%s was sent twice; send it once (RFC 6749 section 3.1).", core.Clip(name))
	}
	client, err := e.auth.Authenticate(ctx, clientauth.Presented{
		Authorization: p.Authorization, Form: p.Form, Certificates: p.Certificates, Caller: p.Caller, Endpoint: e.site.Issuer + "/par",
	})
	if err != nil {
		return "", 0, err
	}
	in := &inquiry{params: withoutCredentials(p.Form, client.Client.ID), found: client, pushed: true, site: &e.site}
	if err := in.check(); err != nil {
		return "", 0, err
	}
	lifetime = pushedLifetime
	if registered := client.Client.Metadata.PARLifetime; registered != nil {
		lifetime = time.Duration(*registered) * time.Second
	}
	start, reference := e.now().Add(lifetime), referencePrefix+core.NewSecret()
	pushed := Pushed{Client: client.Client.ID, Params: in.params, StartBefore: start, ForgetAt: start.Add(flowLifetime)}
	if err := e.store.Push(ctx, reference.Hash(), pushed); err != nil {
		return "", 0, err
	}
	return reference, lifetime, nil
}

// withoutCredentials leaves what the client asks for, and puts in who it proved to be.
func withoutCredentials(form oauth.Params, client core.ClientID) oauth.Params {
	params := maps.Clone(form)
	for _, name := range [...]string{"client_secret", "client_assertion", "client_assertion_type"} {
		delete(params, name)
	}
	params["client_id"] = []string{string(client)}
	return params
}
