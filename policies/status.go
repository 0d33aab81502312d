package policies

import "time"

// Status says what the engine decides with, and what is wrong with what it should decide with.
type Status struct {
	ActiveRevision string    `json:"active_revision"` // empty: none, everything is refused
	LoadedAt       time.Time `json:"loaded_at"`
	Origin         Origin    `json:"origin"`
	Cacheable      bool      `json:"cacheable"`
	WhyNot         string    `json:"why_not,omitempty"`
	Degraded       bool      `json:"degraded"` // the last candidate was refused, or there is no revision, or it is not the folder's
	Problems       []Problem `json:"problems,omitempty"`
	Stuck          int       `json:"stuck"` // evaluations that run on past their deadline
}

// Status gives the present state.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.status
	s.Degraded = s.ActiveRevision == "" || s.Origin == LastGood || len(s.Problems) > 0
	s.Stuck = int(e.slots.stuck.Load())
	return s
}

// Active gives the revision in use; nil when there is none.
func (e *Engine) Active() *Revision {
	if use := e.active.Load(); use != nil {
		return use.revision
	}
	return nil
}

// Replace loads a source and decides with it from then on. When it is not usable, the error says why, the status shows it,
// and the revision in use stays. To log the error is the caller's.
func (e *Engine) Replace(src Source) error {
	e.replacing.Lock()
	defer e.replacing.Unlock()
	rev, err := e.load(src)
	if err != nil {
		e.mu.Lock()
		e.status.Problems = problemsOf(err)
		e.mu.Unlock()
		return err
	}
	use := &live{revision: rev}
	for i, rules := range rev.rules {
		if rules.whyNot == "" && e.cached > 0 {
			use.caches[i] = newCache(e.cached)
		}
	}
	turn := e.turn.Add(1)
	if lasting(rev.rules[registration].paths) {
		use.holds = func() bool { return e.turn.Load() == turn }
	}
	e.active.Store(use)
	cacheable, why := rev.Cacheable()
	e.mu.Lock()
	next := Status{ActiveRevision: rev.ID(), LoadedAt: e.now(), Origin: src.Origin, Cacheable: cacheable, WhyNot: why}
	if src.Origin == LastGood {
		next.Problems = e.status.Problems // why it is not the folder's
	}
	e.status = next
	e.mu.Unlock()
	e.log.Info("policy in use", "revision", rev.ID(), "origin", src.Origin, "files", len(src.Files), "cacheable", cacheable, "why_not", why)
	return nil
}
