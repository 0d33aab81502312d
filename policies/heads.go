package policies

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// checkModule holds the rules of a module to the contract, as far as their heads show it without running them.
func (c *contract) checkModule(m *ast.Module) []Problem {
	var problems []Problem
	if c.moduleName(packageName(m)) == "" {
		return nil
	}
	for _, rule := range m.Rules {
		problems = append(problems, c.checkRule(rule)...)
	}
	return problems
}

func (c *contract) checkRule(rule *ast.Rule) []Problem {
	name := string(rule.Head.Ref()[0].Value.(ast.Var))
	isPartialSet := rule.Head.RuleKind() == ast.MultiValue && len(rule.Head.Ref()) == 1
	switch {
	case name == "allow" || name == "decision":
		return []Problem{at(rule.Location, "%s belongs to the server: requests are allowed unless a rule denies; write deny contains {...}", name)}
	case isSet(name) && !c.has(name):
		return []Problem{at(rule.Location, "%s is no set of the %s decision, nobody reads it; the sets are %s", name, c.name, strings.Join(c.sets, ", "))}
	case isSet(name) && !isPartialSet:
		return []Problem{at(rule.Location, "%s must be a set: write %s contains ... if ...", name, name)}
	case name == "checked" && (rule.Head.RuleKind() != ast.SingleValue || len(rule.Head.Args) > 0):
		return []Problem{at(rule.Location, "checked must be a value: write checked := true, or checked if ...")}
	case !isPartialSet:
		return nil
	}
	found, isObject := rule.Head.Key.Value.(ast.Object)
	switch {
	case slices.Contains(plainSets, name):
		return checkPlain(rule, name)
	case !isObject:
		return nil
	case isSet(name):
		return c.checkFinding(rule, name, found)
	case found.Get(ast.StringTerm("rule")) != nil:
		return []Problem{at(rule.Location, "%s is no set of the contract, nobody reads it; the sets are %s", name, strings.Join(c.sets, ", "))}
	}
	return nil
}

func checkPlain(rule *ast.Rule, name string) []Problem {
	level, isText := rule.Head.Key.Value.(ast.String)
	if name == "trust" && isText && decision.TrustRank(string(level)) < 0 {
		return []Problem{at(rule.Location, "trust %s is not one of issuer, self, none", level)}
	}
	return nil
}

// checkFinding checks an object that stands in a rule's head.
func (c *contract) checkFinding(rule *ast.Rule, set string, found ast.Object) []Problem {
	var problems []Problem
	f := forms[set]
	seen := map[string]bool{}
	found.Foreach(func(key, value *ast.Term) {
		name, isText := key.Value.(ast.String)
		if !isText {
			problems = append(problems, at(rule.Location, "%s: member names must be plain strings", set))
			return
		}
		seen[string(name)] = true
		if !slices.Contains(f.must, string(name)) && !slices.Contains(f.may, string(name)) {
			problems = append(problems, at(rule.Location, "%s has no member %s; it has %s", set, string(name), strings.Join(slices.Concat(f.must, f.may), ", ")))
		}
		if text, ok := value.Value.(ast.String); ok {
			if wrong := c.wrongValue(set, string(name), string(text)); wrong != "" {
				problems = append(problems, at(rule.Location, "%s: %s", set, wrong))
			}
		}
	})
	for _, name := range f.must {
		if !seen[name] {
			problems = append(problems, at(rule.Location, "%s needs the member %s", set, name))
		}
	}
	return append(problems, c.checkParams(rule, set, found)...)
}

// checkParams checks the params of an obligation, where name and params stand in the head as they are.
func (c *contract) checkParams(rule *ast.Rule, set string, found ast.Object) []Problem {
	name, params := found.Get(ast.StringTerm("name")), found.Get(ast.StringTerm("params"))
	if set != "require" || name == nil || params == nil {
		return nil
	}
	text, isText := name.Value.(ast.String)
	value, err := fromTerm(params)
	if err != nil || !isText || !slices.Contains(c.obligations, string(text)) {
		return nil // part of it is computed: it is checked when it is known
	}
	if value.Kind() != strictjson.KindObject {
		return []Problem{at(rule.Location, "%s: params is not an object", set)}
	}
	if err := decision.CheckParams(string(text), value); err != nil {
		return []Problem{at(rule.Location, "%s: %v", set, err)}
	}
	return nil
}
