package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// heapRoom is how much requests may leave behind before it is swept, in bytes. What a server holds is small beside that: at Go's
	// own setting, where a heap is swept when it has doubled, one of 26 MB under load is swept twelve times a second, for a fifth
	// of all its work. A heap that is larger than this is swept when it has doubled.
	heapRoom = 96 << 20

	doubled   = 100 // the percentages of GOGC
	fivefold  = 400 // the most: what is held may grow before the next look
	heapTick  = time.Second
	heldBytes = "/gc/heap/live:bytes"
)

// sweepAt is the percentage (GOGC) by which a heap that holds so many bytes may grow.
func sweepAt(held uint64) int {
	return int(min(max(heapRoom*100/max(held, 1), doubled), fivefold))
}

// keepHeap gives what requests leave behind its room until ctx ends. An operator's GOGC is left alone, and GOMEMLIMIT holds as ever.
func keepHeap(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	tick := time.NewTicker(heapTick)
	defer tick.Stop()
	now := sweepAt(held())
	defer debug.SetGCPercent(debug.SetGCPercent(now))
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if next := sweepAt(held()); next != now { // setting it stops everything for a moment
			now = next
			debug.SetGCPercent(now)
		}
	}
}

// held is what the last sweep left, in bytes.
func held() uint64 {
	sample := []metrics.Sample{{Name: heldBytes}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
