package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

func policyMutateCommand(f *policyFlags) *cobra.Command {
	return f.configured(f.about("mutate DIR", "Find members whose absence turns a refusal into an allowance",
		"mutate takes requests that the rules refuse (shipped ones, and every whole request in the folder's own tests), removes and\n"+
			"mistypes each member of input and configuration that the rules reach, mistypes what they name of the folder's data, and reports\n"+
			"what is allowed then. It fails for those that a rule of the folder can really meet: where a schema promises the member and\n"+
			"its type, there is nothing to mend.",
		func(cmd *cobra.Command, b *bench) error { return b.mutate(cmd) }))
}

func (b *bench) mutate(cmd *cobra.Command) error {
	src, err := b.source()
	if err != nil {
		return b.unusable(src, err)
	}
	found, err := policies.Mutate(cmd.Context(), src, b.progress())
	if err != nil {
		return b.unusable(src, err)
	}
	open := 0
	for _, h := range found.Holes {
		if h.Open() {
			open++
		}
	}
	if b.json {
		if err := b.printJSON(found); err != nil {
			return err
		}
	} else {
		b.printHoles(src, found, open)
	}
	if open > 0 {
		return fmt.Errorf("%s: requests are allowed that must not be; deny unless a rule of its own finds the member as it must be", counted(open, "hole"))
	}
	return nil
}

func (b *bench) printHoles(src policies.Source, found *policies.Mutations, open int) {
	for _, h := range found.Holes {
		if !h.Open() {
			continue
		}
		b.printFinding(finding{problem{h.File, h.Line, fmt.Sprintf("%s says nothing when %s is %s (%s, seen with %s)", h.Rule, h.Path, h.Change, h.Decision, h.Request)},
			src.Line(h.File, h.Line)})
	}
	fmt.Fprintf(b.out, "%s of %s that are refused: %s, and %d that a schema rules out or that only shipped rules have\n",
		counted(found.Mutants, "mutant"), counted(found.Requests, "request"), counted(open, "hole"), len(found.Holes)-open)
}

// progress tells a person at a terminal how far the work is.
func (b *bench) progress() func(done, of int) {
	file, isFile := b.errs.(*os.File)
	if !isFile {
		return func(int, int) {}
	}
	if about, err := file.Stat(); err != nil || about.Mode()&os.ModeCharDevice == 0 {
		return func(int, int) {}
	}
	return func(done, of int) {
		end := ""
		if done == of {
			end = "\r\x1b[K"
		}
		fmt.Fprintf(file, "\r%d of %d requests%s", done, of, end)
	}
}
