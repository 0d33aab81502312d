package bff_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
)

const tokenCalls = "POST /token"

// token gives the access token of a cookie.
func (s *site) token(b *bff.Backend, cookie core.Secret) string {
	s.Helper()
	token, err := b.AccessToken(s.Context(), cookie)
	if err != nil {
		s.Error(err)
	}
	return token.Reveal()
}

// A token is renewed when 30 seconds are left, of a short one when a fifth is.
func TestRenewedInTime(t *testing.T) {
	for life, early := range map[int]int{300: 30, 60: 12, 10: 2} {
		s := newSite(t)
		s.op.life = life
		if err := s.Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		cookie := s.signIn()
		s.clock.advance(time.Duration(life-early)*time.Second - time.Nanosecond)
		if got := s.token(s.Backend, cookie); got != "ACCESS-1" {
			t.Errorf("of %d s, before: %s", life, got)
		}
		s.clock.advance(time.Nanosecond)
		if got := s.token(s.Backend, cookie); got != "ACCESS-2" {
			t.Errorf("of %d s, then: %s", life, got)
		}
	}
}

// 25 calls near the end of a token are one refresh, and all get its token.
func TestOneRefreshAtATime(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	s.clock.advance(280 * time.Second)
	s.op.hold = make(chan struct{})
	var all sync.WaitGroup
	for range 25 {
		all.Go(func() {
			if got := s.token(s.Backend, cookie); got != "ACCESS-2" {
				t.Errorf("got %s", got)
			}
		})
	}
	close(s.op.hold)
	all.Wait()
	if n := s.op.count(tokenCalls); n != 2 { // the code and one refresh
		t.Errorf("%d token calls", n)
	}
}

// Refreshes that are asked for while one is under way get its outcome.
func TestForcedRefreshesJoin(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	s.op.hold = make(chan struct{})
	first, ctx := make(chan error), t.Context()
	go func() { first <- second(s.Refresh(ctx, cookie)) }()
	eventually(t, func() bool { return s.op.count(tokenCalls) == 2 })
	impatient, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Refresh(impatient, cookie); !errors.Is(err, context.Canceled) {
		t.Errorf("who gives up waiting: %v", err)
	}
	close(s.op.hold)
	if err := <-first; err != nil || s.op.count(tokenCalls) != 2 {
		t.Errorf("%v, %d token calls", err, s.op.count(tokenCalls))
	}
}

// Two replicas that renew at once: the one that stores later takes what the other one stored.
func TestReplicasAgree(t *testing.T) {
	s := open(t)
	other := s.replica(settings())
	if err := other.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	cookie := s.signIn()
	s.clock.advance(280 * time.Second)
	s.op.hold = make(chan struct{})
	late := make(chan string)
	go func() { late <- s.token(s.Backend, cookie) }()
	eventually(t, func() bool { return s.op.count(tokenCalls) == 2 })
	hash := cookie.Hash()
	who, tokens, _ := s.store.Tokens(t.Context(), hash)
	tokens.Access, tokens.AccessUntil = "OTHERS", s.clock.now().Add(time.Hour)
	if err := s.store.UpdateTokens(t.Context(), who, tokens); err != nil {
		t.Fatal(err)
	}
	close(s.op.hold)
	if got := <-late; got != "OTHERS" || s.token(other, cookie) != "OTHERS" {
		t.Errorf("the late one has %s", got)
	}
}

// A refused refresh token ends the session, unless another replica has a newer one.
func TestRefusedRefreshEndsTheSession(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	s.op.refresh = "" // the issuer has revoked it
	s.clock.advance(280 * time.Second)
	_, err := s.AccessToken(t.Context(), cookie)
	s.wantCode("token", err, core.InvalidToken)
	if who, err := s.Session(t.Context(), cookie); err != nil || who.Subject != "" {
		t.Errorf("the session lives: %+v, %v", who, err)
	}
	_, err = s.Refresh(t.Context(), cookie)
	s.wantCode("refresh", err, core.InvalidToken)

	cookie = s.signIn()
	s.op.hold, s.op.refresh = make(chan struct{}), ""
	s.clock.advance(280 * time.Second)
	late := make(chan string)
	before := s.op.count(tokenCalls)
	go func() { late <- s.token(s.Backend, cookie) }()
	eventually(t, func() bool { return s.op.count(tokenCalls) == before+1 })
	who, tokens, _ := s.store.Tokens(t.Context(), cookie.Hash())
	tokens.Access = "OTHERS"
	if err := s.store.UpdateTokens(t.Context(), who, tokens); err != nil {
		t.Fatal(err)
	}
	close(s.op.hold)
	if got := <-late; got != "OTHERS" {
		t.Errorf("got %s", got)
	}
}

// A page that asks again and again has the issuer asked once in five seconds, each session for itself, also when it fails.
func TestForcedRefreshesArePaced(t *testing.T) {
	s := open(t)
	for _, cookie := range []core.Secret{s.signIn(), s.signIn()} {
		for _, after := range []time.Duration{0, time.Second, 4 * time.Second, time.Second, 4 * time.Second, 11 * time.Second} {
			s.clock.advance(after)
			before, due := s.op.count(tokenCalls), after != time.Second
			s.op.refresh = s.store.tokens[cookie.Hash()].Refresh.Reveal()
			s.op.failing(tokenCalls, 503, "")
			who, err := s.Refresh(t.Context(), cookie)
			if err != nil || who.Subject != "u-alice" {
				t.Errorf("after %v: %+v, %v", after, who, err)
			}
			s.op.healed(tokenCalls)
			for range 10 {
				if who, err := s.Refresh(t.Context(), cookie); err != nil || who.Subject != "u-alice" {
					t.Errorf("after %v: %+v, %v", after, who, err)
				}
			}
			if asked := s.op.count(tokenCalls) - before; asked > 1 || (asked == 1) != due {
				t.Errorf("after %v the issuer was asked %d times", after, asked)
			}
		}
		if got := s.token(s.Backend, cookie); got == "" {
			t.Error("no token")
		}
	}
	if _, err := s.Refresh(t.Context(), s.signIn()); err != nil || len(s.op.revoked) > 0 {
		t.Errorf("%v, revoked %v", err, s.op.revoked)
	}
}

// A sign-out while tokens are being renewed: the new ones are revoked too.
func TestSignOutDuringRefresh(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	s.op.hold = make(chan struct{})
	late, ctx := make(chan error), t.Context()
	go func() { late <- second(s.Refresh(ctx, cookie)) }()
	eventually(t, func() bool { return s.op.count(tokenCalls) == 2 })
	if _, err := s.Logout(t.Context(), home, cookie); err != nil {
		t.Fatal(err)
	}
	close(s.op.hold)
	s.wantCode("refresh", <-late, core.InvalidToken)
	if got := fmt.Sprint(s.op.revoked); got != "[REFRESH-1 REFRESH-2]" {
		t.Errorf("revoked %s", got)
	}
}

// While the issuer is out of order a token serves to its end; then calls are told to try again, and the session stays.
func TestIssuerOutOfOrder(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	s.op.failing(tokenCalls, 503, "")
	s.clock.advance(280 * time.Second)
	if got := s.token(s.Backend, cookie); got != "ACCESS-1" {
		t.Errorf("near the end: %s", got)
	}
	s.clock.advance(20 * time.Second)
	_, err := s.AccessToken(t.Context(), cookie)
	s.wantCode("at the end", err, core.TemporarilyUnavailable)
	s.op.healed(tokenCalls)
	if got := s.token(s.Backend, cookie); got != "ACCESS-2" {
		t.Errorf("healed: %s", got)
	}
}

// A refresh answer without a refresh token leaves the old one in force; a session without any ends with its access token.
func TestWithoutRefreshToken(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	s.op.failing(tokenCalls, 200, `{"access_token":"A","token_type":"Bearer"}`)
	if _, err := s.Refresh(t.Context(), cookie); err != nil || s.token(s.Backend, cookie) != "A" {
		t.Error(err)
	}
	if got := s.store.tokens[cookie.Hash()].Refresh.Reveal(); got != "REFRESH-1" {
		t.Errorf("refresh token %q", got)
	}
	who, tokens, _ := s.store.Tokens(t.Context(), cookie.Hash())
	tokens.Refresh = ""
	if err := s.store.UpdateTokens(t.Context(), who, tokens); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(5*time.Minute - time.Second)
	if got := s.token(s.Backend, cookie); got != "A" {
		t.Errorf("near the end: %s", got)
	}
	s.clock.advance(time.Second)
	_, err := s.AccessToken(t.Context(), cookie)
	s.wantCode("at the end", err, core.InvalidToken)
	if len(s.store.sessions) > 0 {
		t.Error("the session lives")
	}
}

// A session has an end, whatever is refreshed.
func TestSessionEnds(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	for range 8 {
		s.clock.advance(time.Hour - time.Second)
		if _, err := s.Refresh(t.Context(), cookie); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.advance(8 * time.Second)
	who, err := s.Session(t.Context(), cookie)
	if err != nil || who.Subject != "" {
		t.Errorf("%+v, %v", who, err)
	}
	for _, cookie := range []core.Secret{cookie, "", "unknown"} {
		_, err = s.AccessToken(t.Context(), cookie)
		s.wantCode("token", err, core.InvalidToken)
		_, err = s.Refresh(t.Context(), cookie)
		s.wantCode("refresh", err, core.InvalidToken)
	}
}

// The issuer's failure to revoke or to end its session keeps nobody signed in here.
func TestLogoutHoldsAnyway(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	s.op.failing("POST /revoke", 500, "")
	if to, err := s.Logout(t.Context(), "elsewhere", cookie); err != nil || to == "/" {
		t.Errorf("%q, %v", to, err)
	}
	if len(s.store.sessions)+len(s.store.tokens) > 0 {
		t.Error("the session lives")
	}
}
