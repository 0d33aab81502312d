package token_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/token"
)

// The tokens of a code, claim by claim (RFC 9068 §2.2, OpenID Connect Core §2) and the answer around them (RFC 6749 §5.1).
func TestCode(t *testing.T) {
	h := open(t)
	h.now = start.Add(250 * time.Millisecond)
	answer := h.got(h.redeeming("web", h.code("web")))
	checkJSON(t, "access token", h.claims(answer.AccessToken, "at+jwt", "ES256"), fmt.Sprintf(`{"iss":%q,"sub":"u-ann","aud":%q,
		"exp":%d,"iat":%d,"jti":"*","client_id":"web","scope":"openid email offline_access read","auth_time":%d,"gid":"g-1"}`,
		issuer, issuer, start.Unix()+600, start.Unix(), start.Unix()-60))
	half := sha256.Sum256([]byte(answer.AccessToken.Reveal()))
	checkJSON(t, "ID token", h.claims(answer.IDToken, "JWT", "RS256"), fmt.Sprintf(`{"iss":%q,"sub":"u-ann","aud":"web","exp":%d,"iat":%d,
		"auth_time":%d,"nonce":"n-1","at_hash":%q,"amr":["pwd"],"sid":"s-1"}`,
		issuer, start.Unix()+600, start.Unix(), start.Unix()-60, base64.RawURLEncoding.EncodeToString(half[:16])))
	body, err := answer.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	checkJSON(t, "answer", parse(t, body), fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":600,
		"scope":"openid email offline_access read","refresh_token":%q,"id_token":%q}`,
		answer.AccessToken.Reveal(), answer.RefreshToken.Reveal(), answer.IDToken.Reveal()))
	kept := h.grants["g-1"].Grant
	if kept.RefreshKey == "" || !kept.ExpiresAt.Equal(h.now.Add(30*24*time.Hour)) || !kept.CreatedAt.Equal(h.now) {
		t.Errorf("kept %+v", kept)
	}
	if q := h.asked; q.GrantType != "authorization_code" || q.AuthMethod != "client_secret_basic" || q.Subject != "u-ann" || !q.UserPresent ||
		q.Client.ClientID != "web" || q.Caller.IP != "192.0.2.1" || q.Caller.ClientID != "web" || q.RequestID != "r-1" || !q.Now.Equal(h.now) {
		t.Errorf("asked %+v", q)
	}
}

func TestIDTokenAlgorithms(t *testing.T) {
	h := open(t)
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA", "Ed25519"} {
		h.change("web", func(r *core.Registered) { r.Client.Metadata.IDTokenSignedResponseAlg = alg })
		answer := h.got(h.redeeming("web", h.code("web")))
		long, short := sha512.Sum512([]byte(answer.AccessToken.Reveal())), sha256.Sum256([]byte(answer.AccessToken.Reveal()))
		want := short[:16]
		if alg[0] == 'E' && alg[1] == 'd' {
			want = long[:32]
		}
		got, _ := h.claims(answer.IDToken, "JWT", alg).Get("at_hash")
		if hash, _ := got.Text(); hash != base64.RawURLEncoding.EncodeToString(want) {
			t.Errorf("%s: at_hash %s", alg, got)
		}
	}
}

// Of a client that policy obliges so, ID tokens say what userinfo says: of the scopes that were allowed, and of nobody else's client.
func TestClaimsInIDTokens(t *testing.T) {
	h := open(t)
	obliged := []core.Obligation{{Name: decision.ObligeIDTokenClaims, Rule: "r"}}
	h.client("told", oauth.AuthClientSecretBasic, func(c *core.Client) { c.Governance.Obligations = obliged })
	h.client("asking", oauth.AuthClientSecretBasic, func(c *core.Client) { yes := true; c.Metadata.ClaimsInIDToken = &yes })
	of := func(client core.ClientID, answer token.Answer) string {
		t.Helper()
		told := strictjson.Object()
		claims := h.claims(answer.IDToken, "JWT", "RS256")
		for _, name := range []string{"email", "email_verified", "phone_number", "nickname", "address"} {
			if v, ok := claims.Get(name); ok {
				told = told.With(name, v)
			}
		}
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "at_hash"} {
			if _, ok := claims.Get(name); !ok {
				t.Errorf("%s: no %s in %s", client, name, claims)
			}
		}
		return told.String()
	}
	for _, c := range []struct {
		client      core.ClientID
		scope, want string
	}{
		{"told", "openid", `{}`}, {"told", "openid email", `{"email":"ann@a.example","email_verified":true}`},
		{"told", "openid phone address", `{"phone_number":"+49 1","address":{"formatted":"Way 1\nTown"}}`}, {"told", "openid profile", `{"nickname":"annie"}`},
		{"web", "openid email profile", `{}`}, {"asking", "openid email profile", `{}`},
	} {
		if got := of(c.client, h.got(h.redeeming(c.client, h.code(c.client, scoped(c.scope))))); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.client, c.scope, got, c.want)
		}
	}
	first := h.got(h.redeeming("told", h.code("told", scoped("openid email offline_access"))))
	h.user("u-ann", func(u *core.User) { u.Profile.Email = "new@a.example" })
	if got := of("told", h.got(h.refreshing("told", first.RefreshToken))); got != `{"email":"new@a.example","email_verified":true}` {
		t.Errorf("refreshed: %s", got)
	}
}

// Which tokens a code gives depends on the scope and on what the client registered.
func TestWhatACodeGives(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		scope       []string
		grants      []string
		id, refresh bool
	}{
		{[]string{"openid", "offline_access"}, []string{"authorization_code", "refresh_token"}, true, true},
		{[]string{"openid", "offline_access"}, []string{"authorization_code"}, true, false},
		{[]string{"openid"}, []string{"authorization_code", "refresh_token"}, true, false},
		{[]string{"read", "offline_access"}, []string{"authorization_code", "refresh_token"}, false, true},
		{nil, []string{"authorization_code", "refresh_token"}, false, false},
	} {
		h.change("web", func(r *core.Registered) { r.Client.Metadata.GrantTypes = c.grants })
		answer := h.got(h.redeeming("web", h.code("web", func(a *core.AuthorizationCode) { a.Grant.Scope = c.scope })))
		if (answer.IDToken != "") != c.id || (answer.RefreshToken != "") != c.refresh {
			t.Errorf("%v with %v: ID token %t, refresh token %t", c.scope, c.grants, answer.IDToken != "", answer.RefreshToken != "")
		}
		kept := h.grants[core.GrantID(fmt.Sprint("g-", h.minted))].Grant
		if c.refresh != (kept.RefreshKey != "") || !c.refresh && !kept.ExpiresAt.Equal(h.now.Add(10*time.Minute)) {
			t.Errorf("%v with %v: kept until %v", c.scope, c.grants, kept.ExpiresAt)
		}
	}
}

func TestRefusedCodes(t *testing.T) {
	h := open(t)
	h.client("bare", oauth.AuthClientSecretBasic, func(c *core.Client) { c.Metadata.GrantTypes = []string{"client_credentials"} })
	h.client("strict", oauth.AuthClientSecretBasic, func(c *core.Client) {
		c.Governance.Obligations = []core.Obligation{{Name: decision.ObligePKCE}}
	})
	no := func(change func(*core.AuthorizationCode)) func(*core.AuthorizationCode) { return change }
	plain := no(func(a *core.AuthorizationCode) { a.Challenge = "" })
	for _, c := range []struct {
		what   string
		client core.ClientID
		code   func(*core.AuthorizationCode) // nil: as usual
		change []string
		wrong  core.Code
		says   string
	}{
		{"no grant type (RFC 6749 §5.2)", "web", nil, []string{"grant_type", ""}, core.InvalidRequest, "grant_type is missing"},
		{"another grant type (RFC 6749 §5.2)", "web", nil, []string{"grant_type", "password"}, core.UnsupportedGrantType, "not one of"},
		{"a grant type of another case", "web", nil, []string{"grant_type", "Authorization_Code"}, core.UnsupportedGrantType, "not one of"},
		{"a grant type not registered (RFC 6749 §5.2)", "bare", nil, nil, core.UnauthorizedClient, "did not register"},
		{"no code (RFC 6749 §4.1.3)", "web", nil, []string{"code", ""}, core.InvalidRequest, "code is missing"},
		{"an unknown code (RFC 6749 §5.2)", "web", nil, []string{"code", "x"}, core.InvalidGrant, "unknown or has expired"},
		{"an expired code (RFC 6749 §4.1.2)", "web", no(func(a *core.AuthorizationCode) { a.ExpiresAt = start }), nil, core.InvalidGrant, "unknown or has expired"},
		{"a code of another client (RFC 6749 §4.1.3)", "web", no(func(a *core.AuthorizationCode) { a.Grant.Client = "spa" }), nil, core.InvalidGrant, "another client"},
		{"no redirect_uri (RFC 6749 §4.1.3)", "web", nil, []string{"redirect_uri", ""}, core.InvalidGrant, "redirect_uri is missing"},
		{"another redirect_uri (RFC 6749 §4.1.3)", "web", nil, []string{"redirect_uri", redirect + "/"}, core.InvalidGrant, "not the one"},
		{"a redirect_uri nobody sent first", "web", no(func(a *core.AuthorizationCode) { a.RedirectSet = false }), []string{"redirect_uri", "https://evil.example"}, core.InvalidGrant, "not the one"},
		{"no verifier (RFC 7636 §4.6)", "web", nil, []string{"code_verifier", ""}, core.InvalidGrant, "code_verifier is missing"},
		{"a wrong verifier (RFC 7636 §4.6)", "web", nil, []string{"code_verifier", verifier[1:] + "A"}, core.InvalidGrant, "does not match"},
		{"the challenge as verifier (RFC 7636 §7.2)", "web", nil, []string{"code_verifier", oauth.S256Challenge(verifier)}, core.InvalidGrant, "does not match"},
		{"a verifier without a challenge (RFC 9700 §2.1.1)", "web", plain, nil, core.InvalidGrant, "had no code_challenge"},
		{"a public client without PKCE (RFC 9700 §2.1.1)", "spa", plain, []string{"code_verifier", ""}, core.InvalidGrant, "which this client needs"},
		{"a client obliged to PKCE", "strict", plain, []string{"code_verifier", ""}, core.InvalidGrant, "which this client needs"},
		{"the client was disabled since", "web", no(func(a *core.AuthorizationCode) { a.Grant.ClientGeneration = 6 }), nil, core.InvalidGrant, "void"},
		{"the person signed out everywhere", "web", no(func(a *core.AuthorizationCode) { a.Grant.UserGeneration = 2 }), nil, core.InvalidGrant, "void"},
		{"the person is gone", "web", no(func(a *core.AuthorizationCode) { a.Grant.Subject = "u-none" }), nil, core.InvalidGrant, "void"},
		{"a resource that was not granted (RFC 8707 §2.2)", "web", nil, []string{"resource", api}, core.InvalidTarget, "not part of"},
	} {
		code := h.code(c.client, func(a *core.AuthorizationCode) {
			if c.code != nil {
				c.code(a)
			}
		})
		h.refused(c.what, h.redeeming(c.client, code, c.change...), c.wrong, c.says)
	}
	if h.writes != 0 {
		t.Errorf("refusals wrote %d times", h.writes)
	}
	h.user("u-ann", func(u *core.User) { u.Disabled = true })
	h.refused("the person is disabled", h.redeeming("web", h.code("web")), core.InvalidGrant, "void")
}

// A refusal spends nothing: who forgot the verifier may come again.
func TestRefusalKeepsTheCode(t *testing.T) {
	h := open(t)
	code := h.code("spa")
	h.refused("no verifier", h.redeeming("spa", code, "code_verifier", ""), core.InvalidGrant, "missing")
	h.policy = func(*decision.Token) (decision.TokenVerdict, error) { return decision.TokenVerdict{}, nil }
	h.refused("policy", h.redeeming("spa", code), core.AccessDenied, "policy")
	h.policy = allow
	h.got(h.redeeming("spa", code))
	simple := h.code("web", func(a *core.AuthorizationCode) { a.Challenge, a.RedirectSet = "", false })
	h.got(h.redeeming("web", simple, "code_verifier", "", "redirect_uri", ""))
}

// RFC 6749 §4.1.2: a second use is refused and revokes what the first one gave. Another client's try revokes nothing.
func TestReplayedCode(t *testing.T) {
	h := open(t)
	code := h.code("spa")
	first := h.got(h.redeeming("spa", code))
	h.refused("another client", h.redeeming("web", code), core.InvalidGrant, "another client")
	if _, err := h.Verify(t.Context(), first.AccessToken); err != nil {
		t.Errorf("another client voided the family: %v", err)
	}
	h.now = h.now.Add(2 * time.Minute)
	h.refused("again", h.redeeming("spa", code, "code_verifier", ""), core.InvalidGrant, "used before")
	_, err := h.Verify(t.Context(), first.AccessToken)
	h.checkRefusal("the access token of the first use", err, core.InvalidToken, "revoked")
	h.refused("its refresh token", h.refreshing("spa", first.RefreshToken), core.InvalidGrant, "unknown")
}

// What changes between reading the code and redeeming it is seen by the one write.
func TestLostRaces(t *testing.T) {
	h := open(t)
	code := h.code("web")
	var winner token.Answer
	h.before = func() { winner = h.got(h.redeeming("web", code)) }
	h.refused("somebody else was first", h.redeeming("web", code), core.InvalidGrant, "used before")
	_, err := h.Verify(t.Context(), winner.AccessToken)
	h.checkRefusal("who was first", err, core.InvalidToken, "revoked")
	h.before = func() { h.change("web", func(r *core.Registered) { r.Client.Generation++ }) }
	h.refused("the client was disabled", h.redeeming("web", h.code("web")), core.InvalidGrant, "meanwhile")
}
