package policies

import (
	"cmp"
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
	schemas.Put(ast.MustParseRef("schema."+c.name), native(input))
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
	return compiler, append(unresolved(compiler, set.site, known{data: set.data.json}), badPatterns(compiler, set.site)...)
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

// known is the data that references may lead to, besides the configuration, which is held to its schema.
type known struct {
	data     strictjson.Value // of the site; absent: anything may be there, as a test may put it there
	examples strictjson.Value // only tests may use them; rules are given none
}

// unresolved finds references of the site's files to what does not exist: they would be undefined, silently.
func unresolved(compiler *ast.Compiler, site map[string]bool, there known) []Problem {
	var problems []Problem
	for file, m := range compiler.Modules {
		if !site[file] {
			continue
		}
		for _, rule := range m.Rules {
			ast.WalkTerms(rule, func(t *ast.Term) bool {
				if ref, isRef := t.Value.(ast.Ref); isRef && ref.HasPrefix(ast.DefaultRootRef) {
					if wrong := there.wrong(compiler.RuleTree, ref); wrong != "" {
						problems = append(problems, at(cmp.Or(t.Location, rule.Location), "%s", wrong))
					}
				}
				return false
			})
		}
	}
	return problems
}

// wrong says why a reference does not lead to a rule, to data that there is, or on by a name that is computed; empty: it does.
func (k known) wrong(tree *ast.TreeNode, ref ast.Ref) string {
	names := constantNames(ref[1:])
	switch {
	case len(names) >= 2 && names[0] == "ostiary" && names[1] == "config":
		return ""
	case len(names) >= 2 && names[0] == "ostiary" && names[1] == "examples" && leads(k.examples, names[2:]):
		return ""
	case ref.HasPrefix(dataRef) && k.data.IsAbsent():
		return ""
	case ref.HasPrefix(dataRef):
		return missing(k.data, constantNames(ref[len(dataRef):]))
	}
	node := tree.Child(ast.DefaultRootDocument.Value)
	for _, name := range names {
		if node == nil || len(node.Values) > 0 {
			break
		}
		node = node.Child(ast.String(name))
	}
	if node == nil {
		return "data." + strings.Join(names, ".") + " does not exist"
	}
	return ""
}

// leads tells whether member names lead somewhere in a document, or end at what is no object.
func leads(v strictjson.Value, names []string) bool {
	for _, name := range names {
		if v.Kind() != strictjson.KindObject {
			break
		}
		var found bool
		if v, found = v.Get(name); !found {
			return false
		}
	}
	return !v.IsAbsent()
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
