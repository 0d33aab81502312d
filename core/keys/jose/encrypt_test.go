package jose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/keys/jose/josetest"
	"github.com/ostiary/ostiary/core/oauth"
)

// A pair is a private key of a client, and the public half as the client publishes it.
type pair struct {
	private any
	public  string
}

func newPair(t *testing.T, private any, public any, kid string) pair {
	t.Helper()
	jwk, err := (&gojose.JSONWebKey{Key: public, KeyID: kid}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return pair{private: private, public: string(jwk)}
}

func newRSA(t *testing.T, kid string) pair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, key, key.Public(), kid)
}

func newEC(t *testing.T, curve elliptic.Curve, kid string) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, key, key.Public(), kid)
}

func setOf(t *testing.T, jwks ...string) jose.KeySet {
	t.Helper()
	set, err := jose.ParseJWKS([]byte(`{"keys":[` + strings.Join(jwks, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// opened decrypts with go-jose, as a client does.
func opened(t *testing.T, compact, alg, enc string, private any) (gojose.Header, string, error) {
	t.Helper()
	jwe, err := gojose.ParseEncryptedCompact(compact, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(alg)}, []gojose.ContentEncryption{gojose.ContentEncryption(enc)})
	if err != nil {
		t.Fatal(err)
	}
	content, err := jwe.Decrypt(private)
	return jwe.Header, string(content), err
}

// What is encrypted to a client, its go-jose opens, and nobody else's: every algorithm, every content encryption, every curve.
func TestEncryptedForGoJose(t *testing.T) {
	rsaKey, other := newRSA(t, "r"), newRSA(t, "o")
	curves := []pair{newEC(t, elliptic.P256(), "e"), newEC(t, elliptic.P384(), "e"), newEC(t, elliptic.P521(), "e")}
	for _, alg := range oauth.KeyEncryptions() {
		mine, strangers := []pair{rsaKey}, other
		if strings.HasPrefix(string(alg), "ECDH") {
			mine, strangers = curves, newEC(t, elliptic.P256(), "e")
		}
		for _, enc := range oauth.ContentEncryptions() {
			for _, p := range mine {
				to, err := setOf(t, p.public).Recipient(string(alg), string(enc))
				if err != nil {
					t.Fatalf("%s, %s: %v", alg, enc, err)
				}
				compact, err := to.EncryptSigned("a.b.c")
				if err != nil || !jose.LooksEncrypted(compact) {
					t.Fatalf("%s, %s: %s, %v", alg, enc, compact, err)
				}
				header, content, err := opened(t, compact, string(alg), string(enc), p.private)
				if err != nil || content != "a.b.c" || header.ExtraHeaders["cty"] != "JWT" || header.KeyID == "" || header.ExtraHeaders["zip"] != nil {
					t.Errorf("%s, %s: %q, %+v, %v", alg, enc, content, header, err)
				}
				if _, content, err := opened(t, compact, string(alg), string(enc), strangers.private); err == nil {
					t.Errorf("%s, %s: a stranger reads %q", alg, enc, content)
				}
			}
		}
	}
}

// The header says what the client needs to know, and no more.
func TestHeaderOfWhatIsEncrypted(t *testing.T) {
	reader := josetest.NewReader()
	for _, test := range []struct{ what, jwk, kid string }{{"with a kid", `"kid":"k\"1"`, `"kid":"k\"1",`}, {"without one", "", ""}} {
		to, err := setOf(t, reader.JWK(test.jwk)).Recipient("RSA-OAEP", "A256CBC-HS512")
		if err != nil {
			t.Fatal(err)
		}
		claims, err := to.Encrypt([]byte(`{"sub":"u-1"}`))
		if err != nil {
			t.Fatal(err)
		}
		header, content, err := reader.Open(claims)
		if want := `{"alg":"RSA-OAEP","enc":"A256CBC-HS512",` + test.kid + `"typ":"JWT"}`; err != nil || string(content) != `{"sub":"u-1"}` || header.String() != want {
			t.Errorf("%s: %s in %s, %v; want %s", test.what, content, header, err, want)
		}
		nested, err := to.EncryptSigned("a.b.c")
		if err != nil {
			t.Fatal(err)
		}
		if header, content, err = reader.Open(nested); err != nil || string(content) != "a.b.c" || header.String() != `{"alg":"RSA-OAEP","cty":"JWT","enc":"A256CBC-HS512",`+test.kid+`"typ":"JWT"}` {
			t.Errorf("%s, nested: %s in %s, %v", test.what, content, header, err)
		}
		if again, err := to.Encrypt([]byte(`{"sub":"u-1"}`)); err != nil || again == claims {
			t.Errorf("%s: the same again (%v)", test.what, err)
		}
	}
}

// Of several keys the one counts that its owner meant most plainly; a key that it meant for something else never does.
func TestWhichKeyIsEncryptedTo(t *testing.T) {
	reader := josetest.NewReader()
	jwk := func(kid, more string) string { return reader.JWK(`"kid":"` + kid + `"` + more) }
	ec := newEC(t, elliptic.P256(), "ec").public
	for _, test := range []struct {
		what string
		keys []string
		alg  string
		kid  string // "": none
	}{
		{"the only one", []string{jwk("a", "")}, "RSA-OAEP", "a"},
		{"the first of equals", []string{jwk("a", ""), jwk("b", "")}, "RSA-OAEP", "a"},
		{"use enc goes first", []string{jwk("a", ""), jwk("b", `,"alg":"RSA-OAEP"`), jwk("c", `,"use":"enc"`)}, "RSA-OAEP", "c"},
		{"then the algorithm", []string{jwk("a", ""), jwk("b", `,"alg":"RSA-OAEP"`)}, "RSA-OAEP", "b"},
		{"for signatures", []string{jwk("a", `,"use":"sig"`), jwk("b", `,"alg":"PS256"`)}, "RSA-OAEP", ""},
		{"for another algorithm", []string{jwk("a", `,"use":"enc","alg":"RSA-OAEP-256"`)}, "RSA-OAEP", ""},
		{"an RSA key for an elliptic curve", []string{jwk("a", `,"use":"enc"`)}, "ECDH-ES", ""},
		{"an elliptic curve for RSA", []string{ec}, "RSA-OAEP-256", ""},
		{"a key that only signs", []string{rfcOKP}, "ECDH-ES", ""},
		{"the one that fits", []string{rfcOKP, jwk("a", ""), ec}, "ECDH-ES+A128KW", "ec"},
		{"none", nil, "RSA-OAEP", ""},
	} {
		to, err := setOf(t, test.keys...).Recipient(test.alg, "A128GCM")
		if test.kid == "" {
			if !errors.Is(err, jose.ErrNoKey) {
				t.Errorf("%s: %v", test.what, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		compact, err := to.Encrypt([]byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		jwe, err := gojose.ParseEncryptedCompact(compact, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(test.alg)}, []gojose.ContentEncryption{gojose.A128GCM})
		if err != nil || jwe.Header.KeyID != test.kid {
			t.Errorf("%s: %q, %v", test.what, jwe.Header.KeyID, err)
		}
	}
}

// What nobody should encrypt with is refused, whatever the keys; nobody is encrypted to by accident.
func TestEncryptsOnlySo(t *testing.T) {
	reader := josetest.NewReader()
	set := setOf(t, reader.JWK(""))
	for _, with := range [][2]string{
		{"RSA1_5", "A128GCM"}, {"dir", "A128GCM"}, {"A128KW", "A128GCM"}, {"A256GCMKW", "A128GCM"}, {"PBES2-HS256+A128KW", "A128GCM"}, {"RSA-OAEP-512", "A128GCM"},
		{"", "A128GCM"}, {"none", "A128GCM"}, {"rsa-oaep", "A128GCM"}, {"RSA-OAEP", ""}, {"RSA-OAEP", "none"}, {"RSA-OAEP", "A128CBC"},
	} {
		if _, err := set.Recipient(with[0], with[1]); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%v: %v", with, err)
		}
	}
	if out, err := (jose.Recipient{}).Encrypt([]byte(`{"sub":"u-1"}`)); err == nil || out != "" {
		t.Errorf("encrypted to nobody: %q", out)
	}
	if out, err := (jose.Recipient{}).EncryptSigned("a.b.c"); err == nil || out != "" {
		t.Errorf("encrypted to nobody: %q", out)
	}
}

// A key at the edge of what is accepted costs no more than a key: the exponent is short, the modulus bounded. Beyond it there is none.
func TestKeysThatCostMuch(t *testing.T) {
	longest := strings.Repeat("_", 1365) + "w" // 8192 bits, all of them 1
	huge := `{"kty":"RSA","e":"f____w","n":"` + longest + `"}`
	set := setOf(t, huge)
	if bits := set.Facts()[0].Bits; bits != 8192 {
		t.Fatalf("%d bits", bits)
	}
	to, err := set.Recipient("RSA-OAEP-256", "A256GCM")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Encrypt([]byte(`{}`)); err != nil {
		t.Errorf("a long key that was accepted: %v", err)
	}
	for what, jwk := range map[string]string{
		"a longer modulus": `{"kty":"RSA","e":"AQAB","n":"____` + longest + `"}`, "a longer exponent": `{"kty":"RSA","e":"AQAAAAE","n":"` + longest + `"}`,
		"a private key": strings.TrimSuffix(huge, "}") + `,"d":"AQAB"}`,
	} {
		published, err := jose.ParsePublished([]byte(`{"keys":[` + jwk + `]}`))
		if err != nil || published.Len() != 0 {
			t.Errorf("%s: %d keys, %v", what, published.Len(), err)
		}
	}
}

func TestLooksEncrypted(t *testing.T) {
	var found []string
	for _, text := range []string{"", ".", "a.b.c", "a.b.c.d", "a..c.d.e", "....", "a.b.c.d.e.f", strings.Repeat(".", 9)} {
		if jose.LooksEncrypted(text) {
			found = append(found, text)
		}
	}
	if !slices.Equal(found, []string{"a..c.d.e", "...."}) {
		t.Errorf("%q", found)
	}
}
