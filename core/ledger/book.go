package ledger

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Store keeps entries and reads them back.
type Store interface {
	// Append stores entries and rows of shaping.
	Append(ctx context.Context, entries []Entry, shaped map[core.DecisionID][]Stage) error
	// Entry gives one entry with its input and shaping; false when there is none.
	Entry(ctx context.Context, id core.DecisionID) (Entry, bool, error)
	// Entries gives a page, newest first, of one client or (empty id) of all, without input and shaping.
	Entries(ctx context.Context, client core.ClientID, after core.DecisionID, limit int) ([]Entry, error)
}

// Bounds of a Book.
const (
	maxQueued = 8192 // entries and shaping rows waiting to be stored
	batchSize = 64
)

// A Book takes the entries that no commit carries (requests that were refused or changed nothing) and stores them in batches.
// It is bounded twice: by its queue, and by a budget per source, beyond which they are only counted, so that a stranger
// cannot fill the disk.
type Book struct {
	store Store
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	waiting map[core.DecisionID]Entry
	shaped  map[core.DecisionID][]Stage
	writing batch // what is being stored right now; still found by Find
	budget  budget
	dropped int64
	wake    chan struct{}
	done    chan struct{}
	closed  bool
}

type batch struct {
	entries map[core.DecisionID]Entry
	shaped  map[core.DecisionID][]Stage
}

func (b batch) empty() bool { return len(b.entries)+len(b.shaped) == 0 }

// NewBook opens a book that keeps at most perMinute entries of one source in full. Close it to store what waits.
func NewBook(store Store, perMinute int, now func() time.Time, log *slog.Logger) *Book {
	b := &Book{
		store: store, now: now, log: log,
		waiting: make(map[core.DecisionID]Entry), shaped: make(map[core.DecisionID][]Stage),
		budget: newBudget(perMinute), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go b.run()
	return b
}

// Record takes an entry that no commit carries.
func (b *Book) Record(e Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for _, counted := range b.budget.roll(now) {
		b.put(counted)
	}
	if !b.budget.take(core.Network(e.Actor.IP), &e, now) {
		return
	}
	b.put(e)
}

// put queues an entry; the caller holds mu.
func (b *Book) put(e Entry) {
	if b.closed || len(b.waiting)+len(b.shaped) >= maxQueued {
		b.dropped++
		return
	}
	b.waiting[e.DecisionID] = e
	b.poke()
}

// Shaped takes what happened after an entry's commit, and keeps the slice; rows of one entry add up.
func (b *Book) Shaped(id core.DecisionID, rows []Stage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.waiting)+len(b.shaped) >= maxQueued {
		b.dropped++
		return
	}
	if before := b.shaped[id]; len(before) > 0 {
		rows = slices.Concat(before, rows)
	}
	b.shaped[id] = rows
	b.poke()
}

func (b *Book) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Dropped counts what the queue had no room for.
func (b *Book) Dropped() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// Find gives an entry, stored or still waiting.
func (b *Book) Find(ctx context.Context, id core.DecisionID) (Entry, bool, error) {
	waiting, shaping, found := b.peek(id)
	if found {
		waiting.Shaping = shaping
		return waiting, true, nil
	}
	e, found, err := b.store.Entry(ctx, id)
	if found && len(e.Shaping) == 0 {
		e.Shaping = shaping
	}
	return e, found, err
}

// peek looks through the queue.
func (b *Book) peek(id core.DecisionID) (Entry, []Stage, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	shaping := append(append([]Stage(nil), b.writing.shaped[id]...), b.shaped[id]...)
	if e, ok := b.waiting[id]; ok {
		return e, shaping, true
	}
	e, ok := b.writing.entries[id]
	return e, shaping, ok
}

// Entries gives a page of stored entries, newest first, after what waits was stored.
func (b *Book) Entries(ctx context.Context, client core.ClientID, after core.DecisionID, limit int) ([]Entry, error) {
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	return b.store.Entries(ctx, client, after, limit)
}

// settle waits until the queue was empty once.
func (b *Book) settle(ctx context.Context) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !b.idle() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func (b *Book) idle() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed || len(b.waiting)+len(b.shaped) == 0 && b.writing.empty()
}

// Close stores what waits and ends the book.
func (b *Book) Close() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	for _, counted := range b.budget.flush(b.now()) {
		b.waiting[counted.DecisionID] = counted
	}
	b.closed = true
	b.mu.Unlock()
	close(b.wake)
	<-b.done
}

func (b *Book) run() {
	defer close(b.done)
	for range b.wake {
		b.drain()
	}
	b.drain()
}

// drain stores batches until nothing waits. A batch that cannot be stored is logged and given up: the store is down, and the
// queue must stay bounded.
func (b *Book) drain() {
	for {
		next := b.next()
		if next.empty() {
			return
		}
		entries := make([]Entry, 0, len(next.entries))
		for _, e := range next.entries {
			entries = append(entries, e)
		}
		if err := b.store.Append(context.Background(), entries, next.shaped); err != nil {
			b.log.Error("ledger entries were lost", "entries", len(entries), "shaping", len(next.shaped), "error", err)
		}
	}
}

// next moves a batch from the queue to what is being written.
func (b *Book) next() batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writing = batch{entries: make(map[core.DecisionID]Entry), shaped: make(map[core.DecisionID][]Stage)}
	for id, e := range b.waiting {
		if len(b.writing.entries) == batchSize {
			break
		}
		b.writing.entries[id] = e
		delete(b.waiting, id)
	}
	for id, rows := range b.shaped {
		if len(b.writing.shaped) == batchSize {
			break
		}
		if _, queued := b.waiting[id]; queued {
			continue // never before its entry, or a reader who finds that in the queue would miss these
		}
		b.writing.shaped[id] = rows
		delete(b.shaped, id)
	}
	return b.writing
}
