// Package memory is the model of the storage contract: the six ops written down as plainly as they can be, over a map and
// a sorted list of its keys, under one lock. Tests use it as a store and as the oracle for other engines. It keeps nothing
// when the process ends, and inserting is linear in the number of keys: it is no engine for production.
package memory

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/limits"
)

// Engine is a storage.Engine in memory. Stored values are never changed in place, so views may share them.
type Engine struct {
	now func() time.Time

	mu      sync.RWMutex
	keys    []storage.Key // of records, ascending
	records map[storage.Key]storage.Record
	closed  bool
}

// New gives an empty engine that takes the time from now.
func New(now func() time.Time) *Engine {
	return &Engine{now: now, records: map[storage.Key]storage.Record{}}
}

// Get implements storage.Engine.
func (e *Engine) Get(ctx context.Context, keys ...storage.Key) ([]storage.Record, error) {
	if err := limits.Get(keys); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	now := e.now()
	found := make([]storage.Record, len(keys))
	for i, key := range keys {
		found[i] = storage.Record{Key: key}
		if r, live := e.live(key, now); live {
			found[i] = copied(r)
		}
	}
	return found, nil
}

// Apply implements storage.Engine: it checks every op, then writes every op.
func (e *Engine) Apply(ctx context.Context, ops ...storage.Op) error {
	if err := limits.Apply(ops); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return err
	}
	now := e.now()
	for i, op := range ops {
		if err := e.check(op, now); err != nil {
			return &storage.Refusal{Index: i, Kind: op.Kind, Err: err}
		}
	}
	var version storage.Version
	rand.Read(version[:]) // never fails
	for _, op := range ops {
		e.write(op, version, now)
	}
	return nil
}

// Scan implements storage.Engine.
func (e *Engine) Scan(ctx context.Context, r storage.Range) ([]storage.Record, error) {
	if err := limits.Scan(r); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	now := e.now()
	var page []storage.Record
	for _, key := range e.within(r) {
		if found, live := e.live(key, now); live {
			page = append(page, copied(found))
		}
		if len(page) == r.Limit {
			break
		}
	}
	return page, nil
}

// Sweep implements storage.Engine.
func (e *Engine) Sweep(ctx context.Context, limit int) (int, error) {
	if err := limits.Sweep(limit); err != nil {
		return 0, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return 0, err
	}
	now, removed := e.now(), 0
	for _, key := range slices.Clone(e.keys) {
		if _, live := e.live(key, now); !live && removed < limit {
			e.remove(key)
			removed++
		}
	}
	return removed, nil
}

// Dump implements storage.Engine. The lock is held only while the snapshot is taken.
func (e *Engine) Dump(ctx context.Context, each func(storage.Record) error) error {
	snapshot, err := e.snapshot(ctx)
	if err != nil {
		return err
	}
	for _, r := range snapshot {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(copied(r)); err != nil {
			return err
		}
	}
	return nil
}

// Load implements storage.Engine. Nothing is kept unless next ends with io.EOF.
func (e *Engine) Load(ctx context.Context, next func() (storage.Record, error)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return err
	}
	if len(e.keys) > 0 {
		return storage.ErrNotEmpty
	}
	loaded, err := collect(ctx, next)
	if err != nil {
		return err
	}
	for _, r := range loaded {
		e.set(r)
	}
	return nil
}

// Health implements storage.Engine.
func (e *Engine) Health(ctx context.Context) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.usable(ctx)
}

// Close implements storage.Engine. What was stored is gone.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.keys, e.records = true, nil, nil
	return nil
}

func (e *Engine) usable(ctx context.Context) error {
	if e.closed {
		return storage.ErrClosed
	}
	return ctx.Err()
}

func (e *Engine) live(key storage.Key, now time.Time) (storage.Record, bool) {
	r, found := e.records[key]
	expired := !r.Expires.IsZero() && r.Expires.UnixMilli() <= now.UnixMilli()
	return r, found && !expired
}

// within gives the keys of a range, in its order.
func (e *Engine) within(r storage.Range) []storage.Key {
	var keys []storage.Key
	for _, key := range e.keys {
		tooSoon := r.After != "" && (!r.Reverse && key <= r.After || r.Reverse && key >= r.After)
		if strings.HasPrefix(string(key), string(r.Prefix)) && !tooSoon {
			keys = append(keys, key)
		}
	}
	if r.Reverse {
		slices.Reverse(keys)
	}
	return keys
}

func (e *Engine) snapshot(ctx context.Context) ([]storage.Record, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	now := e.now()
	var all []storage.Record
	for _, key := range e.keys {
		if r, live := e.live(key, now); live {
			all = append(all, r)
		}
	}
	return all, nil
}

func (e *Engine) set(r storage.Record) {
	if at, found := slices.BinarySearch(e.keys, r.Key); !found {
		e.keys = slices.Insert(e.keys, at, r.Key)
	}
	r = copied(r)
	if !r.Expires.IsZero() {
		r.Expires = time.UnixMilli(r.Expires.UnixMilli()).UTC()
	}
	e.records[r.Key] = r
}

func (e *Engine) remove(key storage.Key) {
	if at, found := slices.BinarySearch(e.keys, key); found {
		e.keys = slices.Delete(e.keys, at, at+1)
		delete(e.records, key)
	}
}

func collect(ctx context.Context, next func() (storage.Record, error)) ([]storage.Record, error) {
	var all []storage.Record
	var previous storage.Key
	for {
		r, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		if err := limits.Load(previous, r); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all, previous = append(all, copied(r)), r.Key
	}
}

func copied(r storage.Record) storage.Record {
	r.Value = slices.Clone(r.Value)
	return r
}

var _ storage.Engine = (*Engine)(nil)
