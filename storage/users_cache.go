package storage

import (
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

// userCache keeps opened users by the versions of their records, as clientCache does: every token that is looked at asks for
// its user. A hit is never stale, and a full cache starts anew.
type userCache struct {
	mu   sync.RWMutex
	held map[core.Subject]login.Stored // has no pointers to share
}

const cachedUsers = 4096

func newUserCache() *userCache { return &userCache{held: make(map[core.Subject]login.Stored)} }

func (c *userCache) get(id core.Subject, at login.Stamp) (login.Stored, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	stored, ok := c.held[id]
	return stored, ok && stored.Stamp == at
}

func (c *userCache) put(stored login.Stored) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) >= cachedUsers {
		clear(c.held)
	}
	c.held[stored.User.Subject] = stored
}

func (c *userCache) drop(id core.Subject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, id)
}
