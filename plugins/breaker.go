package plugins

import (
	"slices"
	"sync"
	"time"
)

// A breaker keeps a plugin that fails again and again from being asked for a while, which is longer each time. After that one
// call at a time tries whether it works again.
type breaker struct {
	now func() time.Time

	mu     sync.Mutex
	faults []time.Time // the latest, within the window
	until  time.Time   // zero: closed
	rest   time.Duration
	trying bool
}

// What the breaker counts.
const (
	faultsToOpen = 5
	faultWindow  = time.Minute
	firstRest    = 30 * time.Second
	longestRest  = 10 * time.Minute
)

// BreakerState is whether a plugin is asked.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"    // it is asked
	BreakerOpen     BreakerState = "open"      // it failed too often, and is not asked for now
	BreakerHalfOpen BreakerState = "half_open" // the next call tries it
)

// A pass lets one call through; probe: it is the one that tries whether the plugin works again.
type pass struct{ probe bool }

// enter asks to make a call. When it may not be made, it gives the time until it is worth trying again.
func (b *breaker) enter() (p pass, wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return pass{}, 0, true
	}
	if wait = b.until.Sub(b.now()); wait > 0 {
		return pass{}, wait, false
	}
	if b.trying {
		return pass{}, retryAfter, false
	}
	b.trying = true
	return pass{probe: true}, 0, true
}

// An outcome is what a call says of the plugin's health.
type outcome int

const (
	worked outcome = iota
	failed
	unknown // the call ended for other reasons
)

// leave tells how a call that was entered ended, and whether that opened the breaker. Calls that were under way when it opened
// say nothing any more.
func (b *breaker) leave(p pass, o outcome) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.probe {
		b.trying = false
		switch o {
		case worked:
			b.until, b.rest = time.Time{}, 0
		case failed:
			b.open()
		}
		return o == failed
	}
	if o != failed || !b.until.IsZero() {
		return false
	}
	now := b.now()
	b.faults = append(slices.DeleteFunc(b.faults, func(t time.Time) bool { return now.Sub(t) >= faultWindow }), now)
	if len(b.faults) < faultsToOpen {
		return false
	}
	b.open()
	return true
}

// open keeps the plugin from being asked, for twice as long as the last time. The caller holds mu.
func (b *breaker) open() {
	b.rest = min(max(2*b.rest, firstRest), longestRest)
	b.until, b.faults = b.now().Add(b.rest), nil
}

// state tells whether the plugin is asked, and if not until when.
func (b *breaker) state() (BreakerState, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return BreakerClosed, time.Time{}
	case b.until.After(b.now()):
		return BreakerOpen, b.until
	}
	return BreakerHalfOpen, time.Time{}
}
