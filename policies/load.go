package policies

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Load makes a revision of the shipped rules and a source, and tries it: every file must keep the contract and compile, the
// source's tests must pass, and what must never be allowed must be refused. The error is a *LoadError that lists everything
// found in the first step that failed. The tests together may take trial, and what must be refused as long again.
func Load(src Source, trial time.Duration) (*Revision, error) {
	src = src.clone()
	set, problems := parseModules(src)
	problems = append(problems, checkSite(src.Site)...)
	if len(problems) == 0 {
		for _, file := range slices.Sorted(maps.Keys(set.rules)) {
			problems = append(problems, checkContract(set.rules[file])...)
		}
	}
	if len(problems) > 0 {
		return nil, refused(problems)
	}
	compiler, problems := compile(set)
	if len(problems) > 0 {
		return nil, refused(problems)
	}
	query, err := prepare(compiler, src.Site)
	if err != nil {
		return nil, refused(problemsOf(err))
	}
	schema, err := inputSchema()
	if err != nil {
		return nil, refused(problemsOf(err))
	}
	paths := reach(compiler.Modules)
	rev := &Revision{
		id: digest(set.texts, src.Site), source: src, query: query,
		paths: paths, whyNot: timeless(paths), digester: decision.NewDigester(paths), places: placesOf(set.rules),
		names: namesOf(schema),
	}
	if problems := set.runTests(src.Site, trial); len(problems) > 0 {
		return nil, refused(problems)
	}
	if problems := rev.runGolden(trial); len(problems) > 0 {
		return nil, refused(problems)
	}
	return rev, nil
}

// refused puts problems in the order of files and lines.
func refused(problems []Problem) error {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return &LoadError{Problems: slices.Compact(problems)}
}

// checkSite holds the site's data to its schema: a member that is missing would switch rules off.
func checkSite(site strictjson.Value) []Problem {
	schema, err := configSchema()
	if err != nil {
		return problemsOf(err)
	}
	var problems []Problem
	for _, wrong := range mismatches(schema, site, "data.ostiary.config") {
		problems = append(problems, Problem{Message: wrong})
	}
	return problems
}
