package policies

import (
	"context"
	"errors"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/decision"
)

// An Aside asks a revision that need not be the one in use, beside the traffic: one question at a time, however many Asides the
// engine has, and only when no more than half of the engine's evaluations run. It remembers no verdict. It is safe for concurrent use.
type Aside struct {
	revision *Revision
	engine   *Engine
	deadline time.Duration // of one evaluation
	patience time.Duration // with the traffic
}

// What an Aside waits for.
const (
	asideDeadline = time.Second            // of one evaluation; nobody waits for it
	asidePatience = 200 * time.Millisecond // with the traffic, before it takes its turn all the same
	asideLook     = time.Millisecond       // how often it looks whether there is room
	asideWait     = 30 * time.Second       // for the question of another Aside to be answered
)

// Candidate makes a revision of a source and tries it, after those that others ask for. It is not in force then: see Replace,
// SetShadow and Aside.
func (e *Engine) Candidate(src Source) (*Revision, error) {
	e.loading.Lock()
	defer e.loading.Unlock()
	return Load(src, e.within())
}

// within is how long a candidate is tried. Until something is in use there is nothing to stay with, and a start that takes long on a busy
// machine is better than one with other rules than the site's.
func (e *Engine) within() time.Duration {
	if e.active.Load() == nil {
		return patient * e.trial
	}
	return e.trial
}

// Aside makes a revision answer beside the traffic.
func (e *Engine) Aside(r *Revision) *Aside {
	return &Aside{revision: r, engine: e, deadline: asideDeadline, patience: asidePatience}
}

// Revision gives the revision that is asked.
func (a *Aside) Revision() *Revision { return a.revision }

// DecideRegistration asks the rules, as Engine.DecideRegistration does.
func (a *Aside) DecideRegistration(ctx context.Context, q *decision.Registration) (decision.Verdict, error) {
	start := a.engine.now()
	verdict := decision.Verdict{Revision: a.revision.id}
	if err := a.engine.asides.acquire(ctx); err != nil {
		return verdict, err
	}
	a.giveWay(ctx)
	rules := a.revision.rules[registration]
	input := rules.input(q)
	v, err := a.engine.asides.run(ctx, a.deadline, func(cancel topdown.Cancel) (decision.Verdict, error) {
		return rules.decide(input, cancel)
	})
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return verdict, unavailable(err)
	case err != nil:
		return verdict, undecided(err)
	}
	v.Elapsed = a.engine.now().Sub(start)
	return v, nil
}

// giveWay waits until the engine has room, for a while.
func (a *Aside) giveWay(ctx context.Context) {
	if !a.engine.slots.crowded() {
		return
	}
	tick := time.NewTicker(asideLook)
	defer tick.Stop()
	over := time.NewTimer(a.patience)
	defer over.Stop()
	for a.engine.slots.crowded() {
		select {
		case <-tick.C:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// crowded tells that more than half of the evaluations that may run do.
func (s *slots) crowded() bool { return 2*len(s.free) > cap(s.free) }
