package jose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// generate makes a key, or ends the test.
func generate(t *testing.T, alg string) jose.PrivateKey {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, key jose.PrivateKey, claims string) string {
	t.Helper()
	token, err := jose.Sign(key, "JWT", []byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func publicSet(t *testing.T, keys ...jose.PrivateKey) jose.KeySet {
	t.Helper()
	set, err := jose.PublicSet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A key survives being stored, what it signs verifies through its published JWK, and one key has one spelling.
func TestEveryAlgorithmRoundTrips(t *testing.T) {
	for _, alg := range jose.Asymmetric() {
		t.Run(alg, func(t *testing.T) {
			made := generate(t, alg)
			der, err := jose.MarshalPrivate(made)
			if err != nil {
				t.Fatal(err)
			}
			key, err := jose.ParsePrivate(alg, der)
			if err != nil {
				t.Fatal(err)
			}
			jwk, err := jose.PublicJWK(key)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := jose.PublicJWK(made); err != nil || string(again) != string(jwk) {
				t.Errorf("two spellings of one key: %s and %s (%v)", jwk, again, err)
			}
			if v, err := strictjson.Parse(jwk, strictjson.Limits{}); err != nil || string(strictjson.Canonical(nil, v)) != string(jwk) {
				t.Errorf("JWK is not canonical: %s (%v)", jwk, err)
			}
			set, err := jose.ParseJWKS(fmt.Appendf(nil, `{"keys":[%s]}`, jwk))
			if err != nil {
				t.Fatal(err)
			}
			if fact := set.Facts()[0]; fact.Kid != key.ID() || fact.Thumbprint != key.ID() || fact.Alg != alg || fact.Use != "sig" {
				t.Errorf("facts %+v", fact)
			}
			claims, err := jose.Verify(sign(t, key, `{"iss":"me"}`), set, []string{alg})
			if err != nil || claims.String() != `{"iss":"me"}` {
				t.Errorf("claims %s, %v", claims, err)
			}
		})
	}
}

func TestBothNamesOfEd25519AreOneKey(t *testing.T) {
	key := generate(t, jose.Ed25519)
	token := sign(t, key, `{}`)
	header, _, err := jose.Peek(token, 0)
	if err != nil || header.Alg != jose.Ed25519 {
		t.Fatalf("header %+v, %v", header, err)
	}
	der, err := jose.MarshalPrivate(key)
	if err != nil {
		t.Fatal(err)
	}
	old, err := jose.ParsePrivate(jose.EdDSA, der)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.Verify(token, publicSet(t, old), []string{jose.EdDSA, jose.Ed25519}); err != nil {
		t.Errorf("the key published as EdDSA does not verify Ed25519: %v", err)
	}
}

func TestPrivateKeyIsForItsAlgorithmOnly(t *testing.T) {
	der, err := jose.MarshalPrivate(generate(t, jose.ES256))
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := x509.MarshalPKCS8PrivateKey(p224)
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]struct {
		alg string
		der []byte
	}{
		"other curve":   {jose.ES384, der},
		"other type":    {jose.RS256, der},
		"symmetric":     {jose.HS256, der},
		"none":          {"none", der},
		"empty":         {"", der},
		"weak curve":    {jose.ES256, weak},
		"no algorithm":  {"", weak},
		"truncated DER": {jose.ES256, der[:len(der)-1]},
		"nothing":       {jose.ES256, nil},
	} {
		if _, err := jose.ParsePrivate(try.alg, try.der); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, alg := range []string{"", "none", jose.HS256, "RS1"} {
		if _, err := jose.Generate(alg); err == nil {
			t.Errorf("generated a key for %q", alg)
		}
	}
}

func TestEmptyPrivateKeyDoesNothing(t *testing.T) {
	var zero jose.PrivateKey
	if _, err := jose.Sign(zero, "JWT", []byte(`{}`)); err == nil {
		t.Error("it signed")
	}
	if _, err := jose.MarshalPrivate(zero); err == nil {
		t.Error("it was marshalled")
	}
	if _, err := jose.PublicJWK(zero); err == nil {
		t.Error("it has a JWK")
	}
	if _, err := jose.PublicSet(zero); err == nil {
		t.Error("it has a set")
	}
}

func TestPrivateKeyDoesNotPrint(t *testing.T) {
	key := generate(t, jose.ES256)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, key); got != "[redacted]" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

// A client's key may be RSA, too: not a weak one, and it signs with PS256 unless another algorithm is named that fits.
func TestParseClientPEM(t *testing.T) {
	for _, alg := range []string{jose.ES256, jose.ES384, jose.EdDSA, jose.PS256} {
		key, err := jose.Generate(alg)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jose.MarshalPEM(key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := jose.ParseClientPEM(text, ""); err != nil || got.Alg() != alg || got.ID() != key.ID() {
			t.Errorf("%s: %s %s, %v", alg, got.Alg(), got.ID(), err)
		}
		if got, err := jose.ParseClientPEM(text, jose.RS256); (err == nil) != (alg == jose.PS256) || err == nil && got.Alg() != jose.RS256 {
			t.Errorf("%s as RS256: %s, %v", alg, got.Alg(), err)
		}
		if _, err := jose.ParsePEM(text); (err == nil) == (alg == jose.PS256) {
			t.Errorf("ParsePEM of %s: %v", alg, err)
		}
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(weak)})
	if _, err := jose.ParseClientPEM(text, ""); err == nil || !strings.Contains(err.Error(), "1024 bits is too weak") {
		t.Errorf("a weak key: %v", err)
	}
}

// A key under another name is the same key: its JWK and what it signs name it so.
func TestNamed(t *testing.T) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	named := key.Named("fapi-adv-key-1")
	set, err := jose.PublicSet(named)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jose.Sign(named, "JWT", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	header, _, err := jose.Peek(signed, 0)
	if err != nil || header.Kid != "fapi-adv-key-1" || key.ID() == named.ID() {
		t.Errorf("kid %q, %v", header.Kid, err)
	}
	if _, err := jose.Verify(signed, set, []string{jose.ES256}); err != nil {
		t.Error(err)
	}
}
