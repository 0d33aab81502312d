package sandbox

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

// until waits for a condition; the test fails if it does not come within a generous time.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for give := time.Now().Add(30 * time.Second); !reached(); runtime.Gosched() {
		if time.Now().After(give) {
			t.Fatal("waited in vain until", what)
		}
	}
}

// waiting is a module whose one import comes back when its channel is closed or its context is done.
func waiting(t *testing.T, limits Limits, waits bool) (p *Program, entered <-chan struct{}, leave chan struct{}) {
	t.Helper()
	in, out := make(chan struct{}, 8), make(chan struct{})
	w := &wat{}
	block := w.importFunc("env", "block", "", "")
	w.fn("block", "", "", call(block))
	w.fn("fine", "", "")
	p = load(t, w.bytes(), Imports{{Module: "env", Name: "block", Waits: waits, Call: func(ctx context.Context, _ Memory, _ []uint64) error {
		in <- struct{}{}
		select {
		case <-out:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}}, limits)
	return p, in, out
}

func TestTimeOfHostFunctionsCounts(t *testing.T) {
	p, _, _ := waiting(t, Limits{Wall: time.Millisecond}, false)
	_, _, err := callOnce(p, "block")
	trapOfKind(t, err, TrapDeadline)

	p, entered, _ := waiting(t, Limits{Wall: time.Minute}, false)
	for name, with := range map[string]func(context.Context) (lease, call context.Context){
		"the lease's context": func(ctx context.Context) (lease, call context.Context) { return ctx, context.Background() },
		"the call's context":  func(ctx context.Context) (lease, call context.Context) { return context.Background(), ctx },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-entered; cancel() }()
		lease, call := with(ctx)
		_, err := p.Do(lease, func(i *Instance) error {
			_, err := i.Call(call, "block")
			return err
		})
		if trap := trapOfKind(t, err, TrapCanceled); !errors.Is(trap, context.Canceled) {
			t.Errorf("%s: %v does not wrap context.Canceled", name, trap)
		}
	}
}

// A host function may leave goroutines behind that still hold its context: they must learn that the call is over.
func TestContextEndsWithTheCall(t *testing.T) {
	var kept context.Context
	var cancel context.CancelFunc
	w := &wat{}
	w.fn("keep", "", "", call(w.importFunc("env", "keep", "", "")))
	p := load(t, w.bytes(), Imports{{Module: "env", Name: "keep", Call: func(ctx context.Context, _ Memory, _ []uint64) error {
		kept, cancel = context.WithCancel(ctx)
		return nil
	}}}, Limits{Wall: time.Minute})
	if _, _, err := callOnce(p, "keep"); err != nil {
		t.Fatal(err)
	}
	defer cancel()
	<-kept.Done()
	if err := kept.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("the context that was kept says %v", err)
	}
}

func TestWaitingIsBounded(t *testing.T) {
	p, entered, leave := waiting(t, Limits{Instances: 1, Wall: time.Minute, Wait: time.Millisecond}, false)
	done := make(chan error, 1)
	go func() {
		_, _, err := callOnce(p, "block")
		done <- err
	}()
	<-entered
	if _, _, err := callOnce(p, "fine"); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Do(ctx, func(*Instance) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCloseDrains(t *testing.T) {
	p, entered, leave := waiting(t, Limits{Instances: 1, Wall: time.Minute, Wait: time.Minute}, false)
	done, closed := make(chan error, 2), make(chan error, 1)
	for range 2 { // one works, one waits for its turn
		go func() {
			_, _, err := callOnce(p, "block")
			done <- err
		}()
	}
	<-entered
	go func() { closed <- p.Close() }()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("the one that waited: %v, want ErrClosed", err)
	}
	select {
	case err := <-closed:
		t.Fatalf("closed under a running call: %v", err)
	default:
	}
	close(leave)
	if err := <-done; err != nil {
		t.Errorf("the one that worked: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, _, err := callOnce(p, "fine"); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestClosedMachineLoadsNothing(t *testing.T) {
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Load(context.Background(), neighbour(), nil, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Load(context.Background(), neighbour(), nil, Limits{}); !errors.Is(err, ErrClosed) {
		t.Errorf("load on a closed machine: %v", err)
	}
	if out, err := exchangeOnce(p, "echo", "open"); err != nil || out != "open" {
		t.Errorf("a program loaded before: %q, %v", out, err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Reloading is what a host does all day long. Nothing may stay behind: no goroutine, no instance, no code.
func TestReloadsLeakNothing(t *testing.T) {
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	limits := Limits{Wall: time.Minute, Fuel: 5_000_000}
	reload := func() {
		w := (&wat{}).pages(64) // 4 MiB: a hundred of them would show
		w.fn("spin", "", "", loop(br(0)))
		w.fn("fine", "", "")
		p, err := m.Load(context.Background(), w.bytes(), nil, limits)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := callOnce(p, "fine"); err != nil {
			t.Fatal(err)
		}
		_, _, err = callOnce(p, "spin")
		trapOfKind(t, err, TrapFuel)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	used := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	reload()
	goroutines, memory := runtime.NumGoroutine(), used()
	for range 100 {
		reload()
	}
	until(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	if after := used(); after > memory+32<<20 {
		t.Errorf("the heap went from %d to %d MiB", memory>>20, after>>20)
	}
	if len(m.compiled) != 0 {
		t.Errorf("%d programs are still counted", len(m.compiled))
	}
}
