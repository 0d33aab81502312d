package storage_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/storage"
)

func (s *store) openKeys(of core.IssuerID) storage.Keys { return storage.NewKeys(s.engine, of, s.ring) }

// key is a key as far as the store cares.
func (s *store) key(alg string, slot int) keys.Stored {
	at := s.clock.now()
	return keys.Stored{
		ID: alg + "-id", Alg: alg, Slot: slot, Created: at, Activates: at.Add(time.Hour), Retires: at.Add(2 * time.Hour), Removes: at.Add(3 * time.Hour),
		State: keys.Next, Private: []byte("\x00\xffDER of " + alg),
	}
}

// keysOf gives the keys of an issuer, which must be these, with their stamps.
func (s *store) keysOf(of core.IssuerID, want ...keys.Stored) []keys.Stored {
	s.Helper()
	got, err := s.openKeys(of).Keys(s.Context())
	if err != nil || len(got) != len(want) {
		s.Fatalf("keys of %s: %+v, %v; want %+v", of, got, err, want)
	}
	for i, g := range got {
		if g.Stamp == (keys.Stamp{}) {
			s.Errorf("key %d of %s has no stamp", i, of)
		}
		g.Stamp = want[i].Stamp
		if !reflect.DeepEqual(g, want[i]) {
			s.Errorf("got %+v, want %+v", g, want[i])
		}
	}
	return got
}

func TestKeysRoundTrip(t *testing.T) {
	onEach(t, func(s *store) {
		store := s.openKeys(issuer)
		s.keysOf(issuer)
		want := []keys.Stored{s.key("ES256", 1), s.key("ES256", 2), s.key("ES256", 10), s.key("RS256", 1)}
		if err := store.Change(t.Context(), keys.Change{Add: want[1:]}); err != nil {
			t.Fatal(err)
		}
		if err := store.Change(t.Context(), keys.Change{Add: want[:1]}); err != nil {
			t.Fatal(err)
		}
		seen := fields{}
		for _, key := range s.keysOf(issuer, want...) {
			seen.see(key)
		}
		if left := seen.empty(); len(left) > 0 {
			t.Errorf("the round trip leaves out %v", left)
		}
		s.keysOf("other")
		if err := store.Change(t.Context(), keys.Change{}); err != nil {
			t.Errorf("no change: %v", err)
		}
	})
}

// A change happens only to the keys that it was decided on, and as a whole.
func TestKeysChangeAtOnce(t *testing.T) {
	onEach(t, func(s *store) {
		store := s.openKeys(issuer)
		if err := store.Change(t.Context(), keys.Change{Add: []keys.Stored{s.key("ES256", 1), s.key("ES256", 2), s.key("ES256", 3)}}); err != nil {
			t.Fatal(err)
		}
		old := s.keysOf(issuer, s.key("ES256", 1), s.key("ES256", 2), s.key("ES256", 3))
		now := slices.Clone(old)
		now[0].State, now[1].State = keys.Retired, keys.Active
		if err := store.Change(t.Context(), keys.Change{Add: []keys.Stored{s.key("ES256", 4)}, Update: now[:2], Remove: old[2:]}); err != nil {
			t.Fatal(err)
		}
		want := []keys.Stored{now[0], now[1], s.key("ES256", 4)}
		now = s.keysOf(issuer, want...)
		other := s.key("ES256", 2)
		other.ID, other.Private = "other", []byte("other")
		unread := s.key("ES256", 1)
		for what, c := range map[string]keys.Change{
			"a taken slot":                {Add: []keys.Stored{other}},
			"a taken slot after a free":   {Add: []keys.Stored{s.key("ES256", 5), other}},
			"an update at an old stamp":   {Update: old[:1], Add: []keys.Stored{s.key("ES256", 5)}},
			"a removal at an old stamp":   {Remove: old[:1], Add: []keys.Stored{s.key("ES256", 5)}},
			"a removal of what is gone":   {Remove: old[2:], Update: now[:1]},
			"an update of what is gone":   {Update: []keys.Stored{now[0], old[2]}},
			"an update without a stamp":   {Update: []keys.Stored{unread}},
			"a removal without a stamp":   {Remove: []keys.Stored{unread}, Update: now[1:2]},
			"of two updates one is stale": {Update: []keys.Stored{now[0], old[1]}},
		} {
			checkIs(t, what, store.Change(t.Context(), c), keys.ErrOvertaken)
			s.keysOf(issuer, want...)
		}
	})
}

// A key that was stored before keys rotated has signed since it was made.
func TestKeyFromBefore(t *testing.T) {
	onEach(t, func(s *store) {
		key := s.key("ES256", 1)
		key.State, key.Activates, key.Retires, key.Removes = keys.Active, time.Time{}, time.Time{}, time.Time{}
		if err := s.openKeys(issuer).Change(t.Context(), keys.Change{Add: []keys.Stored{key}}); err != nil {
			t.Fatal(err)
		}
		key.Activates = key.Created
		s.keysOf(issuer, key)
	})
}

// Many that add a key for the same place: one does, and all agree on it.
func TestOneKeyForASlot(t *testing.T) {
	onEach(t, func(s *store) {
		const processes = 8
		rings, outcomes := make([]*keys.Ring, processes), make([]error, processes)
		together(processes, func(i int) {
			rings[i], outcomes[i] = keys.Open(t.Context(), s.openKeys(issuer), []string{"ES256", "EdDSA"}, s.clock.now)
		})
		if err := errors.Join(outcomes...); err != nil {
			t.Fatal(err)
		}
		want, _ := rings[0].JWKS()
		for i, ring := range rings {
			if got, _ := ring.JWKS(); string(got) != string(want) || len(ring.Entries()) != 2 {
				t.Errorf("process %d publishes %s, process 0 %s", i, got, want)
			}
		}
		again, err := keys.Open(t.Context(), s.openKeys(issuer), []string{"ES256", "EdDSA"}, s.clock.now)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := again.JWKS(); string(got) != string(want) {
			t.Errorf("after a restart %s, before %s", got, want)
		}
	})
}

// A private key opens only in its own place: not in another slot, not for another issuer.
func TestMovedKey(t *testing.T) {
	onEach(t, func(s *store) {
		key := s.key("ES256", 1)
		if err := s.openKeys(issuer).Change(t.Context(), keys.Change{Add: []keys.Stored{key}}); err != nil {
			t.Fatal(err)
		}
		for from, r := range s.records() {
			parts := from.Parts()
			s.apply(storage.Put(storage.NewKey("other", parts[1], parts[2], parts[3]), r.Value, time.Time{}))
			s.apply(storage.Put(storage.NewKey(parts[0], parts[1], parts[2], "00000002"), r.Value, time.Time{}))
		}
		for _, of := range []core.IssuerID{issuer, "other"} {
			list, err := s.openKeys(of).Keys(t.Context())
			checkIs(t, "a moved key", err, seal.ErrBroken)
			if len(list) > 0 {
				t.Errorf("%s: keys all the same", of)
			}
			_, err = keys.Open(t.Context(), s.openKeys(of), []string{"ES256"}, s.clock.now)
			checkIs(t, "the ring of a moved key", err, seal.ErrBroken)
		}
	})
}

func (s *store) openPolicies(of core.IssuerID) storage.Policies {
	return storage.NewPolicies(s.engine, of, s.ring)
}

func TestLastGoodPolicy(t *testing.T) {
	onEach(t, func(s *store) {
		policies := s.openPolicies(issuer)
		if source, found, err := policies.LastGood(t.Context()); err != nil || found || !reflect.DeepEqual(source, storage.PolicySource{}) {
			t.Fatalf("at first: %+v, %t, %v", source, found, err)
		}
		first := storage.PolicySource{Revision: "r1", Files: map[string]string{"gone.rego": "package gone"}, Site: "site: 1\n", SavedAt: s.clock.now()}
		second := storage.PolicySource{
			Revision: "r2", SavedAt: s.clock.now().Add(time.Hour), Site: "a: \"\\u0000\"\r\n\tb: <&> é\u2028😀\x7f\n",
			Files: map[string]string{"a/b.rego": "package a\n# \"quoted\" \\ \x01\n", "": "", "é.rego": strings.Repeat("x", 200<<10)},
		}
		for _, want := range []storage.PolicySource{first, second} {
			if err := policies.Save(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			if got, found, err := policies.LastGood(t.Context()); err != nil || !found || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %t, %v; want %+v", got, found, err, want)
			}
		}
		if _, found, err := s.openPolicies("other").LastGood(t.Context()); err != nil || found {
			t.Errorf("of another issuer: %t, %v", found, err)
		}
	})
}

// What is too large for a record is kept in several, which go when they are replaced.
func TestLargePolicies(t *testing.T) {
	onEach(t, func(s *store) {
		policies := s.openPolicies(issuer)
		noise := make([]byte, 600<<10)
		rand.NewChaCha8([32]byte{}).Read(noise)
		for _, want := range []storage.PolicySource{
			{Revision: "in one", Files: map[string]string{"a.rego": strings.Repeat("x", 128<<10-10)}},
			{Revision: "escaped", Files: map[string]string{"a.rego": strings.Repeat("\x01", 128<<10-10)}},
			{Revision: "in parts", Files: map[string]string{"a.rego": strings.Repeat("\"é\x01\n", 100<<10), "data.json": "{}"}},
			{Revision: "a bundle", Bundle: noise, Sequence: 3},
			{Revision: "another", Bundle: noise[1:], Sequence: 4},
			{Revision: "small", Files: map[string]string{}},
		} {
			if err := policies.Save(t.Context(), want); err != nil {
				t.Fatalf("%s: %v", want.Revision, err)
			}
			if got, found, err := policies.LastGood(t.Context()); err != nil || !found || !reflect.DeepEqual(got, want) {
				t.Errorf("%s cannot be read: %v", want.Revision, err)
			}
		}
		for key := range s.records() {
			if key.Parts()[1] == "policy_part" {
				t.Errorf("%v is left", key.Parts())
			}
		}
		if n, _, err := policies.Accepted(t.Context()); err != nil || n != 4 {
			t.Errorf("sequence %d, %v", n, err)
		}
	})
}

// A folder that is too large is reported, and the one before it stays.
func TestPolicyTooLarge(t *testing.T) {
	onEach(t, func(s *store) {
		policies := s.openPolicies(issuer)
		if err := policies.Save(t.Context(), storage.PolicySource{Revision: "before", Bundle: make([]byte, 1<<20)}); err != nil {
			t.Fatal(err)
		}
		for what, large := range map[string]storage.PolicySource{
			"over 32 MiB":    {Revision: "large", Files: map[string]string{"a.rego": strings.Repeat("x", 32<<20)}},
			"32 MiB as JSON": {Revision: "large", Files: map[string]string{"a.rego": strings.Repeat("\x01", 32<<20/6)}},
		} {
			err := policies.Save(t.Context(), large)
			checkIs(t, what, err, storage.ErrTooLarge)
			checkSays(t, what, err, "the policy is too large to be kept as last good")
		}
		if got, _, err := policies.LastGood(t.Context()); err != nil || got.Revision != "before" || len(got.Bundle) != 1<<20 {
			t.Errorf("kept %q, %v", got.Revision, err)
		}
	})
}

// The sequence of signed bundles is remembered whatever is in force in between, for each issuer.
func TestPolicySequence(t *testing.T) {
	onEach(t, func(s *store) {
		policies := s.openPolicies(issuer)
		for _, step := range []struct {
			save, want int64
			content    string // what is saved
			is         string // what is remembered
		}{{0, 0, "", ""}, {5, 5, "a", "a"}, {9, 9, "b", "b"}, {0, 9, "", "b"}, {7, 7, "c", "c"}, {7, 7, "d", "d"}} {
			if err := policies.Save(t.Context(), storage.PolicySource{Revision: "r", Sequence: step.save, Content: step.content}); err != nil {
				t.Fatal(err)
			}
			if n, is, err := policies.Accepted(t.Context()); err != nil || n != step.want || is != step.is {
				t.Errorf("%+v: %d, %q, %v", step, n, is, err)
			}
		}
		if n, is, err := s.openPolicies("other").Accepted(t.Context()); err != nil || n != 0 || is != "" {
			t.Errorf("of another issuer: %d, %q, %v", n, is, err)
		}
	})
}

// A policy of another issuer, put in the place of ours, does not open.
func TestMovedPolicy(t *testing.T) {
	onEach(t, func(s *store) {
		if err := s.openPolicies("other").Save(t.Context(), storage.PolicySource{Revision: "lax"}); err != nil {
			t.Fatal(err)
		}
		for key, r := range s.records() {
			s.apply(storage.Put(storage.NewKey(append([]string{string(issuer)}, key.Parts()[1:]...)...), r.Value, time.Time{}))
		}
		source, _, err := s.openPolicies(issuer).LastGood(t.Context())
		checkIs(t, "a moved policy", err, seal.ErrBroken)
		if source.Revision != "" {
			t.Errorf("read all the same: %+v", source)
		}
	})
}
