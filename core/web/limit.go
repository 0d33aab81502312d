package web

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// A Limiter gives every address a token bucket. Its table is bounded: when it is full the address not seen for longest is
// forgotten. An IPv6 caller is its /64, since the rest of the address is theirs to choose.
type Limiter struct {
	every time.Duration // one token
	burst int
	size  int

	mu      sync.Mutex
	buckets map[netip.Addr]*list.Element
	recent  *list.List // of *bucket, the latest first
}

type bucket struct {
	addr netip.Addr
	full time.Time // when the bucket will be full again
}

// NewLimiter allows burst requests at once and then one every so often, for at most size addresses.
func NewLimiter(every time.Duration, burst, size int) *Limiter {
	return &Limiter{every: every, burst: burst, size: size, buckets: make(map[netip.Addr]*list.Element), recent: list.New()}
}

// Allow takes a token. When there is none it says after how long there will be one; asking does not prolong that.
func (l *Limiter) Allow(addr netip.Addr, now time.Time) (ok bool, retry time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(network(addr))
	if b.full.Before(now) {
		b.full = now
	}
	if empty := now.Add(time.Duration(l.burst) * l.every); b.full.After(empty) {
		b.full = empty // the clock was set back
	}
	full := b.full.Add(l.every)
	if wait := full.Sub(now) - time.Duration(l.burst)*l.every; wait > 0 {
		return false, wait
	}
	b.full = full
	return true, 0
}

// network is what counts as one caller.
func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if !addr.Is6() {
		return addr
	}
	prefix, err := addr.Prefix(64)
	if err != nil { // 64 bits always fit an IPv6 address
		return addr
	}
	return prefix.Addr()
}

func (l *Limiter) bucket(addr netip.Addr) *bucket {
	if e := l.buckets[addr]; e != nil {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	for l.recent.Len() >= max(l.size, 1) {
		oldest := l.recent.Remove(l.recent.Back()).(*bucket)
		delete(l.buckets, oldest.addr)
	}
	b := &bucket{addr: addr}
	l.buckets[addr] = l.recent.PushFront(b)
	return b
}
