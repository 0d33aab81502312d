package jose_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
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

// What Sign writes by hand is the one spelling of a compact JWS: header members in alphabetical order, signatures of the length
// that the algorithm has (RFC 7518 §3.4), also when r or s begins with a zero byte. That it verifies with go-jose is the round
// trip's test.
func TestSignWritesOneSpelling(t *testing.T) {
	key := generate(t, jose.ES256)
	for _, typ := range []string{"", "JWT", "at+jwt", `odd"typ`} {
		want := `{"alg":"ES256","kid":"` + key.ID() + `"`
		if typ != "" {
			want += `,"typ":` + string(strictjson.AppendString(nil, typ))
		}
		token, err := jose.Sign(key, typ, []byte(`{"sub":"é"}`))
		if err != nil {
			t.Fatal(err)
		}
		if begin := strings.TrimSuffix(compact(want+"}", `{"sub":"é"}`, ""), "."); !strings.HasPrefix(token, begin+".") {
			t.Errorf("%s is not %s and a signature", token, begin)
		}
	}
	for range 300 {
		token := sign(t, key, `{}`)
		if raw, err := base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:]); err != nil || len(raw) != 64 {
			t.Fatalf("signature of %d bytes, %v", len(raw), err)
		}
		if _, err := jose.Verify(token, publicSet(t, key), []string{jose.ES256}); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkSignES256(b *testing.B) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		b.Fatal(err)
	}
	claims := []byte(`{"iss":"https://op.example/api/oidc","sub":"c-1","aud":"https://api.example","exp":1,"iat":1,"jti":"x","client_id":"c-1","scope":"read write"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jose.Sign(key, "at+jwt", claims); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyES256(b *testing.B) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		b.Fatal(err)
	}
	set, err := jose.PublicSet(key)
	if err != nil {
		b.Fatal(err)
	}
	token, err := jose.Sign(key, "JWT", []byte(`{"iss":"c-1","sub":"c-1","aud":"https://op.example/api/oidc","exp":1,"iat":1,"jti":"x"}`))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jose.Verify(token, set, []string{jose.ES256}); err != nil {
			b.Fatal(err)
		}
	}
}
