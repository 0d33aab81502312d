package token_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/token"
)

// RFC 9700 §4.14.2: a public client gets the next refresh token each time.
func TestPublicClientsRotate(t *testing.T) {
	h := open(t)
	first := h.got(h.redeeming("spa", h.code("spa")))
	second := h.got(h.refreshing("spa", first.RefreshToken))
	if second.RefreshToken == "" || second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("the tokens were not renewed")
	}
	writes := h.writes
	again := h.got(h.refreshing("spa", first.RefreshToken))
	if again.RefreshToken != second.RefreshToken || again.AccessToken != second.AccessToken || again.IDToken != second.IDToken || again.ExpiresIn != second.ExpiresIn {
		t.Error("a client that asks again at once gets another answer")
	}
	h.now = h.now.Add(9 * time.Second)
	if late := h.got(h.refreshing("spa", first.RefreshToken)); late.RefreshToken != second.RefreshToken || h.writes != writes {
		t.Errorf("within the window: another successor, or %d writes", h.writes-writes)
	}
	third := h.got(h.refreshing("spa", second.RefreshToken))
	if third.RefreshToken == second.RefreshToken {
		t.Error("the second was not rotated")
	}
	h.refused("the first, two rotations later", h.refreshing("spa", first.RefreshToken), core.InvalidGrant, "replaced")
	h.refused("and with it the family", h.refreshing("spa", third.RefreshToken), core.InvalidGrant, "unknown")
	_, err := h.Verify(t.Context(), third.AccessToken)
	h.checkRefusal("and its access tokens", err, core.InvalidToken, "revoked")
}

func TestReuseAfterTheWindow(t *testing.T) {
	h := open(t)
	first := h.got(h.redeeming("spa", h.code("spa")))
	second := h.got(h.refreshing("spa", first.RefreshToken))
	h.now = h.now.Add(30 * time.Second)
	h.refused("reuse", h.refreshing("spa", first.RefreshToken), core.InvalidGrant, "replaced")
	h.refused("the successor", h.refreshing("spa", second.RefreshToken), core.InvalidGrant, "unknown")
}

func TestConfidentialClientsKeepTheirs(t *testing.T) {
	h := open(t)
	first := h.got(h.redeeming("web", h.code("web")))
	writes := h.writes
	for range 3 {
		h.now = h.now.Add(24 * time.Hour)
		if next := h.got(h.refreshing("web", first.RefreshToken)); next.RefreshToken != first.RefreshToken {
			t.Error("it was replaced")
		}
	}
	if h.writes != writes {
		t.Errorf("refreshing wrote %d times", h.writes-writes)
	}
}

// What a refresh answers: the claims are those of the sign-in, without its nonce (OpenID Connect Core §12.2).
func TestRefreshedTokens(t *testing.T) {
	h := open(t)
	first := h.got(h.redeeming("web", h.code("web")))
	h.now = start.Add(time.Hour)
	answer := h.got(h.refreshing("web", first.RefreshToken))
	checkJSON(t, "ID token", h.claims(answer.IDToken, "JWT", "RS256"), fmt.Sprintf(`{"iss":%q,"sub":"u-ann","aud":"web","exp":%d,"iat":%d,
		"auth_time":%d,"at_hash":"*","amr":["pwd"],"sid":"s-1"}`, issuer, h.now.Unix()+600, h.now.Unix(), start.Unix()-60))
	if q := h.asked; q.GrantType != "refresh_token" || q.Subject != "u-ann" || !q.AuthTime.Equal(start.Add(-time.Minute)) {
		t.Errorf("asked %+v", q)
	}
	narrow := h.got(h.refreshing("web", first.RefreshToken, "scope", "read"))
	if !slices.Equal(narrow.Scope, []string{"read"}) || narrow.IDToken != "" || narrow.RefreshToken == "" {
		t.Errorf("narrowed: %v", narrow.Scope)
	}
	if whole := h.got(h.refreshing("web", narrow.RefreshToken)); len(whole.Scope) != 4 {
		t.Errorf("narrowing one access token narrowed the grant: %v", whole.Scope)
	}
	h.now = start.Add(30*24*time.Hour - time.Minute)
	if last := h.got(h.refreshing("web", first.RefreshToken)); last.ExpiresIn != time.Minute {
		t.Errorf("the last access token outlives its grant: %v", last.ExpiresIn)
	}
	h.now = start.Add(30 * 24 * time.Hour)
	h.refused("after 30 days", h.refreshing("web", first.RefreshToken), core.InvalidGrant, "expired")
}

func TestRefusedRefreshTokens(t *testing.T) {
	h := open(t)
	good := h.got(h.redeeming("spa", h.code("spa"))).RefreshToken
	web := h.got(h.redeeming("web", h.code("web"))).RefreshToken
	plain := h.code("web", func(a *core.AuthorizationCode) { a.Grant.Scope = []string{"openid"} })
	h.got(h.redeeming("web", plain)) // g-3, without a refresh key
	raw, err := base64.RawURLEncoding.DecodeString(good.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	bent := func(f func([]byte) []byte) string { return base64.RawURLEncoding.EncodeToString(f(slices.Clone(raw))) }
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
	}
	for what, text := range map[string]string{
		"cut":                good.Reveal()[:len(good)-1],
		"cut by a byte":      bent(func(b []byte) []byte { return b[:len(b)-1] }),
		"extended":           good.Reveal() + "A",
		"extended by a byte": bent(func(b []byte) []byte { return append(b, 0) }),
		"padded":             good.Reveal() + "=",
		"with a line end":    good.Reveal()[:9] + "\n" + good.Reveal()[9:],
		"another MAC":        bent(flip(-1)),
		"another generation": bent(flip(-33)),
		"another family":     bent(func(b []byte) []byte { return append([]byte("g-2"), b[3:]...) }),
		"a family that has none": bent(func(b []byte) []byte {
			return append([]byte("g-3"), b[3:]...)
		}),
		"no family":  bent(func(b []byte) []byte { return b[3:] }),
		"nothing":    "AA",
		"very long":  base64.RawURLEncoding.EncodeToString(make([]byte, 300)),
		"not base64": "!!!!",
	} {
		h.refused(what, h.refreshing("spa", core.Secret(text)), core.InvalidGrant, "unknown")
	}
	h.refused("none (RFC 6749 §6)", h.refreshing("spa", ""), core.InvalidRequest, "missing")
	h.refused("another client's (RFC 6749 §6)", h.refreshing("web", good), core.InvalidGrant, "another client")
	h.refused("more scope (RFC 6749 §6)", h.refreshing("web", web, "scope", "read write"), core.InvalidScope, "write")
	h.refused("no scope", h.refreshing("web", web, "scope", `a"b`), core.InvalidScope, "scope")
	h.refused("more resources (RFC 8707 §2.2)", h.refreshing("web", web, "resource", api), core.InvalidTarget, "not part of")
	h.got(h.refreshing("spa", good)) // none of this has harmed it
}

// Deleting, disabling and signing out everywhere void a family; ending the browser session does not.
func TestWhatVoidsAFamily(t *testing.T) {
	for what, do := range map[string]func(*house){
		"the client was disabled and enabled": func(h *house) { h.change("spa", func(r *core.Registered) { r.Client.Generation++ }) },
		"the person signed out everywhere":    func(h *house) { h.user("u-ann", func(u *core.User) { u.Generation++ }) },
		"the person was disabled":             func(h *house) { h.user("u-ann", func(u *core.User) { u.Disabled = true }) },
		"the person was deleted":              func(h *house) { delete(h.users, "u-ann") },
		"the grant was ended":                 func(h *house) { delete(h.grants, "g-1") },
	} {
		h := open(t)
		first := h.got(h.redeeming("spa", h.code("spa")))
		do(h)
		h.refused(what, h.refreshing("spa", first.RefreshToken), core.InvalidGrant, "revoked")
		_, err := h.Verify(t.Context(), first.AccessToken)
		h.checkRefusal(what, err, core.InvalidToken, "revoked")
	}
}

// A registration that has ended takes everything with it: the client is unknown, and its tokens are void.
func TestTokensEndWithTheRegistration(t *testing.T) {
	h := open(t)
	first := h.got(h.redeeming("spa", h.code("spa")))
	h.change("spa", func(r *core.Registered) { r.Client.Expires = h.now.Add(time.Minute) })
	h.now = h.now.Add(time.Minute - 1)
	if _, err := h.Verify(t.Context(), first.AccessToken); err != nil {
		t.Error(err)
	}
	h.now = h.now.Add(1)
	_, err := h.Verify(t.Context(), first.AccessToken)
	h.checkRefusal("at its end", err, core.InvalidToken, "revoked")
	h.refused("at its end", h.refreshing("spa", first.RefreshToken), core.InvalidClient, "no such client")
}

// 50 refreshes at once are one rotation and one successor.
func TestParallelRefreshes(t *testing.T) {
	h := open(t)
	first := h.got(h.redeeming("spa", h.code("spa")))
	writes := h.writes
	var mu sync.Mutex
	successors := map[core.Secret]int{}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			answer, err := h.Token(t.Context(), h.refreshing("spa", first.RefreshToken))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			successors[answer.RefreshToken]++
		})
	}
	all.Wait()
	if len(successors) != 1 || h.writes != writes+1 || h.grants["g-1"].Grant.Refreshed != 1 {
		t.Errorf("%d successors, %d writes", len(successors), h.writes-writes)
	}
}

// A family that changes under every look at it is given up on, not looked at for ever; one that ends meanwhile is void.
func TestRefreshRaces(t *testing.T) {
	h := open(t)
	first := h.got(h.redeeming("spa", h.code("spa")))
	var stir func()
	stir = func() {
		defer h.lock()()
		held := h.grants["g-1"]
		held.Stamp = token.Stamp{200, held.Stamp[1] + 1}
		h.grants["g-1"], h.before = held, stir
	}
	h.before = stir
	h.refused("never the same", h.refreshing("spa", first.RefreshToken), core.TemporarilyUnavailable, "in use")
	h.before = func() { delete(h.grants, "g-1") }
	h.refused("ended", h.refreshing("spa", first.RefreshToken), core.InvalidGrant, "unknown")
}
