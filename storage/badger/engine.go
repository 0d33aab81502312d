package badger

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/limits"
)

// Engine is a storage.Engine in one folder. Make it with Open.
type Engine struct {
	db        *badgerdb.DB
	now       func() time.Time
	log       *slog.Logger
	views     *views
	hot       *hot
	space     *space
	committer *committer
	lock      *os.File // holds the folder while open
	sweeper   sweeper
	pager     *pager

	gate  gate
	close func() error // runs once
}

func newEngine(db *badgerdb.DB, o Options, space *space, lock *os.File) *Engine {
	views := newViews(db.MaxVersion(), db.SetDiscardTs)
	hot := newHot(views, hotBytes)
	e := &Engine{db: db, now: o.Now, log: o.Log, views: views, hot: hot, space: space, lock: lock}
	e.committer = &committer{
		db: db, views: views, hot: hot, space: space, now: o.Now, log: o.Log,
		queue: make(chan *work, queueLength), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	e.close = sync.OnceValue(e.shut)
	return e
}

// Get implements storage.Engine.
func (e *Engine) Get(ctx context.Context, keys ...storage.Key) ([]storage.Record, error) {
	if err := limits.Get(keys); err != nil {
		return nil, err
	}
	found, err := e.get(ctx, keys)
	if err != nil {
		return nil, err
	}
	now := e.now()
	for i, r := range found {
		if expired(r, now) {
			found[i] = storage.Record{Key: r.Key}
		}
	}
	return found, nil
}

// get reads records, expired ones too, from the hot ones or from Badger.
func (e *Engine) get(ctx context.Context, keys []storage.Key) ([]storage.Record, error) {
	if err := e.gate.enter(); err != nil {
		return nil, err
	}
	defer e.gate.leave()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := make([]storage.Record, len(keys))
	if e.hot.get(keys, found) {
		return found, nil
	}
	var at uint64
	err := e.view(func(txn *badgerdb.Txn) (err error) {
		at = txn.ReadTs()
		for i, key := range keys {
			if found[i], err = storedRecord(txn, key); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		e.hot.learn(at, found)
	}
	return found, err
}

// Apply implements storage.Engine. A caller whose context ends while its Apply waits gets ctx.Err() and nothing was done; once
// begun, an Apply is waited for.
func (e *Engine) Apply(ctx context.Context, ops ...storage.Op) error {
	if err := limits.Apply(ops); err != nil {
		return err
	}
	return e.write(ctx, &work{ops: ops})
}

// Health implements storage.Engine. It looks at the free space anew.
func (e *Engine) Health(ctx context.Context) error {
	if err := e.gate.enter(); err != nil {
		return err
	}
	defer e.gate.leave()
	if err := e.committer.broken(); err != nil {
		return err
	}
	if err := e.space.now(); err != nil {
		return err
	}
	return ctx.Err()
}

// Close implements storage.Engine. After a failed commit the folder stays locked until the process ends: closing Badger would
// write what is half done into tables, where no replay can tell.
func (e *Engine) Close() error { return e.close() }

func (e *Engine) shut() error {
	e.gate.shut()
	close(e.committer.stop)
	<-e.committer.ended
	e.pager.close()
	if err := e.committer.broken(); err != nil {
		return err
	}
	return errors.Join(e.db.Close(), e.lock.Close())
}

// read runs with on a view of the last durable commit.
func (e *Engine) read(ctx context.Context, with func(*badgerdb.Txn) error) error {
	if err := e.gate.enter(); err != nil {
		return err
	}
	defer e.gate.leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.view(with)
}

func (e *Engine) view(with func(*badgerdb.Txn) error) error {
	at := e.views.open()
	defer e.views.close(at)
	txn := e.db.NewTransactionAt(at, false)
	defer txn.Discard()
	return with(txn)
}

// write queues work for the committer and waits for its outcome.
func (e *Engine) write(ctx context.Context, w *work) error {
	if err := e.gate.enter(); err != nil {
		return err
	}
	defer e.gate.leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.committer.do(ctx, w)
}

// A gate lets calls in until it is shut, and knows when the last one has left.
type gate struct {
	mu     sync.Mutex
	isShut bool
	inside sync.WaitGroup
}

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isShut {
		return storage.ErrClosed
	}
	g.inside.Add(1)
	return nil
}

func (g *gate) leave() { g.inside.Done() }

// open is asked by calls that may take long, so that shut need not wait for their end.
func (g *gate) open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isShut {
		return storage.ErrClosed
	}
	return nil
}

func (g *gate) shut() {
	g.mu.Lock()
	g.isShut = true
	g.mu.Unlock()
	g.inside.Wait()
}

var _ storage.Engine = (*Engine)(nil)
