package people_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/people"
)

// everyPage draws every page there is, as ann sees it.
func everyPage(t *testing.T) map[string]answer {
	t.Helper()
	h := open(t, issuer)
	all := map[string]answer{}
	h.answer = authorize.Answer{Show: authorize.ShowLogin, Flow: "f", Token: "t", Client: shop("Shop"), RedirectURI: "https://shop.example/cb"}
	all["login"] = h.get("authorize?client_id=shop")
	h.refuses = core.Refuse(core.TooManyRequests, "Wait a minute.")
	all["login again"] = h.post("login", "token", "good", "flow", "f", "username", "ann")
	h.refuses = core.Refuse(core.InvalidRequest, "The password is too short.")
	all["account, refused"] = h.post("account/password", "token", annToken())
	all["setup, refused"] = h.post("account/setup", "link", "good-link", "token", forms{}.Token("b1", "setup", core.Secret("good-link").Hash().String()))
	h.answer = consent("Shop")
	all["consent"] = h.get("authorize?client_id=shop")
	h.answer.RedirectURI = "http://127.0.0.1:8976/cb"
	all["consent, loopback"] = h.get("authorize?client_id=shop")
	h.answer = authorize.Answer{Show: authorize.Post, To: "https://shop.example/cb", Fields: oauth.Params{"code": {"c"}, "state": {"s"}}}
	all["post"] = h.get("authorize?client_id=shop")
	h.farewell = authorize.Farewell{Ask: true, Flow: "f", Token: "t", User: ann, Client: shop("Shop"), To: "https://shop.example/bye"}
	all["leave"] = h.get("logout")
	h.farewell = authorize.Farewell{}
	all["signed out"] = h.get("logout")
	all["account"] = h.get("account?done=password")
	all["account, nobody"] = h.ask(ask{path: "account"})
	all["setup"] = h.get("account/setup?token=good-link")
	return all
}

var (
	inputs = regexp.MustCompile(`<input\b[^>]*>`)
	attr   = regexp.MustCompile(`\s([a-z-]+)(?:="([^"]*)")?`)
)

func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attr.FindAllStringSubmatch(tag, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// What WCAG asks of every page: a language, a title, one main landmark and heading, a label for every field, and fields that
// password managers know.
func TestPagesAreAccessible(t *testing.T) {
	for name, a := range everyPage(t) {
		for _, once := range []string{`<html lang="en">`, "<title>", "<main>", "<h1>", `<meta name="viewport"`, "</html>"} {
			if strings.Count(a.body, once) != 1 {
				t.Errorf("%s: %q is there %d times: %s", name, once, strings.Count(a.body, once), a.body)
			}
		}
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
			if ids[m[1]] {
				t.Errorf("%s: two elements have the id %s", name, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`aria-(?:describedby|labelledby)="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
			for id := range strings.FieldsSeq(m[1]) {
				if !ids[id] {
					t.Errorf("%s: nothing has the id %s", name, id)
				}
			}
		}
		for _, tag := range inputs.FindAllString(a.body, -1) {
			in := attributes(tag)
			switch in["type"] {
			case "hidden":
			case "submit":
				if in["value"] == "" {
					t.Errorf("%s: a button without a word: %s", name, tag)
				}
			default:
				if in["id"] == "" || !strings.Contains(a.body, `<label for="`+in["id"]+`">`) || in["autocomplete"] == "" {
					t.Errorf("%s: a field without a label or autocomplete: %s", name, tag)
				}
			}
		}
	}
}

// No script, no inline style, nothing from elsewhere, no frame (CSP Level 3); the one script has its hash in the policy.
func TestPagesAreStrict(t *testing.T) {
	handlers := regexp.MustCompile(`(?i)\s(on[a-z]+|style)=|javascript:|<style|<iframe|<object|<img`)
	for name, a := range everyPage(t) {
		policy := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy is %q", name, policy)
			}
		}
		if a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("Cache-Control") != "no-store" || len(a.Header.Values("Content-Security-Policy")) != 1 {
			t.Errorf("%s: %v", name, a.Header)
		}
		if found := handlers.FindString(a.body); found != "" {
			t.Errorf("%s: %q in %s", name, found, a.body)
		}
		scripts := regexp.MustCompile(`<script>(.*)</script>`).FindAllStringSubmatch(a.body, -1)
		if (name == "post") != (len(scripts) == 1) || strings.Contains(policy, "script-src") != (name == "post") {
			t.Errorf("%s: %d scripts under %q", name, len(scripts), policy)
		}
		for _, script := range scripts {
			sum := sha256.Sum256([]byte(script[1]))
			if !strings.Contains(policy, "; script-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
				t.Errorf("the script's hash is not in %q", policy)
			}
		}
	}
}

// Where a form may lead to a client, no form-action stands in its way: browsers hold it against every redirect after the form, and
// a client may send the browser on to anywhere. All other forms stay with us.
func TestFormActionLetsClientsRedirect(t *testing.T) {
	leaves := map[string]bool{"login": true, "login again": true, "consent": true, "consent, loopback": true, "post": true, "leave": true}
	for name, a := range everyPage(t) {
		policy := a.Header.Get("Content-Security-Policy")
		if leaves[name] == strings.Contains(policy, "form-action") || !leaves[name] && !strings.HasSuffix(policy, "; form-action 'self'") {
			t.Errorf("%s: %q", name, policy)
		}
	}
}

// What a client calls itself is shown as text, short, and without what cannot be seen.
func TestNamesAreHarmless(t *testing.T) {
	h := open(t, issuer)
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' autofocus onfocus='alert(1)`, `<svg/onload=alert(1)>`, `</title><script>alert(1)</script>`,
		`{{.Token}}`, `<a href="javascript:alert(1)">x</a>`, "</bdi></strong></p><form action=https://evil.example><input name=password>",
		"\u202eknab ruoY", "a\x00b", "line\nbreak", "\xff\xfe", strings.Repeat("W", 5000), "\u200b\u200b", "&lt;b&gt;",
	} {
		for _, show := range []authorize.Show{authorize.ShowLogin, authorize.ShowConsent} {
			h.answer = consent(name)
			h.answer.Show, h.answer.LoginHint = show, name
			h.answer.Scope, h.answer.Resources = []string{name}, []string{name}
			h.answer.Client.Metadata.PolicyURI, h.answer.Client.Metadata.TosURI = "javascript:alert(1)", name
			h.answer.User.Profile.Name = name
			h.answer.Flow, h.answer.Token, h.answer.Shown = "", "", ""
			a := h.get("authorize")
			fields := map[authorize.Show]int{authorize.ShowLogin: 5, authorize.ShowConsent: 5}[show]
			for element, want := range map[string]int{"<form": 1, "<input": fields, "<script": 0, "<img": 0, "<svg": 0, "<a ": 0, "</title>": 1, "<meta": 4, "<link": 2} {
				if got := strings.Count(strings.ToLower(a.body), element); got != want {
					t.Errorf("%q makes %d %s, want %d: %s", name, got, element, want, a.body)
				}
			}
			for _, bad := range []string{"\u202e", "\x00", "\xff", "\u200b", "javascript:", strings.Repeat("W", 200), `="' autofocus`, `" onfocus`} {
				if strings.Contains(strings.ReplaceAll(a.body, "href=&#34;javascript:", ""), bad) {
					t.Errorf("%q: %q is on the page: %s", name, bad, a.body)
				}
			}
		}
	}
}

// The consent page says who asks, how sure that is, where the browser goes, what is asked for, and since when the client exists.
func TestConsentPage(t *testing.T) {
	h := open(t, issuer)
	h.now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h.answer = consent("Shop")
	h.get("authorize").shows(t, http.StatusOK, "says it is called <strong><bdi>Shop</bdi></strong>", "Not verified", "<strong><bdi>shop.example</bdi></strong>",
		"3 days ago", "Know who you are", "Use the permission <code>shop.read</code>", "https://api.example/", "Ann &lt;b&gt;Onym&lt;/b&gt;",
		`href="https://shop.example/privacy"`, `<input type="submit" name="decision" value="Allow"><input type="submit" name="decision" value="Deny">`,
		`name="flow" value="flow1"`, `name="token" value="token1"`, `name="shown" value="scope=openid"`, `action="/api/oidc/consent"`)
	if a := h.get("authorize"); strings.Contains(a.body, "runs on this computer") {
		t.Error("a warning of loopback without reason")
	}
	h.answer.Client.Governance.Trust, h.answer.Client.Provenance.StatementIssuer = "issuer", "https://trust.example"
	a := h.get("authorize")
	a.shows(t, http.StatusOK, "Verified: <bdi>https://trust.example</bdi> vouches for it")
	if strings.Contains(a.body, "says it is called") {
		t.Error("a verified name is shown as a claim")
	}
	h.answer.Client.Governance.Trust = "self" // the client's own signature vouches for nothing
	h.get("authorize").shows(t, http.StatusOK, "Not verified")
	for uri, says := range map[string]string{
		"http://127.0.0.1:8976/cb": "<bdi>127.0.0.1:8976</bdi>", "http://localhost:1/cb": "runs on this computer", "http://[::1]:2/": "<bdi>[::1]:2</bdi>",
		"com.example.app:/cb": "<bdi>com.example.app:</bdi></strong> (an app on this device)",
	} {
		h.answer.RedirectURI = uri
		h.get("authorize").shows(t, http.StatusOK, says)
	}
	h.answer.Client.Metadata.ClientName = ""
	h.get("authorize").shows(t, http.StatusOK, "gives no name")
}

// A client that only its document describes is known by where that is.
func TestConsentPageOfADocument(t *testing.T) {
	h := open(t, issuer)
	h.answer = consent("Shop")
	h.answer.Client.ID = "https://shop.example/oauth/client.json"
	a := h.get("authorize")
	a.shows(t, http.StatusOK, "<dt>It is described by</dt><dd><strong><bdi>shop.example</bdi></strong></dd>", "Not verified")
	for _, absent := range []string{"Registered here", "sends you elsewhere", "runs on this computer"} {
		if strings.Contains(a.body, absent) {
			t.Errorf("%q is on the page", absent)
		}
	}
	for uri, says := range map[string]string{
		"https://login.shop.example/cb": "login.shop.example", "https://evil.example/cb": "sends you elsewhere", "https://shop.example.evil.example/": "sends you elsewhere",
		"http://127.0.0.1/cb": "runs on this computer",
	} {
		h.answer.RedirectURI = uri
		a := h.get("authorize")
		a.shows(t, http.StatusOK, says)
		if elsewhere := strings.Contains(a.body, "sends you elsewhere"); elsewhere != strings.Contains(uri, "evil") {
			t.Errorf("%s: warned %t", uri, elsewhere)
		}
	}
}

// What is refused before the person said a word goes back only when the person wants it to.
func TestRefusedAside(t *testing.T) {
	h := open(t, issuer)
	h.answer = authorize.Answer{
		Show: authorize.Redirect, To: "https://evil.example/cb?error=invalid_scope&state=%22%3E%3Cscript%3E", Client: core.Client{ID: "https://client.example/c"},
		RedirectURI: "https://evil.example/cb", Aside: core.Refuse(core.InvalidScope, "The scope <b> is not allowed."),
	}
	a := h.get("authorize")
	a.shows(t, http.StatusBadRequest, "The scope &lt;b&gt; is not allowed.", "<bdi>client.example</bdi>", "Go back to <bdi>evil.example</bdi>",
		`href="https://evil.example/cb?error=invalid_scope&amp;state=%22%3E%3Cscript%3E"`)
	if a.Header.Get("Location") != "" || strings.Contains(a.body, "<script") {
		t.Errorf("%v %s", a.Header, a.body)
	}
	h.answer.Show, h.answer.To, h.answer.Fields = authorize.Post, "https://evil.example/cb", oauth.Params{"error": {"invalid_scope"}}
	a = h.get("authorize")
	a.shows(t, http.StatusBadRequest, `<form method="post" action="https://evil.example/cb">`, `name="error" value="invalid_scope"`, `value="Go back to evil.example"`)
	if strings.Contains(a.body, "<script") || strings.Contains(a.Header.Get("Content-Security-Policy"), "script-src") {
		t.Error("it goes back by itself")
	}
}

func TestAgeOfARegistration(t *testing.T) {
	h := open(t, issuer)
	for age, says := range map[time.Duration]string{
		time.Minute: "less than an hour ago", time.Hour: "1 hour ago", 23 * time.Hour: "23 hours ago", 24 * time.Hour: "1 day ago",
		59 * 24 * time.Hour: "59 days ago", 90 * 24 * time.Hour: "3 months ago", 800 * 24 * time.Hour: "2 years ago",
	} {
		h.answer = consent("Shop")
		h.answer.Client.IssuedAt = h.now.Add(-age)
		h.get("authorize").shows(t, http.StatusOK, "<dd>"+says+"</dd>")
	}
}

// The page of an error has the look of the others, and says only what is for the public.
func TestErrorPage(t *testing.T) {
	h := open(t, issuer)
	page := h.pages.ErrorPage(&core.Error{
		Code: core.AccessDenied, Detail: "Start <again>.", Decision: "d-1", Err: core.Refuse(core.ServerError, "inner"),
		Reasons: []core.Reason{{Message: "shown", Public: true}, {Message: "hidden"}},
	}, http.StatusForbidden)
	text := string(page.Body)
	for _, want := range []string{"<h1>Forbidden</h1>", "Start &lt;again&gt;.", "shown", "d-1", "access_denied", "/api/oidc/assets/style.css?v="} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	policies := slices.DeleteFunc(slices.Clone(page.Header), func(f web.Header) bool { return f.Name != "Content-Security-Policy" })
	if len(policies) != 1 || !strings.HasSuffix(policies[0].Value, "; form-action 'self'") {
		t.Errorf("%v", page.Header)
	}
	if page.Status != http.StatusForbidden || strings.Contains(text, "hidden") || strings.Contains(text, "inner") {
		t.Errorf("%d %s", page.Status, text)
	}
}

// The style and the icon may be kept for ever, because their address has their version.
func TestAssets(t *testing.T) {
	h := open(t, issuer)
	page := h.get("account")
	for _, m := range regexp.MustCompile(`href="/api/oidc/(assets/[^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		a := h.get(m[1])
		if a.StatusCode != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || !strings.Contains(m[1], "?v=") || a.body == "" {
			t.Errorf("%s: %d %v", m[1], a.StatusCode, a.Header)
		}
	}
	if a := h.get("assets/style.css"); !strings.HasPrefix(a.Header.Get("Content-Type"), "text/css") || strings.Contains(a.body, "url(") || !strings.Contains(a.body, "prefers-color-scheme: dark") {
		t.Errorf("%v", a.Header)
	}
}

// An issuer at the root of its site has pages at the root.
func TestIssuerAtTheRoot(t *testing.T) {
	pages, err := people.New(people.Parts{Issuer: "https://op.example"})
	if err != nil {
		t.Fatal(err)
	}
	if text := string(pages.ErrorPage(core.Refuse(core.NotFound, "x"), 404).Body); !strings.Contains(text, `href="/assets/style.css?v=`) {
		t.Error(text)
	}
	if _, err := people.New(people.Parts{Issuer: "https://%zz"}); err == nil {
		t.Error("an issuer that is no URL")
	}
}
