// Package enginetest is the conformance suite of the storage contract: what every engine must do, op by op, at its limits,
// against the model in package memory, and under many goroutines. An engine's own tests call Run and add only what is
// special to it (crashes, full disks).
//
// ops.go, scan.go, limits.go and whole.go are the contract, model.go compares with the model, hammer.go has N goroutines and
// one winner for every operation that may succeed once, dump.go moves stores between engines.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
)

// Open gives a test an empty engine that takes its time from clock, and cleans up after the test.
type Open func(t *testing.T) (engine storage.Engine, clock *Clock)

// Run runs the suite. Each test gets an engine of its own.
func Run(t *testing.T, open Open) {
	groups := map[string]map[string]func(*store){
		"ops": opTests(), "scan": scanTests(), "limits": limitTests(), "whole": wholeTests(),
		"model": modelTests(), "hammer": hammerTests(), "dump": dumpTests(open),
	}
	for group, tests := range groups {
		t.Run(group, func(t *testing.T) {
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					engine, clock := open(t)
					test(&store{T: t, engine: engine, clock: clock})
				})
			}
		})
	}
}

// A Clock stands still until it is advanced.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock gives a clock that stands at the present millisecond.
func NewClock() *Clock { return &Clock{now: time.Now().Truncate(time.Millisecond)} }

// Now gives the time on the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// never is the expiry of a record that stays.
var never time.Time

// A store is an engine under test, in the words of the tests.
type store struct {
	*testing.T
	engine storage.Engine
	clock  *Clock
}

// in gives the moment d from now.
func (s *store) in(d time.Duration) time.Time { return s.clock.Now().Add(d) }

// apply must succeed.
func (s *store) apply(ops ...storage.Op) {
	s.Helper()
	if err := s.engine.Apply(context.Background(), ops...); err != nil {
		s.Fatalf("apply: %v", err)
	}
}

// refuse must fail at the op of that index with that error.
func (s *store) refuse(index int, want error, ops ...storage.Op) {
	s.Helper()
	err := s.engine.Apply(context.Background(), ops...)
	var refusal *storage.Refusal
	if !errors.As(err, &refusal) {
		s.Fatalf("apply gave %v, want a refusal: %v", err, want)
	}
	if refusal.Index != index || refusal.Kind != ops[index].Kind || !errors.Is(err, want) {
		s.Fatalf("refused with %v, want op %d: %v", err, index, want)
	}
}

// fail must fail with that error, which is no refusal.
func (s *store) fail(want error, ops ...storage.Op) {
	s.Helper()
	err := s.engine.Apply(context.Background(), ops...)
	if !errors.Is(err, want) || storage.RefusedAt(err) >= 0 {
		s.Fatalf("apply gave %v, want %v", err, want)
	}
}

func (s *store) get(key storage.Key) storage.Record {
	s.Helper()
	return s.getAll(key)[0]
}

func (s *store) getAll(keys ...storage.Key) []storage.Record {
	s.Helper()
	found, err := s.engine.Get(context.Background(), keys...)
	if err != nil {
		s.Fatalf("get: %v", err)
	}
	if len(found) != len(keys) {
		s.Fatalf("get of %d keys gave %d records", len(keys), len(found))
	}
	for i := range keys {
		if found[i].Key != keys[i] {
			s.Fatalf("record %d has key %q, want %q", i, found[i].Key, keys[i])
		}
	}
	return found
}

// holds says that key is live with that value, count and expiry, and gives its version.
func (s *store) holds(key storage.Key, value string, count int64, expires time.Time) storage.Version {
	s.Helper()
	r := s.get(key)
	same := string(r.Value) == value && r.Count == count && r.Expires.Equal(expires) && r.Expires.IsZero() == expires.IsZero()
	if r.Version.IsZero() || !same {
		s.Fatalf("%q is %+v, want value %q, count %d, expiry %v", key, r, value, count, expires)
	}
	return r.Version
}

// lacks says that key is absent or expired, and that nothing of an old record is shown.
func (s *store) lacks(key storage.Key) {
	s.Helper()
	if r := s.get(key); !r.Version.IsZero() || len(r.Value) != 0 || r.Count != 0 || !r.Expires.IsZero() {
		s.Fatalf("%q is %+v, want it absent", key, r)
	}
}

func (s *store) all() []storage.Record {
	s.Helper()
	return dumped(s.T, s.engine)
}

func sameRecord(a, b storage.Record) bool {
	return a.Key == b.Key && bytes.Equal(a.Value, b.Value) && a.Count == b.Count && a.Version == b.Version && a.Expires.Equal(b.Expires)
}
