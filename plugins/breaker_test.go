package plugins

import (
	"testing"
	"time"
)

// A clock is one that a test turns.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time        { return c.at }
func (c *clock) after(d time.Duration) { c.at = c.at.Add(d) }

// try makes one call, and tells whether it was let through.
func (b *breaker) try(o outcome) bool {
	p, _, ok := b.enter()
	if ok {
		b.leave(p, o)
	}
	return ok
}

func TestBreakerOpens(t *testing.T) {
	c := newClock()
	b := &breaker{now: c.now}
	for range faultsToOpen - 1 {
		b.try(failed)
	}
	c.after(faultWindow)
	for range faultsToOpen - 1 { // those before are too old
		b.try(failed)
		b.try(worked) // does not undo them
		b.try(unknown)
	}
	if state, _ := b.state(); state != BreakerClosed {
		t.Fatalf("it is %s", state)
	}
	b.try(failed)
	if state, until := b.state(); state != BreakerOpen || until != c.at.Add(firstRest) {
		t.Fatalf("it is %s until %s", state, until)
	}
	if _, wait, ok := b.enter(); ok || wait != firstRest {
		t.Errorf("open, it lets through (%v), wait %s", ok, wait)
	}
}

func TestBreakerTriesAgain(t *testing.T) {
	c := newClock()
	b := &breaker{now: c.now}
	for range faultsToOpen {
		b.try(failed)
	}
	for _, rest := range []time.Duration{1, 2, 4, 8, 16, 20, 20} { // of 30 s: it doubles, up to 10 minutes
		if _, wait, _ := b.enter(); wait != rest*firstRest {
			t.Fatalf("it rests for %s, want %s", wait, rest*firstRest)
		}
		c.after(rest * firstRest)
		if state, _ := b.state(); state != BreakerHalfOpen {
			t.Errorf("it is %s", state)
		}
		probe, _, ok := b.enter()
		if _, wait, second := b.enter(); !ok || second || wait != retryAfter {
			t.Fatalf("one call at a time tries it: %v, %v, %s", ok, second, wait)
		}
		b.leave(probe, failed)
	}
	c.after(longestRest)
	if !b.try(unknown) || !b.try(worked) {
		t.Fatal("it lets nobody try")
	}
	if state, _ := b.state(); state != BreakerClosed {
		t.Errorf("it is %s", state)
	}
	for range faultsToOpen {
		b.try(failed)
	}
	if _, wait, _ := b.enter(); wait != firstRest {
		t.Errorf("after a success it rests for %s", wait)
	}
}

// What was under way when it opened neither closes it nor makes it rest longer.
func TestBreakerForgetsLateCalls(t *testing.T) {
	c := newClock()
	b := &breaker{now: c.now}
	late, _, _ := b.enter()
	later, _, _ := b.enter()
	for range faultsToOpen {
		b.try(failed)
	}
	c.after(firstRest)
	probe, _, _ := b.enter()
	b.leave(late, worked)
	b.leave(later, failed)
	if state, _ := b.state(); state != BreakerHalfOpen {
		t.Errorf("it is %s", state)
	}
	b.leave(probe, worked)
	if state, _ := b.state(); state != BreakerClosed {
		t.Errorf("it is %s", state)
	}
}
