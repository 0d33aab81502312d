package sandbox

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// keeper has every kind of state a guest can write to: memory, and globals of each numeric type that nobody exports.
func keeper() []byte {
	w := (&wat{}).pages(2)
	number := w.global(I32, i32(7))
	wide := w.global(I64, i64(-7))
	w.global(F32, ops(0x43, 0, 0, 0x80, 0x3f))
	w.global(F64, ops(0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f))
	w.fn("memory_get", "i", "i", localGet(0), i32Load)
	w.fn("memory_set", "ii", "", localGet(0), localGet(1), i32Store)
	w.fn("number_get", "", "i", globalGet(number))
	w.fn("number_set", "i", "", localGet(0), globalSet(number))
	w.fn("wide_get", "", "I", globalGet(wide))
	w.fn("wide_set", "I", "", localGet(0), globalSet(wide))
	w.fn("single_get", "", "f", globalGet(2))
	w.fn("single_set", "f", "", localGet(0), globalSet(2))
	w.fn("double_get", "", "F", globalGet(3))
	w.fn("double_set", "F", "", localGet(0), globalSet(3))
	w.fn("grow", "i", "i", localGet(0), memoryGrow)
	w.fn("trap", "", "", i32(0), i32(99), i32Store, unreachable)
	return w.bytes()
}

func get(t *testing.T, i *Instance, export string, params ...uint64) uint64 {
	t.Helper()
	results, err := i.Call(context.Background(), export, params...)
	if err != nil {
		t.Fatal(export, err)
	}
	return results[0]
}

func TestNothingIsLeftForTheNextCall(t *testing.T) {
	p := load(t, keeper(), nil, Limits{Instances: 1})
	var before [6]uint64
	read := func(i *Instance) [6]uint64 {
		return [6]uint64{
			get(t, i, "memory_get", 8), get(t, i, "memory_get", 2*65536-4), get(t, i, "number_get"),
			get(t, i, "wide_get"), get(t, i, "single_get"), get(t, i, "double_get"),
		}
	}
	usage, err := p.Do(context.Background(), func(i *Instance) error {
		before = read(i)
		for _, set := range []struct {
			export string
			params []uint64
		}{
			{"memory_set", []uint64{8, 42}}, {"memory_set", []uint64{2*65536 - 4, 42}}, {"number_set", []uint64{42}},
			{"wide_set", []uint64{42}}, {"single_set", []uint64{42}}, {"double_set", []uint64{42}},
		} {
			if _, err := i.Call(context.Background(), set.export, set.params...); err != nil {
				return err
			}
		}
		if after := read(i); after != [6]uint64{42, 42, 42, 42, 42, 42} {
			t.Errorf("the guest's state within its own lease is %v", after)
		}
		return errors.New("refused, but no fault")
	})
	if err == nil || usage.PagesReset != 2 || usage.MemoryPages != 2 || usage.Wall <= 0 {
		t.Errorf("usage %+v, %v; want two pages reset", usage, err)
	}
	if _, err := p.Do(context.Background(), func(i *Instance) error {
		if after := read(i); after != before {
			t.Errorf("the next call finds %v, want %v", after, before)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if made := p.Stats().Created; made != 1 {
		t.Errorf("%d instances made, want one that was reset", made)
	}
}

// A memory that grows is not copied: what it can become was reserved.
func TestGrowingCopiesNothing(t *testing.T) {
	p := load(t, keeper(), nil, Limits{Instances: 1, MemoryPages: 1024})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	usage, err := p.Do(context.Background(), func(i *Instance) error {
		for page := range uint64(1022) {
			if at := get(t, i, "grow", 1); at != page+2 {
				t.Fatalf("grew from %d pages, want %d", at, page+2)
			}
		}
		if refused := get(t, i, "grow", 1); int32(refused) != -1 {
			t.Errorf("grew beyond the limit: %d", refused)
		}
		return nil
	})
	runtime.ReadMemStats(&after)
	if err != nil || usage.MemoryPages != 1024 {
		t.Errorf("%d pages, %v", usage.MemoryPages, err)
	}
	if made := after.TotalAlloc - before.TotalAlloc; made > 8<<20 { // copying would have made hundreds
		t.Errorf("%d bytes were allocated for a memory of 64 MiB", made)
	}
}

// What was reserved for an instance is given back with it.
func TestMemoryIsGivenBack(t *testing.T) {
	p := load(t, keeper(), nil, Limits{Instances: 1})
	inst := p.idle[0]
	if inst.linear.space == nil {
		t.Fatal("nothing was reserved")
	}
	if _, _, err := callOnce(p, "trap"); err == nil {
		t.Fatal("no trap")
	}
	if inst.linear.space != nil || inst.linear.reserved {
		t.Error("an instance that failed keeps its memory")
	}
}

// Who keeps a Memory beyond the call it was given to must not reach what is there then.
func TestKeptMemoryIsEmpty(t *testing.T) {
	var kept Memory
	w := (&wat{}).pages(1)
	w.fn("keep", "", "", call(w.importFunc("env", "keep", "", "")))
	p := load(t, w.bytes(), Imports{{Module: "env", Name: "keep", Call: func(_ context.Context, mem Memory, _ []uint64) error {
		kept = mem
		return nil
	}}}, Limits{Recycle: 1})
	if _, _, err := callOnce(p, "keep"); err != nil {
		t.Fatal(err)
	}
	if _, ok := kept.Read(0, 1); ok || kept.Write(0, []byte{1}) || kept.Size() != 0 {
		t.Error("memory could be reached after the call")
	}
}

func TestFaultOrGrowthReplacesTheInstance(t *testing.T) {
	p := load(t, keeper(), nil, Limits{Instances: 1})
	if _, _, err := callOnce(p, "grow", 1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := callOnce(p, "trap"); err == nil {
		t.Fatal("no trap")
	}
	if results, _, err := callOnce(p, "memory_get", 0); err != nil || results[0] != 0 {
		t.Errorf("after a trap: %v, %v", results, err)
	}
	if made := p.Stats().Created; made != 3 {
		t.Errorf("%d instances made, want 3", made)
	}
}

func TestAfterFaultTheLeaseIsOver(t *testing.T) {
	p := load(t, keeper(), nil, Limits{Instances: 1})
	var kept *Instance
	_, err := p.Do(context.Background(), func(i *Instance) error {
		kept = i
		if _, err := i.Call(context.Background(), "trap"); err == nil {
			t.Error("no trap")
		}
		_, err := i.Call(context.Background(), "memory_get", 0)
		return err
	})
	if !errors.Is(err, ErrNotLeased) {
		t.Errorf("second call after a trap: %v", err)
	}
	if _, err := kept.Call(context.Background(), "memory_get", 0); !errors.Is(err, ErrNotLeased) {
		t.Errorf("call after the lease: %v", err)
	}
}

func TestPanicInTheCallersFunctionLosesNothing(t *testing.T) {
	p := load(t, keeper(), nil, Limits{Instances: 1, Wait: time.Minute})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = p.Do(context.Background(), func(i *Instance) error {
			_, _ = i.Call(context.Background(), "memory_set", 0, 1)
			panic("caller")
		})
	}()
	if results, _, err := callOnce(p, "memory_get", 0); err != nil || results[0] != 0 {
		t.Errorf("afterwards: %v, %v", results, err)
	}
}

func TestConfigureIsPartOfTheSnapshot(t *testing.T) {
	set := func(value uint64) ConfigureFunc {
		return func(ctx context.Context, i *Instance) error {
			_, err := i.Call(ctx, "memory_set", 8, value)
			return err
		}
	}
	p := load(t, keeper(), nil, Limits{Instances: 1, Recycle: 1}, set(1), set(2))
	for range 3 { // a new instance each time, and reset in between
		if results, _, err := callOnce(p, "memory_get", 8); err != nil || results[0] != 2 {
			t.Fatalf("configured value: %v, %v", results, err)
		}
	}
	if made := p.Stats().Created; made != 3 {
		t.Errorf("%d instances made, want a new one after every call", made)
	}

	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wanted := errors.New("bad configuration")
	_, err = m.Load(context.Background(), keeper(), nil, Limits{}, func(context.Context, *Instance) error { return wanted })
	if !errors.Is(err, wanted) {
		t.Errorf("refused configuration: %v", err)
	}
	_, err = m.Load(context.Background(), keeper(), nil, Limits{}, func(ctx context.Context, i *Instance) error {
		_, _ = i.Call(ctx, "trap") // swallowed, but seen
		return nil
	})
	var refused *LoadError
	if !errors.As(err, &refused) {
		t.Errorf("trap while configuring: %v", err)
	}
}

func TestConcurrentCallsDoNotMeet(t *testing.T) {
	p := load(t, keeper(), nil, Limits{Instances: 3, Wait: time.Minute, Wall: time.Minute, Recycle: 10})
	var group sync.WaitGroup
	for worker := range uint64(8) {
		group.Go(func() {
			for range 25 {
				_, err := p.Do(context.Background(), func(i *Instance) error {
					if found := get(t, i, "number_get"); found != 7 {
						t.Errorf("found %d of somebody else's", found)
					}
					if _, err := i.Call(context.Background(), "number_set", worker); err != nil {
						return err
					}
					if found := get(t, i, "number_get"); found != worker {
						t.Errorf("found %d, wrote %d", found, worker)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if s := p.Stats(); s.Leased != 0 || s.Idle > 3 {
		t.Errorf("afterwards: %+v", s)
	}
}

func TestWhatCannotBeResetIsRefused(t *testing.T) {
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	bodies := map[string][]byte{
		"table.set":  {0x41, 0, 0xd0, 0x70, 0x26, 0},
		"table.grow": {0xd0, 0x70, 0x41, 0, 0xfc, 15, 0, 0x1a},
		"table.fill": {0x41, 0, 0xd0, 0x70, 0x41, 0, 0xfc, 17, 0},
		"table.copy": {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 14, 0, 0},
		"table.init": {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 12, 0, 0},
		"elem.drop":  {0xfc, 13, 0},
		"data.drop":  {0xfc, 9, 0},
	}
	for word, body := range bodies {
		w := &wat{}
		w.tableOf(1, w.fn("f", "", "", body))
		_, err := m.Load(context.Background(), w.bytes(), nil, Limits{})
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", word, err)
		}
	}
}
