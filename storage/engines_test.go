package storage_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
	"github.com/ostiary/ostiary/storage/memory"
)

// engines are what every noun is tested on.
var engines = []struct {
	name string
	open func(t *testing.T, now func() time.Time) storage.Engine
}{
	{"memory", func(_ *testing.T, now func() time.Time) storage.Engine { return memory.New(now) }},
	{"badger", func(t *testing.T, now func() time.Time) storage.Engine {
		t.Helper()
		engine, err := badger.Open(badger.Options{Dir: t.TempDir(), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return engine
	}},
}

const issuer core.IssuerID = "main"

// onEach runs a test over an empty store of every engine.
func onEach(t *testing.T, test func(*store)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			c := &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			s := &store{T: t, engine: e.open(t, c.now), clock: c, ring: newRing(t)}
			t.Cleanup(func() {
				if err := s.engine.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			test(s)
		})
	}
}

// A store is an engine with what the nouns over it need.
type store struct {
	*testing.T
	engine storage.Engine
	clock  *clock
	ring   *seal.Ring
}

func newRing(t *testing.T) *seal.Ring {
	t.Helper()
	ring, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// clock stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// records gives everything that is live in the engine.
func (s *store) records() map[storage.Key]storage.Record {
	s.Helper()
	all := make(map[storage.Key]storage.Record)
	err := s.engine.Dump(s.Context(), func(r storage.Record) error {
		all[r.Key] = r
		return nil
	})
	if err != nil {
		s.Fatalf("dump: %v", err)
	}
	return all
}

// tables names the tables of the records that are in the engine now and were not before, each once.
func (s *store) tables(before map[storage.Key]storage.Record) string {
	s.Helper()
	names := make(map[string]bool)
	for key := range s.records() {
		if _, known := before[key]; !known {
			names[key.Parts()[1]] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), " ")
}

// apply must succeed.
func (s *store) apply(ops ...storage.Op) {
	s.Helper()
	if err := s.engine.Apply(s.Context(), ops...); err != nil {
		s.Fatal(err)
	}
}

// shows tells whether a text stands in any key or value of the engine as it is.
func (s *store) shows(text string) bool {
	s.Helper()
	for key, r := range s.records() {
		if strings.Contains(string(key), text) || bytes.Contains(r.Value, []byte(text)) {
			return true
		}
		if len(r.Value) == 0 {
			continue
		}
		if plain, err := storage.Unpack(r.Value[1:]); err == nil && bytes.Contains(plain, []byte(text)) {
			return true
		}
	}
	return false
}

// sweep removes what has expired.
func (s *store) sweep() {
	s.Helper()
	if _, err := s.engine.Sweep(s.Context(), 10000); err != nil {
		s.Fatal(err)
	}
}

// checkIs compares an error with the one it must wrap.
func checkIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// checkSays wants an error that says something.
func checkSays(t *testing.T, what string, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: error %v, want one that says %q", what, err, says)
	}
}

// checkCode compares the code of an error.
func checkCode(t *testing.T, what string, err error, want core.Code) {
	t.Helper()
	if core.CodeOf(err) != want {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// together starts n calls at once and waits for all.
func together(n int, call func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	all.Wait()
}
