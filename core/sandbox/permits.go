package sandbox

import (
	"context"
	"slices"
	"sync"
)

// Permits bound how many do something at once. One that is given back is there for whoever comes first, even if others wait: it is not
// kept for somebody who has yet to be woken, for meanwhile nobody would use it.
type permits struct {
	mu      sync.Mutex
	free    int
	waiting []waiter // in the order in which they are woken
}

// A waiter waits for a permit.
type waiter struct {
	woken chan struct{} // closed when one is free
	first bool          // before those who are not
}

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
	for late := false; ; late = true {
		woken := p.queue(first, late)
		if woken == nil {
			return nil
		}
		select {
		case <-woken: // who was faster may have it
		case <-closing:
			p.leave(woken)
			return ErrClosed
		case <-ctx.Done():
			p.leave(woken)
			return context.Cause(ctx)
		}
	}
}

// queue takes one, and gives nil; or else it gives what is closed when one is free. Who was woken and came too late is where it was:
// before all.
func (p *permits) queue(first, late bool) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free > 0 {
		p.free--
		return nil
	}
	place := 0
	for !late && place < len(p.waiting) && (!first || p.waiting[place].first) {
		place++
	}
	woken := make(chan struct{})
	p.waiting = slices.Insert(p.waiting, place, waiter{woken, first || late})
	return woken
}

// leave ends the wait of one that was not woken, or was and does not come: then the next one is.
func (p *permits) leave(woken chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := slices.IndexFunc(p.waiting, func(w waiter) bool { return w.woken == woken }); n >= 0 {
		p.waiting = slices.Delete(p.waiting, n, n+1)
		return
	}
	p.wake()
}

// give gives one back.
func (p *permits) give() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	p.wake()
}

// wake tells the first who waits that one is free. The caller holds mu.
func (p *permits) wake() {
	if p.free > 0 && len(p.waiting) > 0 {
		close(p.waiting[0].woken)
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
}
