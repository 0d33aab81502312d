package decisionlog

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// A Sink takes lines.
type Sink interface {
	// Name is file, stdout or http.
	Name() string
	// Batch is how many lines it takes at once, and how long it likes to wait for as many.
	Batch() (lines int, wait time.Duration)
	// Write takes lines, without their ends, and tells how many of the first it has taken for good.
	Write(ctx context.Context, lines [][]byte) (int, error)
	// Close ends it.
	Close() error
}

// A refusal is why a sink will never take a line.
type refusal struct{ cause error }

func (r *refusal) Error() string { return r.cause.Error() }
func (r *refusal) Unwrap() error { return r.cause }

const (
	batchBytes = 1 << 20 // of one Write
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// An outlet writes to one sink what waits for it.
type outlet struct {
	sink    Sink
	queue   *queue
	log     *slog.Logger
	now     func() time.Time
	after   func(time.Duration) <-chan time.Time
	counted struct{ written, dropped func(string, int) }

	wake    chan struct{} // something waits
	closing chan struct{}
	done    chan struct{}
	ctx     context.Context
	cut     context.CancelFunc

	mu       sync.Mutex
	written  int64
	dropped  int64
	holding  int   // taken from the queue, and not written yet
	failing  error // nil: it takes what it gets
	since    time.Time
	lostThen int64 // dropped, when it began to fail
	ended    bool
}

func newOutlet(sink Sink, o Options) *outlet {
	out := &outlet{
		sink: sink, queue: newQueue(o.Queue), log: o.Log.With("sink", sink.Name()), now: o.Now, after: o.After,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
	}
	out.counted.written, out.counted.dropped = o.Written, o.Dropped
	out.ctx, out.cut = context.WithCancel(context.Background())
	return out
}

// put queues a line. Once the outlet has ended nobody takes it: it is lost and counted.
func (o *outlet) put(l line) {
	lost := 1
	o.mu.Lock()
	if !o.ended {
		lost = o.queue.put(l)
	}
	o.mu.Unlock()
	if lost > 0 {
		o.drop(lost)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outlet) drop(n int) {
	if n == 0 {
		return
	}
	o.mu.Lock()
	o.dropped += int64(n)
	o.mu.Unlock()
	if o.counted.dropped != nil {
		o.counted.dropped(o.sink.Name(), n)
	}
}

// wrote counts what the sink took, unless it was given up before.
func (o *outlet) wrote(n int) {
	o.mu.Lock()
	if o.ended {
		n = 0
	}
	o.written += int64(n)
	o.holding -= n
	o.mu.Unlock()
	if n > 0 && o.counted.written != nil {
		o.counted.written(o.sink.Name(), n)
	}
}

func (o *outlet) status() Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := Status{Sink: o.sink.Name(), Written: o.written, Dropped: o.dropped, Since: o.since}
	if !o.ended {
		s.Waiting = o.queue.len() + o.holding
	}
	if o.failing != nil {
		s.Error = o.failing.Error()
	}
	return s
}

// run writes until the outlet is closed and empty.
func (o *outlet) run() {
	defer close(o.done)
	lines, wait := o.sink.Batch()
	for o.waits(lines, wait) {
		if batch := o.take(lines); len(batch) > 0 {
			o.deliver(batch)
		}
	}
	o.drop(o.end())
	if err := o.sink.Close(); err != nil {
		o.log.Error("the decision log was not closed well", "error", err)
	}
}

// take takes lines from the queue, in one step with what is told of them.
func (o *outlet) take(lines int) [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch := o.queue.take(lines, batchBytes)
	if !o.ended {
		o.holding = len(batch)
	}
	return batch
}

// end has the outlet take no more, and gives how many lines nobody will write.
func (o *outlet) end() (lost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return 0
	}
	lost, o.holding, o.ended = o.queue.len()+o.holding, 0, true
	return lost
}

// waits waits until something is there to be written; false: it is over.
func (o *outlet) waits(lines int, wait time.Duration) bool {
	for o.queue.len() == 0 {
		select {
		case <-o.wake:
		case <-o.closing:
			return o.queue.len() > 0
		}
	}
	if wait == 0 || o.queue.len() >= lines {
		return true
	}
	late := o.after(wait)
	for o.queue.len() < lines {
		select {
		case <-o.wake:
		case <-late:
			return true
		case <-o.closing:
			return true
		}
	}
	return true
}

// deliver writes lines, however often it takes. While it is at it the queue fills, which is bounded. Once the outlet closes, each
// batch is tried once.
func (o *outlet) deliver(batch [][]byte) {
	for retry := firstRetry; ; retry = min(2*retry, lastRetry) {
		last := o.isClosing()
		n, err := o.sink.Write(o.ctx, batch)
		o.wrote(n)
		batch = batch[n:]
		if len(batch) == 0 {
			o.works()
			return
		}
		var never *refusal
		if errors.As(err, &never) {
			o.lose(len(batch))
			o.log.Error("the decision log lost events that the sink refuses", "events", len(batch), "error", err)
			return
		}
		o.fails(err)
		if last {
			o.lose(len(batch))
			return
		}
		select {
		case <-o.after(retry):
		case <-o.closing:
		}
	}
}

func (o *outlet) isClosing() bool {
	select {
	case <-o.closing:
		return true
	default:
		return false
	}
}

// lose gives up lines that were taken from the queue.
func (o *outlet) lose(n int) {
	o.mu.Lock()
	if o.ended { // then they are counted already
		n = 0
	}
	o.holding -= n
	o.mu.Unlock()
	o.drop(n)
}

// fails remembers why the sink takes nothing. It is logged when it begins.
func (o *outlet) fails(err error) {
	if err == nil {
		err = errors.New("the sink took less than it was given")
	}
	o.mu.Lock()
	first := o.failing == nil
	if first {
		o.since, o.lostThen = o.now(), o.dropped
	}
	o.failing = err
	o.mu.Unlock()
	if first {
		o.log.Error("the decision log cannot be written; events wait in memory, and what does not fit is lost and counted", "error", err)
	}
}

// works forgets a failure.
func (o *outlet) works() {
	o.mu.Lock()
	failed, since, lost := o.failing != nil, o.since, o.dropped-o.lostThen
	o.failing, o.since = nil, time.Time{}
	o.mu.Unlock()
	if failed {
		o.log.Info("the decision log is written again", "failed_since", since, "lost", lost)
	}
}

// close lets the outlet write what waits and end.
func (o *outlet) close() { close(o.closing) }

// abandon ends an outlet that does not end by itself.
func (o *outlet) abandon() {
	o.cut()
	if lost := o.end(); lost > 0 {
		o.drop(lost)
		o.log.Error("the decision log could not be written in time", "lost", lost)
	}
}
