package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// A Rotation is what an operator wants of the keys.
type Rotation struct {
	Alg    string // "": of every algorithm
	Now    bool   // another key signs at once, even if nobody has seen it; else as soon as it was published for the lead
	Revoke bool   // with Now: the new key is a fresh one, and all older ones leave the key set at once
}

// maxRetired bounds the retired keys of one algorithm, and with them the key set and what one change writes.
const maxRetired = 20

// rounds bounds how often a change is decided anew because somebody else came first.
const rounds = 100

// Tick reads the store and does what the plan has due. It gives the keys that it changed. It may be called at any time and
// by any number of processes: what one has done is not due for the others.
func (r *Ring) Tick(ctx context.Context) (changed []Entry, err error) {
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	for _, alg := range r.algs() {
		done, err := r.settle(ctx, alg)
		changed = append(changed, done...)
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// algs are those of the plan and those that have keys all the same.
func (r *Ring) algs() []string {
	algs := slices.Clone(r.plan.Algs)
	for _, alg := range r.view.Load().algs() {
		if !slices.Contains(algs, alg) {
			algs = append(algs, alg)
		}
	}
	return algs
}

// settle takes step after step until nothing is due for an algorithm.
func (r *Ring) settle(ctx context.Context, alg string) (changed []Entry, err error) {
	for range rounds {
		f, now := r.view.Load().family(alg), r.time()
		s := r.plan.due(f, now)
		if s.empty() {
			return changed, nil
		}
		done, err := r.take(ctx, f, s, now)
		if err != nil && !errors.Is(err, ErrOvertaken) {
			return changed, err
		}
		changed = append(changed, done...)
	}
	return changed, fmt.Errorf("rotate %s: %w, %d times in a row", alg, ErrOvertaken, rounds)
}

// Rotate does what an operator wants. It gives the keys that it changed: none when the same was under way already.
func (r *Ring) Rotate(ctx context.Context, want Rotation) (changed []Entry, err error) {
	if want.Revoke && !want.Now {
		return nil, core.Refuse(core.InvalidRequest, "revoke goes with now: when the old keys are gone, the new one must sign.")
	}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	algs := r.plan.Algs
	if want.Alg != "" {
		algs = []string{nameOf(want.Alg)}
	}
	if want.Alg != "" && !slices.Contains(r.plan.Algs, algs[0]) {
		return nil, core.Refuse(core.InvalidRequest, "There is no key for the algorithm %s; there are keys for %s.", core.Clip(want.Alg), strings.Join(r.plan.Algs, ", "))
	}
	for _, alg := range algs {
		done, err := r.rotate(ctx, alg, want)
		changed = append(changed, done...)
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

func (r *Ring) rotate(ctx context.Context, alg string, want Rotation) ([]Entry, error) {
	before := r.view.Load().family(alg)
	for range rounds {
		f, now := r.view.Load().family(alg), r.time()
		if want.met(before, f) {
			return nil, nil
		}
		s, err := r.plan.command(f, want, now)
		if err != nil || s.empty() {
			return nil, err
		}
		changed, err := r.take(ctx, f, s, now)
		if !errors.Is(err, ErrOvertaken) {
			return changed, err
		}
	}
	return nil, fmt.Errorf("rotate %s: %w, %d times in a row", alg, ErrOvertaken, rounds)
}

// met tells whether somebody else has done meanwhile what is wanted of the keys that were there before.
func (want Rotation) met(before, f family) bool {
	if want.Revoke {
		return !slices.ContainsFunc(before.keys, func(k Stored) bool { return f.has(k.ID) })
	}
	old, _ := before.find(Active)
	signs, _ := f.find(Active)
	return old.ID != signs.ID
}

func (f family) has(id string) bool {
	return slices.ContainsFunc(f.keys, func(k Stored) bool { return k.ID == id })
}

// command gives the step that an operator wants; an empty one when it is under way. What is compromised is not one key but
// the place where all of them lie, so a revocation trusts none of them.
func (p Plan) command(f family, want Rotation, now time.Time) (step, error) {
	next, waits := f.find(Next)
	soonest := next.Created.Add(p.Lead)
	switch {
	case want.Revoke:
		return step{fresh: Active, activates: now, remove: f.keys}, nil
	case f.crowded() && (want.Now || waits && p.known(next, now)):
		return step{}, core.Refuse(core.Conflict, "The last %d keys for %s are still published, because of tokens that may not have expired. Wait, or revoke them.", maxRetired, f.alg)
	case waits && (want.Now || p.known(next, now)):
		return p.promote(f, next, now), nil
	case want.Now:
		return step{fresh: Active, activates: now, update: p.retire(f, now)}, nil
	case !waits:
		return step{fresh: Next, activates: now.Add(p.Lead)}, nil
	case next.Activates.After(soonest):
		next.Activates = soonest
		return step{update: []Stored{next}}, nil
	}
	return step{}, nil
}

// crowded tells whether no more keys may be retired.
func (f family) crowded() bool {
	retired := 0
	for _, k := range f.keys {
		if k.State == Retired {
			retired++
		}
	}
	return retired >= maxRetired
}

// time is the present as stores keep it.
func (r *Ring) time() time.Time { return r.now().UTC().Truncate(time.Millisecond) }

// take carries out one step and reads the store again, whether it was overtaken or not.
func (r *Ring) take(ctx context.Context, f family, s step, now time.Time) ([]Entry, error) {
	c := Change{Update: s.update, Remove: s.remove}
	if s.fresh != "" {
		made, err := s.generate(f, now)
		if err != nil {
			return nil, err
		}
		c.Add = []Stored{made}
	}
	err := r.store.Change(ctx, c)
	if err != nil && !errors.Is(err, ErrOvertaken) {
		return nil, fmt.Errorf("store %s keys: %w", f.alg, err)
	}
	if again := r.Reload(ctx); again != nil {
		return nil, again
	}
	if err != nil {
		return nil, err
	}
	return r.shown(c), nil
}

// generate makes a key in the slot above all others, so that of two processes that found the same only one can insert it.
func (s step) generate(f family, now time.Time) (Stored, error) {
	key, err := jose.Generate(f.alg)
	if err != nil {
		return Stored{}, err
	}
	der, err := jose.MarshalPrivate(key)
	return Stored{
		ID: key.ID(), Alg: f.alg, Slot: f.top() + 1, Created: now, Activates: s.activates, State: s.fresh, Private: der,
	}, err
}

// shown gives the keys of a change as they are after it.
func (r *Ring) shown(c Change) (entries []Entry) {
	for _, s := range slices.Concat(c.Add, c.Update) {
		entries = append(entries, r.plan.entry(s))
	}
	for _, s := range c.Remove {
		s.State, s.Removes = Removed, r.time()
		entries = append(entries, r.plan.entry(s))
	}
	return entries
}
