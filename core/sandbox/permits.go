package sandbox

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Permits bound how many do something at once. One that is given back is there for whoever comes first, even if others wait: it is not
// kept for somebody who has yet to be woken, for meanwhile nobody would use it. Only for who has waited long it is kept, or those who
// come again and again would leave it none.
type permits struct {
	mu      sync.Mutex
	free    int
	waiting []*waiter // in the order in which they are served; as many as there are free ones are awake
}

// A waiter is one that did not get a permit at once.
type waiter struct {
	since time.Time
	first bool          // before those who are not
	woken chan struct{} // closed when it is awake
	awake bool
	given bool // one was kept for it, and it waits no more
}

// longWait is after what time a permit is kept for the one who waits: far longer than it takes to wake somebody.
const longWait = 10 * time.Millisecond

// tryTake takes one if it is free.
func (p *permits) tryTake() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == 0 {
		return false
	}
	p.free--
	return true
}

// take waits for one, first before others who wait. The error is ErrClosed, or why the context ended.
func (p *permits) take(ctx context.Context, closing <-chan struct{}, first bool) error {
	w := p.queue(first)
	for w != nil {
		select {
		case <-w.woken:
			if p.takeAwake(w) {
				return nil
			}
		case <-closing:
			p.leave(w)
			return ErrClosed
		case <-ctx.Done():
			p.leave(w)
			return context.Cause(ctx)
		}
	}
	return nil
}

// queue takes one, and gives nil; or else it gives who waits now.
func (p *permits) queue(first bool) *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free > 0 {
		p.free--
		return nil
	}
	place := len(p.waiting)
	if first {
		place = 0
		for place < len(p.waiting) && p.waiting[place].first {
			place++
		}
	}
	w := &waiter{since: time.Now(), first: first, woken: make(chan struct{})}
	p.waiting = slices.Insert(p.waiting, place, w)
	return w
}

// takeAwake takes one for who was woken. If others were faster it waits on in its place, and nobody comes before it any more.
func (p *permits) takeAwake(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case w.given:
		return true
	case p.free > 0:
		p.free--
		p.remove(w)
		return true
	}
	w.awake, w.first, w.woken = false, true, make(chan struct{})
	return false
}

// leave ends the wait of one that does not come: what was kept for it, or what it was woken for, is for others.
func (p *permits) leave(w *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.given {
		p.pass()
		return
	}
	p.remove(w)
	p.wake()
}

// give gives one back.
func (p *permits) give() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass()
}

// pass keeps one for the first who waits, if that has waited long, or else leaves it to whoever comes. The caller holds mu.
func (p *permits) pass() {
	if len(p.waiting) > 0 && time.Since(p.waiting[0].since) > longWait {
		w := p.waiting[0]
		w.given = true
		p.remove(w)
		w.wake()
		return
	}
	p.free++
	p.wake()
}

// wake tells as many as there are free ones. The caller holds mu.
func (p *permits) wake() {
	for _, w := range p.waiting[:min(p.free, len(p.waiting))] {
		w.wake()
	}
}

func (p *permits) remove(w *waiter) {
	n := slices.Index(p.waiting, w)
	p.waiting = slices.Delete(p.waiting, n, n+1)
}

func (w *waiter) wake() {
	if !w.awake {
		w.awake = true
		close(w.woken)
	}
}
