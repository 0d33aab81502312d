package policies

import (
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

// watched tells whether anybody wants to know what is decided: only then is it worth a record.
func (e *Engine) watched() bool { return e.told != nil || e.shadow.Load() != nil }

// Note takes down a decision: a shadow is handed the questions, to be asked later, and Options.Taken is told. The engine itself
// notes every authorization, token and session; a registration is noted by whoever asked about it, once, with all rounds. Simulations
// and replays note nothing. It waits for nobody but Options.Taken. What the questions hold may not change any more.
func (e *Engine) Note(t decision.Taken) {
	if s := e.shadow.Load(); s != nil {
		s.take(t)
	}
	if e.told != nil {
		e.told(t)
	}
}

// taken makes the record of a decision that took one question, as all but registrations do.
func taken(on which, q decision.Question, v decision.Verdict, err error, now time.Time) decision.Taken {
	t := decision.Taken{
		ID: core.NewDecisionID(now), Name: contracts[on].name, At: now,
		Rounds: []decision.Round{{Question: q, Verdict: v, Err: err}}, Outcome: decision.OutcomeDenied, Err: err,
	}
	switch {
	case err != nil:
		t.Outcome = decision.OutcomeFailed
	case v.Allow:
		t.Outcome = decision.OutcomeAllowed
	}
	return t
}

// whichOf finds a decision by its name.
func whichOf(name string) (which, bool) {
	i := slices.IndexFunc(contracts[:], func(c *contract) bool { return c.name == name })
	return which(i), i >= 0
}
