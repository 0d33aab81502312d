package sandbox

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What is given back is there for whoever is first, but who was woken for it and comes too late is woken first the next time.
func TestPermitsAreKeptForNobody(t *testing.T) {
	p := permits{free: 1}
	if !p.tryTake() || p.tryTake() {
		t.Fatal("one is not one")
	}
	first, second := p.queue(false, false), p.queue(false, false)
	p.give()
	if !isClosed(first) || isClosed(second) {
		t.Fatal("the first who waits is woken, and nobody else")
	}
	if !p.tryTake() {
		t.Fatal("it is kept for the one that was woken")
	}
	if first = p.queue(false, true); first == nil {
		t.Fatal("it was given twice")
	}
	p.give()
	if !isClosed(first) || isClosed(second) {
		t.Fatal("who came too late lost its place")
	}
	if p.queue(false, true) != nil {
		t.Fatal("the one that was woken does not get it")
	}
}

// Who comes first waits before the others, and behind those who are first as well.
func TestPermitsHaveAnOrder(t *testing.T) {
	p := permits{}
	last, third := p.queue(false, false), p.queue(true, false)
	fourth, second := p.queue(true, false), p.queue(false, true)
	for n, want := range []chan struct{}{second, third, fourth, last} {
		p.give()
		if !isClosed(want) || !p.tryTake() || len(p.waiting) != 3-n {
			t.Fatalf("number %d was not woken", n)
		}
	}
}

// Who is woken and does not come lets the next one be woken.
func TestPermitsAreNotLost(t *testing.T) {
	p := permits{free: 1}
	p.tryTake()
	first, second, third := p.queue(false, false), p.queue(false, false), p.queue(false, false)
	p.leave(second) // it was never woken
	p.give()
	p.leave(first)
	if !isClosed(first) || isClosed(second) || !isClosed(third) {
		t.Fatalf("woken: %t %t %t", isClosed(first), isClosed(second), isClosed(third))
	}
	p.leave(third)
	if !p.tryTake() || len(p.waiting) > 0 {
		t.Error("something is left behind")
	}
}

func TestPermitsBound(t *testing.T) {
	p := permits{free: 3}
	var now, most atomic.Int64
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if n%5 == 0 {
				time.AfterFunc(time.Duration(n)*20*time.Microsecond, cancel)
			}
			for range 200 {
				if err := p.take(ctx, nil, n%2 == 0); err != nil {
					if n%5 != 0 || !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				most.Store(max(most.Load(), now.Add(1)))
				now.Add(-1)
				p.give()
			}
		})
	}
	all.Wait()
	if most.Load() > 3 || p.free != 3 || len(p.waiting) != 0 {
		t.Errorf("%d at once, %d free, %d waiting", most.Load(), p.free, len(p.waiting))
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// While the host waits on behalf of guests others compute: as many wait as there may be, though one computes at a time.
func TestGuestsWhoseHostWaitsLeaveTheirTurn(t *testing.T) {
	p, entered, leave := waiting(t, Limits{Instances: 4, Running: 1, Wall: time.Minute, Wait: time.Minute}, true)
	done := make(chan error, 4)
	for range 4 {
		go func() {
			_, _, err := callOnce(p, "block")
			done <- err
		}()
	}
	for range 4 {
		<-entered
	}
	if s := p.Stats(); s.Leased != 4 || p.turns.free != 1 {
		t.Errorf("%+v, %d turns are free", s, p.turns.free)
	}
	close(leave)
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if s := p.Stats(); s.Idle != 4 || p.turns.free != 1 || p.calls.free != 4 {
		t.Errorf("afterwards %+v, %d turns and %d calls are free", s, p.turns.free, p.calls.free)
	}
}

// A guest whose host function computes keeps its turn, and one that comes back from waiting waits for it for as long as it has.
func TestTurnsAreTakenAgain(t *testing.T) {
	entered, back, leave := make(chan struct{}), make(chan struct{}), make(chan struct{})
	enter := func(end chan struct{}) func(context.Context, Memory, []uint64) error {
		return func(context.Context, Memory, []uint64) error {
			entered <- struct{}{}
			<-end
			return nil
		}
	}
	w := &wat{}
	wait, compute := w.importFunc("env", "wait", "", ""), w.importFunc("env", "compute", "", "")
	w.fn("wait", "", "", call(wait))
	w.fn("compute", "", "", call(compute))
	w.fn("fine", "", "")
	p := load(t, w.bytes(), Imports{
		{Module: "env", Name: "wait", Waits: true, Call: enter(back)}, {Module: "env", Name: "compute", Call: enter(leave)},
	}, Limits{Instances: 3, Running: 1})
	ctx, cancel := context.WithCancel(context.Background())
	late, held := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := p.Do(ctx, func(i *Instance) error {
			_, err := i.Call(ctx, "wait")
			return err
		})
		late <- err
	}()
	<-entered
	go func() {
		_, _, err := callOnce(p, "compute")
		held <- err
	}()
	<-entered
	close(back)
	until(t, "the one that came back waits", func() bool {
		p.turns.mu.Lock()
		defer p.turns.mu.Unlock()
		return len(p.turns.waiting) == 1
	})
	cancel()
	trapOfKind(t, <-late, TrapCanceled)
	close(leave)
	if err := <-held; err != nil {
		t.Error(err)
	}
	if p.turns.free != 1 || p.calls.free != 3 || len(p.turns.waiting) > 0 {
		t.Errorf("%d turns and %d calls are free, %d wait", p.turns.free, p.calls.free, len(p.turns.waiting))
	}
	if _, _, err := callOnce(p, "fine"); err != nil {
		t.Error(err)
	}
}

// Instances that a crowd needed are closed when they have not been used for a while, one with each call.
func TestSpareInstancesAreClosed(t *testing.T) {
	p, entered, leave := waiting(t, Limits{Instances: 4, Running: 1, Wall: time.Minute, Wait: time.Minute}, true)
	done := make(chan error, 4)
	for range 4 {
		go func() {
			_, _, err := callOnce(p, "block")
			done <- err
		}()
		<-entered
	}
	close(leave)
	for range 4 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	call := func() int {
		if _, _, err := callOnce(p, "fine"); err != nil {
			t.Fatal(err)
		}
		return p.Stats().Idle
	}
	if n := call(); n != 4 {
		t.Errorf("%d are left at once", n)
	}
	for _, inst := range p.idle {
		inst.rested = inst.rested.Add(-2 * spareTime)
	}
	for want := range 4 {
		if n := call(); n != max(3-want, 1) {
			t.Errorf("%d are left after %d calls", n, want+1)
		}
	}
}
