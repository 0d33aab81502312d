package policies

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

// slots bounds how many evaluations run at once. An evaluation that outlives its deadline keeps its slot until it really
// ends, so that runaway rules cannot take the whole machine.
type slots struct {
	free  chan struct{} // holds one item for each evaluation that runs
	stuck atomic.Int64  // evaluations whose caller has gone
	wait  time.Duration // for a slot
}

func newSlots(n int, wait time.Duration) *slots {
	return &slots{free: make(chan struct{}, n), wait: wait}
}

const busy = "The policy engine is busy. Try again in a moment."

// acquire takes a slot, waiting for one within bounds. Where no running evaluation is going to end in time, it does not wait.
func (s *slots) acquire(ctx context.Context) error {
	select {
	case s.free <- struct{}{}:
		return nil
	default:
	}
	if s.stuck.Load() >= int64(cap(s.free)) {
		return unavailable(fmt.Errorf("all %d evaluations are past their deadline and still running", cap(s.free)))
	}
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case s.free <- struct{}{}:
		return nil
	case <-timer.C:
		return unavailable(fmt.Errorf("no evaluation slot within %v", s.wait))
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

func unavailable(cause error) error {
	return &core.Error{Code: core.TemporarilyUnavailable, Detail: busy, RetryAfter: time.Second, Err: cause}
}

func (s *slots) release() { <-s.free }

// errDeadline is the cause when rules took too long.
var errDeadline = errors.New("the rules did not finish within the deadline")

// The states of one evaluation: exactly one of its two sides sees the other's.
const (
	running int32 = iota
	finished
	abandoned
)

type outcome struct {
	verdict decision.Verdict
	err     error
}

// ticks is how many pieces a deadline is counted in.
const ticks = 10

// run evaluates in a slot that the caller holds, and gives it back when the evaluation ends. It returns at the deadline in any
// case: cancellation is cooperative, and some rules do not cooperate. The deadline is counted in ticks, each of which counts
// once however late it comes: while the whole process stands still, on a busy or throttled machine, no rule is to blame.
func (s *slots) run(ctx context.Context, deadline time.Duration, evaluate func(topdown.Cancel) (decision.Verdict, error)) (decision.Verdict, error) {
	cancel := topdown.NewCancel()
	done := make(chan outcome, 1)
	var state atomic.Int32
	go func() {
		makeRoom()
		verdict, err := evaluate(cancel)
		if state.Swap(finished) == abandoned {
			s.stuck.Add(-1)
		}
		s.release()
		done <- outcome{verdict, err}
	}()
	o, cause := await(ctx, done, deadline)
	if cause == nil {
		return o.verdict, o.err
	}
	cancel.Cancel()
	s.stuck.Add(1)
	if !state.CompareAndSwap(running, abandoned) {
		s.stuck.Add(-1) // it finished just now: take its answer
		o = <-done
		return o.verdict, o.err
	}
	return decision.Verdict{}, cause
}

// await waits for the outcome, or tells why it waits no longer.
func await(ctx context.Context, done <-chan outcome, deadline time.Duration) (outcome, error) {
	tick := deadline / ticks
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for left := ticks; left > 0; left-- {
		select {
		case o := <-done:
			return o, nil
		case <-ctx.Done():
			return outcome{}, ctx.Err()
		case <-timer.C:
			timer.Reset(tick)
		}
	}
	return outcome{}, fmt.Errorf("%w of %v", errDeadline, deadline)
}

// makeRoom grows the stack of a new goroutine at once, while there is nothing on it to move. Evaluations are deep: where the stack
// grew under way, step by step, that took a sixth of their time.
//
//go:noinline
func makeRoom() {
	var room [usualStack]byte
	touch(&room)
}

// touch keeps the room from being left out.
//
//go:noinline
func touch(*[usualStack]byte) {}

// usualStack is what evaluations of the shipped rules stay below, in bytes.
const usualStack = 96 << 10
