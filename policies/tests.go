package policies

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/ostiary/ostiary/core/strictjson"
)

// The bounds of a candidate's own tests: one, and all together.
const (
	testTime  = 5 * time.Second
	testsTime = 30 * time.Second
)

// runTests runs the tests of the site's files against the candidate. They see data.ostiary.config as it is, and
// data.ostiary.examples.
func (set *moduleSet) runTests(site strictjson.Value) []Problem {
	if len(set.tests) == 0 {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), testsTime)
	defer stop()
	modules := maps.Clone(set.rules)
	maps.Copy(modules, set.tests)
	results, err := runModules(ctx, modules, site, nil)
	if err != nil {
		return problemsOf(err)
	}
	var problems []Problem
	ran := map[string]bool{}
	for _, r := range results {
		ran[r.Location.File] = true
		if !r.Pass() {
			problems = append(problems, at(r.Location, "%s", failure(r)))
		}
	}
	for file := range set.tests {
		if !ran[file] {
			problems = append(problems, Problem{File: file, Message: "holds no test: a test is a rule whose name begins with test_"})
		}
	}
	if ctx.Err() != nil {
		problems = append(problems, Problem{Message: fmt.Sprintf("the tests took longer than %v", testsTime)})
	}
	return problems
}

// runModules runs all tests in the modules.
func runModules(ctx context.Context, modules map[string]*ast.Module, site strictjson.Value, tune func(*tester.Runner)) ([]*tester.Result, error) {
	compiler, err := newCompiler(true)
	if err != nil {
		return nil, err
	}
	given, err := examples()
	if err != nil {
		return nil, err
	}
	store := newStore(site, strictjson.Member{Name: "examples", Value: given})
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(modules).
		RaiseBuiltinErrors(true).CapturePrintOutput(true).SetTimeout(testTime)
	if tune != nil {
		tune(runner)
	}
	txn, err := store.NewTransaction(ctx, storage.TransactionParams{})
	if err != nil {
		return nil, err
	}
	defer store.Abort(ctx, txn)
	stream, err := runner.RunTests(ctx, txn)
	if err != nil {
		return nil, err
	}
	var results []*tester.Result
	for r := range stream {
		results = append(results, r)
	}
	return results, nil
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
