package badger

import (
	"context"
	"slices"
	"sync"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/limits"
)

const (
	sweepLook   = 20000 // records that one Sweep looks at, at most
	sweepRemove = 256   // records removed in one commit
)

// A sweeper remembers where the last Sweep ended, so that each looks only at its share of the store.
type sweeper struct {
	mu    sync.Mutex
	after storage.Key // empty: begin at the first record
}

// Sweep implements storage.Engine. Badger drops what is long expired by itself, when it compacts; Sweep only hastens it. One
// call looks at 20,000 records at most and the next goes on from there, so fewer than limit may be removed though more are
// expired.
func (e *Engine) Sweep(ctx context.Context, limit int) (int, error) {
	if err := limits.Sweep(limit); err != nil {
		return 0, err
	}
	e.sweeper.mu.Lock()
	defer e.sweeper.mu.Unlock()
	ops, err := e.findExpired(ctx, limit)
	if err != nil {
		return 0, err
	}
	removed := 0
	for chunk := range slices.Chunk(ops, sweepRemove) {
		w := &work{ops: chunk}
		if err := e.write(ctx, w); err != nil {
			return removed, err
		}
		removed += w.effects
	}
	return removed, nil
}

func (e *Engine) findExpired(ctx context.Context, limit int) (ops []storage.Op, err error) {
	now, looked, last := e.now(), 0, storage.Key("")
	err = e.read(ctx, func(txn *badgerdb.Txn) error {
		return walk(txn, storage.Range{After: e.sweeper.after}, func(item *badgerdb.Item) (bool, error) {
			r, err := recordOf(item)
			if err != nil {
				return false, err
			}
			if expired(r, now) {
				ops = append(ops, storage.Op{Kind: opSweep, Key: r.Key, Version: r.Version})
			}
			looked, last = looked+1, r.Key
			return looked < sweepLook && len(ops) < limit, nil
		})
	})
	if looked < sweepLook && len(ops) < limit {
		last = "" // the end was reached
	}
	e.sweeper.after = last
	return ops, err
}
