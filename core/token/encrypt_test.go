package token_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose/josetest"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/token"
)

// readers are two clients' keys; RSA keys are slow to make.
var readers = sync.OnceValues(func() (mine, others josetest.Reader) { return josetest.NewReader(), josetest.NewReader() })

func jwksOf(jwks ...string) string { return `{"keys":[` + strings.Join(jwks, ",") + `]}` }

// encrypts registers encryption for the client web.
func (h *house) encrypts(change func(m *core.Metadata)) {
	h.change("web", func(r *core.Registered) { change(&r.Client.Metadata) })
}

// opened decrypts what its client got, and gives the JWT or the claims inside.
func (h *house) opened(r josetest.Reader, compact, header string) core.Secret {
	h.Helper()
	got, content, err := r.Open(compact)
	if err != nil || got.String() != header {
		h.Fatalf("header %s, %v, want %s", got, err, header)
	}
	return core.Secret(content)
}

// OpenID Connect Core §10.2: signed and then encrypted, to a key that the client registered, with what it registered. What is not
// said of the content is A128CBC-HS256. A refresh does it again.
func TestEncryptedIDTokens(t *testing.T) {
	h := open(t)
	mine, others := readers()
	h.encrypts(func(m *core.Metadata) {
		m.JWKS = jwksOf(others.JWK(`"kid":"s","use":"sig"`), mine.JWK(`"kid":"e","use":"enc"`))
		m.IDTokenEncryptedResponseAlg, m.IDTokenSignedResponseAlg = "RSA-OAEP", "ES256"
	})
	answer := h.got(h.redeeming("web", h.code("web")))
	signed := h.opened(mine, answer.IDToken.Reveal(), `{"alg":"RSA-OAEP","cty":"JWT","enc":"A128CBC-HS256","kid":"e","typ":"JWT"}`)
	claims := h.claims(signed, "JWT", "ES256")
	if nonce, _ := claims.Get("nonce"); nonce.String() != `"n-1"` {
		t.Errorf("claims %s", claims)
	}
	if _, _, err := others.Open(answer.IDToken.Reveal()); err == nil {
		t.Error("the other key opens it")
	}
	h.encrypts(func(m *core.Metadata) {
		m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc = "RSA-OAEP-256", "A256GCM"
	})
	again := h.got(h.refreshing("web", answer.RefreshToken))
	signed = h.opened(mine, again.IDToken.Reveal(), `{"alg":"RSA-OAEP-256","cty":"JWT","enc":"A256GCM","kid":"e","typ":"JWT"}`)
	if claims := h.claims(signed, "JWT", "ES256"); textOf(claims, "sub") != "u-ann" || textOf(claims, "at_hash") == "" {
		t.Errorf("claims %s", claims)
	}
	if strings.Count(again.AccessToken.Reveal(), ".") != 2 { // whoever takes it must read it
		t.Error("the access token is encrypted, too")
	}
}

func textOf(v strictjson.Value, name string) string {
	member, _ := v.Get(name)
	s, _ := member.Text()
	return s
}

// OpenID Connect Core §5.3.2: a JWT, encrypted, and signed before if the client registered that.
func TestEncryptedUserInfo(t *testing.T) {
	h := open(t)
	mine, _ := readers()
	access := h.got(h.redeeming("web", h.code("web", scoped("openid email")))).AccessToken
	const header = `{"alg":"RSA-OAEP-256","enc":"A128GCM","typ":"JWT"}`
	want := fmt.Sprintf(`{"sub":"u-ann","iss":%q,"aud":"web","email":"ann@a.example","email_verified":true}`, issuer)
	h.encrypts(func(m *core.Metadata) {
		m.JWKS, m.UserinfoEncryptedResponseAlg, m.UserinfoEncryptedResponseEnc = jwksOf(mine.JWK("")), "RSA-OAEP-256", "A128GCM"
	})
	info, err := h.UserInfo(t.Context(), access, nil)
	if err != nil || !info.JWT {
		t.Fatal(info.JWT, err)
	}
	checkJSON(t, "encrypted", parse(t, []byte(h.opened(mine, string(info.Body), header))), want)
	h.encrypts(func(m *core.Metadata) { m.UserinfoSignedResponseAlg, m.UserinfoEncryptedResponseEnc = "PS256", "" })
	if info, err = h.UserInfo(t.Context(), access, nil); err != nil || !info.JWT {
		t.Fatal(info.JWT, err)
	}
	signed := h.opened(mine, string(info.Body), `{"alg":"RSA-OAEP-256","cty":"JWT","enc":"A128CBC-HS256","typ":"JWT"}`)
	checkJSON(t, "signed and encrypted", h.claims(signed, "JWT", "PS256"), want)
}

// Whatever is wrong with the keys, nothing leaves unencrypted, and a code that could not be answered for counts the next time.
func TestNothingIsSentInTheClear(t *testing.T) {
	mine, _ := readers()
	for _, test := range []struct {
		what, jwks, alg string
		code            core.Code
		says            string
	}{
		{"no keys at all", "", "RSA-OAEP", core.InvalidRequest, "none of its keys is for that"},
		{"an empty set", jwksOf(), "RSA-OAEP", core.InvalidRequest, "none of its keys is for that"},
		{"a key for signatures", jwksOf(mine.JWK(`"use":"sig"`)), "RSA-OAEP", core.InvalidRequest, "none of its keys is for that"},
		{"a key of another kind", jwksOf(mine.JWK("")), "ECDH-ES", core.InvalidRequest, "ECDH-ES, and none of its keys is for that"},
		{"a set that cannot be read", `{"keys":[{"kty":"oct","k":"AAAA"}]}`, "RSA-OAEP", core.InvalidRequest, "none of its keys is for that"},
		{"an algorithm that nobody should use", jwksOf(mine.JWK("")), "RSA1_5", core.InvalidRequest, "none of its keys is for that"},
	} {
		h := open(t)
		access := h.got(h.redeeming("web", h.code("web"))).AccessToken
		before := h.writes
		code := h.code("web")
		h.encrypts(func(m *core.Metadata) {
			m.JWKS, m.IDTokenEncryptedResponseAlg, m.UserinfoEncryptedResponseAlg = test.jwks, test.alg, test.alg
		})
		h.refused(test.what, h.redeeming("web", code), test.code, "id_token_encrypted_response_alg")
		h.refused(test.what, h.redeeming("web", code), test.code, test.says)
		info, err := h.UserInfo(t.Context(), access, nil)
		h.checkRefusal(test.what, err, test.code, test.says)
		if len(info.Body) > 0 || h.writes != before {
			t.Errorf("%s: %q was told, %d writes", test.what, info.Body, h.writes-before)
		}
		h.encrypts(func(m *core.Metadata) { m.JWKS, m.IDTokenEncryptedResponseAlg = jwksOf(mine.JWK("")), "RSA-OAEP" })
		if answer := h.got(h.redeeming("web", code)); strings.Count(answer.IDToken.Reveal(), ".") != 4 {
			t.Errorf("%s: afterwards %s", test.what, answer.IDToken.Reveal())
		}
	}
}

// Nobody asks for keys where there is no ID token, nor before it is known that there will be one.
func TestKeysAreAskedForLast(t *testing.T) {
	h := open(t)
	asked := 0
	h.publish(func() (string, error) { asked++; return "", errors.New("down") })
	h.encrypts(func(m *core.Metadata) {
		m.JWKSURI, m.IDTokenEncryptedResponseAlg = "https://shop.example/jwks", "RSA-OAEP"
	})
	h.got(h.redeeming("web", h.code("web", scoped("read"))))
	h.got(h.forItself("web"))
	h.refused("a wrong code", h.redeeming("web", "guessed"), core.InvalidGrant, "unknown")
	h.policy = func(*decision.Token) (decision.TokenVerdict, error) {
		return decision.TokenVerdict{Code: core.AccessDenied}, nil
	}
	h.refused("by policy", h.redeeming("web", h.code("web")), core.AccessDenied, "")
	h.policy = func(*decision.Token) (decision.TokenVerdict, error) {
		return decision.TokenVerdict{Allowed: true, Scopes: []string{"read"}}, nil
	}
	h.got(h.redeeming("web", h.code("web")))
	h.policy = allow
	h.plug(&plugin{name: "no", ask: func(hook.Call) (hook.Result, error) {
		return hook.Result{}, core.Refuse(core.AccessDenied, "not today")
	}})
	h.refused("by a plugin", h.redeeming("web", h.code("web")), core.AccessDenied, "not today")
	if asked != 0 {
		t.Errorf("the client's keys were asked for %d times", asked)
	}
}

// publish lets the clients' keys come from where they publish them.
func (h *house) publish(page func() (string, error)) {
	remote := keys.NewRemote(func(context.Context, string) ([]byte, error) {
		body, err := page()
		return []byte(body), err
	}, func() time.Time { return h.now })
	h.published = remote
	h.reopen(h.ring)
}

// The keys at a client's address may turn, and may be away for a while: that is a matter of trying again.
func TestPublishedKeysTurn(t *testing.T) {
	h := open(t)
	first, second := readers()
	body, down := jwksOf(first.JWK(`"kid":"1"`)), error(nil)
	h.publish(func() (string, error) { return body, down })
	h.encrypts(func(m *core.Metadata) {
		m.JWKSURI, m.IDTokenEncryptedResponseAlg, m.UserinfoEncryptedResponseAlg = "https://shop.example/jwks", "RSA-OAEP", "RSA-OAEP"
	})
	reads := func(what string, r josetest.Reader, answer token.Answer) {
		t.Helper()
		if _, _, err := r.Open(answer.IDToken.Reveal()); err != nil {
			t.Errorf("%s: the ID token: %v", what, err)
		}
		info, err := h.UserInfo(t.Context(), answer.AccessToken, nil)
		if _, _, wrong := r.Open(string(info.Body)); err != nil || wrong != nil {
			t.Errorf("%s: userinfo: %v, %v", what, err, wrong)
		}
	}
	answer := h.got(h.redeeming("web", h.code("web")))
	reads("the first key", first, answer)
	body = jwksOf(second.JWK(`"kid":"2"`))
	h.now = h.now.Add(10 * time.Minute)
	answer = h.got(h.refreshing("web", answer.RefreshToken))
	reads("the second key", second, answer)
	down, h.now = errors.New("down"), h.now.Add(10*time.Minute)
	answer = h.got(h.refreshing("web", answer.RefreshToken))
	reads("while the publisher is down", second, answer)

	h.now = h.now.Add(25 * time.Hour)
	code := h.code("web")
	answer = h.got(h.redeeming("spa", h.code("spa"))) // nobody else minds
	h.refused("after a day", h.redeeming("web", code), core.TemporarilyUnavailable, "could not be fetched from its jwks_uri; try again")
	_, err := h.Token(t.Context(), h.redeeming("web", code))
	if e := core.AsError(err); e.RetryAfter <= 0 || e.RetryAfter >= time.Minute || !errors.Is(err, keys.ErrUnreachable) || strings.Contains(e.Detail, "down") {
		t.Errorf("%+v", e)
	}
	down, h.now = nil, h.now.Add(31*time.Second)
	reads("with the same code, in time", second, h.got(h.redeeming("web", code)))
}

// What lies at the address is anybody's: keys that are weak, private or no keys are as none.
func TestPublishedKeysOfNoUse(t *testing.T) {
	mine, _ := readers()
	weak := `{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("q", 170) + `"}`
	private := strings.TrimSuffix(mine.JWK(""), "}") + `,"d":"AQAB"}`
	for what, jwks := range map[string]string{
		"weak": jwksOf(weak), "private": jwksOf(private), "both": jwksOf(weak, private), "none": jwksOf(), "no set": "<html>", "a set of texts": `{"keys":["` + weak[1:5] + `"]}`,
		"a point beside the curve": jwksOf(`{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`),
		"a small exponent":         jwksOf(strings.Replace(mine.JWK(""), `"AQAB"`, `"Aw"`, 1)),
	} {
		h := open(t)
		h.publish(func() (string, error) { return jwks, nil })
		h.encrypts(func(m *core.Metadata) {
			m.JWKSURI, m.IDTokenEncryptedResponseAlg = "https://shop.example/jwks", "RSA-OAEP"
		})
		h.refused(what, h.redeeming("web", h.code("web")), core.TemporarilyUnavailable, "could not be fetched")
		if h.writes != 0 {
			t.Errorf("%s: %d writes", what, h.writes)
		}
	}
	h := open(t)
	h.publish(func() (string, error) { return jwksOf(weak, private, mine.JWK(`"use":"sig"`)), nil })
	h.encrypts(func(m *core.Metadata) {
		m.JWKSURI, m.IDTokenEncryptedResponseAlg = "https://shop.example/jwks", "RSA-OAEP"
	})
	h.refused("only a key for signatures", h.redeeming("web", h.code("web")), core.InvalidRequest, "none of its keys is for that")
}
