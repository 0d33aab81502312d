package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

func TestSweepAt(t *testing.T) {
	for held, want := range map[uint64]int{
		0: fivefold, 1 << 20: fivefold, 26 << 20: 369, 48 << 20: 200, 96 << 20: doubled, 4 << 30: doubled,
	} {
		if got := sweepAt(held); got != want {
			t.Errorf("a heap of %d bytes is swept at %d %%, want %d", held, got, want)
		}
	}
}

// A server's heap has its room while it runs, and only then.
func TestKeepHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(doubled))
	runtime.GC()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { keepHeap(ctx) })
	for end := time.Now().Add(10 * time.Second); percent() == doubled; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the heap has no more room than Go gives it")
		}
	}
	cancel()
	running.Wait()
	if got := percent(); got != doubled {
		t.Errorf("afterwards the heap is swept at %d %%, want %d", got, doubled)
	}
}

// What the operator says in GOGC holds: there is nothing to keep.
func TestKeepHeapAsTold(t *testing.T) {
	t.Setenv("GOGC", "50")
	keepHeap(t.Context())
}

// percent is what the heap is swept at now.
func percent() uint64 {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
