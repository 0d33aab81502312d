package jose_test

import (
	"testing"

	"github.com/ostiary/ostiary/core/keys/jose"
)

// A key signs what its type, its curve and its owner allow.
func TestKeyFactSigns(t *testing.T) {
	rsa, ec, p384, ed := jose.KeyFact{Kty: "RSA"}, jose.KeyFact{Kty: "EC", Crv: "P-256"}, jose.KeyFact{Kty: "EC", Crv: "P-384"}, jose.KeyFact{Kty: "OKP", Crv: "Ed25519"}
	for _, test := range []struct {
		key  jose.KeyFact
		alg  string
		want bool
	}{
		{rsa, "RS256", true}, {rsa, "PS512", true}, {rsa, "ES256", false}, {rsa, "HS256", false}, {rsa, "none", false}, {rsa, "", false},
		{ec, "ES256", true}, {ec, "ES384", false}, {ec, "RS256", false}, {p384, "ES384", true}, {p384, "ES256", false},
		{ed, "EdDSA", true}, {ed, "Ed25519", true}, {ed, "ES256", false},
		{jose.KeyFact{Kty: "EC", Crv: "P-256", Use: "sig"}, "ES256", true}, {jose.KeyFact{Kty: "EC", Crv: "P-256", Use: "enc"}, "ES256", false},
		{jose.KeyFact{Kty: "RSA", Alg: "PS256"}, "PS256", true}, {jose.KeyFact{Kty: "RSA", Alg: "PS256"}, "RS256", false},
		{jose.KeyFact{Kty: "OKP", Crv: "Ed25519", Alg: "EdDSA"}, "Ed25519", true}, {jose.KeyFact{Kty: "EC"}, "", false},
		{jose.KeyFact{Kty: "RSA", Alg: "RSA-OAEP"}, "RS256", false}, {jose.KeyFact{}, "ES256", false},
	} {
		if got := test.key.Signs(test.alg); got != test.want {
			t.Errorf("%+v signs %q: %v", test.key, test.alg, got)
		}
	}
}
