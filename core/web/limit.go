package web

import (
	"net/netip"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/rate"
)

// A Limiter gives every address a token bucket. Its table is bounded: when it is full the address not seen for longest is
// forgotten. An IPv6 caller is its /64, since the rest of the address is theirs to choose.
type Limiter struct {
	pace    rate.Pace
	buckets *rate.Buckets[netip.Addr]
}

// NewLimiter allows burst requests at once and then one every so often, for at most size addresses.
func NewLimiter(every time.Duration, burst, size int) *Limiter {
	return &Limiter{rate.Pace{Every: every, Burst: int64(burst)}, rate.NewBuckets[netip.Addr](size)}
}

// Allow takes a token. When there is none it says after how long there will be one; asking does not prolong that.
func (l *Limiter) Allow(addr netip.Addr, now time.Time) (ok bool, retry time.Duration) {
	retry = l.buckets.Take(network(addr), l.pace, now)
	return retry == 0, retry
}

// Ready tells what Allow would answer, and takes nothing: for what costs a token only when it fails. An address that was never
// seen is not remembered for that.
func (l *Limiter) Ready(addr netip.Addr, now time.Time) (ok bool, retry time.Duration) {
	retry = l.buckets.Wait(network(addr), l.pace, 0, now)
	return retry == 0, retry
}

// TooManyFailures refuses a sign-in from an address that Ready said no to.
func TooManyFailures(retry time.Duration) error {
	return &core.Error{
		Code: core.TooManyRequests, RetryAfter: retry,
		Detail: "Too many sign-ins from your network have failed. Wait a few seconds, then try again.",
	}
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
