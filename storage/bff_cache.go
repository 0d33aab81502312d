package storage

import (
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
)

// bffCache keeps opened sessions by the versions of their records, as clientCache does: a page asks who is signed in at every
// load. A hit is never stale, for the versions are read every time; a full cache starts anew.
type bffCache struct {
	mu   sync.RWMutex
	held map[core.SecretHash]bffSeen
}

// A bffSeen is a session that was read before.
type bffSeen struct {
	version Version
	session bff.Session
	keys    []Key // of the session, of whatever says how things stand with its person, and of its tokens; never changed
}

const cachedBFFSessions = 4096

func newBFFCache() *bffCache { return &bffCache{held: make(map[core.SecretHash]bffSeen)} }

func (c *bffCache) get(hash core.SecretHash) (bffSeen, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	seen, ok := c.held[hash]
	return seen, ok
}

func (c *bffCache) put(hash core.SecretHash, seen bffSeen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) >= cachedBFFSessions {
		clear(c.held)
	}
	c.held[hash] = seen
}

func (c *bffCache) drop(hash core.SecretHash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, hash)
}
