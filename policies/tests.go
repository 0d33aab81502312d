package policies

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/strictjson"
)

// runTests runs the tests of the site's files against the candidate, for at most the time given. They see data.ostiary.config
// as it is, and data.ostiary.examples.
func (set *moduleSet) runTests(site strictjson.Value, within time.Duration) []Problem {
	if len(set.tests) == 0 {
		return nil
	}
	results, over, err := set.runModules(site, within, nil)
	if err != nil {
		return problemsOf(err)
	}
	var problems []Problem
	ran := map[string]bool{}
	for _, r := range results {
		ran[r.Location.File] = true
		if !r.Pass() && !topdown.IsCancel(r.Error) {
			problems = append(problems, at(r.Location, "%s", failure(r)))
		}
	}
	if over {
		return append(problems, set.slow(results, within))
	}
	for file := range set.tests {
		if !ran[file] {
			problems = append(problems, Problem{File: file, Message: "holds no test: a test is a rule whose name begins with test_"})
		}
	}
	return problems
}

// withTests gives rules and tests together.
func (set *moduleSet) withTests() map[string]*ast.Module {
	modules := maps.Clone(set.rules)
	maps.Copy(modules, set.tests)
	return modules
}

// slow says which test took the time that all had together: one that used most of it, or else those that never ended.
func (set *moduleSet) slow(results []*tester.Result, within time.Duration) Problem {
	const says = "%s is too slow: all tests of one decision together may take %v"
	ended := map[string]bool{}
	for _, r := range results {
		if r.Duration > within/2 {
			return at(r.Location, says, r.Name, within)
		}
		ended[r.Location.String()] = true
	}
	var left []*ast.Rule
	var names []string
	for _, file := range slices.Sorted(maps.Keys(set.tests)) {
		for _, rule := range set.tests[file].Rules {
			if name := rule.Head.Name.String(); strings.HasPrefix(name, tester.TestPrefix) && !ended[rule.Location.String()] {
				left, names = append(left, rule), append(names, name)
			}
		}
	}
	if len(left) == 1 {
		return at(left[0].Location, says, names[0], within)
	}
	return Problem{Message: fmt.Sprintf("the tests are too slow: all of one decision together may take %v; not done by then: %s", within, strings.Join(names, ", "))}
}

// runModules runs all tests in the modules. When the time is over it gives the results so far.
func (set *moduleSet) runModules(
	site strictjson.Value, within time.Duration, tune func(*tester.Runner),
) (results []*tester.Result, over bool, err error) {
	compiler, err := set.contract.newCompiler(true)
	if err != nil {
		return nil, false, err
	}
	given, err := examples()
	if err != nil {
		return nil, false, err
	}
	store := newStore(site, set.data, strictjson.Member{Name: "examples", Value: given})
	modules := set.withTests()
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(modules).
		AddCustomBuiltins(testBuiltins()).RaiseBuiltinErrors(true).CapturePrintOutput(true).SetTimeout(unending)
	if tune != nil {
		tune(runner)
	}
	ctx, stop := context.WithCancel(context.Background())
	txn, err := store.NewTransaction(ctx, storage.TransactionParams{})
	if err != nil {
		stop()
		return nil, false, err
	}
	end := func() {
		stop()
		store.Abort(context.Background(), txn)
	}
	stream, err := runner.RunTests(ctx, txn) // compiles; the time begins when it returns
	if err != nil {
		end()
		return nil, false, err
	}
	if problems := unresolved(compiler, siteTests(modules), known{examples: given}); len(problems) > 0 {
		stop()
		go func() {
			defer end()
			for range stream { // what tests say that read nothing is of no use
			}
		}()
		return nil, false, refused(problems)
	}
	results, over = collect(stream, within, stop, end)
	return results, over, nil
}

// siteTests names the tests among the modules that are the site's.
func siteTests(modules map[string]*ast.Module) map[string]bool {
	tests := map[string]bool{}
	for name := range modules {
		tests[name] = isTest(name) && !strings.HasPrefix(name, shippedPrefix)
	}
	return tests
}

// collect takes results until the stream ends, and calls end then. When the time is over it calls stop, gives what runs a
// moment to heed it, and leaves the rest alone. Time is counted in ticks, as in slots.run.
func collect(stream <-chan *tester.Result, within time.Duration, stop, end func()) (results []*tester.Result, over bool) {
	tick := time.NewTicker(within / ticks)
	defer tick.Stop()
	for left := ticks; ; {
		select {
		case r, open := <-stream:
			if !open {
				end()
				return results, left <= 0
			}
			results = append(results, r)
		case <-tick.C:
			if left--; left == 0 {
				stop()
			} else if left < 0 {
				go func() {
					defer end()
					for range stream { // what is still to come is of no use
					}
				}()
				return results, true
			}
		}
	}
}

// failure says what became of a test that did not pass.
func failure(r *tester.Result) string {
	text := r.Name + " failed"
	if r.Error != nil {
		text = r.Name + ": " + r.Error.Error()
	} else if r.Skip {
		text = r.Name + " is to be skipped; remove it or make it a test"
	}
	if out := strings.TrimSpace(string(r.Output)); out != "" {
		text += "; it printed: " + out
	}
	return text
}
