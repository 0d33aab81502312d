package token_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/token"
)

func TestVerify(t *testing.T) {
	h := open(t)
	answer := h.got(h.redeeming("web", h.code("web")))
	for range 3 { // the first time verified, then from memory
		got, err := h.Verify(t.Context(), answer.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		want := token.Access{
			ID: got.ID, Subject: "u-ann", Person: "u-ann", ClientID: "web", Scope: []string{"openid", "email", "offline_access", "read"}, Audience: []string{issuer},
			GrantID: "g-1", AuthTime: start.Add(-time.Minute), IssuedAt: start, ExpiresAt: start.Add(10 * time.Minute),
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || len(got.ID) != 22 {
			t.Errorf("%+v, want %+v", got, want)
		}
		got.Scope[0], got.Audience[0] = "changed", "changed" // by a caller, in its own copy
	}
	h.now = start.Add(10*time.Minute - 1)
	if _, err := h.Verify(t.Context(), answer.AccessToken); err != nil {
		t.Errorf("in its last moment: %v", err)
	}
	h.now = start.Add(10 * time.Minute)
	_, err := h.Verify(t.Context(), answer.AccessToken)
	h.checkRefusal("expired", err, core.InvalidToken, "expired")
}

// A client's own token dies with the generation it was issued under.
func TestTokensOfAClientItself(t *testing.T) {
	for what, do := range map[string]func(*core.Registered){
		"disabled":             func(r *core.Registered) { r.State = core.Disabled },
		"disabled and enabled": func(r *core.Registered) { r.Client.Generation++ },
		"deleted":              func(r *core.Registered) { *r = core.Registered{} },
		"at its end":           func(r *core.Registered) { r.Client.Expires = start },
		"registered anew":      func(r *core.Registered) { r.Client.Generation = 99 },
	} {
		h := open(t)
		access := h.got(h.forItself("web")).AccessToken
		if got, err := h.Verify(t.Context(), access); err != nil || got.Generation != 7 || got.Subject != "web" || got.GrantID != "" {
			t.Errorf("before: %+v, %v", got, err)
		}
		h.change("web", do)
		_, err := h.Verify(t.Context(), access)
		h.checkRefusal(what, err, core.InvalidToken, "revoked")
	}
}

// RFC 9068 §4, RFC 8725: what is no access token of ours.
func TestForgedAccessTokens(t *testing.T) {
	h := open(t)
	answer := h.got(h.redeeming("web", h.code("web")))
	h.change("web", func(r *core.Registered) { r.Client.Metadata.IDTokenSignedResponseAlg = "ES256" })
	es256 := h.got(h.redeeming("web", h.code("web")))
	good := answer.AccessToken.Reveal()
	parts := strings.Split(good, ".")
	enc := base64.RawURLEncoding.EncodeToString
	_, foreign := rings()
	claims := func(change ...string) []byte {
		text := h.claims(answer.AccessToken, "at+jwt", "ES256").String()
		for i := 0; i < len(change); i += 2 {
			if !strings.Contains(text, change[i]) {
				t.Fatalf("%s is not in %s", change[i], text)
			}
			text = strings.ReplaceAll(text, change[i], change[i+1])
		}
		return []byte(text)
	}
	sign := func(ring *keys.Ring, alg, typ string, claims []byte) string {
		signer, err := ring.Signer(alg)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := signer.Sign(typ, claims)
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	if _, err := h.Verify(t.Context(), core.Secret(sign(h.ring, jose.ES256, "at+jwt", claims()))); err != nil {
		t.Fatalf("the forger's tool is blunt: %v", err)
	}
	for what, compact := range map[string]string{
		"nothing":                        "",
		"an ID token":                    answer.IDToken.Reveal(),
		"an ID token of the same key":    es256.IDToken.Reveal(),
		"a refresh token":                answer.RefreshToken.Reveal(),
		"cut":                            good[:len(good)-1],
		"cut by a part":                  parts[0] + "." + parts[1],
		"without a signature":            parts[0] + "." + parts[1] + ".",
		"extended":                       good + "A",
		"extended by a part":             good + ".AA",
		"with a line end":                good + "\n",
		"the claims of another":          parts[0] + "." + enc(claims(`"u-ann"`, `"u-eve"`)) + "." + parts[2],
		"alg none":                       enc([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".AA",
		"alg HS256 with the public key":  enc([]byte(`{"alg":"HS256","typ":"at+jwt"}`)) + "." + parts[1] + "." + parts[2],
		"a foreign key":                  sign(foreign, jose.ES256, "at+jwt", claims()),
		"another of our algorithms":      sign(h.ring, jose.RS256, "at+jwt", claims()),
		"another type":                   sign(h.ring, jose.ES256, "logout+jwt", claims()),
		"no type":                        sign(h.ring, jose.ES256, "", claims()),
		"another issuer":                 sign(h.ring, jose.ES256, "at+jwt", claims(issuer, "https://evil.example")),
		"without jti":                    sign(h.ring, jose.ES256, "at+jwt", claims(`"jti"`, `"x"`)),
		"without a grant":                sign(h.ring, jose.ES256, "at+jwt", claims(`"gid"`, `"x"`)),
		"with a grant and a generation":  sign(h.ring, jose.ES256, "at+jwt", claims(`"gid"`, `"gen":7,"gid"`)),
		"a grant of another client":      sign(h.ring, jose.ES256, "at+jwt", claims(`"client_id":"web"`, `"client_id":"spa"`)),
		"a grant of another person":      sign(h.ring, jose.ES256, "at+jwt", claims(`"u-ann"`, `"u-eve"`)),
		"a grant that is not there":      sign(h.ring, jose.ES256, "at+jwt", claims(`"g-1"`, `"g-9"`)),
		"an audience that is no text":    sign(h.ring, jose.ES256, "at+jwt", claims(`"aud":"`+issuer+`"`, `"aud":7`)),
		"an expiry that is no number":    sign(h.ring, jose.ES256, "at+jwt", claims(`"exp":`, `"exp":"x","old":`)),
		"claims that are not an object":  sign(h.ring, jose.ES256, "at+jwt", []byte(`[]`)),
		"a scope that cannot be a scope": sign(h.ring, jose.ES256, "at+jwt", claims(`"openid `, `"open\u00e9 `)),
	} {
		_, err := h.Verify(t.Context(), core.Secret(compact))
		h.checkRefusal(what, err, core.InvalidToken, "not one of ours")
	}
}

// What was verified is believed only as long as the keys are the same, and never instead of looking whether it still stands.
func TestVerifiedIsForOneKeySet(t *testing.T) {
	h := open(t)
	store := &keyStore{}
	algs := []string{jose.ES256, jose.RS256, jose.EdDSA}
	ring, err := keys.Open(t.Context(), store, algs, func() time.Time { return h.now })
	if err != nil {
		t.Fatal(err)
	}
	h.reopen(ring)
	access := h.got(h.forItself("web")).AccessToken
	if _, err := h.Verify(t.Context(), access); err != nil {
		t.Fatal(err)
	}
	store.keys = nil // every key is withdrawn
	if ring, err = keys.Open(t.Context(), store, algs, func() time.Time { return h.now }); err != nil {
		t.Fatal(err)
	}
	h.swap(ring)
	_, err = h.Verify(t.Context(), access)
	h.checkRefusal("signed with a key that was withdrawn", err, core.InvalidToken, "not one of ours")
}
