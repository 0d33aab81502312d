package policies

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestOptions say which tests to run and how.
type TestOptions struct {
	Run      string        // a regular expression that the names of tests must match, such as "partners"; empty: all
	Coverage bool          // tell which of the site's rules they reach
	Within   time.Duration // for all tests of one decision
}

// A TestRun is the outcome of the site's tests.
type TestRun struct {
	Tests    []TestResult   `json:"tests"`
	Coverage []FileCoverage `json:"coverage,omitempty"`
	Percent  float64        `json:"percent,omitempty"` // covered, of all lines of the site's rules

	results []*tester.Result
}

// A TestResult is the outcome of one test.
type TestResult struct {
	Package  string        `json:"package"`
	Name     string        `json:"name"`
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Pass     bool          `json:"pass"`
	Problem  string        `json:"problem,omitempty"`
	Duration time.Duration `json:"ns"`
}

// FileCoverage says which part of a file the tests reach.
type FileCoverage struct {
	File    string   `json:"file"`
	Percent float64  `json:"percent"`
	NotRun  []string `json:"not_run,omitempty"` // lines: "12" or "12-14"
}

// Test runs the site's tests on top of the shipped rules. Tests that fail are no error. An error, mostly a *LoadError, means that
// they could not be run.
func Test(src Source, o TestOptions) (*TestRun, error) {
	_, all, err := build(src)
	if err != nil {
		return nil, err
	}
	run, covered, modules := &TestRun{Tests: []TestResult{}}, cover.New(), map[string]*ast.Module{}
	tune := func(r *tester.Runner) {
		r.Filter(o.Run)
		if o.Coverage {
			r.SetCoverageQueryTracer(covered).SetParallel(1)
		}
	}
	for _, set := range all.all() {
		for file := range set.site {
			if !isTest(file) {
				modules[file] = set.rules[file]
			}
		}
		if len(set.tests) == 0 {
			continue
		}
		results, over, err := set.runModules(src.Site, o.Within, tune)
		switch {
		case err != nil:
			return nil, refused(problemsOf(err))
		case over:
			return nil, refused([]Problem{set.slow(results, o.Within)})
		}
		run.results = append(run.results, results...)
	}
	run.collect()
	if o.Coverage {
		run.cover(covered.Report(modules), modules)
	}
	return run, nil
}

// collect puts the results in the order of files and lines.
func (run *TestRun) collect() {
	slices.SortFunc(run.results, func(a, b *tester.Result) int {
		return cmp.Or(cmp.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Row, b.Location.Row))
	})
	for _, r := range run.results {
		one := TestResult{Package: r.Package, Name: r.Name, File: r.Location.File, Line: r.Location.Row, Pass: r.Pass(), Duration: r.Duration}
		if !one.Pass {
			one.Problem = failure(r)
		}
		run.Tests = append(run.Tests, one)
	}
}

// cover keeps what the report says of the site's rules.
func (run *TestRun) cover(report cover.Report, modules map[string]*ast.Module) {
	ran, left := 0, 0
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		one := report.Files[file]
		ran, left = ran+one.CoveredLines, left+one.NotCoveredLines
		f := FileCoverage{File: file, Percent: one.Coverage}
		for _, r := range one.NotCovered {
			lines := fmt.Sprint(r.Start.Row)
			if r.End.Row > r.Start.Row {
				lines += fmt.Sprintf("-%d", r.End.Row)
			}
			if !slices.Contains(f.NotRun, lines) {
				f.NotRun = append(f.NotRun, lines)
			}
		}
		run.Coverage = append(run.Coverage, f)
	}
	run.Percent = 100
	if ran+left > 0 {
		run.Percent = 100 * float64(ran) / float64(ran+left)
	}
}

// Failed tells how many tests did not pass.
func (run *TestRun) Failed() int {
	n := 0
	for _, t := range run.Tests {
		if !t.Pass {
			n++
		}
	}
	return n
}

// Print writes the results as opa test does, and the coverage below.
func (run *TestRun) Print(w io.Writer, verbose bool) error {
	stream := make(chan *tester.Result, len(run.results))
	for _, r := range run.results {
		stream <- r
	}
	close(stream)
	if err := (tester.PrettyReporter{Output: w, Verbose: verbose}).Report(stream); err != nil {
		return err
	}
	for _, f := range run.Coverage {
		line := fmt.Sprintf("%s: %.1f %% covered", f.File, f.Percent)
		if len(f.NotRun) > 0 {
			line += "; not run: " + strings.Join(f.NotRun, ", ")
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
