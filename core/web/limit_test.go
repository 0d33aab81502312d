package web

import (
	"net/netip"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	l := NewLimiter(10*time.Second, 3, 100)
	a, b := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")
	take := func(addr netip.Addr, want bool, wantRetry time.Duration) {
		t.Helper()
		if ok, retry := l.Allow(addr, now); ok != want || retry != wantRetry {
			t.Errorf("at %s: %t, %s; want %t, %s", now.Format("15:04:05"), ok, retry, want, wantRetry)
		}
	}
	for range 3 {
		take(a, true, 0)
	}
	take(a, false, 10*time.Second)
	take(a, false, 10*time.Second) // asking costs nothing
	take(b, true, 0)               // another address is another caller
	take(netip.MustParseAddr("::ffff:203.0.113.1"), false, 10*time.Second)
	now = now.Add(4 * time.Second)
	take(a, false, 6*time.Second)
	now = now.Add(6 * time.Second)
	take(a, true, 0)
	take(a, false, 10*time.Second)
	now = now.Add(-time.Hour) // a clock set back makes nobody wait for an hour
	take(a, false, 10*time.Second)
	now = now.Add(10 * time.Second)
	take(a, true, 0)
	now = now.Add(3 * time.Hour)
	for range 3 {
		take(a, true, 0)
	}
	take(a, false, 10*time.Second)
}

// A look takes nothing, and tells what Allow then does.
func TestLimiterReady(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	l := NewLimiter(3*time.Second, 2, 2)
	a, again := netip.MustParseAddr("2001:db8:0:1::1"), netip.MustParseAddr("2001:db8:0:1:ffff::9")
	look := func(addr netip.Addr, want bool, wantRetry time.Duration) {
		t.Helper()
		for range 5 {
			if ok, retry := l.Ready(addr, now); ok != want || retry != wantRetry {
				t.Errorf("at %s: %t, %s; want %t, %s", now.Format("15:04:05"), ok, retry, want, wantRetry)
			}
		}
	}
	look(a, true, 0)
	if l.buckets.Len() != 0 {
		t.Error("a look was remembered")
	}
	l.Allow(a, now)
	look(a, true, 0)
	l.Allow(again, now)
	look(a, false, 3*time.Second)
	look(again, false, 3*time.Second)
	now = now.Add(-time.Hour) // a clock set back
	look(a, false, 3*time.Second)
	now = now.Add(2 * time.Second)
	look(a, false, time.Second)
	l.Allow(netip.MustParseAddr("192.0.2.1"), now)
	look(a, false, time.Second) // seen again: another is forgotten first
	l.Allow(netip.MustParseAddr("192.0.2.2"), now)
	look(a, false, time.Second)
	now = now.Add(time.Second)
	look(a, true, 0)
	if ok, _ := l.Allow(a, now); !ok {
		t.Error("ready, and not allowed")
	}
	look(a, false, 3*time.Second)
}

func TestLimiterCountsNetworksOfIPv6(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	l := NewLimiter(time.Minute, 1, 100)
	for addr, want := range map[string]bool{"2001:db8:0:1::1": true, "2001:db8:0:2::1": true} {
		if ok, _ := l.Allow(netip.MustParseAddr(addr), now); ok != want {
			t.Errorf("%s: %t", addr, ok)
		}
	}
	for _, addr := range []string{"2001:db8:0:1:ffff::9", "2001:db8:0:2:1:2:3:4", "2001:db8:0:1::1%eth0"} {
		if ok, _ := l.Allow(netip.MustParseAddr(addr), now); ok {
			t.Errorf("%s is another caller", addr)
		}
	}
}

// The table is bounded, and forgets who was not seen for longest.
func TestLimiterForgets(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	l := NewLimiter(time.Hour, 1, 3)
	addr := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }
	for _, i := range []byte{1, 2, 3} {
		l.Allow(addr(i), now)
	}
	l.Allow(addr(1), now) // seen again, so 2 is the oldest
	l.Allow(addr(4), now)
	for i, want := range map[byte]bool{1: false, 3: false, 4: false} {
		if ok, _ := l.Allow(addr(i), now); ok != want {
			t.Errorf("10.0.0.%d: %t", i, ok)
		}
	}
	if ok, _ := l.Allow(addr(2), now); !ok {
		t.Error("10.0.0.2 was remembered")
	}
	for i := range 1000 {
		l.Allow(netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}), now)
	}
	if l.buckets.Len() != 3 {
		t.Errorf("%d in a table of 3", l.buckets.Len())
	}
}
