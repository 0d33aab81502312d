package policies

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A moduleSet is the Rego that takes part in one decision of a candidate.
type moduleSet struct {
	contract *contract
	rules    map[string]*ast.Module // by file, shipped and the site's
	tests    map[string]*ast.Module // the site's
	site     map[string]bool        // files of the site
	data     *siteData
}

// siteData is data.ostiary.data, as JSON and, made once for all decisions, as rules read it.
type siteData struct {
	json strictjson.Value
	term *ast.Term
}

// parsed is all Rego of a candidate.
type parsed struct {
	texts map[string][]byte // of rules, by file
	data  *siteData
	sets  [decisions]*moduleSet

	plugins *moduleSet // what plugins ask for
}

// all gives every set.
func (p *parsed) all() []*moduleSet { return append(p.sets[:], p.plugins) }

// parseModules parses all files, puts the site's modules in the place of shipped ones, and tells everything that is wrong.
func parseModules(src Source) (*parsed, []Problem) {
	data, problems := readData(src.Files)
	p := &parsed{texts: map[string][]byte{}, data: newSiteData(data)}
	for i, c := range contracts {
		p.sets[i] = newModuleSet(c, p.data)
	}
	p.plugins = newModuleSet(pluginRules, p.data)
	replaced := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(src.Files)) {
		if isData(name) {
			continue
		}
		m, err := parse(name, src.Files[name])
		if err != nil {
			problems = append(problems, problemsOf(err)...)
			continue
		}
		wrong := checkPackage(name, m)
		if wrong == nil {
			wrong = checkSchemas(m)
		}
		if wrong != nil {
			problems = append(problems, *wrong)
			continue
		}
		p.add(name, src.Files[name], m).site[name] = true
		replaced[packageName(m)] = true
	}
	return p, append(problems, p.addShipped(replaced)...)
}

func newModuleSet(c *contract, data *siteData) *moduleSet {
	return &moduleSet{contract: c, rules: map[string]*ast.Module{}, tests: map[string]*ast.Module{}, site: map[string]bool{}, data: data}
}

// addShipped adds the embedded modules, except those whose packages are replaced.
func (p *parsed) addShipped(replaced map[string]bool) []Problem {
	rules, err := shippedRules()
	for name, rule := range rules {
		if !replaced[packageName(rule.module)] {
			p.add(name, rule.text, rule.module)
		}
	}
	return problemsOf(err)
}

// A shippedRule is an embedded file of rules.
type shippedRule struct {
	text   []byte
	module *ast.Module
}

// shippedRules gives the embedded rules by file, parsed once. They are never changed: compilers work on copies.
var shippedRules = sync.OnceValues(func() (map[string]shippedRule, error) {
	texts, _, err := shippedFiles()
	rules := make(map[string]shippedRule, len(texts))
	for name, text := range texts {
		m, wrong := parse(name, text)
		if wrong != nil {
			err = errors.Join(err, wrong)
			continue
		}
		rules[name] = shippedRule{text, m}
	}
	return rules, err
})

// add puts a module where it belongs.
func (p *parsed) add(name string, text []byte, m *ast.Module) *moduleSet {
	c, set := contractOf(packageName(m)), p.plugins
	if c != pluginRules {
		set = p.sets[slices.Index(contracts[:], c)]
	}
	if isTest(name) {
		set.tests[name] = m
		return set
	}
	set.rules[name], p.texts[name] = m, text
	return set
}

func parse(name string, text []byte) (*ast.Module, error) {
	return ast.ParseModuleWithOpts(name, string(text), ast.ParserOptions{
		Capabilities: capabilities(), RegoVersion: ast.RegoV1, ProcessAnnotation: true,
	})
}

// packageName gives a module's package without "data.".
func packageName(m *ast.Module) string { return dotted(m.Package.Path[1:]) }

// dotted joins the constant strings of a reference.
func dotted(ref ast.Ref) string {
	names := make([]string, 0, len(ref))
	for _, term := range ref {
		if s, ok := term.Value.(ast.String); ok {
			names = append(names, string(s))
		}
	}
	return strings.Join(names, ".")
}

// checkPackage holds a file of the site to the packages it may declare.
func checkPackage(name string, m *ast.Module) *Problem {
	pkg, loc := packageName(m), m.Package.Location
	complain := func(format string, args ...any) *Problem {
		p := at(loc, format, args...)
		return &p
	}
	c := contractOf(pkg)
	switch {
	case strings.HasPrefix(name, shippedPrefix):
		return complain("rename the file: names that begin with %s are the server's own", shippedPrefix)
	case c == nil:
		return complain("package %s is not one that rules are read from; use one of %s", pkg, sitePackages())
	case c == pluginRules && strings.TrimSuffix(pkg, "_test") == c.pkg:
		return complain("package %s is no plugin's; write rules for a plugin in %s.<name of the plugin>", pkg, c.pkg)
	case pkg == c.pkg:
		return complain("package %s assembles the verdict and is part of the server; write rules in %s.site.<name>", pkg, c.pkg)
	case !isTest(name) && strings.HasSuffix(pkg, "_test"):
		return complain("package %s is for tests; name the file so that it ends in _test.rego", pkg)
	}
	own := pkg
	if isTest(name) {
		own = strings.TrimSuffix(pkg, "_test")
	}
	if c == pluginRules { // any package below it; the first one is named after the plugin
		return nil
	}
	if c.moduleName(own) == "" && !(isTest(name) && own == c.pkg) {
		return complain("package %s is not one that rules are read from; use %s.site.<name>, or one of %s.{%s} to replace it",
			pkg, c.pkg, c.pkg, strings.Join(c.required, ", "))
	}
	return nil
}

// checkSchemas refuses schemas in annotations that refer to others: OPA's compiler follows one that refers to itself until the
// stack is over, which ends the process.
func checkSchemas(m *ast.Module) *Problem {
	for _, a := range m.Annotations {
		for _, s := range a.Schemas {
			if s.Definition != nil && refers(*s.Definition) {
				p := at(a.Loc(), "a schema in an annotation has no $ref here; write out what it refers to")
				return &p
			}
		}
	}
	return nil
}

// refers tells whether there is a $ref anywhere in a JSON document.
func refers(doc any) bool {
	switch doc := doc.(type) {
	case map[string]any:
		for name, inner := range doc {
			if name == "$ref" || refers(inner) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(doc, refers)
	}
	return false
}

func sitePackages() string {
	names := make([]string, 0, decisions)
	for _, c := range contracts {
		names = append(names, c.pkg+".site.<name>")
	}
	names = append(names, pluginRules.pkg+".<name of a plugin>")
	return strings.Join(names, ", ")
}
