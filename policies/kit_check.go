package policies

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A Report is what Check says of a source that can be used.
type Report struct {
	Revision  string    `json:"revision"`
	Files     int       `json:"files"` // of the site, tests included
	Tests     int       `json:"tests"` // of the site; all passed
	Decisions []Caching `json:"decisions"`
	Warnings  []Problem `json:"warnings"`
}

// Caching says whether the answers of one decision are remembered.
type Caching struct {
	Decision  string    `json:"decision"`
	Cacheable bool      `json:"cacheable"`
	WhyNot    string    `json:"why_not,omitempty"`
	Causes    []Problem `json:"causes,omitempty"` // where, and what to write instead
}

// patient is how much longer than a server that has rules Check waits, and one that starts: a busy machine spoils neither. What took too
// long is a warning.
const patient = 10

// Check does with a source all that Load does, and says more about it. The error is a *LoadError.
func Check(src Source, trial time.Duration) (*Report, error) {
	rev, err := Load(src, patient*trial)
	if err != nil {
		return nil, err
	}
	run, err := Test(src, TestOptions{Within: patient * trial})
	if err != nil {
		return nil, err
	}
	report := &Report{Revision: rev.id, Files: len(src.Files), Tests: len(run.Tests), Warnings: staleCopies(rev.source.Files)}
	if len(src.Files) == 0 {
		report.Warnings = append(report.Warnings, Problem{Message: "there is no .rego file and no " + dataFile + " in it: the shipped rules decide alone"})
	}
	for _, r := range rev.rules {
		report.Decisions = append(report.Decisions, r.caching())
	}
	report.Warnings = append(report.Warnings, run.tooSlow(trial)...)
	report.Warnings = append(report.Warnings, untested(rev.source)...)
	return report, nil
}

// tooSlow warns of decisions whose tests took longer than a server gives them.
func (run *TestRun) tooSlow(trial time.Duration) []Problem {
	took := map[*contract]time.Duration{}
	for _, t := range run.Tests {
		took[contractOf(strings.TrimPrefix(t.Package, "data."))] += t.Duration
	}
	var problems []Problem
	for _, c := range append(contracts[:], pluginRules) {
		if d := took[c]; d > trial {
			problems = append(problems, Problem{Message: fmt.Sprintf(
				"the tests of the %s took %v; a server gives them %v, and refuses the folder when they need longer",
				c.title(), d.Round(time.Millisecond), trial)})
		}
	}
	return problems
}

// untested warns of decisions that the site has rules for, but no tests.
func untested(src Source) []Problem {
	all, _ := parseModules(src) // it was parsed before
	var problems []Problem
	for _, set := range all.all() {
		if len(set.site) == 0 || len(set.tests) > 0 {
			continue
		}
		problems = append(problems, Problem{File: slices.Sorted(maps.Keys(set.site))[0], Message: fmt.Sprintf(
			"the site's rules of the %s have no tests; write some in a file that ends in _test.rego", set.contract.title())})
	}
	return problems
}

// caching says where the rules read what keeps their answers from being remembered.
func (r *rules) caching() Caching {
	c := Caching{Decision: r.contract.name, Cacheable: r.whyNot == "", WhyNot: r.whyNot}
	if c.Cacheable {
		return c
	}
	for _, file := range slices.Sorted(maps.Keys(r.compiler.Modules)) {
		eachRead(r.compiler.Modules[file], ast.InputRootRef, func(names []string, loc *ast.Location) {
			if remedy := remedyFor(names); remedy != "" {
				c.Causes = append(c.Causes, at(loc, "%s", remedy))
			}
		})
	}
	c.Causes = slices.Compact(c.Causes)
	return c
}

// remedyFor says what to write instead of reading these names of the input; empty: nothing is wrong with it.
func remedyFor(names []string) string {
	switch {
	case len(names) == 0:
		return "input is read as a whole, or by a name that is computed: read its members by their names"
	case names[0] == "now":
		return "input.now is another every second: do without it; to let something end after a time, add to limit"
	case names[0] == "request_id":
		return "input.request_id is another for every request: do without it; the decision's log has it"
	}
	return ""
}

// baseOf is the line by which a copy of a shipped module remembers what it was copied from.
var baseOf = regexp.MustCompile(`(?m)^# ostiary:base (\S+) sha256:([0-9a-f]{64})$`)

func baseLine(name string, text []byte) string {
	return fmt.Sprintf("# ostiary:base %s sha256:%s", name, digestOf(text))
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// staleCopies finds copies of shipped modules that have changed since.
func staleCopies(files map[string][]byte) []Problem {
	stale := []Problem{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		found := baseOf.FindSubmatchIndex(files[name])
		if found == nil {
			continue
		}
		base, digest := string(files[name][found[2]:found[3]]), string(files[name][found[4]:found[5]])
		line := 1 + strings.Count(string(files[name][:found[0]]), "\n")
		text, err := embedded.ReadFile("rego/" + base)
		switch {
		case err != nil:
			stale = append(stale, Problem{name, line, fmt.Sprintf("it was copied from %s, which this version of Ostiary does not have any more", base)})
		case digestOf(text) != digest:
			stale = append(stale, Problem{name, line, fmt.Sprintf(
				"the shipped %s has moved on since it was copied. Copy it anew into an empty folder with ostiary policy init --override, "+
					"bring over what changed, and then the line ostiary:base", base)})
		}
	}
	return stale
}

// Line gives a line of a file of the source, or of a shipped one; empty: there is none.
func (s Source) Line(file string, line int) string {
	text := s.Files[file]
	if name, shipped := strings.CutPrefix(file, shippedPrefix); shipped {
		text, _ = embedded.ReadFile("rego/" + name) // what is not there has no lines
	}
	lines := strings.Split(string(text), "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	return lines[line-1]
}
