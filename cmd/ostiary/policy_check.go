package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

func policyCheckCommand(f *policyFlags) *cobra.Command {
	return f.configured(f.about("check DIR", "Do all that the server does before it uses a folder",
		"check compiles the rules strictly, holds them to the contract, runs their tests and tries what must always be refused, as the\n"+
			"server does before it uses them. It also says whether decisions can be remembered, and what keeps them from it.",
		func(_ *cobra.Command, b *bench) error { return b.check() }))
}

// checked is the document of check.
type checked struct {
	OK bool `json:"ok"`
	*policies.Report
}

func (b *bench) check() error {
	src, err := b.source()
	if err != nil {
		return b.unusable(src, err)
	}
	report, err := policies.Check(src, policies.DefaultTrialTime)
	if err != nil {
		return b.unusable(src, err)
	}
	if stale, is := b.staleContract(); is {
		report.Warnings = append(report.Warnings, stale)
	}
	if b.json {
		return b.printJSON(checked{true, report})
	}
	for _, w := range report.Warnings {
		w.Message = "warning: " + w.Message
		b.printFinding(finding{problem(w), src.Line(w.File, w.Line)})
	}
	for _, c := range report.Decisions {
		if c.Cacheable {
			fmt.Fprintf(b.out, "%s: decisions are remembered\n", c.Decision)
			continue
		}
		fmt.Fprintf(b.out, "%s: decisions are not remembered: %s\n", c.Decision, c.WhyNot)
		for _, p := range c.Causes {
			b.printFinding(finding{problem(p), src.Line(p.File, p.Line)})
		}
	}
	_, err = fmt.Fprintf(b.out, "%s is fine: %s, %s passed, revision %s\n",
		b.dir, counted(report.Files, "file"), counted(report.Tests, "test"), report.Revision)
	return err
}
