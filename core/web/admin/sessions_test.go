package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

// signIn begins a session, as if the user had signed in, and gives it with its cookie.
func (h *house) signIn(name string) (core.Session, core.Secret) {
	h.t.Helper()
	stored, err := h.crowd.Named(h.t.Context(), login.AccountOf(name))
	if err != nil || stored.User.Subject == "" {
		h.t.Fatal(name, err)
	}
	now, cookie := h.tick().Truncate(time.Second), core.NewSecret()
	session := core.Session{
		ID: core.NewSessionID(h.tick()), Subject: stored.User.Subject, UserGeneration: stored.User.Generation, AuthTime: now, Methods: []string{"pwd"},
		CreatedAt: now, ExpiresAt: now.Add(login.DefaultLifetime), IP: "192.0.2.1", UserAgent: "<Browser>",
	}
	if err := h.crowd.Begin(h.t.Context(), login.Beginning{Session: session, Cookie: cookie.Hash()}); err != nil {
		h.t.Fatal(err)
	}
	return session, cookie
}

func (h *house) signedIn(cookie core.Secret) bool {
	h.t.Helper()
	_, _, there, err := h.people.Session(h.t.Context(), cookie)
	if err != nil {
		h.t.Error(err)
	}
	return there
}

// Operators see where a user is signed in, and end one session or all.
func TestSessions(t *testing.T) {
	h := open(t)
	for _, name := range []string{"ann", "bob"} {
		h.want(h.ask("POST", "/users", `{"username":"`+name+`","password":"correct horse"}`), http.StatusCreated)
	}
	if a := h.want(h.ask("GET", "/users/ann/sessions", ""), http.StatusOK); a.body != `{"items":[]}` {
		t.Errorf("%s", a.body)
	}
	first, cookie1 := h.signIn("ann")
	second, cookie2 := h.signIn("ann")
	other, cookie3 := h.signIn("bob")
	a := h.want(h.ask("GET", "/users/ANN/sessions", ""), http.StatusOK)
	if a.at("items").Len() != 2 || a.text("items.0.id") != string(second.ID) || a.text("items.1.id") != string(first.ID) || a.text("items.0.ip") != "192.0.2.1" ||
		a.text("items.0.user_agent") != "<Browser>" || a.text("items.0.amr.0") != "pwd" || a.text("items.0.created_at") != "2026-03-01T12:00:00Z" {
		t.Errorf("%s", a.body)
	}
	for _, cookie := range []core.Secret{cookie1, cookie2, core.Secret(cookie1.Hash().String())} {
		if strings.Contains(a.body, cookie.Reveal()) {
			t.Error("a cookie is shown")
		}
	}
	page := h.want(h.ask("GET", "/users/ann/sessions?limit=1", ""), http.StatusOK)
	page = h.want(h.ask("GET", "/users/ann/sessions?limit=1&cursor="+page.text("next_cursor"), ""), http.StatusOK)
	if page.text("items.0.id") != string(first.ID) {
		t.Errorf("%s", page.body)
	}
	for query, says := range map[string]string{"cursor=x": "cursor is not one", "limit=x": "from 1", "user=bob": "no query parameter"} {
		h.refused(h.ask("GET", "/users/ann/sessions?"+query, ""), http.StatusBadRequest, core.InvalidRequest, says)
	}

	h.refused(h.ask("DELETE", "/users/ann/sessions/"+string(other.ID), ""), http.StatusNotFound, core.NotFound, "no session")
	if a := h.ask("DELETE", "/users/ann/sessions/"+string(first.ID), ""); a.StatusCode != http.StatusNoContent || h.signedIn(cookie1) || !h.signedIn(cookie2) {
		t.Errorf("%d %s, the first %t, the second %t", a.StatusCode, a.body, h.signedIn(cookie1), h.signedIn(cookie2))
	}
	h.refused(h.ask("DELETE", "/users/ann/sessions/"+string(first.ID), ""), http.StatusNotFound, core.NotFound, "no session")
	if a := h.ask("DELETE", "/users/ann/sessions", ""); a.StatusCode != http.StatusNoContent || h.signedIn(cookie2) || !h.signedIn(cookie3) {
		t.Errorf("%d %s, the second %t, somebody else %t", a.StatusCode, a.body, h.signedIn(cookie2), h.signedIn(cookie3))
	}
	if a := h.want(h.ask("GET", "/users/ann/sessions", ""), http.StatusOK); a.body != `{"items":[]}` {
		t.Errorf("%s", a.body)
	}
}
