package policies

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/decision"
)

// A basis is what a refusal rests on: for every rule that refuses or takes a scope away, what it and the rules it refers to can
// read. A mutant that a rule cannot tell from the request leaves it as it is: nine in ten need not be tried.
type basis struct {
	deny, strip []reading
}

// A reading is what a rule can read, by the root of the document.
type reading map[string]*decision.Paths

// holds tells whether no mutant of this member can bring an allowance, or a scope back: one of the rules that refuse does not
// read it, or none of those that take scopes away from what is allowed. Where nothing is known, nothing holds.
func (b basis) holds(root string, m mutant) bool {
	steps := m.steps
	if i := slices.IndexFunc(steps, func(step string) bool { return strings.HasPrefix(step, "[") }); i >= 0 {
		steps = steps[:i]
	}
	blind := func(r reading) bool { return !r[root].Has(steps...) }
	if len(b.deny) > 0 {
		return slices.ContainsFunc(b.deny, blind)
	}
	return len(b.strip) > 0 && !slices.ContainsFunc(b.strip, func(r reading) bool { return !blind(r) })
}

// A basisTracer remembers which rules denied and stripped.
type basisTracer struct {
	contract *contract
	fired    map[string]map[*ast.Rule]bool // by the name of the set
}

// Enabled implements topdown.QueryTracer.
func (*basisTracer) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (*basisTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (t *basisTracer) TraceEvent(event topdown.Event) {
	rule, isRule := event.Node.(*ast.Rule)
	if !isRule || event.Op != topdown.ExitOp || rule.Module == nil || t.contract.moduleName(packageName(rule.Module)) == "" {
		return
	}
	if rules := t.fired[rule.Head.Name.String()]; rules != nil {
		rules[rule] = true
	}
}

var _ topdown.QueryTracer = (*basisTracer)(nil)

func (r *rules) newBasisTracer() *basisTracer {
	return &basisTracer{r.contract, map[string]map[*ast.Rule]bool{"deny": {}, "strip": {}}}
}

// basis gives what a traced verdict rests on.
func (r *rules) basis(t *basisTracer) basis {
	var b basis
	for rule := range t.fired["deny"] {
		b.deny = append(b.deny, r.reading(rule))
	}
	for rule := range t.fired["strip"] {
		b.strip = append(b.strip, r.reading(rule))
	}
	return b
}

// reading follows a rule to all that it refers to.
func (r *rules) reading(rule *ast.Rule) reading {
	found := reading{}
	roots := []ast.Ref{ast.InputRootRef, configRef, dataRef}
	for _, root := range roots {
		found[root.String()] = &decision.Paths{}
	}
	seen, todo := map[*ast.Rule]bool{rule: true}, []*ast.Rule{rule}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, root := range roots {
			found.add(at, root)
		}
		for next := range r.compiler.Graph.Dependencies(at) {
			if next, isRule := next.(*ast.Rule); isRule && !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return found
}

// add notes what a rule itself can read below a root; a reference that ends above it, or goes on by a computed name, reads all.
func (r reading) add(rule *ast.Rule, root ast.Ref) {
	to := r[root.String()]
	eachRead(rule, root, func(names []string, _ *ast.Location) { to.Add(names...) })
	names := constantNames(root[1:])
	ast.WalkRefs(rule, func(ref ast.Ref) bool {
		if ref[0].Equal(root[0]) && len(names) > 0 {
			above := constantNames(ref[1:])
			if len(above) < len(names) && slices.Equal(above, names[:len(above)]) {
				to.Add()
			}
		}
		return false
	})
}
