package token_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/token"
)

// A client acting for itself gets what it registered but what speaks of a person, and neither refresh nor ID token (RFC 6749 §4.4.3).
func TestClientCredentials(t *testing.T) {
	h := open(t)
	answer := h.got(h.forItself("web"))
	checkJSON(t, "access token", h.claims(answer.AccessToken, "at+jwt", "ES256"), fmt.Sprintf(`{"iss":%q,"sub":"web","aud":%q,
		"exp":%d,"iat":%d,"jti":"*","client_id":"web","scope":"read write","gen":7}`, issuer, issuer, start.Unix()+600, start.Unix()))
	if answer.RefreshToken != "" || answer.IDToken != "" || h.writes != 0 {
		t.Errorf("refresh token %t, ID token %t, %d writes", answer.RefreshToken != "", answer.IDToken != "", h.writes)
	}
	if q := h.asked; q.Subject != "web" || q.UserPresent || !slices.Equal(q.Scopes, []string{"read", "write"}) {
		t.Errorf("asked %+v", q)
	}
	if again := h.got(h.forItself("web", "scope", "write")); !slices.Equal(again.Scope, []string{"write"}) || again.AccessToken == answer.AccessToken {
		t.Errorf("narrowed to %v", again.Scope)
	}
	named := h.got(h.forItself("web", "scope", "openid offline_access")) // by name it may have them, and gets nothing by them
	if named.IDToken != "" || named.RefreshToken != "" || !slices.Equal(named.Scope, []string{"openid", "offline_access"}) {
		t.Errorf("scopes of a person: %+v", named.Scope)
	}
	if _, err := h.UserInfo(t.Context(), named.AccessToken, nil); core.CodeOf(err) != core.InsufficientScope {
		t.Errorf("userinfo of a client: %v", err)
	}
	h.client("bare", oauth.AuthClientSecretBasic, func(c *core.Client) { c.Metadata.Scope = []string{"openid"} })
	if bare := h.got(h.forItself("bare")); len(bare.Scope) != 0 {
		t.Errorf("scope %v", bare.Scope)
	}
}

func TestRefusedClientCredentials(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		what   string
		client core.ClientID
		change []string
		wrong  core.Code
		says   string
	}{
		{"a public client (RFC 6749 §4.4)", "spa", nil, core.UnauthorizedClient, "does not authenticate"},
		{"a scope not registered (RFC 6749 §3.3)", "web", []string{"scope", "delete"}, core.InvalidScope, "delete"},
		{"a scope of another case (RFC 6749 §3.3)", "web", []string{"scope", "Read"}, core.InvalidScope, "Read"},
		{"a malformed scope (RFC 6749 §3.3)", "web", []string{"scope", "re\"ad"}, core.InvalidScope, "position 3"},
		{"a resource that is not served (RFC 8707 §2)", "web", []string{"resource", "https://else.example"}, core.InvalidTarget, "for the resource"},
		{"a relative resource (RFC 8707 §2)", "web", []string{"resource", "/api"}, core.InvalidTarget, "absolute"},
		{"a resource with a fragment (RFC 8707 §2)", "web", []string{"resource", api + "#x"}, core.InvalidTarget, "fragment"},
		{"one of two is not served", "web", []string{"resource", api, "resource", "https://else.example"}, core.InvalidTarget, "else.example"},
	} {
		h.refused(c.what, h.forItself(c.client, c.change...), c.wrong, c.says)
	}
	many := []string{}
	for i := range 11 {
		many = append(many, "resource", fmt.Sprint(api, "/", i))
	}
	h.refused("too many resources", h.forItself("web", many...), core.InvalidTarget, "More than 10")
	wrong := h.forItself("web")
	wrong.Presented.Authorization = ""
	h.refused("no authentication (RFC 6749 §5.2)", wrong, core.InvalidClient, "No client authentication")
	h.change("web", func(r *core.Registered) { r.State = core.Disabled })
	h.refused("a disabled client (RFC 6749 §5.2)", h.forItself("web"), core.UnauthorizedClient, "disabled")
}

// Registering the operators' scopes is permission to ask, not to hold.
func TestOperatorScopes(t *testing.T) {
	h := open(t)
	asks := func(channel core.Channel) func(*core.Client) {
		return func(c *core.Client) {
			c.Provenance.Channel = channel
			c.Metadata.Scope = []string{"openid", "read", "admin.api", "dcr.register"}
		}
	}
	h.client("stranger", oauth.AuthClientSecretBasic, asks(core.ChannelDCR))
	h.client("operator", oauth.AuthClientSecretBasic, asks(core.ChannelOperator))
	if got := h.got(h.forItself("stranger")).Scope; !slices.Equal(got, []string{"read"}) {
		t.Errorf("a stranger holds %v", got)
	}
	for _, scope := range []string{"admin.api", "dcr.register"} {
		h.refused(scope, h.forItself("stranger", "scope", scope), core.InvalidScope, scope)
	}
	if got := h.got(h.forItself("operator")).Scope; !slices.Equal(got, []string{"read", "admin.api", "dcr.register"}) {
		t.Errorf("an operator's client holds %v", got)
	}
	all := func(a *core.AuthorizationCode) { a.Grant.Scope = []string{"openid", "admin.api", "dcr.register"} }
	if got := h.got(h.redeeming("stranger", h.code("stranger", all))).Scope; !slices.Equal(got, []string{"openid"}) {
		t.Errorf("for Ann, a stranger holds %v", got)
	}
	h.user("u-ann", func(u *core.User) { u.Admin = true })
	if got := h.got(h.redeeming("stranger", h.code("stranger", all))).Scope; !slices.Equal(got, []string{"openid", "admin.api"}) {
		t.Errorf("for an administrator, a stranger holds %v", got)
	}
}

// When no resource was named, scopes may say whom a token is for, as far as the client gets tokens for them.
func TestAudiencesOfScopes(t *testing.T) {
	h := open(t)
	h.client("shop", oauth.AuthClientSecretBasic, func(c *core.Client) { c.Metadata.Scope = append(c.Metadata.Scope, "orders", "stock", "old") })
	grants := func(scope string, resources ...string) func(*core.AuthorizationCode) {
		return func(a *core.AuthorizationCode) { a.Grant.Scope, a.Grant.Resources = strings.Fields(scope), resources }
	}
	for _, c := range []struct {
		scope     string
		resources []string
		ask       []string
		want      string
	}{
		{"orders", nil, nil, fmt.Sprintf("[%q,%q]", api, other)},
		{"orders", []string{other}, nil, fmt.Sprintf("%q", other)},
		{"orders", nil, []string{"resource", api}, fmt.Sprintf("%q", api)},
		{"openid stock orders", []string{api}, nil, fmt.Sprintf("[%q,%q]", api, issuer)},
		{"openid stock orders", nil, []string{"resource", other}, fmt.Sprintf("[%q,%q]", other, issuer)},
		{"openid stock old", nil, nil, fmt.Sprintf("[%q,%q]", other, issuer)},
		{"read stock", nil, nil, fmt.Sprintf("%q", other)},
		{"old", nil, nil, fmt.Sprintf("%q", issuer)},
		{"openid read", nil, nil, fmt.Sprintf("%q", issuer)},
	} {
		answer := h.got(h.redeeming("shop", h.code("shop", grants(c.scope, c.resources...)), c.ask...))
		if aud, _ := h.claims(answer.AccessToken, "at+jwt", "ES256").Get("aud"); aud.String() != c.want {
			t.Errorf("%s of %v, asked for %v: aud %s, want %s", c.scope, c.resources, c.ask, aud, c.want)
		}
	}
	for _, resource := range []string{api, issuer} {
		h.refused("not for the scope", h.redeeming("shop", h.code("shop", grants("stock")), "resource", resource), core.InvalidTarget, "not part of")
	}
	refresh := h.got(h.redeeming("shop", h.code("shop", grants("offline_access orders stock")), "resource", other)).RefreshToken
	less := h.got(h.refreshing("shop", refresh, "scope", "stock"))
	if aud, _ := h.claims(less.AccessToken, "at+jwt", "ES256").Get("aud"); aud.String() != fmt.Sprintf("%q", other) {
		t.Errorf("narrowed when refreshing: %s", aud)
	}
	if !slices.Equal(h.asked.Resources, []string{other}) {
		t.Errorf("policy was asked about %v", h.asked.Resources)
	}
	for what, req := range map[string]token.Request{
		"by a code": h.redeeming("shop", h.code("shop", grants("orders stock"))), "refreshing": h.refreshing("shop", refresh),
		"for itself": h.forItself("shop", "scope", "stock orders"), "for itself, all that it registered": h.forItself("shop"),
	} {
		h.refused(what, req, core.InvalidScope, "are for different resources: name one of these with resource")
	}
	if kept := h.got(h.forItself("shop", "resource", other)); len(kept.Scope) == 0 {
		t.Errorf("for itself, of one resource: %+v", kept)
	}
	own := h.got(h.forItself("shop", "scope", "stock"))
	if aud, _ := h.claims(own.AccessToken, "at+jwt", "ES256").Get("aud"); aud.String() != fmt.Sprintf("%q", other) {
		t.Errorf("for itself: %s", aud)
	}
}

// RFC 8707 §2.2 and RFC 9068 §3: whom a token is for.
func TestAudience(t *testing.T) {
	h := open(t)
	grants := func(scope, resources []string) func(*core.AuthorizationCode) {
		return func(a *core.AuthorizationCode) { a.Grant.Scope, a.Grant.Resources = scope, resources }
	}
	openid, read := []string{"openid", "read"}, []string{"read"}
	for _, c := range []struct {
		scope, resources []string
		ask              []string
		want             string
	}{
		{openid, nil, nil, fmt.Sprintf("%q", issuer)},
		{openid, nil, []string{"resource", issuer}, fmt.Sprintf("%q", issuer)},
		{openid, []string{api}, nil, fmt.Sprintf("[%q,%q]", api, issuer)},
		{read, []string{api}, nil, fmt.Sprintf("%q", api)},
		{read, []string{api, other}, nil, fmt.Sprintf("[%q,%q]", api, other)},
		{read, []string{api, other}, []string{"resource", other}, fmt.Sprintf("%q", other)},
		{read, []string{api, other}, []string{"resource", other, "resource", other}, fmt.Sprintf("%q", other)},
	} {
		answer := h.got(h.redeeming("web", h.code("web", grants(c.scope, c.resources)), c.ask...))
		if aud, _ := h.claims(answer.AccessToken, "at+jwt", "ES256").Get("aud"); aud.String() != c.want {
			t.Errorf("%v of %v, asked for %v: aud %s, want %s", c.scope, c.resources, c.ask, aud, c.want)
		}
	}
	h.refused("not served any more", h.redeeming("web", h.code("web", grants(read, []string{"https://old.example"}))), core.InvalidTarget, "old.example")
	refresh := h.got(h.redeeming("web", h.code("web", grants([]string{"offline_access"}, []string{api, other})))).RefreshToken
	if aud, _ := h.claims(h.got(h.refreshing("web", refresh, "resource", other)).AccessToken, "at+jwt", "ES256").Get("aud"); aud.String() != `"`+other+`"` {
		t.Errorf("narrowed when refreshing: %s", aud)
	}
	both := h.got(h.forItself("web", "resource", other, "resource", api)).AccessToken
	if aud, _ := h.claims(both, "at+jwt", "ES256").Get("aud"); aud.String() != fmt.Sprintf("[%q,%q]", api, other) {
		t.Errorf("aud %s", aud)
	}
}

// Policy may refuse, narrow and shorten. It cannot add.
func TestPolicyDecides(t *testing.T) {
	h := open(t)
	h.policy = func(q *decision.Token) (decision.TokenVerdict, error) {
		return decision.TokenVerdict{Allowed: true, Scopes: []string{"offline_access", "read", "admin.api"}, Lifetimes: decision.Lifetimes{
			AccessToken: time.Minute, RefreshToken: time.Hour,
		}}, nil
	}
	answer := h.got(h.redeeming("web", h.code("web")))
	if !slices.Equal(answer.Scope, []string{"offline_access", "read"}) || answer.ExpiresIn != time.Minute || answer.IDToken != "" {
		t.Errorf("%v for %v, ID token %t", answer.Scope, answer.ExpiresIn, answer.IDToken != "")
	}
	if kept := h.grants["g-1"].Grant; len(kept.Scope) != 2 || !kept.ExpiresAt.Equal(start.Add(time.Hour)) {
		t.Errorf("kept %v until %v", kept.Scope, kept.ExpiresAt)
	}
	h.policy = func(q *decision.Token) (decision.TokenVerdict, error) {
		return decision.TokenVerdict{Allowed: true, Scopes: q.Scopes, Lifetimes: decision.Lifetimes{AccessToken: 24 * time.Hour}}, nil
	}
	h.change("web", func(r *core.Registered) { r.Client.Governance.Limits = map[string]int64{decision.LimitAccessToken: 90} })
	if got := h.got(h.forItself("web")).ExpiresIn; got != 90*time.Second {
		t.Errorf("the registration's limit gives %v", got)
	}
	h.change("web", func(r *core.Registered) { r.Client.Governance.Limits = nil })
	if got := h.got(h.forItself("web")).ExpiresIn; got != 10*time.Minute {
		t.Errorf("policy lengthened it to %v", got)
	}
	h.policy = func(*decision.Token) (decision.TokenVerdict, error) {
		return decision.TokenVerdict{Code: core.AccessDenied, Scopes: []string{"read"}, Reasons: []core.Reason{
			{Rule: "hidden", Message: "internal", File: "x.rego"}, {Rule: "site.night", Code: core.AccessDenied, Message: "Not at night.", Public: true},
		}}, nil
	}
	_, err := h.Token(t.Context(), h.forItself("web"))
	h.checkRefusal("denied", err, core.AccessDenied, "Not at night.")
	if e := core.AsError(err); len(e.Reasons) != 1 || strings.Contains(fmt.Sprint(e), "internal") {
		t.Errorf("it tells %+v", e)
	}
	h.policy = func(*decision.Token) (decision.TokenVerdict, error) {
		return decision.TokenVerdict{}, core.Refuse(core.PolicyUnavailable, "no decision")
	}
	h.refused("no decision", h.forItself("web"), core.PolicyUnavailable, "no decision")
}

// Who gets a token uses their client, for as long as what hangs on it lives; who asks about one, too. Who is refused does not.
func TestUsedClients(t *testing.T) {
	h := open(t)
	h.got(h.forItself("web"))
	answer := h.got(h.redeeming("web", h.code("web")))
	if _, err := h.Introspect(t.Context(), h.with([]string{"token", answer.AccessToken.Reveal()}, "web", nil)); err != nil {
		t.Fatal(err)
	}
	if err := h.Revoke(t.Context(), h.with([]string{"token", "unknown"}, "spa", nil)); err != nil { // anybody can
		t.Fatal(err)
	}
	if _, err := h.Token(t.Context(), h.forItself("web", "scope", "delete")); err == nil {
		t.Fatal("it was not refused")
	}
	wrong := h.forItself("web")
	wrong.Presented.Authorization = "Basic d2ViOndyb25n"
	if _, err := h.Token(t.Context(), wrong); err == nil {
		t.Fatal("it was not refused")
	}
	if want := []string{"web 10m0s", "web 720h0m0s", "web " + time.Time{}.Sub(h.now).String()}; !slices.Equal(h.used, want) {
		t.Errorf("used: %q, want %q", h.used, want)
	}
}
