package jose_test

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// compact joins a header and claims that may say anything; signature is the third part as it is.
func compact(header, claims, signature string) string {
	return base64url([]byte(header)) + "." + base64url([]byte(claims)) + "." + signature
}

func macWith(newHash func() hash.Hash, secret []byte, header, claims string) string {
	signing := strings.TrimSuffix(compact(header, claims, ""), ".")
	mac := hmac.New(newHash, secret)
	mac.Write([]byte(signing))
	return signing + "." + base64url(mac.Sum(nil))
}

func every() []string {
	return append(append(jose.Asymmetric(), jose.Symmetric()...), "none", "nOnE", "NONE", "")
}

// A header of "none" is refused in every spelling, even when a careless caller allows it.
func TestNoneIsRefused(t *testing.T) {
	set := publicSet(t, generate(t, jose.ES256))
	for _, alg := range []string{`"none"`, `"nOnE"`, `"NONE"`, `""`, `null`, `["ES256"]`, `0`} {
		for _, signature := range []string{"", "AA"} {
			token := compact(`{"alg":`+alg+`}`, `{}`, signature)
			if _, err := jose.Verify(token, set, every()); err == nil {
				t.Errorf("alg %s verified", alg)
			}
			if _, _, err := jose.Peek(token, 0); err == nil {
				t.Errorf("alg %s was peeked", alg)
			}
		}
	}
	for _, alg := range []string{"none", "nOnE", "NONE"} {
		if _, _, err := jose.Peek(compact(`{"alg":"`+alg+`"}`, `{}`, ""), 0); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%s: %v, want ErrAlgorithm", alg, err)
		}
	}
	if _, err := jose.Verify(compact(`{"typ":"JWT"}`, `{}`, "AA"), set, every()); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("without alg: %v", err)
	}
}

// The classic confusion: the public key, which everybody has, used as the secret of an HMAC.
func TestPublicKeyIsNoSharedSecret(t *testing.T) {
	key := generate(t, jose.RS256)
	jwk, err := jose.PublicJWK(key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := jose.MarshalPrivate(key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(private.(*rsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"JWK": jwk,
		"DER": spki,
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}),
	} {
		token := macWith(sha256.New, secret, `{"alg":"HS256","kid":"`+key.ID()+`"}`, `{}`)
		if _, err := jose.Verify(token, publicSet(t, key), every()); !errors.Is(err, jose.ErrNoKey) {
			t.Errorf("%s as secret: %v", name, err)
		}
	}
}

func TestSharedSecretVerifiesOnlyHMAC(t *testing.T) {
	secret := strings.Repeat("s", 64)
	set, err := jose.SharedSecret(core.Secret(secret))
	if err != nil {
		t.Fatal(err)
	}
	for alg, h := range map[string]func() hash.Hash{jose.HS256: sha256.New, jose.HS384: sha512.New384, jose.HS512: sha512.New} {
		header := `{"alg":"` + alg + `"}`
		if _, err := jose.Verify(macWith(h, []byte(secret), header, `{}`), set, jose.Symmetric()); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if _, err := jose.Verify(macWith(h, []byte("other"), header, `{}`), set, jose.Symmetric()); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s with another secret: %v", alg, err)
		}
		if _, err := jose.Verify(macWith(h, []byte(secret), header, `{}`), set, jose.Asymmetric()); !errors.Is(err, jose.ErrAlgorithm) {
			t.Errorf("%s where only public keys are allowed: %v", alg, err)
		}
	}
	if _, err := jose.Verify(sign(t, generate(t, jose.ES256), `{}`), set, every()); !errors.Is(err, jose.ErrNoKey) {
		t.Errorf("ES256 against a shared secret: %v", err)
	}
	// RFC 7518 §3.2: HS512 needs 64 bytes
	short, err := jose.SharedSecret(core.Secret(secret[:32]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.Verify(macWith(sha512.New, []byte(secret[:32]), `{"alg":"HS512"}`, `{}`), short, jose.Symmetric()); err == nil {
		t.Error("HS512 with a secret of 32 bytes is accepted")
	}
}

// Keys that a token brings along are never used.
func TestKeysInHeaderAreIgnored(t *testing.T) {
	attacker, owner := generate(t, jose.ES256), generate(t, jose.ES256)
	jwk, err := jose.PublicJWK(attacker)
	if err != nil {
		t.Fatal(err)
	}
	der, err := jose.MarshalPrivate(attacker)
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range []string{
		`"jwk":` + string(jwk),
		`"jku":"http://127.0.0.1:1/jwks"`,
		`"x5u":"http://127.0.0.1:1/chain"`,
		`"jwk":` + string(jwk) + `,"kid":"` + attacker.ID() + `"`,
		`"kid":"../../../dev/null"`,
	} {
		token := ecdsaSign(t, der, `{"alg":"ES256",`+extra+`}`, `{"sub":"admin"}`)
		if _, err := jose.Verify(token, publicSet(t, owner), every()); !errors.Is(err, jose.ErrSignature) {
			t.Errorf("%s: %v", extra, err)
		}
		if _, err := jose.Verify(token, jose.KeySet{}, every()); err == nil {
			t.Errorf("%s: verified by an empty set", extra)
		}
		// the helper's signature is a real one: its own key accepts it
		if _, err := jose.Verify(token, publicSet(t, attacker), every()); err != nil {
			t.Errorf("%s: by its own key: %v", extra, err)
		}
	}
}

func TestAlgorithmMustBeAllowedAndTheKeysOwn(t *testing.T) {
	rs, ps := generate(t, jose.RS256), generate(t, jose.PS256)
	token := sign(t, rs, `{}`)
	if _, err := jose.Verify(token, publicSet(t, rs), []string{jose.ES256, jose.PS256}); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("not in the list: %v", err)
	}
	if _, err := jose.Verify(token, publicSet(t, rs), nil); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("empty list: %v", err)
	}
	if _, err := jose.Verify(token, publicSet(t, ps), every()); !errors.Is(err, jose.ErrNoKey) {
		t.Errorf("a key its owner said is for PS256: %v", err)
	}
	forEncryption, err := jose.ParseJWKS([]byte(`{"keys":[` + rfcEC + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.Verify(sign(t, generate(t, jose.ES256), `{}`), forEncryption, every()); !errors.Is(err, jose.ErrNoKey) {
		t.Errorf("a key of use enc: %v", err)
	}
}

// The key id is a hint: a wrong or missing one costs a few tries, not the token.
func TestKeyIDIsAHint(t *testing.T) {
	keys := make([]jose.PrivateKey, jose.MaxKeys)
	for i := range keys {
		keys[i] = generate(t, jose.EdDSA)
	}
	last := keys[len(keys)-1]
	token := sign(t, last, `{"n":1}`)
	if _, err := jose.Verify(token, publicSet(t, keys...), []string{jose.EdDSA}); err != nil {
		t.Errorf("with its kid: %v", err)
	}
	jwk, err := jose.PublicJWK(last)
	if err != nil {
		t.Fatal(err)
	}
	renamed, err := jose.ParseJWKS([]byte(`{"keys":[` + change(t, string(jwk), "kid", "other") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jose.Verify(token, jose.Join(publicSet(t, keys[:19]...), renamed), []string{jose.EdDSA}); err != nil {
		t.Errorf("under another kid: %v", err)
	}
	if _, err := jose.Verify(token, publicSet(t, keys[:19]...), []string{jose.EdDSA}); !errors.Is(err, jose.ErrSignature) {
		t.Errorf("without its key: %v", err)
	}
}

func TestTamperedTokens(t *testing.T) {
	for _, alg := range []string{jose.RS256, jose.ES256, jose.EdDSA} {
		key := generate(t, alg)
		set := publicSet(t, key)
		parts := strings.Split(sign(t, key, `{"sub":"a"}`), ".")
		signature := parts[2]
		for name, token := range map[string]string{
			"other claims":       parts[0] + "." + base64url([]byte(`{"sub":"b"}`)) + "." + signature,
			"other header":       base64url([]byte(`{"alg":"`+alg+`"}`)) + "." + parts[1] + "." + signature,
			"no signature":       parts[0] + "." + parts[1] + ".",
			"truncated":          parts[0] + "." + parts[1] + "." + signature[:len(signature)-4],
			"extended":           parts[0] + "." + parts[1] + "." + signature + "AAAA",
			"zeros":              parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
			"line end":           parts[0] + "." + parts[1] + "." + signature[:8] + "\n" + signature[8:],
			"padding":            parts[0] + "." + parts[1] + "." + signature + "=",
			"space before":       " " + strings.Join(parts, "."),
			"two parts":          parts[0] + "." + parts[1],
			"four parts":         strings.Join(parts, ".") + ".AA",
			"five parts (a JWE)": strings.Join(parts, ".") + ".AA.AA",
			"JSON serialisation": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + signature + `"}`,
			"nothing":            "",
		} {
			if _, err := jose.Verify(token, set, every()); err == nil {
				t.Errorf("%s, %s: verified", alg, name)
			}
		}
		if _, err := jose.Verify(strings.Join(parts, "."), set, every()); err != nil {
			t.Errorf("%s untouched: %v", alg, err)
		}
	}
}

// Base64 leaves spare bits at the end: of the spellings of one signature, only one is accepted.
func TestOneSpellingOfASignature(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	key := generate(t, jose.ES256) // 64 bytes: the last character carries 2 bits
	token := sign(t, key, `{}`)
	accepted := 0
	for _, c := range alphabet {
		if _, err := jose.Verify(token[:len(token)-1]+string(c), publicSet(t, key), every()); err == nil {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d spellings accepted", accepted)
	}
}

func TestRefusedHeadersAndClaims(t *testing.T) {
	for name, token := range map[string]string{
		"crit":             compact(`{"alg":"ES256","crit":["exp"]}`, `{}`, "AA"),
		"empty crit":       compact(`{"alg":"ES256","crit":[]}`, `{}`, "AA"),
		"b64":              compact(`{"alg":"ES256","b64":false}`, `{}`, "AA"),
		"alg twice":        compact(`{"alg":"none","alg":"ES256"}`, `{}`, "AA"),
		"kid a number":     compact(`{"alg":"ES256","kid":1}`, `{}`, "AA"),
		"typ a list":       compact(`{"alg":"ES256","typ":[]}`, `{}`, "AA"),
		"header an array":  compact(`["ES256"]`, `{}`, "AA"),
		"header no JSON":   compact(`alg`, `{}`, "AA"),
		"claims an array":  compact(`{"alg":"ES256"}`, `[]`, "AA"),
		"claims a string":  compact(`{"alg":"ES256"}`, `"x"`, "AA"),
		"claims twice":     compact(`{"alg":"ES256"}`, `{"sub":"a","sub":"b"}`, "AA"),
		"claims not UTF-8": compact(`{"alg":"ES256"}`, "{\"sub\":\"\xff\"}", "AA"),
		"claims deep":      compact(`{"alg":"ES256"}`, strings.Repeat(`{"a":`, 100)+`1`+strings.Repeat(`}`, 100), "AA"),
		"DEF bomb header":  compact(`{"alg":"ES256","zip":"DEF"}`, "\x78\x9c", "AA"),
		"million dots":     strings.Repeat(".", 1_000_000),
		"dots in bounds":   strings.Repeat(".", 16_000),
		"too long":         compact(`{"alg":"ES256"}`, `{"x":"`+strings.Repeat("x", 16<<10)+`"}`, "AA"),
	} {
		if _, _, err := jose.Peek(token, 0); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestPeekReadsAndKeepsToItsLimit(t *testing.T) {
	key := generate(t, jose.EdDSA)
	token := sign(t, key, `{"iss":"https://issuer.example"}`)
	header, claims, err := jose.Peek(token, 0)
	if err != nil || header != (jose.Header{Alg: jose.EdDSA, Kid: key.ID(), Typ: "JWT"}) {
		t.Errorf("%+v, %v", header, err)
	}
	if iss, _ := claims.Get("iss"); iss.String() != `"https://issuer.example"` {
		t.Errorf("iss %s", iss)
	}
	if _, _, err := jose.Peek(token, len(token)-1); err == nil {
		t.Error("longer than the limit, accepted")
	}
	if _, _, err := jose.Peek(token, len(token)); err != nil {
		t.Error(err)
	}
}

func FuzzVerify(f *testing.F) {
	key, err := jose.Generate(jose.EdDSA)
	if err != nil {
		f.Fatal(err)
	}
	set, err := jose.PublicSet(key)
	if err != nil {
		f.Fatal(err)
	}
	good, err := jose.Sign(key, "JWT", []byte(`{"sub":"a"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(compact(`{"alg":"EdDSA"}`, `{}`, "AA"))
	f.Fuzz(func(t *testing.T, token string) {
		_, err := jose.Verify(token, set, every())
		if err == nil && token != good {
			t.Errorf("forged: %q", token)
		}
		known := []error{jose.ErrMalformed, jose.ErrAlgorithm, jose.ErrNoKey, jose.ErrSignature}
		if err != nil && !slices.ContainsFunc(known, func(kind error) bool { return errors.Is(err, kind) }) {
			t.Errorf("an error of no kind: %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []string{jose.RS256, jose.ES256, jose.EdDSA} {
		key, err := jose.Generate(alg)
		if err != nil {
			b.Fatal(err)
		}
		set, err := jose.PublicSet(key)
		if err != nil {
			b.Fatal(err)
		}
		token, err := jose.Sign(key, "JWT", fmt.Appendf(nil, `{"iss":"https://issuer.example","sub":"s","exp":%d}`, 2_000_000_000))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(alg, func(b *testing.B) {
			for b.Loop() {
				if _, err := jose.Verify(token, set, []string{alg}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
