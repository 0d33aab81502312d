package badger

import (
	"context"
	"errors"
	"fmt"
	"io"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/limits"
)

// loadMark stands in the store from the first commit of a Load to its last.
var loadMark = []byte("mloading")

// Load implements storage.Engine. It is the only writer while it runs. A Load that fits into one commit is made whole or not
// at all; one that fails later leaves a store that takes no writes and is not opened again (ErrHalfLoaded).
func (e *Engine) Load(ctx context.Context, next func() (storage.Record, error)) error {
	return e.write(ctx, &work{task: func() error {
		if err := e.mustBeEmpty(ctx); err != nil {
			return err
		}
		l := &loader{c: e.committer, b: e.committer.newBatch()}
		defer func() { l.b.txn.Discard() }()
		err := l.load(ctx, next)
		if err != nil && l.marked {
			return e.committer.breakOff(err)
		}
		return err
	}})
}

func (e *Engine) mustBeEmpty(ctx context.Context) error {
	return e.read(ctx, func(txn *badgerdb.Txn) error {
		return walk(txn, storage.Range{}, func(*badgerdb.Item) (bool, error) { return false, storage.ErrNotEmpty })
	})
}

type loader struct {
	c      *committer
	b      *batch
	marked bool
}

func (l *loader) load(ctx context.Context, next func() (storage.Record, error)) error {
	var previous storage.Key
	for {
		r, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return l.finish()
		case err != nil:
			return err
		}
		if err := errors.Join(limits.Load(previous, r), ctx.Err()); err != nil {
			return err
		}
		if err := l.add(write{record: r}); err != nil {
			return err
		}
		previous = r.Key
	}
}

// add puts a record into the batch, which is committed when it is full.
func (l *loader) add(w write) error {
	if l.b.size > 0 && l.b.size+w.size() > batchBytes {
		if err := l.commit(func(txn *badgerdb.Txn) error { return txn.Set(loadMark, nil) }); err != nil {
			return err
		}
		l.marked = true
	}
	l.b.add([]write{w})
	l.b.size += w.size()
	return l.b.failure
}

func (l *loader) finish() error {
	if !l.marked {
		return l.c.commit(l.b)
	}
	return l.commit(func(txn *badgerdb.Txn) error { return txn.Delete(loadMark) })
}

// commit writes the batch together with the mark and begins the next.
func (l *loader) commit(mark func(*badgerdb.Txn) error) error {
	if err := mark(l.b.txn); err != nil {
		return err
	}
	if err := l.c.commit(l.b); err != nil {
		return err
	}
	l.b = l.c.newBatch()
	return nil
}

func (e *Engine) refuseHalfLoaded() error {
	txn := e.db.NewTransactionAt(e.views.last(), false)
	defer txn.Discard()
	switch _, err := txn.Get(loadMark); {
	case errors.Is(err, badgerdb.ErrKeyNotFound):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: remove the folder %s and restore again", ErrHalfLoaded, e.space.dir)
}
