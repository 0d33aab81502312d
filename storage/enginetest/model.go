package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/memory"
)

func modelTests() map[string]func(*store) {
	return map[string]func(*store){
		"random applies, seed 1": func(s *store) { compare(s, 1) },
		"random applies, seed 2": func(s *store) { compare(s, 2) },
		"random applies, seed 3": func(s *store) { compare(s, 3) },
	}
}

// compare gives the engine and the model the same random Applies, and time passes. Their answers and what they then hold must
// be the same, but for versions: those must only be equal where the model's are.
func compare(s *store, seed uint64) {
	d := &duel{store: s, model: memory.New(s.clock.Now), random: rand.New(rand.NewPCG(seed, 0))}
	for step := range 400 {
		d.step(step)
		if d.random.IntN(4) == 0 {
			s.clock.Advance(time.Duration(d.random.IntN(1500)) * time.Millisecond)
		}
		if d.random.IntN(20) == 0 {
			sweepAll(s, s.engine)
			sweepAll(s, d.model)
		}
		if step%10 == 0 {
			d.sameContents(step)
		}
	}
}

type duel struct {
	*store
	model  storage.Engine
	random *rand.Rand
}

func (d *duel) step(step int) {
	var ours, models []storage.Op
	for _, n := range d.random.Perm(6)[:1+d.random.IntN(4)] {
		op, model := d.op(storage.Key(fmt.Sprint("k", n)), step)
		ours, models = append(ours, op), append(models, model)
	}
	got := d.engine.Apply(context.Background(), ours...)
	want := d.model.Apply(context.Background(), models...)
	if storage.RefusedAt(got) != storage.RefusedAt(want) || !sameSentinel(got, want) {
		d.Fatalf("step %d: the engine says %v, the model %v, to %+v", step, got, want, ours)
	}
}

// op makes one random op twice: its version, if it needs one, is each engine's own.
func (d *duel) op(key storage.Key, step int) (op, model storage.Op) {
	value := []byte(fmt.Sprint("value ", step))
	expires := never
	if d.random.IntN(2) == 0 {
		expires = d.in(time.Duration(d.random.IntN(3000)) * time.Millisecond)
	}
	our, models := d.versions(key)
	switch storage.OpKind(1 + d.random.IntN(6)) {
	case storage.OpInsert:
		op = storage.Insert(key, value, expires)
	case storage.OpUpdate:
		return storage.Update(key, our, value, expires), storage.Update(key, models, value, expires)
	case storage.OpPut:
		op = storage.Put(key, value, expires)
	case storage.OpDelete:
		return storage.Delete(key, our), storage.Delete(key, models)
	case storage.OpRequire:
		return storage.Require(key, our), storage.Require(key, models)
	default:
		op = storage.Add(key, int64(d.random.IntN(7)-3), -2, 5, expires)
		if d.random.IntN(2) == 0 {
			op.Value = value
		}
	}
	return op, op
}

// versions gives the versions that both hold, mostly; else one that neither does, or none.
func (d *duel) versions(key storage.Key) (our, models storage.Version) {
	switch d.random.IntN(6) {
	case 0:
		return storage.Version{}, storage.Version{}
	case 1:
		return storage.Version{1}, storage.Version{1}
	}
	held, err := d.model.Get(context.Background(), key)
	if err != nil {
		d.Fatal(err)
	}
	return d.get(key).Version, held[0].Version
}

func (d *duel) sameContents(step int) {
	ours, models := d.all(), dumped(d.T, d.model)
	if !slices.EqualFunc(ours, models, sameButVersion) {
		d.Fatalf("step %d: the engine holds %+v, the model %+v", step, ours, models)
	}
	pairs := map[storage.Version]storage.Version{}
	for i := range ours {
		if known, found := pairs[models[i].Version]; found && known != ours[i].Version {
			d.Fatalf("step %d: the model wrote %q in the same Apply as another record, the engine did not", step, ours[i].Key)
		}
		pairs[models[i].Version] = ours[i].Version
	}
}

func sameButVersion(a, b storage.Record) bool {
	a.Version = b.Version
	return sameRecord(a, b)
}

func sameSentinel(a, b error) bool {
	if (a == nil) != (b == nil) {
		return false
	}
	for _, sentinel := range []error{storage.ErrExists, storage.ErrStale, storage.ErrBounds} {
		if errors.Is(a, sentinel) != errors.Is(b, sentinel) {
			return false
		}
	}
	return true
}

func sweepAll(s *store, engine storage.Engine) {
	s.Helper()
	if _, err := engine.Sweep(context.Background(), 1000); err != nil {
		s.Fatalf("sweep: %v", err)
	}
}
