package badger

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/ostiary/ostiary/storage"
)

// A round writes the same 32 records of 20 kB again, in one Apply.
const roundKeys = 32

func roundKey(i int) storage.Key { return storage.Key(fmt.Sprintf("%02d", i)) }

func writeRound(t *testing.T, e *Engine, round int) {
	t.Helper()
	var ops []storage.Op
	for i := range roundKeys {
		ops = append(ops, storage.Put(roundKey(i), bytes.Repeat([]byte{byte(round)}, 20<<10), time.Time{}))
	}
	if err := e.Apply(context.Background(), ops...); err != nil {
		t.Fatal(err)
	}
}

// TestReadersKeepTheirView: a view stays whole while its records are overwritten and compacted.
func TestReadersKeepTheirView(t *testing.T) {
	e := openTemp(t)
	writeRound(t, e, 0)
	err := e.read(context.Background(), func(txn *badgerdb.Txn) error {
		round := 0
		waitUntil(t, func() bool {
			round++
			writeRound(t, e, round)
			return compacted(e.db)
		})
		for i := range roundKeys {
			r, err := storedRecord(txn, roundKey(i))
			if err != nil {
				return err
			}
			if !bytes.Equal(r.Value, make([]byte, 20<<10)) {
				return fmt.Errorf("record %d is gone or of a later round", i)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.views.readers) != 0 {
		t.Errorf("readers left behind: %v", e.views.readers)
	}
}

// compacted tells whether tables were merged into a lower level, where versions are dropped.
func compacted(db *badgerdb.DB) bool {
	return slices.ContainsFunc(db.Levels(), func(l badgerdb.LevelInfo) bool { return l.Level > 0 && l.NumTables > 0 })
}

// TestOverwrittenVersionsAreDropped: what nobody can read any more does not stay on the disk.
func TestOverwrittenVersionsAreDropped(t *testing.T) {
	e := openTemp(t)
	written := 0
	waitUntil(t, func() bool {
		written++
		writeRound(t, e, written)
		return versions(t, e, roundKey(0)) < written
	})
}

func versions(t *testing.T, e *Engine, key storage.Key) int {
	t.Helper()
	count := 0
	err := e.read(context.Background(), func(txn *badgerdb.Txn) error {
		it := txn.NewIterator(badgerdb.IteratorOptions{Prefix: rawKey(key), AllVersions: true})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			count++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}
