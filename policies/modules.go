package policies

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// systemPackage assembles the verdict. It is embedded and cannot be replaced.
const systemPackage = "ostiary.registration"

// required are the modules that must report for a request to be allowed. Each is embedded and can be replaced by the site.
var required = []string{"acceptance", "scopes", "redirects", "software_statement", "obligations"}

// A moduleSet is the Rego that takes part in a candidate.
type moduleSet struct {
	texts map[string][]byte      // of rules, by file
	rules map[string]*ast.Module // by file, shipped and the site's
	tests map[string]*ast.Module // the site's
	site  map[string]bool        // files of the site
}

// parseModules parses all files, puts the site's modules in the place of shipped ones, and tells everything that is wrong.
func parseModules(src Source) (*moduleSet, []Problem) {
	set := &moduleSet{texts: map[string][]byte{}, rules: map[string]*ast.Module{}, tests: map[string]*ast.Module{}, site: map[string]bool{}}
	var problems []Problem
	replaced := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(src.Files)) {
		parsed, err := parse(name, src.Files[name])
		if err != nil {
			problems = append(problems, problemsOf(err)...)
			continue
		}
		problems = append(problems, checkPackage(name, parsed)...)
		set.site[name] = true
		if isTest(name) {
			set.tests[name] = parsed
			continue
		}
		set.rules[name], set.texts[name] = parsed, src.Files[name]
		replaced[packageName(parsed)] = true
	}
	shipped, _, err := shippedFiles()
	if err != nil {
		return nil, problemsOf(err)
	}
	for name, text := range shipped {
		parsed, err := parse(name, text)
		if err != nil {
			problems = append(problems, problemsOf(err)...)
			continue
		}
		if !replaced[packageName(parsed)] {
			set.rules[name], set.texts[name] = parsed, text
		}
	}
	return set, problems
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

// moduleName says how findings name a package: "redirects", "site.partners"; "" for one that has no findings.
func moduleName(pkg string) string {
	name, found := strings.CutPrefix(pkg, systemPackage+".")
	switch {
	case !found:
		return ""
	case slices.Contains(required, name):
		return name
	}
	site, found := strings.CutPrefix(name, "site.")
	if !found || site == "" {
		return ""
	}
	site, _, _ = strings.Cut(site, ".")
	return "site." + site
}

// checkPackage holds a file of the site to the packages it may declare.
func checkPackage(name string, m *ast.Module) []Problem {
	pkg, loc := packageName(m), m.Package.Location
	if strings.HasPrefix(name, shippedPrefix) {
		return []Problem{at(loc, "rename the file: names that begin with %s are the server's own", shippedPrefix)}
	}
	if pkg == systemPackage {
		return []Problem{at(loc, "package %s assembles the verdict and is part of the server; write rules in %s.site.<name>", pkg, systemPackage)}
	}
	own := pkg
	if isTest(name) {
		own = strings.TrimSuffix(pkg, "_test")
	} else if strings.HasSuffix(pkg, "_test") {
		return []Problem{at(loc, "package %s is for tests; name the file so that it ends in _test.rego", pkg)}
	}
	if moduleName(own) == "" && !(isTest(name) && own == systemPackage) {
		return []Problem{at(loc, "package %s is not one that rules are read from; use %s.site.<name>, or one of %s.{%s} to replace it",
			pkg, systemPackage, systemPackage, strings.Join(required, ", "))}
	}
	return nil
}
