package login_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

func TestSignIn(t *testing.T) {
	h := open(t)
	ann := h.create("Ann")
	session, cookie, err := h.SignIn(t.Context(), login.Attempt{
		Username: "aNN", Password: password, IP: "192.0.2.7", UserAgent: strings.Repeat("é", 200),
	})
	if err != nil {
		t.Fatal(err)
	}
	if session.Subject != ann.Subject || session.UserGeneration != ann.Generation || !session.AuthTime.Equal(h.at) || !session.CreatedAt.Equal(h.at) ||
		!session.ExpiresAt.Equal(h.at.Add(login.DefaultLifetime)) || !slices.Equal(session.Methods, []string{"pwd"}) || session.IP != "192.0.2.7" ||
		!strings.HasPrefix(string(session.ID), "s-") || len(session.UserAgent) != 256 {
		t.Errorf("session %+v", session)
	}
	got, user, there, err := h.Session(t.Context(), cookie)
	if err != nil || !there || got.ID != session.ID || user != ann {
		t.Errorf("at the browser: %+v, %+v, %t, %v", got, user, there, err)
	}
	for _, other := range []core.Secret{"", cookie[:42], cookie + "A", core.NewSecret(), core.Secret(session.ID), core.Secret(cookie.Hash().String())} {
		if h.signedIn(other) {
			t.Errorf("signed in by %d other bytes", len(other))
		}
	}
	h.advance(login.DefaultLifetime)
	if h.signedIn(cookie) {
		t.Error("signed in after the end of the session")
	}
}

// A sign-in never takes over the secret that the browser brought, and ends what it stood for.
func TestNewSecretForEachSignIn(t *testing.T) {
	h := open(t)
	h.create("ann")
	_, first := h.signIn("ann", password)
	_, second, err := h.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password, Cookie: first})
	if err != nil || second == first || h.signedIn(first) || !h.signedIn(second) {
		t.Errorf("second sign-in: %v, same secret %t, first %t, second %t", err, second == first, h.signedIn(first), h.signedIn(second))
	}
	planted := core.NewSecret()
	if _, third, err := h.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password, Cookie: planted}); err != nil || third == planted || h.signedIn(planted) {
		t.Errorf("a planted cookie: %v, signed in %t", err, h.signedIn(planted))
	}
	if _, _, err := h.SignIn(t.Context(), login.Attempt{Username: "ann", Password: "wrong password", Cookie: second}); err == nil || !h.signedIn(second) {
		t.Errorf("a failed try ended the session, %v", err)
	}
}

// Who proves again to be the same person stays in the session ("sid"); another person, or one signed out since, gets a new one.
func TestSameSessionGoesOn(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	h.create("bob")
	first, cookie := h.signIn("ann", password)
	sign := func(name string) core.Session {
		t.Helper()
		session, next, err := h.SignIn(t.Context(), login.Attempt{Username: name, Password: password, Cookie: cookie})
		if err != nil {
			t.Fatal(err)
		}
		cookie = next
		return session
	}
	if again := sign("ann"); again.ID != first.ID {
		t.Errorf("the same person: %s, then %s", first.ID, again.ID)
	}
	if other := sign("bob"); other.ID == first.ID {
		t.Error("another person took over the session")
	}
	third := sign("ann")
	if err := h.EndAll(t.Context(), ann.Subject); err != nil {
		t.Fatal(err)
	}
	if after := sign("ann"); after.ID == third.ID {
		t.Error("a session that was ended goes on")
	}
}

// Whatever is wrong, the answer is the same and one hash of the same cost was made.
func TestWrongIsAlike(t *testing.T) {
	h := open(t)
	h.create("ann")
	off := h.create("off")
	yes := true
	if _, err := h.Update(t.Context(), off.Subject, login.Edit{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Create(t.Context(), login.NewUser{Username: "new"}); err != nil {
		t.Fatal(err)
	}
	faces := map[string]bool{}
	for name, a := range map[string]login.Attempt{
		"wrong password":   {Username: "ann", Password: "wrong horse"},
		"no password sent": {Username: "Ann"},
		"cut short":        {Username: "ann", Password: password[:12]},
		"and more":         {Username: "ann", Password: password + "\x00"},
		"other case":       {Username: "ann", Password: "Correct horse"},
		"very long":        {Username: "new", Password: core.Secret(strings.Repeat("x", 100000))},
		"unknown":          {Username: "bob", Password: password},
		"disabled":         {Username: "off", Password: password},
		"none yet":         {Username: "new", Password: password},
		"none, empty":      {Username: "NEW", Password: ""},
		"no name":          {Password: password},
		"impossible name":  {Username: "an n\x00' OR 1=1", Password: password},
		"look-alike":       {Username: "\u212aann", Password: password},
		"a very long name": {Username: strings.Repeat("x", 100000), Password: password},
		"a subject":        {Username: string(off.Subject), Password: password},
	} {
		before := h.hashes.Load()
		session, cookie, err := h.SignIn(t.Context(), a)
		e := core.AsError(err)
		faces[fmt.Sprintf("%s %q %v", e.Code, e.Detail, e.RetryAfter)] = true
		if !errors.Is(err, login.ErrWrong) || session.ID != "" || cookie != "" {
			t.Errorf("%s: %v", name, err)
		}
		if n := h.hashes.Load() - before; n != 1 {
			t.Errorf("%s: %d hashes", name, n)
		}
	}
	if len(faces) != 1 || len(h.costs) != 1 || len(h.vault.sessions) != 0 {
		t.Errorf("answers %v, costs %v, %d sessions", faces, h.costs, len(h.vault.sessions))
	}
}

// Some tries are free; then each costs a wait that doubles up to a bound. Spelling, address and restart make no difference, and
// it is the same for a name that nobody has.
func TestThrottle(t *testing.T) {
	h := open(t)
	h.create("ann")
	minutes := []int{0, 0, 0, 0, 1, 2, 4, 8, 15, 15, 15}
	for _, spellings := range [][]string{{"ann", "ANN", "aNn"}, {"nobody", "NoBody"}, {"no name !", "NO NAME !"}} {
		for i, minutes := range minutes {
			a := login.Attempt{Username: spellings[i%len(spellings)], Password: "wrong horse", IP: fmt.Sprintf("192.0.2.%d", i)}
			_, _, err := h.another().SignIn(t.Context(), a)
			checkCode(t, err, core.AccessDenied, "Wrong")
			if minutes == 0 {
				continue
			}
			before, wait := h.hashes.Load(), time.Duration(minutes)*time.Minute
			h.advance(wait / 2)
			for _, name := range spellings {
				_, _, err = h.another().SignIn(t.Context(), login.Attempt{Username: name, Password: password, IP: "198.51.100.1"})
				checkCode(t, err, core.TooManyRequests, "Wait")
				if got := core.AsError(err).RetryAfter; got != wait/2 || h.hashes.Load() != before {
					t.Fatalf("%s after try %d: wait %s of %s, %d hashes", name, i+1, got, wait, h.hashes.Load()-before)
				}
			}
			h.advance(wait / 2)
		}
	}
	if _, cookie := h.signIn("ann", password); !h.signedIn(cookie) {
		t.Error("the owner cannot sign in after the wait")
	}
	for range 4 {
		_, _, err := h.try("ann", "wrong horse")
		checkCode(t, err, core.AccessDenied, "Wrong")
	}
	h.signIn("ann", password) // the count had begun anew
}

// Who fails now and then is not throttled, and what strangers typed is forgotten.
func TestTriesAreForgotten(t *testing.T) {
	h := open(t)
	for range 10 {
		for range 4 {
			_, _, err := h.try("ann", "wrong horse")
			checkCode(t, err, core.AccessDenied, "Wrong")
		}
		h.advance(time.Hour)
	}
	if tries, err := h.vault.Tries(t.Context(), "ann"); err != nil || tries.Count != 0 {
		t.Errorf("%+v, %v", tries, err)
	}
}

// Of many guesses at once, by many processes, no more are compared than one after the other.
func TestParallelGuesses(t *testing.T) {
	h := open(t)
	h.create("ann")
	for _, name := range []string{"ann", "nobody"} {
		before := h.hashes.Load()
		desks := []*login.Desk{h.Desk, h.another(), h.another()}
		var wrong, throttled atomic.Int64
		together(200, func(i int) {
			spelled := strings.Map(func(c rune) rune {
				if i%2 == 0 {
					return c - 'a' + 'A'
				}
				return c
			}, name)
			_, _, err := desks[i%len(desks)].SignIn(t.Context(), login.Attempt{Username: spelled, Password: core.Secret(fmt.Sprintf("guess %d...", i))})
			switch core.CodeOf(err) {
			case core.AccessDenied:
				wrong.Add(1)
			case core.TooManyRequests:
				throttled.Add(1)
			default:
				t.Error(err)
			}
		})
		if got := h.hashes.Load() - before; got != 5 || wrong.Load() != 5 || throttled.Load() != 195 {
			t.Errorf("%s: %d hashes, %d wrong, %d throttled", name, got, wrong.Load(), throttled.Load())
		}
	}
}

// Only so many hashes are made at once; who cannot wait any longer is told to come again, and has made no try.
func TestHashesAtOnce(t *testing.T) {
	h := open(t)
	var now, most atomic.Int64
	entered, leave := make(chan struct{}), make(chan struct{})
	h.Deriving(func(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte {
		for n := now.Add(1); ; {
			if is := most.Load(); is >= n || most.CompareAndSwap(is, n) {
				break
			}
		}
		entered <- struct{}{}
		<-leave
		now.Add(-1)
		return login.Quick(password, salt, passes, memory, threads, keyLength)
	})
	n := h.Places()
	done := make(chan error)
	for i := range 3 * n {
		go func() {
			_, _, err := h.SignIn(t.Context(), login.Attempt{Username: fmt.Sprint("user", i), Password: "wrong horse", IP: fmt.Sprint("192.0.2.", i)})
			done <- err
		}()
	}
	for range n {
		<-entered
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := h.SignIn(ctx, login.Attempt{Username: "late", Password: "wrong horse"})
	checkCode(t, err, core.TemporarilyUnavailable, "try again")
	if tries, _ := h.vault.Tries(t.Context(), "late"); tries.Count != 0 {
		t.Errorf("%d tries counted", tries.Count)
	}
	go func() {
		for range 2 * n {
			<-entered
		}
	}()
	for range 3 * n {
		leave <- struct{}{}
		checkCode(t, <-done, core.AccessDenied, "Wrong")
	}
	if most.Load() != int64(n) {
		t.Errorf("%d hashes at once, %d places", most.Load(), n)
	}
}

// One account may sign in from as many places at once as it likes: the tries take turns, so that right ones never close it.
func TestManyRightAtOnce(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if _, _, err := h.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if sessions, err := h.Sessions(t.Context(), ann.Subject, "", 100); err != nil || len(sessions) != 40 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}
