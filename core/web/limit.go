package web

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
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
	full, wait := l.spend(b, now)
	if wait > 0 {
		return false, wait
	}
	b.full = full
	return true, 0
}

// Ready tells what Allow would answer, and takes nothing: for what costs a token only when it fails. An address that was never
// seen is not remembered for that.
func (l *Limiter) Ready(addr netip.Addr, now time.Time) (ok bool, retry time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.buckets[network(addr)]
	if e == nil {
		return true, 0
	}
	l.recent.MoveToFront(e)
	_, wait := l.spend(e.Value.(*bucket), now)
	return wait == 0, wait
}

// TooManyFailures refuses a sign-in from an address that Ready said no to.
func TooManyFailures(retry time.Duration) error {
	return &core.Error{
		Code: core.TooManyRequests, RetryAfter: retry,
		Detail: "Too many sign-ins from your network have failed. Wait a few seconds, then try again.",
	}
}

// spend gives when a bucket will be full again after one more token, or after how long there will be one. It makes good a clock
// that was set back.
func (l *Limiter) spend(b *bucket, now time.Time) (full time.Time, wait time.Duration) {
	if b.full.Before(now) {
		b.full = now
	}
	most := time.Duration(l.burst) * l.every
	if empty := now.Add(most); b.full.After(empty) {
		b.full = empty
	}
	full = b.full.Add(l.every)
	return full, max(0, full.Sub(now)-most)
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
