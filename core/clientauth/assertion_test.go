package clientauth_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
)

var errUnreachable = fmt.Errorf("%w: refused", keys.ErrUnreachable)

func TestAssertionsThatAreAccepted(t *testing.T) {
	h := open(t)
	key := newKey(t, jose.ES256)
	h.add("c-1", oauth.AuthPrivateKeyJWT, keyed(key))
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	in := func(d time.Duration) string { return fmt.Sprint(h.now.Add(d).Unix()) }
	for i, change := range [][]string{
		{},
		{"aud", quoted(endpoint)},
		{"aud", quoted(issuer + "/par")},
		{"aud", "[" + quoted("https://other.example") + "," + quoted(issuer) + "]"},
		{"exp", in(-9 * time.Second)},
		{"exp", in(time.Hour)},
		{"exp", in(time.Minute) + ".5"},
		{"iat", ""},
		{"iat", in(10 * time.Second)},
		{"nbf", in(10 * time.Second)},
		{"other", `{"a":[1]}`},
	} {
		p := asserting(signed(t, key, "JWT", h.claims(append(change, "jti", quoted(fmt.Sprint("j", i)))...)))
		p.Endpoint = issuer + "/par"
		h.accepted(fmt.Sprint(change), p, "c-1")
	}
	for _, typ := range []string{"", "jwt", "client-authentication+jwt"} {
		h.accepted("typ "+typ, asserting(signed(t, key, typ, h.claims("jti", quoted("t"+typ))), "client_id", "c-1"), "c-1")
	}
}

func TestAssertionsThatAreRefused(t *testing.T) {
	h := open(t)
	key := newKey(t, jose.ES256)
	h.add("c-1", oauth.AuthPrivateKeyJWT, keyed(key))
	h.add("c-2", oauth.AuthPrivateKeyJWT, keyed(newKey(t, jose.ES256)))
	in := func(d time.Duration) string { return fmt.Sprint(h.now.Add(d).Unix()) }
	for _, c := range []struct {
		what   string // RFC 7523 §3 unless it says another
		change []string
		says   string
	}{
		{"another issuer (1)", []string{"iss", `"c-2"`}, "as iss and as sub"},
		{"no issuer (1)", []string{"iss", ""}, "as iss and as sub"},
		{"another subject (2)", []string{"sub", `"c-2"`}, "not signed by a key"},
		{"no subject (2)", []string{"sub", ""}, "has no sub"},
		{"a subject that is no text (2)", []string{"sub", "1"}, "has no sub"},
		{"another audience (3)", []string{"aud", `"https://other.example"`}, "aud"},
		{"an audience with a slash too many (3)", []string{"aud", `"` + issuer + `/"`}, "aud"},
		{"no audience (3)", []string{"aud", ""}, "aud"},
		{"an empty audience (3)", []string{"aud", `""`}, "aud"},
		{"a list that is not of texts (3)", []string{"aud", `["` + issuer + `",1]`}, "aud"},
		{"no exp (4)", []string{"exp", ""}, "exp"},
		{"exp as text (4)", []string{"exp", `"` + in(time.Minute) + `"`}, "exp"},
		{"exp beyond time", []string{"exp", "1e300"}, "exp"},
		{"expired (4)", []string{"exp", in(-10 * time.Second)}, "has expired"},
		{"good for too long", []string{"exp", in(time.Hour + 11*time.Second)}, "more than an hour"},
		{"not yet good (5)", []string{"nbf", in(11 * time.Second)}, "nbf in the future"},
		{"nbf null", []string{"nbf", "null"}, "nbf in seconds"},
		{"made in the future (6)", []string{"iat", in(11 * time.Second)}, "iat in the future"},
		{"no jti (OpenID Connect Core §9)", []string{"jti", ""}, "jti"},
		{"an empty jti", []string{"jti", `""`}, "jti"},
		{"a jti that is too long", []string{"jti", `"` + strings.Repeat("j", 257) + `"`}, "jti"},
	} {
		h.refused(c.what, asserting(signed(t, key, "JWT", h.claims(c.change...))), core.InvalidClient, c.says)
	}
	for _, typ := range []string{"at+jwt", "dpop+jwt", "oauth-authz-req+jwt"} {
		h.refused("RFC 8725 §3.11: typ "+typ, asserting(signed(t, key, typ, h.claims())), core.InvalidClient, "typ")
	}
	good := signed(t, key, "JWT", h.claims())
	p := asserting(good)
	p.Form["client_assertion_type"] = []string{"urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}
	h.refused("another type", p, core.InvalidClient, "client_assertion_type")
	h.refused("another client_id", asserting(good, "client_id", "c-2"), core.InvalidRequest, "not the client")
	h.refused("unknown client", asserting(signed(t, key, "", h.claims("sub", `"c-9"`, "iss", `"c-9"`))), core.InvalidClient, "no such client")
	for what, compact := range map[string]string{"cut": good[:len(good)-2], "longer": good + "AA", "no parts": "abc", "line end": good + "\n"} {
		h.refused(what, asserting(compact), core.InvalidClient, "client_assertion")
	}
	h.accepted("nothing of this has spent the jti", asserting(good), "c-1")
}

// RFC 8725 §3.1: the algorithm is the key's and the client's, never the token's.
func TestAssertionAlgorithms(t *testing.T) {
	h := open(t)
	ec, rsa, ed := newKey(t, jose.ES256), newKey(t, jose.RS256), newKey(t, jose.Ed25519)
	h.add("c-1", oauth.AuthPrivateKeyJWT, keyed(ec))
	h.refused("a foreign key", asserting(signed(t, newKey(t, jose.ES256), "JWT", h.claims())), core.InvalidClient, "not signed by a key")
	h.refused("a foreign kind of key", asserting(signed(t, rsa, "JWT", h.claims())), core.InvalidClient, "not signed by a key")
	enc := base64.RawURLEncoding.EncodeToString
	for _, alg := range []string{"none", "nOnE", "HS256"} {
		forged := enc([]byte(`{"alg":"`+alg+`"}`)) + "." + enc([]byte(h.claims())) + "." + enc([]byte("0123456789abcdef0123456789abcdef"))
		h.refused("alg "+alg, asserting(forged), core.InvalidClient, "client_assertion")
	}
	only := func(alg string) func(*core.Registered) {
		return func(r *core.Registered) { r.Client.Metadata.TokenEndpointAuthSigningAlg = alg }
	}
	h.add("c-1", oauth.AuthPrivateKeyJWT, keyed(ec, rsa), only(jose.RS256))
	h.refused("not the registered algorithm", asserting(signed(t, ec, "JWT", h.claims())), core.InvalidClient, "token_endpoint_auth_signing_alg")
	h.accepted("the registered algorithm", asserting(signed(t, rsa, "JWT", h.claims())), "c-1")
	h.add("c-1", oauth.AuthPrivateKeyJWT, keyed(ed), only(jose.EdDSA))
	h.accepted("the other name of EdDSA", asserting(signed(t, ed, "JWT", h.claims("jti", `"ed"`))), "c-1")
}

func TestWhereKeysComeFrom(t *testing.T) {
	h := open(t)
	key := newKey(t, jose.ES256)
	set, err := jose.PublicSet(key)
	if err != nil {
		t.Fatal(err)
	}
	at := func(uri string) func(*core.Registered) {
		return func(r *core.Registered) { r.Client.Metadata.JWKSURI = uri }
	}
	good := asserting(signed(t, key, "JWT", h.claims()))
	h.add("c-1", oauth.AuthPrivateKeyJWT)
	h.refused("none (seed 003)", good, core.InvalidClient, "no keys registered")
	h.add("c-1", oauth.AuthPrivateKeyJWT, at("https://c.example/jwks"))
	h.refused("published, and not to be had", good, core.InvalidClient, "could not be fetched")
	h.add("c-1", oauth.AuthPrivateKeyJWT, func(r *core.Registered) { r.Client.Metadata.JWKS = `{"keys":1}` })
	h.refused("damaged", good, core.InvalidClient, "cannot be used")
	h.add("c-1", oauth.AuthPrivateKeyJWT, at("https://c.example/jwks"))
	h.published["https://c.example/jwks"] = set
	h.accepted("published", good, "c-1")
	h.add("c-1", oauth.AuthClientSecretBasic, keyed(key), secrets("one"))
	h.refused("a client of another method", asserting(signed(t, key, "JWT", h.claims("jti", `"2"`))), core.InvalidClient, "not by private_key_jwt")
}

// A jti counts once for each client, letter by letter, until the assertion would have expired.
func TestAssertionsAreUsedOnce(t *testing.T) {
	h := open(t)
	key := newKey(t, jose.ES256)
	h.add("c-1", oauth.AuthPrivateKeyJWT, keyed(key))
	h.add("c-2", oauth.AuthPrivateKeyJWT, keyed(key))
	good := asserting(signed(t, key, "JWT", h.claims()))
	var won atomic.Int64
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			if _, err := h.Authenticate(t.Context(), good); err == nil {
				won.Add(1)
			} else if core.CodeOf(err) != core.InvalidClient {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("one assertion was accepted %d times", won.Load())
	}
	h.refused("signed anew", asserting(signed(t, key, "", h.claims())), core.InvalidClient, "used before")
	h.accepted("in capitals", asserting(signed(t, key, "JWT", h.claims("jti", `"J-1"`))), "c-1")
	h.accepted("of another client", asserting(signed(t, key, "JWT", h.claims("iss", `"c-2"`, "sub", `"c-2"`))), "c-2")
	h.now = h.now.Add(time.Minute + 9*time.Second)
	h.refused("as long as it is good", good, core.InvalidClient, "used before")
	h.now = h.now.Add(time.Second)
	h.refused("and then", good, core.InvalidClient, "expired")
	if _, err := h.Authenticate(t.Context(), clientauth.Presented{Form: form("client_assertion", "")}); core.CodeOf(err) != core.InvalidClient {
		t.Errorf("an empty assertion: %v", err)
	}
}
