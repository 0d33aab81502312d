package storage_test

import (
	"errors"
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
	return keys.Stored{ID: alg + "-id", Alg: alg, Slot: slot, Created: s.clock.now(), State: keys.Next, Private: []byte("\x00\xffDER of " + alg)}
}

func TestKeysRoundTrip(t *testing.T) {
	onEach(t, func(s *store) {
		store := s.openKeys(issuer)
		if list, err := store.Keys(t.Context()); err != nil || len(list) > 0 {
			t.Fatalf("at first: %+v, %v", list, err)
		}
		want := []keys.Stored{s.key("ES256", 1), s.key("ES256", 2), s.key("ES256", 10), s.key("RS256", 1)}
		seen := fields{}
		for _, key := range slices.Backward(want) {
			seen.see(key)
			if err := store.AddKey(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if left := seen.empty(); len(left) > 0 {
			t.Errorf("the round trip leaves out %v", left)
		}
		if got, err := store.Keys(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		if list, err := s.openKeys("other").Keys(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("of another issuer: %+v, %v", list, err)
		}
		other := s.key("ES256", 2)
		other.ID, other.Private = "other", []byte("other")
		checkIs(t, "a taken slot", store.AddKey(t.Context(), other), keys.ErrTaken)
		if got, err := store.Keys(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("after it: %+v, %v", got, err)
		}
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
		if err := s.openKeys(issuer).AddKey(t.Context(), key); err != nil {
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

// A folder that is too large is reported, and the one before it stays.
func TestPolicyTooLarge(t *testing.T) {
	onEach(t, func(s *store) {
		policies := s.openPolicies(issuer)
		if err := policies.Save(t.Context(), storage.PolicySource{Revision: "small"}); err != nil {
			t.Fatal(err)
		}
		for name, size := range map[string]int{"just over it": 1 << 20, "at it, sealed": 1<<20 - 200} {
			err := policies.Save(t.Context(), storage.PolicySource{Revision: "large", Files: map[string]string{"a.rego": strings.Repeat("x", size)}})
			checkIs(t, name, err, storage.ErrTooLarge)
			checkSays(t, name, err, "the policy folder is too large to be kept as last good (1 MiB)")
		}
		largest := storage.PolicySource{Revision: "largest", Files: map[string]string{"a.rego": strings.Repeat("x", 1<<20-400)}}
		if got, _, err := policies.LastGood(t.Context()); err != nil || got.Revision != "small" {
			t.Errorf("kept %q, %v", got.Revision, err)
		}
		if err := policies.Save(t.Context(), largest); err != nil {
			t.Fatal(err)
		}
		if got, _, err := policies.LastGood(t.Context()); err != nil || !reflect.DeepEqual(got, largest) {
			t.Errorf("what may be written cannot be read: %v", err)
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
