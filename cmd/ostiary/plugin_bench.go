package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func pluginBenchCommand() *cobra.Command {
	var each time.Duration
	var most uint64
	cmd := (&kitFlags{}).about("bench [DIR]", "Measure what the cases of a plugin cost",
		"bench asks each case again and again, as test does, and says what one call took in the middle: time, fuel, memory, and how many\n"+
			"times as long as the cheapest case. Time depends on the machine; fuel does not, so --max-fuel can hold it to a number.",
		func(cmd *cobra.Command, b *bench) error {
			if each <= 0 {
				return usagef("--time must be more than nothing, such as 300ms")
			}
			return b.measurePlugin(cmd.Context(), each, most)
		})
	cmd.Flags().DurationVar(&each, "time", 300*time.Millisecond, "how long to measure each case")
	cmd.Flags().Uint64Var(&most, "max-fuel", 0, "fail when a case takes more fuel; 0: any")
	return cmd
}

// measuredCase is a row of the document of plugin bench.
type measuredCase struct {
	Name   string  `json:"name"`
	Hook   string  `json:"hook"`
	Calls  int     `json:"calls"`
	NS     int64   `json:"ns"`
	Ratio  float64 `json:"ratio"` // to the cheapest case's time
	Fuel   uint64  `json:"fuel"`
	Memory int64   `json:"memory_bytes"`
}

func (b *bench) measurePlugin(ctx context.Context, each time.Duration, most uint64) (err error) {
	w, err := b.openPlugin(ctx, false)
	if err != nil {
		return b.pluginUnusable(err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	cases, err := chosenCases(w, "")
	if err != nil {
		return b.pluginUnusable(err)
	}
	rows := make([]measuredCase, 0, len(cases))
	for _, c := range cases {
		m, err := w.Bench(ctx, c, each)
		if err != nil {
			return b.pluginUnusable(err)
		}
		rows = append(rows, measuredCase{Name: c.Name, Hook: string(c.Call.Point), Calls: m.Calls, NS: m.Wall.Nanoseconds(), Fuel: m.Fuel, Memory: m.Memory})
	}
	compareCosts(rows)
	if err := b.tellCosts(rows); err != nil {
		return err
	}
	return tooDear(rows, most)
}

// compareCosts sets each case against the cheapest.
func compareCosts(rows []measuredCase) {
	cheapest := rows[0].NS
	for _, r := range rows {
		cheapest = min(cheapest, r.NS)
	}
	for i := range rows {
		rows[i].Ratio = float64(rows[i].NS) / float64(max(cheapest, 1))
	}
}

func tooDear(rows []measuredCase, most uint64) error {
	for _, r := range rows {
		if most > 0 && r.Fuel > most {
			return fmt.Errorf("%q takes %d fuel, more than %d", r.Name, r.Fuel, most)
		}
	}
	return nil
}

func (b *bench) tellCosts(rows []measuredCase) error {
	if b.json {
		return b.printJSON(map[string]any{"cases": rows})
	}
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	row(w, "CASE", "HOOK", "CALLS", "TIME", "RATIO", "FUEL", "MEMORY")
	for _, r := range rows {
		row(w, r.Name, r.Hook, strconv.Itoa(r.Calls), time.Duration(r.NS).Round(100*time.Nanosecond).String(), fmt.Sprintf("%.2f", r.Ratio),
			strconv.FormatUint(r.Fuel, 10), sized(r.Memory))
	}
	return w.Flush()
}
