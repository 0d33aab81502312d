package keys

import (
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/keys/jose"
)

// A Plan says which algorithms have keys and when these change.
type Plan struct {
	Algs  []string
	Every time.Duration // how long a key signs; 0: until an operator rotates it
	Lead  time.Duration // how long a key is published before it signs: at least as long as anybody keeps the key set
	Keep  time.Duration // the longest life of what is signed, and the skew of clocks
	Lag   time.Duration // the longest time that a process goes without Tick while it signs
}

// DefaultPlan is a new key every 90 days, known for a day before it signs, for tokens that live up to a day.
func DefaultPlan(algs ...string) Plan {
	const day = 24 * time.Hour
	return Plan{Algs: algs, Every: 90 * day, Lead: day, Keep: day + 5*time.Minute, Lag: time.Hour}
}

func (p Plan) check() error {
	switch {
	case p.Lead <= 0 || p.Keep <= 0 || p.Lag < 0 || p.Every < 0:
		return errors.New("key rotation: the lead and the life of what is signed must be longer than nothing")
	case p.Every > 0 && p.Every <= p.Lead:
		return errors.New("key rotation: a key must sign for longer than the lead in which it is published before")
	case p.Lag > p.Lead:
		return errors.New("key rotation: the lead must be at least the time that a process may go without reading the keys")
	}
	return nil
}

// normal has each algorithm once, under the name that its key is kept by.
func (p Plan) normal() Plan {
	var algs []string
	for _, alg := range p.Algs {
		if alg = nameOf(alg); !slices.Contains(algs, alg) {
			algs = append(algs, alg)
		}
	}
	p.Algs = algs
	return p
}

// nameOf gives the name by which an algorithm's key is kept: Ed25519 is another name of EdDSA (RFC 9864 §2.2).
func nameOf(alg string) string {
	if alg == jose.Ed25519 {
		return jose.EdDSA
	}
	return alg
}

// entry shows a key.
func (p Plan) entry(s Stored) Entry {
	e := Entry{ID: s.ID, Alg: s.Alg, State: s.State, Created: s.Created, Activates: s.Activates, Retires: s.Retires, Removes: s.Removes}
	if s.State == Active && p.Every > 0 && slices.Contains(p.Algs, s.Alg) {
		e.Retires = s.Activates.Add(p.Every)
	}
	return e
}

// A family is the keys of one algorithm.
type family struct {
	alg  string
	keys []Stored
}

// find gives the key that is in a state and in the highest slot.
func (f family) find(state State) (Stored, bool) {
	var found Stored
	for _, k := range f.keys {
		if k.State == state && k.Slot > found.Slot {
			found = k
		}
	}
	return found, found.Slot > 0
}

// top is the highest slot in use. The key in it is next or active, never retired, so no slot is used twice.
func (f family) top() int {
	top := 0
	for _, k := range f.keys {
		top = max(top, k.Slot)
	}
	return top
}

// A step is one change of a family, before a key was made for it.
type step struct {
	fresh     State // of the key to make; "": none
	activates time.Time
	update    []Stored
	remove    []Stored
}

func (s step) empty() bool { return s.fresh == "" && len(s.update) == 0 && len(s.remove) == 0 }

// due gives the next step by schedule; an empty one when nothing is due.
func (p Plan) due(f family, now time.Time) step {
	if s := f.expired(now); !s.empty() {
		return s
	}
	if !slices.Contains(p.Algs, f.alg) {
		return step{}
	}
	active, signs := f.find(Active)
	next, waits := f.find(Next)
	switch {
	case !signs:
		return step{fresh: Active, activates: now}
	case waits && !now.Before(next.Activates) && p.known(next, now) && !f.crowded():
		return p.promote(f, next, now)
	case !waits && p.Every > 0 && !now.Before(active.Activates.Add(p.Every-p.Lead)):
		return step{fresh: Next, activates: latest(active.Activates.Add(p.Every), now.Add(p.Lead))}
	}
	return step{}
}

// known tells whether a key was published long enough for everybody to have seen it.
func (p Plan) known(k Stored, now time.Time) bool { return !now.Before(k.Created.Add(p.Lead)) }

// expired removes the retired keys whose last token has expired.
func (f family) expired(now time.Time) step {
	var s step
	for _, k := range f.keys {
		if k.State == Retired && !now.Before(k.Removes) && len(s.remove) < maxRetired {
			s.remove = append(s.remove, k)
		}
	}
	return s
}

// promote lets a key sign in place of those that do.
func (p Plan) promote(f family, next Stored, now time.Time) step {
	next.State, next.Activates = Active, now
	return step{update: append(p.retire(f, now), next)}
}

// retire gives the active keys as retired ones.
func (p Plan) retire(f family, now time.Time) (retired []Stored) {
	for _, k := range f.keys {
		if k.State == Active {
			k.State, k.Retires, k.Removes = Retired, now, now.Add(p.Keep+p.Lag)
			retired = append(retired, k)
		}
	}
	return retired
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
