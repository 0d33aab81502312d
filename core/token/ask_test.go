package token_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/token"
)

func (h *house) introspect(id core.ClientID, tok core.Secret, more ...string) strictjson.Value {
	h.Helper()
	body, err := h.Introspect(h.Context(), h.as(id, append([]string{"token", tok.Reveal()}, more...)...))
	if err != nil {
		h.Fatal(err)
	}
	return parse(h.T, body)
}

func (h *house) inactive(what string, id core.ClientID, tok core.Secret) {
	h.Helper()
	if got := h.introspect(id, tok).String(); got != `{"active":false}` {
		h.Errorf("%s: %s", what, got)
	}
}

// RFC 7662 §2.2.
func TestIntrospection(t *testing.T) {
	h := open(t)
	h.client("api", oauth.AuthClientSecretBasic, func(c *core.Client) { c.Provenance.Channel = core.ChannelOperator })
	h.client("nosy", oauth.AuthClientSecretBasic)
	answer := h.got(h.redeeming("web", h.code("web", func(a *core.AuthorizationCode) { a.Grant.Resources = []string{api} })))
	own := h.got(h.forItself("web")).AccessToken
	for _, caller := range []core.ClientID{"web", "api"} {
		for range 2 {
			checkJSON(t, "access token", h.introspect(caller, answer.AccessToken), fmt.Sprintf(`{"active":true,"scope":"openid email offline_access read",
				"client_id":"web","token_type":"Bearer","exp":%d,"iat":%d,"sub":"u-ann","aud":[%q,%q],"iss":%q,"jti":"*","auth_time":%d}`,
				start.Unix()+600, start.Unix(), api, issuer, issuer, start.Unix()-60))
		}
		checkJSON(t, "refresh token", h.introspect(caller, answer.RefreshToken, "token_type_hint", "access_token"), fmt.Sprintf(`{"active":true,
			"scope":"openid email offline_access read","client_id":"web","exp":%d,"iat":%d,"sub":"u-ann","iss":%q}`,
			start.Add(30*24*time.Hour).Unix(), start.Unix(), issuer))
		checkJSON(t, "a client's own", h.introspect(caller, own), fmt.Sprintf(`{"active":true,"scope":"read write",
			"client_id":"web","token_type":"Bearer","exp":%d,"iat":%d,"sub":"web","aud":%q,"iss":%q,"jti":"*"}`, start.Unix()+600, start.Unix(), issuer, issuer))
	}
	for what, tok := range map[string]core.Secret{"access": answer.AccessToken, "refresh": answer.RefreshToken, "own": own} {
		h.inactive("of another client: "+what, "nosy", tok)
	}
	for what, tok := range map[string]core.Secret{"an ID token": answer.IDToken, "garbage": "x", "dots": "a.b.c", "cut": answer.AccessToken[:40]} {
		h.inactive(what, "web", tok)
	}
	h.change("web", func(r *core.Registered) { r.Client.Generation++ })
	h.inactive("the client was disabled", "api", answer.AccessToken)
	h.inactive("the client was disabled: refresh", "api", answer.RefreshToken)
	h.inactive("the client was disabled: own", "api", own)
}

func TestIntrospectionOfReplacedTokens(t *testing.T) {
	h := open(t)
	h.client("api", oauth.AuthClientSecretBasic, func(c *core.Client) { c.Provenance.Channel = core.ChannelOperator })
	first := h.got(h.redeeming("spa", h.code("spa"))).RefreshToken
	h.got(h.refreshing("spa", first))
	if got := h.introspect("api", first).String(); !strings.HasPrefix(got, `{"active":true`) {
		t.Errorf("as long as it would be answered: %s", got)
	}
	h.now = h.now.Add(time.Minute)
	h.inactive("replaced", "api", first)
	if _, kept := h.grants["g-1"]; !kept {
		t.Error("asking about a token ended its family")
	}
}

func TestWhoMayNotIntrospect(t *testing.T) {
	h := open(t)
	access := h.got(h.forItself("web")).AccessToken.Reveal()
	_, err := h.Introspect(t.Context(), h.as("spa", "token", access))
	h.checkRefusal("a public client (RFC 7662 §2.1)", err, core.InvalidClient, "does not authenticate")
	_, err = h.Introspect(t.Context(), h.as("web"))
	h.checkRefusal("no token", err, core.InvalidRequest, "token is missing")
	wrong := h.as("web", "token", access)
	wrong.Presented.Authorization = "Basic eDp5"
	_, err = h.Introspect(t.Context(), wrong)
	h.checkRefusal("a stranger", err, core.InvalidClient, "no such client")
	h.checkRefusal("revoking as a stranger", h.Revoke(t.Context(), wrong), core.InvalidClient, "no such client")
	h.checkRefusal("revoking nothing", h.Revoke(t.Context(), h.as("web")), core.InvalidRequest, "token is missing")
}

// RFC 7009 §2.1.
func TestRevocation(t *testing.T) {
	h := open(t)
	revoke := func(id core.ClientID, tok core.Secret) error {
		return h.Revoke(t.Context(), h.as(id, "token", tok.Reveal(), "token_type_hint", "whatever"))
	}
	first := h.got(h.redeeming("spa", h.code("spa")))
	second := h.got(h.refreshing("spa", first.RefreshToken))
	h.checkRefusal("another client's access token", revoke("web", second.AccessToken), core.InvalidGrant, "another client")
	h.checkRefusal("another client's refresh token", revoke("web", second.RefreshToken), core.InvalidGrant, "another client")
	for range 2 {
		if err := revoke("spa", first.AccessToken); err != nil {
			t.Error(err)
		}
	}
	_, err := h.Verify(t.Context(), first.AccessToken)
	h.checkRefusal("a revoked access token", err, core.InvalidToken, "revoked")
	if _, err := h.Verify(t.Context(), second.AccessToken); err != nil {
		t.Errorf("revoking one access token took another with it: %v", err)
	}
	if err := revoke("spa", first.RefreshToken); err != nil { // one that was replaced ends the family just as well
		t.Error(err)
	}
	_, err = h.Verify(t.Context(), second.AccessToken)
	h.checkRefusal("the family is revoked", err, core.InvalidToken, "revoked")
	h.refused("the family is revoked", h.refreshing("spa", second.RefreshToken), core.InvalidGrant, "revoked")
	for _, tok := range []core.Secret{second.RefreshToken, "unknown", "a.b.c", second.IDToken} {
		if err := revoke("spa", tok); err != nil {
			t.Errorf("what is no token any more: %v", err)
		}
	}
	expired := h.got(h.forItself("web")).AccessToken
	h.now = h.now.Add(time.Hour)
	writes := h.writes
	if err := revoke("web", expired); err != nil || h.writes != writes {
		t.Errorf("an expired token: %v, %d writes", err, h.writes-writes)
	}
}

// OpenID Connect Core §5.3, §5.4.
func TestUserInfo(t *testing.T) {
	h := open(t)
	const profile = `"name":"Ann Lee","given_name":"Ann","family_name":"Lee","nickname":"annie","preferred_username":"Ann","picture":"https://a.example/p",
		"website":"https://a.example","birthdate":"1990-01-02","zoneinfo":"Europe/Berlin","locale":"de","updated_at":1772362800`
	for scope, want := range map[string]string{
		"openid":         `{"sub":"u-ann"}`,
		"openid email":   `{"sub":"u-ann","email":"ann@a.example","email_verified":true}`,
		"openid phone":   `{"sub":"u-ann","phone_number":"+49 1","phone_number_verified":false}`,
		"openid address": `{"sub":"u-ann","address":{"formatted":"Way 1\nTown"}}`,
		"openid profile": `{"sub":"u-ann",` + profile + `}`,
	} {
		info, err := h.UserInfo(t.Context(), h.got(h.redeeming("web", h.code("web", scoped(scope)))).AccessToken, nil)
		if err != nil || info.JWT {
			t.Errorf("%s: %v", scope, err)
			continue
		}
		checkJSON(t, scope, parse(t, info.Body), want)
	}
	h.user("u-ann", func(u *core.User) { u.Profile, u.UpdatedAt = core.Profile{}, time.Time{} })
	all := h.got(h.redeeming("web", h.code("web", scoped("openid profile email phone address")))).AccessToken
	info, err := h.UserInfo(t.Context(), all, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkJSON(t, "of somebody who told nothing", parse(t, info.Body), `{"sub":"u-ann","preferred_username":"Ann"}`)
	for _, alg := range []string{"ES256", "PS256"} {
		h.change("web", func(r *core.Registered) { r.Client.Metadata.UserinfoSignedResponseAlg = alg })
		if info, err = h.UserInfo(t.Context(), all, nil); err != nil || !info.JWT {
			t.Fatal(info.JWT, err)
		}
		checkJSON(t, "signed", h.claims(core.Secret(info.Body), "JWT", alg), fmt.Sprintf(`{"sub":"u-ann","iss":%q,"aud":"web","preferred_username":"Ann"}`, issuer))
	}
}

func scoped(scope string) func(*core.AuthorizationCode) {
	return func(a *core.AuthorizationCode) { a.Grant.Scope = strings.Fields(scope) }
}

// RFC 6750 §3.1.
func TestRefusedUserInfo(t *testing.T) {
	h := open(t)
	for what, c := range map[string]struct {
		bearer func() core.Secret
		wrong  core.Code
		says   string
	}{
		"nothing":                {func() core.Secret { return "" }, core.InvalidToken, "needed"},
		"an ID token":            {func() core.Secret { return h.got(h.redeeming("web", h.code("web"))).IDToken }, core.InvalidToken, "not one of ours"},
		"without openid":         {func() core.Secret { return h.got(h.redeeming("web", h.code("web", scoped("email")))).AccessToken }, core.InsufficientScope, "openid"},
		"of a client for itself": {func() core.Secret { return h.got(h.forItself("web")).AccessToken }, core.InsufficientScope, "openid"},
		"for another audience": {func() core.Secret {
			return h.got(h.redeeming("web", h.code("web", scoped("email"), func(a *core.AuthorizationCode) { a.Grant.Resources = []string{api} }))).AccessToken
		}, core.InvalidToken, "audience"},
		"revoked": {func() core.Secret {
			access := h.got(h.redeeming("web", h.code("web"))).AccessToken
			if err := h.Revoke(t.Context(), h.as("web", "token", access.Reveal())); err != nil {
				t.Error(err)
			}
			return access
		}, core.InvalidToken, "revoked"},
	} {
		_, err := h.UserInfo(t.Context(), c.bearer(), nil)
		h.checkRefusal(what, err, c.wrong, c.says)
	}
	access := h.got(h.redeeming("web", h.code("web"))).AccessToken
	h.user("u-ann", func(u *core.User) { u.Disabled = true })
	_, err := h.UserInfo(t.Context(), access, nil)
	h.checkRefusal("of somebody who was disabled", err, core.InvalidToken, "revoked")
}

// A store that cannot answer is our fault: nothing is refused for it, and nothing is let through.
func TestStoreFaults(t *testing.T) {
	h := open(t)
	answer := h.got(h.redeeming("web", h.code("web")))
	h.Endpoint = token.New(token.Parts{
		Authenticator: h.authenticator(), Clients: broken{}, People: broken{}, Grants: broken{}, Once: broken{}, Keys: h, Policy: h,
		Now: func() time.Time { return h.now }, Options: token.Options{Issuer: issuer},
	})
	for what, req := range map[string]token.Request{
		"code":    h.redeeming("web", "some code"),
		"refresh": h.refreshing("web", answer.RefreshToken),
	} {
		h.refused(what, req, core.ServerError, "")
	}
	_, err := h.Verify(t.Context(), answer.AccessToken)
	h.checkRefusal("verify", err, core.ServerError, "")
	for _, tok := range []core.Secret{answer.AccessToken, answer.RefreshToken} {
		_, err = h.Introspect(t.Context(), h.as("web", "token", tok.Reveal()))
		h.checkRefusal("introspect", err, core.ServerError, "")
		h.checkRefusal("revoke", h.Revoke(t.Context(), h.as("web", "token", tok.Reveal())), core.ServerError, "")
	}
}
