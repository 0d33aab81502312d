package keys_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// However often an operator forces a new key, the set stays small; revoking works even then.
func TestForcedRotationsAreBounded(t *testing.T) {
	b := newBench(t, plan(jose.EdDSA))
	var err error
	for range 30 {
		if _, err = b.Rotate(t.Context(), keys.Rotation{Now: true}); err != nil {
			break
		}
	}
	if core.CodeOf(err) != core.Conflict || len(b.Entries()) != 21 {
		t.Errorf("%d keys, %v", len(b.Entries()), err)
	}
	if _, err := b.Rotate(t.Context(), keys.Rotation{}); err != nil {
		t.Errorf("a next key may still be published: %v", err)
	}
	if changed := b.rotate(keys.Rotation{Now: true, Revoke: true}); len(changed) != 23 || len(b.Entries()) != 1 {
		t.Errorf("changed %d, left %v", len(changed), b.Entries())
	}
	for range 20 {
		b.rotate(keys.Rotation{Now: true})
	}
	b.now = b.now.Add(3 * hour)
	if b.tick(); len(b.Entries()) != 1 {
		t.Errorf("later: %v", b.Entries())
	}
}

// Whoever is overtaken reads again, and does not do twice what the other did.
func TestOvertaken(t *testing.T) {
	for _, c := range []struct {
		what          string
		ahead         time.Duration
		first, second keys.Rotation
		left          string
	}{
		{"both publish", 0, keys.Rotation{}, keys.Rotation{}, "A active, B next"},
		{"both let the next one sign", 90 * day, keys.Rotation{}, keys.Rotation{}, "A retired, B active"},
		{"both force", 0, keys.Rotation{Now: true}, keys.Rotation{Now: true}, "A retired, B active"},
		{"one publishes, one forces", 0, keys.Rotation{}, keys.Rotation{Now: true}, "A retired, B active"},
		{"one forces, one publishes", 0, keys.Rotation{Now: true}, keys.Rotation{}, "A retired, B active"},
		{"both revoke", 0, keys.Rotation{Now: true, Revoke: true}, keys.Rotation{Now: true, Revoke: true}, "A active"},
		{"one forces, one revokes", 0, keys.Rotation{Now: true}, keys.Rotation{Now: true, Revoke: true}, "A active"},
	} {
		b := newBench(t, plan(jose.EdDSA))
		other := b.open(plan(jose.EdDSA))
		if c.ahead > 0 {
			b.now = b.now.Add(c.ahead - day)
			b.tick()
			b.now = b.now.Add(day)
		}
		b.store.race = func() {
			if _, err := other.Rotate(t.Context(), c.first); err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
		}
		b.rotate(c.second)
		if got := b.show(b.Entries()); got != c.left {
			t.Errorf("%s: %s, want %s", c.what, got, c.left)
		}
	}
}

// A store that always changes is reported, not waited for.
func TestOvertakenForEver(t *testing.T) {
	b := newBench(t, plan(jose.EdDSA))
	var spoil func()
	spoil = func() {
		for i := range b.store.keys {
			b.store.keys[i].Stamp[15]++
		}
		b.store.race = spoil
	}
	spoil()
	if _, err := b.Rotate(t.Context(), keys.Rotation{Now: true}); !errors.Is(err, keys.ErrOvertaken) {
		t.Errorf("rotate: %v", err)
	}
	b.now = b.now.Add(89 * day)
	if changed := b.tick(); len(changed) != 1 { // it only adds
		t.Errorf("tick: %v", changed)
	}
	b.now = b.now.Add(day)
	if _, err := b.Tick(t.Context()); !errors.Is(err, keys.ErrOvertaken) {
		t.Errorf("tick: %v", err)
	}
}

// A token may name a key that another process has just made. What tokens make up does not wear out the store.
func TestSetKnowsOthersKeys(t *testing.T) {
	b := newBench(t, plan(jose.EdDSA))
	other := b.open(plan(jose.EdDSA))
	b.now = b.now.Add(hour)
	b.rotate(keys.Rotation{Now: true})
	kid := b.Entries()[1].ID
	before := b.store.count
	if set, err := other.Set(t.Context(), kid); err != nil || !set.Has(kid) || b.store.count != before+1 {
		t.Errorf("has it: %t, read %d times, %v", set.Has(kid), b.store.count-before, err)
	}
	for i := range 100 {
		if set, err := other.Set(t.Context(), fmt.Sprint("made up ", i)); err != nil || set.Len() != 2 {
			t.Errorf("%d keys, %v", set.Len(), err)
		}
		if set, err := other.Set(t.Context(), kid); err != nil || !set.Has(kid) {
			t.Errorf("%d keys, %v", set.Len(), err)
		}
	}
	if b.store.count != before+1 {
		t.Errorf("read %d times", b.store.count-before)
	}
	b.now, b.store.fail = b.now.Add(10*time.Second), errors.New("down")
	if _, err := other.Set(t.Context(), "made up"); err == nil {
		t.Error("a store that is down went unnoticed")
	}
	if set, err := other.Set(t.Context(), kid); err != nil || !set.Has(kid) {
		t.Errorf("a key that is known: %v", err)
	}
}
