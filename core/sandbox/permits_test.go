package sandbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
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
	first, second := queued(t, &p), queued(t, &p)
	p.give()
	if !isClosed(first.woken) || isClosed(second.woken) {
		t.Fatal("the first who waits is woken, and nobody else")
	}
	if !p.tryTake() {
		t.Fatal("it is kept for the one that was woken")
	}
	if p.takeAwake(first) {
		t.Fatal("it was given twice")
	}
	p.give()
	if !isClosed(first.woken) || isClosed(second.woken) {
		t.Fatal("who came too late lost its place")
	}
	if !p.takeAwake(first) {
		t.Fatal("the one that was woken does not get it")
	}
}

// Who has waited long gets what is given back, whoever comes meanwhile. If it does not come itself, the next one does.
func TestPermitsAreKeptForWhoWaitsLong(t *testing.T) {
	p := permits{free: 1}
	p.tryTake()
	first, second, third := queued(t, &p), queued(t, &p), queued(t, &p)
	first.since = first.since.Add(-2 * longWait)
	second.since = first.since
	p.give()
	if !isClosed(first.woken) || !first.given || isClosed(second.woken) || p.tryTake() {
		t.Fatal("it is not kept for the one who has waited long")
	}
	p.leave(first)
	if !isClosed(second.woken) || !second.given || isClosed(third.woken) || p.tryTake() {
		t.Fatal("it is not kept for the next one")
	}
	p.leave(second)
	if !isClosed(third.woken) || third.given || !p.tryTake() || p.takeAwake(third) {
		t.Fatal("it is not there for whoever comes")
	}
}

// It is also kept for one that was woken and is still on its way, when others have taken what it was woken for.
func TestPermitsAreKeptForWhoIsOnItsWay(t *testing.T) {
	p := permits{free: 1}
	p.tryTake()
	late := queued(t, &p)
	p.give()
	if !late.awake || !p.tryTake() {
		t.Fatal("it is kept for one that has not waited long")
	}
	late.since = late.since.Add(-2 * longWait)
	p.give()
	if p.tryTake() || !p.takeAwake(late) || len(p.waiting) > 0 {
		t.Fatal("it is not kept for the one that is on its way")
	}
}

// Who comes first waits before the others, and behind those who are first as well, or were woken and came too late.
func TestPermitsHaveAnOrder(t *testing.T) {
	p := permits{}
	late := p.queue(false)
	p.give()
	if !p.tryTake() || p.takeAwake(late) {
		t.Fatal("it was given twice")
	}
	last, second := p.queue(false), p.queue(true)
	third := p.queue(true)
	for n, want := range []*waiter{late, second, third, last} {
		p.give()
		if !isClosed(want.woken) || !p.takeAwake(want) || len(p.waiting) != 3-n {
			t.Fatalf("number %d was not woken", n)
		}
	}
}

// Who is woken and does not come lets the next one be woken.
func TestPermitsAreNotLost(t *testing.T) {
	p := permits{free: 1}
	p.tryTake()
	first, second, third := queued(t, &p), queued(t, &p), queued(t, &p)
	p.leave(second) // it was never woken
	p.give()
	p.leave(first)
	if !isClosed(first.woken) || isClosed(second.woken) || !isClosed(third.woken) {
		t.Fatalf("woken: %t %t %t", isClosed(first.woken), isClosed(second.woken), isClosed(third.woken))
	}
	p.leave(third)
	if !p.tryTake() || len(p.waiting) > 0 {
		t.Error("something is left behind")
	}
}

func queued(t *testing.T, p *permits) *waiter {
	t.Helper()
	w := p.queue(false)
	if w == nil {
		t.Fatal("one was free")
	}
	return w
}

func TestPermitsBound(t *testing.T) {
	p := permits{free: 3}
	var now atomic.Int64
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
				if n := now.Add(1); n > 3 {
					t.Errorf("%d at once", n)
				}
				runtime.Gosched()
				now.Add(-1)
				p.give()
			}
		})
	}
	all.Wait()
	if p.free != 3 || len(p.waiting) != 0 {
		t.Errorf("%d free, %d waiting", p.free, len(p.waiting))
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

// crowd makes four calls that wait in a host function, and gives what tells how they end.
func crowd(p *Program, entered <-chan struct{}) <-chan error {
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			_, _, err := callOnce(p, "block")
			done <- err
		}()
	}
	for range cap(done) {
		<-entered
	}
	return done
}

// While the host waits on behalf of guests others compute: as many wait as there may be, though one computes at a time.
func TestGuestsWhoseHostWaitsLeaveTheirTurn(t *testing.T) {
	p, entered, leave := waiting(t, Limits{Instances: 4, Running: 1, Wall: time.Minute, Wait: time.Minute}, true)
	done := crowd(p, entered)
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
	ctx, cancel := context.WithCancelCause(context.Background())
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
	cancel(errors.New("nobody waits for the answer"))
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

// Instances that a crowd needed are closed when they have not been used for a while.
func TestSpareInstancesAreClosed(t *testing.T) {
	p, entered, leave := waiting(t, Limits{Instances: 4, Running: 1, Wall: time.Minute, Wait: time.Minute}, true)
	done := crowd(p, entered)
	close(leave)
	for range 4 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct{ rested, left int }{{0, 4}, {1, 3}, {4, 1}} {
		for _, inst := range p.idle[:min(step.rested, len(p.idle))] {
			inst.rested = inst.rested.Add(-spareTime)
		}
		if !p.sweep.Stop() {
			t.Errorf("nobody comes for %d that are to spare", p.Stats().Idle-1)
		}
		p.closeSpare() // as the timer would
		if n := p.Stats().Idle; n != step.left {
			t.Errorf("%d are left of %d that were used long ago", n, step.rested)
		}
	}
	if p.sweep != nil {
		t.Error("somebody comes for the last one")
	}
	if _, _, err := callOnce(p, "fine"); err != nil || p.sweep != nil {
		t.Errorf("%v, and somebody comes for who is not to spare", err)
	}
}

// However calls end, while others wait and the program is closed, what they took is given back once.
func TestLeasesGiveBackWhatTheyTook(t *testing.T) {
	for round := range 6 {
		p := load(t, waitModule(), Imports{{Module: "env", Name: "wait", Waits: true, Call: misbehaving}},
			Limits{Instances: 1 + round, Running: 1 + round%2, Wall: 2 * time.Millisecond, Wait: 3 * time.Millisecond, Recycle: 20})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 30 {
					leaseAtRandom(p)
				}
			})
		}
		if round >= 3 {
			time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		all.Wait()
		if p.turns.free != 1+round%2 || p.calls.free != 1+round || len(p.turns.waiting)+len(p.calls.waiting)+p.leased > 0 {
			t.Errorf("%d turns and %d calls are free, %d and %d wait, %d are leased", p.turns.free, p.calls.free, len(p.turns.waiting), len(p.calls.waiting), p.leased)
		}
	}
}

func waitModule() []byte {
	w := &wat{}
	wait := w.importFunc("env", "wait", "", "")
	w.fn("wait", "", "", call(wait))
	w.fn("fine", "", "")
	return w.bytes()
}

// misbehaving is a host function that waits, for longer than it may, for nothing, or ends in a way that it should not.
func misbehaving(ctx context.Context, _ Memory, _ []uint64) error {
	switch rand.IntN(4) {
	case 0:
		panic("a mistake")
	case 1:
		return errors.New("no answer")
	case 2:
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
	}
	return ctx.Err()
}

// leaseAtRandom calls, leaves a call behind or panics, and may be canceled at any time.
func leaseAtRandom(p *Program) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer func() { _ = recover() }()
	if rand.IntN(3) == 0 {
		time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, cancel)
	}
	_, _ = p.Do(ctx, func(i *Instance) error {
		switch rand.IntN(12) {
		case 0:
			panic("a mistake")
		case 1:
			go func() { _, _ = i.Call(ctx, "wait") }()
			return nil
		case 2, 3, 4:
			_, err := i.Call(ctx, "fine")
			return err
		}
		_, _ = i.Call(ctx, "wait")
		_, err := i.Call(ctx, "fine") // which is not made after a fault
		return err
	})
}
