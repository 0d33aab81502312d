// Package limits holds the checks that every engine makes on what it is asked, before it looks at its data. They are the
// limits of the contract in package storage and nothing else: an engine calls the function of the same name first.
package limits

import (
	"fmt"
	"time"

	"github.com/ostiary/ostiary/storage"
)

// latest is the year after which no record may expire: every engine's clock and column can hold it.
const latest = 9999

// Get checks the keys of one Get.
func Get(keys []storage.Key) error {
	if len(keys) > storage.MaxGet {
		return fmt.Errorf("get of %d keys: %w", len(keys), storage.ErrTooLarge)
	}
	for i, k := range keys {
		if err := key(k); err != nil {
			return fmt.Errorf("key %d: %w", i, err)
		}
	}
	return nil
}

// Apply checks the ops of one Apply. No ops at all are allowed: nothing is made true.
func Apply(ops []storage.Op) error {
	if len(ops) > storage.MaxOps {
		return fmt.Errorf("apply of %d ops: %w", len(ops), storage.ErrTooLarge)
	}
	size := 0
	for i, o := range ops {
		if err := op(o); err != nil {
			return fmt.Errorf("op %d: %w", i, err)
		}
		if repeats(ops[:i], o.Key) {
			return fmt.Errorf("op %d: its key has an op already: %w", i, storage.ErrInvalid)
		}
		size += len(o.Key) + len(o.Value) + storage.OpSize
	}
	if size > storage.MaxApply {
		return fmt.Errorf("apply of %d bytes: %w", size, storage.ErrTooLarge)
	}
	return nil
}

// Scan checks one Range. An empty prefix means the whole store.
func Scan(r storage.Range) error {
	if r.Limit < 1 || r.Limit > storage.MaxPage {
		return fmt.Errorf("page of %d records: %w", r.Limit, storage.ErrInvalid)
	}
	if len(r.Prefix) > storage.MaxKeyLength || len(r.After) > storage.MaxKeyLength {
		return fmt.Errorf("range: %w", storage.ErrTooLarge)
	}
	return nil
}

// Sweep checks the limit of one Sweep.
func Sweep(limit int) error {
	if limit < 1 {
		return fmt.Errorf("sweep of %d records: %w", limit, storage.ErrInvalid)
	}
	return nil
}

// Load checks one record given to Load. Keys must ascend, as Dump gives them, so that none comes twice.
func Load(previous storage.Key, r storage.Record) error {
	if err := key(r.Key); err != nil {
		return err
	}
	if r.Key <= previous {
		return fmt.Errorf("keys do not ascend: %w", storage.ErrInvalid)
	}
	if r.Version.IsZero() {
		return fmt.Errorf("a record without a version: %w", storage.ErrInvalid)
	}
	if len(r.Key)+len(r.Value)+storage.OpSize > storage.MaxApply {
		return fmt.Errorf("record: %w", storage.ErrTooLarge)
	}
	return expiry(r.Expires)
}

func op(o storage.Op) error {
	if o.Kind < storage.OpInsert || o.Kind > storage.OpAdd {
		return fmt.Errorf("unknown kind: %w", storage.ErrInvalid)
	}
	if err := key(o.Key); err != nil {
		return err
	}
	return expiry(o.Expires)
}

func key(k storage.Key) error {
	switch {
	case k == "":
		return fmt.Errorf("empty key: %w", storage.ErrInvalid)
	case len(k) > storage.MaxKeyLength:
		return fmt.Errorf("key of %d bytes: %w", len(k), storage.ErrTooLarge)
	}
	return nil
}

// expiry refuses moments that milliseconds since 1970 cannot tell from "never" or cannot hold: an expiry that got lost in
// rounding would make a record eternal.
func expiry(at time.Time) error {
	if !at.IsZero() && (at.Unix() < 0 || at.Year() > latest) {
		return fmt.Errorf("expiry outside 1970 to %d: %w", latest, storage.ErrInvalid)
	}
	return nil
}

// repeats compares every pair: at most 496 short comparisons, and no map to allocate.
func repeats(before []storage.Op, k storage.Key) bool {
	for i := range before {
		if before[i].Key == k {
			return true
		}
	}
	return false
}
