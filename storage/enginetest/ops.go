package enginetest

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
)

func opTests() map[string]func(*store) {
	return map[string]func(*store){
		"insert needs absence":                    insertNeedsAbsence,
		"insert takes the place of the expired":   insertOverExpired,
		"update needs the version":                updateNeedsVersion,
		"update keeps the counter":                updateKeepsCount,
		"update does not revive the expired":      updateOfExpired,
		"put takes any place and resets":          putResets,
		"delete at version":                       deleteAtVersion,
		"delete of any":                           deleteOfAny,
		"require writes nothing":                  requireWritesNothing,
		"require of the expired":                  requireOfExpired,
		"add makes, moves and keeps":              addMoves,
		"add with a value leaves it":              addLeavesValue,
		"add stays within bounds":                 addBounds,
		"add begins anew over the expired":        addOverExpired,
		"add does not wrap round":                 addOverflow,
		"expired exactly at its moment":           expiryBoundary,
		"expiry is kept in milliseconds":          expiryMilliseconds,
		"sweep removes only the expired":          sweepRemovesExpired,
		"sweep leaves what was written meanwhile": sweepSparesRewritten,
		"versions are never reused":               versionsAreNew,
		"closed":                                  closedEngine,
		"context already over":                    contextOver,
	}
}

func insertNeedsAbsence(s *store) {
	s.apply(storage.Insert("k", []byte("one"), never))
	s.refuse(0, storage.ErrExists, storage.Insert("k", []byte("two"), never))
	s.holds("k", "one", 0, never)
}

func insertOverExpired(s *store) {
	s.apply(storage.Insert("k", []byte("one"), s.in(time.Minute)), storage.Add("c", 7, 0, 9, s.in(time.Minute)))
	s.clock.Advance(time.Minute)
	s.apply(storage.Insert("k", []byte("two"), never), storage.Insert("c", nil, never))
	s.holds("k", "two", 0, never)
	s.holds("c", "", 0, never)
}

func updateNeedsVersion(s *store) {
	s.refuse(0, storage.ErrStale, storage.Update("k", storage.Version{1}, []byte("new"), never))
	s.apply(storage.Insert("k", []byte("one"), never))
	first := s.holds("k", "one", 0, never)
	s.refuse(0, storage.ErrStale, storage.Update("k", storage.Version{1}, []byte("new"), never))
	s.refuse(0, storage.ErrStale, storage.Update("k", storage.Version{}, []byte("new"), never))
	s.apply(storage.Update("k", first, []byte("two"), s.in(time.Hour)))
	s.holds("k", "two", 0, s.in(time.Hour))
	s.refuse(0, storage.ErrStale, storage.Update("k", first, []byte("three"), never))
	s.holds("k", "two", 0, s.in(time.Hour))
}

func updateKeepsCount(s *store) {
	s.apply(storage.Add("k", 3, 0, 10, never))
	at := s.holds("k", "", 3, never)
	s.apply(storage.Update("k", at, []byte("v"), s.in(time.Hour)))
	s.holds("k", "v", 3, s.in(time.Hour))
}

func updateOfExpired(s *store) {
	s.apply(storage.Insert("k", []byte("one"), s.in(time.Minute)))
	at := s.get("k").Version
	s.clock.Advance(time.Minute)
	s.refuse(0, storage.ErrStale, storage.Update("k", at, []byte("two"), never))
	s.lacks("k")
}

func putResets(s *store) {
	s.apply(storage.Put("k", []byte("one"), s.in(time.Minute)))
	s.holds("k", "one", 0, s.in(time.Minute))
	s.apply(storage.Add("k", 5, 0, 10, never))
	s.holds("k", "one", 5, s.in(time.Minute))
	s.apply(storage.Put("k", []byte("two"), never))
	s.holds("k", "two", 0, never)
}

func deleteAtVersion(s *store) {
	s.refuse(0, storage.ErrStale, storage.Delete("k", storage.Version{1}))
	s.apply(storage.Insert("k", []byte("one"), s.in(time.Minute)))
	at := s.get("k").Version
	s.refuse(0, storage.ErrStale, storage.Delete("k", storage.Version{1}))
	s.holds("k", "one", 0, s.in(time.Minute))
	s.apply(storage.Delete("k", at))
	s.lacks("k")
	s.refuse(0, storage.ErrStale, storage.Delete("k", at))
	s.apply(storage.Insert("k", []byte("two"), s.in(time.Minute)))
	at = s.get("k").Version
	s.clock.Advance(time.Minute)
	s.refuse(0, storage.ErrStale, storage.Delete("k", at))
}

func deleteOfAny(s *store) {
	s.apply(storage.Delete("k", storage.Version{}))
	s.apply(storage.Insert("k", []byte("one"), s.in(time.Minute)), storage.Insert("l", []byte("one"), s.in(time.Minute)))
	s.apply(storage.Delete("k", storage.Version{}))
	s.lacks("k")
	s.clock.Advance(time.Minute)
	s.apply(storage.Delete("l", storage.Version{}))
	if got := len(s.all()); got != 0 {
		s.Fatalf("%d records are left", got)
	}
}

func requireWritesNothing(s *store) {
	s.refuse(0, storage.ErrStale, storage.Require("k", storage.Version{1}))
	s.refuse(0, storage.ErrStale, storage.Require("k", storage.Version{}))
	s.apply(storage.Insert("k", []byte("one"), never))
	at := s.get("k").Version
	s.apply(storage.Require("k", at))
	s.refuse(0, storage.ErrStale, storage.Require("k", storage.Version{1}))
	s.refuse(0, storage.ErrStale, storage.Require("k", storage.Version{}))
	if s.holds("k", "one", 0, never) != at {
		s.Fatal("require changed the version")
	}
}

func requireOfExpired(s *store) {
	s.apply(storage.Insert("k", nil, s.in(time.Minute)))
	at := s.get("k").Version
	s.clock.Advance(time.Minute - time.Millisecond)
	s.apply(storage.Require("k", at))
	s.clock.Advance(time.Millisecond)
	s.refuse(0, storage.ErrStale, storage.Require("k", at))
}

func addMoves(s *store) {
	s.apply(storage.Add("k", 2, 0, 10, s.in(time.Hour)))
	first := s.holds("k", "", 2, s.in(time.Hour))
	s.apply(storage.Update("k", first, []byte("kept"), s.in(time.Minute)))
	second := s.get("k").Version
	s.apply(storage.Add("k", 3, 0, 10, s.in(time.Hour)))
	third := s.holds("k", "kept", 5, s.in(time.Minute))
	if third == second {
		s.Fatal("add kept the version")
	}
	s.apply(storage.Add("k", -5, 0, 10, never))
	s.holds("k", "kept", 0, s.in(time.Minute))
	s.apply(storage.Add("n", -4, -4, 0, never))
	s.holds("n", "", -4, never)
	s.apply(storage.Add("z", 0, 0, 0, never))
	s.holds("z", "", 0, never)
}

func addLeavesValue(s *store) {
	s.apply(storage.AddWith("k", []byte("one"), 1, 0, 3, s.in(time.Minute)))
	s.holds("k", "one", 1, s.in(time.Minute))
	s.apply(storage.AddWith("k", []byte("two"), 1, 0, 3, never))
	s.holds("k", "two", 2, s.in(time.Minute))
	s.apply(storage.Add("k", 1, 0, 3, never))
	s.refuse(0, storage.ErrBounds, storage.AddWith("k", []byte("three"), 1, 0, 3, never))
	s.holds("k", "two", 3, s.in(time.Minute))
	s.clock.Advance(time.Minute)
	s.apply(storage.Add("k", 1, 0, 3, never))
	s.holds("k", "", 1, never)
}

func addBounds(s *store) {
	s.refuse(0, storage.ErrBounds, storage.Add("k", 11, 0, 10, never))
	s.refuse(0, storage.ErrBounds, storage.Add("k", -1, 0, 10, never))
	s.refuse(0, storage.ErrBounds, storage.Add("k", 0, 1, 10, never))
	s.refuse(0, storage.ErrBounds, storage.Add("k", 5, 10, 0, never))
	s.lacks("k")
	s.apply(storage.Add("k", 10, 0, 10, never))
	s.refuse(0, storage.ErrBounds, storage.Add("k", 1, 0, 10, never))
	s.apply(storage.Add("k", -10, 0, 10, never))
	s.refuse(0, storage.ErrBounds, storage.Add("k", -1, 0, 10, never))
	s.holds("k", "", 0, never)
}

func addOverExpired(s *store) {
	s.apply(storage.Put("k", []byte("old"), s.in(time.Minute)))
	s.apply(storage.Add("k", 9, 0, 10, never))
	s.clock.Advance(time.Minute)
	s.refuse(0, storage.ErrBounds, storage.Add("k", -1, 0, 10, never))
	s.apply(storage.Add("k", 10, 0, 10, s.in(time.Hour)))
	s.holds("k", "", 10, s.in(time.Hour))
}

func addOverflow(s *store) {
	s.apply(storage.Add("k", math.MaxInt64, math.MinInt64, math.MaxInt64, never))
	s.refuse(0, storage.ErrBounds, storage.Add("k", 1, math.MinInt64, math.MaxInt64, never))
	s.apply(storage.Add("l", math.MinInt64, math.MinInt64, math.MaxInt64, never))
	s.refuse(0, storage.ErrBounds, storage.Add("l", -1, math.MinInt64, math.MaxInt64, never))
	s.holds("k", "", math.MaxInt64, never)
	s.holds("l", "", math.MinInt64, never)
}

func expiryBoundary(s *store) {
	s.apply(storage.Insert("k", []byte("v"), s.in(1500*time.Millisecond)))
	s.clock.Advance(1499 * time.Millisecond)
	s.holds("k", "v", 0, s.in(time.Millisecond))
	s.clock.Advance(time.Millisecond - time.Nanosecond)
	s.refuse(0, storage.ErrExists, storage.Insert("k", nil, never))
	s.clock.Advance(time.Nanosecond)
	s.lacks("k")
	page, err := s.engine.Scan(context.Background(), storage.Range{Limit: 10})
	if err != nil || len(page) != 0 || len(s.all()) != 0 {
		s.Fatalf("an expired record is listed: %v, %v", page, err)
	}
	s.apply(storage.Insert("p", []byte("v"), s.in(-time.Second)))
	s.lacks("p")
}

func expiryMilliseconds(s *store) {
	at := s.in(time.Hour)
	s.apply(storage.Insert("k", nil, at.Add(999*time.Microsecond).In(time.FixedZone("east", 3600))))
	s.holds("k", "", 0, at)
	far := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	s.apply(storage.Insert("f", nil, far))
	s.holds("f", "", 0, far)
	s.apply(storage.Insert("p", nil, time.Unix(0, 0)))
	s.lacks("p")
}

func sweepRemovesExpired(s *store) {
	for _, key := range []storage.Key{"a", "b", "c", "d", "e"} {
		s.apply(storage.Insert(key, nil, s.in(time.Minute)), storage.Insert(key+"live", nil, s.in(time.Hour)))
	}
	sweepTo(s, 10, 0)
	s.clock.Advance(time.Minute)
	for _, want := range []int{2, 2, 1, 0} {
		sweepTo(s, 2, want)
	}
	if got := len(s.all()); got != 5 {
		s.Fatalf("%d records are left, want 5", got)
	}
	s.clock.Advance(time.Hour)
	sweepTo(s, 1000, 5)
	if _, err := s.engine.Sweep(context.Background(), 0); err == nil {
		s.Fatal("a sweep of nothing was allowed")
	}
}

func sweepTo(s *store, limit, want int) {
	s.Helper()
	if got, err := s.engine.Sweep(context.Background(), limit); got != want || err != nil {
		s.Fatalf("sweep removed %d (%v), want %d", got, err, want)
	}
}

func sweepSparesRewritten(s *store) {
	s.apply(storage.Insert("k", nil, s.in(time.Minute)), storage.Add("c", 1, 0, 1, s.in(time.Minute)))
	s.clock.Advance(time.Minute)
	s.apply(storage.Insert("k", []byte("new"), never), storage.Add("c", 1, 0, 1, never))
	sweepTo(s, 10, 0)
	s.holds("k", "new", 0, never)
	s.holds("c", "", 1, never)
}

func versionsAreNew(s *store) {
	seen := map[storage.Version]bool{}
	for range 50 {
		s.apply(storage.Put("a", nil, never), storage.Add("b", 1, 0, 1000, never), storage.Put("c", nil, never))
		records := s.getAll("a", "b", "c")
		at := records[0].Version
		if records[1].Version != at || records[2].Version != at {
			s.Fatal("one Apply wrote several versions")
		}
		if seen[at] {
			s.Fatal("a version came twice")
		}
		seen[at] = true
		s.apply(storage.Delete("a", at), storage.Delete("c", at))
	}
}

func closedEngine(s *store) {
	s.apply(storage.Insert("k", nil, never))
	if err := s.engine.Health(context.Background()); err != nil {
		s.Fatalf("health of an open engine: %v", err)
	}
	for range 2 {
		if err := s.engine.Close(); err != nil {
			s.Fatalf("close: %v", err)
		}
	}
	for name, err := range everyCall(s.T, context.Background(), s.engine) {
		if err != storage.ErrClosed {
			s.Errorf("%s of a closed engine gave %v", name, err)
		}
	}
}

func contextOver(s *store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, err := range everyCall(s.T, ctx, s.engine) {
		if err != context.Canceled {
			s.Errorf("%s with a context that is over gave %v", name, err)
		}
	}
	s.lacks("new")
}

func everyCall(t *testing.T, ctx context.Context, engine storage.Engine) map[string]error {
	t.Helper()
	calls := map[string]error{
		"apply":  engine.Apply(ctx, storage.Put("new", nil, never)),
		"dump":   engine.Dump(ctx, func(storage.Record) error { return nil }),
		"load":   engine.Load(ctx, func() (storage.Record, error) { return storage.Record{}, context.Canceled }),
		"health": engine.Health(ctx),
	}
	_, calls["get"] = engine.Get(ctx, "k")
	_, calls["scan"] = engine.Scan(ctx, storage.Range{Limit: 1})
	_, calls["sweep"] = engine.Sweep(ctx, 1)
	return calls
}
