package jose_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// oracleAlg is the name that go-jose has for an algorithm: it knows Ed25519 as EdDSA only.
func oracleAlg(alg string) gojose.SignatureAlgorithm {
	if alg == jose.Ed25519 {
		return gojose.EdDSA
	}
	return gojose.SignatureAlgorithm(alg)
}

func oracleSigns(t *testing.T, alg string, key any) string {
	t.Helper()
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: oracleAlg(alg), Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(`{"sub":"u-1"}`))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// bend changes one letter in the middle of the signature.
func bend(token string) string {
	at := strings.LastIndexByte(token, '.') + 20
	letter := byte('A')
	if token[at] == letter {
		letter = 'B'
	}
	return token[:at] + string(letter) + token[at+1:]
}

// go-jose and we sign for each other, and refuse the same: every algorithm, both ways.
func TestAgainstGoJose(t *testing.T) {
	for _, alg := range jose.Asymmetric() {
		key := generate(t, alg)
		der, err := jose.MarshalPrivate(key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			t.Fatal(err)
		}
		set := publicSet(t, key)
		theirs := oracleSigns(t, alg, private)
		if claims, err := jose.Verify(theirs, set, []string{alg, jose.EdDSA}); err != nil || claims.String() != `{"sub":"u-1"}` {
			t.Errorf("%s: what go-jose signs: %s, %v", alg, claims, err)
		}
		bent := bend(theirs)
		if _, err := jose.Verify(bent, set, []string{alg, jose.EdDSA}); err == nil {
			t.Errorf("%s: a bent signature verifies", alg)
		}
		if alg == jose.Ed25519 {
			continue // go-jose reads no token that says so
		}
		ours, err := gojose.ParseSignedCompact(sign(t, key, `{"sub":"u-2"}`), []gojose.SignatureAlgorithm{oracleAlg(alg)})
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		public, err := x509.MarshalPKIXPublicKey(private.(crypto.Signer).Public())
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := x509.ParsePKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		if payload, err := ours.Verify(verifier); err != nil || string(payload) != `{"sub":"u-2"}` {
			t.Errorf("%s: what we sign: %s, %v", alg, payload, err)
		}
	}
}

func TestSharedSecretsAgainstGoJose(t *testing.T) {
	secret := make([]byte, 64)
	_, _ = rand.Read(secret)
	for _, alg := range jose.Symmetric() {
		set, err := jose.SharedSecret(core.Secret(secret))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jose.Verify(oracleSigns(t, alg, secret), set, []string{alg}); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if _, err := jose.Verify(oracleSigns(t, alg, bytes.Repeat([]byte("s"), 64)), set, []string{alg}); err == nil {
			t.Errorf("%s: another secret verifies", alg)
		}
	}
}
