package hook

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Why nothing was put.
var (
	ErrReadOnly = errors.New("nothing can be kept here")
	ErrNoRoom   = errors.New("the quota is full")
)

// Kept is what one plugin keeps, as one call of it sees it: what is stored, and over that what it has put in this judgement.
type Kept struct {
	Plugin string
	Stored KV
	Writes *Writes // nil: nothing can be put
	Quota  Use
	TTL    time.Duration // of a pair that is put without one, and the longest
	Now    time.Time
}

// Get gives a value, and false when there is none.
func (k *Kept) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if held, ok := k.Writes.Find(k.Plugin, key); ok {
		return slices.Clone(held.Value), !held.Deleted, nil
	}
	pair, err := k.Stored.Pair(ctx, k.Plugin, key)
	if err == nil {
		k.Writes.see(k.Plugin, key, pair)
	}
	return pair.Value, pair.Found, err
}

// Put holds a value until the judgement is carried out. ttl 0 means the plugin's own; a longer one is cut to it. The error is
// ErrReadOnly, ErrNoRoom, ErrTooManyWrites or the store's.
func (k *Kept) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if ttl <= 0 || ttl > k.TTL {
		ttl = k.TTL
	}
	return k.hold(ctx, Write{Key: key, Value: slices.Clone(value), Expires: k.Now.Add(ttl)})
}

// Delete takes a value away once the judgement is carried out. One that is not there is no error.
func (k *Kept) Delete(ctx context.Context, key string) error {
	return k.hold(ctx, Write{Key: key, Deleted: true})
}

func (k *Kept) hold(ctx context.Context, w Write) error {
	if k.Writes == nil {
		return ErrReadOnly
	}
	w.Plugin, w.Quota = k.Plugin, k.Quota
	pair, err := k.found(ctx, &w)
	if err != nil {
		return err
	}
	if !k.Writes.Room(pair.Use, w) {
		if err := k.Stored.Collect(ctx, k.Plugin); err != nil {
			return err
		}
		if pair, err = k.found(ctx, &w); err != nil {
			return err
		}
		if !k.Writes.Room(pair.Use, w) {
			return ErrNoRoom
		}
	}
	return k.Writes.Hold(w)
}

// found reads what a write takes the place of: what the judgement saw there first, and may have built on.
func (k *Kept) found(ctx context.Context, w *Write) (Pair, error) {
	pair, err := k.Stored.Pair(ctx, k.Plugin, w.Key)
	if err == nil {
		w.Stamp, w.Replaces = k.Writes.see(k.Plugin, w.Key, pair)
	}
	return pair, err
}
