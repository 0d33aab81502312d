package policies

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
)

// A form is what the findings of one set look like.
type form struct {
	must []string
	may  []string
}

// forms lists the sets whose findings are objects. Decoding holds every finding to its form; loading holds every rule to it
// whose head shows the object.
var forms = map[string]form{
	"deny":          {must: []string{"rule", "code", "message"}, may: []string{"field", "fields", "public"}},
	"warn":          {must: []string{"rule", "message"}, may: []string{"field", "fields"}},
	"grant":         {must: []string{"rule", "scope"}, may: []string{"message"}},
	"strip":         {must: []string{"rule", "scope"}, may: []string{"message"}},
	"set":           {must: []string{"rule", "field", "value"}},
	"default_value": {must: []string{"rule", "field", "value"}},
	"require":       {must: []string{"rule", "name"}, may: []string{"params"}},
	"limit":         {must: []string{"rule", "name", "value"}},
}

// plainSets are the sets whose findings are strings.
var plainSets = []string{"trust", "label"}

func isSet(name string) bool { return forms[name].must != nil || slices.Contains(plainSets, name) }

// codes are the words a denial may answer with.
var codes = []core.Code{
	core.InvalidRedirectURI, core.InvalidClientMetadata, core.InvalidSoftwareStatement, core.UnapprovedSoftwareStmt,
	core.InvalidScope, core.AccessDenied,
}

// wrongValue says what is wrong with a text member of a finding; empty: nothing.
func wrongValue(set, member, value string) string {
	switch {
	case member == "code" && !slices.Contains(codes, core.Code(value)):
		return "code " + value + " is not one of " + listCodes()
	case set == "require" && member == "name" && value != decision.ObligePKCE:
		return "the server knows no obligation " + value + "; it knows " + decision.ObligePKCE
	case set == "limit" && member == "name" && value != decision.LimitClientSecretLifetime && value != decision.LimitClientLifetime:
		return "the server knows no limit " + value + "; it knows " + decision.LimitClientSecretLifetime + " and " + decision.LimitClientLifetime
	case (set == "set" || set == "default_value") && member == "field":
		return wrongField(value)
	case member == "rule" && value == "":
		return "rule is empty"
	}
	return ""
}

func wrongField(name string) string {
	row, known := metadata.Lookup(name)
	switch {
	case !known:
		return "field " + name + " is not a member of client metadata"
	case row.Fixed:
		return "field " + name + " cannot be changed"
	}
	return ""
}

func listCodes() string {
	words := make([]string, 0, len(codes))
	for _, code := range codes {
		words = append(words, string(code))
	}
	return strings.Join(words, ", ")
}

// checkContract holds the rules of a module to the contract, as far as that can be seen without running them.
func checkContract(m *ast.Module) []Problem {
	var problems []Problem
	if moduleName(packageName(m)) == "" {
		return nil
	}
	for _, rule := range m.Rules {
		problems = append(problems, checkRule(rule)...)
	}
	return problems
}

func checkRule(rule *ast.Rule) []Problem {
	name := string(rule.Head.Ref()[0].Value.(ast.Var))
	isPartialSet := rule.Head.RuleKind() == ast.MultiValue && len(rule.Head.Ref()) == 1
	switch {
	case name == "allow" || name == "decision":
		return []Problem{at(rule.Location, "%s belongs to the server: requests are allowed unless a rule denies; write deny contains {...}", name)}
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
		return checkFinding(rule, name, found)
	case found.Get(ast.StringTerm("rule")) != nil:
		return []Problem{at(rule.Location, "%s is no set of the contract, nobody reads it; the sets are %s", name, setNames())}
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
func checkFinding(rule *ast.Rule, set string, found ast.Object) []Problem {
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
			if wrong := wrongValue(set, string(name), string(text)); wrong != "" {
				problems = append(problems, at(rule.Location, "%s: %s", set, wrong))
			}
		}
	})
	for _, name := range f.must {
		if !seen[name] {
			problems = append(problems, at(rule.Location, "%s needs the member %s", set, name))
		}
	}
	return problems
}

func setNames() string {
	return strings.Join(slices.Concat(slices.Sorted(maps.Keys(forms)), plainSets), ", ")
}
