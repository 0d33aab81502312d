package token_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A client's own lifetimes shorten, and never lengthen.
func TestRegisteredLifetimes(t *testing.T) {
	h := open(t)
	lifetimes := func(access, id, refresh int64) {
		h.change("web", func(r *core.Registered) {
			m := &r.Client.Metadata
			m.AccessTokenLifetime, m.IDTokenLifetime, m.RefreshTokenLifetime = &access, &id, &refresh
		})
	}
	lifetimes(60, 90, 3600)
	answer := h.got(h.redeeming("web", h.code("web")))
	if answer.ExpiresIn != time.Minute || !h.grants["g-1"].Grant.ExpiresAt.Equal(start.Add(time.Hour)) {
		t.Errorf("%v, and %v", answer.ExpiresIn, h.grants["g-1"].Grant.ExpiresAt)
	}
	if exp, _ := h.claims(answer.IDToken, "JWT", "RS256").Get("exp"); exp.String() != strconv.FormatInt(start.Add(90*time.Second).Unix(), 10) {
		t.Errorf("the ID token expires at %s", exp)
	}
	lifetimes(1<<62, 1<<62, 1<<62)
	if got := h.got(h.forItself("web")).ExpiresIn; got != 10*time.Minute {
		t.Errorf("lengthened to %v", got)
	}
}

// A client that bound itself to PKCE is held to it where the code is redeemed, too.
func TestRegisteredPKCE(t *testing.T) {
	h := open(t)
	on := true
	h.change("web", func(r *core.Registered) { r.Client.Metadata.RequirePKCE = &on })
	code := h.code("web", func(a *core.AuthorizationCode) { a.Challenge = "" })
	h.refused("no challenge", h.redeeming("web", code, "code_verifier", ""), core.InvalidGrant, "which this client needs")
}
