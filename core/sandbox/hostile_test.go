package sandbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// load makes a program that is closed with the test, on a machine of its own.
func load(t testing.TB, binary []byte, imports Imports, limits Limits, configure ...ConfigureFunc) *Program {
	t.Helper()
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return loadInto(t, m, binary, imports, limits, configure...)
}

func loadInto(t testing.TB, m *Machine, binary []byte, imports Imports, limits Limits, configure ...ConfigureFunc) *Program {
	t.Helper()
	for _, wall := range []*time.Duration{&limits.Wall, &limits.InitWall, &limits.Wait} {
		if *wall == 0 { // not what this test is about; tests run on busy machines
			*wall = time.Minute
		}
	}
	p, err := m.Load(context.Background(), binary, imports, limits, configure...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// callOnce runs one export in a lease of its own.
func callOnce(p *Program, export string, params ...uint64) ([]uint64, Usage, error) {
	var results []uint64
	usage, err := p.Do(context.Background(), func(i *Instance) (err error) {
		results, err = i.Call(context.Background(), export, params...)
		return err
	})
	return results, usage, err
}

// exchangeOnce passes in through export in a lease of its own.
func exchangeOnce(p *Program, export, in string) (string, error) {
	var out []byte
	_, err := p.Do(context.Background(), func(i *Instance) (err error) {
		out, err = i.Exchange(context.Background(), "alloc", export, []byte(in))
		return err
	})
	return string(out), err
}

// trapOfKind fails the test unless err is a trap of that kind.
func trapOfKind(t *testing.T, err error, kind TrapKind) *Trap {
	t.Helper()
	var trap *Trap
	if !errors.As(err, &trap) || trap.Kind != kind {
		t.Fatalf("got %v, want a trap of kind %s", err, kind)
	}
	return trap
}

func TestHostileModulesAreContained(t *testing.T) {
	wasi := WASI(WASIOptions{Log: func(context.Context, int, []byte) {}})
	limits := Limits{MemoryPages: 256, Fuel: 30_000_000}
	p, filler := load(t, hostile(), wasi, limits), load(t, fills(), nil, limits)
	calls := []struct {
		program *Program
		export  string
		kind    TrapKind
	}{
		{p, "spin", TrapFuel},
		{p, "tree", TrapFuel},
		{p, "table", TrapFuel},
		{p, "fill", TrapFuel},
		{filler, "fills", TrapFuel},
		{p, "bomb", TrapFuel},
		{p, "flood", TrapFuel},
		{p, "dice", TrapFuel},
		{p, "recurse", TrapStack},
		{p, "odd", TrapStack},
		{p, "indirectly", TrapStack},
		{p, "deep", TrapStack},
		{p, "give_up", TrapUnreachable},
		{p, "outside", TrapMemory},
		{p, "divide", TrapArithmetic},
		{p, "nowhere", TrapTable},
		{p, "exit", TrapExit},
	}
	beside := load(t, neighbour(), nil, Limits{})
	for _, c := range calls {
		t.Run(c.export, func(t *testing.T) {
			stop, answered := make(chan struct{}), make(chan error, 1)
			go func() { answered <- answerUntil(beside, stop) }()
			_, usage, err := callOnce(c.program, c.export)
			close(stop)
			trap := trapOfKind(t, err, c.kind)
			if err := <-answered; err != nil {
				t.Errorf("the neighbour: %v", err)
			}
			if c.kind == TrapExit && trap.ExitCode != 3 {
				t.Errorf("exit code %d, want 3", trap.ExitCode)
			}
			if usage.MemoryPages > 256 {
				t.Errorf("%d pages, the limit is 256", usage.MemoryPages)
			}
			if (c.kind == TrapFuel) != (usage.Fuel == limits.Fuel) || usage.Fuel > limits.Fuel {
				t.Errorf("used %d of %d units of fuel", usage.Fuel, limits.Fuel)
			}
			if out, err := exchangeOnce(c.program, "echo", "still here"); err != nil || out != "still here" {
				t.Errorf("afterwards the program answers %q, %v", out, err)
			}
		})
	}
}

func TestFloodOfLogIsCut(t *testing.T) {
	var said []int
	log := func(_ context.Context, _ int, line []byte) { said = append(said, len(line)) }
	p := load(t, hostile(), WASI(WASIOptions{Log: log}), Limits{LogBytes: 1 << 10})
	for range 2 { // every call has the whole room
		if _, usage, err := callOnce(p, "chatter"); err != nil || usage.LogDropped != 2*4096-1024 {
			t.Errorf("%+v, %v: want all but 1 KiB of 8 dropped", usage, err)
		}
	}
	if !slices.Equal(said, []int{1024, 1024}) {
		t.Errorf("lines of %d bytes", said)
	}
}

// answerUntil calls a well-behaved program at least once and until stop.
func answerUntil(p *Program, stop <-chan struct{}) error {
	for n := 0; ; n++ {
		in := fmt.Sprint("ping ", n)
		out, err := exchangeOnce(p, "echo", in)
		if err != nil || out != in {
			return fmt.Errorf("%q: %q, %w", in, out, err)
		}
		select {
		case <-stop:
			return nil
		default:
			runtime.Gosched()
		}
	}
}

func TestTrapNamesTheGuestsFunctions(t *testing.T) {
	w := &wat{}
	inner := w.fn("inner", "", "", unreachable)
	w.fn("outer", "", "", call(inner))
	// A name section: subsection 1, two functions.
	names := wasm.AppendName([]byte{2, 0}, "inner\x07name")
	names = wasm.AppendName(append(names, 1), "outer_name")
	module := append(w.bytes(), wasm.AppendSection(nil, wasm.SectionCustom, append(wasm.AppendName(nil, "name"), wasm.AppendSection(nil, 1, names)...))...)
	_, _, err := callOnce(load(t, module, nil, Limits{}), "outer")
	trap := trapOfKind(t, err, TrapUnreachable)
	if !strings.Contains(trap.Message, "innername") || !strings.Contains(trap.Message, "outer_name") {
		t.Errorf("message without the names: %q", trap.Message)
	}
}

func TestExchangeTrustsNoPointer(t *testing.T) {
	p := load(t, hostile(), WASI(WASIOptions{}), Limits{OutputBytes: 64, InputBytes: 100})
	for export, kind := range map[string]TrapKind{
		"answer_outside": TrapBadPointer, "answer_over_edge": TrapBadPointer, "answer_huge": TrapOutputTooLarge,
	} {
		_, err := exchangeOnce(p, export, "in")
		trapOfKind(t, err, kind)
	}
	_, err := p.Do(context.Background(), func(i *Instance) error {
		_, err := i.Exchange(context.Background(), "alloc_outside", "echo", []byte("in"))
		return err
	})
	trapOfKind(t, err, TrapBadPointer)
	_, err = exchangeOnce(p, "echo", strings.Repeat("x", 65))
	trapOfKind(t, err, TrapOutputTooLarge)

	created := p.Stats().Created
	if _, err := exchangeOnce(p, "echo", strings.Repeat("x", 101)); !errors.Is(err, ErrInputTooLarge) {
		t.Errorf("got %v, want ErrInputTooLarge", err)
	}
	for _, export := range []string{"no_such", "spin", "memory"} {
		var trap *Trap
		if _, err := exchangeOnce(p, export, ""); err == nil || errors.As(err, &trap) {
			t.Errorf("exchange with %s: got %v, want an error that is no trap", export, err)
		}
	}
	if out, err := exchangeOnce(p, "echo", ""); err != nil || out != "" {
		t.Errorf("empty exchange: %q, %v", out, err)
	}
	if after := p.Stats().Created; after != created+1 { // the one lost to the last trap; caller's mistakes cost nothing
		t.Errorf("%d instances made for refused calls, want 1", after-created)
	}
}

func TestCallerMayGiveUp(t *testing.T) {
	p := load(t, hostile(), WASI(WASIOptions{}), Limits{Wall: time.Minute, Fuel: maxFuel})
	ctx, cancel := context.WithCancel(context.Background())
	_, err := p.Do(ctx, func(i *Instance) error {
		time.AfterFunc(10*time.Millisecond, cancel)
		_, err := i.Call(context.Background(), "spin") // the lease's context counts, whatever this one says
		return err
	})
	trapOfKind(t, err, TrapCanceled)
	if !errors.Is(err, context.Canceled) {
		t.Error("the trap does not wrap context.Canceled")
	}
	_, err = p.Do(context.Background(), func(i *Instance) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		_, err := i.Call(ctx, "tree")
		return err
	})
	trapOfKind(t, err, TrapDeadline)
}

// A spinning guest must not keep the collector from stopping the world: in a process that serves others, that would be the
// end of all of them.
func TestCollectorRunsWhileGuestsSpin(t *testing.T) {
	limits := Limits{Wall: time.Minute, Instances: 2, Fuel: maxFuel}
	p, filler := load(t, hostile(), WASI(WASIOptions{}), limits), load(t, fills(), nil, limits)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 3)
	endless := func(p *Program, export string) {
		_, err := p.Do(ctx, func(i *Instance) error {
			for {
				if _, err := i.Call(ctx, export); err != nil {
					return err
				}
			}
		})
		ended <- err
	}
	go endless(p, "spin")
	go endless(p, "tree")
	go endless(filler, "fills")
	until(t, "all three run", func() bool { return p.Stats().Leased == 2 && filler.Stats().Leased == 1 })
	collected := make(chan struct{})
	go func() {
		for range 2 {
			runtime.GC()
		}
		close(collected)
	}()
	select {
	case <-collected:
	case <-time.After(30 * time.Second):
		t.Fatal("the collector did not get through")
	}
	cancel()
	for range 3 {
		trapOfKind(t, <-ended, TrapCanceled)
	}
}

func TestInitialisationIsBoundedToo(t *testing.T) {
	spin := &wat{}
	spin.start = wasm.AppendU32(nil, spin.fn("", "", "", loop(br(0))))
	tree := &wat{}
	callTree(tree, 40)
	tree.start = wasm.AppendU32(nil, uint32(len(tree.functions)-1))
	initialize := &wat{}
	initialize.fn("_initialize", "", "", loop(br(0)))
	deep := &wat{}
	deep.start = wasm.AppendU32(nil, deep.fn("", "", "", call(0)))
	trap := &wat{}
	trap.fn("_initialize", "", "", unreachable)

	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for name, c := range map[string]struct {
		binary []byte
		kind   TrapKind
	}{
		"start": {spin.bytes(), TrapFuel}, "tree": {tree.bytes(), TrapFuel},
		"_initialize": {initialize.bytes(), TrapFuel}, "trap": {trap.bytes(), TrapUnreachable},
		"deep": {deep.bytes(), TrapStack},
	} {
		_, err := m.Load(context.Background(), c.binary, nil, Limits{InitFuel: 5_000_000, InitWall: time.Minute})
		var refused *LoadError
		if !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want a LoadError", name, err)
		}
		trapOfKind(t, err, c.kind)
	}
}

func TestHostFunctions(t *testing.T) {
	wanted := errors.New("not today")
	imports := Imports{
		{Module: "env", Name: "fail", Call: func(context.Context, Memory, []uint64) error { return wanted }},
		{Module: "env", Name: "panic", Call: func(context.Context, Memory, []uint64) error { panic("a mistake of ours") }},
		{Module: "env", Name: "reenter", Call: func(ctx context.Context, _ Memory, _ []uint64) error {
			_, err := instanceOf(ctx).Call(ctx, "fail")
			return err
		}},
		{Module: "env", Name: "twice", Params: []ValueType{I32, I32}, Results: []ValueType{I32},
			Call: func(_ context.Context, mem Memory, stack []uint64) error {
				in, ok := mem.Read(uint32(stack[0]), uint32(stack[1]))
				if !ok || !mem.Write(uint32(stack[0]), slices.Concat(in, in)) || mem.Size() != 65536 {
					return wanted
				}
				stack[0] = stack[1] * 2
				return nil
			}},
	}
	w := (&wat{}).pages(1)
	fail, panics := w.importFunc("env", "fail", "", ""), w.importFunc("env", "panic", "", "")
	reenter, twice := w.importFunc("env", "reenter", "", ""), w.importFunc("env", "twice", "ii", "i")
	w.fn("fail", "", "", call(fail))
	w.fn("panic", "", "", call(panics))
	w.fn("reenter", "", "", call(reenter))
	w.fn("alloc", "i", "i", i32(16))
	w.fn("double", "ii", "I", i64(16<<32), localGet(0), localGet(1), call(twice), i64Extend, i64Or)
	p := load(t, w.bytes(), imports, Limits{})

	_, _, err := callOnce(p, "fail")
	trapOfKind(t, err, TrapHost)
	if !errors.Is(err, wanted) {
		t.Errorf("%v does not wrap the host function's error", err)
	}
	_, _, err = callOnce(p, "panic")
	trapOfKind(t, err, TrapHost)
	_, _, err = callOnce(p, "reenter")
	if trapOfKind(t, err, TrapHost); !errors.Is(err, ErrNotLeased) {
		t.Errorf("calling back into the instance: %v", err)
	}
	if out, err := exchangeOnce(p, "double", "ab"); err != nil || out != "abab" {
		t.Errorf("double: %q, %v", out, err)
	}
}
