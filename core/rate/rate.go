// Package rate is token buckets by key, in bounded memory. It owns counting and forgetting; what a key is, how fast is fast enough
// and what becomes of who was too fast is for its callers.
package rate

import (
	"container/list"
	"sync"
	"time"
)

// A Pace is how fast requests may come: Burst at once, and then one Every so often.
type Pace struct {
	Every time.Duration
	Burst int64
}

// Buckets are the buckets of many keys. When the table is full, the key not asked about for longest is forgotten, and begins anew
// with a full bucket. A bucket keeps only when it will be full again, so that the pace may be another at each call. It is safe for
// concurrent use.
type Buckets[K comparable] struct {
	size int

	mu     sync.Mutex
	held   map[K]*list.Element
	recent *list.List // of *bucket[K], the latest first
}

type bucket[K comparable] struct {
	key  K
	full time.Time // when the bucket will be full again
}

// NewBuckets makes room for the buckets of so many keys.
func NewBuckets[K comparable](size int) *Buckets[K] {
	return &Buckets[K]{size: max(size, 1), held: make(map[K]*list.Element), recent: list.New()}
}

// Take takes a token. When there is none it takes nothing and gives how long until there is one; asking does not prolong that.
func (b *Buckets[K]) Take(key K, p Pace, now time.Time) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.bucket(key)
	full, wait := kept.spend(p, 0, now)
	if wait == 0 {
		kept.full = full
	}
	return wait
}

// Give puts a token back that Take took.
func (b *Buckets[K]) Give(key K, p Pace) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.held[key]; e != nil {
		kept := e.Value.(*bucket[K])
		kept.full = kept.full.Add(-p.Every)
	}
}

// Wait tells what Take would answer if so many tokens had to stay in the bucket, and takes nothing. A key that was never seen is not
// remembered for that.
func (b *Buckets[K]) Wait(key K, p Pace, stay int64, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := &bucket[K]{key: key}
	if e := b.held[key]; e != nil {
		b.recent.MoveToFront(e)
		kept = e.Value.(*bucket[K])
	}
	_, wait := kept.spend(p, stay, now)
	return wait
}

// Len is how many keys are remembered.
func (b *Buckets[K]) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.held)
}

// spend gives when the bucket will be full again after one more token, or after how long there will be one beside those that stay.
// It makes good a clock that was set back.
func (b *bucket[K]) spend(p Pace, stay int64, now time.Time) (full time.Time, wait time.Duration) {
	if b.full.Before(now) {
		b.full = now
	}
	if empty := now.Add(time.Duration(p.Burst) * p.Every); b.full.After(empty) {
		b.full = empty
	}
	full = b.full.Add(p.Every)
	return full, max(0, full.Sub(now)-time.Duration(p.Burst-stay)*p.Every)
}

func (b *Buckets[K]) bucket(key K) *bucket[K] {
	if e := b.held[key]; e != nil {
		b.recent.MoveToFront(e)
		return e.Value.(*bucket[K])
	}
	for b.recent.Len() >= b.size {
		oldest := b.recent.Remove(b.recent.Back()).(*bucket[K])
		delete(b.held, oldest.key)
	}
	kept := &bucket[K]{key: key}
	b.held[key] = b.recent.PushFront(kept)
	return kept
}
