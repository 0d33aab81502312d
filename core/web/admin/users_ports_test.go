package admin_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

// crowd keeps people in memory. What it is asked one after the other is enough for tests of handlers: core/login and storage
// test what happens at once.
type crowd struct {
	mu       sync.Mutex
	last     uint64
	users    map[core.Subject]login.Stored
	links    map[core.Subject]login.Link
	sessions map[core.SecretHash]core.Session
}

func newCrowd() *crowd {
	return &crowd{users: map[core.Subject]login.Stored{}, links: map[core.Subject]login.Link{}, sessions: map[core.SecretHash]core.Session{}}
}

// desk is the real login desk over the crowd.
func (c *crowd) desk(now func() time.Time) *login.Desk {
	return login.NewDesk(login.Parts{Users: c, Links: c, Throttle: c, Sessions: c, Now: now})
}

func (c *crowd) put(u core.User) {
	c.last++
	s := login.Stored{User: u}
	binary.BigEndian.PutUint64(s.Stamp[:], c.last)
	c.users[u.Subject] = s
}

func (c *crowd) Stored(_ context.Context, id core.Subject) (login.Stored, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(id) > maxKey {
		return login.Stored{}, errKey
	}
	return c.users[id], nil
}

func (c *crowd) named(a login.Account) login.Stored {
	for _, s := range c.users {
		if login.AccountOf(s.User.Username) == a {
			return s
		}
	}
	return login.Stored{}
}

func (c *crowd) Named(_ context.Context, a login.Account) (login.Stored, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(a) > maxKey {
		return login.Stored{}, errKey
	}
	return c.named(a), nil
}

func (c *crowd) Page(_ context.Context, cursor string, limit int) ([]login.Stored, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cursor != "" && c.named(login.Account(cursor)).User.Subject == "" {
		return nil, "", core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
	}
	list := slices.DeleteFunc(slices.Collect(maps.Values(c.users)), func(s login.Stored) bool {
		return string(login.AccountOf(s.User.Username)) <= cursor
	})
	slices.SortFunc(list, func(a, b login.Stored) int {
		return cmp.Compare(login.AccountOf(a.User.Username), login.AccountOf(b.User.Username))
	})
	if len(list) < limit {
		return list, "", nil
	}
	return list[:limit], string(login.AccountOf(list[limit-1].User.Username)), nil
}

func (c *crowd) Add(_ context.Context, u core.User) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.named(login.AccountOf(u.Username)).User.Subject != "" {
		return login.ErrTaken
	}
	c.put(u)
	return nil
}

func (c *crowd) Change(_ context.Context, change login.Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := change.Before.User.Subject
	if c.users[id].Stamp != change.Before.Stamp {
		return login.ErrChanged
	}
	delete(c.users, id)
	if change.After.Subject != "" {
		c.put(change.After)
	}
	return nil
}

func (c *crowd) Link(_ context.Context, id core.Subject) (login.Link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.links[id], nil
}

func (c *crowd) PutLink(_ context.Context, of login.Stored, l login.Link) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	binary.BigEndian.PutUint64(l.Stamp[:], c.last)
	c.links[of.User.Subject] = l
	return nil
}

func (c *crowd) Tries(context.Context, login.Account) (login.Tries, error) { return login.Tries{}, nil }

func (c *crowd) CountTry(context.Context, login.Account, login.Tries, time.Time) error { return nil }
func (c *crowd) ForgetTries(context.Context, login.Account) error                      { return nil }

func (c *crowd) Session(_ context.Context, cookie core.SecretHash) (core.Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[cookie], nil
}

func (c *crowd) SessionsOf(_ context.Context, id core.Subject, after core.SessionID, limit int) ([]core.Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.DeleteFunc(slices.Collect(maps.Values(c.sessions)), func(s core.Session) bool { return s.Subject != id })
	return page(list, func(s core.Session) string { return string(s.ID) }, string(after), limit)
}

func (c *crowd) Begin(_ context.Context, b login.Beginning) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[b.Cookie] = b.Session
	return nil
}

func (c *crowd) End(_ context.Context, id core.Subject, session core.SessionID) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := len(c.sessions)
	maps.DeleteFunc(c.sessions, func(_ core.SecretHash, s core.Session) bool { return s.Subject == id && s.ID == session })
	return len(c.sessions) < before, nil
}
