package bff_test

import (
	"encoding/base64"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// OpenID Connect Core §3.1.3.7, claim by claim.
func TestIDTokenRefused(t *testing.T) {
	for name, change := range map[string]func(p *provider){
		"wrong nonce":        func(p *provider) { p.claim["nonce"] = "other" },
		"no nonce":           func(p *provider) { p.claim["nonce"] = nil },
		"wrong iss":          func(p *provider) { p.claim["iss"] = "https://evil.example" },
		"wrong aud":          func(p *provider) { p.claim["aud"] = "other" },
		"no aud":             func(p *provider) { p.claim["aud"] = nil },
		"aud is a number":    func(p *provider) { p.claim["aud"] = 1 },
		"many aud, no azp":   func(p *provider) { p.claim["aud"] = []string{"bff-server", "other"} },
		"azp is another":     func(p *provider) { p.claim["azp"] = "other" },
		"expired":            func(p *provider) { p.claim["exp"] = p.now().Unix() - 10 },
		"no exp":             func(p *provider) { p.claim["exp"] = nil },
		"no iat":             func(p *provider) { p.claim["iat"] = nil },
		"of the future":      func(p *provider) { p.claim["iat"] = p.now().Unix() + 11 },
		"no sub":             func(p *provider) { p.claim["sub"] = nil },
		"wrong at_hash":      func(p *provider) { p.claim["at_hash"] = "x" },
		"alg none":           func(p *provider) { p.sign = unsigned },
		"an access token":    func(p *provider) { p.sign = signedBy(p.t, p.key, "at+jwt") },
		"of another key":     func(p *provider) { p.sign = signedBy(p.t, newKey(p.t, jose.ES256), "JWT") },
		"of another alg":     func(p *provider) { p.key = newKey(p.t, jose.EdDSA) },
		"is no token at all": func(p *provider) { p.sign = func([]byte) string { return "x" } },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			change(s.op)
			arrival, err := s.Callback(t.Context(), s.begin("/"))
			s.wantCode("callback", err, core.InvalidGrant)
			if arrival.Cookie != "" || len(s.store.sessions) > 0 {
				t.Errorf("it arrived: %+v", arrival)
			}
		})
	}
}

// What is unusual but right: at_hash, several audiences with azp, and names from userinfo.
func TestIDTokenAccepted(t *testing.T) {
	s := open(t)
	s.op.quiet = true
	s.op.claim = claims{"aud": []string{"other", "bff-server"}, "azp": "bff-server", "at_hash": bff.HalfHash("ES256", "ACCESS-1"), "exp": s.clock.now().Unix() - 9}
	who, err := s.Session(t.Context(), s.signIn())
	if err != nil || who.Name != "Alice Userinfo" || who.Email != "alice@example.com" || !who.EmailVerified || who.Issued != "s-1" {
		t.Errorf("%+v, %v", who, err)
	}
}

// OpenID Connect Core §3.1.3.6: the left half of the hash that goes with the algorithm, here of "a".
func TestHalfHash(t *testing.T) {
	for alg, want := range map[string]string{
		"ES256": "ypeBEsobvcr6wjGzmiPcTQ", "RS384": "VKWbnyKwuAiA2EJ-VIt8I6vYc0huHwNd", "EdDSA": "H0D8ktokFpR1CXnubPWC8tXX0o4YM13gWrxU0FYOD1M",
	} {
		if got := bff.HalfHash(alg, "a"); got != want {
			t.Errorf("%s: %s, want %s", alg, got, want)
		}
	}
}

func unsigned(body []byte) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(body) + "."
}

func newKey(t *testing.T, alg string) jose.PrivateKey {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signedBy(t *testing.T, key jose.PrivateKey, typ string) func([]byte) string {
	return func(body []byte) string {
		signed, err := jose.Sign(key, typ, body)
		if err != nil {
			t.Error(err)
		}
		return signed
	}
}
