package policies

import (
	"context"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/ostiary/ostiary/core/strictjson"
)

// newCompiler gives a compiler that is strict, knows the shapes of the decision's input and of data.ostiary.config, and holds
// no built-in that rules may not use. Each decision has its own: what input is differs, and rules of one see none of another.
func (c *contract) newCompiler(prints bool) (*ast.Compiler, error) {
	input, err := c.inputSchema()
	if err != nil {
		return nil, err
	}
	config, err := configSchema()
	if err != nil {
		return nil, fmt.Errorf("schema of the configuration: %w", err)
	}
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, native(input))
	schemas.Put(ast.MustParseRef("schema.input"), native(input))
	schemas.Put(ast.MustParseRef("schema.config"), native(config))
	return ast.NewCompiler().WithCapabilities(capabilities()).WithSchemas(schemas).WithUseTypeCheckAnnotations(true).
		WithStrict(true).WithEnablePrintStatements(prints), nil
}

func (c *contract) inputSchema() (strictjson.Value, error) {
	schema, err := strictjson.Parse(c.schema(), strictjson.Stored)
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("schema of the input: %w", err)
	}
	return schema, nil
}

// compile checks and compiles the rules.
func compile(set *moduleSet) (*ast.Compiler, []Problem) {
	compiler, err := set.contract.newCompiler(false)
	if err != nil {
		return nil, problemsOf(err)
	}
	if compiler.Compile(set.pruned()); compiler.Failed() {
		return nil, problemsOf(compiler.Errors)
	}
	return compiler, append(unresolved(compiler, set), badPatterns(compiler, set.site)...)
}

// pruned leaves out, of the rules that collect findings, those for sets that no module has: they can never fire, and a
// decision does not pay for them. The first rule of each name stays, so that its set exists.
func (set *moduleSet) pruned() map[string]*ast.Module {
	c, has := set.contract, map[string]bool{}
	for _, m := range set.rules {
		module := c.moduleName(packageName(m))
		if strings.HasPrefix(module, "site.") {
			module = "site"
		}
		for _, rule := range m.Rules {
			has[module+"."+string(rule.Head.Ref()[0].Value.(ast.Var))] = true
		}
	}
	kept := make(map[string]*ast.Module, len(set.rules))
	for file, m := range set.rules {
		if packageName(m) == c.pkg {
			m = m.Copy()
			m.Rules = c.prunedRules(m.Rules, has)
		}
		kept[file] = m
	}
	return kept
}

func (c *contract) prunedRules(rules []*ast.Rule, has map[string]bool) []*ast.Rule {
	var kept []*ast.Rule
	seen := map[string]bool{}
	for _, rule := range rules {
		name := string(rule.Head.Ref()[0].Value.(ast.Var))
		from, collects := c.collectedFrom(rule, name)
		if !collects || !seen[name] || has[from+"."+name] {
			kept = append(kept, rule)
		}
		seen[name] = true
	}
	return kept
}

// collectedFrom tells which module's set of the same name a rule of the system package collects.
func (c *contract) collectedFrom(rule *ast.Rule, name string) (module string, collects bool) {
	if !isSet(name) {
		return "", false
	}
	ast.WalkRefs(rule, func(ref ast.Ref) bool {
		if text := dotted(ref); ref.HasPrefix(ast.DefaultRootRef) && strings.HasSuffix(text, "."+name) {
			module, _, _ = strings.Cut(strings.TrimPrefix(text, c.pkg+"."), ".")
			collects = true
		}
		return collects
	})
	return module, collects
}

// unresolved finds references of the site's rules to rules and data that do not exist: they would be undefined, silently.
func unresolved(compiler *ast.Compiler, set *moduleSet) []Problem {
	var problems []Problem
	for file, m := range compiler.Modules {
		if !set.site[file] {
			continue
		}
		for _, rule := range m.Rules {
			ast.WalkRefs(rule, func(ref ast.Ref) bool {
				if ref.HasPrefix(dataRef) {
					if wrong := missing(set.data.json, constantNames(ref[len(dataRef):])); wrong != "" {
						problems = append(problems, at(rule.Location, "%s", wrong))
					}
				} else if ref.HasPrefix(ast.DefaultRootRef) && !resolves(compiler.RuleTree, ref) {
					problems = append(problems, at(rule.Location, "data.%s does not exist", strings.Join(constantNames(ref[1:]), ".")))
				}
				return false
			})
		}
	}
	return problems
}

// resolves tells whether a reference leads to a rule, to the site's data, or on by a name that is computed.
func resolves(tree *ast.TreeNode, ref ast.Ref) bool {
	names := constantNames(ref[1:])
	if len(names) >= 2 && names[0] == "ostiary" && names[1] == "config" {
		return true // held to its schema
	}
	node := tree.Child(ast.DefaultRootDocument.Value)
	for _, name := range names {
		if node == nil || len(node.Values) > 0 {
			break
		}
		node = node.Child(ast.String(name))
	}
	return node != nil
}

// newStore holds the data of rules in the form they read it.
func newStore(config strictjson.Value, data *siteData, more ...strictjson.Member) storage.Store {
	members := [][2]*ast.Term{ast.Item(ast.StringTerm("config"), toTerm(config)), ast.Item(ast.StringTerm("data"), data.term)}
	for _, m := range more {
		members = append(members, ast.Item(ast.StringTerm(m.Name), toTerm(m.Value)))
	}
	all := map[string]any{"ostiary": ast.NewObject(members...)}
	store := inmem.NewFromObjectWithOpts(all, inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))
	settle(store)
	return store
}

func newSiteData(v strictjson.Value) *siteData { return &siteData{v, toTerm(v)} }

// settle lets every object in a store put its members in order now. OPA does so when an object is first walked, and copies
// objects meanwhile without looking, so that two evaluations at once could see one member twice and another not at all.
func settle(store storage.Store) {
	all, err := storage.ReadOne(context.Background(), store, storage.RootPath)
	if root, isValue := all.(ast.Value); err == nil && isValue {
		ast.WalkTerms(ast.NewTerm(root), func(*ast.Term) bool { return false })
	}
}

// prepare makes the one query, ready to be asked again and again.
func (c *contract) prepare(compiler *ast.Compiler, data storage.Store) (rego.PreparedEvalQuery, error) {
	return rego.New(append(builtinOptions(),
		rego.Query(c.entry()), rego.Compiler(compiler), rego.Store(data), rego.StrictBuiltinErrors(true),
		rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t, nil }),
	)...).PrepareForEval(context.Background())
}
