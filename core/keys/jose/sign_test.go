package jose_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
)

// ecdsaSign makes an ES256 token with a header of the caller's, as an attacker would, from PKCS #8 DER.
func ecdsaSign(t *testing.T, der []byte, header, claims string) string {
	t.Helper()
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	signing := strings.TrimSuffix(compact(header, claims, ""), ".")
	digest := sha256.Sum256([]byte(signing))
	r, s, err := ecdsa.Sign(rand.Reader, parsed.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := slices.Concat(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32)))
	return signing + "." + base64url(signature)
}
