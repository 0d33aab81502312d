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

// stubborn is a module whose one import does not come back before its channel is closed, whatever the context says.
func stubborn(t *testing.T, limits Limits) (p *Program, entered <-chan struct{}, leave chan struct{}) {
	t.Helper()
	in, out := make(chan struct{}, 8), make(chan struct{})
	w := &wat{}
	block := w.importFunc("env", "block", "", "")
	w.fn("block", "", "", call(block))
	w.fn("fine", "", "")
	p = load(t, w.bytes(), Imports{{Module: "env", Name: "block", Call: func(context.Context, Memory, []uint64) error {
		in <- struct{}{}
		<-out
		return nil
	}}}, limits)
	return p, in, out
}

func TestCallerLeavesWhatDoesNotEnd(t *testing.T) {
	p, _, leave := stubborn(t, Limits{Instances: 2, Wall: 10 * time.Millisecond, Wait: time.Minute})
	for n := range 2 {
		until(t, "one more call is stuck", func() bool { // on a busy machine the deadline may come before the import does
			_, _, err := callOnce(p, "block")
			trapOfKind(t, err, TrapDeadline)
			return p.Stats().Stuck == n+1
		})
	}
	if _, _, err := callOnce(p, "fine"); !errors.Is(err, ErrBusy) {
		t.Errorf("with every instance stuck: %v, want ErrBusy at once", err)
	}
	close(leave)
	until(t, "the stuck calls ended", func() bool { return p.Stats().Stuck == 0 })
	until(t, "the program answers again", func() bool { _, _, err := callOnce(p, "fine"); return err == nil })
}

func TestWaitingIsBounded(t *testing.T) {
	p, entered, leave := stubborn(t, Limits{Instances: 1, Wall: time.Minute, Wait: time.Millisecond})
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
	p, entered, leave := stubborn(t, Limits{Instances: 1, Wall: time.Minute, Wait: time.Minute})
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

func TestCloseDoesNotWaitForStuckCalls(t *testing.T) {
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	leave := make(chan struct{})
	w := &wat{}
	w.fn("block", "", "", call(w.importFunc("env", "block", "", "")))
	p, err := m.Load(context.Background(), w.bytes(), Imports{{
		Module: "env", Name: "block", Call: func(context.Context, Memory, []uint64) error { <-leave; return nil },
	}}, Limits{Wall: time.Millisecond, Instances: 2})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a call is stuck", func() bool {
		_, _, err := callOnce(p, "block")
		trapOfKind(t, err, TrapDeadline)
		return p.Stats().Stuck == 1
	})
	if err := p.Close(); err == nil {
		t.Error("close hid that a call has not ended")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Load(context.Background(), neighbour(), nil, Limits{}); !errors.Is(err, ErrClosed) {
		t.Errorf("load on a closed machine: %v", err)
	}
	open := func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.programs > 0 }
	if !open() {
		t.Error("the program was torn down under its stuck call")
	}
	close(leave)
	until(t, "the last stuck call gave everything back", func() bool { return !open() })
	if err := p.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// Reloading is what a host does all day long. Nothing may stay behind: no goroutine, no instance, no code.
func TestReloadsLeakNothing(t *testing.T) {
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	limits := Limits{Wall: 5 * time.Millisecond}
	reload := func() {
		w := (&wat{}).pages(64) // 4 MiB: a hundred of them would show
		w.fn("spin", "", "", loop(br(0)))
		w.fn("fine", "", "")
		p, err := m.Load(context.Background(), w.bytes(), nil, limits)
		if err != nil {
			t.Fatal(err)
		}
		until(t, "it answers", func() bool { _, _, err := callOnce(p, "fine"); return err == nil })
		_, _, err = callOnce(p, "spin")
		trapOfKind(t, err, TrapDeadline)
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
	if m.programs != 0 {
		t.Errorf("%d programs are still counted", m.programs)
	}
}

func BenchmarkExchange(b *testing.B) {
	p := load(b, neighbour(), nil, Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := exchangeOnce(p, "echo", "hello"); err != nil {
			b.Fatal(err)
		}
	}
}
