package authorize_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
)

// What a client registered for its own requests is held to, whatever the requests say.
func TestMembersThatBindRequests(t *testing.T) {
	h := open(t)
	on := true
	h.add("careful", func(c *core.Client) { c.Metadata.RequirePKCE, c.Provenance.Profile = &on, "oidc" })
	h.add("asking", func(c *core.Client) { c.Metadata.DefaultPromptLogin = &on })
	b := h.tab()
	b.cookie = h.signIn("ann")
	b.refused(b.ask(request("client_id", "careful", "code_challenge", "", "code_challenge_method", "")), core.InvalidRequest)
	a := b.ask(request("client_id", "asking"))
	if a.Show != authorize.ShowLogin {
		t.Fatalf("default_prompt_login: %+v", a)
	}
	h.now = h.now.Add(time.Second)
	b.cookie = h.signIn("ann")
	if a = b.back(a); a.Show != authorize.ShowConsent {
		t.Errorf("after signing in: %+v", a)
	}
	b.refused(b.ask(request("client_id", "asking", "prompt", "none")), core.ConsentRequired) // what a request says itself goes first
	h.add("binding", func(c *core.Client) { c.Metadata.DPoPBoundTokens = &on })
	b.refused(b.ask(request("client_id", "binding")), core.InvalidRequest) // nobody is asked for a token that is never issued
	h.add("signing", func(c *core.Client) { c.Metadata.RequireSignedRequest = &on })
	b.refused(b.ask(request("client_id", "signing")), core.InvalidRequest)
	b.refused(b.ask(request("client_id", "signing", "request", "e30.e30.e30")), core.RequestNotSupported) // nor are there signed ones
}

// par_lifetime is how long a pushed request waits.
func TestRegisteredLifetimeOfPushedRequests(t *testing.T) {
	h := open(t)
	seconds := int64(600)
	h.add("slow", func(c *core.Client) { c.Metadata.PARLifetime = &seconds })
	_, lifetime, err := h.Endpoint.Push(t.Context(), authorize.Push{Authorization: "as slow", Form: request("client_id", "slow")})
	if err != nil || lifetime != 10*time.Minute {
		t.Errorf("%s, %v", lifetime, err)
	}
	for _, held := range h.pushed {
		if !held.StartBefore.Equal(h.now.Add(10*time.Minute)) || !held.ForgetAt.After(held.StartBefore) || !strings.Contains(held.Params.Encode(), "slow") {
			t.Errorf("kept %+v", held)
		}
	}
}

// ui_locales is kept until a page is drawn, also over a sign-in.
func TestLocalesReachThePages(t *testing.T) {
	b := open(t).tab()
	a := b.ask(request("ui_locales", "fr-CA fr <b>"))
	if got := strings.Join(a.Locales, " "); got != "fr-CA fr" {
		t.Errorf("login: %q", got)
	}
	b.cookie = b.signIn("ann")
	if a = b.back(a); a.Show != authorize.ShowConsent || len(a.Locales) != 2 {
		t.Errorf("consent: %+v", a)
	}
}
