package clientauth

import (
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// AssertionType is the client_assertion_type of private_key_jwt (RFC 7523 §2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Presented is what a request carries to prove which client sends it.
type Presented struct {
	Authorization string              // the header's value; empty: there is none
	Form          oauth.Params        // of the body, no parameter of client authentication twice
	Certificates  []*x509.Certificate // of the connection, the client's own first; their issuer is not verified
	Caller        core.Caller         // what else is known of who sends it
	Endpoint      string              // the URL that was called, an audience that assertions may name
}

// A proof is what was presented, read and not yet believed.
type proof struct {
	method    oauth.AuthMethod
	client    core.ClientID
	secret    core.Secret // of basic and post
	assertion jose.Token  // of private_key_jwt
}

// proof reads the one method that was presented. Two would leave open which of them counts (RFC 6749 §2.3).
func (p Presented) proof() (proof, error) {
	basic := p.Authorization != ""
	asserted := p.Form.Has("client_assertion") || p.Form.Has("client_assertion_type")
	posted := p.Form.Has("client_secret")
	switch {
	case basic && (asserted || posted) || asserted && posted:
		return proof{}, core.Refuse(core.InvalidRequest, "Two methods of client authentication in one request; send one (RFC 6749 section 2.3).")
	case basic:
		return p.basic()
	case asserted:
		return p.asserted()
	case !p.Form.Has("client_id"):
		return proof{}, core.Refuse(core.InvalidClient, "No client authentication was sent; send client_id and what the client is registered to prove itself with.")
	case posted:
		return proof{method: oauth.AuthClientSecretPost, client: p.clientID(), secret: core.Secret(p.Form.Get("client_secret"))}, nil
	}
	return proof{method: oauth.AuthNone, client: p.clientID()}, nil
}

func (p Presented) clientID() core.ClientID { return core.ClientID(p.Form.Get("client_id")) }

// basic reads RFC 7617 §2 as RFC 6749 §2.3.1 uses it: both halves are form-encoded.
func (p Presented) basic() (proof, error) {
	malformed := core.Refuse(core.InvalidClient, "The Authorization header is not Basic with a form-encoded client_id and client_secret (RFC 6749 section 2.3.1).")
	scheme, encoded, _ := strings.Cut(p.Authorization, " ")
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil || strings.ContainsAny(encoded, "\r\n") || !strings.EqualFold(scheme, "Basic") { // the decoder skips line ends
		return proof{}, malformed
	}
	user, password, found := strings.Cut(string(raw), ":")
	id, badID := url.QueryUnescape(user)
	secret, badSecret := url.QueryUnescape(password)
	if !found || id == "" || badID != nil || badSecret != nil {
		return proof{}, malformed
	}
	return p.named(proof{method: oauth.AuthClientSecretBasic, client: core.ClientID(id), secret: core.Secret(secret)})
}

// asserted reads RFC 7523 §2.2. The claims are hearsay until checkAssertion has verified them.
func (p Presented) asserted() (proof, error) {
	if p.Form.Get("client_assertion_type") != AssertionType {
		return proof{}, core.Refuse(core.InvalidClient, "client_assertion_type must be %s (RFC 7523 section 2.2).", AssertionType)
	}
	assertion, err := jose.Read(p.Form.Get("client_assertion"), 0)
	if err != nil {
		return proof{}, refuseAssertion("is not a signed JWT that we accept", err)
	}
	id := text(assertion.Claims, "sub")
	if id == "" {
		return proof{}, refuseAssertion("has no sub", nil)
	}
	return p.named(proof{method: oauth.AuthPrivateKeyJWT, client: core.ClientID(id), assertion: assertion})
}

// named refuses a request whose client_id is not the one that is proved.
func (p Presented) named(proved proof) (proof, error) {
	if p.Form.Has("client_id") && p.clientID() != proved.client {
		return proof{}, core.Refuse(core.InvalidRequest, "client_id is not the client of the client authentication; send the same one, or leave client_id out.")
	}
	return proved, nil
}

// text gives a claim that is a string, "" when it is absent or something else.
func text(claims strictjson.Value, name string) string {
	v, _ := claims.Get(name)
	s, _ := v.Text()
	return s
}
