package keys_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
)

func pemOf(t *testing.T, kind string, der []byte, err error) core.Secret {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return core.Secret(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t *testing.T, key any) core.Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pemOf(t, "PRIVATE KEY", der, err)
}

// What named keys sign is what everybody else takes for a signature.
func TestNamedKeysSign(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	shared := strings.Repeat("s", 32)
	named, failed := keys.NewNamed(map[string]keys.Secret{
		"ed": {Ed25519: pkcs8(t, ed)}, "ec": {EC: pkcs8(t, ec)}, "sec1": {EC: pemOf(t, "EC PRIVATE KEY", sec1, err)},
		"p-384": {EC: pkcs8(t, ec384)}, "partner.hmac": {HMAC: core.Secret(shared)},
	})
	if failed != nil {
		t.Fatal(failed)
	}
	for name, want := range map[string]string{"ed": jose.EdDSA, "ec": jose.ES256, "sec1": jose.ES256, "p-384": jose.ES384} {
		header := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":%q}`, want))
		input := header + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"a":1}`))
		alg, kid, signature, err := named.Sign(name, []byte(input))
		if err != nil || alg != want || len(kid) != 43 {
			t.Errorf("%s: %s %s %v", name, alg, kid, err)
		}
		verified := false
		for _, key := range []any{ed, ec, ec384} {
			if der, err := x509.MarshalPKCS8PrivateKey(key); err == nil {
				if private, err := jose.ParsePrivate(alg, der); err == nil {
					verified = true
					set, err := jose.PublicSet(private)
					if err != nil {
						t.Fatal(err)
					}
					compact := input + "." + base64.RawURLEncoding.EncodeToString(signature)
					if _, err := jose.Verify(compact, set, []string{alg}); err != nil || private.ID() != kid {
						t.Errorf("%s: %v, kid %s and %s", name, err, kid, private.ID())
					}
				}
			}
		}
		if !verified {
			t.Errorf("%s was not verified", name)
		}
		if _, _, _, err := named.HMAC(name, nil); !errors.Is(err, keys.ErrNoNamedKey) {
			t.Errorf("%s as a shared key: %v", name, err)
		}
	}
	mac := hmac.New(sha256.New, []byte(shared))
	mac.Write([]byte("data"))
	if alg, kid, got, err := named.HMAC("partner.hmac", []byte("data")); err != nil || alg != "HS256" || kid != "partner.hmac" || !hmac.Equal(got, mac.Sum(nil)) {
		t.Errorf("%s %s %x %v", alg, kid, got, err)
	}
	for _, name := range []string{"partner.hmac", "nobody", ""} {
		if _, _, _, err := named.Sign(name, nil); !errors.Is(err, keys.ErrNoNamedKey) {
			t.Errorf("%q as a private key: %v", name, err)
		}
	}
}

func TestNamedKeysThatCannotBeUsed(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long := core.Secret(strings.Repeat("s", 32))
	for name, test := range map[string]struct {
		secret keys.Secret
		want   string
	}{
		"nothing": {keys.Secret{}, "it must be one of hmac, ed25519 and ec"},
		"both":    {keys.Secret{HMAC: long, EC: long}, "it must be one of hmac, ed25519 and ec"},
		"short":   {keys.Secret{HMAC: "TOPSECRET"}, "at least 32 bytes"},
		"no-pem":  {keys.Secret{EC: long}, "not one PEM block"},
		"rsa":     {keys.Secret{EC: pkcs8(t, rsaKey)}, "Ed25519 or on an elliptic curve"},
		"A Name":  {keys.Secret{HMAC: long}, "its name must be"},
		"junk":    {keys.Secret{EC: pemOf(t, "PRIVATE KEY", []byte("TOPSECRET"), nil)}, "no key that is understood"},
		"cert":    {keys.Secret{EC: pemOf(t, "CERTIFICATE", []byte("x"), nil)}, "not PRIVATE KEY"},
		"swapped": {keys.Secret{EC: pkcs8(t, ed)}, "another kind"},
		"two":     {keys.Secret{EC: pkcs8(t, rsaKey) + "TOPSECRET"}, "not one PEM block"},
	} {
		_, err := keys.NewNamed(map[string]keys.Secret{name: test.secret})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "TOPSECRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
