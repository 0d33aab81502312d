package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/policies"
)

// measureFlags are those of policy bench.
type measureFlags struct {
	file, decision string
	allocs         int64
	each           time.Duration
}

func policyBenchCommand(f *policyFlags) *cobra.Command {
	m := &measureFlags{}
	cmd := f.configured(f.about("bench DIR", "Measure what decisions cost with the rules of a folder",
		"bench measures time, allocations and bytes of decisions, with the rules asked every time and with the answer remembered. Without\n"+
			"-f it asks the example of every decision. Allocations depend on the rules only, so --max-allocs can hold them to a number.",
		func(cmd *cobra.Command, b *bench) error {
			if m.file != "" && m.decision == "" {
				m.decision = policies.Decisions()[0]
			}
			if m.decision != "" && !slices.Contains(policies.Decisions(), m.decision) {
				return usagef("--decision must be one of %s, not %q", strings.Join(policies.Decisions(), ", "), m.decision)
			}
			if m.allocs < 0 {
				return usagef("--max-allocs must be 1 or more")
			}
			if m.each <= 0 {
				return usagef("--time must be more than nothing, such as 300ms")
			}
			return b.measure(cmd, m)
		}))
	flags := cmd.Flags()
	flags.StringVarP(&m.file, "file", "f", "", "the request, as JSON, as for eval (- is standard input)")
	flags.StringVar(&m.decision, "decision", "", "the decision (default: with -f registration, else all)")
	flags.Int64Var(&m.allocs, "max-allocs", 0, "fail when one evaluated decision allocates more often")
	flags.DurationVar(&m.each, "time", 300*time.Millisecond, "how long to measure each")
	return cmd
}

func (b *bench) measure(cmd *cobra.Command, m *measureFlags) error {
	doc := strictjson.Object()
	if m.file != "" {
		var err error
		if doc, err = readRequest(cmd.InOrStdin(), m.file); err != nil {
			return err
		}
	}
	src, err := b.source()
	if err != nil {
		return b.unusable(src, err)
	}
	list, err := policies.Bench(cmd.Context(), src, m.decision, doc, m.each)
	if errors.As(err, new(*policies.LoadError)) {
		return b.unusable(src, err)
	}
	if err != nil {
		return err
	}
	if err := b.tellMeasures(list); err != nil {
		return err
	}
	for _, one := range list {
		if m.allocs > 0 && one.Evaluated.Allocs > m.allocs {
			return fmt.Errorf("the %s decision allocates %d times, more than %d", one.Decision, one.Evaluated.Allocs, m.allocs)
		}
	}
	return nil
}

func (b *bench) tellMeasures(list []policies.Measure) error {
	if b.json {
		return b.printJSON(map[string]any{"decisions": list})
	}
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	tell := func(decision, how string, c policies.Cost) {
		row(w, decision, how, time.Duration(c.NS).Round(10*time.Nanosecond).String(), fmt.Sprintf("%d allocs", c.Allocs), fmt.Sprintf("%d B", c.Bytes))
	}
	for _, m := range list {
		tell(m.Decision, "evaluated", m.Evaluated)
		if m.Cached != nil {
			tell(m.Decision, "remembered", *m.Cached)
		} else {
			row(w, m.Decision, "not remembered: "+m.WhyNot)
		}
	}
	return w.Flush()
}
