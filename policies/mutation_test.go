package policies

import (
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// A member that is missing must never turn a refusal into an allowance, nor let a scope through that is to be
// taken away (in Rego, "not f(input.missing)" does not hold), not even one that is always there.
func TestMissingMembersNeverAllow(t *testing.T) {
	e := engineWith(t, "")
	tried := [decisions]int{}
	for _, g := range append(refusals(), goldens(exampleConfig())...) {
		rules := rulesIn(e, g.on)
		input := rules.input(g.question) // what no rule reads does not matter
		v, err := rules.decide(input, topdown.NewCancel())
		if err != nil || g.passes(v) || len(v.Deny)+len(v.Strip) == 0 {
			t.Errorf("%s is not refused: %+v, %v", g.name, v, err)
			continue
		}
		for _, m := range mutants(input.Value) {
			if m.change != removed {
				continue
			}
			tried[g.on]++
			if v, err := rules.decide(ast.NewTerm(m.value), topdown.NewCancel()); err == nil && g.passes(v) {
				t.Errorf("%s is allowed without %s", g.name, m.path("input"))
			}
		}
	}
	if tried[registration] < 500 || tried[authorization] < 20 || tried[token] < 60 || tried[session] < 6 {
		t.Errorf("only %d mutants", tried)
	}
}
