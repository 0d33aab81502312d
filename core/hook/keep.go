package hook

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// KV reads what plugins keep. Nobody writes through it: what a plugin puts is held in Writes until the judgement it belongs to
// is carried out, and then written in the same step.
type KV interface {
	// Pair gives one pair of a plugin and what the plugin keeps in all, in one consistent view.
	Pair(ctx context.Context, plugin, key string) (Pair, error)
	// Collect makes room: it removes pairs of a plugin whose time is over.
	Collect(ctx context.Context, plugin string) error
}

// A Pair is what is stored under a key.
type Pair struct {
	Value []byte
	Found bool     // false: there is none, or its time is over
	Stamp [16]byte // of what is stored; zero: nothing
	Size  int      // bytes that what is stored counts, key included
	Use   Use      // of the plugin, what is over and not yet collected included
}

// Use is how much a plugin keeps, or may keep.
type Use struct{ Keys, Bytes int64 }

// MaxHeld is how many storage operations the writes of one judgement may take: one for each key, and two for the quota of
// each plugin that writes.
const MaxHeld = 8

// ErrTooManyWrites is the fault of a plugin that keeps too much in one judgement.
var ErrTooManyWrites = errors.New("it wants to keep more than one request may carry: at most 6 keys, and fewer when other plugins keep something too")

// A Write is a pair that is put, or taken away, once the judgement is carried out: if what is stored is then what it was.
type Write struct {
	Plugin, Key string
	Value       []byte
	Deleted     bool
	Expires     time.Time
	Stamp       [16]byte // of what it takes the place of; zero: nothing
	Replaces    int      // bytes that that counts
	Quota       Use      // of the plugin
}

// Size is what the pair counts.
func (w *Write) Size() int {
	if w.Deleted {
		return 0
	}
	return len(w.Key) + len(w.Value)
}

// Writes are what plugins want to keep, from their calls in one judgement. Later calls of the same plugin see them; nobody else
// does. The zero value is ready, and safe for concurrent use.
type Writes struct {
	mu   sync.Mutex
	held []Write
	seen []Write // what was stored under each key when the judgement first looked
}

// see notes what is stored under a key, and gives what was when the judgement first looked.
func (w *Writes) see(plugin, key string, now Pair) (stamp [16]byte, size int) {
	if w == nil {
		return now.Stamp, now.Size
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.seen {
		if s.Plugin == plugin && s.Key == key {
			return s.Stamp, s.Replaces
		}
	}
	w.seen = append(w.seen, Write{Plugin: plugin, Key: key, Stamp: now.Stamp, Replaces: now.Size})
	return now.Stamp, now.Size
}

// Find gives what a plugin has put in this judgement.
func (w *Writes) Find(plugin, key string) (Write, bool) {
	if w == nil {
		return Write{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.index(plugin, key); i >= 0 {
		return w.held[i], true
	}
	return Write{}, false
}

func (w *Writes) index(plugin, key string) int {
	return slices.IndexFunc(w.held, func(h Write) bool { return h.Plugin == plugin && h.Key == key })
}

// Hold takes a write in; of two for one key the later counts. The error is ErrTooManyWrites.
func (w *Writes) Hold(next Write) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.index(next.Plugin, next.Key); i >= 0 {
		w.held[i] = next
		return nil
	}
	held := append(slices.Clip(w.held), next)
	plugins := map[string]bool{}
	for _, h := range held {
		plugins[h.Plugin] = true
	}
	if len(held)+2*len(plugins) > MaxHeld {
		return ErrTooManyWrites
	}
	w.held = held
	return nil
}

// Use gives by how much what a plugin keeps would grow.
func (w *Writes) Use(plugin string) (grows Use) {
	for _, h := range w.All() {
		if h.Plugin == plugin {
			grows = grows.plus(h.grows())
		}
	}
	return grows
}

// grows is by how much a write adds to what its plugin keeps.
func (w *Write) grows() Use {
	u := Use{Bytes: int64(w.Size() - w.Replaces)}
	switch stored := w.Stamp != [16]byte{}; {
	case stored && w.Deleted:
		u.Keys = -1
	case !stored && !w.Deleted:
		u.Keys = 1
	}
	return u
}

func (u Use) plus(other Use) Use { return Use{u.Keys + other.Keys, u.Bytes + other.Bytes} }

// Room tells whether a plugin that keeps so much may make a change: one that takes no more is always allowed.
func (w *Writes) Room(use Use, next Write) bool {
	before, grows := w.Use(next.Plugin), next.grows()
	if old, held := w.Find(next.Plugin, next.Key); held {
		was := old.grows()
		before = before.plus(Use{-was.Keys, -was.Bytes})
	}
	total := use.plus(before).plus(grows)
	return (grows.Keys <= 0 || total.Keys <= next.Quota.Keys) && (grows.Bytes <= 0 || total.Bytes <= next.Quota.Bytes)
}

// All gives the writes in the order of their first coming.
func (w *Writes) All() []Write {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.held)
}

// Restore sets the writes to what All gave: what a failed call put does not count.
func (w *Writes) Restore(held []Write) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = slices.Clone(held)
}
