package rate

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestTake(t *testing.T) {
	now, pace := start, Pace{Every: 10 * time.Second, Burst: 3}
	b := NewBuckets[string](100)
	take := func(key string, want time.Duration) {
		t.Helper()
		if wait := b.Take(key, pace, now); wait != want {
			t.Errorf("%s at %s: %s, want %s", key, now.Format("15:04:05"), wait, want)
		}
	}
	for range 3 {
		take("a", 0)
	}
	take("a", 10*time.Second)
	take("a", 10*time.Second) // asking costs nothing
	take("b", 0)
	now = now.Add(10 * time.Second)
	take("a", 0)
	take("a", 10*time.Second)
	now = now.Add(-time.Hour) // a clock set back makes nobody wait for an hour
	take("a", 10*time.Second)
}

// What is given back can be taken again, and is never more than there was.
func TestGive(t *testing.T) {
	pace := Pace{Every: time.Second, Burst: 2}
	b := NewBuckets[string](2)
	b.Give("a", pace)
	for range 10 {
		if wait := b.Take("a", pace, start); wait != 0 {
			t.Fatalf("wait %s", wait)
		}
		b.Give("a", pace)
	}
	b.Give("a", pace)
	b.Take("a", pace, start)
	b.Take("a", pace, start)
	if wait := b.Take("a", pace, start); wait != time.Second || b.Len() != 1 {
		t.Errorf("wait %s, %d remembered", wait, b.Len())
	}
}

// A look takes nothing, remembers nobody, and can leave some in the bucket for others.
func TestWait(t *testing.T) {
	pace := Pace{Every: time.Second, Burst: 5}
	b := NewBuckets[string](2)
	if wait := b.Wait("a", pace, 0, start); wait != 0 || b.Len() != 0 {
		t.Errorf("wait %s, %d remembered", wait, b.Len())
	}
	for range 3 {
		b.Take("a", pace, start)
	}
	for stay, want := range map[int64]time.Duration{0: 0, 1: 0, 2: time.Second, 4: 3 * time.Second} {
		if wait := b.Wait("a", pace, stay, start); wait != want {
			t.Errorf("with %d to stay: %s, want %s", stay, wait, want)
		}
	}
}

// The pace may change between calls: a slower one lets nobody wait longer than an empty bucket of its own would.
func TestPaceChanges(t *testing.T) {
	b := NewBuckets[int](1)
	for range 10 {
		b.Take(1, Pace{Every: time.Hour, Burst: 10}, start)
	}
	if wait := b.Take(1, Pace{Every: time.Second, Burst: 2}, start); wait != time.Second {
		t.Errorf("wait %s", wait)
	}
	if wait := b.Take(1, Pace{Every: time.Second, Burst: 20}, start.Add(time.Second)); wait != 0 {
		t.Errorf("after a wider pace: wait %s", wait)
	}
}

// Memory is bounded, and who was not seen for longest is forgotten.
func TestForgets(t *testing.T) {
	pace := Pace{Every: time.Hour, Burst: 1}
	b := NewBuckets[int](3)
	for _, key := range []int{1, 2, 3, 1, 4} { // 2 is the oldest when 4 comes
		b.Take(key, pace, start)
	}
	if b.Take(3, pace, start) == 0 || b.Take(1, pace, start) == 0 {
		t.Error("1 or 3 was forgotten")
	}
	if b.Take(2, pace, start) != 0 {
		t.Error("2 was remembered")
	}
	for key := range 1000 {
		b.Take(key, pace, start)
	}
	if b.Len() != 3 || b.recent.Len() != 3 {
		t.Errorf("%d and %d in a table of 3", b.Len(), b.recent.Len())
	}
}

// However many ask at once, a bucket gives what is in it.
func TestTogether(t *testing.T) {
	b := NewBuckets[string](10)
	var got atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if b.Take("a", Pace{Every: time.Hour, Burst: 7}, start) == 0 {
				got.Add(1)
			}
		})
	}
	all.Wait()
	if got.Load() != 7 {
		t.Errorf("%d took one of 7", got.Load())
	}
}
