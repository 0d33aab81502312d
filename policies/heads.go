package policies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
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
	case !isObject && isSet(name) && isWritten(rule.Head.Key):
		return []Problem{at(rule.Location, "%s holds objects: write %s contains {%s} if ...", name, name, members(forms[name].must))}
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
	if !isText && isWritten(rule.Head.Key) {
		return []Problem{at(rule.Location, "%s holds strings, not %s", name, ast.ValueName(rule.Head.Key.Value))}
	}
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
		if wrong := wrongType(string(name), value); wrong != "" {
			problems = append(problems, at(rule.Location, "%s: %s", set, wrong))
		}
	})
	for _, name := range f.must {
		if !seen[name] {
			problems = append(problems, at(rule.Location, "%s needs the member %s", set, name))
		}
	}
	if wrong := wrongResult(set, found); wrong != "" {
		problems = append(problems, at(rule.Location, "%s: %s", set, wrong))
	}
	return append(problems, c.checkParams(rule, set, found)...)
}

// isWritten tells whether a term stands there as it is, and is not computed.
func isWritten(t *ast.Term) bool {
	switch t.Value.(type) {
	case ast.String, ast.Number, ast.Boolean, ast.Null, *ast.Array, ast.Set, ast.Object:
		return true
	}
	return false
}

// members shows what an object must have.
func members(names []string) string { return `"` + strings.Join(names, `": ..., "`) + `": ...` }

// wrongType says what is wrong with the type of a member of a finding; empty: nothing, or it is computed.
func wrongType(member string, t *ast.Term) string {
	if !isWritten(t) {
		return ""
	}
	ok, want := true, ""
	switch member {
	case "rule", "code", "message", "scope", "field", "name":
		_, ok = t.Value.(ast.String)
		want = "a string"
	case "public":
		_, ok = t.Value.(ast.Boolean)
		want = "true or false"
	case "fields":
		_, isList := t.Value.(*ast.Array)
		_, isSet := t.Value.(ast.Set)
		ok, want = isList || isSet, "a list of strings"
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("%s must be %s, not %s", member, want, ast.ValueName(t.Value))
}

// wrongResult says what is wrong with the value of a limit or of a setting, where it stands in the head as it is.
func wrongResult(set string, found ast.Object) string {
	value := found.Get(ast.StringTerm("value"))
	switch {
	case value == nil || !isWritten(value):
		return ""
	case set == "limit":
		least := leastOf(textOf(found, "name"))
		number, isNumber := value.Value.(ast.Number)
		if n, whole := number.Int64(); !isNumber || !whole || n < least {
			return fmt.Sprintf("value must be a whole number of seconds, %d or more, not %v", least, value)
		}
	case set == "set" || set == "default_value":
		doc, err := fromTerm(value)
		row, known := metadata.Lookup(textOf(found, "field"))
		if err != nil || !known {
			return ""
		}
		if err := row.Set(&core.Metadata{}, doc); err != nil {
			return core.AsError(err).Detail
		}
	}
	return ""
}

// textOf gives a member that stands there as a string; empty: it does not.
func textOf(o ast.Object, name string) string {
	t := o.Get(ast.StringTerm(name))
	if t == nil {
		return ""
	}
	text, _ := t.Value.(ast.String)
	return string(text)
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
