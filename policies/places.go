package policies

import "github.com/open-policy-agent/opa/v1/ast"

// A ruleName names a rule as findings do: the module and the finding's own "rule".
type ruleName struct{ module, rule string }

// A place is where a rule stands.
type place struct {
	file string
	line int
}

// placesOf finds the rules that name themselves: every rule with an object that has a constant member "rule". The empty rule
// name stands for the module's file.
func placesOf(set *moduleSet) map[ruleName]place {
	places := map[ruleName]place{}
	for file, m := range set.rules {
		module := set.contract.moduleName(packageName(m))
		if module == "" {
			continue
		}
		keepFirst(places, ruleName{module, ""}, place{file, 0})
		for _, rule := range m.Rules {
			ast.WalkTerms(rule, func(t *ast.Term) bool {
				if name := selfNamed(t); name != "" {
					keepFirst(places, ruleName{module, name}, place{file, lineOf(rule, t)})
				}
				return false
			})
		}
	}
	return places
}

// keepFirst remembers the first place of a name: the lowest line of the first file in order.
func keepFirst(places map[ruleName]place, name ruleName, p place) {
	old, taken := places[name]
	if !taken || p.file < old.file || p.file == old.file && p.line < old.line {
		places[name] = p
	}
}

func selfNamed(t *ast.Term) string {
	object, ok := t.Value.(ast.Object)
	if !ok {
		return ""
	}
	if rule := object.Get(ast.InternedTerm("rule")); rule != nil {
		if name, ok := rule.Value.(ast.String); ok {
			return string(name)
		}
	}
	return ""
}

// lineOf gives the line of the object, or of the rule where the object has none.
func lineOf(rule *ast.Rule, t *ast.Term) int {
	switch {
	case t.Location != nil && t.Location.Row > 0:
		return t.Location.Row
	case rule.Location != nil:
		return rule.Location.Row
	}
	return 0
}
