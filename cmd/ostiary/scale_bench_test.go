//go:build unix

package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/registration"
)

// BenchmarkPlan plans 10,000 declared clients (1,000 with -short) by command, over HTTP, against a server of its own with its store on
// disk: all of them new, and all of them there already.
func BenchmarkPlan(b *testing.B) {
	clients := 10_000
	if testing.Short() {
		clients = 1_000
	}
	_, address := openHall(b)
	dir := declareClients(b, 0, clients)
	planned := func(want planSummary) func(b *testing.B) {
		return func(b *testing.B) {
			computed := processor()
			for b.Loop() {
				if got := declarer(b, address, "plan", dir); got != want {
					b.Fatalf("%v, want %v", got, want)
				}
			}
			b.ReportMetric(float64(clients*b.N)/b.Elapsed().Seconds(), "clients/s")
			b.ReportMetric(float64((processor()-computed).Microseconds())/float64(clients*b.N), "cpu-µs/client")
		}
	}
	b.Run("first", planned(planSummary{Create: clients}))
	declarer(b, address, "apply", dir, "--yes")
	b.Run("unchanged", planned(planSummary{Unchanged: clients}))
}

// BenchmarkRegisterAmong registers clients where there are 1,000 and where there are 100,000 (10,000 with -short), in twenty-five turns
// of a thousand at each, so that the ratio is worth something on a machine that does something else as well. It is of the medians of the
// processor's time. HTTP is not in it.
func BenchmarkRegisterAmong(b *testing.B) {
	among := [2]int{1_000, 100_000}
	if testing.Short() {
		among[1] = 10_000
	}
	const turn = 1_000
	var desks [2]*bareDesk
	for i, clients := range among {
		desks[i] = openDesk(b, nil)
		for left := clients; left > 0; left -= registration.MaxTokenUses {
			desks[i].register(b, min(left, registration.MaxTokenUses))
		}
	}
	var took [2][]float64
	for b.Loop() {
		for range 25 {
			for i, d := range desks {
				took[i] = append(took[i], measured(func() { d.register(b, turn) })["cpu-µs"]/turn)
			}
		}
	}
	var median [2]float64
	for i, clients := range among {
		slices.Sort(took[i])
		median[i] = took[i][len(took[i])/2]
		b.ReportMetric(median[i], fmt.Sprintf("cpu-µs/among-%d", clients))
	}
	b.ReportMetric(median[1]/median[0], "cpu-ratio")
}
