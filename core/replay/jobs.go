package replay

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Jobs run replays and audits, one at a time, and keep the report of the last. They are safe for concurrent use.
type Jobs struct {
	Parts
	ctx  context.Context // of all jobs; ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu   sync.Mutex
	last *job // nil: there was none
}

// New makes Jobs. Close them to end what runs.
func New(p Parts) *Jobs {
	if p.Rest == nil {
		p.Rest = rest
	}
	if p.Keep == 0 {
		p.Keep = DefaultKeep
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Jobs{Parts: p, ctx: ctx, stop: stop}
}

// rest waits as long as the work took, so that a job takes half of one processor at most.
func rest(ctx context.Context, worked time.Duration) {
	timer := time.NewTimer(worked)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Close ends the job that runs, and waits for it.
func (j *Jobs) Close() {
	j.mu.Lock() // no job begins any more once it waits
	j.stop()
	j.mu.Unlock()
	j.wg.Wait()
}

// Replay begins to ask kept decisions again. The error is core.Conflict while another job runs, and an *Unusable when the
// candidate cannot be used.
func (j *Jobs) Replay(ctx context.Context, o Order) (Report, error) {
	if err := o.check(); err != nil {
		return Report{}, err
	}
	return j.begin(ctx, "replay", o.Files, func(ctx context.Context, w *job) error { return j.replay(ctx, w, o) })
}

func (o Order) check() error {
	switch {
	case o.Limit < 0 || o.Limit > MaxLimit:
		return core.Refuse(core.InvalidRequest, "limit must be from 1 to %d.", MaxLimit)
	case len(o.Decisions) > MaxDecisions:
		return core.Refuse(core.InvalidRequest, "decisions names more than %d.", MaxDecisions)
	case !o.Since.IsZero() && !o.Until.IsZero() && !o.Since.Before(o.Until):
		return core.Refuse(core.InvalidRequest, "since must be before until.")
	}
	return nil
}

// Audit begins to judge every stored client by a candidate; files nil: by the policy in force. The error is as that of Replay.
func (j *Jobs) Audit(ctx context.Context, files map[string]string) (Report, error) {
	return j.begin(ctx, "audit", files, j.audit)
}

// begin loads the candidate and starts the work. The place is taken first: two candidates are never loaded at once.
func (j *Jobs) begin(ctx context.Context, verb string, files map[string]string, work func(context.Context, *job) error) (Report, error) {
	w, earlier, err := j.reserve(verb)
	if err != nil {
		return Report{}, err
	}
	candidate, live, err := j.load(ctx, files)
	if err != nil {
		j.mu.Lock()
		if j.last == w { // it may have been cancelled meanwhile, and another one begun
			j.last = earlier
		}
		j.mu.Unlock()
		w.cancel()
		j.wg.Done()
		return Report{}, err
	}
	w.use(candidate, live)
	go func() {
		defer j.wg.Done()
		defer w.cancel()
		err := work(w.ctx, w)
		w.release()
		w.finish(err, j.Now())
		report := w.report("", 0)
		j.Log.Info("policy "+verb+" ended", "job", report.ID, "state", report.State, "done", report.Done, "changed", report.Changed, "error", report.Error)
	}()
	return w.report("", 0), nil
}

func (j *Jobs) load(ctx context.Context, files map[string]string) (candidate Candidate, live string, err error) {
	inForce, err := j.Candidates.Live()
	if err != nil || files == nil {
		return inForce, inForce.Revision, err
	}
	candidate, err = j.Candidates.Candidate(ctx, files)
	return candidate, inForce.Revision, err
}

// reserve takes the one place there is.
func (j *Jobs) reserve(verb string) (w, earlier *job, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ctx.Err() != nil {
		return nil, nil, core.Refuse(core.TemporarilyUnavailable, "The server is shutting down.")
	}
	if j.last != nil && j.last.isRunning() {
		return nil, nil, core.Refuse(core.Conflict, "Another job runs, the %s %s: wait for it, or end it with DELETE.", j.last.verb, j.last.id)
	}
	earlier = j.last
	w = newJob(j.ctx, verb, j.Keep, j.Now())
	j.last = w
	j.wg.Add(1) // until it has ended: the store stays open as long
	return w, earlier, nil
}

// Report tells how a job is going, with a page of its differences. To ask keeps it going.
func (j *Jobs) Report(id, cursor string, limit int) (Report, error) {
	w, err := j.find(id)
	if err != nil {
		return Report{}, err
	}
	if !w.knows(cursor) {
		return Report{}, core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
	}
	w.asked(j.Now())
	return w.report(cursor, limit), nil
}

// Cancel ends a job; one that has ended stays as it is.
func (j *Jobs) Cancel(id string) (Report, error) {
	w, err := j.find(id)
	if err != nil {
		return Report{}, err
	}
	w.finish(errCancelled, j.Now())
	w.cancel()
	return w.report("", 0), nil
}

func (j *Jobs) find(id string) (*job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last == nil || j.last.id != id {
		return nil, core.Refuse(core.NotFound, "There is no job with this id; only the last one is kept, until the server ends.")
	}
	return j.last, nil
}

// newID names a job: nobody can guess it, so that nobody reads another's report by counting.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return "j-" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}
