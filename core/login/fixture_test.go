package login_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

// house is a desk over a vault, whose hashes cost nothing and are counted.
type house struct {
	*testing.T
	*login.Desk
	vault *vault

	mu     sync.Mutex
	at     time.Time
	hashes atomic.Int64
	policy policy
	costs  map[string]bool // what the hashes took
}

const password core.Secret = "correct horse"

func open(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), costs: map[string]bool{}}
	h.vault = &vault{
		now: h.now, users: map[core.Subject]login.Stored{}, names: map[login.Account]core.Subject{}, links: map[core.Subject]login.Link{},
		tries: map[login.Account]counted{}, sessions: map[core.SecretHash]core.Session{},
	}
	h.Desk = h.another()
	return h
}

// another is a second process over the same vault.
func (h *house) another() *login.Desk {
	d := login.NewDesk(login.Parts{Users: h.vault, Links: h.vault, Throttle: h.vault, Sessions: h.vault, Policy: &h.policy, Now: h.now})
	d.Deriving(func(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte {
		h.hashes.Add(1)
		h.mu.Lock()
		h.costs[fmt.Sprint(passes, memory, threads, keyLength, len(salt))] = true
		h.mu.Unlock()
		return login.Quick(password, salt, passes, memory, threads, keyLength)
	})
	return d
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *house) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// create makes a user with the usual password.
func (h *house) create(name string) core.User {
	h.Helper()
	made, err := h.Create(h.Context(), login.NewUser{Username: name, Password: password})
	if err != nil {
		h.Fatal(err)
	}
	return made.User
}

// signIn must succeed.
func (h *house) signIn(name string, password core.Secret) (core.Session, core.Secret) {
	h.Helper()
	session, cookie, err := h.try(name, password)
	if err != nil {
		h.Fatal(err)
	}
	return session, cookie
}

func (h *house) try(name string, password core.Secret) (core.Session, core.Secret, error) {
	return h.SignIn(h.Context(), login.Attempt{Username: name, Password: password, IP: "192.0.2.1", UserAgent: "Browser"})
}

// signedIn tells whether somebody is at a browser with this cookie.
func (h *house) signedIn(cookie core.Secret) bool {
	h.Helper()
	session, user, there, err := h.Session(h.Context(), cookie)
	if err != nil || there != (session.ID != "") || there != (user.Subject != "") {
		h.Errorf("session %+v of %+v, %t, %v", session, user, there, err)
	}
	return there
}

func (h *house) invite(id core.Subject) core.Secret {
	h.Helper()
	link, expires, err := h.Invite(h.Context(), id)
	if err != nil || !expires.Equal(h.now().Add(login.LinkLifetime)) {
		h.Fatalf("link until %s, %v", expires, err)
	}
	return link
}

// checkCode wants an error of a code that says something.
func checkCode(t *testing.T, err error, code core.Code, says string) {
	t.Helper()
	if core.CodeOf(err) != code || !strings.Contains(core.AsError(err).Detail, says) {
		t.Errorf("error %v, want %s with %q", err, code, says)
	}
}

// together starts n calls at once and waits for all.
func together(n int, call func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	all.Wait()
}

type counted struct {
	login.Tries
	expires time.Time
}

// vault keeps everything in memory, as strict about stamps as a real store.
type vault struct {
	now      func() time.Time
	mu       sync.Mutex
	last     uint64
	users    map[core.Subject]login.Stored
	names    map[login.Account]core.Subject
	links    map[core.Subject]login.Link
	tries    map[login.Account]counted
	sessions map[core.SecretHash]core.Session
	before   func() // what happens just before a change; nil: nothing
	counted  int    // how often a try was
}

func (v *vault) stamp() (s login.Stamp) {
	v.last++
	binary.BigEndian.PutUint64(s[:], v.last)
	return s
}

func (v *vault) Stored(_ context.Context, id core.Subject) (login.Stored, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.users[id], nil
}

func (v *vault) Named(_ context.Context, a login.Account) (login.Stored, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.users[v.names[a]], nil
}

func (v *vault) Page(_ context.Context, cursor string, limit int) ([]login.Stored, string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var page []login.Stored
	for _, name := range slices.Sorted(maps.Keys(v.names)) {
		if string(name) > cursor && len(page) < limit {
			page, cursor = append(page, v.users[v.names[name]]), string(name)
		}
	}
	if len(page) < limit {
		cursor = ""
	}
	return page, cursor, nil
}

func (v *vault) Add(_ context.Context, u core.User) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	account := login.AccountOf(u.Username)
	if _, taken := v.names[account]; taken {
		return login.ErrTaken
	}
	v.names[account], v.users[u.Subject] = u.Subject, login.Stored{User: u, Stamp: v.stamp()}
	return nil
}

func (v *vault) Change(_ context.Context, c login.Change) error {
	if v.before != nil {
		v.before()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	id, account := c.Before.User.Subject, login.AccountOf(c.Before.User.Username)
	switch {
	case v.users[id].Stamp != c.Before.Stamp:
		return login.ErrChanged
	case c.Uses != (login.Stamp{}) && v.links[id].Stamp != c.Uses:
		return login.ErrUsed
	case c.Uses != (login.Stamp{}):
		delete(v.links, id)
	}
	if c.Forgives {
		delete(v.tries, account)
	}
	v.users[id] = login.Stored{User: c.After, Stamp: v.stamp()}
	if c.After.Subject == "" {
		delete(v.users, id)
		delete(v.names, account)
		delete(v.links, id)
	}
	return nil
}

func (v *vault) Link(_ context.Context, id core.Subject) (login.Link, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.links[id], nil
}

func (v *vault) PutLink(_ context.Context, of login.Stored, l login.Link) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.users[of.User.Subject].Stamp != of.Stamp {
		return login.ErrChanged
	}
	l.Stamp = v.stamp()
	v.links[of.User.Subject] = l
	return nil
}

func (v *vault) Tries(_ context.Context, a login.Account) (login.Tries, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.live(a), nil
}

func (v *vault) live(a login.Account) login.Tries {
	if c := v.tries[a]; c.expires.After(v.now()) {
		return c.Tries
	}
	return login.Tries{}
}

func (v *vault) ForgetTries(_ context.Context, a login.Account) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.tries, a)
	return nil
}

func (v *vault) CountTry(_ context.Context, a login.Account, next login.Tries, expires time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.live(a).Stamp != next.Stamp {
		return login.ErrChanged
	}
	next.Stamp = v.stamp()
	v.tries[a] = counted{next, expires}
	v.counted++
	return nil
}

func (v *vault) Session(_ context.Context, cookie core.SecretHash) (core.Session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sessions[cookie], nil
}

func (v *vault) SessionsOf(_ context.Context, id core.Subject, after core.SessionID, limit int) ([]core.Session, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := slices.DeleteFunc(slices.Collect(maps.Values(v.sessions)), func(s core.Session) bool {
		return s.Subject != id || after != "" && s.ID >= after
	})
	slices.SortFunc(list, func(a, b core.Session) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(limit, len(list))], nil
}

func (v *vault) Begin(_ context.Context, b login.Beginning) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.sessions, b.Replaces)
	delete(v.tries, b.Account)
	v.sessions[b.Cookie] = b.Session
	return nil
}

func (v *vault) End(_ context.Context, id core.Subject, session core.SessionID) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := len(v.sessions)
	maps.DeleteFunc(v.sessions, func(_ core.SecretHash, s core.Session) bool { return s.Subject == id && s.ID == session })
	return len(v.sessions) < before, nil
}
