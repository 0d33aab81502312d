package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/memory"
)

func dumpTests(open Open) map[string]func(*store) {
	return map[string]func(*store){
		"to the model and back":     func(s *store) { roundTrip(s, open) },
		"load needs an empty store": loadNeedsEmpty,
		"load checks its records":   loadChecks,
		"load of nothing":           loadNothing,
		"dump stops when told":      dumpStops,
	}
}

func dumped(t *testing.T, engine storage.Engine) []storage.Record {
	t.Helper()
	var all []storage.Record
	err := engine.Dump(context.Background(), func(r storage.Record) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatalf("dump: %v", err)
	}
	if !slices.IsSortedFunc(all, func(a, b storage.Record) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) }) {
		t.Fatal("the dump is not in key order")
	}
	return all
}

func load(engine storage.Engine, records ...storage.Record) error {
	return engine.Load(context.Background(), func() (storage.Record, error) {
		if len(records) == 0 {
			return storage.Record{}, io.EOF
		}
		next := records[0]
		records = records[1:]
		return next, nil
	})
}

// roundTrip moves a store to the model and from there to a new engine. Nothing may change on the way, versions included: what
// was at a version before a restore is at it afterwards.
func roundTrip(s *store, open Open) {
	value := bytes.Repeat([]byte("0123456789abcdef"), 2000)
	for i := range 100 {
		key := storage.NewKey("main", "t\x00\x01", fmt.Sprintf("%03d", i))
		s.apply(storage.Put(key, value[:i*320], never), storage.Add(key+"n", int64(i), 0, 100, s.in(time.Hour)), storage.Put(key+"x", nil, s.in(1)))
	}
	s.clock.Advance(time.Second)
	want := s.all()
	if len(want) != 200 {
		s.Fatalf("dump gave %d records, want the 200 live ones", len(want))
	}
	model := memory.New(s.clock.Now)
	if err := load(model, want...); err != nil {
		s.Fatalf("load into the model: %v", err)
	}
	other, clock := open(s.T)
	clock.Advance(s.clock.Now().Sub(clock.Now()))
	if err := load(other, dumped(s.T, model)...); err != nil {
		s.Fatalf("load: %v", err)
	}
	if got := dumped(s.T, other); !slices.EqualFunc(got, want, sameRecord) {
		s.Fatal("the store changed on its way")
	}
	first := want[0]
	if err := other.Apply(context.Background(), storage.Require(first.Key, first.Version)); err != nil {
		s.Fatalf("a version did not survive: %v", err)
	}
}

func loadNeedsEmpty(s *store) {
	s.apply(storage.Put("k", nil, s.in(time.Second)))
	s.clock.Advance(time.Second)
	if err := load(s.engine); !errors.Is(err, storage.ErrNotEmpty) {
		s.Fatalf("load into a store with an expired record gave %v", err)
	}
	s.apply(storage.Delete("k", storage.Version{}))
	if err := load(s.engine, storage.Record{Key: "l", Version: storage.Version{1}}); err != nil {
		s.Fatalf("load into an emptied store gave %v", err)
	}
	if err := load(s.engine); !errors.Is(err, storage.ErrNotEmpty) {
		s.Fatalf("a second load gave %v", err)
	}
}

func loadChecks(s *store) {
	good := storage.Record{Key: "k", Version: storage.Version{1}}
	failed := errors.New("torn dump")
	cases := map[string]struct {
		second storage.Record
		want   error
	}{
		"no key":        {storage.Record{Version: storage.Version{1}}, storage.ErrInvalid},
		"no version":    {storage.Record{Key: "l"}, storage.ErrInvalid},
		"the same key":  {good, storage.ErrInvalid},
		"a lesser key":  {storage.Record{Key: "a", Version: storage.Version{1}}, storage.ErrInvalid},
		"too large":     {storage.Record{Key: "l", Version: storage.Version{1}, Value: make([]byte, storage.MaxApply)}, storage.ErrTooLarge},
		"end of expiry": {storage.Record{Key: "l", Version: storage.Version{1}, Expires: time.Unix(-1, 0)}, storage.ErrInvalid},
	}
	for name, c := range cases {
		if err := load(s.engine, good, c.second); !errors.Is(err, c.want) {
			s.Errorf("%s: load gave %v, want %v", name, err, c.want)
		}
	}
	err := s.engine.Load(context.Background(), func() (storage.Record, error) { return storage.Record{}, failed })
	if !errors.Is(err, failed) {
		s.Errorf("a failing source gave %v", err)
	}
	if got := s.all(); len(got) != 0 {
		s.Fatalf("failed loads left %d records", len(got))
	}
	if err := load(s.engine, good); err != nil {
		s.Fatalf("load after failed ones: %v", err)
	}
}

func loadNothing(s *store) {
	if err := load(s.engine); err != nil {
		s.Fatalf("load: %v", err)
	}
	s.apply(storage.Insert("k", nil, never))
}

func dumpStops(s *store) {
	s.apply(storage.Put("a", nil, never), storage.Put("b", nil, never))
	enough := errors.New("enough")
	seen := 0
	err := s.engine.Dump(context.Background(), func(storage.Record) error { seen++; return enough })
	if err != enough || seen != 1 {
		s.Fatalf("dump gave %v after %d records", err, seen)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = s.engine.Dump(ctx, func(storage.Record) error { cancel(); return nil })
	if err != context.Canceled {
		s.Fatalf("a dump whose context ended gave %v", err)
	}
}
