package plugins

import (
	"fmt"
	"testing"
	"time"
)

// A clock is one that a test turns.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time        { return c.at }
func (c *clock) after(d time.Duration) { c.at = c.at.Add(d) }

// try makes one call for a caller, and tells whether it was let through.
func (b *breaker) try(from string, o outcome) bool {
	p, _, ok := b.enter(from)
	if ok {
		b.leave(p, o)
	}
	return ok
}

// isOpen verifies what the breaker says of itself.
func (b *breaker) isOpen(t *testing.T, until time.Time, sources int) {
	t.Helper()
	if state, at, n := b.state(); state != BreakerOpen || at != until || n != sources {
		t.Fatalf("it is %s until %s for %d, want open until %s for %d", state, at, n, until, sources)
	}
}

func (b *breaker) isClosed(t *testing.T) {
	t.Helper()
	if state, _, _ := b.state(); state != BreakerClosed {
		t.Fatalf("it is %s", state)
	}
}

const stranger, neighbour = "192.0.2.66", "192.0.2.1"

func TestBreakerOpens(t *testing.T) {
	c := newClock()
	b := &breaker{now: c.now}
	for range faultsToOpen - 1 {
		b.try(stranger, failed)
	}
	c.after(faultWindow)
	for range faultsToOpen - 1 { // those before are too old
		b.try(stranger, failed)
		b.try(stranger, worked) // does not undo them
		b.try(stranger, unknown)
	}
	b.isClosed(t)
	b.try(stranger, failed)
	b.isOpen(t, c.at.Add(firstRest), 1)
	if _, wait, ok := b.enter(stranger); ok || wait != firstRest {
		t.Errorf("open, it lets through (%v), wait %s", ok, wait)
	}
}

// Who repeats an input that a plugin fails on keeps it from himself, however few others there are, and however long it goes on.
func TestBreakerOfOneCallerIsHisOwn(t *testing.T) {
	c := newClock()
	b := &breaker{now: c.now}
	for range 200 {
		b.try("2001:db8:1:2::1", failed)
		b.try("2001:db8:1:2::2", failed) // the same one's
		c.after(10 * time.Second)
		if !b.try(neighbour, worked) || !b.try("2001:db8:1:3::1", worked) {
			t.Fatal("it is not asked for others")
		}
	}
	if b.try("2001:db8:1:2::3", failed) {
		t.Error("it is asked for the one it fails for")
	}
}

func TestBreakerTriesAgain(t *testing.T) {
	broken := func(b *breaker) { // for everybody
		for n := range faultsToOpen {
			b.try(fmt.Sprintf("192.0.2.%d", 100+n%sourcesToOpen), failed)
		}
	}
	for name, test := range map[string]struct {
		breaks func(*breaker)
		from   string
		rested BreakerState
	}{
		"for one": {func(b *breaker) {
			for range faultsToOpen {
				b.try(stranger, failed)
			}
		}, stranger, BreakerClosed}, // it is, for all others
		"for all": {broken, neighbour, BreakerHalfOpen},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			b := &breaker{now: c.now}
			test.breaks(b)
			for _, rest := range []time.Duration{1, 2, 4, 8, 16, 20, 20} { // of 30 s: it doubles, up to 10 minutes
				if _, wait, _ := b.enter(test.from); wait != rest*firstRest {
					t.Fatalf("it rests for %s, want %s", wait, rest*firstRest)
				}
				c.after(rest * firstRest)
				if state, _, _ := b.state(); state != test.rested {
					t.Errorf("it is %s", state)
				}
				probe, _, ok := b.enter(test.from)
				if _, wait, second := b.enter(test.from); !ok || second || wait != retryAfter {
					t.Fatalf("one call at a time tries it: %v, %v, %s", ok, second, wait)
				}
				if !b.leave(probe, failed) {
					t.Error("it does not say that it opened again")
				}
			}
			c.after(longestRest)
			if !b.try(test.from, unknown) || !b.try(test.from, worked) {
				t.Fatal("it lets nobody try")
			}
			b.isClosed(t)
			test.breaks(b)
			if _, wait, _ := b.enter(test.from); wait != firstRest {
				t.Errorf("after a success it rests for %s", wait)
			}
		})
	}
}

// For all it opens when it fails for several, enough, and as often as it works, within a minute.
func TestBreakerOfAll(t *testing.T) {
	call := func(n int) string { return fmt.Sprintf("198.51.100.%d", n) }
	for name, test := range map[string]struct {
		calls func(*breaker, *clock)
		opens bool
	}{
		"it fails for each of many": {func(b *breaker, _ *clock) {
			for n := range faultsToOpen {
				b.try(call(n), failed)
			}
		}, true},
		"for as many as it works for": {func(b *breaker, _ *clock) {
			for n := range faultsToOpen {
				b.try(neighbour, worked)
				b.try(call(n), failed)
			}
		}, true},
		"for fewer": {func(b *breaker, _ *clock) {
			for n := range 10 * callsHeard {
				b.try(neighbour, worked)
				b.try(neighbour, worked)
				b.try(call(n), failed)
			}
		}, false},
		"only the latest calls count": {func(b *breaker, _ *clock) {
			for range 10 * callsHeard {
				b.try(neighbour, worked)
			}
			for n := range callsHeard / 2 {
				b.try(call(n), failed)
			}
		}, true},
		"for two, again and again": {func(b *breaker, _ *clock) {
			for n := range 10 * callsHeard {
				b.try(call(n%2), failed)
			}
		}, false},
		"slowly": {func(b *breaker, c *clock) {
			for n := range 10 * callsHeard {
				b.try(call(n), failed)
				c.after(faultWindow / (faultsToOpen - 1))
			}
		}, false},
		"calls that say nothing": {func(b *breaker, _ *clock) {
			for n := range callsHeard {
				b.try(call(n), unknown)
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			b := &breaker{now: c.now}
			test.calls(b, c)
			_, until, sources := b.state()
			if ok := b.try("203.0.113.9", unknown); ok == test.opens || test.opens && (until != c.at.Add(firstRest) || sources != 0) {
				t.Errorf("who comes next is let through: %v, until %s for %d", ok, until, sources)
			}
		})
	}
}

// What is kept of those it fails for is bounded. Who comes when there is no room counts with all.
func TestBreakerRemembersSoMany(t *testing.T) {
	c := newClock()
	b := &breaker{now: c.now}
	call := func(n int) string { return fmt.Sprintf("198.51.%d.%d", n/250, n%250) }
	for n := range 2 * maxCircuits {
		b.try(neighbour, worked)
		b.try(neighbour, worked)
		b.try(call(n), failed)
	}
	if len(b.of) != maxCircuits {
		t.Errorf("%d circuits", len(b.of))
	}
	c.after(faultWindow)
	for range faultsToOpen {
		b.try(stranger, failed)
	}
	if len(b.of) != 1 || b.try(stranger, worked) || !b.try(neighbour, worked) {
		t.Errorf("%d circuits after a minute, and it is asked", len(b.of))
	}
}

// What was under way when it opened neither closes it nor makes it rest longer.
func TestBreakerForgetsLateCalls(t *testing.T) {
	c := newClock()
	b := &breaker{now: c.now}
	late, _, _ := b.enter(stranger)
	later, _, _ := b.enter(stranger)
	for range faultsToOpen {
		b.try(stranger, failed)
	}
	c.after(firstRest)
	probe, _, _ := b.enter(stranger)
	b.leave(late, worked)
	b.leave(later, failed)
	if _, wait, ok := b.enter(stranger); ok || wait != retryAfter {
		t.Errorf("it lets a second one try, or waits %s", wait)
	}
	b.leave(probe, worked)
	b.isClosed(t)
	if !b.try(stranger, worked) {
		t.Error("it is not asked")
	}
}
