package enginetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/storage"
)

func wholeTests() map[string]func(*store) {
	return map[string]func(*store){
		"a failing op at each place undoes all": failAtEachPlace,
		"the first failing op is named":         firstFailureNamed,
		"values are copies":                     valuesAreCopies,
		"get never sees half an apply":          getSeesWhole,
		"a dump is one moment":                  dumpIsOneMoment,
	}
}

// failAtEachPlace puts every kind of failing op at every place of an Apply whose other ops would succeed.
func failAtEachPlace(s *store) {
	s.apply(storage.Put("live", []byte("v"), never), storage.Add("full", 1, 0, 1, never), storage.Put("gone", nil, s.in(time.Second)))
	gone := s.get("gone").Version
	s.clock.Advance(time.Second)
	before := s.all()
	failing := map[storage.OpKind]storage.Op{
		storage.OpInsert:  storage.Insert("live", nil, never),
		storage.OpUpdate:  storage.Update("gone", gone, nil, never),
		storage.OpDelete:  storage.Delete("gone", gone),
		storage.OpRequire: storage.Require("gone", gone),
		storage.OpAdd:     storage.Add("full", 1, 0, 1, never),
	}
	wants := map[storage.OpKind]error{
		storage.OpInsert: storage.ErrExists, storage.OpUpdate: storage.ErrStale, storage.OpDelete: storage.ErrStale,
		storage.OpRequire: storage.ErrStale, storage.OpAdd: storage.ErrBounds,
	}
	good := []storage.Op{
		storage.Insert("new", nil, never), storage.Put("other", nil, never),
		storage.Add("count", 1, 0, 9, never), storage.Delete("absent", storage.Version{}),
	}
	for kind, op := range failing {
		for place := range len(good) + 1 {
			s.refuse(place, wants[kind], slices.Insert(slices.Clone(good), place, op)...)
			if !slices.EqualFunc(before, s.all(), sameRecord) {
				s.Fatalf("a refused %s at place %d left traces", kind, place)
			}
		}
	}
}

func firstFailureNamed(s *store) {
	s.apply(storage.Put("live", nil, never))
	s.refuse(1, storage.ErrStale,
		storage.Put("a", nil, never), storage.Require("b", storage.Version{1}), storage.Insert("live", nil, never))
}

func valuesAreCopies(s *store) {
	value := []byte("original")
	s.apply(storage.Put("k", value, never))
	spoil := func(b []byte) { copy(b, "spoilt!!") }
	spoil(value)
	s.holds("k", "original", 0, never)
	spoil(s.get("k").Value)
	page, err := s.engine.Scan(context.Background(), storage.Range{Limit: 1})
	if err != nil || len(page) != 1 {
		s.Fatalf("scan gave %v, %v", page, err)
	}
	spoil(page[0].Value)
	spoil(s.all()[0].Value)
	s.holds("k", "original", 0, never)
}

// getSeesWhole has a writer that always writes two keys together and readers that must never see them differ.
func getSeesWhole(s *store) {
	s.apply(storage.Put("x", []byte("0"), never), storage.Put("y", []byte("0"), never))
	alongside(s, func(written string) {
		s.apply(storage.Put("y", []byte(written), never), storage.Put("x", []byte(written), never))
	}, func() error {
		records, err := s.engine.Get(context.Background(), "x", "y")
		if err != nil {
			return err
		}
		if string(records[0].Value) != string(records[1].Value) || records[0].Version != records[1].Version {
			return fmt.Errorf("torn: x is %s, y is %s", records[0].Value, records[1].Value)
		}
		return nil
	})
}

// dumpIsOneMoment is the same for a whole dump.
func dumpIsOneMoment(s *store) {
	keys := []storage.Key{"a", "b", "c", "d"}
	put := func(written string) {
		var ops []storage.Op
		for _, key := range keys {
			ops = append(ops, storage.Put(key, []byte(written), never))
		}
		s.apply(ops...)
	}
	put("0")
	alongside(s, put, func() error {
		var first storage.Record
		return s.engine.Dump(context.Background(), func(r storage.Record) error {
			if r.Key == "a" {
				first = r
			}
			if r.Version != first.Version {
				return fmt.Errorf("torn: a is %s, %s is %s", first.Value, r.Key, r.Value)
			}
			return nil
		})
	})
}

// alongside runs read in two goroutines while write is called 100 times.
func alongside(s *store, write func(written string), read func() error) {
	s.Helper()
	done := make(chan struct{})
	failures := make([]error, 2)
	var readers sync.WaitGroup
	for i := range failures {
		readers.Go(func() {
			for failures[i] == nil {
				failures[i] = read()
				select {
				case <-done:
					return
				default:
					runtime.Gosched() // or the writer waits for a time slice at each of its steps
				}
			}
		})
	}
	for i := range 100 {
		write(fmt.Sprint(i))
	}
	close(done)
	readers.Wait()
	if err := errors.Join(failures...); err != nil {
		s.Fatal(err)
	}
}
