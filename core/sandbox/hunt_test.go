package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// secret is what the hider hides. No module holds it.
const secret uint64 = 0x5ec2e75ec2e75ec2

// hider puts a secret into every place a guest can write to, and then ends in every way a call can end.
func hider() []byte {
	w := (&wat{}).pages(4)
	fail := w.importFunc("env", "fail", "i", "")
	exit := w.importFunc(wasiModule, "proc_exit", "i", "")
	write := w.importFunc(wasiModule, "fd_write", "iiii", "i")
	number, wide := w.global(I32, i32(7)), w.global(I64, i64(-7))
	single, double := w.global(F32, ops(0x43, 0, 0, 0x80, 0x3f)), w.global(F64, ops(0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f))
	w.export("own_wide", KindGlobal, wide) // exported by the module itself, too
	w.passive("a passive segment")

	// fill_with(secret, from, to): every eight bytes
	filled := w.fn("fill_with", "Iii", "", loop(
		localGet(1), localGet(0), ops(0x37, 0, 0), // i64.store
		localGet(1), i32(8), ops(0x6a), ops(0x22, 1), // local.tee
		localGet(2), ops(0x49), ops(0x0d, 0), // i32.lt_u, br_if
	))
	hide := w.fn("hide", "I", "",
		localGet(0), i32(0), i32(4<<16), call(filled),
		localGet(0), ops(0xa7), globalSet(number), localGet(0), globalSet(wide),
		localGet(0), ops(0xa7, 0xbe), globalSet(single), localGet(0), ops(0xbf), globalSet(double),
		i32(0), i32(0), i32(17), ops(0xfc, 8, 0, 0), // memory.init
	)
	grown := w.fn("", "I", "",
		localGet(0), call(hide), i32(1), memoryGrow, drop, localGet(0), i32(4<<16), i32(5<<16), call(filled))
	ending := func(name string, body ...[]byte) {
		w.fn(name, "I", "", localGet(0), call(hide), slices.Concat(body...))
	}
	recursion := uint32(w.imported + len(w.functions))
	w.fn("", "I", "", localGet(0), call(recursion))
	ending("returns")
	ending("gives_up", unreachable)
	ending("reaches_out", i32(-4), i32Load, drop)
	ending("divides", i32(1), i32(0), i32DivS, drop)
	ending("calls_nothing", i32(7), ops(0x11), wasm.AppendU32(nil, w.typeIndex("", "")), ops(0))
	ending("recurses", localGet(0), call(recursion))
	ending("spins", loop(br(0)))
	ending("host_fails", i32(0), call(fail))
	ending("host_panics", i32(1), call(fail))
	ending("exits", i32(3), call(exit))
	// A line without end: the secret stays in the host's hands.
	ending("mutters", i32(0), i32(16), i32Store, i32(4), i32(8), i32Store,
		i32(1), i32(0), i32(1), i32(1024), call(write), drop)
	w.fn("grows", "I", "", localGet(0), call(grown))
	w.fn("grows_and_gives_up", "I", "", localGet(0), call(grown), unreachable)
	w.fn("alloc", "i", "i", i32(8))
	w.fn("alloc_outside", "i", "i", i32(4<<16))
	w.fn("echo", "ii", "I", localGet(0), i64Extend, i64(32), i64Shl, localGet(1), i64Extend, i64Or)
	w.fn("answers_outside", "ii", "I", i64(int64(secret)), call(hide), packed(1<<31, 16))
	w.fn("answers_too_much", "ii", "I", i64(int64(secret)), call(hide), packed(0, 0xffffffff))
	w.fn("grow", "i", "i", localGet(0), memoryGrow)
	w.tableOf(1, fail)
	return w.bytes()
}

// hiding loads the hider with one instance, so that each call gets what the one before it left.
func hiding(t *testing.T, m *Machine, limits Limits) *Program {
	t.Helper()
	fail := Import{Module: "env", Name: "fail", Params: []ValueType{I32}, Call: func(_ context.Context, _ Memory, stack []uint64) error {
		if stack[0] == 1 {
			panic("host")
		}
		return errors.New("host")
	}}
	limits.Instances = 1
	return loadInto(t, m, hider(), append(WASI(WASIOptions{Log: func(context.Context, int, []byte) {}}), fail), limits)
}

// A stateOf is everything a guest could read in its next call.
type stateOf struct {
	memory  []byte
	globals []uint64
}

func stateIn(i *Instance) stateOf { return stateOf{bytes.Clone(i.memory()), i.readGlobals()} }

// hunt looks for the secret, first with the host's eyes, then in memory the guest newly gets. want is the state a fresh
// instance has.
func hunt(t *testing.T, p *Program, want stateOf) {
	t.Helper()
	secretBytes := binary.LittleEndian.AppendUint64(nil, secret)[:6]
	if _, err := p.Do(context.Background(), func(i *Instance) error {
		found := stateIn(i)
		if at := bytes.Index(found.memory, secretBytes); at >= 0 {
			t.Errorf("found the secret at %#x", at)
		}
		if !bytes.Equal(found.memory, want.memory) || !slices.Equal(found.globals, want.globals) {
			t.Errorf("found %d bytes and globals %x, want %d as in the beginning and %x",
				len(found.memory), found.globals, len(want.memory), want.globals)
		}
		if len(i.host.partial[1]) > 0 {
			t.Errorf("found %q in the host's hands", i.host.partial[1])
		}
		if got := get(t, i, "grow", 2); got != 4 {
			t.Errorf("memory was of %d pages", got)
		}
		if fresh := i.memory()[4<<16:]; len(fresh) != 2<<16 || len(bytes.Trim(fresh, "\x00")) > 0 {
			t.Error("new memory is not all zero")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestSecretIsNotFound(t *testing.T) {
	for name, m := range machines(t) {
		t.Run(name, func(t *testing.T) { huntAll(t, hiding(t, m, Limits{MemoryPages: 8, Fuel: 20_000_000})) })
	}
}

// machines are one that asks the operating system what was written to, where it tells, and one that compares everything.
func machines(t *testing.T) map[string]*Machine {
	t.Helper()
	asks, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	compares, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := compares.pages.close(); err != nil {
		t.Fatal(err)
	}
	compares.pages = nil
	if asks.pages == nil {
		t.Log("this system does not tell which pages were written to")
		return map[string]*Machine{"compares": compares}
	}
	return map[string]*Machine{"asks": asks, "compares": compares}
}

// huntAll lets the guest of p end in every way there is, and looks for what it knew.
func huntAll(t *testing.T, p *Program) {
	var want stateOf
	if _, err := p.Do(context.Background(), func(i *Instance) error { want = stateIn(i); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(want.memory) != 4<<16 || len(want.globals) != 4 {
		t.Fatalf("%d bytes and globals %x at the start", len(want.memory), want.globals)
	}
	for _, end := range []struct {
		export   string
		kind     TrapKind // empty if it returns
		replaced bool
	}{
		{"returns", "", false}, {"mutters", "", false}, {"grows", "", true},
		{"gives_up", TrapUnreachable, true}, {"reaches_out", TrapMemory, true}, {"divides", TrapArithmetic, true},
		{"calls_nothing", TrapTable, true}, {"recurses", TrapStack, true}, {"spins", TrapFuel, true},
		{"host_fails", TrapHost, true}, {"host_panics", TrapHost, true}, {"exits", TrapExit, true},
		{"grows_and_gives_up", TrapUnreachable, true},
	} {
		t.Run(end.export, func(t *testing.T) {
			made := p.Stats().Created
			_, _, err := callOnce(p, end.export, secret)
			if end.kind == "" && err != nil {
				t.Fatal(err)
			}
			if end.kind != "" {
				trapOfKind(t, err, end.kind)
			}
			hunt(t, p, want)
			if replaced := p.Stats().Created > made; replaced != end.replaced {
				t.Errorf("replaced %v, want %v", replaced, end.replaced)
			}
			returnsToTheStart(t, p) // the hunt grew its memory
		})
	}
	for export, kind := range map[string]TrapKind{"answers_outside": TrapBadPointer, "answers_too_much": TrapOutputTooLarge} {
		t.Run(export, func(t *testing.T) {
			_, err := exchangeOnce(p, export, "")
			trapOfKind(t, err, kind)
			hunt(t, p, want)
		})
	}
	t.Run("the input", func(t *testing.T) {
		in := strings.Repeat(string(binary.LittleEndian.AppendUint64(nil, secret)), 1000)
		if out, err := exchangeOnce(p, "echo", in); err != nil || out != in {
			t.Errorf("%d bytes came back, %v", len(out), err)
		}
		hunt(t, p, want)
		_, err := p.Do(context.Background(), func(i *Instance) error {
			_, err := i.Exchange(context.Background(), "alloc_outside", "echo", []byte(in))
			return err
		})
		trapOfKind(t, err, TrapBadPointer)
		hunt(t, p, want)
	})
	t.Run("the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := p.Do(ctx, func(i *Instance) error {
			if _, err := i.Call(ctx, "hide", secret); err != nil {
				return err
			}
			cancel()
			_, err := i.Call(ctx, "returns", secret)
			return err
		})
		trapOfKind(t, err, TrapCanceled)
		hunt(t, p, want)
	})
	t.Run("the host's panic", func(t *testing.T) {
		func() {
			defer func() { _ = recover() }()
			_, _ = p.Do(context.Background(), func(i *Instance) error {
				_, _ = i.Call(context.Background(), "returns", secret)
				panic("caller")
			})
		}()
		hunt(t, p, want)
	})
}

// returnsToTheStart uses up the instance that the hunt has grown, so that the next call has a new one.
func returnsToTheStart(t *testing.T, p *Program) {
	t.Helper()
	if _, _, err := callOnce(p, "fill_with", 0, 0, 8); err != nil {
		t.Fatal(err)
	}
}

// A Go guest has its own heap, stacks and collector; they are all in memory that is restored.
func TestSecretOfGoGuestIsNotFound(t *testing.T) {
	g := loadGoGuest(t)
	const text = "a secret of 29 bytes in a heap"
	contains := func(what string) (found bool) {
		_, err := g.Do(context.Background(), func(i *Instance) error {
			found = bytes.Contains(i.memory(), []byte(what))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if !contains("it said: ") { // a constant of the guest's: shows that the hunt can find something
		t.Fatal("the hunt does not find what is there")
	}
	for _, export := range []string{"upper", "keep", "panics"} {
		_, err := g.exchange(export, text, nil)
		if export == "panics" {
			trapOfKind(t, err, TrapUnreachable)
		} else if err != nil {
			t.Fatal(err)
		}
		if contains(text) || contains(strings.ToUpper(text)) {
			t.Errorf("%s: the secret is found in the next call", export)
		}
	}
}

// Instances are bounded, replaced after Recycle calls, and never lent twice at a time.
func TestPoolIsBounded(t *testing.T) {
	var now, most, calls atomic.Int32
	w := (&wat{}).pages(1)
	enter := w.importFunc("env", "enter", "", "")
	w.fn("work", "", "", call(enter))
	p := load(t, w.bytes(), Imports{{Module: "env", Name: "enter", Call: func(context.Context, Memory, []uint64) error {
		n := now.Add(1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		calls.Add(1)
		now.Add(-1)
		return nil
	}}}, Limits{Instances: 2, Recycle: 10, Wait: time.Minute})
	var group sync.WaitGroup
	failures := make(chan error, 200)
	for range 20 {
		group.Go(func() {
			for range 10 {
				if _, _, err := callOnce(p, "work"); err != nil {
					failures <- err
				}
				if s := p.Stats(); s.Idle+s.Leased > 2 {
					failures <- fmt.Errorf("%+v: want at most two instances", s)
				}
			}
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	// 200 calls at ten for each instance, and the last of each may be unfinished. The first serves no call when it is made.
	if s := p.Stats(); calls.Load() != 200 || most.Load() > 2 || s.Created < 20 || s.Created > 22 {
		t.Errorf("%d calls, %d at once, %+v", calls.Load(), most.Load(), s)
	}
}
