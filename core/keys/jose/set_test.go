package jose_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The published examples of RFC 7638 §3.1, RFC 7517 §A.1 and RFC 8037 §A.2.
const (
	rfcRSA = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	rfcEC  = `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}`
	rfcOKP = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func TestFactsOfPublishedKeys(t *testing.T) {
	set, err := jose.ParseJWKS([]byte(`{"keys":[` + rfcRSA + `,` + rfcEC + `,` + rfcOKP + `],"comment":"members nobody knows are fine"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []jose.KeyFact{
		{Kty: "RSA", Alg: "RS256", Kid: "2011-04-29", Bits: 2048, Thumbprint: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{Kty: "EC", Use: "enc", Kid: "1", Crv: "P-256", Bits: 256, Thumbprint: "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"},
		{Kty: "OKP", Crv: "Ed25519", Bits: 256, Thumbprint: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	}
	for i, fact := range set.Facts() {
		if fact != want[i] {
			t.Errorf("key %d: %+v, want %+v", i, fact, want[i])
		}
	}
	if set.Len() != len(want) {
		t.Errorf("%d keys", set.Len())
	}
}

// change sets members of a JWK; a value of "" removes the member.
func change(t *testing.T, jwk string, pairs ...string) string {
	t.Helper()
	v, err := strictjson.Parse([]byte(jwk), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v = v.Without(pairs[i])
			continue
		}
		v = v.With(pairs[i], strictjson.String(pairs[i+1]))
	}
	return v.String()
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// modulus gives an odd number of exactly so many bits.
func modulus(t *testing.T, bits uint) string {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), bits-1))
	if err != nil {
		t.Fatal(err)
	}
	return base64url(n.SetBit(n, int(bits-1), 1).SetBit(n, 0, 1).Bytes())
}

func TestRefusedKeys(t *testing.T) {
	even := new(big.Int).Lsh(big.NewInt(1), 2047)
	tests := []struct {
		name, jwk, member string
	}{
		{"not an object", `"key"`, ""},
		{"no kty", change(t, rfcRSA, "kty", ""), "kty"},
		{"kty empty", `{"kty":""}`, "kty"},
		{"kty a number", `{"kty":1}`, "kty"},
		{"shared secret", `{"kty":"oct"}`, "kty"},
		{"shared secret with its value", `{"kty":"oct","k":"c2VjcmV0"}`, "k"},
		{"RSA 1024", change(t, rfcRSA, "n", modulus(t, 1024)), "n"},
		{"RSA 2047", change(t, rfcRSA, "n", modulus(t, 2047)), "n"},
		{"RSA 8193", change(t, rfcRSA, "n", modulus(t, 8193)), "n"},
		{"RSA even modulus", change(t, rfcRSA, "n", base64url(even.Bytes())), "n"},
		{"RSA no modulus", change(t, rfcRSA, "n", ""), "n"},
		{"RSA no exponent", change(t, rfcRSA, "e", ""), "e"},
		{"RSA exponent 1", change(t, rfcRSA, "e", "AQ"), "e"},
		{"RSA exponent 3", change(t, rfcRSA, "e", "Aw"), "e"},
		{"RSA exponent even", change(t, rfcRSA, "e", base64url([]byte{1, 0, 2})), "e"},
		{"RSA exponent huge", change(t, rfcRSA, "e", base64url([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1})), "e"},
		{"padding", change(t, rfcRSA, "e", "AQAB="), "e"},
		{"line end in base64", change(t, rfcRSA, "e", "AQ\nAB"), "e"},
		{"spare bits in base64", change(t, rfcOKP, "x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"), "x"},
		{"standard base64 alphabet", change(t, rfcOKP, "x", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"), "x"},
		{"EC curve of OKP", change(t, rfcEC, "crv", "Ed25519"), "crv"},
		{"EC no curve", change(t, rfcEC, "crv", ""), "crv"},
		{"EC off the curve", change(t, rfcEC, "x", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"), "x"},
		{"EC at infinity", change(t, rfcEC, "x", base64url(make([]byte, 32)), "y", base64url(make([]byte, 32))), "x"},
		{"EC short coordinate", change(t, rfcEC, "x", base64url(make([]byte, 31))), "x"},
		{"EC long coordinate", change(t, rfcEC, "x", base64url(make([]byte, 33))), "x"},
		{"EC no y", change(t, rfcEC, "y", ""), "y"},
		{"OKP curve of EC", change(t, rfcOKP, "crv", "P-256"), "crv"},
		{"OKP no curve", change(t, rfcOKP, "crv", ""), "crv"},
		{"private member of another type", `{"kty":"AKP","alg":"ML-DSA-44","pub":"AA","priv":"AA"}`, "priv"},
		{"private member on another curve", change(t, rfcOKP, "crv", "X25519", "d", "AA"), "d"},
		{"another type with the kid of a key", `{"kty":"AKP","kid":"first"}`, "kid"},
		{"another type with a kid that is none", `{"kty":"AKP","kid":1}`, "kid"},
		{"and with a long one", `{"kty":"AKP","kid":"` + strings.Repeat("x", 257) + `"}`, "kid"},
		{"OKP short", change(t, rfcOKP, "x", base64url(make([]byte, 31))), "x"},
		{"alg of another type", change(t, rfcEC, "alg", "RS256"), "alg"},
		{"alg of another curve", change(t, rfcEC, "alg", "ES384"), "alg"},
		{"alg symmetric", change(t, rfcRSA, "alg", "HS256"), "alg"},
		{"alg a number", `{"alg":1,` + rfcOKP[1:], "alg"},
		{"use a list", `{"use":["sig"],` + rfcOKP[1:], "use"},
		{"kid a number", `{"kid":1,` + rfcOKP[1:], "kid"},
		{"kid empty", `{"kid":"",` + rfcOKP[1:], "kid"},
		{"kid long", change(t, rfcOKP, "kid", strings.Repeat("x", 257)), "kid"},
	}
	for _, member := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		tests = append(tests, struct{ name, jwk, member string }{"private " + member, change(t, rfcOKP, member, "AQAB"), member})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := jose.ParseJWKS([]byte(`{"keys":[` + change(t, rfcRSA, "kid", "first") + `,` + test.jwk + `]}`))
			var refused *jose.KeyError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			if refused.Index != 1 || refused.Member != test.member {
				t.Errorf("names keys[%d].%s, want keys[1].%s: %v", refused.Index, refused.Member, test.member, err)
			}
		})
	}
}

// Keys of types and curves to come are left out (RFC 7517 §5), and named, as long as there is one to use.
func TestKeysOfOtherKinds(t *testing.T) {
	others := []string{
		`{"kty":"AKP","alg":"ML-DSA-65","pub":"AA","kid":"pq"}`, change(t, rfcRSA, "kty", "rsa"), change(t, rfcEC, "crv", "secp256k1"), change(t, rfcOKP, "crv", "X25519"),
	}
	set, err := jose.ParseJWKS([]byte(`{"keys":[` + strings.Join(others, ",") + `,` + change(t, rfcOKP, "kid", "mine") + `]}`))
	if err != nil || set.Len() != 1 || !set.Has("mine") || set.Has("pq") {
		t.Fatalf("%+v, %v", set.Facts(), err)
	}
	if got, want := strings.Join(set.Other(), ", "), "keys[0] (AKP), keys[1] (rsa), keys[2] (EC secp256k1), keys[3] (OKP X25519)"; got != want {
		t.Errorf("left out: %s, want %s", got, want)
	}
	for _, other := range others {
		set, err := jose.ParseJWKS([]byte(`{"keys":[` + other + `]}`))
		var refused *jose.KeyError
		if !errors.As(err, &refused) || refused.Index != 0 || refused.Member != "kty" || !strings.Contains(refused.Text, "the set has no others; use RSA, EC (P-256") || set.Len() != 0 {
			t.Errorf("%s alone: %v", other, err)
		}
	}
	if _, err := jose.ParseJWKS([]byte(`{"keys":[{"kty":"AKP","kid":"1"},{"kty":"AKP","kid":"1"},` + rfcOKP + `]}`)); err == nil || !strings.Contains(err.Error(), "keys[1].kid: the same as that of keys[0]") {
		t.Errorf("one kid twice: %v", err)
	}
}

// Private members are refused even as null or in a kind that would not need them.
func TestPrivateMemberOfAnyValueIsRefused(t *testing.T) {
	_, err := jose.ParseJWKS([]byte(`{"keys":[{"d":null,` + rfcOKP[1:] + `]}`))
	if err == nil || !strings.Contains(err.Error(), "keys[0].d") {
		t.Error(err)
	}
}

func TestRefusedSets(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(rfcOKP+",", 21), ",")
	for name, raw := range map[string]string{
		"empty text":    ``,
		"no JSON":       `keys`,
		"an array":      `[` + rfcOKP + `]`,
		"a key":         rfcOKP,
		"no keys":       `{}`,
		"keys null":     `{"keys":null}`,
		"keys object":   `{"keys":{}}`,
		"folded name":   `{"\u212aeys":[]}`,
		"twice":         `{"keys":[],"keys":[` + rfcOKP + `]}`,
		"twice in key":  `{"keys":[{"kty":"EC",` + rfcOKP[1:] + `]}`,
		"too many":      `{"keys":[` + many + `]}`,
		"same kid":      `{"keys":[` + change(t, rfcOKP, "kid", "1") + `,` + rfcEC + `]}`,
		"trailing text": `{"keys":[]} {}`,
	} {
		if _, err := jose.ParseJWKS([]byte(raw)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAcceptedSets(t *testing.T) {
	largest := change(t, rfcRSA, "n", modulus(t, jose.MaxRSABits))
	twenty := strings.TrimSuffix(strings.Repeat(rfcOKP+",", jose.MaxKeys), ",")
	for name, raw := range map[string]string{
		"none":            `{"keys":[]}`,
		"without kid":     `{"keys":[` + twenty + `]}`,
		"largest RSA":     `{"keys":[` + largest + `]}`,
		"encryption key":  `{"keys":[` + change(t, rfcRSA, "alg", "RSA-OAEP-256", "use", "enc") + `]}`,
		"unknown members": `{"keys":[{"x5u":"https://127.0.0.1/","key_ops":["verify"],` + rfcOKP[1:] + `]}`,
	} {
		if _, err := jose.ParseJWKS([]byte(raw)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Some writers put a sign byte before the modulus. It is the same key, under the same thumbprint.
func TestLeadingZeroIsTheSameKey(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	jwks := func(n []byte) jose.KeyFact {
		set, err := jose.ParseJWKS(fmt.Appendf(nil, `{"keys":[{"kty":"RSA","e":"AQAB","n":%q}]}`, base64url(n)))
		if err != nil {
			t.Fatal(err)
		}
		return set.Facts()[0]
	}
	if a, b := jwks(key.N.Bytes()), jwks(append([]byte{0}, key.N.Bytes()...)); a != b {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestSharedSecretIsHiddenAndLong(t *testing.T) {
	if _, err := jose.SharedSecret(core.Secret(strings.Repeat("x", 31))); err == nil {
		t.Error("a secret of 31 bytes is accepted")
	}
	set, err := jose.SharedSecret(core.NewSecret())
	if err != nil || set.Len() != 1 || len(set.Facts()) != 0 {
		t.Errorf("%v: %d keys, facts %v", err, set.Len(), set.Facts())
	}
}

func FuzzParseJWKS(f *testing.F) {
	f.Add([]byte(`{"keys":[` + rfcRSA + `,` + rfcEC + `,` + rfcOKP + `]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-521"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		set, err := jose.ParseJWKS(raw)
		if err != nil && set.Len() != 0 {
			t.Error("a refused set has keys")
		}
		for _, fact := range set.Facts() {
			if fact.Bits == 0 || len(fact.Thumbprint) != 43 {
				t.Errorf("incomplete fact %+v", fact)
			}
		}
	})
}

// A published set may hold keys of kinds to come, and mistakes; the good ones still count.
func TestPublishedSetLeavesOutWhatWeDoNotUse(t *testing.T) {
	set, err := jose.ParsePublished([]byte(`{"keys":[{"kty":"AKP","alg":"ML-DSA-65","pub":"AA"},` + rfcRSA + `,` + rfcRSA + `,7,` +
		change(t, rfcOKP, "d", "AA", "kid", "private") + `,` + rfcOKP + `]}`))
	if err != nil || set.Len() != 2 || !set.Has("2011-04-29") || set.Has("private") {
		t.Errorf("%+v, %v", set.Facts(), err)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"keys":{}}`, `{"keys":[` + strings.Repeat(`{},`, jose.MaxKeys) + `{}]}`} {
		if _, err := jose.ParsePublished([]byte(bad)); err == nil {
			t.Errorf("%.40s was read", bad)
		}
	}
}
