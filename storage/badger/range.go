package badger

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/limits"
)

// beyond follows every key that a prefix can begin, when appended to it.
var beyond = bytes.Repeat([]byte{0xff}, storage.MaxKeyLength+1)

// Scan implements storage.Engine.
func (e *Engine) Scan(ctx context.Context, r storage.Range) ([]storage.Record, error) {
	if err := limits.Scan(r); err != nil {
		return nil, err
	}
	var page []storage.Record
	now := e.now()
	err := e.read(ctx, func(txn *badgerdb.Txn) error {
		return walk(txn, r, func(item *badgerdb.Item) (bool, error) {
			found, err := recordOf(item)
			if err == nil && !expired(found, now) {
				page = append(page, found)
			}
			return len(page) < r.Limit, err
		})
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Dump implements storage.Engine. Every table is verified first: an iterator of Badger's ends silently at a block it cannot
// read, and a backup must not.
func (e *Engine) Dump(ctx context.Context, each func(storage.Record) error) error {
	now := e.now()
	return e.read(ctx, func(txn *badgerdb.Txn) error {
		if err := e.verifyTables(); err != nil {
			return err
		}
		return walk(txn, storage.Range{}, func(item *badgerdb.Item) (bool, error) {
			if err := e.interrupted(ctx); err != nil {
				return false, err
			}
			found, err := recordOf(item)
			if err != nil || expired(found, now) {
				return true, err
			}
			return true, each(found)
		})
	})
}

// verifyTables turns Badger's panic on a block it cannot read into an error.
func (e *Engine) verifyTables() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	if err := e.db.VerifyChecksum(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

func (e *Engine) interrupted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.gate.open()
}

// walk gives the records of a range, expired ones too, until more is false. It ignores the range's limit.
func walk(txn *badgerdb.Txn, r storage.Range, each func(*badgerdb.Item) (more bool, err error)) error {
	prefix := rawKey(r.Prefix)
	it := txn.NewIterator(badgerdb.IteratorOptions{Prefix: prefix, Reverse: r.Reverse})
	defer it.Close()
	after := rawKey(r.After)
	it.Seek(start(prefix, after, r))
	if r.After != "" && it.Valid() && bytes.Equal(it.Item().Key(), after) {
		it.Next()
	}
	for ; it.Valid(); it.Next() {
		if more, err := each(it.Item()); err != nil || !more {
			return err
		}
	}
	return nil
}

func start(prefix, after []byte, r storage.Range) []byte {
	switch {
	case r.Reverse && r.After == "":
		return slices.Concat(prefix, beyond)
	case r.Reverse:
		return slices.MinFunc([][]byte{after, slices.Concat(prefix, beyond)}, bytes.Compare)
	default:
		return slices.MaxFunc([][]byte{after, prefix}, bytes.Compare)
	}
}
