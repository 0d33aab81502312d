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
	waiting []chan struct{} // in the order in which they are woken
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

// take waits for one, first before all others who wait. The error is ErrClosed, or why the context ended.
func (p *permits) take(ctx context.Context, closing <-chan struct{}, first bool) error {
	for {
		woken := p.queue(first)
		if woken == nil {
			return nil
		}
		select {
		case <-woken:
			first = true // who was faster may have it
		case <-closing:
			p.leave(woken)
			return ErrClosed
		case <-ctx.Done():
			p.leave(woken)
			return context.Cause(ctx)
		}
	}
}

// queue takes one, and gives nil; or else it gives what is closed when one is free.
func (p *permits) queue(first bool) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free > 0 {
		p.free--
		return nil
	}
	woken := make(chan struct{})
	if first {
		p.waiting = slices.Insert(p.waiting, 0, woken)
	} else {
		p.waiting = append(p.waiting, woken)
	}
	return woken
}

// leave ends the wait of one that was not woken, or was and does not come: then the next one is.
func (p *permits) leave(woken chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := slices.Index(p.waiting, woken); n >= 0 {
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
		close(p.waiting[0])
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
}
