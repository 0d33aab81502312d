package authorize_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
)

// twice gives a good request with a parameter sent once more.
func twice(name, value string) oauth.Params {
	params := request()
	params[name] = append(params[name], value)
	return params
}

// Until client and redirect_uri hold, nothing is sent anywhere (RFC 6749 §4.1.2.1).
func TestRefusedOnAPage(t *testing.T) {
	h := open(t)
	h.add("pending", func(*core.Client) {})
	h.clients["pending"] = core.Registered{Client: h.clients["pending"].Client, State: core.Pending}
	h.add("disabled", func(*core.Client) {})
	h.clients["disabled"] = core.Registered{Client: h.clients["disabled"].Client, State: core.Disabled}
	h.add("expired", func(c *core.Client) { c.Expires = h.now })
	h.add("two", func(c *core.Client) { c.Metadata.RedirectURIs = []string{callback, "https://shop.example/other"} })
	for _, test := range []struct {
		name   string
		params oauth.Params
		code   core.Code
		says   string
	}{
		{"no client_id, RFC 6749 4.1.1", request("client_id", ""), core.InvalidRequest, "client_id is missing"},
		{"two client_id, RFC 6749 3.1", twice("client_id", "shop"), core.InvalidRequest, "client_id was sent twice"},
		{"unknown client", request("client_id", "nobody"), core.InvalidRequest, "not registered here"},
		{"expired client", request("client_id", "expired"), core.InvalidRequest, "not registered here"},
		{"pending client", request("client_id", "pending"), core.UnauthorizedClient, "waiting for approval"},
		{"disabled client", request("client_id", "disabled"), core.UnauthorizedClient, "disabled"},
		{"no redirect_uri of two, RFC 6749 3.1.2.3", request("client_id", "two", "redirect_uri", ""), core.InvalidRequest, "redirect_uri is missing"},
		{"two redirect_uri, RFC 6749 3.1", twice("redirect_uri", callback), core.InvalidRequest, "redirect_uri was sent twice"},
		{"the second redirect_uri is evil", twice("redirect_uri", "https://evil.example/"), core.InvalidRequest, "redirect_uri was sent twice"},
		{"unknown pushed request, RFC 9126 2.2", oauth.Params{"client_id": {"shop"}, "request_uri": {"urn:ietf:params:oauth:request_uri:x"}}, core.InvalidRequestURI, "unknown"},
		{"pushed request without client_id, RFC 9126 4", oauth.Params{"request_uri": {"urn:ietf:params:oauth:request_uri:x"}}, core.InvalidRequest, "needs client_id"},
	} {
		_, err := h.Authorize(t.Context(), h.tab().visit(test.params))
		if core.CodeOf(err) != test.code || err != nil && !strings.Contains(core.AsError(err).Detail, test.says) {
			t.Errorf("%s: %v, want %s with %q", test.name, err, test.code, test.says)
		}
	}
}

// Near misses of a redirect URI (RFC 9700 §2.1): none is forgiven.
func TestNearMissRedirects(t *testing.T) {
	h := open(t)
	h.add("local", func(c *core.Client) {
		c.Metadata.RedirectURIs = []string{"http://127.0.0.1/cb", "http://localhost/cb", "https://exact.example/cb", "com.example.app:/cb"}
	})
	for _, uri := range []string{
		"https://exact.example/cb/", "https://exact.example/cb?", "https://exact.example/cb?x=1", "https://exact.example/cb#", "https://exact.example/cb#x",
		"https://exact.example/CB", "https://EXACT.example/cb", "HTTPS://exact.example/cb", "http://exact.example/cb", "https://exact.example:443/cb",
		"https://exact.example./cb", "https://exact.example/%63b", "https://exact.example/./cb", "https://exact.example/x/../cb", "https://exact.example//cb",
		"https://exact.example\\/cb", "https://user@exact.example/cb", "https://exact.example@evil.example/cb", "https://exact.example.evil.example/cb",
		"https://evil.example/exact.example/cb", "https://exact.example/cb;x", " https://exact.example/cb", "https://exact.example/cb ", "https://exact.example/cb%00",
		"//exact.example/cb", "/cb", "cb", "*", "https://*.example/cb", "http://127.0.0.1/other", "http://127.0.0.1:99999/cb", "http://127.0.0.1:80@evil.example/cb",
		"http://127.0.0.2/cb", "http://[::1]/cb", "https://127.0.0.1/cb", "http://localhost.evil.example/cb", "http://localhost:0/cb", "com.example.app://cb",
		"com.example.App:/cb", "javascript:alert(1)", "https://exact.example/cb\n", "https://exact.example/cb,https://evil.example/",
	} {
		a, err := h.Authorize(t.Context(), h.tab().visit(request("client_id", "local", "redirect_uri", uri)))
		if err == nil || !strings.Contains(core.AsError(err).Detail, "not registered") {
			t.Errorf("%q: %+v, %v", uri, a, err)
		}
	}
	for _, uri := range []string{"http://127.0.0.1:51234/cb", "http://localhost:8/cb", "https://exact.example/cb", "com.example.app:/cb"} {
		if a := h.tab().ask(request("client_id", "local", "redirect_uri", uri)); a.Show != authorize.ShowLogin || a.RedirectURI != uri {
			t.Errorf("%q: %+v", uri, a)
		}
	}
}

// What is wrong after that is sent back, with state and issuer (RFC 6749 §4.1.2.1, RFC 9207 §2).
func TestRefusedAndSentBack(t *testing.T) {
	h := open(t)
	h.add("silent", func(c *core.Client) { c.Metadata.ResponseTypes = nil })
	h.add("machine", func(c *core.Client) { c.Metadata.GrantTypes = []string{"client_credentials"} })
	h.add("pushing", func(c *core.Client) { must := true; c.Metadata.RequirePAR = &must })
	h.add("fapi", func(c *core.Client) { c.Provenance.Profile = "fapi2" })
	h.add("obliged", func(c *core.Client) { c.Governance.Obligations = []core.Obligation{{Name: "pkce_s256"}} })
	none := func(changes ...string) oauth.Params {
		return request(append([]string{"code_challenge", "", "code_challenge_method", ""}, changes...)...)
	}
	long := strings.Repeat("x", 5000)
	for _, test := range []struct {
		name   string
		params oauth.Params
		code   core.Code
	}{
		{"response_mode fragment", request("response_mode", "fragment"), core.InvalidRequest},
		{"response_mode web_message", request("response_mode", "web_message"), core.InvalidRequest},
		{"no response_type, RFC 6749 4.1.1", request("response_type", ""), core.InvalidRequest},
		{"implicit", request("response_type", "token"), core.UnsupportedResponseType},
		{"hybrid", request("response_type", "code id_token"), core.UnsupportedResponseType},
		{"response_type none", request("response_type", "none"), core.UnsupportedResponseType},
		{"response_type in capitals", request("response_type", "CODE"), core.UnsupportedResponseType},
		{"response_type code code", request("response_type", "code code"), core.UnsupportedResponseType},
		{"response type not registered", request("client_id", "silent"), core.UnauthorizedClient},
		{"grant type not registered", request("client_id", "machine"), core.UnauthorizedClient},
		{"scope twice, RFC 6749 3.1", twice("scope", "openid"), core.InvalidRequest},
		{"code_challenge twice", twice("code_challenge", challenge), core.InvalidRequest},
		{"response_type twice", twice("response_type", "code"), core.InvalidRequest},
		{"nonce twice", twice("nonce", "n2"), core.InvalidRequest},
		{"an unknown parameter twice", func() oauth.Params { p := request(); p["x"] = []string{"1", "2"}; return p }(), core.InvalidRequest},
		{"request object, OpenID Connect Core 6.1", request("request", "e30.e30."), core.RequestNotSupported},
		{"request_uri elsewhere, OpenID Connect Core 6.2", request("request_uri", "https://evil.example/r"), core.InvalidRequestURI},
		{"request_uri that looks like ours", request("request_uri", "urn:ietf:params:oauth:request-uri:x"), core.InvalidRequestURI},
		{"registration, OpenID Connect Core 7.2.1", request("registration", "{}"), core.RegistrationNotSupported},
		{"authorization_details, RFC 9396 5", request("authorization_details", `[{"type":"payment_initiation"}]`), core.InvalidAuthzDetails},
		{"scope not registered", request("scope", "openid admin.api"), core.InvalidScope},
		{"scope in capitals", request("scope", "OpenID"), core.InvalidScope},
		{"scope with a quote, RFC 6749 3.3", request("scope", `openid "`), core.InvalidScope},
		{"openid without redirect_uri, OpenID Connect Core 3.1.2.1", request("redirect_uri", ""), core.InvalidRequest},
		{"not pushed, RFC 9126 6", request("client_id", "pushing"), core.InvalidRequest},
		{"no challenge, public", none("client_id", "public"), core.InvalidRequest},
		{"no challenge, fapi2", none("client_id", "fapi"), core.InvalidRequest},
		{"no challenge, obliged", none("client_id", "obliged"), core.InvalidRequest},
		{"no challenge and no nonce", none("nonce", ""), core.InvalidRequest},
		{"no challenge, not OpenID", none("scope", "email"), core.InvalidRequest},
		{"method without challenge", request("code_challenge", ""), core.InvalidRequest},
		{"challenge without method means plain, RFC 7636 4.3", request("code_challenge_method", ""), core.InvalidRequest},
		{"plain", request("code_challenge_method", "plain"), core.InvalidRequest},
		{"s256 in small letters", request("code_challenge_method", "s256"), core.InvalidRequest},
		{"short challenge", request("code_challenge", challenge[:42]), core.InvalidRequest},
		{"long challenge", request("code_challenge", challenge+"A"), core.InvalidRequest},
		{"padded challenge", request("code_challenge", challenge[:42]+"="), core.InvalidRequest},
		{"prompt=none and login", request("prompt", "none login"), core.InvalidRequest},
		{"prompt=create", request("prompt", "create"), core.InvalidRequest},
		{"max_age -1", request("max_age", "-1"), core.InvalidRequest},
		{"max_age 1.5", request("max_age", "1.5"), core.InvalidRequest},
		{"max_age beyond all", request("max_age", "99999999999999999999"), core.InvalidRequest},
		{"nonce too long", request("nonce", strings.Repeat("n", 1025)), core.InvalidRequest},
		{"login_hint too long", request("login_hint", strings.Repeat("l", 257)), core.InvalidRequest},
		{"all together too long", request("ui_locales", long, "claims", long), core.InvalidRequest},
		{"resource with fragment, RFC 8707 2", request("resource", "https://api.example/#x"), core.InvalidTarget},
		{"resource relative, RFC 8707 2", request("resource", "/api"), core.InvalidTarget},
		{"resource unknown", request("resource", "https://other.example/"), core.InvalidTarget},
		{"one resource of two unknown", twice("resource", "https://other.example/"), core.InvalidTarget},
		{"id_token_hint that is encrypted", request("id_token_hint", "e30.a.b.c.d"), core.InvalidRequest},
		{"id_token_hint that is none", request("id_token_hint", "x.y.z"), core.InvalidRequest},
	} {
		b := h.tab()
		b.cookie = h.signIn("ann")
		a := b.ask(test.params)
		if b.refused(a, test.code); b.sent(a).Get("error_description") == "" {
			t.Errorf("%s: no description", test.name)
		}
		if t.Failed() {
			t.Fatalf("%s", test.name)
		}
	}
	if len(h.issued) > 0 || len(h.asked) > 0 {
		t.Errorf("%d codes, %d questions to policy", len(h.issued), len(h.asked))
	}
}

// Scopes of several APIs are refused before anybody is asked for them, unless one of the APIs is named (RFC 9068 §3).
func TestScopesOfSeveralResources(t *testing.T) {
	h := open(t)
	h.add("shop", func(c *core.Client) { c.Metadata.Scope = []string{"openid", "orders", "stock"} })
	for _, test := range []struct {
		scope, resource string
		code            core.Code
	}{
		{"openid orders", "", ""}, {"openid stock", "", ""}, {"openid orders stock", "https://api.example/stock", ""},
		{"openid orders stock", "", core.InvalidScope}, {"orders stock", "", core.InvalidScope},
	} {
		b := h.tab()
		b.cookie = h.signIn("ann")
		params := request("scope", test.scope)
		if test.resource != "" {
			params = request("scope", test.scope, "resource", test.resource)
		}
		a := b.ask(params)
		if test.code == "" {
			if a.Show != authorize.ShowConsent {
				t.Errorf("%+v: %+v", test, a)
			}
			continue
		}
		if b.refused(a, test.code); !strings.Contains(b.sent(a).Get("error_description"), "The scopes orders and stock are for different resources") {
			t.Errorf("%+v: %+v", test, a)
		}
	}
}

// A state that cannot be told, or is too long, is not sent back.
func TestStateNotSentBack(t *testing.T) {
	h := open(t)
	for name, params := range map[string]oauth.Params{"twice": twice("state", "other"), "long": request("state", strings.Repeat("s", 4097))} {
		b := h.tab()
		if q := b.sent(b.ask(params)); q.Get("error") != string(core.InvalidRequest) || q.Has("state") {
			t.Errorf("%s: %v", name, q)
		}
	}
}

// Parameters that mean nothing here are ignored (RFC 6749 §3.1, OpenID Connect Core §5.5 for claims that are not supported).
func TestIgnored(t *testing.T) {
	b := open(t).tab()
	a := b.ask(request("claims", "{not json", "display", "popup", "ui_locales", "de", "acr_values", "9", "claims_locales", "x", "unknown", "1", "state", ""))
	if a.Show != authorize.ShowLogin {
		t.Errorf("%+v", a)
	}
}

// Who brings along too many clients is held up with new requests, not with those that were here before.
func TestAdmission(t *testing.T) {
	b := open(t).tab()
	v := b.visit(request())
	v.Caller.IP = crowd
	if _, err := b.Authorize(t.Context(), v); core.CodeOf(err) != core.TooManyRequests {
		t.Errorf("a new request: %v", err)
	}
	before := b.ask(request())
	v = b.visit(oauth.Params{"flow": {before.Flow}})
	v.Caller.IP = crowd
	if a, err := b.Authorize(t.Context(), v); err != nil || a.Show != authorize.ShowLogin {
		t.Errorf("one that was here before: %+v, %v", a, err)
	}
}

// What a client that only a document describes is refused goes nowhere by itself before the person said a word (RFC 9700 §4.11.2).
func TestRefusedAsideOfADocument(t *testing.T) {
	const id = "https://client.example/oauth/client.json"
	h := open(t)
	h.add(id, func(c *core.Client) {
		c.Metadata.RedirectURIs = []string{callback, "http://127.0.0.1/cb"}
		c.Metadata.TokenEndpointAuthMethod = "none"
	})
	for _, prompt := range []string{"", "none"} {
		a := h.tab().ask(request("client_id", id, "scope", "admin.api", "prompt", prompt))
		if a.Aside == nil || a.Aside.Code != core.InvalidScope || a.Client.ID != id || a.RedirectURI != callback || !strings.Contains(a.To, "error=invalid_scope") {
			t.Errorf("prompt=%s: %+v", prompt, a)
		}
	}
	if a := h.tab().ask(request("client_id", id, "prompt", "none")); a.Aside == nil || a.Aside.Code != core.LoginRequired {
		t.Errorf("%+v", a)
	}
	if a := h.tab().ask(request("client_id", id, "scope", "admin.api", "redirect_uri", "http://127.0.0.1:7/cb")); a.Aside != nil || a.Show != authorize.Redirect {
		t.Errorf("a program of the person's own: %+v", a)
	}
	if a := h.tab().ask(request("scope", "admin.api")); a.Aside != nil || a.Show != authorize.Redirect {
		t.Errorf("a registered client: %+v", a)
	}
	h.unusable = core.Refuse(core.InvalidClient, "The client cannot be used here.")
	if _, err := h.Authorize(t.Context(), h.tab().visit(request("client_id", id))); core.CodeOf(err) != core.InvalidRequest {
		t.Error(err)
	}
}
