package plugins

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
)

// An Outcome is how one call of a plugin ended.
type Outcome string

// The outcomes.
const (
	Continued Outcome = "continue"
	Patched   Outcome = "patch"
	Gave      Outcome = "result"
	Rejected  Outcome = "reject"
	Faulted   Outcome = "fault"   // the plugin failed
	Busy      Outcome = "busy"    // no instance was free, or the caller left
	Skipped   Outcome = "skipped" // it failed too often before, and was not asked
)

// Outcomes lists all outcomes.
func Outcomes() []Outcome {
	return []Outcome{Continued, Patched, Gave, Rejected, Faulted, Busy, Skipped}
}

// A Watch gives what is told of each call that one plugin gets at one point.
type Watch func(plugin string, at hook.Point) func(Asked)

// Asked tells of one call, for metrics.
type Asked struct {
	Outcome    Outcome
	Wall       time.Duration
	Fuel       uint64
	PagesReset int // pages of 4 KiB that the call had changed
	Uses       map[Use]int
}

// Stats are what was seen of a plugin since the server started, over all its versions.
type Stats struct {
	Calls     map[Outcome]uint64
	Faults    map[string]uint64 // by kind: that of the trap, gave_up, or answer for one that is not allowed
	FuelP50   uint64            // of the latest calls
	FuelMax   uint64
	LastFault string
	LastAt    time.Time // zero: there was none
}

// A tally collects them.
type tally struct {
	mu     sync.Mutex
	calls  map[Outcome]uint64
	faults map[string]uint64
	recent []uint64 // fuel of the latest calls, a ring
	next   int
	max    uint64
	last   string
	lastAt time.Time
}

// recentCalls is how many calls the median of fuel is taken of.
const recentCalls = 256

func newTally() *tally {
	return &tally{calls: map[Outcome]uint64{}, faults: map[string]uint64{}}
}

// note takes one call in.
func (t *tally) note(o Outcome, fuel uint64, err error, now func() time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[o]++
	if o == Skipped || o == Busy {
		return
	}
	if len(t.recent) < recentCalls {
		t.recent = append(t.recent, fuel)
	} else {
		t.recent[t.next] = fuel
		t.next = (t.next + 1) % recentCalls
	}
	t.max = max(t.max, fuel)
	if o == Faulted {
		t.faults[faultKind(err)]++
		t.last, t.lastAt = causeOf(err), now()
	}
}

// read gives a copy.
func (t *tally) read() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{Calls: maps.Clone(t.calls), Faults: maps.Clone(t.faults), FuelMax: t.max, LastFault: t.last, LastAt: t.lastAt}
	if n := len(t.recent); n > 0 {
		s.FuelP50 = slices.Sorted(slices.Values(t.recent))[n/2]
	}
	return s
}

// errGaveUp is the fault of a plugin that said itself that it failed.
var errGaveUp = errors.New("it gave up")

// faultKind sorts faults.
func faultKind(err error) string {
	var trap *sandbox.Trap
	switch {
	case errors.As(err, &trap):
		return string(trap.Kind)
	case errors.Is(err, errGaveUp):
		return "gave_up"
	}
	return "answer"
}

func causeOf(err error) string {
	if e := core.AsError(err); e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}

// outcomeOf sorts calls.
func outcomeOf(r hook.Result, err error) Outcome {
	switch {
	case err == nil && r.Action == hook.Continue:
		return Continued
	case err == nil && r.Action == hook.Patch:
		return Patched
	case err == nil && r.Action == hook.Give:
		return Gave
	case err == nil:
		return Rejected
	case core.AsError(err).Code == core.PluginFault:
		return Faulted
	}
	return Busy
}

// Ask implements hook.Plugin. Nothing that one call leaves in the module's memory is there in the next.
func (v *version) Ask(ctx context.Context, call hook.Call, judge func(hook.Result) error) (hook.Result, hook.Usage, error) {
	return v.ask(ctx, &call, judge)
}

func (v *version) ask(ctx context.Context, call *hook.Call, judge func(hook.Result) error) (hook.Result, hook.Usage, error) {
	if !v.users.take() {
		return hook.Result{}, hook.Usage{}, v.failure(ctx, call.Point, sandbox.ErrClosed, &journal{})
	}
	defer v.users.release()
	pass, wait, ok := v.breaker.enter(call.Context.Caller.IP)
	if !ok {
		v.tally.note(Skipped, 0, nil, v.now)
		v.see(call.Point, Skipped, hook.Usage{}, spending{})
		return hook.Result{}, hook.Usage{}, v.resting(wait)
	}
	result, usage, took, err := v.call(ctx, call, newEntropy(), &v.services)
	o := outcomeOf(result, err)
	if err == nil {
		if err = judge(result); core.CodeOf(err) == core.PluginFault {
			o = Faulted
		}
	}
	v.tally.note(o, usage.Fuel, err, v.now)
	v.see(call.Point, o, usage, took)
	if v.breaker.leave(pass, healthOf(o)) {
		v.tripped(v)
	}
	return result, usage, err
}

func (v *version) see(p hook.Point, o Outcome, usage hook.Usage, took spending) {
	if seen := v.seen[p]; seen != nil {
		seen(Asked{Outcome: o, Wall: usage.Wall, Fuel: usage.Fuel, PagesReset: took.PagesReset, Uses: took.uses})
	}
}

// healthOf tells what an outcome says of the plugin.
func healthOf(o Outcome) outcome {
	switch o {
	case Faulted:
		return failed
	case Busy, Skipped:
		return unknown
	}
	return worked
}

// resting is the answer of a plugin that is not asked for now.
func (v *version) resting(wait time.Duration) error {
	return &core.Error{
		Code: core.TemporarilyUnavailable, RetryAfter: max(wait.Round(time.Second), retryAfter),
		Detail: "The plugin " + v.Name() + " failed too often and is not asked for now. Try again later.",
	}
}
