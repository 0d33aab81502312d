package policies

import (
	"crypto/sha256"
	"sync"

	"github.com/ostiary/ostiary/core/decision"
)

// shards divide the cache's lock. A power of two.
const shards = 16

type cacheKey [sha256.Size]byte

// A cache remembers the verdicts of one revision, the least recently used going first.
type cache struct{ shards [shards]shard }

type shard struct {
	mu      sync.Mutex
	limit   int
	entries map[cacheKey]*cached
	newest  *cached
	oldest  *cached
}

// cached is a verdict in the list from newest to oldest.
type cached struct {
	key          cacheKey
	verdict      decision.Verdict
	newer, older *cached
}

// newCache makes a cache for about size verdicts.
func newCache(size int) *cache {
	c := &cache{}
	for i := range c.shards {
		c.shards[i].limit = max(1, size/shards)
		c.shards[i].entries = map[cacheKey]*cached{}
	}
	return c
}

func (c *cache) shard(key cacheKey) *shard { return &c.shards[key[0]%shards] }

// get gives a verdict. Its lists are shared: they are read, never changed.
func (c *cache) get(key cacheKey) (decision.Verdict, bool) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.entries[key]
	if !found {
		return decision.Verdict{}, false
	}
	if s.newest != e {
		s.unlink(e)
		s.push(e)
	}
	return e.verdict, true
}

// put remembers a verdict.
func (c *cache) put(key cacheKey, v decision.Verdict) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.entries[key]; known {
		return
	}
	if len(s.entries) >= s.limit {
		delete(s.entries, s.oldest.key)
		s.unlink(s.oldest)
	}
	e := &cached{key: key, verdict: v}
	s.entries[key] = e
	s.push(e)
}

func (s *shard) push(e *cached) {
	e.newer, e.older = nil, s.newest
	if s.newest != nil {
		s.newest.newer = e
	} else {
		s.oldest = e
	}
	s.newest = e
}

func (s *shard) unlink(e *cached) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		s.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		s.oldest = e.newer
	}
}
