package policies

import (
	"cmp"
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown/builtins"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A builtin is a function that rules have here beyond those of OPA. It depends on its arguments only, and is never registered
// with OPA as a whole: other users of the library in this process do not get it.
type builtin struct {
	decl *ast.Builtin
	add  func(*rego.Rego)
}

// ours are the three. There is no fourth without a very good reason: whatever stands here, rules depend on for ever.
var ours = sync.OnceValue(func() []builtin {
	facts := typeOf(decision.URISchema())
	return []builtin{
		define(ast.Builtin{
			Name: "ostiary.host_matches",
			Description: "Whether a host is what a pattern means: exactly that host, or with *. in front exactly one label more. " +
				"A pattern that could never match is an error.",
			Decl: types.NewFunction(types.Args(
				types.Named("host", types.S).Description("such as redirect_uris[_].host"),
				types.Named("pattern", types.S).Description("such as login.example.com or *.example.com"),
			), types.Named("result", types.B)),
		}, hostMatches),
		define(ast.Builtin{
			Name:        "ostiary.registrable_domain",
			Description: "The part of a host that somebody registered, by the Public Suffix List; empty for addresses, suffixes and what is no host.",
			Decl:        types.NewFunction(types.Args(types.Named("host", types.S)), types.Named("result", types.S)),
		}, registrableDomain),
		define(ast.Builtin{
			Name:        "ostiary.uri",
			Description: "What can be said of a URI, as in input.redirect_uris. One with a problem is one not to use.",
			Decl:        types.NewFunction(types.Args(types.Named("uri", types.S)), types.Named("result", facts)),
		}, uriFacts),
	}
})

// define joins a declaration and what it does. What it makes of the same arguments is made once in an evaluation.
func define(decl ast.Builtin, do rego.BuiltinDyn) builtin {
	return builtin{&decl, rego.FunctionDyn(&rego.Function{Name: decl.Name, Decl: decl.Decl, Memoize: true}, do)}
}

func hostMatches(_ rego.BuiltinContext, args []*ast.Term) (*ast.Term, error) {
	host, err := builtins.StringOperand(args[0].Value, 1)
	if err != nil {
		return nil, err
	}
	pattern, err := builtins.StringOperand(args[1].Value, 2)
	if err != nil {
		return nil, err
	}
	matches, err := oauth.HostMatches(string(host), string(pattern))
	if err != nil {
		return nil, err
	}
	return ast.InternedTerm(matches), nil
}

func registrableDomain(_ rego.BuiltinContext, args []*ast.Term) (*ast.Term, error) {
	host, err := builtins.StringOperand(args[0].Value, 1)
	if err != nil {
		return nil, err
	}
	return ast.InternedTerm(oauth.RegistrableDomain(string(host))), nil
}

func uriFacts(_ rego.BuiltinContext, args []*ast.Term) (*ast.Term, error) {
	raw, err := builtins.StringOperand(args[0].Value, 1)
	if err != nil {
		return nil, err
	}
	w := termWriter{}
	decision.URI(raw).Write(&w)
	return w.result, nil
}

// builtinOptions gives the functions to a query.
func builtinOptions() []func(*rego.Rego) {
	var options []func(*rego.Rego)
	for _, b := range ours() {
		options = append(options, b.add)
	}
	return options
}

// testBuiltins gives the functions to a run of tests.
func testBuiltins() []*tester.Builtin {
	var list []*tester.Builtin
	for _, b := range ours() {
		list = append(list, &tester.Builtin{Decl: b.decl, Func: b.add})
	}
	return list
}

// typeOf gives what a JSON Schema of ours says as a type of Rego: a member that it does not name is an error when rules compile.
func typeOf(schema strictjson.Value) types.Type {
	kind, _ := schema.Get("type")
	switch name, _ := kind.Text(); name {
	case "string":
		return types.S
	case "integer":
		return types.N
	case "boolean":
		return types.B
	case "array":
		items, _ := schema.Get("items")
		return types.NewArray(nil, typeOf(items))
	}
	properties, _ := schema.Get("properties")
	if properties.Len() == 0 {
		return types.NewObject(nil, types.NewDynamicProperty(types.A, types.A))
	}
	members := make([]*types.StaticProperty, 0, properties.Len())
	for name, member := range properties.All() {
		members = append(members, types.NewStaticProperty(name, typeOf(member)))
	}
	return types.NewObject(members, nil)
}

// withOurs adds the declarations to OPA's own, in the order of their names.
func withOurs(list []*ast.Builtin) []*ast.Builtin {
	for _, b := range ours() {
		list = append(list, b.decl)
	}
	slices.SortFunc(list, func(a, b *ast.Builtin) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// badPatterns finds patterns of hosts in the site's rules that could never match: they would be an error for every request.
func badPatterns(compiler *ast.Compiler, site map[string]bool) []Problem {
	var problems []Problem
	for file, m := range compiler.Modules {
		if !site[file] {
			continue
		}
		ast.WalkTerms(m, func(t *ast.Term) bool {
			if call, isCall := t.Value.(ast.Call); isCall {
				problems = append(problems, badPattern(call, t.Location)...)
			}
			return false
		})
		ast.WalkExprs(m, func(e *ast.Expr) bool {
			if terms, isCall := e.Terms.([]*ast.Term); isCall {
				problems = append(problems, badPattern(terms, e.Location)...)
			}
			return false
		})
	}
	return problems
}

// badPattern judges one call, its operator first.
func badPattern(call []*ast.Term, loc *ast.Location) []Problem {
	if len(call) < 3 || call[0].String() != "ostiary.host_matches" {
		return nil
	}
	pattern, isText := call[2].Value.(ast.String)
	if !isText {
		return nil
	}
	if _, err := oauth.HostMatches("", string(pattern)); err != nil {
		return []Problem{at(loc, "%v", err)}
	}
	return nil
}
