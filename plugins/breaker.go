package plugins

import (
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A breaker keeps a plugin that fails again and again from being asked for a while, which is longer each time. After that one
// call at a time tries whether it works again. Who finds an input that a plugin fails on must not keep it from others: it is
// not asked for the sources that it fails for, and for nobody only when it fails for several and as often as it works.
type breaker struct {
	now func() time.Time

	mu     sync.Mutex
	all    circuit
	of     map[string]*circuit // by source: those that it failed for
	recent []heard             // the latest calls of all, a ring
	next   int
}

// A circuit is what a breaker knows of one source, or of all. The breaker's lock guards it.
type circuit struct {
	faults []time.Time // the latest, within the window
	until  time.Time   // zero: closed
	rest   time.Duration
	trying bool
}

// heard is one call that said something of the plugin's health.
type heard struct {
	at     time.Time
	source string // of one that failed
	failed bool
}

// What the breaker counts.
const (
	faultsToOpen  = 5
	faultWindow   = time.Minute
	firstRest     = 30 * time.Second
	longestRest   = 10 * time.Minute
	sourcesToOpen = 3    // that it must have failed for, to be asked for nobody
	callsHeard    = 20   // of which as many must have failed as not
	maxCircuits   = 1024 // sources beyond them have none of their own
)

// BreakerState is whether a plugin is asked.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"    // it is asked
	BreakerOpen     BreakerState = "open"      // it failed too often, and is not asked for now
	BreakerHalfOpen BreakerState = "half_open" // the next call tries it
)

// A pass lets one call through, from an address. It says whose probe it is: the call that tries whether the plugin works again.
type pass struct {
	from          string
	forAll, forIt bool
}

// enter asks to make a call for who is at an address. When it may not be made, it gives the time until it is worth trying again.
func (b *breaker) enter(from string) (p pass, wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.of) == 0 && b.all.until.IsZero() { // nothing is known against it
		return pass{from: from}, 0, true
	}
	now, own := b.now(), b.of[core.Network(from)]
	if wait = max(b.all.wait(now), own.wait(now)); wait > 0 {
		return pass{}, wait, false
	}
	return pass{from: from, forAll: b.all.try(), forIt: own.try()}, 0, true
}

// wait is how long no call may be made; zero: one may.
func (c *circuit) wait(now time.Time) time.Duration {
	switch {
	case c == nil || c.until.IsZero():
		return 0
	case c.until.After(now):
		return c.until.Sub(now)
	case c.trying:
		return retryAfter
	}
	return 0
}

// try makes the call that may be made the probe, where there is something to try.
func (c *circuit) try() bool {
	if c == nil || c.until.IsZero() {
		return false
	}
	c.trying = true
	return true
}

// An outcome is what a call says of the plugin's health.
type outcome int

const (
	worked outcome = iota
	failed
	unknown // the call ended for other reasons
)

// leave tells how a call that was entered ended, and whether that opened a circuit. Calls that were under way when it opened
// say nothing any more.
func (b *breaker) leave(p pass, o outcome) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch {
	case p.forIt:
		opened = b.tryOf(core.Network(p.from), o, now)
	case o == failed:
		opened = b.circuit(core.Network(p.from), now).fault(now)
	}
	switch {
	case p.forAll:
		return b.all.tried(o, now) || opened
	case o == unknown || !b.all.until.IsZero():
		return opened
	}
	if b.hear(p.from, o == failed, now); o != failed || !b.failsForAll(now) {
		return opened
	}
	b.all.open(now)
	b.recent, b.next = nil, 0
	return true
}

// tryOf takes in how the probe of a source ended.
func (b *breaker) tryOf(source string, o outcome, now time.Time) (opened bool) {
	opened = b.of[source].tried(o, now)
	if o == worked {
		delete(b.of, source)
	}
	return opened
}

// tried takes in how a probe ended, and tells whether it failed.
func (c *circuit) tried(o outcome, now time.Time) bool {
	c.trying = false
	switch o {
	case worked:
		*c = circuit{}
	case failed:
		c.open(now)
	}
	return o == failed
}

// fault takes one in, and tells whether it was one too many.
func (c *circuit) fault(now time.Time) bool {
	if c == nil || !c.until.IsZero() {
		return false
	}
	c.faults = append(slices.DeleteFunc(c.faults, func(t time.Time) bool { return now.Sub(t) >= faultWindow }), now)
	if len(c.faults) < faultsToOpen {
		return false
	}
	c.open(now)
	return true
}

// open keeps the plugin from being asked, for twice as long as the last time.
func (c *circuit) open(now time.Time) {
	c.rest = min(max(2*c.rest, firstRest), longestRest)
	c.until, c.faults = now.Add(c.rest), nil
}

// circuit gives that of a source, made anew if there is room for it; nil: there is none.
func (b *breaker) circuit(source string, now time.Time) *circuit {
	if c := b.of[source]; c != nil {
		return c
	}
	if len(b.of) >= maxCircuits {
		b.forget(now)
	}
	if len(b.of) >= maxCircuits {
		return nil
	}
	if b.of == nil {
		b.of = map[string]*circuit{}
	}
	b.of[source] = &circuit{}
	return b.of[source]
}

// forget lets go of the circuits that nothing has happened to for a while.
func (b *breaker) forget(now time.Time) {
	for source, c := range b.of {
		last := c.until
		if n := len(c.faults); n > 0 {
			last = c.faults[n-1]
		}
		if !c.trying && now.Sub(last) >= faultWindow {
			delete(b.of, source)
		}
	}
}

// hear notes a call, in the place of the oldest.
func (b *breaker) hear(from string, failed bool, now time.Time) {
	h := heard{at: now, failed: failed}
	if failed {
		h.source = core.Network(from)
	}
	if len(b.recent) < callsHeard {
		b.recent = append(b.recent, h)
		return
	}
	b.recent[b.next] = h
	b.next = (b.next + 1) % callsHeard
}

// failsForAll tells that of the latest calls at least half failed, enough of them and for several sources.
func (b *breaker) failsForAll(now time.Time) bool {
	calls, faults := 0, 0
	var sources []string
	for _, h := range b.recent {
		if now.Sub(h.at) >= faultWindow {
			continue
		}
		if calls++; !h.failed {
			continue
		}
		if faults++; !slices.Contains(sources, h.source) {
			sources = append(sources, h.source)
		}
	}
	return faults >= faultsToOpen && 2*faults >= calls && len(sources) >= sourcesToOpen
}

// state tells whether the plugin is asked, and if not until when, and of how many sources that is true; zero: of all.
func (b *breaker) state() (s BreakerState, until time.Time, sources int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch {
	case b.all.until.After(now):
		return BreakerOpen, b.all.until, 0
	case !b.all.until.IsZero():
		return BreakerHalfOpen, time.Time{}, 0
	}
	for _, c := range b.of {
		if !c.until.After(now) {
			continue
		}
		if sources++; c.until.After(until) {
			until = c.until
		}
	}
	if sources > 0 {
		return BreakerOpen, until, sources
	}
	return BreakerClosed, time.Time{}, 0
}
