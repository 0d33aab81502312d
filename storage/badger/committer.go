package badger

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/ostiary/ostiary/storage"
)

const (
	queueLength = 256
	batchBytes  = 1 << 20          // one Apply may be larger and is then a batch alone
	longTurn    = time.Millisecond // when letting others run takes longer, it is not done again for the same batch
)

// The committer is the only writer of the store. One goroutine takes all Applies that wait, judges them in order, each
// against what is stored and what the accepted ones before it write, and commits those accepted at once with one sync. An
// Apply that finds it and everybody else idle is committed alone and immediately: nothing here waits on a timer.
//
// Since nobody else writes, what it reads while judging still holds when it commits, and Badger's own detection of
// conflicts is switched off.
type committer struct {
	db    *badgerdb.DB
	views *views
	hot   *hot
	space *space
	now   func() time.Time
	log   *slog.Logger

	queue chan *work
	stop  chan struct{}
	ended chan struct{}

	// failure is the first commit that Badger failed. What of it reached the disk is unknown until the logs are replayed,
	// so nothing more is written until the store is opened again. Views stay at the last commit that succeeded.
	failure atomic.Pointer[error]
}

// work is one queued Apply, or a task that needs to be the only writer for a while.
type work struct {
	ops  []storage.Op
	task func() error

	state   atomic.Int32 // waiting, then begun or abandoned
	effects int          // how many writes it made; set before done
	outcome error
	done    chan error
}

const (
	waiting int32 = iota
	begun
	abandoned
)

// do queues work and waits for its outcome. A caller whose context ends first leaves only if the work was not begun.
func (c *committer) do(ctx context.Context, w *work) error {
	w.done = make(chan error, 1)
	select {
	case c.queue <- w:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		if w.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err()
		}
		return <-w.done
	}
}

func (w *work) begin() bool {
	return w.state.CompareAndSwap(waiting, begun) || w.state.Load() == begun
}

func (c *committer) run() {
	defer close(c.ended)
	for {
		select {
		case w := <-c.queue:
			for w != nil {
				w = c.serve(w)
			}
		case <-c.stop:
			return
		}
	}
}

// serve does one task or one batch and gives back the work that did not fit into it.
func (c *committer) serve(first *work) *work {
	if first.task != nil {
		if first.begin() {
			first.done <- first.task()
		}
		return nil
	}
	b := c.newBatch()
	left := c.fill(b, first)
	b.answer(c.commit(b))
	return left
}

func (c *committer) fill(b *batch, first *work) (left *work) {
	for w := first; w != nil; w = c.waitingWork(b) {
		if w.task != nil || !b.admit(w) {
			return w
		}
	}
	return nil
}

// waitingWork gives the next work in the queue. When there is none, whoever can run gets to run first: what they are about to
// write goes into this batch and needs no sync of its own. When nobody can run, that takes no time.
func (c *committer) waitingWork(b *batch) *work {
	if w := c.queued(); w != nil || b.hurried {
		return w
	}
	began := time.Now()
	runtime.Gosched()
	b.hurried, b.now = time.Since(began) > longTurn, c.now()
	return c.queued()
}

func (c *committer) queued() *work {
	select {
	case w := <-c.queue:
		return w
	default:
		return nil
	}
}

// A batch is the Applies of one commit. Its transaction is also the view that the next Apply is judged against.
type batch struct {
	txn     *badgerdb.Txn
	now     time.Time
	works   []*work
	written []write
	size    int
	limit   int // what Badger takes in one transaction

	hurried bool  // it does not let others run any more
	failure error // it must not be committed
}

func (c *committer) newBatch() *batch {
	return &batch{
		txn:   c.db.NewTransactionAt(c.views.last(), true),
		now:   c.now(),
		limit: int(c.db.MaxBatchSize()) - entrySize,
	}
}

// admit judges one Apply and adds what it writes. It says no when the batch has to be committed first.
func (b *batch) admit(w *work) bool {
	if !w.begin() {
		return true // its caller has left
	}
	var version storage.Version
	rand.Read(version[:]) // never fails
	writes, err := judge(b.txn, w.ops, version, b.now)
	size := 0
	for _, each := range writes {
		size += each.size()
	}
	switch {
	case err != nil:
	case b.size > 0 && b.size+size > batchBytes:
		return false
	case size > b.limit: // Adds to records with huge values
		err = fmt.Errorf("apply rewrites %d bytes: %w", size, storage.ErrTooLarge)
	default:
		b.add(writes)
	}
	w.outcome, w.effects = err, len(writes)
	b.works = append(b.works, w)
	b.size += size
	return true
}

// add cannot fail half way: sizes were checked, and keys are well-formed. If it does, the whole batch is given up.
func (b *batch) add(writes []write) {
	for _, w := range writes {
		if err := set(b.txn, w, b.now); err != nil {
			b.failure = fmt.Errorf("write: %w", err)
			return
		}
	}
	b.written = append(b.written, writes...)
}
