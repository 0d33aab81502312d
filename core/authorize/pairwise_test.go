package authorize_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
)

// An ID token's hint names a person as the client knows her: at the authorization endpoint and at the end of the session.
func TestPairwiseHints(t *testing.T) {
	h := open(t)
	h.add("shop", func(c *core.Client) { c.Metadata.SubjectType = "pairwise" })
	client := h.clients["shop"].Client
	ann := core.NewPairwise("salt").Name(&client, "ann")
	hint := h.idToken("JWT", map[string]any{"sub": ann})
	b := h.tab()
	b.cookie = h.signIn("ann")
	if a := b.ask(request("id_token_hint", hint)); a.Show != authorize.ShowConsent {
		t.Errorf("ann's own name: %+v", a)
	}
	if code := b.code(b.allow(b.ask(request("id_token_hint", hint)))); code.Grant.Subject != "ann" {
		t.Errorf("the grant is about %q", code.Grant.Subject)
	}
	b.cookie = h.signIn("bob")
	a := b.ask(request("id_token_hint", hint))
	if a.Show != authorize.ShowLogin {
		t.Errorf("bob for ann: %+v", a)
	}
	h.now = h.now.Add(time.Second)
	b.cookie = h.signIn("ann")
	if a = b.back(a); a.Show == authorize.ShowLogin {
		t.Errorf("ann signed in: %+v", a)
	}
	if f, err := b.leave(oauth.Params{"id_token_hint": {hint}}); err != nil || f.Ask {
		t.Errorf("leaving with her name: %+v, %v", f, err)
	}
	b.cookie = h.signIn("bob")
	if f, err := b.leave(oauth.Params{"id_token_hint": {hint}}); err != nil || !f.Ask {
		t.Errorf("bob leaving with ann's name: %+v, %v", f, err)
	}
}

// An ID token names the session as the client knows it: that it is the browser's is found out all the same.
func TestPairwiseSessionHints(t *testing.T) {
	h := open(t)
	h.add("shop", func(c *core.Client) { c.Metadata.SubjectType = "pairwise" })
	client := h.clients["shop"].Client
	names := core.NewPairwise("salt")
	for what, asks := range map[string]bool{"this": false, "another": true, "its own": true} {
		b := h.tab()
		b.cookie = h.signIn("ann")
		own := b.sessions[b.cookie].ID
		sid := map[string]core.SessionID{"this": names.Session(&client, own), "another": names.Session(&client, "s-x"), "its own": own}[what]
		hint := h.idToken("JWT", map[string]any{"sub": names.Name(&client, "ann"), "sid": sid})
		if f, err := b.leave(oauth.Params{"id_token_hint": {hint}}); err != nil || f.Ask != asks {
			t.Errorf("%s: %+v, %v", what, f, err)
		}
	}
}
