package badger

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/storage"
)

const (
	hotBytes   = 8 << 20  // of keys and values
	hotLargest = 16 << 10 // a longer value is not worth its place
	hotEntry   = 256      // what a place costs beside key and value
)

// hot keeps the records that are read again and again in front of Badger, so that reading them costs a map lookup. It always
// holds the last durable commit: the committer puts what it wrote and the step to the new view in one critical section, so
// what is found together is of one view. Also known is that a record is not there, if it was asked for beside one that is:
// what strangers make up fills no places.
type hot struct {
	views *views
	limit int

	mu    sync.RWMutex
	known map[storage.Key]*place
	clock []*place // all places, in the order of a clock's hand
	hand  int
	size  int
}

// A place holds one record. The record is replaced, never changed.
type place struct {
	record storage.Record
	used   atomic.Bool // since the hand passed
}

func (p *place) size() int { return hotEntry + len(p.record.Key) + len(p.record.Value) }

func newHot(views *views, limit int) *hot {
	return &hot{views: views, limit: limit, known: map[storage.Key]*place{}}
}

// get fills found with the records of all keys, or says that it does not know them all.
func (h *hot) get(keys []storage.Key, found []storage.Record) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for i, key := range keys {
		p, ok := h.known[key]
		if !ok {
			return false
		}
		if !p.used.Load() {
			p.used.Store(true)
		}
		found[i] = p.record
		found[i].Value = slices.Clone(p.record.Value)
	}
	return true
}

// learn takes what a reader found at a view, unless something was committed since.
func (h *hot) learn(at uint64, found []storage.Record) {
	if !slices.ContainsFunc(found, func(r storage.Record) bool { return !r.Version.IsZero() }) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.views.last() != at {
		return
	}
	for _, r := range found {
		if _, ok := h.known[r.Key]; ok || len(r.Value) > hotLargest {
			continue
		}
		r.Value = slices.Clone(r.Value)
		p := &place{record: r}
		h.known[r.Key] = p
		h.clock = append(h.clock, p)
		h.size += p.size()
	}
	h.shrink()
}

// publish makes a durable commit the one that new readers see, here and in Badger.
func (h *hot) publish(at uint64, writes []write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.views.advance(at)
	for _, w := range writes {
		p, ok := h.known[w.record.Key]
		if !ok {
			continue
		}
		h.size -= p.size()
		p.record = asStored(w)
		h.size += p.size()
	}
	h.shrink()
}

// asStored gives what Badger will be found to hold after a write.
func asStored(w write) storage.Record {
	if w.remove {
		return storage.Record{Key: w.record.Key}
	}
	r := w.record
	r.Value = slices.Clone(r.Value)
	if !r.Expires.IsZero() {
		r.Expires = time.UnixMilli(r.Expires.UnixMilli()).UTC()
	}
	return r
}

// shrink gives up places that were not used for a turn of the hand, until the rest fits.
func (h *hot) shrink() {
	for h.size > h.limit && len(h.clock) > 0 {
		h.hand %= len(h.clock)
		p := h.clock[h.hand]
		if p.used.Swap(false) {
			h.hand++
			continue
		}
		last := len(h.clock) - 1
		h.clock[h.hand] = h.clock[last]
		h.clock[last] = nil
		h.clock = h.clock[:last]
		delete(h.known, p.record.Key)
		h.size -= p.size()
	}
}
