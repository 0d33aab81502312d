package replay

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A State says how far a job is.
type State string

// The states of a job.
const (
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"    // Error says why
	Cancelled State = "cancelled" // by somebody, by the end of the server, or because nobody asked any more
)

// What is counted, beside the kinds of differences.
const (
	countSame      = "same"       // a replay: ended as then
	countAccepted  = "accepted"   // an audit: would be taken as it is
	countNotKept   = "not_kept"   // its input is past its retention
	countNotJudged = "not_judged" // policy reached no decision then: it ended before, or the rules failed
)

// A Report tells how a job is going. It has a page of the differences, the first found first.
type Report struct {
	ID      string    `json:"job"`
	Verb    string    `json:"kind"` // replay or audit
	State   State     `json:"state"`
	Started time.Time `json:"started_at"`
	Ended   time.Time `json:"ended_at,omitzero"`

	Revision string `json:"revision"`      // of the candidate
	Live     string `json:"live_revision"` // in force when the job began

	Total   int            `json:"total"` // 0 until it is known
	Done    int            `json:"done"`
	Changed int            `json:"changed"` // differences found
	Counts  map[string]int `json:"counts"`
	Foreign int            `json:"other_revisions"` // a replay: asked again of what another revision than the live one had decided
	Limited bool           `json:"limited"`         // a replay: there are older decisions, beyond the limit
	Dropped int            `json:"dropped"`         // differences that were counted and not kept
	Error   string         `json:"error,omitempty"`

	Items []Difference `json:"items"`
	Next  string       `json:"next_cursor,omitempty"`
}

var (
	errCancelled = errors.New("it was cancelled")
	errForgotten = errors.New("nobody asked how it is going for a minute")
)

// A job is one replay or audit.
type job struct {
	id, verb  string
	ctx       context.Context
	cancel    context.CancelFunc
	keep      int // differences
	candidate Candidate
	live      string // the revision in force when it began

	mu     sync.Mutex // guards what follows
	sofar  Report     // without items
	items  []Difference
	bytes  int
	polled time.Time
}

func newJob(ctx context.Context, verb string, keep int, now time.Time) *job {
	w := &job{id: newID(), verb: verb, keep: keep, polled: now}
	w.ctx, w.cancel = context.WithCancel(ctx)
	w.sofar = Report{ID: w.id, Verb: verb, State: Running, Started: now, Counts: map[string]int{}}
	return w
}

// use says what the job works with, before it does.
func (w *job) use(c Candidate, live string) {
	w.candidate, w.live = c, live
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sofar.Revision, w.sofar.Live = c.Revision, live
}

// release lets go of the candidate: the report stays until the next job, and a compiled policy is large.
func (w *job) release() { w.candidate = Candidate{} }

func (w *job) isRunning() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sofar.State == Running
}

// finish closes the report, once.
func (w *job) finish(err error, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sofar.State != Running {
		return
	}
	w.sofar.State, w.sofar.Ended = Done, now
	switch {
	case err == nil:
	case errors.Is(err, errCancelled), errors.Is(err, errForgotten), errors.Is(err, context.Canceled):
		w.sofar.State = Cancelled
		if errors.Is(err, errForgotten) {
			w.sofar.Error = errForgotten.Error()
		}
	default:
		w.sofar.State, w.sofar.Error = Failed, core.AsError(err).Detail
	}
}

func (w *job) asked(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.polled = now
}

// goesOn tells why the job has to end now; nil: it goes on.
func (w *job) goesOn(now time.Time) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.polled) > Patience {
		return errForgotten
	}
	return nil
}

// expect says how much there is to do.
func (w *job) expect(total int, limited bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sofar.Total, w.sofar.Limited = total, limited
}

// count notes one that is done, under a word.
func (w *job) count(word string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sofar.Done++
	w.sofar.Counts[word]++
}

// foreign notes one that another revision had decided.
func (w *job) foreign() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sofar.Foreign++
}

// add notes a difference; beyond the bounds it is only counted.
func (w *job) add(d Difference) {
	d.After = d.After.trimmed()
	n := d.After.size()
	if d.Before != nil {
		before := d.Before.trimmed()
		d.Before = &before
		n += before.size()
	}
	w.count(string(d.Kind))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sofar.Changed++
	if len(w.items) >= w.keep || w.bytes+n > maxKeptBytes {
		w.sofar.Dropped++
		return
	}
	w.items, w.bytes = append(w.items, d), w.bytes+n
}

// knows tells a cursor that a report may have given out.
func (w *job) knows(cursor string) bool {
	from, err := strconv.Atoi(cursor)
	w.mu.Lock()
	defer w.mu.Unlock()
	return cursor == "" || err == nil && from > 0 && from <= len(w.items) && strconv.Itoa(from) == cursor
}

// report gives the state, with at most limit differences from the cursor on. The list has a next page while the job runs: more
// may be found.
func (w *job) report(cursor string, limit int) Report {
	from, _ := strconv.Atoi(cursor)
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.sofar
	r.Counts = maps.Clone(r.Counts)
	to := min(from+limit, len(w.items))
	r.Items = append([]Difference{}, w.items[from:to]...)
	if to < len(w.items) {
		r.Next = strconv.Itoa(to)
	}
	return r
}
