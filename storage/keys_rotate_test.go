package storage_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
)

const (
	keyEvery = 30 * 24 * time.Hour
	keyLead  = 24 * time.Hour
	keyLife  = 6 * time.Hour // of the tokens
	keyLag   = 12 * time.Hour
)

func keyPlan() keys.Plan {
	return keys.Plan{Algs: []string{jose.ES256, jose.EdDSA}, Every: keyEvery, Lead: keyLead, Keep: keyLife, Lag: keyLag}
}

func (s *store) openRing() *keys.Ring {
	s.Helper()
	ring, err := keyPlan().Open(s.Context(), s.openKeys(issuer), s.clock.now)
	if err != nil {
		s.Fatal(err)
	}
	return ring
}

// checkOneSigns fails unless each algorithm has one active key and at most one next one in the store.
func (s *store) checkOneSigns(what string) []keys.Stored {
	s.Helper()
	stored, err := s.openKeys(issuer).Keys(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	for _, alg := range keyPlan().Algs {
		count := map[keys.State]int{}
		for _, k := range stored {
			if k.Alg == alg {
				count[k.State]++
			}
		}
		if count[keys.Active] != 1 || count[keys.Next] > 1 {
			s.Errorf("%s: %s has %v", what, alg, count)
		}
	}
	return stored
}

// Many processes that rotate at once: whatever they want, one key signs in the end, and all agree on it.
func TestRotationHammer(t *testing.T) {
	onEach(t, func(s *store) {
		const processes = 6
		rings := make([]*keys.Ring, processes)
		for i := range rings {
			rings[i] = s.openRing()
		}
		for _, round := range []struct {
			what string
			want keys.Rotation
			wait time.Duration
			keys int // there are then
		}{
			{"publish", keys.Rotation{}, 0, 4},
			{"sign", keys.Rotation{}, keyLead, 4},
			{"force", keys.Rotation{Now: true}, 0, 6},
			{"revoke", keys.Rotation{Now: true, Revoke: true}, 0, 2},
			{"by schedule: publish", keys.Rotation{Alg: "tick"}, keyEvery - keyLead, 4},
			{"by schedule: sign", keys.Rotation{Alg: "tick"}, keyLead, 4},
			{"by schedule: remove", keys.Rotation{Alg: "tick"}, keyLife + keyLag, 2},
		} {
			s.clock.advance(round.wait)
			outcomes := make([]error, processes)
			together(processes, func(i int) {
				if round.want.Alg == "tick" {
					_, outcomes[i] = rings[i].Tick(t.Context())
				} else {
					_, outcomes[i] = rings[i].Rotate(t.Context(), round.want)
				}
			})
			if err := errors.Join(outcomes...); err != nil {
				t.Fatalf("%s: %v", round.what, err)
			}
			s.checkOneSigns(round.what)
			s.checkAgree(round.what, rings)
			// Of those that act at the same moment, one that began after another had ended wants a rotation of its own.
			if got := len(rings[0].Entries()); got != round.keys && (round.want == keys.Rotation{Alg: "tick"} || got < round.keys) {
				t.Errorf("%s: %d keys, want %d", round.what, got, round.keys)
			}
			if round.want.Now { // begin again with two
				if _, err := rings[0].Rotate(t.Context(), keys.Rotation{Now: true, Revoke: true}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func (s *store) checkAgree(what string, rings []*keys.Ring) {
	s.Helper()
	for _, ring := range rings {
		if err := ring.Reload(s.Context()); err != nil {
			s.Fatal(err)
		}
	}
	want, _ := rings[0].JWKS()
	for i, ring := range rings {
		if got, _ := ring.JWKS(); string(got) != string(want) {
			s.Errorf("%s: process %d publishes %s, process 0 %s", what, i, got, want)
		}
	}
}

// A year is a simulated one of several processes on one store, which tick seldom and at odd times.
type year struct {
	*store
	rings     []*keys.Ring
	ticked    []time.Time          // by ring
	published map[string]time.Time // kid to when it was first in the store
	exempt    map[string]bool      // kids that sign without a lead: the first and the forced ones
	valid     map[string]time.Time // kid to when the last token it signed expires
	signed    map[string]bool
	random    *rand.Rand
}

// However slowly and oddly the processes go about it, a key that signs is known to all who could ask, and a token that has not
// expired can be verified.
func TestKeysOverAYear(t *testing.T) {
	onEach(t, func(s *store) {
		y := &year{
			store: s, rings: make([]*keys.Ring, 3), ticked: make([]time.Time, 3), published: map[string]time.Time{}, exempt: map[string]bool{},
			valid: map[string]time.Time{}, signed: map[string]bool{}, random: rand.New(rand.NewPCG(1, 2)),
		}
		for i := range y.rings {
			y.rings[i], y.ticked[i] = s.openRing(), s.clock.now()
		}
		y.force(y.rings[0].Entries())
		for end := s.clock.now().AddDate(1, 0, 0); s.clock.now().Before(end) && !s.Failed(); {
			s.clock.advance(time.Duration(y.random.Int64N(int64(keyLag / 2))))
			y.act()
			stored := y.see()
			y.sign()
			y.verify(stored)
		}
		if !s.Failed() && len(y.signed) < 2*12 {
			s.Errorf("only %d keys signed in a year", len(y.signed))
		}
	})
}

func (y *year) force(entries []keys.Entry) {
	for _, e := range entries {
		y.exempt[e.ID] = y.exempt[e.ID] || e.State == keys.Active
	}
}

// act lets some processes tick, those that must and some others, and now and then an operator rotate.
func (y *year) act() {
	for i, ring := range y.rings {
		if y.clock.now().Sub(y.ticked[i]) > keyLag/2 || y.random.IntN(4) == 0 {
			y.ticked[i] = y.clock.now()
			if _, err := ring.Tick(y.Context()); err != nil {
				y.Fatal(err)
			}
		}
	}
	ring, alg := y.rings[y.random.IntN(len(y.rings))], keyPlan().Algs[y.random.IntN(2)]
	switch y.random.IntN(400) {
	case 0, 1, 2:
		if _, err := ring.Rotate(y.Context(), keys.Rotation{Alg: alg}); err != nil {
			y.Fatal(err)
		}
	case 3:
		changed, err := ring.Rotate(y.Context(), keys.Rotation{Alg: alg, Now: true})
		if err != nil {
			y.Fatal(err)
		}
		y.force(changed)
	}
}

// see notes which keys are in the store.
func (y *year) see() []keys.Stored {
	stored := y.checkOneSigns("in the year")
	for _, k := range stored {
		if y.published[k.ID].IsZero() {
			y.published[k.ID] = y.clock.now()
		}
	}
	return stored
}

// sign makes tokens in every process.
func (y *year) sign() {
	now := y.clock.now()
	for _, ring := range y.rings {
		for _, alg := range keyPlan().Algs {
			signer, err := ring.Signer(alg)
			if err != nil {
				y.Fatal(err)
			}
			kid := signer.KeyID()
			if since := now.Sub(y.published[kid]); since < keyLead && !y.exempt[kid] {
				y.Errorf("%v: a %s key signs after %v", now, alg, since)
			}
			if !ring.Public().Has(kid) {
				y.Errorf("%v: a process signs with a key that it does not publish", now)
			}
			y.valid[kid], y.signed[kid] = now.Add(keyLife), true
		}
	}
}

// verify asks every process for the key of every token that has not expired.
func (y *year) verify(stored []keys.Stored) {
	now := y.clock.now()
	for kid, until := range y.valid {
		if !now.Before(until) {
			delete(y.valid, kid)
			continue
		}
		if !slices.ContainsFunc(stored, func(k keys.Stored) bool { return k.ID == kid }) {
			y.Errorf("%v: the key of a token that expires at %v is gone", now, until)
		}
		for _, ring := range y.rings {
			if !y.exempt[kid] && !ring.Public().Has(kid) {
				y.Errorf("%v: a process does not publish the key of a token", now)
			}
			if set, err := ring.Set(y.Context(), kid); err != nil || !set.Has(kid) {
				y.Errorf("%v: a process does not verify with the key of a token: %v", now, err)
			}
		}
	}
}
