package policies

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Load makes a revision of the shipped rules and a source, and tries it: every file must keep the contract and compile, the
// source's tests must pass, and what must never be allowed must be refused. The error is a *LoadError that lists everything
// found in the first step that failed. The tests of each decision may take trial, and what must be refused as long again.
func Load(src Source, trial time.Duration) (*Revision, error) {
	rev, all, err := build(src)
	if err != nil {
		return nil, err
	}
	var problems []Problem
	for _, set := range all.all() {
		problems = append(problems, set.runTests(rev.source.Site, trial)...)
	}
	if len(problems) > 0 {
		return nil, refused(problems)
	}
	if problems := rev.runGolden(trial); len(problems) > 0 {
		return nil, refused(problems)
	}
	return rev, nil
}

// build makes a revision that has not been tried.
func build(src Source) (*Revision, *parsed, error) {
	src = src.clone()
	all, problems := parseModules(src)
	problems = append(problems, checkSite(src.Site)...)
	if len(problems) == 0 {
		problems = all.check()
	}
	if len(problems) > 0 {
		return nil, nil, refused(problems)
	}
	rev := &Revision{id: digest(all.texts, src.Site, all.data.json), source: src}
	data := newStore(src.Site, all.data) // one for all decisions: it may be large
	var wrong [len(rev.rules)][]Problem
	var each sync.WaitGroup // the decisions share nothing, and compiling is most of a start
	for i, set := range all.sets {
		each.Go(func() { rev.rules[i], wrong[i] = set.load(rev.id, data) })
	}
	each.Go(func() { rev.plugins, problems = all.plugins.forPlugins(data) })
	each.Wait()
	for _, w := range wrong {
		problems = append(problems, w...)
	}
	if len(problems) > 0 {
		return nil, nil, refused(problems)
	}
	return rev, all, nil
}

// check holds all rules to their contracts.
func (p *parsed) check() []Problem {
	var problems []Problem
	for _, set := range p.sets {
		for _, file := range slices.Sorted(maps.Keys(set.rules)) {
			problems = append(problems, set.contract.checkModule(set.rules[file])...)
		}
	}
	return problems
}

// load makes the rules of one decision ready to run.
func (set *moduleSet) load(revision string, data storage.Store) (*rules, []Problem) {
	compiler, problems := compile(set)
	if len(problems) > 0 {
		return nil, problems
	}
	query, err := set.contract.prepare(compiler, data)
	if err != nil {
		return nil, problemsOf(err)
	}
	schema, err := set.contract.inputSchema()
	if err != nil {
		return nil, problemsOf(err)
	}
	paths := reach(compiler.Modules, ast.InputRootRef)
	return &rules{
		contract: set.contract, revision: revision, compiler: compiler, data: set.data, query: query,
		paths: paths, whyNot: timeless(paths), digester: decision.NewDigester(paths), places: placesOf(set), names: namesOf(schema),
	}, nil
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
