package policies

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Hole is a member without which, or with another type of which, a request is allowed that is refused otherwise, or keeps a
// scope that is taken away otherwise.
type Hole struct {
	Decision string `json:"decision"`
	Path     string `json:"path"`   // such as "input.software_statement.claims.level"
	Change   string `json:"change"` // "removed" or "mistyped"
	Rule     string `json:"rule"`   // the first of those that fell silent
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Request  string `json:"request"`  // the first it was seen with
	Promised bool   `json:"promised"` // a schema promises the member and its type, so that rules never meet this
	Shipped  bool   `json:"shipped"`  // no rule of the site fell silent, only shipped ones
}

// Open tells whether the site's rules must be mended.
func (h Hole) Open() bool { return !h.Promised && !h.Shipped }

// Mutations is what Mutate found.
type Mutations struct {
	Requests int    `json:"requests"` // that are refused, or lose a scope
	Mutants  int    `json:"mutants"`
	Holes    []Hole `json:"holes"`
}

// Mutate removes and mistypes every member of input and configuration that the rules reach, in every request it knows that the
// rules refuse: the golden refusals, some more, and whatever the site's own tests put to the rules. It tells progress in
// requests.
func Mutate(ctx context.Context, src Source, progress func(done, of int)) (*Mutations, error) {
	rev, all, err := build(src)
	if err != nil {
		return nil, err
	}
	m := &mutation{site: src.Site, found: Mutations{Holes: []Hole{}}, seen: map[Hole]bool{}}
	for on, set := range all.sets {
		requests, err := m.requests(which(on), set)
		if err != nil {
			return nil, err
		}
		if err := m.prepare(rev.rules[on], requests); err != nil {
			return nil, err
		}
	}
	if err := m.run(ctx, progress); err != nil {
		return nil, err
	}
	slices.SortFunc(m.found.Holes, func(a, b Hole) int {
		return cmp.Or(-compareBool(a.Open(), b.Open()), cmp.Compare(a.Decision, b.Decision), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Change, b.Change))
	})
	return &m.found, nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// A mutation is one run of Mutate.
type mutation struct {
	site  strictjson.Value
	tasks []task

	mu    sync.Mutex
	seen  map[Hole]bool // without request, rule and place
	found Mutations
}

// A request to mutate.
type request struct {
	name     string
	question decision.Question
}

// A task is a request that is refused, with the rules and the configuration under which the fewest rules refuse it: where
// several do, none is missed.
type task struct {
	request
	rules   *rules
	data    []dataMutant // of that configuration
	input   *ast.Term
	verdict decision.Verdict
}

// A dataMutant is a configuration in which one member is missing or of another type, with the rules under it.
type dataMutant struct {
	mutant
	rules *rules
}

// requests gives what is known to be refused, and what the site's tests ask.
func (m *mutation) requests(on which, set *moduleSet) ([]request, error) {
	var list []request
	for _, g := range append(refusals(), goldens(m.site)...) {
		if g.on == on {
			list = append(list, request{g.name, g.question})
		}
	}
	asked, err := set.asked(m.site)
	return append(list, asked...), err
}

// prepare makes tasks of requests.
func (m *mutation) prepare(r *rules, requests []request) error {
	sites := []strictjson.Value{m.site}
	if example := exampleConfig(); !strictjson.Equal(example, m.site) {
		sites = append(sites, example)
	}
	under := make([]*rules, len(sites))
	data := make([][]dataMutant, len(sites))
	for i, site := range sites {
		var err error
		if under[i], err = r.under(site); err != nil {
			return err
		}
		if data[i], err = r.dataMutants(site); err != nil {
			return err
		}
	}
	for _, q := range requests {
		var best *task
		for i, rules := range under {
			input := rules.input(q.question)
			v, err := rules.decide(input, topdown.NewCancel())
			if err != nil || v.Allow && len(v.Strip) == 0 {
				continue
			}
			if best == nil || len(v.Deny) < len(best.verdict.Deny) {
				best = &task{q, rules, data[i], input, v}
			}
		}
		if best != nil {
			m.tasks = append(m.tasks, *best)
		}
	}
	return nil
}

// under gives the same rules with another configuration.
func (r *rules) under(site strictjson.Value) (*rules, error) {
	query, err := r.contract.prepare(r.compiler, site)
	if err != nil {
		return nil, err
	}
	other := *r
	other.query = query
	return &other, nil
}

// dataMutants gives every mutant of the configuration that the rules can tell from it.
func (r *rules) dataMutants(site strictjson.Value) ([]dataMutant, error) {
	paths := reach(r.compiler.Modules, configRef)
	var list []dataMutant
	for _, m := range mutants(toTerm(site).Value) {
		if !paths.Has(m.steps...) {
			continue
		}
		changed, err := fromTerm(ast.NewTerm(m.value))
		if err != nil {
			return nil, err
		}
		rules, err := r.under(changed)
		if err != nil {
			return nil, err
		}
		list = append(list, dataMutant{m, rules})
	}
	return list, nil
}

var configRef = ast.MustParseRef("data.ostiary.config")

// run does the tasks on all processors.
func (m *mutation) run(ctx context.Context, progress func(done, of int)) error {
	config, err := configSchema()
	if err != nil {
		return err
	}
	m.found.Requests = len(m.tasks)
	left := make(chan task, len(m.tasks))
	for _, t := range m.tasks {
		left <- t
	}
	close(left)
	var workers sync.WaitGroup
	done := 0
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for t := range left {
				if ctx.Err() == nil {
					m.do(ctx, t, config)
				}
				m.mu.Lock()
				done++
				progress(done, len(m.tasks))
				m.mu.Unlock()
			}
		})
	}
	workers.Wait()
	return ctx.Err()
}

// do tries all mutants of one request.
func (m *mutation) do(ctx context.Context, t task, config strictjson.Value) {
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	input, err := t.rules.contract.inputSchema()
	if err != nil {
		return // it was read before
	}
	tried := 0
	for _, mutant := range mutants(t.input.Value) {
		tried++
		if v, err := t.rules.decide(ast.NewTerm(mutant.value), cancel); err == nil {
			m.judge(t, v, mutant, "input", input)
		}
	}
	for _, mutant := range t.data {
		tried++
		if v, err := mutant.rules.decide(t.input, cancel); err == nil {
			m.judge(t, v, mutant.mutant, "data.ostiary.config", config)
		}
	}
	m.mu.Lock()
	m.found.Mutants += tried
	m.mu.Unlock()
}

// judge notes a hole when the verdict on a mutant lets more through.
func (m *mutation) judge(t task, v decision.Verdict, mutant mutant, root string, schema strictjson.Value) {
	silent := fellSilent(t.verdict, v)
	if len(silent) == 0 {
		return
	}
	h := Hole{
		Decision: t.rules.contract.name, Path: mutant.path(root), Change: mutant.change, Promised: mutant.promised(schema),
		Shipped: !slices.ContainsFunc(silent, func(by core.Reason) bool { return !strings.HasPrefix(by.File, shippedPrefix) }),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[h] {
		return
	}
	m.seen[h] = true
	by := silent[0]
	if i := slices.IndexFunc(silent, func(by core.Reason) bool { return !strings.HasPrefix(by.File, shippedPrefix) }); i >= 0 {
		by = silent[i]
	}
	h.Rule, h.File, h.Line, h.Request = by.Rule, by.File, by.Line, t.name
	m.found.Holes = append(m.found.Holes, h)
}

// fellSilent gives the rules whose refusal, or whose taking away of a scope, is gone while the request is allowed.
func fellSilent(before, after decision.Verdict) []core.Reason {
	if !after.Allow {
		return nil
	}
	silent := slices.Clone(before.Deny)
	for _, s := range before.Strip {
		if !slices.ContainsFunc(after.Strip, func(other decision.Scope) bool { return other.Scope == s.Scope }) {
			silent = append(silent, s.By)
		}
	}
	return silent
}
