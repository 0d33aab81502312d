package policies

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

const (
	long  = time.Minute
	short = 10 * time.Millisecond
)

// hang is an evaluation that does not care about cancellation.
func hang(until <-chan struct{}) func(topdown.Cancel) (decision.Verdict, error) {
	return func(topdown.Cancel) (decision.Verdict, error) {
		<-until
		return decision.Verdict{Allow: true}, nil
	}
}

func TestStuckEvaluationKeepsItsSlotButNotItsCaller(t *testing.T) {
	s := newSlots(1, long)
	until := make(chan struct{})
	if err := s.acquire(context.Background()); err != nil {
		t.Fatal(err)
	}
	v, err := s.run(context.Background(), short, hang(until))
	if !errors.Is(err, errDeadline) || v.Allow {
		t.Errorf("verdict %+v, error %v", v, err)
	}
	if n := s.stuck.Load(); n != 1 {
		t.Errorf("%d stuck", n)
	}
	// Nobody waits a minute for a slot that may never come.
	err = s.acquire(context.Background())
	if e := core.AsError(err); e.Code != core.TemporarilyUnavailable || e.RetryAfter == 0 {
		t.Errorf("error = %v", err)
	}
	close(until)
	s.free <- struct{}{} // comes back when the evaluation ends
	if n := s.stuck.Load(); n != 0 {
		t.Errorf("%d stuck after the end", n)
	}
}

// Whatever the rules do, a caller has an answer by the deadline and 10 ms: here, where nothing else takes time, by the deadline itself.
func TestDeadlineIsKept(t *testing.T) {
	for _, deadline := range []time.Duration{10 * time.Millisecond, DefaultDeadline, 250 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlots(1, long)
			until := make(chan struct{})
			if err := s.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			start := time.Now() // of the bubble
			_, err := s.run(t.Context(), deadline, hang(until))
			if took := time.Since(start); !errors.Is(err, errDeadline) || !strings.Contains(err.Error(), deadline.String()) || took < deadline || took > deadline+10*time.Millisecond {
				t.Errorf("deadline %v: %v after %v", deadline, err, took)
			}
			close(until)
			s.free <- struct{}{}
		})
	}
}

// However many callers there are, no more evaluations run on past their deadline than there are slots, and nobody waits for them.
func TestStuckEvaluationsAreBounded(t *testing.T) {
	const bound, callers = 3, 20
	s := newSlots(bound, short)
	until, began, answers := make(chan struct{}), make(chan struct{}, callers), make(chan error, callers)
	for range callers {
		go func() {
			err := s.acquire(context.Background())
			if err == nil {
				began <- struct{}{}
				_, err = s.run(context.Background(), short, hang(until))
			}
			answers <- err
		}()
	}
	late := 0
	for range callers {
		switch err := <-answers; {
		case errors.Is(err, errDeadline):
			late++
		case core.CodeOf(err) != core.TemporarilyUnavailable:
			t.Error(err)
		}
	}
	if n := s.stuck.Load(); late != bound || len(began) != bound || n != bound {
		t.Errorf("%d of %d evaluations were late, %d are stuck", late, len(began), n)
	}
	close(until)
	for range bound {
		s.free <- struct{}{} // they come back when the evaluations end
	}
	if n := s.stuck.Load(); n != 0 {
		t.Errorf("%d stuck after the end", n)
	}
}

func TestWaitingForASlotIsBounded(t *testing.T) {
	s := newSlots(1, short)
	s.free <- struct{}{}
	if err := s.acquire(context.Background()); core.CodeOf(err) != core.TemporarilyUnavailable {
		t.Errorf("error = %v", err)
	}
	gone, leave := context.WithCancel(context.Background())
	leave()
	s.wait = long
	if err := s.acquire(gone); core.CodeOf(err) != core.TemporarilyUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	got := make(chan error)
	go func() { got <- s.acquire(context.Background()) }()
	s.release()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestCallerWhoLeavesDoesNotWait(t *testing.T) {
	s := newSlots(1, long)
	until := make(chan struct{})
	defer close(until)
	s.free <- struct{}{}
	gone, leave := context.WithCancel(context.Background())
	leave()
	if _, err := s.run(gone, long, hang(until)); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

// runaway does not come to an end with a client of the name trigger.
const runaway = house + `label contains "x" if {
	input.effective.client_name == "trigger"
	some x in numbers.range(1, 1000000)
	some y in numbers.range(1, 1000000)
	x * y == 0
}
`

func TestRunawayRulesAreStopped(t *testing.T) {
	e := NewEngine(Options{MaxConcurrent: 1, Deadline: short, TrialTime: long})
	if err := e.Replace(site(runaway)); err != nil {
		t.Fatal(err)
	}
	q := exampleRegister()
	q.Effective.Metadata.ClientName = "trigger"
	if _, err := e.DecideRegistration(context.Background(), &q); core.CodeOf(err) != core.PolicyUnavailable {
		t.Errorf("error = %v", err)
	}
	e.slots.free <- struct{}{} // its slot comes back: the rules gave up
	if n := e.Status().Stuck; n != 0 {
		t.Errorf("%d stuck", n)
	}
}

func TestPanicRefuses(t *testing.T) {
	broken := &rules{} // its query panics
	q := exampleRegister()
	if v, err := broken.decide(inputTerm(wholePaths(), nil, &q), topdown.NewCancel()); err == nil || v.Allow {
		t.Errorf("verdict %+v, error %v", v, err)
	}
}
