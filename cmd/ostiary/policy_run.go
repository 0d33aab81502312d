package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

// testFlags are those of policy test.
type testFlags struct {
	verbose   bool
	run       string
	coverage  bool
	threshold float64
	timeout   time.Duration
}

func policyTestCommand(f *policyFlags) *cobra.Command {
	t := &testFlags{}
	cmd := f.configured(f.about("test DIR", "Run the tests of a folder, as opa test does, on top of the shipped rules",
		"test runs the rules whose names begin with test_ in files that end in _test.rego, and prints what opa test prints. It fails\n"+
			"when a test fails, when no test ran, and when less is covered than --threshold. Exit codes: 0 passed, 1 failed, 2 called wrongly.",
		func(_ *cobra.Command, b *bench) error {
			if _, err := regexp.Compile(t.run); err != nil {
				return usagef("--run: %v", err)
			}
			if t.threshold < 0 || t.threshold > 100 {
				return usagef("--threshold must be from 0 to 100, not %v", t.threshold)
			}
			if t.timeout <= 0 {
				return usagef("--timeout must be more than nothing, such as 30s")
			}
			return b.test(t)
		}))
	flags := cmd.Flags()
	flags.BoolVarP(&t.verbose, "verbose", "v", false, "name the tests that pass, too")
	flags.StringVarP(&t.run, "run", "r", "", "run the tests whose full names match this regular expression only")
	flags.BoolVarP(&t.coverage, "coverage", "c", false, "say which of the folder's rules the tests reach")
	flags.Float64Var(&t.threshold, "threshold", 0, "fail when less of the folder's rules is covered, in percent")
	flags.DurationVarP(&t.timeout, "timeout", "t", 30*time.Second, "for all tests of one decision; the server gives them one second")
	return cmd
}

func (b *bench) test(t *testFlags) error {
	src, err := b.source()
	if err != nil {
		return b.unusable(src, err)
	}
	run, err := policies.Test(src, policies.TestOptions{Run: t.run, Coverage: t.coverage || t.threshold > 0, Within: t.timeout})
	if err != nil {
		return b.unusable(src, err)
	}
	if b.json {
		err = b.printJSON(run)
	} else {
		err = run.Print(b.out, t.verbose)
	}
	if err != nil {
		return err
	}
	switch {
	case len(run.Tests) == 0 && t.run != "":
		return fmt.Errorf("no test ran: none of %s matches %q", b.dir, t.run)
	case len(run.Tests) == 0:
		return fmt.Errorf("no test ran: write rules whose names begin with test_ in files of %s that end in _test.rego", b.dir)
	case run.Failed() > 0:
		return fmt.Errorf("%s failed", counted(run.Failed(), "test"))
	case run.Percent < t.threshold:
		return fmt.Errorf("%.1f %% of the rules are covered, wanted are %v %%", run.Percent, t.threshold)
	}
	return nil
}
