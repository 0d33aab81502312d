package people_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/oauth"
)

// The endpoint sees the request as it was sent, with what is repeated, and both cookies.
func TestAuthorizeSeesTheRequest(t *testing.T) {
	h := open(t, issuer)
	h.answer = authorize.Answer{Show: authorize.Redirect, To: "https://shop.example/cb?code=x"}
	h.get("authorize?client_id=a&client_id=b&state=x%26y&empty=").leads(t, "https://shop.example/cb?code=x")
	v := h.visit
	if len(v.Params["client_id"]) != 2 || v.Params.Get("state") != "x&y" || v.Params.Has("empty") || v.Flow != "" || v.Cookie != cookie || v.Browser != "b1" || v.RequestID == "" || v.Caller.IP == "" {
		t.Errorf("%+v", v)
	}
	h.get("authorize?flow=f1")
	if h.visit.Flow != "f1" {
		t.Errorf("%+v", h.visit)
	}
	h.get("authorize?client_id=a&flow=f1") // of a client, it is a parameter that nobody knows (RFC 6749 section 3.1)
	if h.visit.Flow != "" || h.visit.Params.Get("client_id") != "a" {
		t.Errorf("%+v", h.visit)
	}
	h.get("authorize?a=%zz").shows(t, http.StatusBadRequest, "Start again")
	h.fault = core.Refuse(core.InvalidRequest, "That went wrong.")
	h.get("authorize?client_id=a").shows(t, http.StatusBadRequest, "That went wrong.")
}

// A posted request goes round as a query: a form of another site brings no cookies.
func TestAuthorizePosted(t *testing.T) {
	h := open(t, issuer)
	h.post("authorize", "client_id", "shop", "scope", "a b", "scope", "c").leads(t, "/api/oidc/authorize?client_id=shop&scope=a+b&scope=c")
	h.post("authorize", "state", strings.Repeat("x", 9000)).shows(t, http.StatusBadRequest, "longer than")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/authorize", strings.NewReader("%zz"))
	h.must(err)
	res, err := h.server.RoundTripper().RoundTrip(req)
	h.must(err)
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("a body that cannot be read: %d", res.StatusCode)
	}
}

// Cookies: locked to the host under https, read by no script, sent with no foreign form.
func TestCookies(t *testing.T) {
	for at, names := range map[string][2]string{
		issuer:                        {"__Host-ostiary_browser", "__Host-ostiary_session"},
		"http://op.example/api/oidc/": {"ostiary_browser", "ostiary_session"},
	} {
		h := open(t, at)
		h.answer = authorize.Answer{Show: authorize.ShowLogin, Flow: "f", Client: shop("Shop")}
		secure := strings.HasPrefix(at, "https")
		check := func(c *http.Cookie, maxAge int) {
			t.Helper()
			if c == nil || !c.HttpOnly || c.Secure != secure || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.MaxAge != maxAge {
				t.Errorf("%s: %+v", at, c)
			}
		}
		a := h.ask(ask{path: "authorize"})
		if check(a.sets(names[0]), 0); a.sets(names[1]) != nil {
			t.Error("a session before anybody signed in")
		}
		if a = h.ask(ask{path: "authorize", cookies: names[0] + "=b1"}); len(a.Cookies()) > 0 {
			t.Errorf("set again: %v", a.Cookies())
		}
		a = h.ask(ask{path: "login", form: url.Values{"token": {"good"}, "flow": {"f"}}, cookies: names[0] + "=b1; " + names[1] + "=old"})
		if check(a.sets(names[1]), 12*60*60); a.sets(names[1]).Value != "new-cookie" || h.attempt.Cookie != "old" {
			t.Errorf("%+v after %+v", a.sets(names[1]), h.attempt)
		}
		h.farewell.Ended = true
		check(h.ask(ask{path: "logout", cookies: names[1] + "=old"}).sets(names[1]), -1)
	}
}

func TestLogin(t *testing.T) {
	h := open(t, issuer)
	h.answer = authorize.Answer{Client: shop("Shop"), RedirectURI: "https://shop.example/cb"}
	h.post("login", "token", "good", "flow", "f1", "username", "ann", "password", "pw").leads(t, "/api/oidc/authorize?flow=f1")
	if a := h.attempt; a.Username != "ann" || a.Password != "pw" || a.IP == "" || a.Client.ID != "shop" || a.RequestID == "" || h.visit.Flow != "f1" || h.visit.Browser != "b1" {
		t.Errorf("%+v", a)
	}
	h.post("login", "token", "good", "username", "ann", "password", "pw").leads(t, "/api/oidc/account")
	if h.attempt.Client.ID != "" {
		t.Errorf("the own account is no client's: %+v", h.attempt.Client)
	}
	h.attempt = login.Attempt{}
	h.post("login", "token", "foreign", "username", "ann", "password", "pw").shows(t, http.StatusForbidden, "foreign form")
	h.post("login", "username", "ann", "password", "pw").shows(t, http.StatusForbidden, "foreign form")
	if h.attempt.Username != "" {
		t.Error("a password was tried for a foreign form")
	}
	h.refuses = core.Fail(core.AccessDenied, "Wrong username or password.", login.ErrWrong)
	a := h.post("login", "token", "good", "flow", "f1", "username", `ann"><b>`, "password", "secret-pw")
	a.shows(t, http.StatusOK, `role="alert"`, "Wrong username or password.", `value="ann&#34;&gt;&lt;b&gt;"`, `name="flow" value="f1"`)
	if strings.Contains(a.body, "secret-pw") || a.sets("__Host-ostiary_session") != nil {
		t.Errorf("%v %s", a.Header, a.body)
	}
	h.refuses = core.Fail(core.AccessDenied, "You are not signed in. Only <b>from</b> the office. (Decision d-1)", login.ErrDenied)
	a = h.post("login", "token", "good", "flow", "f1", "username", "ann", "password", "secret-pw")
	a.shows(t, http.StatusForbidden, `role="alert"`, "Only &lt;b&gt;from&lt;/b&gt; the office. (Decision d-1)", `name="flow" value="f1"`)
	if a.sets("__Host-ostiary_session") != nil {
		t.Error("a session that policy does not allow has a cookie")
	}
	h.refuses = &core.Error{Code: core.TooManyRequests, Detail: "Too many tries. Wait 2 minutes.", RetryAfter: 90*time.Second + 1}
	a = h.post("login", "token", "good", "flow", "f1", "username", "ann")
	if a.shows(t, http.StatusTooManyRequests, "Wait 2 minutes."); a.Header.Get("Retry-After") != "91" {
		t.Errorf("%v", a.Header)
	}
	h.refuses = core.Fail(core.PolicyUnavailable, "The policy reached no decision.", nil)
	h.post("login", "token", "good", "flow", "f1").shows(t, http.StatusServiceUnavailable, "no decision")
	h.refuses = errors.New("disk")
	h.post("login", "token", "good", "flow", "f1").shows(t, http.StatusInternalServerError)
	h.post("login", "token", "good", "token", "good").shows(t, http.StatusBadRequest)
	h.get("login").leads(t, "/api/oidc/account")
}

func TestConsent(t *testing.T) {
	h := open(t, issuer)
	h.answer = authorize.Answer{Show: authorize.Redirect, To: "https://shop.example/cb?code=x"}
	h.post("consent", "flow", "f1", "token", "t1", "shown", "s1", "decision", "Allow").leads(t, h.answer.To)
	if d := h.decided; !d.Allow || d.Flow != "f1" || d.Token != "t1" || d.Shown != "s1" || d.Cookie != cookie || d.Browser != "b1" {
		t.Errorf("%+v", d)
	}
	h.post("consent", "flow", "f1", "decision", "Deny").leads(t, h.answer.To)
	if h.decided.Allow {
		t.Error("Deny allowed")
	}
	h.decided = authorize.Decision{}
	for _, word := range []string{"", "allow", "Allowed"} {
		h.post("consent", "flow", "f1", "decision", word).shows(t, http.StatusBadRequest, "neither")
	}
	h.post("consent", "decision", "Deny", "decision", "Allow").shows(t, http.StatusBadRequest)
	if h.decided.Flow != "" {
		t.Error("decided")
	}
	h.answer = authorize.Answer{Show: authorize.Post, To: `https://shop.example/cb?a=1&b="`, Fields: oauth.Params{"code": {`c"><b>`}, "state": {"s"}, "iss": {issuer}}}
	a := h.post("consent", "decision", "Allow")
	a.shows(t, http.StatusOK, `<input type="hidden" name="code" value="c&#34;&gt;&lt;b&gt;">`, `name="iss"`, `name="state"`, `value="Continue"`, `action="https://shop.example/cb?a=1&amp;b=%22"`)
}

func TestPush(t *testing.T) {
	h := open(t, issuer)
	a := h.post("par", "client_id", "shop", "resource", "https://a/", "resource", "https://b/")
	if a.StatusCode != http.StatusCreated || a.body != `{"request_uri":"urn:x","expires_in":90}` || len(h.pushed.Form["resource"]) != 2 || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", a.StatusCode, a.body, h.pushed)
	}
	a = h.post("par", "scope", "a", "scope", "b")
	if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, `"error":"invalid_request"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	h.fault = core.Refuse(core.InvalidScope, "no")
	if a = h.post("par"); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, `"error":"invalid_scope"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestLogout(t *testing.T) {
	h := open(t, issuer)
	h.farewell = authorize.Farewell{Ask: true, Flow: "f1", Token: "t1", User: ann, Client: shop("Shop"), To: "https://shop.example/bye"}
	a := h.get("logout?id_token_hint=x&state=1")
	a.shows(t, http.StatusOK, "Sign out?", "says it is called <bdi>Shop</bdi>", `name="flow" value="f1"`, `name="token" value="t1"`)
	if a.sets("__Host-ostiary_session") != nil || h.leaving.Params.Get("id_token_hint") != "x" || h.leaving.Flow != "" || h.leaving.Cookie != cookie {
		t.Errorf("%v %+v", a.Header, h.leaving)
	}
	h.farewell = authorize.Farewell{To: "https://shop.example/bye?state=1", Ended: true}
	a = h.post("logout", "flow", "f1", "token", "t1")
	a.leads(t, "https://shop.example/bye?state=1")
	if c := a.sets("__Host-ostiary_session"); c == nil || c.MaxAge != -1 || h.leaving.Flow != "f1" || h.leaving.Token != "t1" {
		t.Errorf("%+v %+v", c, h.leaving)
	}
	h.farewell = authorize.Farewell{Ended: true}
	if a = h.get("logout"); a.sets("__Host-ostiary_session") == nil {
		t.Errorf("%v", a.Header)
	}
	a.shows(t, http.StatusOK, "You are signed out")
	h.farewell = authorize.Farewell{}
	a = h.ask(ask{path: "logout"})
	if a.shows(t, http.StatusOK, "You are signed out"); len(a.Cookies()) > 0 {
		t.Errorf("nothing ended, and yet %v", a.Cookies())
	}
	h.fault = core.Refuse(core.InvalidRequest, "no")
	h.get("logout").shows(t, http.StatusBadRequest)
}

// What another site posts brings no cookies: it decides nothing and takes no cookie away, but comes back as a query (RP-Initiated
// Logout section 2). Only our own form, with flow and token, ends here.
func TestLogoutPosted(t *testing.T) {
	h := open(t, issuer)
	h.farewell = authorize.Farewell{Ended: true}
	for _, c := range []struct{ form, to string }{
		{"", "?"},
		{"id_token_hint=x&state=a+b", "?id_token_hint=x&state=a+b"},
		{"state=1&state=2", "?state=1&state=2"},
		{"client_id=shop&flow=f", "?client_id=shop&flow=f"},
		{"client_id=shop&token=t", "?client_id=shop&token=t"},
	} {
		form, err := url.ParseQuery(c.form)
		h.must(err)
		a := h.ask(ask{path: "logout", form: form})
		if a.leads(t, "/api/oidc/logout"+c.to); len(a.Cookies()) > 0 || h.leaving.Browser != "" {
			t.Errorf("%q: %v, %+v", c.form, a.Cookies(), h.leaving)
		}
	}
	h.post("logout", "state", strings.Repeat("x", 9000)).shows(t, http.StatusBadRequest, "longer than")
	h.get("logout?flow=f&token=t") // that belongs to no form
	if h.leaving.Flow != "" || h.leaving.Token != "" {
		t.Errorf("%+v", h.leaving)
	}
	h.fault = core.Refuse(core.AccessDenied, "foreign form")
	a := h.ask(ask{path: "logout", form: url.Values{"flow": {"f"}, "token": {"t"}}})
	if a.shows(t, http.StatusForbidden, "foreign form"); len(a.Cookies()) > 0 {
		t.Errorf("a forged form: %v", a.Cookies())
	}
}

func TestSetup(t *testing.T) {
	h := open(t, issuer)
	token := forms{}.Token("b1", "setup", core.Secret("good-link").Hash().String())
	a := h.get("account/setup?token=good-link")
	a.shows(t, http.StatusOK, "<strong>ann</strong>", `name="link" value="good-link"`, `autocomplete="new-password"`, `value="`+token+`"`)
	h.get("account/setup?token=bad").shows(t, http.StatusNotFound, "Ask an operator")
	h.get("account/setup").shows(t, http.StatusNotFound)
	a = h.post("account/setup", "link", "good-link", "token", token, "password", "correct horse", "again", "correct horse")
	if a.leads(t, "/api/oidc/account?done=setup"); h.password != "correct horse" {
		t.Errorf("set %q", h.password)
	}
	h.ask(ask{path: "account?done=setup"}).shows(t, http.StatusOK, "Your password is set", `name="username"`)
	h.password = ""
	h.post("account/setup", "link", "good-link", "token", token, "password", "correct horse", "again", "another").shows(t, http.StatusOK, "not the same")
	h.post("account/setup", "link", "good-link", "password", "correct horse", "again", "correct horse").shows(t, http.StatusForbidden)
	h.post("account/setup", "link", "other-link", "token", token, "password", "correct horse", "again", "correct horse").shows(t, http.StatusForbidden)
	if h.password != "" {
		t.Error("a password was set")
	}
	h.refuses = core.Refuse(core.InvalidRequest, "The password is short.")
	h.post("account/setup", "link", "good-link", "token", token, "password", "x", "again", "x").shows(t, http.StatusOK, "The password is short.", `role="alert"`)
	h.refuses = core.Refuse(core.InvalidToken, "used")
	h.post("account/setup", "link", "good-link", "token", token, "password", "x", "again", "x").shows(t, http.StatusNotFound, "Ask an operator")
	h.refuses = errors.New("disk")
	h.post("account/setup", "link", "good-link", "token", token, "password", "x", "again", "x").shows(t, http.StatusInternalServerError)
}

func TestAccount(t *testing.T) {
	h := open(t, issuer)
	a := h.get("account")
	a.shows(t, http.StatusOK, "Ann &lt;b&gt;Onym&lt;/b&gt;", "ann@example.com", "This browser", "192.0.2.2", "Browser/1 &lt;script&gt;", "Sign out everywhere", `value="s-other"`)
	if strings.Contains(a.body, "<script>") || strings.Contains(a.body, "<b>") {
		t.Errorf("%s", a.body)
	}
	h.get("account?done=password").shows(t, http.StatusOK, "Your password is changed")
	if a = h.get("account?done=%3Cb%3Eevil"); strings.Contains(a.body, "evil") {
		t.Errorf("%s", a.body)
	}
	h.ask(ask{path: "account"}).shows(t, http.StatusOK, "to see your account", `action="/api/oidc/login"`, `name="flow" value=""`)
}

// The forms of the account work with ann's token only.
func TestAccountForms(t *testing.T) {
	h := open(t, issuer)
	for _, path := range []string{"account/password", "account/sessions/end", "account/sessions/end-all"} {
		for name, token := range map[string]string{
			"none": "", "another browser's": forms{}.Token("b2", "account", core.Secret(cookie).Hash().String()),
			"another session's": forms{}.Token("b1", "account", core.Secret("x").Hash().String()), "another form's": forms{}.Token("b1", "login", ""),
		} {
			h.post(path, "token", token, "session", "s-other", "current", "a", "password", "b", "again", "b").shows(t, http.StatusForbidden, "foreign form")
			if len(h.ended) > 0 || h.endedAll || h.password != "" {
				t.Fatalf("%s with %s token did something", path, name)
			}
		}
		stranger := forms{}.Token("b1", "account", core.Secret("old").Hash().String())
		h.ask(ask{path: path, form: url.Values{"token": {stranger}}, cookies: "__Host-ostiary_browser=b1; __Host-ostiary_session=old"}).shows(t, http.StatusBadRequest, "sign in again")
	}
	h.post("account/sessions/end", "token", annToken(), "session", "s-other").leads(t, "/api/oidc/account?done=session")
	a := h.post("account/sessions/end", "token", annToken(), "session", "s-here")
	if a.leads(t, "/api/oidc/logout"); a.sets("__Host-ostiary_session") == nil || len(h.ended) != 2 {
		t.Errorf("%v %v", a.Header, h.ended)
	}
	a = h.post("account/sessions/end-all", "token", annToken())
	if a.leads(t, "/api/oidc/logout"); a.sets("__Host-ostiary_session") == nil || !h.endedAll {
		t.Errorf("%v", a.Header)
	}
	h.refuses = core.Refuse(core.NotFound, "gone")
	h.post("account/sessions/end", "token", annToken(), "session", "s-gone").leads(t, "/api/oidc/account?done=session")
	h.refuses = errors.New("disk")
	h.post("account/sessions/end", "token", annToken(), "session", "s-x").shows(t, http.StatusInternalServerError)
	h.post("account/sessions/end-all", "token", annToken()).shows(t, http.StatusInternalServerError)
}

func TestChangePassword(t *testing.T) {
	h := open(t, issuer)
	change := func(current, password, again string) answer {
		return h.post("account/password", "token", annToken(), "current", current, "password", password, "again", again)
	}
	a := change("old one", "new one", "new one")
	if a.leads(t, "/api/oidc/account?done=password"); h.password != "old one new one" || a.sets("__Host-ostiary_session").Value != "new-cookie" {
		t.Errorf("%q %v", h.password, a.Header)
	}
	change("old one", "new one", "other").shows(t, http.StatusOK, "not the same")
	h.refuses = core.Fail(core.AccessDenied, "Wrong.", login.ErrWrong)
	change("x", "y", "y").shows(t, http.StatusOK, "The current password is wrong", `role="alert"`)
	h.refuses = core.Refuse(core.InvalidRequest, "The password is short.")
	change("x", "y", "y").shows(t, http.StatusOK, "The password is short.")
	h.refuses = errors.New("disk")
	change("x", "y", "y").shows(t, http.StatusInternalServerError)
}

// A fault of a verb is never a page that looks as if all were well.
func TestFaults(t *testing.T) {
	h := open(t, issuer)
	h.fault = errors.New("disk")
	for _, path := range []string{"authorize?client_id=x", "logout", "account", "account/setup?token=good-link"} {
		h.get(path).shows(t, http.StatusInternalServerError)
	}
	h.post("consent", "decision", "Allow").shows(t, http.StatusInternalServerError)
}
