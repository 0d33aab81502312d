package badger

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
)

func mustGet(t *testing.T, e *Engine, keys ...storage.Key) []storage.Record {
	t.Helper()
	found, err := e.Get(context.Background(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func mustApply(t *testing.T, e *Engine, ops ...storage.Op) {
	t.Helper()
	if err := e.Apply(context.Background(), ops...); err != nil {
		t.Fatal(err)
	}
}

// TestHotRecordsAreOfOneView: two records that every Apply writes alike are always read alike, whether they come from the hot
// ones or from Badger, and never older than an Apply that has returned.
func TestHotRecordsAreOfOneView(t *testing.T) {
	e := openTemp(t)
	keys := []storage.Key{"a", "b"}
	const rounds = 300
	var acknowledged atomic.Uint64
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				newest := acknowledged.Load()
				found := mustGet(t, e, keys...)
				if found[0].Version != found[1].Version || !bytes.Equal(found[0].Value, found[1].Value) {
					t.Errorf("two views in one: %v, %v", found[0], found[1])
					return
				}
				if read := found[0].Value; newest > 0 && binary.BigEndian.Uint64(read) < newest {
					t.Errorf("read round %d, after %d was acknowledged", read, newest)
					return
				}
			}
		})
	}
	for round := uint64(1); round <= rounds; round++ {
		value := binary.BigEndian.AppendUint64(nil, round)
		if round%7 == 0 { // pushed out and learnt again
			e.hot.mu.Lock()
			e.hot.known, e.hot.clock, e.hot.size = map[storage.Key]*place{}, nil, 0
			e.hot.mu.Unlock()
		}
		mustApply(t, e, storage.Put("a", value, time.Time{}), storage.Put("b", value, time.Time{}))
		acknowledged.Store(round)
	}
	close(done)
	readers.Wait()
}

// TestHotRecordsFollowEveryOp: what an op does to a record is what the next Get reads, hot or not.
func TestHotRecordsFollowEveryOp(t *testing.T) {
	e := openTemp(t)
	mustApply(t, e, storage.Put("anchor", nil, time.Time{}))
	read := func() storage.Record { return mustGet(t, e, "anchor", "k")[1] }
	if !read().Version.IsZero() {
		t.Fatal("found what is not there")
	}
	soon := e.now().Add(time.Hour + 123456*time.Nanosecond)
	for what, op := range []storage.Op{
		storage.Insert("k", []byte("one"), soon), storage.Add("k", 5, 0, 9, time.Time{}), storage.Put("k", nil, time.Time{}), storage.Delete("k", storage.Version{}),
	} {
		mustApply(t, e, op)
		hot := read()
		e.hot.mu.Lock()
		if len(e.hot.known) != 2 {
			t.Errorf("op %d: %d records are hot", what, len(e.hot.known))
		}
		e.hot.known, e.hot.clock, e.hot.size = map[storage.Key]*place{}, nil, 0
		e.hot.mu.Unlock()
		if cold := read(); fmt.Sprintf("%+v", cold) != fmt.Sprintf("%+v", hot) {
			t.Errorf("op %d: hot %+v, cold %+v", what, hot, cold)
		}
	}
}

// TestHotRecordsAreCopies: what a caller does to a value is its own business.
func TestHotRecordsAreCopies(t *testing.T) {
	e := openTemp(t)
	value := []byte("value")
	mustApply(t, e, storage.Put("k", value, time.Time{}))
	for range 3 {
		found := mustGet(t, e, "k")
		if string(found[0].Value) != "value" {
			t.Fatalf("read %q", found[0].Value)
		}
		copy(found[0].Value, "VALUE")
	}
	mustApply(t, e, storage.Put("k", value, time.Time{}))
	copy(value, "VALUE")
	if found := mustGet(t, e, "k"); string(found[0].Value) != "value" {
		t.Errorf("read %q", found[0].Value)
	}
}

// TestHotRecordsAreBounded: neither many records nor keys that strangers make up grow the memory, and what is in use stays.
func TestHotRecordsAreBounded(t *testing.T) {
	e := openTemp(t)
	e.hot.limit = 64 << 10
	key := func(i int) storage.Key { return storage.Key(fmt.Sprintf("k%04d", i)) }
	for i := range 500 {
		mustApply(t, e, storage.Put(key(i), make([]byte, 500), time.Time{}))
	}
	for i := range 500 {
		mustGet(t, e, key(0))
		mustGet(t, e, key(i))
		mustGet(t, e, storage.Key(fmt.Sprintf("made-up-%d", i)))
	}
	e.hot.mu.Lock()
	defer e.hot.mu.Unlock()
	sum := 0
	for k, p := range e.hot.known {
		sum += p.size()
		if k[0] != 'k' || p.record.Key != k {
			t.Errorf("%q is hot", k)
		}
	}
	if sum != e.hot.size || sum > e.hot.limit || len(e.hot.clock) != len(e.hot.known) || len(e.hot.known) < 50 {
		t.Errorf("%d records of %d bytes, counted %d, clock %d", len(e.hot.known), sum, e.hot.size, len(e.hot.clock))
	}
	if _, ok := e.hot.known[key(0)]; !ok {
		t.Error("the record in use is gone")
	}
}
