package storage_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

func TestSessionRoundTrip(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		now, cookie := s.clock.now(), core.NewSecret()
		want := core.Session{
			ID: core.NewSessionID(now), Kind: core.ConsoleSession, Subject: "u-1", UserGeneration: 3, AuthTime: now, Methods: []string{"pwd", "otp"}, CreatedAt: now.Add(time.Second),
			ExpiresAt: now.Add(time.Hour), IP: "192.0.2.1", UserAgent: "Browser \"é\"",
		}
		seen := fields{}
		seen.see(want)
		if left := seen.empty(); len(left) > 0 {
			t.Fatalf("the round trip leaves out %v", left)
		}
		if err := p.sessions.Begin(t.Context(), login.Beginning{Session: want, Cookie: cookie.Hash()}); err != nil {
			t.Fatal(err)
		}
		got, err := p.sessions.Session(t.Context(), cookie.Hash())
		list, err2 := p.sessions.SessionsOf(t.Context(), "u-1", "", 10)
		if err != nil || err2 != nil || !reflect.DeepEqual(got, want) || len(list) != 1 || !reflect.DeepEqual(list[0], want) {
			t.Errorf("got %+v, %v; listed %+v, %v; want %+v", got, err, list, err2, want)
		}
		if none, err := openPeople(s, "other").sessions.Session(t.Context(), cookie.Hash()); err != nil || none.ID != "" {
			t.Errorf("of another issuer: %+v, %v", none, err)
		}
		if s.shows(cookie.Reveal()) {
			t.Error("the cookie is in the store")
		}
		for _, id := range []core.Subject{"", "u-", "u-1x", core.Subject(strings.Repeat("\x01", 5000))} {
			if list, err := p.sessions.SessionsOf(t.Context(), id, "", 10); err != nil || len(list) > 0 {
				t.Errorf("%.20q: %+v, %v", id, list, err)
			}
			if found, err := p.sessions.End(t.Context(), id, want.ID); err != nil || found {
				t.Errorf("%.20q: ended %t, %v", id, found, err)
			}
		}
		for _, session := range []core.SessionID{"", "s-1", want.ID + "x", core.SessionID(strings.Repeat("\x01", 5000))} {
			if found, err := p.sessions.End(t.Context(), "u-1", session); err != nil || found {
				t.Errorf("%.20q: ended %t, %v", session, found, err)
			}
		}
		_, err = p.sessions.SessionsOf(t.Context(), "u-1", core.SessionID(strings.Repeat("x", 5000)), 10)
		checkCode(t, "after what is no id", err, core.InvalidRequest)
	})
}

// A sign-in ends the session that the browser had, its own and nobody else's, and leaves no tries.
func TestSessionReplaces(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		ann := p.create("ann")
		p.create("bob")
		before := s.records()
		_, _, err := p.try("ann", "wrong horse")
		checkCode(t, "wrong", err, core.AccessDenied)
		_, elsewhere := p.signIn("ann")
		_, first := p.signIn("bob")
		session, second, err := p.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password, Cookie: first})
		if err != nil || p.signedIn(first) || !p.signedIn(second) || !p.signedIn(elsewhere) {
			t.Errorf("%v: before %t, now %t, elsewhere %t", err, p.signedIn(first), p.signedIn(second), p.signedIn(elsewhere))
		}
		if got := s.tables(before); got != "session session_by_user" || len(s.records()) != len(before)+4 {
			t.Errorf("%s, %d records", got, len(s.records())-len(before))
		}
		again, third, err := p.SignIn(t.Context(), login.Attempt{Username: "Ann", Password: password, Cookie: second})
		if err != nil || again.ID != session.ID || p.signedIn(second) || !p.signedIn(third) || len(s.records()) != len(before)+4 {
			t.Errorf("the same person again: %v, session %s then %s, %d records", err, session.ID, again.ID, len(s.records())-len(before))
		}
		second = third
		var ended atomic.Int64
		together(20, func(int) {
			found, err := p.sessions.End(t.Context(), ann.Subject, session.ID)
			if err != nil {
				t.Error(err)
			}
			if found {
				ended.Add(1)
			}
		})
		if ended.Load() != 1 || p.signedIn(second) || !p.signedIn(elsewhere) {
			t.Errorf("ended %d times, signed in %t, elsewhere %t", ended.Load(), p.signedIn(second), p.signedIn(elsewhere))
		}
		if err := p.SignOut(t.Context(), elsewhere); err != nil {
			t.Error(err)
		}
		if got := s.tables(before); got != "" {
			t.Errorf("left in %s", got)
		}
	})
}

// Sessions are listed newest first, in pages, those of one user only; they end by themselves.
func TestSessionPages(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		var want []core.SessionID
		begin := func(of core.Subject) core.SessionID {
			s.clock.advance(time.Millisecond)
			now := s.clock.now()
			session := core.Session{ID: core.NewSessionID(now), Subject: of, ExpiresAt: now.Add(time.Hour)}
			if err := p.sessions.Begin(t.Context(), login.Beginning{Session: session, Cookie: core.NewSecret().Hash()}); err != nil {
				t.Fatal(err)
			}
			return session.ID
		}
		for range 23 {
			want = append(want, begin("u-1"))
			begin("u-11")
		}
		slices.Reverse(want)
		for _, limit := range []int{1, 10, 23, 100} {
			var got []core.SessionID
			for after := core.SessionID(""); ; {
				page, err := p.sessions.SessionsOf(t.Context(), "u-1", after, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, session := range page {
					got, after = append(got, session.ID), session.ID
				}
				if len(page) < limit {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d: %v", limit, got)
			}
		}
		s.clock.advance(time.Hour)
		if list, err := p.sessions.SessionsOf(t.Context(), "u-1", "", 100); err != nil || len(list) > 0 {
			t.Errorf("after their end: %d, %v", len(list), err)
		}
		s.sweep()
		if n := len(s.records()); n != 0 {
			t.Errorf("%d records left", n)
		}
	})
}

// Of many guesses at once, by two processes on one store, five are compared; then the account waits, whoever asks.
func TestGuessesAtOnce(t *testing.T) {
	onEach(t, func(s *store) {
		p, other := openPeople(s, issuer), openPeople(s, issuer)
		p.create("ann")
		for _, name := range []string{"ann", "nobody"} {
			var wrong, throttled atomic.Int64
			together(200, func(i int) {
				desk := []*people{p, other}[i%2]
				_, _, err := desk.try(strings.ToUpper(name[:1])+name[1:], core.Secret(fmt.Sprintf("guess %d...", i)))
				switch core.CodeOf(err) {
				case core.AccessDenied:
					wrong.Add(1)
				case core.TooManyRequests:
					throttled.Add(1)
				default:
					t.Error(err)
				}
			})
			if wrong.Load() != 5 || throttled.Load() != 195 {
				t.Errorf("%s: %d compared, %d throttled", name, wrong.Load(), throttled.Load())
			}
			_, _, err := openPeople(s, issuer).try(name, password)
			checkCode(t, "the right one", err, core.TooManyRequests)
		}
		s.clock.advance(time.Minute)
		p.signIn("ann")
		s.clock.advance(login.DefaultLifetime)
		s.sweep()
		if got := s.tables(nil); got != "user user_by_name" {
			t.Errorf("left in %s", got)
		}
		if s.shows("nobody") {
			t.Error("what a stranger typed is in the store")
		}
	})
}

// A session forgets the tries at the account that its beginning names, and nobody's when it names none.
func TestBeginForgetsTries(t *testing.T) {
	onEach(t, func(s *store) {
		p := openPeople(s, issuer)
		expires := s.clock.now().Add(time.Hour)
		for _, account := range []login.Account{"ann", "bob"} {
			if err := p.users.CountTry(t.Context(), account, login.Tries{Count: 1}, expires); err != nil {
				t.Fatal(err)
			}
		}
		for i, of := range []login.Account{"", "ann"} {
			session := core.Session{ID: core.NewSessionID(s.clock.now()), Subject: "u-1", ExpiresAt: expires}
			if err := p.sessions.Begin(t.Context(), login.Beginning{Session: session, Cookie: core.NewSecret().Hash(), Account: of}); err != nil {
				t.Fatal(err)
			}
			ann, err := p.users.Tries(t.Context(), "ann")
			bob, err2 := p.users.Tries(t.Context(), "bob")
			if err != nil || err2 != nil || ann.Count != 1-i || bob.Count != 1 {
				t.Errorf("after %q: %+v, %+v, %v, %v", of, ann, bob, err, err2)
			}
		}
		for range 2 { // also when there are none
			if err := p.users.ForgetTries(t.Context(), "bob"); err != nil {
				t.Fatal(err)
			}
			if bob, err := p.users.Tries(t.Context(), "bob"); err != nil || bob.Count != 0 {
				t.Errorf("forgotten: %+v, %v", bob, err)
			}
		}
	})
}
