package login_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

const consoleLifetime = 8 * time.Hour

// A cookie of one kind means nothing where another is asked for: it signs nobody in, ends nothing and is not taken over.
func TestKindsOfSessions(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	console := h.For(core.ConsoleSession, consoleLifetime)
	there := func(d *login.Desk, cookie core.Secret) bool {
		t.Helper()
		_, _, there, err := d.Session(t.Context(), cookie)
		if err != nil {
			t.Error(err)
		}
		return there
	}
	browser, cookie := h.signIn("ann", password)
	office, key, err := console.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password, Cookie: cookie})
	if err != nil || browser.Kind != core.BrowserSession || office.Kind != core.ConsoleSession || office.ID == browser.ID ||
		!office.ExpiresAt.Equal(h.now().Add(consoleLifetime)) {
		t.Fatalf("%+v and %+v, %v", browser, office, err)
	}
	if _, _, err := h.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password, Cookie: key}); err != nil {
		t.Fatal(err)
	}
	if err := console.SignOut(t.Context(), cookie); err != nil {
		t.Error(err)
	}
	if err := h.SignOut(t.Context(), key); err != nil {
		t.Error(err)
	}
	if !there(h.Desk, cookie) || !there(console, key) {
		t.Error("a cookie of another kind ended a session")
	}
	if there(h.Desk, key) || there(console, cookie) || there(h.For("other", time.Hour), key) {
		t.Error("a cookie of one kind counts as another")
	}
	again, next, err := console.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password, Cookie: key})
	if err != nil || again.ID != office.ID || there(console, key) || !there(console, next) {
		t.Errorf("the same kind again: %+v, %v", again, err)
	}

	list, err := h.Sessions(t.Context(), ann.Subject, "", 10)
	kinds := map[core.SessionKind]int{}
	for _, s := range list {
		kinds[s.Kind]++
	}
	if err != nil || kinds[core.ConsoleSession] != 1 || kinds[core.BrowserSession] != 2 {
		t.Errorf("listed %v, %v", kinds, err)
	}
	if err := h.End(t.Context(), ann.Subject, office.ID); err != nil || there(console, next) {
		t.Errorf("ended by its id: %v", err)
	}
	_, last, err := console.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if h.advance(consoleLifetime); there(console, last) || !there(h.Desk, cookie) {
		t.Error("the session of the console has no end of its own")
	}
	if s, _, err := h.For("short", 100*time.Hour).SignIn(t.Context(), login.Attempt{Username: "ann", Password: password}); err != nil ||
		!s.ExpiresAt.Equal(h.now().Add(login.DefaultLifetime)) {
		t.Errorf("longer than the desk's own: %+v, %v", s, err)
	}
}
