package registration_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
)

// OpenID Connect RP Metadata Choices 1.0: of what a client can work with one is chosen, stored and answered; a key decides which
// algorithm it proves itself with.
func TestChoices(t *testing.T) {
	b := newBench(t)
	key := newSigner(t, "k").jwks(t)
	c := b.register(`{"redirect_uris":["https://shop.example/cb"],"token_endpoint_auth_methods_supported":["none","private_key_jwt"],
		"token_endpoint_auth_signing_alg_values_supported":["RS256","ES256"],"id_token_signing_alg_values_supported":["PS384","ES256"],"jwks":` + key + `}`)
	checkMembers(t, c.doc, "token_endpoint_auth_method", `"private_key_jwt"`, "token_endpoint_auth_signing_alg", `"ES256"`,
		"id_token_signed_response_alg", `"ES256"`, "token_endpoint_auth_methods_supported", "", "client_secret", "")
	got := b.mustDo(b.manage(core.Update, c, c.put(t, "token_endpoint_auth_methods_supported", `["private_key_jwt"]`)))
	checkMembers(t, got.doc, "token_endpoint_auth_method", `"private_key_jwt"`)
	_, err := b.do(b.manage(core.Update, got, got.put(t, "token_endpoint_auth_methods_supported", `["none"]`)))
	checkCode(t, err, core.InvalidClientMetadata, `token_endpoint_auth_method is "private_key_jwt", which is not in token_endpoint_auth_methods_supported; leave one of them out.`)
}

// Keys that sign nothing are no way to prove anything: what works without them is chosen.
func TestChoicesWithoutASigningKey(t *testing.T) {
	b := newBench(t)
	encrypts := strings.Replace(newSigner(t, "k").jwks(t), `"use":"sig"`, `"use":"enc"`, 1)
	encrypts = strings.Replace(encrypts, `"alg":"ES256",`, "", 1)
	for _, jwks := range []string{encrypts, `{"keys":[]}`} {
		c := b.register(`{"redirect_uris":["https://shop.example/cb"],"token_endpoint_auth_methods_supported":["private_key_jwt","none"],"jwks":` + jwks + `}`)
		checkMembers(t, c.doc, "token_endpoint_auth_method", `"none"`)
		for _, members := range []string{`,"token_endpoint_auth_methods_supported":["private_key_jwt","none"]`, ``} {
			r := documents(t)
			r.pages.put(app, appDocument(members+`,"jwks":`+jwks))
			if got := r.client(app).Metadata.TokenEndpointAuthMethod; got != "none" {
				t.Errorf("%s with %s: %s", members, jwks, got)
			}
		}
	}
}

// What a client can decrypt is encrypted to it, if that is known to work: with the keys that it sends, not with those at an address.
func TestChoicesOfEncryption(t *testing.T) {
	b := newBench(t)
	const lists = `"id_token_encryption_alg_values_supported":["RSA-OAEP","ECDH-ES"],"id_token_encryption_enc_values_supported":["A256GCM"],"userinfo_encryption_alg_values_supported":["RSA-OAEP"]`
	c := b.register(`{"redirect_uris":["https://shop.example/cb"],` + lists + `,"jwks":{"keys":[` + jwkOf(t, jose.ES256, `,"use":"enc"`) + `]}}`)
	checkMembers(t, c.doc, "id_token_encrypted_response_alg", `"ECDH-ES"`, "id_token_encrypted_response_enc", `"A256GCM"`, "userinfo_encrypted_response_alg", "")
	for _, keys := range []string{``, `,"jwks":{"keys":[]}`, `,"jwks_uri":"https://shop.example/jwks"`, `,"jwks":{"keys":[` + jwkOf(t, jose.ES256, `,"use":"sig"`) + `]}`} {
		c = b.register(`{"redirect_uris":["https://shop.example/cb"],` + lists + keys + `}`)
		checkMembers(t, c.doc, "id_token_encrypted_response_alg", "", "id_token_encrypted_response_enc", "", "userinfo_encrypted_response_alg", "")
	}
}

// The keys that a statement fixes are the client's, whatever it sent.
func TestChoicesByTheKeysOfAStatement(t *testing.T) {
	issuer, software := newSigner(t, "https://issuer.example"), newSigner(t, "k")
	b := newBench(t, trusting(t, issuer))
	c := b.register(body(issuer.sign(t, `"jwks":`+software.jwks(t)), `,"token_endpoint_auth_methods_supported":["none","private_key_jwt"],"token_endpoint_auth_signing_alg_values_supported":["RS256","ES256"]`))
	checkMembers(t, c.doc, "token_endpoint_auth_method", `"private_key_jwt"`, "token_endpoint_auth_signing_alg", `"ES256"`)
}

// What the client's profile gives is chosen if the client can do it, and refused if it cannot.
func TestChoicesOfAProfile(t *testing.T) {
	b := newBench(t, func(s *registration.Site) {
		s.Profiles = map[string]registration.Profile{"spa": {TokenEndpointAuthMethod: "none", IDTokenSignedAlg: "ES256"}}
	})
	methods := func(list string) string {
		return `{"client_profile":"spa","redirect_uris":["https://shop.example/cb"],"id_token_signing_alg_values_supported":["RS256","ES256"],"token_endpoint_auth_methods_supported":` + list + `}`
	}
	c := b.register(methods(`["client_secret_basic","none"]`))
	checkMembers(t, c.doc, "token_endpoint_auth_method", `"none"`, "id_token_signed_response_alg", `"ES256"`)
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", methods(`["client_secret_basic"]`)))
	checkCode(t, err, core.InvalidClientMetadata, "token_endpoint_auth_methods_supported has nothing that can be chosen for this client")
}

// A method that needs a certificate is chosen only where certificates reach the server.
func TestChoicesOfCertificates(t *testing.T) {
	doc := `{"redirect_uris":["https://shop.example/cb"],"tls_client_auth_san_dns":"shop.example","token_endpoint_auth_methods_supported":["client_secret_basic","tls_client_auth"]}`
	b := newBench(t)
	checkMembers(t, b.register(doc).doc, "token_endpoint_auth_method", `"client_secret_basic"`)
	b.certify([]oauth.AuthMethod{oauth.AuthTLS})
	checkMembers(t, b.register(doc).doc, "token_endpoint_auth_method", `"tls_client_auth"`)
}
