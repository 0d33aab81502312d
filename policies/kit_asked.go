package policies

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/strictjson"
)

// asked gives the whole inputs that the tests put to the rules.
func (set *moduleSet) asked(site strictjson.Value) ([]request, error) {
	if len(set.tests) == 0 {
		return nil, nil
	}
	schema, err := set.contract.inputSchema()
	if err != nil {
		return nil, err
	}
	seen := &inputTracer{inputs: map[string]seenInput{}}
	_, over, err := set.runModules(site, mutationTests, func(r *tester.Runner) { r.SetCoverageQueryTracer(seen).SetParallel(1) })
	switch {
	case err != nil:
		return nil, refused(problemsOf(err))
	case over:
		return nil, fmt.Errorf("the tests of %s are too slow to take requests from: more than %v", set.contract.name, mutationTests)
	}
	var list []request
	for _, in := range seen.inOrder() {
		doc, err := fromTerm(in.term)
		if err == nil && len(mismatches(schema, doc, "input")) == 0 {
			list = append(list, request{fmt.Sprintf("the request of %s:%d", in.file, in.line), document{doc}})
		}
	}
	return list, nil
}

// mutationTests bounds the tests of one decision, traced.
const mutationTests = time.Minute

// An inputTracer remembers every input that a rule was asked about, once, and the test that asked.
type inputTracer struct {
	file   string
	line   int
	last   *ast.Term
	inputs map[string]seenInput
}

type seenInput struct {
	term *ast.Term
	file string
	line int
}

// inOrder gives the inputs by the place of the test that asked: tests run in any order.
func (t *inputTracer) inOrder() []seenInput {
	return slices.SortedFunc(maps.Values(t.inputs), byPlace)
}

func byPlace(a, b seenInput) int {
	return cmp.Or(strings.Compare(a.file, b.file), cmp.Compare(a.line, b.line), a.term.Value.Compare(b.term.Value))
}

// Enabled implements topdown.QueryTracer.
func (*inputTracer) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (*inputTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (t *inputTracer) TraceEvent(event topdown.Event) {
	rule, isRule := event.Node.(*ast.Rule)
	if !isRule || event.Op != topdown.EnterOp || rule.Location == nil {
		return
	}
	if isTest(rule.Location.File) && strings.HasPrefix(rule.Head.Name.String(), tester.TestPrefix) {
		t.file, t.line = rule.Location.File, rule.Location.Row
	}
	input := event.Input()
	if input == nil || input == t.last {
		return
	}
	t.last = input
	key := input.String()
	here := seenInput{input, t.file, t.line}
	if there, known := t.inputs[key]; !known || byPlace(here, there) < 0 {
		t.inputs[key] = here
	}
}

var _ topdown.QueryTracer = (*inputTracer)(nil)
