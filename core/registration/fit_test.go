package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/registration"
)

// jwkOf gives a new public key as a JWK with more members.
func jwkOf(t *testing.T, alg, more string) string {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := jose.PublicJWK(key)
	if err != nil {
		t.Fatal(err)
	}
	v := parse(t, string(jwk)).Without("alg").Without("use").Without("kid")
	return strings.TrimSuffix(v.String(), "}") + more + "}"
}

// What a client says it signs with must have a key; both members are named.
func TestKeysFitAlgorithms(t *testing.T) {
	b := newBench(t)
	ec, ed := jwkOf(t, jose.ES256, ``), jwkOf(t, jose.EdDSA, ``)
	enc := jwkOf(t, jose.ES256, `,"use":"enc"`)
	const ciba = `"grant_types":["authorization_code","urn:openid:params:grant-type:ciba"],"backchannel_token_delivery_mode":"poll",`
	for _, test := range []struct{ what, keys, more, refused string }{
		{"a key and no algorithm", ec, `"token_endpoint_auth_method":"private_key_jwt"`, ""},
		{"its algorithm", ec, `"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"ES256"`, ""},
		{"one of two", ec + "," + ed, `"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"Ed25519"`, ""},
		{"another algorithm", ec, `"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"RS256"`, "token_endpoint_auth_signing_alg is RS256, and jwks has no key for it"},
		{"another curve", ec, `"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"ES384"`, "token_endpoint_auth_signing_alg is ES384"},
		{"a key for encryption", enc, `"token_endpoint_auth_method":"private_key_jwt"`, "jwks has no key that signs, and private_key_jwt needs one"},
		{"a key for encryption, of who proves itself otherwise", enc, `"token_endpoint_auth_method":"client_secret_basic"`, ""},
		{"an algorithm of who signs nothing", ec, `"token_endpoint_auth_method":"client_secret_basic","token_endpoint_auth_signing_alg":"RS256"`, ""},
		{"request objects", ec, `"request_object_signing_alg":"PS256"`, "request_object_signing_alg is PS256, and jwks has no key for it"},
		{"backchannel requests", ec, ciba + `"backchannel_authentication_request_signing_alg":"PS256"`, "backchannel_authentication_request_signing_alg is PS256, and jwks has no key for it"},
		{"backchannel requests of its algorithm", ec, ciba + `"backchannel_authentication_request_signing_alg":"ES256"`, ""},
		{"encryption to a key for encryption", enc, `"introspection_encrypted_response_alg":"ECDH-ES+A256KW"`, ""},
		{"encryption to any key", ec, `"authorization_encrypted_response_alg":"ECDH-ES"`, ""},
		{"encryption to a key for signing", jwkOf(t, jose.ES256, `,"use":"sig"`), `"authorization_encrypted_response_alg":"ECDH-ES"`, "authorization_encrypted_response_alg is ECDH-ES, and jwks has no key for it"},
		{"encryption to another kind of key", ec + "," + ed, `"introspection_encrypted_response_alg":"RSA-OAEP"`, "introspection_encrypted_response_alg is RSA-OAEP, and jwks has no key for it"},
		{"encryption to a key of another algorithm", jwkOf(t, jose.ES256, `,"alg":"ECDH-ES+A128KW"`), `"introspection_encrypted_response_alg":"ECDH-ES"`, "introspection_encrypted_response_alg is ECDH-ES"},
		{"an encrypted ID token", enc, `"id_token_encrypted_response_alg":"ECDH-ES"`, ""},
		{"an encrypted ID token to a key for signing", jwkOf(t, jose.ES256, `,"use":"sig"`), `"id_token_encrypted_response_alg":"ECDH-ES"`, "id_token_encrypted_response_alg is ECDH-ES, and jwks has no key for it"},
		{"encrypted userinfo to another kind of key", ec, `"userinfo_encrypted_response_alg":"RSA-OAEP"`, "userinfo_encrypted_response_alg is RSA-OAEP, and jwks has no key for it"},
		{"encryption to a set without keys", "", `"userinfo_encrypted_response_alg":"RSA-OAEP"`, "userinfo_encrypted_response_alg is RSA-OAEP, and jwks has no key for it"},
		{"no keys yet", "", `"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"RS256"`, ""},
	} {
		_, err := b.do(b.request(core.Register, core.ChannelOperator, "", fmt.Sprintf(`{"redirect_uris":["https://a.example/cb"],"jwks":{"keys":[%s]},%s}`, test.keys, test.more)))
		if test.refused == "" && err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		if test.refused != "" {
			checkCode(t, err, core.InvalidClientMetadata, test.refused)
			if e := core.AsError(err); len(e.Reasons) != 1 || !strings.Contains(strings.Join(e.Reasons[0].Fields, " "), "jwks") {
				t.Errorf("%s: %+v", test.what, e)
			}
		}
	}
}

// RFC 7517, RFC 7518: what is no usable public key is refused before anybody sees it. That the rules hold for every key is
// tested where keys are read (core/keys/jose).
func TestUnusableKeys(t *testing.T) {
	b := newBench(t)
	ec := jwkOf(t, jose.ES256, `,"kid":"one"`)
	for what, set := range map[string]string{
		"a weak RSA key": `{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("q", 170) + `"}`, "a private key": strings.TrimSuffix(ec, "}") + `,"d":"AA"}`,
		"a shared secret": `{"kty":"oct","k":"AAAA"}`, "a point beside the curve": `{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`,
		"one kid twice": ec + "," + jwkOf(t, jose.ES256, `,"kid":"one"`), "another algorithm than its own": strings.TrimSuffix(ec, "}") + `,"alg":"RS256"}`,
	} {
		_, err := b.do(b.request(core.Register, core.ChannelOperator, "", `{"redirect_uris":["https://a.example/cb"],"jwks":{"keys":[`+set+`]}}`))
		if core.CodeOf(err) != core.InvalidClientMetadata || !strings.HasPrefix(core.AsError(err).Detail, "jwks: keys[") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", `{"redirect_uris":["https://a.example/cb"],"jwks":{"keys":[]},"jwks_uri":"https://a.example/k"}`))
	checkCode(t, err, core.InvalidClientMetadata, "jwks and jwks_uri exclude each other")
}

// A key of a kind to come does not take the others with it (RFC 7517 §5): the set is kept as it was sent, the answer says what nothing
// comes of, and policy is not told of a key that does nothing. It is so for issuers, too;
// of the operator's own table such a key can be named.
func TestKeysOfOtherKinds(t *testing.T) {
	const other = `{"kty":"AKP","alg":"ML-DSA-65","pub":"AA","kid":"pq"}`
	b := newBench(t)
	var asked []decision.Key
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q.Keys
		return decision.Verdict{Allow: true}, nil
	}
	ec := jwkOf(t, jose.ES256, `,"kid":"one"`)
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[` + other + `,` + ec + `]}}`)
	checkMembers(t, c.doc, "jwks", `{"keys":[`+other+`,`+ec+`]}`,
		"warnings", `[{"rule":"idle","fields":["jwks"],"message":"jwks is kept, and nothing comes of keys[0] (AKP), which no algorithm here uses."}]`)
	if len(asked) != 1 || asked[0].Kid != "one" {
		t.Errorf("policy was told of %+v", asked)
	}
	c = b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"x"`)))
	checkMembers(t, c.doc, "warnings", "")
	_, err := b.do(b.manage(core.Update, c, c.put(t, "jwks", `{"keys":[`+other+`]}`)))
	checkCode(t, err, core.InvalidClientMetadata, "jwks: keys[0].kty: keys of the kind AKP are not used here, and the set has no others")

	issuer := newSigner(t, "https://issuer.example")
	mixed := strings.Replace(issuer.jwks(t), `[`, `[`+other+`,`, 1)
	b = newBench(t, func(s *registration.Site) {
		s.TrustedIssuers = []registration.TrustedIssuer{{Issuer: issuer.name, JWKSURI: "https://issuer.example/keys"}}
	})
	b.published = map[string]string{"https://issuer.example/keys": mixed}
	if c := b.register(body(issuer.sign(t, ""), "")); b.stored(c.id).Client.Governance.Trust != registration.TrustIssuer {
		t.Error("a key of another kind took the issuer's others with it")
	}
	site := registration.DefaultSite()
	site.TrustedIssuers = []registration.TrustedIssuer{{Issuer: issuer.name, JWKS: `{"keys":[` + other + `]}`}}
	if problems := site.Validate(); len(problems) != 1 || !strings.Contains(problems[0].Text, "the set has no others") {
		t.Errorf("an issuer without a key: %v", problems)
	}
	site.TrustedIssuers[0].JWKS = mixed
	if problems, unused := site.Validate(), site.UnusedKeys(); len(problems) != 0 || !slices.Equal(unused, []string{"trusted_issuers[0].jwks.keys[0] (AKP)"}) {
		t.Errorf("in the operator's own table: %v, unused %q", problems, unused)
	}
}
