package authorize_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
)

const bye = "https://shop.example/bye?x=1"

func (b *tab) leave(params oauth.Params) (authorize.Farewell, error) {
	return b.exit.Leave(b.Context(), authorize.Leaving{Params: params, Cookie: b.cookie, Browser: b.browser})
}

// An ID token of the session signs out without a question, however old it is (RP-Initiated Logout §2).
func TestLeaveWithProof(t *testing.T) {
	for name, claims := range map[string]map[string]any{
		"subject":          {},
		"session":          {"sid": "to be set", "sub": "somebody"},
		"audience of many": {"aud": []string{"other", "shop"}},
	} {
		b := open(t).tab()
		b.cookie = b.signIn("ann")
		if claims["sid"] != nil {
			claims["sid"] = string(b.sessions[b.cookie].ID)
		}
		f, err := b.leave(oauth.Params{
			"id_token_hint": {b.idToken("JWT", claims)}, "client_id": {"shop"}, "post_logout_redirect_uri": {bye}, "state": {"a b"},
		})
		if err != nil || f.Ask || !f.Ended || f.To != bye+"&state=a+b" || len(b.sessions) > 0 {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

// Without it the person is asked, by a form that only this browser can send.
func TestLeaveAsks(t *testing.T) {
	h := open(t)
	b, other := h.tab(), h.tab()
	b.cookie = h.signIn("ann")
	for name, params := range map[string]oauth.Params{
		"nothing":                            {},
		"client_id alone":                    {"client_id": {"shop"}, "post_logout_redirect_uri": {bye}},
		"somebody else's token":              {"id_token_hint": {h.idToken("JWT", map[string]any{"sub": "bob", "sid": "s-x"})}},
		"somebody else's, without a session": {"id_token_hint": {h.idToken("JWT", map[string]any{"sub": "bob"})}},
		"another session's":                  {"id_token_hint": {h.idToken("JWT", map[string]any{"sid": "s-x"})}},
	} {
		f, err := b.leave(params)
		if err != nil || !f.Ask || f.Ended || len(h.sessions) != 1 {
			t.Fatalf("%s: %+v, %v", name, f, err)
		}
	}
	f, err := b.leave(oauth.Params{"client_id": {"shop"}, "post_logout_redirect_uri": {bye}})
	h.must(err)
	for name, l := range map[string]authorize.Leaving{
		"no token":        {Flow: f.Flow, Cookie: b.cookie, Browser: b.browser},
		"another browser": {Flow: f.Flow, Token: f.Token, Cookie: b.cookie, Browser: other.browser},
		"another form":    {Flow: f.Flow, Token: h.forms.Token(b.browser, "login", f.Flow), Cookie: b.cookie, Browser: b.browser},
	} {
		if _, err := h.exit.Leave(t.Context(), l); core.CodeOf(err) != core.AccessDenied || len(h.sessions) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	done, err := h.exit.Leave(t.Context(), authorize.Leaving{Flow: f.Flow, Token: f.Token, Cookie: b.cookie, Browser: b.browser})
	if err != nil || done.To != bye || !done.Ended || len(h.sessions) > 0 {
		t.Errorf("%+v, %v", done, err)
	}
	f, err = b.leave(oauth.Params{}) // nobody is signed in any more; the cookie means nothing
	if err != nil || f.Ask || f.To != "" || !f.Ended {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err = other.leave(oauth.Params{"id_token_hint": {h.idToken("JWT", nil)}}); err != nil || f.Ask || f.Ended {
		t.Errorf("a browser without a cookie: %+v, %v", f, err)
	}
}

// A login flow is no leave to sign out.
func TestLeaveWithAnotherFlow(t *testing.T) {
	b := open(t).tab()
	a := b.ask(request())
	b.cookie = b.signIn("ann")
	l := authorize.Leaving{Flow: a.Flow, Token: b.forms.Token(b.browser, "logout", a.Flow), Cookie: b.cookie, Browser: b.browser}
	if _, err := b.exit.Leave(t.Context(), l); core.CodeOf(err) != core.InvalidRequest || len(b.sessions) != 1 {
		t.Errorf("%v", err)
	}
}

// Nobody is sent to an address that the client may not send to.
func TestLeaveRedirectsNowhereElse(t *testing.T) {
	b := open(t).tab()
	hint := b.idToken("JWT", nil)
	for _, uri := range []string{
		"https://evil.example/", "https://shop.example/bye", bye + "&y", bye + "/", bye + "#", "https://shop.example/cb?keep=1", "//evil.example", `/\evil.example`,
		"javascript:alert(1)", "https://SHOP.example/bye?x=1", " " + bye,
	} {
		f, err := b.leave(oauth.Params{"id_token_hint": {hint}, "post_logout_redirect_uri": {uri}})
		if err != nil || f.To != "" {
			t.Errorf("%q: %+v, %v", uri, f, err)
		}
	}
	if f, err := b.leave(oauth.Params{"post_logout_redirect_uri": {bye}}); err != nil || f.To != "" {
		t.Errorf("without a client: %+v, %v", f, err)
	}
	if f, err := b.leave(oauth.Params{"client_id": {"public"}, "post_logout_redirect_uri": {bye}}); err != nil || f.To != "" {
		t.Errorf("another client's: %+v, %v", f, err)
	}
}

// Whoever writes a metadata document sends nobody anywhere by it: that takes an ID token of somebody who signed in there.
func TestLeaveForADocument(t *testing.T) {
	const id = "https://client.example/client.json"
	b := open(t).tab()
	b.add(id, func(c *core.Client) { c.Metadata.PostLogoutRedirectURIs = []string{bye} })
	for name, test := range map[string]struct {
		params oauth.Params
		to     string
	}{
		"nothing proved": {oauth.Params{"client_id": {id}, "post_logout_redirect_uri": {bye}}, ""},
		"an ID token":    {oauth.Params{"id_token_hint": {b.idToken("JWT", map[string]any{"aud": id})}, "post_logout_redirect_uri": {bye}}, bye},
	} {
		if f, err := b.leave(test.params); err != nil || f.To != test.to {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	b.unusable = core.Refuse(core.TemporarilyUnavailable, "The document is not to be had.")
	if f, err := b.leave(oauth.Params{"client_id": {id}}); err != nil || f.Client.ID != "" {
		t.Errorf("looked for without a proof: %+v, %v", f, err)
	}
	b.cookie = b.signIn("ann")
	hint := b.idToken("JWT", map[string]any{"aud": id, "sid": string(b.sessions[b.cookie].ID)})
	if f, err := b.leave(oauth.Params{"id_token_hint": {hint}, "post_logout_redirect_uri": {bye}}); err != nil || !f.Ended || f.To != "" {
		t.Errorf("the client's server is down: %+v, %v", f, err)
	}
	if _, err := b.leave(oauth.Params{"client_id": {"shop"}}); err == nil {
		t.Error("a store that cannot be read is no error")
	}
}

// A client that waits for approval, is disabled or has ended has nobody sent anywhere.
func TestLeaveForNoActiveClient(t *testing.T) {
	for what, change := range map[string]func(*core.Registered, time.Time){
		"active":   func(*core.Registered, time.Time) {},
		"pending":  func(r *core.Registered, _ time.Time) { r.State = core.Pending },
		"disabled": func(r *core.Registered, _ time.Time) { r.State = core.Disabled },
		"ended":    func(r *core.Registered, now time.Time) { r.Client.Expires = now },
	} {
		b := open(t).tab()
		found := b.clients["shop"]
		change(&found, b.now)
		b.clients["shop"] = found
		f, err := b.leave(oauth.Params{"client_id": {"shop"}, "post_logout_redirect_uri": {bye}})
		if err != nil || (f.To == bye) != (what == "active") || (f.Client.ID != "") != (what == "active") {
			t.Errorf("%s: %+v, %v", what, f, err)
		}
	}
}

func TestLeaveRefused(t *testing.T) {
	b := open(t).tab()
	b.cookie = b.signIn("ann")
	for name, params := range map[string]oauth.Params{
		"no JWT":               {"id_token_hint": {"x"}},
		"encrypted":            {"id_token_hint": {"e30.a.b.c.d"}},
		"access token":         {"id_token_hint": {b.idToken("at+jwt", nil)}},
		"another issuer":       {"id_token_hint": {b.idToken("JWT", map[string]any{"iss": "https://evil.example"})}},
		"another client's":     {"id_token_hint": {b.idToken("JWT", nil)}, "client_id": {"public"}},
		"client_id twice":      {"client_id": {"shop", "shop"}},
		"two addresses":        {"client_id": {"shop"}, "post_logout_redirect_uri": {bye, "https://evil.example"}},
		"longer than we carry": {"state": {string(make([]byte, 9000))}},
	} {
		if f, err := b.leave(params); core.CodeOf(err) != core.InvalidRequest || len(b.sessions) != 1 {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	f, err := b.leave(nil)
	b.must(err)
	b.now = b.now.Add(time.Hour + time.Second)
	l := authorize.Leaving{Flow: f.Flow, Token: f.Token, Cookie: b.cookie, Browser: b.browser}
	if _, err := b.exit.Leave(t.Context(), l); core.CodeOf(err) != core.InvalidRequest {
		t.Errorf("an old page: %v", err)
	}
}

// What an application got encrypted it sends decrypted (RP-Initiated Logout §2), and is told so.
func TestEncryptedHints(t *testing.T) {
	b := open(t).tab()
	b.cookie = b.signIn("ann")
	_, err := b.leave(oauth.Params{"id_token_hint": {"e30.a.b.c.d"}})
	if e := core.AsError(err); !strings.HasPrefix(e.Detail, "id_token_hint is encrypted: the application must decrypt it") {
		t.Errorf("leaving: %v", err)
	}
	q := b.sent(b.ask(request("id_token_hint", "e30.a.b.c.d")))
	if !strings.HasPrefix(q.Get("error_description"), "id_token_hint is encrypted: decrypt it") {
		t.Errorf("asking: %v", q)
	}
}
