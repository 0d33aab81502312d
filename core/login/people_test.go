package login_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

func TestCreate(t *testing.T) {
	h := open(t)
	want := core.Profile{Name: "Ann Ä", Email: "ann@shop.example", EmailVerified: true, Address: "1 Road\nTown", Website: "https://shop.example/ann"}
	made, err := h.Create(t.Context(), login.NewUser{Username: "Ann@Shop.example", Profile: want, Admin: true})
	u := made.User
	if err != nil || u.Username != "Ann@Shop.example" || u.Profile != want || !u.Admin || u.Disabled || u.Password != "" || u.Generation == 0 ||
		!u.CreatedAt.Equal(h.at) || !u.UpdatedAt.Equal(h.at) || !strings.HasPrefix(string(u.Subject), "u-") {
		t.Fatalf("%+v, %v", u, err)
	}
	for _, name := range []string{"Ann@Shop.example", "ann@shop.EXAMPLE", string(u.Subject)} {
		if found, err := h.Find(t.Context(), name); err != nil || found != made {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	_, err = h.Create(t.Context(), login.NewUser{Username: "ANN@shop.example"})
	checkCode(t, err, core.Conflict, "already")
	for _, name := range []string{"", "bob", "ann", "ann@shop.example ", string(u.Subject) + "x", string(core.NewSubject()), strings.Repeat("x", 5000), "\x00"} {
		_, err := h.Find(t.Context(), name)
		checkCode(t, err, core.NotFound, "no user")
	}
}

func TestUsernames(t *testing.T) {
	h := open(t)
	for _, name := range []string{"a", "0", "A.b_c-d@e+f", strings.Repeat("x", 64), "u-", "u-short"} {
		if _, err := h.Create(t.Context(), login.NewUser{Username: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{
		"", " ", " ann", "ann ", "a b", ".", "..", "-rf", "@", "_x", "+1", "a/b", "a\\b", "a;b", "a:b", "a%41", "é", "аnn", "K", "\u212a", "a\x00", "a\nb", "a\n", "\xff", "a\u200b", strings.Repeat("x", 65),
		strings.ToUpper(string(core.NewSubject())), string(core.NewSubject()),
	} {
		_, err := h.Create(t.Context(), login.NewUser{Username: name})
		if name == "K" { // the Latin letter, unlike the Kelvin sign
			if err != nil {
				t.Error(err)
			}
			continue
		}
		checkCode(t, err, core.InvalidRequest, "username")
	}
}

// However many want one name at once, in whatever case, one gets it.
func TestNameOnce(t *testing.T) {
	h := open(t)
	var made atomic.Int64
	together(20, func(i int) {
		_, err := h.Create(t.Context(), login.NewUser{Username: []string{"ann", "ANN", "Ann"}[i%3]})
		if err == nil {
			made.Add(1)
		} else if core.CodeOf(err) != core.Conflict {
			t.Error(err)
		}
	})
	if made.Load() != 1 || len(h.vault.users) != 1 {
		t.Errorf("%d made, %d users", made.Load(), len(h.vault.users))
	}
}

func TestProfileRules(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	for says, edit := range map[string]func(*core.Profile){
		"name is longer than 200":               func(p *core.Profile) { p.Name = strings.Repeat("x", 201) },
		"address is longer than 2000":           func(p *core.Profile) { p.Address = strings.Repeat("x", 2001) },
		"nickname has control characters":       func(p *core.Profile) { p.Nickname = "a\nb" },
		"locale has control characters":         func(p *core.Profile) { p.Locale = "\x7f" },
		"picture and website must be URLs":      func(p *core.Profile) { p.Picture = "javascript:alert(1)" },
		"picture and website must be URLs that": func(p *core.Profile) { p.Website = "//shop.example" },
		"email is no address":                   func(p *core.Profile) { p.Email = "ann" },
		"email is no address such as":           func(p *core.Profile) { p.Email = "ann@shop.example, eve@evil.example" },
		"email is no address such as ann":       func(p *core.Profile) { p.Email = "ann@shop@evil.example" },
	} {
		_, err := h.Update(t.Context(), ann.Subject, login.Edit{Profile: edit})
		checkCode(t, err, core.InvalidRequest, says)
		_, err = h.Create(t.Context(), login.NewUser{Username: "bob", Profile: edited(edit)})
		checkCode(t, err, core.InvalidRequest, says)
	}
	yes := true
	_, err := h.Update(t.Context(), ann.Subject, login.Edit{EmailVerified: &yes})
	checkCode(t, err, core.InvalidRequest, "needs an email")
	_, err = h.Update(t.Context(), ann.Subject, login.Edit{PhoneVerified: &yes})
	checkCode(t, err, core.InvalidRequest, "needs a phone_number")
	if found, _ := h.Find(t.Context(), "ann"); found.User != ann {
		t.Errorf("changed to %+v", found.User)
	}
}

func edited(edit func(*core.Profile)) (p core.Profile) {
	edit(&p)
	return p
}

func TestUpdate(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	_, cookie := h.signIn("ann", password)
	first, _ := h.Find(t.Context(), "ann")
	yes, no := true, false
	email := func(to string) func(*core.Profile) { return func(p *core.Profile) { p.Email = to } }
	update := func(e login.Edit) login.Stored {
		t.Helper()
		got, err := h.Update(t.Context(), ann.Subject, e)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := update(login.Edit{Profile: email("a@b.example"), EmailVerified: &yes, Admin: &yes}); !got.User.Profile.EmailVerified || !got.User.Admin || got.Tag() == first.Tag() {
		t.Errorf("%+v", got)
	}
	if got := update(login.Edit{Profile: email("A@b.example")}); !got.User.Profile.EmailVerified {
		t.Error("another spelling is no longer verified")
	}
	if got := update(login.Edit{Profile: email("c@b.example")}); got.User.Profile.EmailVerified {
		t.Error("another address counts as verified")
	}
	got := update(login.Edit{Profile: func(p *core.Profile) { p.Phone = "+1" }, PhoneVerified: &yes, Admin: &no})
	if got.User.Admin || !got.User.Profile.PhoneVerified || got.User.Generation != ann.Generation || !h.signedIn(cookie) {
		t.Errorf("%+v, signed in %t", got, h.signedIn(cookie))
	}
	if same := update(login.Edit{Admin: &no}); same != got {
		t.Errorf("a write without a change: %+v", same)
	}
	_, err := h.Update(t.Context(), ann.Subject, login.Edit{Admin: &yes, IfMatch: []string{first.Tag()}})
	checkCode(t, err, core.PreconditionFailed, "changed since")
	update(login.Edit{Admin: &yes, IfMatch: []string{`"x"`, got.Tag()}})
	update(login.Edit{Admin: &no, IfMatch: []string{"*"}})
	_, err = h.Update(t.Context(), core.NewSubject(), login.Edit{Admin: &yes})
	checkCode(t, err, core.NotFound, "no user")
}

// What was made under an earlier generation is void at once and for ever, whatever the user may do later.
func TestVoids(t *testing.T) {
	yes, no := true, false
	for name, void := range map[string]func(*house, core.Subject) error{
		"disable": func(h *house, id core.Subject) error {
			_, err := h.Update(h.Context(), id, login.Edit{Disabled: &yes})
			return err
		},
		"sign out everywhere": func(h *house, id core.Subject) error { return h.EndAll(h.Context(), id) },
		"delete":              func(h *house, id core.Subject) error { return h.Delete(h.Context(), id) },
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			ann, bob := h.create("ann"), h.create("bob")
			_, cookie := h.signIn("ann", password)
			_, others := h.signIn("bob", password)
			if err := void(h, ann.Subject); err != nil {
				t.Fatal(err)
			}
			if h.signedIn(cookie) || !h.signedIn(others) {
				t.Errorf("signed in %t, somebody else %t", h.signedIn(cookie), h.signedIn(others))
			}
			if list, err := h.Sessions(t.Context(), ann.Subject, "", 10); err != nil || len(list) > 0 {
				t.Errorf("listed %+v, %v", list, err)
			}
			_, err := h.Update(t.Context(), ann.Subject, login.Edit{Disabled: &no})
			if name == "delete" {
				checkCode(t, err, core.NotFound, "no user")
				checkCode(t, h.Delete(t.Context(), ann.Subject), core.NotFound, "no user")
				checkCode(t, h.EndAll(t.Context(), ann.Subject), core.NotFound, "no user")
				if again := h.create("Ann"); again.Subject == ann.Subject {
					t.Error("the subject was given again")
				}
			} else if stored, _ := h.Find(t.Context(), "ann"); err != nil || stored.User.Generation <= ann.Generation {
				t.Errorf("generation %d after %d, %v", stored.User.Generation, ann.Generation, err)
			}
			if h.signedIn(cookie) {
				t.Error("signed in again")
			}
			h.signIn("ann", password)
			if found, _ := h.Find(t.Context(), "bob"); found.User != bob {
				t.Errorf("somebody else is now %+v", found.User)
			}
		})
	}
}

func TestSessions(t *testing.T) {
	h := open(t)
	ann, bob := h.create("ann"), h.create("bob")
	var want []core.SessionID
	var cookies []core.Secret
	h.signIn("ann", password)
	if err := h.EndAll(t.Context(), ann.Subject); err != nil { // rows of before stay between the others
		t.Fatal(err)
	}
	for range 5 {
		h.advance(1e6)
		session, cookie := h.signIn("ann", password)
		want, cookies = append([]core.SessionID{session.ID}, want...), append([]core.Secret{cookie}, cookies...)
	}
	other, others := h.signIn("bob", password)
	for _, limit := range []int{1, 2, 5, 100} {
		var got []core.SessionID
		for after := core.SessionID(""); ; {
			page, err := h.Sessions(t.Context(), ann.Subject, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page {
				got, after = append(got, s.ID), s.ID
			}
			if len(page) < limit {
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("pages of %d: %v, want %v", limit, got, want)
		}
	}
	if err := errors.Join(h.End(t.Context(), ann.Subject, want[0]), h.SignOut(t.Context(), cookies[1]), h.SignOut(t.Context(), cookies[1]), h.SignOut(t.Context(), "")); err != nil {
		t.Error(err)
	}
	checkCode(t, h.End(t.Context(), ann.Subject, want[0]), core.NotFound, "no session")
	checkCode(t, h.End(t.Context(), ann.Subject, other.ID), core.NotFound, "no session")
	checkCode(t, h.End(t.Context(), bob.Subject, want[3]), core.NotFound, "no session")
	for i, cookie := range cookies {
		if h.signedIn(cookie) != (i > 1) {
			t.Errorf("session %d: signed in %t", i, h.signedIn(cookie))
		}
	}
	if !h.signedIn(others) {
		t.Error("somebody else was signed out")
	}
}

// Users are listed by name, in pages.
func TestList(t *testing.T) {
	h := open(t)
	for _, name := range []string{"Carl", "ann", "Bob"} {
		h.create(name)
	}
	var got []string
	for cursor := ""; ; {
		page, next, err := h.List(t.Context(), cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			got = append(got, s.User.Username)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if strings.Join(got, " ") != "ann Bob Carl" {
		t.Errorf("listed %v", got)
	}
}

// Writes that cross each other are both made, or one is told to come again; none is lost.
func TestConcurrentUpdates(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	var bumps atomic.Uint64
	together(16, func(int) {
		switch err := h.EndAll(t.Context(), ann.Subject); core.CodeOf(err) {
		case "":
			bumps.Add(1)
		case core.Conflict:
		default:
			t.Error(err)
		}
	})
	if found, _ := h.Find(t.Context(), "ann"); found.User.Generation != ann.Generation+bumps.Load() || bumps.Load() == 0 {
		t.Errorf("generation %d after %d bumps", found.User.Generation, bumps.Load())
	}
}
