package policies

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
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
// rules refuse: the golden refusals, some more, and whatever the site's own tests put to the rules. Of the site's data it
// mistypes what rules name: what they name is there, or loading fails, and what they look up is there or not, as the site likes.
// It tells progress in requests.
func Mutate(ctx context.Context, src Source, progress func(done, of int)) (*Mutations, error) {
	m, err := newMutation(src)
	if err != nil {
		return nil, err
	}
	if err := m.run(ctx, progress); err != nil {
		return nil, err
	}
	for _, first := range m.seen {
		m.found.Holes = append(m.found.Holes, first.Hole)
	}
	slices.SortFunc(m.found.Holes, func(a, b Hole) int {
		return cmp.Or(-compareBool(a.Open(), b.Open()), cmp.Compare(a.Decision, b.Decision), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Change, b.Change), compareBool(a.Shipped, b.Shipped))
	})
	return &m.found, nil
}

// newMutation makes the run, with its tasks.
func newMutation(src Source) (*mutation, error) {
	rev, all, err := build(src)
	if err != nil {
		return nil, err
	}
	m := &mutation{site: src.Site, found: Mutations{Holes: []Hole{}}, seen: map[Hole]*sighting{}}
	for on, set := range all.sets {
		requests, err := m.requests(which(on), set)
		if err != nil {
			return nil, err
		}
		if err := m.prepare(rev.rules[on], requests); err != nil {
			return nil, err
		}
	}
	return m, nil
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
	data  []dataMutant

	mu    sync.Mutex
	seen  map[Hole]*sighting // without request, rule and place
	found Mutations
}

// A sighting is a hole with the first of the requests that show it.
type sighting struct {
	Hole
	order int
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
	input   *ast.Term
	verdict decision.Verdict
	basis   basis
	order   int // among the tasks
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

// prepare makes tasks of requests, and the mutants of what the rules read besides.
func (m *mutation) prepare(r *rules, requests []request) error {
	sites := []strictjson.Value{m.site}
	if example := exampleConfig(); !strictjson.Equal(example, m.site) {
		sites = append(sites, example)
	}
	under := make([]*rules, len(sites))
	for i, site := range sites {
		var err error
		if under[i], err = r.under(site, r.data); err != nil {
			return err
		}
		m.data = append(m.data, under[i].dataMutants(site)...)
	}
	for _, q := range requests {
		var best *task
		for _, rules := range under {
			input := rules.input(q.question)
			traced := rules.newBasisTracer()
			v, err := rules.decide(input, topdown.NewCancel(), rego.EvalQueryTracer(traced))
			if err != nil || v.Allow && len(v.Strip) == 0 {
				continue
			}
			if best == nil || len(v.Deny) < len(best.verdict.Deny) {
				best = &task{q, rules, input, v, rules.basis(traced), len(m.tasks)}
			}
		}
		if best != nil {
			m.tasks = append(m.tasks, *best)
		}
	}
	return nil
}

// under gives the same rules with other documents.
func (r *rules) under(site strictjson.Value, data *siteData) (*rules, error) {
	query, err := r.contract.prepare(r.compiler, newStore(site, data))
	if err != nil {
		return nil, err
	}
	other := *r
	other.query, other.data = query, data
	return &other, nil
}

// run does the tasks on all processors: first the mutants of every request, then every mutant of data with all requests.
func (m *mutation) run(ctx context.Context, progress func(done, of int)) error {
	config, err := configSchema()
	if err != nil {
		return err
	}
	m.found.Requests = len(m.tasks)
	jobs := len(m.tasks) + len(m.data)
	left := make(chan func(), jobs)
	for _, t := range m.tasks {
		left <- func() { m.do(ctx, t) }
	}
	for _, d := range m.data {
		left <- func() { m.doData(ctx, d, config) }
	}
	close(left)
	var workers sync.WaitGroup
	done := 0
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for job := range left {
				if ctx.Err() == nil {
					job()
				}
				m.mu.Lock()
				done++
				progress(done*len(m.tasks)/jobs, len(m.tasks))
				m.mu.Unlock()
			}
		})
	}
	workers.Wait()
	return ctx.Err()
}

// do tries all mutants of one request.
func (m *mutation) do(ctx context.Context, t task) {
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	input, err := t.rules.contract.inputSchema()
	if err != nil {
		return // it was read before
	}
	tried := 0
	for _, mutant := range mutants(t.input.Value) {
		tried++
		if t.basis.holds("input", mutant) {
			continue
		}
		if v, err := t.rules.decide(ast.NewTerm(mutant.value), cancel); err == nil {
			m.judge(t, v, mutant, "input", input)
		}
	}
	m.count(tried)
}

func (m *mutation) count(tried int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.found.Mutants += tried
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
	by := silent[0]
	if i := slices.IndexFunc(silent, func(by core.Reason) bool { return !strings.HasPrefix(by.File, shippedPrefix) }); i >= 0 {
		by = silent[i]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if first := m.seen[h]; first != nil && first.order <= t.order {
		return
	}
	named := h
	named.Rule, named.File, named.Line, named.Request = by.Rule, by.File, by.Line, t.name
	m.seen[h] = &sighting{named, t.order}
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
