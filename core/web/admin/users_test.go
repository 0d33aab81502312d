package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

const ann = `{"username":"Ann@shop.example","name":"Ann A","given_name":"Ann","family_name":"A","nickname":"a","picture":"https://p.example/a",
	"website":"https://w.example/","birthdate":"2000-01-01","zoneinfo":"Europe/Vienna","locale":"de-AT","email":"ann@shop.example","email_verified":true,
	"phone_number":"+431","phone_number_verified":true,"address":"1 Road\nTown","admin":true}`

// owner gives the username of whom a one-time link is, as the answer shows it.
func (h *house) owner(a answer) string {
	h.t.Helper()
	secret, found := strings.CutPrefix(a.text("setup_url"), "https://op.example/setup?token=")
	u, good, err := h.people.LinkOwner(h.t.Context(), core.Secret(secret))
	if err != nil || !found || good != (u.Subject != "") {
		h.t.Errorf("link of %+v, %t, %v: %s", u, good, err, a.body)
	}
	return u.Username
}

// A new user is answered with the link that sets the password, and shown without it ever after.
func TestCreateUser(t *testing.T) {
	h := open(t)
	a := h.want(h.ask("POST", "/users", ann), http.StatusCreated)
	if h.owner(a) != "Ann@shop.example" || a.text("setup_expires_at") != "2026-03-02T12:00:00Z" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", a.Header, a.body)
	}
	id := a.text("id")
	for _, name := range []string{id, "ANN@shop.example", "Ann%40shop.example"} {
		shown := h.want(h.ask("GET", "/users/"+name, ""), http.StatusOK)
		want := strings.Split(strings.Trim(ann, "{}"), ",")
		for _, member := range want {
			if !strings.Contains(shown.body, strings.TrimSpace(member)) {
				t.Errorf("%s: no %s in %s", name, member, shown.body)
			}
		}
		if shown.text("id") != id || shown.Header.Get("ETag") != a.Header.Get("ETag") || shown.Header.Get("ETag") == "" || strings.Contains(shown.body, "setup") ||
			!strings.Contains(shown.body, `"password_set":false`) || !strings.Contains(shown.body, `"disabled":false`) {
			t.Errorf("%v %s", shown.Header, shown.body)
		}
	}
	h.refused(h.ask("POST", "/users", `{"username":"ANN@shop.example"}`), http.StatusConflict, core.Conflict, "already")

	bare := h.want(h.ask("POST", "/users", `{"username":"bob","password":"correct horse","name":null}`), http.StatusCreated)
	if !bare.at("setup_url").IsAbsent() || !bare.at("setup_expires_at").IsAbsent() || !strings.Contains(bare.body, `"password_set":true`) || !strings.Contains(bare.body, `"admin":false`) {
		t.Errorf("%s", bare.body)
	}
	for _, secret := range []string{"correct horse", "argon2id"} {
		if strings.Contains(bare.body+h.log(), secret) {
			t.Errorf("%s is in the answer or the log: %s", secret, bare.body)
		}
	}
	if link := a.text("setup_url"); strings.Contains(h.log(), link[len(link)-43:]) {
		t.Error("the link is in the log")
	}
}

func TestCreateUserRefuses(t *testing.T) {
	h := open(t)
	for body, says := range map[string]string{
		`{}`:                                        "A username has",
		`{"username":"a b"}`:                        "A username has",
		`{"username":null}`:                         "A username has",
		`{"username":1}`:                            "username: want a string",
		`{"username":"ann","password":"short"}`:     "shorter than 8",
		`{"username":"ann","password":["x"]}`:       "password: want a string",
		`{"username":"ann","email":"ann"}`:          "email is no address",
		`{"username":"ann","email_verified":true}`:  "needs an email",
		`{"username":"ann","admin":"yes"}`:          "admin: want a boolean",
		`{"username":"ann","admin":1}`:              "admin: want a boolean",
		`{"username":"ann","disabled":true}`:        "disabled: unknown member",
		`{"username":"ann","id":"u-1"}`:             "id: unknown member",
		`{"username":"ann","Admin":true}`:           "Admin: unknown member",
		`{"username":"ann","generation":1}`:         "generation: unknown member",
		`{"username":"ann","picture":"data:,x"}`:    "picture and website",
		`{"username":"ann","username":"eve"}`:       "username",
		`{"username":"ann","name":{"first":"Ann"}}`: "name: want a string",
		`[]`:   "want an object",
		`null`: "want an object",
		``:     "not usable JSON",
		`{"username":"` + strings.Repeat("x", 60000) + `"}`: "A username has",
	} {
		h.refused(h.ask("POST", "/users", body), http.StatusBadRequest, core.InvalidRequest, says)
	}
	if len(h.crowd.users) != 0 {
		t.Errorf("%d users", len(h.crowd.users))
	}
}

// PATCH changes what it names; null empties a claim; If-Match makes it conditional.
func TestEditUser(t *testing.T) {
	h := open(t)
	made := h.want(h.ask("POST", "/users", ann), http.StatusCreated)
	path, tag := "/users/"+made.text("id"), made.Header.Get("ETag")
	a := h.want(h.ask("PATCH", path, `{"name":"Ann B","nickname":null,"admin":false}`, "If-Match: "+tag), http.StatusOK)
	if a.text("name") != "Ann B" || !a.at("nickname").IsAbsent() || a.text("given_name") != "Ann" || !strings.Contains(a.body, `"admin":false`) || a.Header.Get("ETag") == tag {
		t.Errorf("%v %s", a.Header, a.body)
	}
	h.refused(h.ask("PATCH", path, `{"admin":true}`, "If-Match: "+tag), http.StatusPreconditionFailed, core.PreconditionFailed, "changed since")
	if a = h.want(h.ask("PATCH", path, `{"email":"new@shop.example"}`), http.StatusOK); !strings.Contains(a.body, `"email_verified":false`) {
		t.Errorf("a new address counts as verified: %s", a.body)
	}
	if same := h.want(h.ask("PATCH", path, `{}`), http.StatusOK); same.Header.Get("ETag") != a.Header.Get("ETag") {
		t.Errorf("nothing was asked for and something written: %s", same.body)
	}
	if a = h.want(h.ask("PATCH", path, `{"disabled":true}`), http.StatusOK); !strings.Contains(a.body, `"disabled":true`) {
		t.Errorf("%s", a.body)
	}
	h.refused(h.ask("POST", path+"/link", ""), http.StatusConflict, core.Conflict, "disabled")
	for body, says := range map[string]string{
		`{"username":"eve"}`: "username: unknown member", `{"password":"correct horse"}`: "password: unknown member", `{"admin":"x"}`: "admin: want",
		`{"sub":"x"}`: "sub: unknown", `[]`: "want an object", ``: "not usable JSON", `{"name":"a\nb"}`: "control characters",
	} {
		h.refused(h.ask("PATCH", path, body), http.StatusBadRequest, core.InvalidRequest, says)
	}
}

func TestListUsers(t *testing.T) {
	h := open(t)
	for _, name := range []string{"Carl", "ann", "Bob"} {
		h.want(h.ask("POST", "/users", `{"username":"`+name+`"}`), http.StatusCreated)
	}
	var seen []string
	for cursor := ""; ; {
		a := h.want(h.ask("GET", "/users?limit=2&cursor="+cursor, ""), http.StatusOK)
		for i := range a.at("items").Len() {
			seen = append(seen, a.text("items."+string(rune('0'+i))+".username"))
		}
		if strings.Contains(a.body, "setup") {
			t.Errorf("%s", a.body)
		}
		if cursor = a.text("next_cursor"); cursor == "" {
			break
		}
	}
	if strings.Join(seen, " ") != "ann Bob Carl" {
		t.Errorf("listed %v", seen)
	}
	for name, found := range map[string]int{"BOB": 1, "bob ": 0, "nobody": 0, strings.Repeat("x", 5000): 0, "%00": 0} {
		a := h.want(h.ask("GET", "/users?username="+strings.ReplaceAll(name, " ", "%20"), ""), http.StatusOK)
		if a.at("items").Len() != found || found == 1 && a.text("items.0.username") != "Bob" {
			t.Errorf("%.20s: %s", name, a.body)
		}
	}
	for query, says := range map[string]string{
		"user=bob": "no query parameter user here", "username=a&username=b": "comes twice", "limit=0": "from 1 to 200", "cursor=x": "cursor is not one",
	} {
		h.refused(h.ask("GET", "/users?"+query, ""), http.StatusBadRequest, core.InvalidRequest, says)
	}
}

// A deleted user, and one that never was, are found by no route.
func TestNoSuchUser(t *testing.T) {
	h := open(t)
	made := h.want(h.ask("POST", "/users", ann), http.StatusCreated)
	gone := h.ask("DELETE", "/users/ann@shop.example", "")
	if gone.StatusCode != http.StatusNoContent || gone.body != "" || len(h.crowd.users) != 0 || h.owner(made) != "" {
		t.Errorf("%d %s, %d users", gone.StatusCode, gone.body, len(h.crowd.users))
	}
	for _, id := range []string{"ann@shop.example", made.text("id"), "*", "forged'--", strings.Repeat("forged", 1000), string(core.NewSubject())} {
		for _, c := range []struct{ method, path, body string }{
			{"GET", "", ""}, {"PATCH", "", "{}"}, {"DELETE", "", ""}, {"POST", "/link", ""}, {"GET", "/sessions", ""}, {"DELETE", "/sessions", ""}, {"DELETE", "/sessions/s-1", ""},
		} {
			a := h.ask(c.method, "/users/"+id+c.path, c.body)
			h.refused(a, http.StatusNotFound, core.NotFound, "no user")
			if strings.Contains(a.body, "forged") {
				t.Errorf("%s", a.body)
			}
		}
	}
}

// A new link takes the place of the one before.
func TestLinkUser(t *testing.T) {
	h := open(t)
	first := h.want(h.ask("POST", "/users", `{"username":"bob"}`), http.StatusCreated)
	second := h.want(h.ask("POST", "/users/Bob/link", ""), http.StatusCreated)
	if h.owner(first) != "" || h.owner(second) != "bob" || second.text("username") != "bob" {
		t.Errorf("the first of %q, the second of %q: %s", h.owner(first), h.owner(second), second.body)
	}
}
