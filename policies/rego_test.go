package policies

import (
	"bytes"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/ostiary/ostiary/core/strictjson"
)

// shippedModules parses everything that is embedded, tests included.
func shippedModules(t testing.TB) (modules map[string]*ast.Module, texts map[string][]byte) {
	t.Helper()
	rules, tests, err := shippedFiles()
	if err != nil {
		t.Fatal(err)
	}
	modules, texts = map[string]*ast.Module{}, map[string][]byte{}
	for _, files := range []map[string][]byte{rules, tests} {
		for name, text := range files {
			m, err := parse(name, text)
			if err != nil {
				t.Fatal(err)
			}
			modules[name], texts[name] = m, text
		}
	}
	return modules, texts
}

// wantCoverage is the least part of the shipped rules that their tests run, in percent.
const wantCoverage = 90

func TestShippedRules(t *testing.T) {
	all, _ := shippedModules(t)
	for on, want := range map[which]int{registration: 40, authorization: 8, token: 13, session: 8} {
		c, coverage := contracts[on], cover.New()
		modules := map[string]*ast.Module{}
		for name, m := range all {
			if contractOf(packageName(m)) == c {
				modules[name] = m
			}
		}
		set := &moduleSet{contract: c, rules: modules, data: newSiteData(strictjson.Object())}
		results, _, err := set.runModules(exampleConfig(), long, func(r *tester.Runner) { r.SetCoverageQueryTracer(coverage).SetParallel(1) })
		if err != nil {
			t.Fatal(err)
		}
		if len(results) < want {
			t.Errorf("%s: only %d tests ran", c.name, len(results))
		}
		for _, r := range results {
			if !r.Pass() {
				t.Errorf("%s: %s", r.Location, failure(r))
			}
		}
		report := coverage.Report(modules)
		for name, file := range report.Files {
			if !isTest(name) && file.Coverage < wantCoverage {
				t.Errorf("%s: %.0f %% covered, want %d; not run: %v", name, file.Coverage, wantCoverage, file.NotCovered)
			}
		}
	}
}

func TestRegoFormatted(t *testing.T) {
	_, texts := shippedModules(t)
	for name, text := range texts {
		want, err := format.Source(name, text)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, text) {
			t.Errorf("%s is not formatted; want\n%s", name, want)
		}
	}
}

func TestShippedRulesKeepTheContract(t *testing.T) {
	modules, _ := shippedModules(t)
	for name, m := range modules {
		if isTest(name) {
			continue
		}
		for _, p := range contractOf(packageName(m)).checkModule(m) {
			t.Error(p)
		}
		titled := false
		for _, a := range m.Annotations {
			titled = titled || (a.Scope == "package" || a.Scope == "subpackages") && a.Title != "" && a.Description != ""
		}
		if !titled {
			t.Errorf("%s: the package has no METADATA with title and description", name)
		}
	}
}
