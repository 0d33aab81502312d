package policies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An Evaluation is one question and what the rules answered.
type Evaluation struct {
	Input   strictjson.Value // whole
	Verdict decision.Verdict
	Fired   []Firing // in the order of their places; the verdict's own rules are left out
}

// A Firing is a rule that held.
type Firing struct {
	Rule    string `json:"rule"`              // such as "ostiary.registration.acceptance.checked"
	Finding string `json:"finding,omitempty"` // by which name it appears in the verdict
	File    string `json:"file"`
	Line    int    `json:"line"`
}

// Decisions lists the names of the decisions.
func Decisions() []string {
	names := make([]string, 0, decisions)
	for _, c := range contracts {
		names = append(names, c.name)
	}
	return names
}

// Evaluate asks the rules of a source one question, once: where the server would ask again about the result, this does not. The
// source must compile; its tests are not run. What somebody wrote may be a whole input or a part of one (see README.md).
func Evaluate(ctx context.Context, src Source, name string, written strictjson.Value) (*Evaluation, error) {
	on := slices.Index(Decisions(), name)
	if on < 0 {
		return nil, fmt.Errorf("there is no decision %q", name)
	}
	rev, _, err := build(src)
	if err != nil {
		return nil, err
	}
	doc, err := contracts[on].complete(written)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, insteadOf(which(on), written))
	}
	rules := rev.rules[on]
	fired := &firedTracer{system: contracts[on].pkg}
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	start := time.Now()
	verdict, err := rules.decide(rules.input(doc), cancel, rego.EvalQueryTracer(fired))
	switch {
	case ctx.Err() != nil:
		return nil, errors.New("the rules did not come to an end")
	case err != nil:
		return nil, fmt.Errorf("no decision was reached: %w", err)
	}
	verdict.Elapsed = time.Since(start)
	return &Evaluation{Input: doc.members, Verdict: verdict, Fired: fired.sorted()}, nil
}

// insteadOf names the other decisions that a request is an input of; empty: none.
func insteadOf(on which, written strictjson.Value) string {
	var names []string
	for i, c := range contracts {
		if _, err := c.complete(written); err == nil && which(i) != on {
			names = append(names, c.name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "\nit is one of another decision: --decision " + strings.Join(names, ", or --decision ")
}

// A firedTracer remembers every rule that held.
type firedTracer struct {
	system string // package of the verdict
	list   []Firing
}

// Enabled implements topdown.QueryTracer.
func (*firedTracer) Enabled() bool { return true }

// Config implements topdown.QueryTracer.
func (*firedTracer) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent implements topdown.QueryTracer.
func (t *firedTracer) TraceEvent(event topdown.Event) {
	rule, isRule := event.Node.(*ast.Rule)
	if !isRule || event.Op != topdown.ExitOp || rule.Module == nil || rule.Location == nil {
		return
	}
	pkg := packageName(rule.Module)
	if pkg == t.system {
		return
	}
	f := Firing{Rule: pkg + "." + rule.Head.Name.String(), File: rule.Location.File, Line: rule.Location.Row}
	if rule.Head.Key != nil {
		f.Finding = selfNamed(rule.Head.Key)
	}
	t.list = append(t.list, f)
}

func (t *firedTracer) sorted() []Firing {
	slices.SortFunc(t.list, func(a, b Firing) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Finding, b.Finding))
	})
	return slices.Compact(t.list)
}

var _ topdown.QueryTracer = (*firedTracer)(nil)
