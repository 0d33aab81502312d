package bff_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
)

// among opens a site whose store knows the issuer's people: alice, signed in there for an hour.
func among(t *testing.T) *site {
	t.Helper()
	s := open(t)
	s.store.people, s.store.person.Generation = true, 3
	s.store.issued = core.Session{ID: "s-1", Subject: "u-alice", UserGeneration: 3, ExpiresAt: s.clock.now().Add(time.Hour)}
	return s
}

// What becomes of the person, or of the session with the issuer, ends a session at once, whatever is asked of it.
func TestVoidAtOnce(t *testing.T) {
	asked := map[string]func(*site, core.Secret) error{
		"session": func(s *site, cookie core.Secret) error {
			who, err := s.Session(s.Context(), cookie)
			if err == nil && who == (bff.Session{}) {
				return core.Refuse(core.InvalidToken, "nobody")
			}
			return fmt.Errorf("%+v, %w", who, err)
		},
		"token":   func(s *site, cookie core.Secret) error { _, err := s.AccessToken(s.Context(), cookie); return err },
		"refresh": func(s *site, cookie core.Secret) error { return second(s.Refresh(s.Context(), cookie)) },
	}
	for what, change := range map[string]func(*memory){
		"signed out everywhere": func(m *memory) { m.person.Generation++ },
		"disabled or deleted":   func(m *memory) { m.person.Generation = 0 },
		"its client is gone":    func(m *memory) { m.person.ClientGeneration = 5 },
		"signed out":            func(m *memory) { m.issued.ID = "" },
	} {
		for name, ask := range asked {
			t.Run(what+"/"+name, func(t *testing.T) {
				s := among(t)
				cookie := s.signIn()
				if token := s.token(s.Backend, cookie); token != "ACCESS-1" {
					t.Fatalf("before: %s", token)
				}
				change(s.store)
				s.wantCode("then", ask(s, cookie), core.InvalidToken)
				if len(s.store.sessions)+len(s.store.tokens) > 0 || fmt.Sprint(s.op.revoked) != "[REFRESH-1]" || s.op.count(tokenCalls) != 1 {
					t.Errorf("left %v, revoked %v", s.store.sessions, s.op.revoked)
				}
				s.store.person, s.store.issued.ID = bff.Standing{Generation: 3}, "s-1"
				s.wantCode("for good", ask(s, cookie), core.InvalidToken)
			})
		}
	}
}

// A session outlives the issuer's own when that one comes to its end by itself, and still ends with its person.
func TestOutlivesTheIssuersSession(t *testing.T) {
	s := among(t)
	cookie := s.signIn()
	s.clock.advance(time.Hour)
	if who, err := s.Session(t.Context(), cookie); err != nil || who.Subject != "u-alice" {
		t.Errorf("session: %+v, %v", who, err)
	}
	if got := s.token(s.Backend, cookie); got != "ACCESS-2" {
		t.Errorf("token: %s", got)
	}
	s.store.person.Generation++
	if who, err := s.Session(t.Context(), cookie); err != nil || who != (bff.Session{}) {
		t.Errorf("then: %+v, %v", who, err)
	}
}

// Who is signed out while a login is under way stays out, whichever way; the tokens of that login are revoked.
func TestSignedOutDuringLogin(t *testing.T) {
	s := among(t)
	r := s.begin("/")
	s.store.issued.ID = ""
	_, err := s.Callback(t.Context(), r)
	s.wantCode("the issuer's session has ended", err, core.InvalidGrant)
	if len(s.store.sessions) > 0 || fmt.Sprint(s.op.revoked) != "[REFRESH-1]" {
		t.Errorf("left %v, revoked %v", s.store.sessions, s.op.revoked)
	}
	s.store.issued.ID = "s-1"
	s.store.person.Generation++ // while the token was on its way: the session with the issuer is of the generation before
	if who, err := s.Session(t.Context(), s.signIn()); err != nil || who != (bff.Session{}) {
		t.Errorf("signed out everywhere: %+v, %v", who, err)
	}
}

// Many that find a session void at once: one of them removes it, all answer as nobody, also when the store takes no writes.
func TestVoidOnce(t *testing.T) {
	s := among(t)
	cookie := s.signIn()
	s.store.person.Generation++
	s.store.refuse = errors.New("no space")
	nobody := func() {
		if who, err := s.Session(t.Context(), cookie); err != nil || who != (bff.Session{}) {
			t.Errorf("session: %+v, %v", who, err)
		}
		_, err := s.AccessToken(t.Context(), cookie)
		s.wantCode("token", err, core.InvalidToken)
	}
	nobody()
	s.store.refuse = nil
	var all sync.WaitGroup
	for range 25 {
		all.Go(nobody)
	}
	all.Wait()
	if len(s.store.sessions) > 0 || len(s.op.revoked) != 1 {
		t.Errorf("left %v, revoked %v", s.store.sessions, s.op.revoked)
	}
}
