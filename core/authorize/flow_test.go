package authorize_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
)

// From the first request through login and consent to the code.
func TestTheWholeRoad(t *testing.T) {
	h := open(t)
	b := h.tab()
	a := b.ask(request("resource", "https://api.example/v1", "login_hint", "ann@shop"))
	if a.Show != authorize.ShowLogin || a.LoginHint != "ann@shop" || a.Client.ID != "shop" || a.RedirectURI != callback {
		t.Fatalf("%+v, want the login page", a)
	}
	if strings.Contains(a.Flow, "shop") {
		t.Error("the flow can be read")
	}
	v := b.visit(nil)
	v.Flow = a.Flow
	h.must(h.MaySignIn(authorize.SignIn{Visit: v, Token: a.Token}))
	h.now = h.now.Add(10 * time.Second)
	b.cookie = h.signIn("ann")
	a = b.back(a)
	if a.Show != authorize.ShowConsent || a.User.Username != "ann" || !slices.Equal(a.Scope, []string{"openid", "email"}) || !slices.Equal(a.Resources, []string{"https://api.example/v1"}) {
		t.Fatalf("%+v, want the consent page", a)
	}
	code := b.code(b.allow(a))
	session := h.sessions[b.cookie]
	g := code.Grant
	switch {
	case g.ID == "" || g.Client != "shop" || g.ClientGeneration != 7 || g.Subject != "ann" || g.UserGeneration != 3 || g.Session != session.ID:
		t.Errorf("grant %+v", g)
	case !slices.Equal(g.Scope, a.Scope) || !slices.Equal(g.Resources, a.Resources) || !g.AuthTime.Equal(session.AuthTime) || !slices.Equal(g.Methods, session.Methods):
		t.Errorf("grant %+v", g)
	case code.RedirectURI != callback || !code.RedirectSet || code.Challenge != challenge || code.Nonce != "n1" || !code.ExpiresAt.Equal(h.now.Add(time.Minute)):
		t.Errorf("code %+v", code)
	}
	b.code(b.ask(request("resource", "https://api.example/v1"))) // the second time nothing is asked
	last := h.asked[len(h.asked)-1]
	if !last.UserPresent || last.Subject != "ann" || last.Client.ClientID != "shop" || !last.Challenge || last.PAR || last.RequestID != "r1" || last.ResponseMode != "query" {
		t.Errorf("policy was asked %+v", last)
	}
	if first := h.asked[0]; first.UserPresent {
		t.Error("policy was told of a user before anybody signed in")
	}
}

func TestFormPost(t *testing.T) {
	b := open(t).tab()
	b.cookie = b.signIn("ann")
	a := b.allow(b.ask(request("response_mode", "form_post")))
	if a.Show != authorize.Post || a.To != callback || !a.Fields.Has("code") || a.Fields.Get("state") != "s&t" || a.Fields.Get("iss") != issuer {
		t.Errorf("%+v", a)
	}
	a = b.ask(request("response_mode", "form_post", "scope", "nope"))
	if a.Show != authorize.Post || a.Fields.Get("error") != string(core.InvalidScope) || a.Fields.Get("state") != "s&t" || a.Fields.Get("iss") != issuer {
		t.Errorf("%+v", a)
	}
	b.add("app", func(c *core.Client) { c.Metadata.RedirectURIs = []string{"com.example.app:/cb"} })
	a = b.ask(request("client_id", "app", "redirect_uri", "com.example.app:/cb", "response_mode", "form_post"))
	if a.Show != authorize.Redirect || !strings.HasPrefix(a.To, "com.example.app:/cb?error=invalid_request") {
		t.Errorf("form_post to an app: %+v", a)
	}
}

// Without scope the request is for all that is registered; without redirect_uri it goes to the only one.
func TestDefaults(t *testing.T) {
	b := open(t).tab()
	b.cookie = b.signIn("ann")
	code := b.code(b.allow(b.ask(request("scope", "", "redirect_uri", ""))))
	if !slices.Equal(code.Grant.Scope, []string{"openid", "profile", "email"}) || code.RedirectSet || code.RedirectURI != callback {
		t.Errorf("%+v", code)
	}
	age := int64(60)
	b.add("strict", func(c *core.Client) { c.Metadata.DefaultMaxAge = &age })
	b.now = b.now.Add(time.Hour)
	if a := b.ask(request("client_id", "strict")); a.Show != authorize.ShowLogin {
		t.Errorf("default_max_age: %+v", a)
	}
	if a := b.ask(request("client_id", "strict", "max_age", "7200")); a.Show != authorize.ShowConsent {
		t.Errorf("max_age before default_max_age: %+v", a)
	}
}

// prompt=none shows no page (OpenID Connect Core §3.1.2.1).
func TestPromptNone(t *testing.T) {
	b := open(t).tab()
	none := request("prompt", "none")
	b.refused(b.ask(none), core.LoginRequired)
	b.cookie = b.signIn("ann")
	b.refused(b.ask(none), core.ConsentRequired)
	b.code(b.allow(b.ask(request())))
	b.code(b.ask(none))
	b.refused(b.ask(request("prompt", "none", "scope", "openid email profile")), core.ConsentRequired)
	b.refused(b.ask(request("prompt", "none", "max_age", "0")), core.LoginRequired)
	b.now = b.now.Add(time.Minute)
	b.refused(b.ask(request("prompt", "none", "max_age", "59")), core.LoginRequired)
	b.code(b.ask(request("prompt", "none", "max_age", "60")))
	b.code(b.ask(request("prompt", "none", "id_token_hint", b.idToken("JWT", nil))))
	b.refused(b.ask(request("prompt", "none", "id_token_hint", b.idToken("JWT", map[string]any{"sub": "bob"}))), core.LoginRequired)
}

// A sign-in counts for prompt=login and max_age=0 only when it came after the request, in another session.
func TestSignInAgain(t *testing.T) {
	for _, params := range []oauth.Params{request("prompt", "login"), request("max_age", "0"), request("prompt", "select_account")} {
		b := open(t).tab()
		earlier := b.signIn("ann")
		b.now = b.now.Add(time.Minute)
		b.cookie = b.signIn("ann")
		b.code(b.allow(b.ask(request())))
		a := b.ask(params)
		if a.Show != authorize.ShowLogin || a.User.Subject != "ann" {
			t.Fatalf("%v: %+v", params["prompt"], a)
		}
		if again := b.back(a); again.Show != authorize.ShowLogin {
			t.Errorf("%v: the old session satisfied it, within the same second", params["prompt"])
		}
		now := b.cookie
		b.cookie = earlier
		if again := b.back(a); again.Show != authorize.ShowLogin {
			t.Errorf("%v: an earlier session satisfied it", params["prompt"])
		}
		b.cookie = now
		b.cookie = b.signIn("ann") // in the same second, but another session
		b.code(b.back(a))
		if a = b.ask(params); a.Show != authorize.ShowLogin {
			t.Errorf("%v: satisfied for a second request", params["prompt"])
		}
	}
}

// Who proves again to be the same person stays in the session, under a new cookie: that is a sign-in too.
func TestSignInAgainInTheSameSession(t *testing.T) {
	for _, params := range []oauth.Params{request("prompt", "login"), request("max_age", "0"), request("prompt", "select_account")} {
		b := open(t).tab()
		b.cookie = b.signIn("ann")
		b.code(b.allow(b.ask(request())))
		a := b.ask(params)
		session := b.sessions[b.cookie]
		b.cookie = b.signIn("ann")
		again := b.sessions[b.cookie]
		again.ID = session.ID
		b.sessions[b.cookie] = again
		if code := b.code(b.back(a)); code.Grant.Session != session.ID {
			t.Errorf("%v: %+v", params["prompt"], code.Grant)
		}
	}
}

// Who was hinted at must be who signs in.
func TestHintedSubject(t *testing.T) {
	b := open(t).tab()
	b.cookie = b.signIn("ann")
	a := b.ask(request("id_token_hint", b.idToken("JWT", map[string]any{"sub": "bob"})))
	if a.Show != authorize.ShowLogin {
		t.Fatalf("%+v", a)
	}
	b.now = b.now.Add(time.Second)
	b.cookie = b.signIn("ann")
	b.refused(b.back(a), core.LoginRequired)
	b.cookie = b.signIn("bob")
	if a = b.back(a); a.Show != authorize.ShowConsent || a.User.Subject != "bob" {
		t.Errorf("%+v", a)
	}
	for name, token := range map[string]string{
		"access token":   b.idToken("at+jwt", nil),
		"other issuer":   b.idToken("JWT", map[string]any{"iss": "https://evil.example"}),
		"other client's": b.idToken("JWT", map[string]any{"aud": []string{"x"}}),
		"no subject":     b.idToken("JWT", map[string]any{"sub": ""}),
	} {
		if q := b.sent(b.ask(request("id_token_hint", token))); q.Get("error") != string(core.InvalidRequest) {
			t.Errorf("%s as id_token_hint: %v", name, q)
		}
	}
}

// Policy denies, strips, wants a newer sign-in, always asks; a fault of it is no answer to the client.
func TestPolicyDecides(t *testing.T) {
	h := open(t)
	b := h.tab()
	b.cookie = h.signIn("ann")
	answers := func(v decision.AuthorizationVerdict) {
		h.policy = func(*decision.Authorization) (decision.AuthorizationVerdict, error) { return v, nil }
	}
	answers(decision.AuthorizationVerdict{Allowed: true, Scopes: []string{"openid"}})
	a := b.ask(request())
	if code := b.code(b.allow(a)); !slices.Equal(code.Grant.Scope, []string{"openid"}) {
		t.Errorf("scope %v", code.Grant.Scope)
	}
	answers(decision.AuthorizationVerdict{Allowed: true, Scopes: []string{"openid"}, Consent: true})
	if a = b.ask(request()); a.Show != authorize.ShowConsent {
		t.Errorf("always: %+v", a)
	}
	b.code(b.allow(a))
	a = b.ask(request())
	answers(decision.AuthorizationVerdict{Allowed: true, Scopes: []string{"openid", "profile"}})
	if a = b.allow(a); a.Show != authorize.ShowConsent {
		t.Errorf("more was issued than the page had shown: %+v", a)
	}
	answers(decision.AuthorizationVerdict{Code: core.InvalidTarget, Reasons: []core.Reason{{Message: "secret"}, {Message: "Not at night.", Public: true}}})
	if a = b.ask(request()); b.sent(a).Get("error_description") != "Not at night." {
		t.Errorf("%+v", a)
	}
	b.refused(a, core.InvalidTarget)
	answers(decision.AuthorizationVerdict{})
	b.refused(b.ask(request()), core.AccessDenied)
	h.now = h.now.Add(time.Hour)
	limit := time.Minute
	answers(decision.AuthorizationVerdict{Allowed: true, Scopes: []string{"openid"}, MaxAge: &limit})
	if a = b.ask(request()); a.Show != authorize.ShowLogin {
		t.Fatalf("step-up: %+v", a)
	}
	b.cookie = h.signIn("ann")
	b.code(b.back(a))
	fault := errors.New("down")
	h.policy = func(*decision.Authorization) (decision.AuthorizationVerdict, error) {
		return decision.AuthorizationVerdict{Allowed: true}, fault
	}
	if _, err := h.Authorize(t.Context(), b.visit(request())); !errors.Is(err, fault) {
		t.Errorf("fault: %v", err)
	}
}

// Somebody whose sign-in does not count is not told to policy as present.
func TestPolicyOfWhoMustSignIn(t *testing.T) {
	h := open(t)
	b := h.tab()
	b.cookie = h.signIn("ann")
	h.policy = func(q *decision.Authorization) (decision.AuthorizationVerdict, error) {
		return decision.AuthorizationVerdict{Allowed: q.Subject != "ann", Scopes: q.Scopes}, nil
	}
	b.refused(b.ask(request()), core.AccessDenied)
	if a := b.ask(request("prompt", "select_account")); a.Show != authorize.ShowLogin {
		t.Errorf("who may not, cannot change to who may: %+v", a)
	}
}

// Consent is remembered for what was shown, until a generation passes.
func TestConsentIsRemembered(t *testing.T) {
	h := open(t)
	b := h.tab()
	b.cookie = h.signIn("ann")
	b.code(b.allow(b.ask(request())))
	b.code(b.ask(request("scope", "email")))
	shows := func(what string, params oauth.Params) authorize.Answer {
		t.Helper()
		a := b.ask(params)
		if a.Show != authorize.ShowConsent {
			t.Fatalf("%s: %+v", what, a)
		}
		return a
	}
	shows("prompt=consent", request("prompt", "consent"))
	shows("new resource", request("resource", "https://api.example/"))
	b.code(b.allow(shows("new scope", request("scope", "openid profile"))))
	b.code(b.ask(request("scope", "openid profile email"))) // both together
	client := h.clients["shop"]
	client.Client.Generation++
	h.clients["shop"] = client
	b.code(b.allow(shows("the client's generation", request("scope", "openid"))))
	shows("what was allowed under the old generation", request("scope", "openid profile"))
	ann := h.users["ann"]
	ann.Generation++
	h.users["ann"] = ann
	shows("the user's generation", request("scope", "openid"))
	b.cookie = h.signIn("bob")
	shows("another person", request("scope", "openid"))
}

// Where policy wants the person to be asked every time, nothing is remembered, and what was remembered before does not count.
func TestConsentAlways(t *testing.T) {
	b := open(t).tab()
	b.cookie = b.signIn("ann")
	b.code(b.allow(b.ask(request())))
	given := b.consents["ann shop"]
	b.add("shop", func(c *core.Client) {
		c.Governance.Obligations = []core.Obligation{{Name: "consent_always", Rule: "r"}}
	})
	for range 2 {
		b.refused(b.ask(request("prompt", "none")), core.ConsentRequired)
		b.code(b.allow(b.ask(request())))
	}
	if now := b.consents["ann shop"]; !now.GivenAt.Equal(given.GivenAt) || len(b.consents) != 1 {
		t.Errorf("remembered %+v", b.consents)
	}
	b.now = b.now.Add(time.Second)
	b.code(b.allow(b.ask(request("scope", "profile"))))
	if now := b.consents["ann shop"]; !now.GivenAt.Equal(given.GivenAt) {
		t.Errorf("remembered %+v", now)
	}
}

// Any program on the device could be a native client that proves nothing: its codes never come without a question (RFC 8252 §8.6).
func TestConsentOfImitableClients(t *testing.T) {
	for uri, silent := range map[string]bool{
		"http://127.0.0.1/cb": false, "http://[::1]:8976/cb": false, "http://localhost:7777/cb": false, "com.example.app:/cb": false,
		"https://app.example/cb": true, "https://localhost/cb": true,
	} {
		for _, method := range []string{"none", "client_secret_basic"} {
			b := open(t).tab()
			b.cookie = b.signIn("ann")
			b.add("app", func(c *core.Client) {
				c.Metadata.TokenEndpointAuthMethod, c.Metadata.RedirectURIs = method, []string{uri}
			})
			ask := func(prompt string) authorize.Answer {
				return b.ask(request("client_id", "app", "redirect_uri", uri, "prompt", prompt))
			}
			if a := b.allow(ask("")); !strings.HasPrefix(a.To, uri+"?code=") {
				t.Errorf("%s, %s: the person allowed it: %+v", uri, method, a)
			}
			_, remembered := b.consents["ann app"]
			if open := silent || method != "none"; remembered != open || strings.Contains(ask("none").To, "error=consent_required") == open ||
				(ask("").Show == authorize.ShowConsent) == open {
				t.Errorf("%s, %s: remembered %t; prompt=none %+v; again %+v", uri, method, remembered, ask("none"), ask(""))
			}
		}
	}
}

func TestDeny(t *testing.T) {
	b := open(t).tab()
	b.cookie = b.signIn("ann")
	a, err := b.decide(b.ask(request()), false)
	b.must(err)
	b.refused(a, core.AccessDenied)
	if len(b.issued)+len(b.consents) > 0 {
		t.Error("something was written")
	}
}

// A form without its token, or with that of another form, session or browser, does nothing.
func TestForeignForms(t *testing.T) {
	h := open(t)
	mine, theirs := h.tab(), h.tab()
	mine.cookie, theirs.cookie = h.signIn("ann"), h.signIn("bob")
	a, other := mine.ask(request()), theirs.ask(request())
	more := a
	more.Shown = oauth.Params{"scope": {"openid", "email", "profile"}}.Encode()
	swap := func(change func(*authorize.Decision)) authorize.Decision {
		v := mine.visit(nil)
		v.Flow = a.Flow
		d := authorize.Decision{Visit: v, Allow: true, Token: a.Token, Shown: a.Shown}
		change(&d)
		return d
	}
	for name, d := range map[string]authorize.Decision{
		"no token":                  swap(func(d *authorize.Decision) { d.Token = "" }),
		"another form's token":      swap(func(d *authorize.Decision) { d.Token = h.forms.Token(mine.browser, "login", a.Flow) }),
		"another browser's token":   swap(func(d *authorize.Decision) { d.Token = other.Token }),
		"another browser's form":    swap(func(d *authorize.Decision) { d.Token, d.Flow, d.Shown = other.Token, other.Flow, other.Shown }),
		"no browser cookie":         swap(func(d *authorize.Decision) { d.Browser = "" }),
		"another browser's cookie":  swap(func(d *authorize.Decision) { d.Browser = theirs.browser }),
		"another session":           swap(func(d *authorize.Decision) { d.Cookie = theirs.cookie }),
		"more than was shown":       swap(func(d *authorize.Decision) { d.Shown = more.Shown }),
		"a flow that nobody sealed": swap(func(d *authorize.Decision) { d.Flow = "AAAA" }),
	} {
		if _, err := h.Decide(t.Context(), d); core.CodeOf(err) != core.AccessDenied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(h.issued) > 0 {
		t.Error("a code was issued")
	}
	login := h.tab().ask(request())
	for name, v := range map[string]authorize.SignIn{
		"no token":        {Visit: authorize.Visit{Browser: mine.browser, Flow: a.Flow}},
		"another browser": {Visit: authorize.Visit{Browser: mine.browser, Flow: login.Flow}, Token: login.Token},
		"no flow":         {Visit: authorize.Visit{Browser: mine.browser}, Token: login.Token},
	} {
		if err := h.MaySignIn(v); core.CodeOf(err) != core.AccessDenied {
			t.Errorf("login form, %s: %v", name, err)
		}
	}
}

// A flow belongs to one browser and one kind of page, and ends after an hour.
func TestFlowsOfOthers(t *testing.T) {
	h := open(t)
	mine, theirs := h.tab(), h.tab()
	a := mine.ask(request())
	fails := func(what string, b *tab, flow string, code core.Code) {
		t.Helper()
		v := b.visit(nil)
		v.Flow = flow
		if _, err := h.Authorize(t.Context(), v); core.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	fails("another browser", theirs, a.Flow, core.AccessDenied)
	fails("cut", mine, a.Flow[:len(a.Flow)-4], core.AccessDenied)
	fails("longer", mine, a.Flow+"AAAA", core.AccessDenied)
	mine.cookie = h.signIn("ann")
	f, err := h.exit.Leave(t.Context(), authorize.Leaving{Params: request(), Cookie: mine.cookie, Browser: mine.browser})
	h.must(err)
	fails("the flow of signing out", mine, f.Flow, core.InvalidRequest)
	v := mine.visit(nil)
	v.Flow = a.Flow
	h.now = h.now.Add(time.Hour)
	if _, err := h.Authorize(t.Context(), v); err != nil {
		t.Errorf("after an hour: %v", err)
	}
	h.now = h.now.Add(time.Millisecond)
	fails("after more than an hour", mine, a.Flow, core.InvalidRequest)
	late := authorize.SignIn{Visit: v, Token: h.forms.Token(mine.browser, "login", a.Flow)}
	if err := h.MaySignIn(late); core.CodeOf(err) != core.InvalidRequest {
		t.Errorf("sign-in after more than an hour: %v", err)
	}
}

// What changes while the person looks at a page counts when it comes back.
func TestClientChangesMeanwhile(t *testing.T) {
	h := open(t)
	b := h.tab()
	b.cookie = h.signIn("ann")
	a := b.ask(request())
	h.add("shop", func(c *core.Client) { c.Metadata.Scope = []string{"openid"} })
	again, err := b.decide(a, true)
	h.must(err)
	b.refused(again, core.InvalidScope)
	delete(h.clients, "shop")
	if _, err := b.decide(a, true); core.CodeOf(err) != core.InvalidRequest {
		t.Errorf("%v", err)
	}
}
