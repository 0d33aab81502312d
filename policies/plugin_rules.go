package policies

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// askedRules are the site's rules below data.ostiary.plugin, ready to be asked for. They see data.ostiary.config and
// data.ostiary.data, and nothing of the decisions; input is what the plugin gives.
type askedRules struct {
	compiler *ast.Compiler
	data     storage.Store

	mu      sync.Mutex
	queries map[*ast.TreeNode]rego.PreparedEvalQuery // made when first asked for; there are no more than rules and packages
}

// forPlugins makes the rules ready that plugins ask for.
func (set *moduleSet) forPlugins(data storage.Store) (*askedRules, []Problem) {
	if len(set.rules) == 0 { // as nearly everywhere
		return &askedRules{}, nil
	}
	compiler, problems := compile(set)
	if len(problems) > 0 {
		return nil, problems
	}
	return &askedRules{compiler: compiler, data: data, queries: map[*ast.TreeNode]rego.PreparedEvalQuery{}}, nil
}

// PluginRule gives the value of data.ostiary.plugin.<plugin>.<path> of the policy in force for an input; path has at least one
// name. defined is false when there is no such rule, or it has no value. It depends on the revision and the input alone, and
// takes the time and the turn that a decision does. The error is core.PolicyUnavailable or core.TemporarilyUnavailable.
func (e *Engine) PluginRule(ctx context.Context, plugin string, path []string, input strictjson.Value) (result strictjson.Value, defined bool, err error) {
	use := e.active.Load()
	if use == nil {
		return strictjson.Value{}, false, undecided(errors.New("no usable policy has been loaded"))
	}
	rules := use.revision.plugins
	node, ref, rest := rules.find(plugin, path)
	if node == nil {
		return strictjson.Value{}, false, nil
	}
	query, err := rules.query(node, ref)
	if err != nil {
		return strictjson.Value{}, false, undecided(err)
	}
	if err := e.slots.acquire(ctx); err != nil {
		return strictjson.Value{}, false, err
	}
	var value strictjson.Value
	_, err = e.slots.run(ctx, e.deadline, func(cancel topdown.Cancel) (decision.Verdict, error) {
		found, err := valueOf(query, toTerm(input), cancel)
		value = found // nobody reads it when this ends too late
		return decision.Verdict{}, err
	})
	if err != nil {
		return strictjson.Value{}, false, undecided(err)
	}
	for _, name := range rest {
		value, _ = value.Get(name)
	}
	return value, !value.IsAbsent(), nil
}

// find gives the rule or package that a path leads to or through, and the names that are left of the path then. It is nil when
// there is none, or only a function.
func (a *askedRules) find(plugin string, path []string) (node *ast.TreeNode, ref ast.Ref, rest []string) {
	if a.compiler == nil {
		return nil, nil, nil
	}
	ref = ast.Ref{ast.DefaultRootDocument}
	node = a.compiler.RuleTree.Child(ast.DefaultRootDocument.Value)
	for i, name := range append([]string{"ostiary", "plugin", plugin}, path...) {
		if node == nil || isFunction(node) {
			return nil, nil, nil
		}
		if len(node.Values) > 0 { // a rule: the rest is inside its value
			return node, ref, path[i-3:]
		}
		node, ref = node.Child(ast.String(name)), append(ref, ast.StringTerm(name))
	}
	if node == nil || isFunction(node) {
		return nil, nil, nil
	}
	return node, ref, nil
}

func isFunction(node *ast.TreeNode) bool {
	return slices.ContainsFunc(node.Values, func(r *ast.Rule) bool { return len(r.Head.Args) > 0 })
}

func (a *askedRules) query(node *ast.TreeNode, ref ast.Ref) (rego.PreparedEvalQuery, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if q, made := a.queries[node]; made {
		return q, nil
	}
	q, err := rego.New(append(builtinOptions(),
		rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(ref)))), rego.Compiler(a.compiler), rego.Store(a.data), rego.StrictBuiltinErrors(true),
		rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t, nil }),
	)...).PrepareForEval(context.Background())
	if err == nil {
		a.queries[node] = q
	}
	return q, err
}

// valueOf gives the value of a query; absent: it is undefined.
func valueOf(query rego.PreparedEvalQuery, input *ast.Term, cancel topdown.Cancel) (value strictjson.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the rule engine failed: %v\n%s", p, debug.Stack())
		}
	}()
	results, err := query.Eval(context.Background(), rego.EvalParsedInput(input.Value), rego.EvalExternalCancel(cancel))
	if err != nil || len(results) == 0 {
		return strictjson.Value{}, err
	}
	answer, ok := results[0].Expressions[0].Value.(*ast.Term)
	if len(results) > 1 || !ok {
		return strictjson.Value{}, errUndefined
	}
	return fromTerm(answer)
}
