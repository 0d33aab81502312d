package policies

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

// asked by name and not in use.
func asideOf(t *testing.T, e *Engine, rego string) *Aside {
	t.Helper()
	rev, err := Load(site(rego), long)
	if err != nil {
		t.Fatal(err)
	}
	a := e.Aside(rev)
	a.deadline = long
	return a
}

// A revision that is not in use answers as it would in use, and the one in use goes on.
func TestAside(t *testing.T) {
	e := engineWith(t, "")
	a := asideOf(t, e, house+`deny contains {"rule": "house.no", "code": "access_denied", "message": "No."} if input.operation == "register"`)
	q := exampleRegister()
	v, err := a.DecideRegistration(t.Context(), &q)
	if err != nil || denied(v) != "house.no" || v.Revision != a.Revision().ID() || v.Deny[0].File != "house.rego" || v.Elapsed <= 0 {
		t.Errorf("aside: %+v, %v", v, err)
	}
	if v := ask(t, e, nil); !v.Allow || v.Revision == a.Revision().ID() {
		t.Errorf("in use: %+v", v)
	}
}

// Rules that do not come to an end reach no decision: at the deadline for the rules, before it for whoever waits no longer.
func TestAsideComesToAnEnd(t *testing.T) {
	e := engineWith(t, "")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	there, leave := context.WithTimeout(t.Context(), 10*time.Second) // more than its deadline, less than anything else
	defer leave()
	q := exampleRegister()
	q.Effective.Metadata.ClientName = "trigger"
	for _, test := range []struct {
		ctx      context.Context
		deadline time.Duration
		want     core.Code
	}{
		{there, short, core.PolicyUnavailable},
		{gone, long, core.TemporarilyUnavailable},
	} {
		a := asideOf(t, e, runaway)
		a.deadline = test.deadline
		v, err := a.DecideRegistration(test.ctx, &q)
		if core.CodeOf(err) != test.want || v.Allow || v.Revision != a.Revision().ID() {
			t.Errorf("%v, not %s: %+v", err, test.want, v)
		}
		e.asides.free <- struct{}{} // the turn comes back: the rules were told to stop
		e.asides.release()
	}
}

// crowd takes one slot more than half of an engine's, so that Asides give way.
func crowd(t *testing.T, e *Engine) {
	t.Helper()
	for len(e.slots.free) < cap(e.slots.free)/2 {
		e.slots.free <- struct{}{}
	}
	if e.slots.crowded() {
		t.Fatal("half of it is a crowd")
	}
	e.slots.free <- struct{}{}
	if !e.slots.crowded() {
		t.Fatal("more than half of it is no crowd")
	}
}

// It waits while the traffic takes more than half of the room, and not for ever.
func TestAsideGivesWay(t *testing.T) {
	e := engineWith(t, "")
	a, endless := asideOf(t, e, ""), asideOf(t, e, runaway)
	q := exampleRegister()
	q.Effective.Metadata.ClientName = "trigger"
	asked := func(ctx context.Context, a Aside, patience time.Duration) <-chan error {
		a.patience = patience
		answer := make(chan error, 1)
		go func() {
			_, err := a.DecideRegistration(ctx, &q)
			answer <- err
		}()
		return answer
	}
	within := func(answer <-chan error) error {
		select {
		case err := <-answer:
			return err
		case <-time.After(long):
			return errors.New("it waits for ever")
		}
	}
	const ever = time.Hour
	crowd(t, e)
	waiting := asked(t.Context(), *a, ever)
	select {
	case err := <-waiting:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	<-e.slots.free // there is room
	if err := within(waiting); err != nil {
		t.Errorf("with room: %v", err)
	}
	crowd(t, e)
	if err := within(asked(t.Context(), *a, short)); err != nil {
		t.Errorf("at the end of its patience: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := within(asked(gone, *endless, ever)); core.CodeOf(err) != core.TemporarilyUnavailable {
		t.Errorf("when nobody waits: %v", err)
	}
}

// However many candidates are tried at once, one question runs: rules that run away take one processor and not all.
func TestAsidesTakeTurns(t *testing.T) {
	e := engineWith(t, "")
	a, b := asideOf(t, e, ""), asideOf(t, e, "")
	if err := e.asides.acquire(t.Context()); err != nil { // a question of a third
		t.Fatal(err)
	}
	q := exampleRegister()
	answers := make(chan error, 2)
	for _, one := range []*Aside{a, b} {
		go func() {
			_, err := one.DecideRegistration(t.Context(), &q)
			answers <- err
		}()
	}
	select {
	case err := <-answers:
		t.Fatalf("two questions at once: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
	e.asides.release()
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	// One that is stuck holds up the others, who are told so at once.
	if err := e.asides.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	until := make(chan struct{})
	if _, err := e.asides.run(t.Context(), short, hang(until)); !errors.Is(err, errDeadline) {
		t.Errorf("stuck: %v", err)
	}
	if _, err := b.DecideRegistration(t.Context(), &q); core.CodeOf(err) != core.TemporarilyUnavailable {
		t.Errorf("beside a stuck one: %v", err)
	}
	close(until)
}

// A question that was kept and read again is the same to the rules, in every path they can read.
func TestKeptQuestionIsTheSameToRules(t *testing.T) {
	e := engineWith(t, house+`label contains json.marshal(input)`)
	rules := rulesIn(e, registration)
	random := rand.New(rand.NewPCG(5, 6))
	for i := range 300 {
		q := exampleRegister()
		if i%3 == 0 {
			q = exampleUpdate()
		}
		q.Effective.Metadata.ClientName = fmt.Sprint("Shop ", i)
		q.Effective.Metadata.Scope = q.Effective.Metadata.Scope[:random.IntN(len(q.Effective.Metadata.Scope)+1)]
		if i%2 == 0 {
			q.Effective.Metadata.Contacts, q.Effective.Metadata.RequireAuthTime = []string{}, new(bool)
		}
		back, err := decision.ParseKept(decision.AppendKept(nil, &q))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := rules.input(back), rules.input(&q); got.Value.Compare(want.Value) != 0 {
			t.Fatalf("read again %v, was %v", got, want)
		}
		if rules.digester.Sum(back) != rules.digester.Sum(&q) {
			t.Fatal("another digest")
		}
	}
}
