package policies

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/decision"
)

// maxShadowed is how many decisions wait to be put to a shadow. What comes while the queue is full is dropped and counted.
const maxShadowed = 512

// shadowWait is how long a decision waits for an evaluation slot of a shadow whose slots are held by evaluations that are stuck.
const shadowWait = 100 * time.Millisecond

// shadowPatience times the deadline of the rules in use is a shadow's: it runs beside them, and a machine that is busy with requests
// must not look like a fault of its rules.
const shadowPatience = 5

// A shadow is a candidate that is asked what the revision in use was asked, after it and beside it. It has its own queue, workers,
// slots, deadline and memory, so that it can take nothing from the requests but the time to hand it a question.
type shadow struct {
	label    string
	since    time.Time
	revision *Revision
	caches   [decisions]*cache // nil: nothing is remembered
	slots    *slots
	deadline time.Duration
	waiting  chan *comparison
	ctx      context.Context // ends with the shadow
	end      context.CancelFunc
	sights   *sights
}

// A comparison is a decision of the revision in use that the shadow has yet to be asked about.
type comparison struct {
	on    which
	taken decision.Taken // without its rounds
	about decision.About
	asked []posed
}

// posed is one question: what is needed of it, and what the revision in use answered.
type posed struct {
	live         decision.Verdict
	scopes       []string               // that were asked for
	registration *decision.Registration // nil: of another decision

	key    cacheKey
	input  *ast.Term        // nil: the shadow knows the answer already
	answer decision.Verdict // then
}

// SetShadow loads a source, tries it as Replace would, and has it asked beside the revision in use from then on, in the place of
// an earlier shadow. What it answers is compared and counted, and nothing else comes of it. When the source is not usable, the
// error says why and the earlier shadow stays. The same source again changes nothing, so that what was counted goes on.
func (e *Engine) SetShadow(label string, src Source) error {
	e.shadowing.Lock()
	defer e.shadowing.Unlock()
	rev, err := e.load(src)
	if err != nil {
		return err
	}
	before := e.shadow.Load()
	if before != nil && before.label == label && before.revision.id == rev.id {
		return nil
	}
	s := e.newShadow(label, rev)
	e.shadow.Store(s)
	if before != nil {
		before.end()
	}
	for range cap(s.slots.free) {
		go s.work()
	}
	e.log.Info("policy shadow set", "label", label, "revision", rev.id, "files", len(src.Files))
	return nil
}

func (e *Engine) newShadow(label string, rev *Revision) *shadow {
	workers := max(1, runtime.GOMAXPROCS(0)/2)
	s := &shadow{
		label: label, since: e.now(), revision: rev, slots: newSlots(workers, shadowWait), deadline: shadowPatience * e.deadline,
		waiting: make(chan *comparison, maxShadowed), sights: &sights{log: e.log, now: e.now, told: e.counted},
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	for i, rules := range rev.rules {
		if rules.whyNot == "" && e.cached > 0 {
			s.caches[i] = newCache(e.cached)
		}
	}
	return s
}

// ClearShadow ends the shadow and forgets what it saw. It tells whether there was one.
func (e *Engine) ClearShadow() bool {
	e.shadowing.Lock()
	defer e.shadowing.Unlock()
	s := e.shadow.Swap(nil)
	if s == nil {
		return false
	}
	s.end()
	e.log.Info("policy shadow ended", slog.String("label", s.label), slog.String("revision", s.revision.id))
	return true
}

// take hands the shadow a decision. It runs on the path of a request and never waits. Where the revision in use reached no
// decision there is nothing to compare.
func (s *shadow) take(t decision.Taken) {
	on, known := whichOf(t.Name)
	if !known || t.Outcome == decision.OutcomeFailed || len(t.Rounds) == 0 {
		return
	}
	if len(s.waiting) == cap(s.waiting) {
		s.sights.drop(t.Name)
		return
	}
	c := &comparison{on: on, taken: t, about: decision.AboutOf(t.Rounds[0].Question), asked: make([]posed, len(t.Rounds))}
	c.taken.Rounds = nil
	for i, r := range t.Rounds {
		c.asked[i] = s.capture(on, r, c.about.Scopes)
	}
	select {
	case s.waiting <- c:
	default:
		s.sights.drop(t.Name)
	}
}

// capture keeps of a question what the shadow can read, or its answer where it has given it before.
func (s *shadow) capture(on which, r decision.Round, scopes []string) posed {
	a := posed{live: r.Verdict, scopes: scopes}
	a.registration, _ = r.Question.(*decision.Registration)
	rules, cache := s.revision.rules[on], s.caches[on]
	if cache != nil {
		a.key = rules.digester.Sum(r.Question)
		if v, found := cache.get(a.key); found {
			a.answer = v
			return a
		}
	}
	a.input = rules.input(r.Question)
	return a
}

// work puts decisions to the shadow until it ends.
func (s *shadow) work() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case c := <-s.waiting:
			s.see(c)
		}
	}
}

// errNoSlot means that every slot of the shadow is held by an evaluation that is stuck.
var errNoSlot = errors.New("the shadow's evaluations are stuck")

// ask gives the shadow's answer to one question.
func (s *shadow) ask(on which, a *posed) (decision.Verdict, error) {
	if a.input == nil {
		return a.answer, nil
	}
	rules, cache := s.revision.rules[on], s.caches[on]
	if cache != nil {
		if v, found := cache.get(a.key); found {
			return v, nil
		}
	}
	if s.slots.acquire(s.ctx) != nil {
		return decision.Verdict{}, errNoSlot
	}
	v, err := s.slots.run(s.ctx, s.deadline, func(cancel topdown.Cancel) (decision.Verdict, error) {
		return rules.decide(a.input, cancel)
	})
	if err == nil && cache != nil {
		cache.put(a.key, v)
	}
	return v, err
}

// see asks the shadow and notes how it differs.
func (s *shadow) see(c *comparison) {
	d, err := s.compare(c)
	switch {
	case s.ctx.Err() != nil: // it ended meanwhile
	case errors.Is(err, errNoSlot):
		s.sights.drop(c.taken.Name)
	default:
		s.sights.note(c.taken.Name, d)
	}
}
