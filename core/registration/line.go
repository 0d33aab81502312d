package registration

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/ledger"
)

// A line lets requests go one after the other that overtook each other. While somebody stands in it, nobody passes by: who has
// something of a plugin's to keep stands in line too.
type line struct {
	turn chan struct{}
	side sync.RWMutex // read: a commit beside the line; written: a turn
}

func newLine() *line { return &line{turn: make(chan struct{}, 1)} }

const (
	lineWait = 5 * time.Second // for one's turn
	turns    = 3               // how often a request is judged in its turn: other processes on the same store know nothing of it
)

// enter waits for one's turn. leave ends it.
func (l *line) enter(ctx context.Context) (leave func(), err error) {
	timer := time.NewTimer(lineWait)
	defer timer.Stop()
	select {
	case l.turn <- struct{}{}:
		l.side.Lock() // soon: those beside the line have been judged
		return func() { l.side.Unlock(); <-l.turn }, nil
	case <-timer.C:
		return nil, context.DeadlineExceeded
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// commitAside commits beside the line, unless it takes along what a plugin keeps and somebody stands there.
func (d *Desk) commitAside(ctx context.Context, a Approved) error {
	if len(a.writes) == 0 {
		return d.store.Commit(ctx, a)
	}
	if !d.line.side.TryRLock() {
		return ErrOvertaken
	}
	defer d.line.side.RUnlock()
	return d.store.Commit(ctx, a)
}

// An overtaken judgement rests on what plugins kept before another request changed it.
type overtaken struct {
	entry ledger.Entry
	row   ledger.Stage // of the commit
}

// Error implements error.
func (*overtaken) Error() string { return ErrOvertaken.Error() }

// Unwrap gives ErrOvertaken.
func (*overtaken) Unwrap() error { return ErrOvertaken }

// settle judges a request and carries it out. When another request has changed what a plugin keeps and rested its answer on, it
// is judged again, then in line with others that this happened to, so that all of them get through. Nothing was written before.
func (d *Desk) settle(ctx context.Context, req Request) (Approved, []ledger.Stage, error) {
	req.counts = true
	approved, done, err := d.attempt(ctx, req, d.commitAside)
	req.counts = false
	var behind *overtaken
	if !errors.As(err, &behind) {
		return approved, done, err
	}
	leave, waited := d.line.enter(ctx)
	if waited != nil {
		return Approved{}, nil, d.lose(req, behind.entry, behind.row, ErrOvertaken)
	}
	defer leave()
	for range turns {
		approved, done, err = d.attempt(ctx, req, d.store.Commit)
		if !errors.As(err, &behind) {
			return approved, done, err
		}
	}
	return Approved{}, nil, d.lose(req, behind.entry, behind.row, ErrOvertaken)
}
