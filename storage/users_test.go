package storage_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/storage"
)

// people is the real login desk over the real store.
type people struct {
	*store
	*login.Desk
	users    *storage.Users
	sessions *storage.Sessions
}

func openPeople(s *store, of core.IssuerID) *people {
	p := &people{store: s, users: storage.NewUsers(s.engine, of, s.ring), sessions: storage.NewSessions(s.engine, of)}
	p.Desk = login.NewDesk(login.Parts{Users: p.users, Links: p.users, Throttle: p.users, Sessions: p.sessions, Policy: anybody{}, Now: s.clock.now})
	return p
}

// anybody lets everybody in who is right.
type anybody struct{}

func (anybody) DecideSession(context.Context, *decision.Session) (decision.SessionVerdict, error) {
	return decision.SessionVerdict{Allowed: true}, nil
}

const password core.Secret = "correct horse"

// create makes a user with the usual password.
func (p *people) create(name string) core.User {
	p.Helper()
	made, err := p.Create(p.Context(), login.NewUser{Username: name, Password: password})
	if err != nil {
		p.Fatal(err)
	}
	return made.User
}

func (p *people) try(name string, password core.Secret) (core.Session, core.Secret, error) {
	return p.SignIn(p.Context(), login.Attempt{Username: name, Password: password, IP: "192.0.2.1", UserAgent: "Browser"})
}

// signIn must succeed.
func (p *people) signIn(name string) (core.Session, core.Secret) {
	p.Helper()
	session, cookie, err := p.try(name, password)
	if err != nil {
		p.Fatal(err)
	}
	return session, cookie
}

// signedIn tells whether somebody is at a browser with this cookie.
func (p *people) signedIn(cookie core.Secret) bool {
	p.Helper()
	_, _, there, err := p.Session(p.Context(), cookie)
	if err != nil {
		p.Error(err)
	}
	return there
}

func fullUser(name string) core.User {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return core.User{
		Subject: core.NewSubject(), Username: name, Admin: true, Disabled: true, Password: "$argon2id$secret", Generation: 7,
		CreatedAt: at, UpdatedAt: at.Add(time.Hour),
		Profile: core.Profile{
			Name: "Ann \"é\"", GivenName: "Ann", FamilyName: "A", Nickname: "a", Picture: "https://p.example/", Website: "https://w.example/", Birthdate: "2000-01-01",
			Zoneinfo: "Europe/Vienna", Locale: "de-AT", Email: "ann@marker.example", EmailVerified: true, Phone: "+431", PhoneVerified: true, Address: "1 Road\nTown",
		},
	}
}

func TestUserRoundTrip(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		want := fullUser("Ann@Shop.example")
		seen := fields{}
		seen.see(want)
		if left := seen.empty(); len(left) > 0 {
			t.Fatalf("the round trip leaves out %v", left)
		}
		if err := p.users.Add(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		stored, err := p.users.Stored(t.Context(), want.Subject)
		if err != nil || stored.User != want || stored.Stamp == (login.Stamp{}) {
			t.Errorf("%+v, %v", stored, err)
		}
		if cached, err := p.users.Stored(t.Context(), want.Subject); err != nil || cached != stored {
			t.Errorf("read again: %+v, %v", cached, err)
		}
		if reopened, err := storage.NewUsers(s.engine, issuer, s.ring).Stored(t.Context(), want.Subject); err != nil || reopened != stored {
			t.Errorf("by another process: %+v, %v", reopened, err)
		}
		if named, err := p.users.Named(t.Context(), "ann@shop.example"); err != nil || named != stored {
			t.Errorf("named: %+v, %v", named, err)
		}
		if user, found, err := p.users.User(t.Context(), want.Subject); err != nil || !found || user != want {
			t.Errorf("%+v, %t, %v", user, found, err)
		}
		for _, id := range []core.Subject{"", "nobody", want.Subject + "x", core.Subject(strings.Repeat("\x01", 256)), core.Subject(strings.Repeat("x", 5000))} {
			if user, found, err := p.users.User(t.Context(), id); err != nil || found || user != (core.User{}) {
				t.Errorf("%.20q: %+v, %t, %v", id, user, found, err)
			}
			if link, err := p.users.Link(t.Context(), id); err != nil || link != (login.Link{}) {
				t.Errorf("%.20q: %+v, %v", id, link, err)
			}
		}
		for _, account := range []login.Account{"", "bob", "nobody", "Ann@Shop.example", login.Account(strings.Repeat("x", 5000))} {
			if named, err := p.users.Named(t.Context(), account); err != nil || named != (login.Stored{}) {
				t.Errorf("%.20q: %+v, %v", account, named, err)
			}
		}
		if _, found, err := openPeople(s, "other").users.User(t.Context(), want.Subject); err != nil || found {
			t.Errorf("of another issuer: %t, %v", found, err)
		}
		for _, text := range []string{"argon2id", "marker.example", "Vienna"} {
			if s.shows(text) {
				t.Errorf("%s is in the store as it is", text)
			}
		}
	})
}

// A user in the place of another one does not open: nobody's password becomes somebody else's.
func TestMovedUser(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		ann, bob := fullUser("ann"), fullUser("bob")
		for _, u := range []core.User{ann, bob} {
			if err := p.users.Add(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
		from := s.records()[storage.NewKey(string(issuer), "user", string(bob.Subject))]
		s.apply(storage.Put(storage.NewKey(string(issuer), "user", string(ann.Subject)), from.Value, time.Time{}))
		user, found, err := p.users.User(t.Context(), ann.Subject)
		checkIs(t, "a moved user", err, seal.ErrBroken)
		if found || user != (core.User{}) {
			t.Errorf("read all the same: %+v", user)
		}
	})
}

// Of many who want one name at once, in whatever case, one gets it; the others leave nothing.
func TestNameOnce(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		var made atomic.Int64
		together(50, func(i int) {
			_, err := p.Create(t.Context(), login.NewUser{Username: []string{"ann", "ANN", "Ann"}[i%3]})
			if err == nil {
				made.Add(1)
			} else {
				checkCode(t, "a taken name", err, core.Conflict)
			}
		})
		if n := len(s.records()); made.Load() != 1 || n != 2 {
			t.Errorf("%d made, %d records", made.Load(), n)
		}
	})
}

// Of many who open a link at once one sets the password; nothing of the link is left.
func TestLinkOnce(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		ann := p.create("ann")
		before := s.records()
		first, _, err := p.Invite(t.Context(), ann.Subject)
		if err != nil {
			t.Fatal(err)
		}
		link, expires, err := p.Invite(t.Context(), ann.Subject)
		if _, proof, _ := strings.Cut(link.Reveal(), "."); err != nil || s.shows(proof) || !expires.Equal(s.clock.now().Add(login.LinkLifetime)) {
			t.Errorf("link until %s, %v, in clear %t", expires, err, s.shows(proof))
		}
		if _, good, err := p.LinkOwner(t.Context(), first); err != nil || good {
			t.Errorf("the link before it: %t, %v", good, err)
		}
		var set atomic.Int64
		together(8, func(i int) {
			_, err := p.SetPassword(t.Context(), link, core.Secret(fmt.Sprintf("password %d", i)))
			if err == nil {
				set.Add(1)
			} else {
				checkCode(t, "a used link", err, core.InvalidToken)
			}
		})
		if got := s.tables(before); set.Load() != 1 || got != "" {
			t.Errorf("%d passwords set, left in %s", set.Load(), got)
		}
		if u, _, _ := p.users.User(t.Context(), ann.Subject); u.Generation != ann.Generation+1 {
			t.Errorf("generation %d after %d", u.Generation, ann.Generation)
		}
		if _, _, err = p.Invite(t.Context(), ann.Subject); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(login.LinkLifetime)
		if got, err := p.users.Link(t.Context(), ann.Subject); err != nil || got != (login.Link{}) {
			t.Errorf("after its end: %+v, %v", got, err)
		}
		s.sweep()
		if got := s.tables(before); got != "" {
			t.Errorf("left in %s", got)
		}
	})
}

// Preconditions of writes about users are held by the store.
func TestUserPreconditions(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		p.create("ann")
		stale, _ := p.users.Named(t.Context(), "ann")
		ann := stale.User
		if err := p.EndAll(t.Context(), ann.Subject); err != nil {
			t.Fatal(err)
		}
		before := s.records()
		checkIs(t, "a stale write", p.users.Change(t.Context(), login.Change{Before: stale, After: ann}), login.ErrChanged)
		checkIs(t, "a stale removal", p.users.Change(t.Context(), login.Change{Before: stale, Forgives: true}), login.ErrChanged)
		checkIs(t, "a stale link", p.users.PutLink(t.Context(), stale, login.Link{ExpiresAt: s.clock.now().Add(time.Hour)}), login.ErrChanged)
		fresh, _ := p.users.Named(t.Context(), "ann")
		checkIs(t, "a link that is not there", p.users.Change(t.Context(), login.Change{Before: fresh, After: ann, Uses: login.Stamp{1}}), login.ErrUsed)
		if !reflect.DeepEqual(s.records(), before) {
			t.Error("a refused write left something")
		}
	})
}

// Whatever one process writes, another one that has read the user before sees it at once.
func TestUserIsNeverStale(t *testing.T) {
	onEach(t, func(s *store) {
		p, other := openPeople(s, issuer), openPeople(s, issuer)
		ann := p.create("ann")
		for round := range uint64(5) {
			for _, reader := range []*people{other, p} {
				if u, found, err := reader.users.User(t.Context(), ann.Subject); err != nil || !found || u.Generation != ann.Generation+round {
					t.Fatalf("generation %d after %d bumps, %t, %v", u.Generation, round, found, err)
				}
			}
			if err := p.EndAll(t.Context(), ann.Subject); err != nil {
				t.Fatal(err)
			}
		}
		if err := other.Delete(t.Context(), ann.Subject); err != nil {
			t.Fatal(err)
		}
		if _, found, err := p.users.User(t.Context(), ann.Subject); err != nil || found {
			t.Errorf("after it was deleted: %t, %v", found, err)
		}
	})
}

// Deleting a user leaves nothing that is found, and the name free.
func TestDeleteUser(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		bob := p.create("bob")
		before := s.records()
		ann := p.create("Ann")
		_, cookie := p.signIn("ann")
		if _, _, err := p.Invite(t.Context(), ann.Subject); err != nil {
			t.Fatal(err)
		}
		_, _, err := p.try("ANN", "wrong horse")
		checkCode(t, "wrong", err, core.AccessDenied)
		if got := s.tables(before); got != "password_link session session_by_user sign_in_tries user user_by_name" {
			t.Errorf("the user is in %s", got)
		}
		if err := p.Delete(t.Context(), ann.Subject); err != nil {
			t.Fatal(err)
		}
		if p.signedIn(cookie) {
			t.Error("signed in")
		}
		s.clock.advance(login.DefaultLifetime)
		s.sweep()
		if got := s.tables(before); got != "" {
			t.Errorf("left in %s", got)
		}
		if again := p.create("ann"); again.Subject == ann.Subject || p.signedIn(cookie) {
			t.Errorf("again %s, signed in %t", again.Subject, p.signedIn(cookie))
		}
		if u, _, _ := p.users.User(t.Context(), bob.Subject); u != bob {
			t.Errorf("somebody else is now %+v", u)
		}
	})
}

// Users are listed by name, in pages; a cursor can be neither read nor made up.
func TestUserPages(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		var want []string
		for i := range 25 {
			name := fmt.Sprintf("User%02d", i)
			if _, err := p.Create(t.Context(), login.NewUser{Username: name}); err != nil {
				t.Fatal(err)
			}
			want = append(want, name)
		}
		var last string
		for _, limit := range []int{1, 10, 25, 100} {
			var got []string
			for cursor := ""; ; {
				page, next, err := p.List(t.Context(), cursor, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, u := range page {
					got = append(got, u.User.Username)
				}
				if cursor = next; cursor == "" {
					break
				}
				last = next
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d list %v", limit, got)
			}
		}
		for what, cursor := range map[string]string{"made up": "user05", "cut": last[:len(last)-1], "not base64": "!", "long": strings.Repeat("x", 5000)} {
			_, _, err := p.List(t.Context(), cursor, 10)
			checkCode(t, what, err, core.InvalidRequest)
		}
		_, _, err := openPeople(s, "other").List(t.Context(), last, 10)
		checkCode(t, "of another issuer", err, core.InvalidRequest)
	})
}
