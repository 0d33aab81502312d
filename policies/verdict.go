package policies

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// decode reads the verdict strictly: a member, type or word that the contract does not have is an error, and an error
// refuses.
func (r *rules) decode(answer *ast.Term) (decision.Verdict, error) {
	d := decoder{rules: r}
	v := decision.Verdict{Revision: r.revision}
	object, ok := answer.Value.(ast.Object)
	if !ok {
		return v, fmt.Errorf("the verdict is %s", ast.ValueName(answer.Value))
	}
	err := object.Iter(func(key, value *ast.Term) error {
		name, _ := key.Value.(ast.String)
		return d.member(&v, string(name), value)
	})
	if err == nil {
		err = d.consistent(&v)
	}
	return v, err
}

// A decoder collects what is needed to judge the verdict as a whole.
type decoder struct {
	rules     *rules
	contract  string
	unchecked []string
}

func (d *decoder) member(v *decision.Verdict, name string, value *ast.Term) error {
	switch name {
	case "contract":
		return into(&d.contract, value, name)
	case "allow":
		allow, ok := value.Value.(ast.Boolean)
		v.Allow = bool(allow)
		return unless(ok, "allow is not a boolean")
	case "unchecked":
		return eachText(value, name, func(module string) error {
			d.unchecked = append(d.unchecked, module)
			return nil
		})
	}
	if !d.rules.contract.has(name) {
		return fmt.Errorf("the verdict has an unknown member %s", name)
	}
	switch name {
	case "trust":
		return eachText(value, name, func(level string) error { return lowerTrust(v, level) })
	case "label":
		return eachText(value, name, func(label string) error {
			v.Labels = append(v.Labels, label)
			return nil
		})
	}
	return each(value, name, func(t *ast.Term) error { return d.finding(v, name, t) })
}

// finding adds one finding of a set to the verdict.
func (d *decoder) finding(v *decision.Verdict, set string, t *ast.Term) error {
	f, err := d.rules.contract.readFinding(set, t)
	if err != nil {
		return err
	}
	by := d.reason(f)
	switch set {
	case "deny":
		v.Deny = append(v.Deny, by)
	case "warn":
		v.Warn = append(v.Warn, by)
	case "grant":
		v.Grant = append(v.Grant, decision.Scope{Scope: f.scope, By: by})
	case "strip":
		v.Strip = append(v.Strip, decision.Scope{Scope: f.scope, By: by})
	case "set":
		v.Set, err = addSetting(v.Set, f, by)
	case "default_value":
		v.Default, err = addSetting(v.Default, f, by)
	case "require":
		v.Require, err = addObligation(v.Require, f)
	case "limit":
		err = addLimit(v, f)
	}
	return err
}

// reason tells who found it and where that rule stands.
func (d *decoder) reason(f finding) core.Reason {
	p, known := d.rules.places[ruleName{f.module, f.rule}]
	if !known {
		p = d.rules.places[ruleName{f.module, ""}]
	}
	r := core.Reason{Rule: f.rule, Code: core.Code(f.code), Fields: f.fields, Message: printable(f.message), Public: f.public, File: p.file, Line: p.line}
	if f.field != "" {
		r.Fields = append(r.Fields, f.field)
	}
	return r
}

// consistent judges the verdict as a whole and puts the denials in order.
func (d *decoder) consistent(v *decision.Verdict) error {
	switch {
	case d.contract != decision.Contract:
		return fmt.Errorf("the verdict is of contract %q, not %s", d.contract, decision.Contract)
	case v.Allow && len(v.Deny)+len(d.unchecked) > 0:
		return errors.New("the verdict allows what it denies")
	case !v.Allow && len(v.Deny) == 0:
		return fmt.Errorf("no rule denied, but these modules did not report: %s", strings.Join(d.unchecked, ", "))
	}
	if err := scopeConflict(v); err != nil {
		return err
	}
	codes := d.rules.contract.codes
	slices.SortStableFunc(v.Deny, func(a, b core.Reason) int {
		return cmp.Or(cmp.Compare(slices.Index(codes, a.Code), slices.Index(codes, b.Code)), slices.Compare(a.Fields, b.Fields))
	})
	return nil
}

// scopeConflict refuses a scope that one rule adds and another takes away.
func scopeConflict(v *decision.Verdict) error {
	for _, add := range v.Grant {
		for _, take := range v.Strip {
			if add.Scope == take.Scope {
				return conflict("the scope "+add.Scope, add.By, take.By)
			}
		}
	}
	return nil
}

// conflict is the error for two rules that contradict each other.
func conflict(over string, a, b core.Reason) error {
	detail := fmt.Sprintf("The rules %s and %s disagree about %s. An operator has to change one of them.", a.Rule, b.Rule, over)
	cause := fmt.Errorf("%s:%d and %s:%d", a.File, a.Line, b.File, b.Line)
	return core.Fail(core.PolicyConflict, printable(detail), cause)
}

func addSetting(settings []decision.Setting, f finding, by core.Reason) ([]decision.Setting, error) {
	value, err := fromTerm(f.value)
	if err != nil {
		return nil, fmt.Errorf("rule %s: value: %w", f.rule, err)
	}
	for _, other := range settings {
		if other.Field != f.field {
			continue
		}
		if !strictjson.Equal(other.Value, value) {
			return nil, conflict("the member "+f.field, other.By, by)
		}
		return settings, nil
	}
	return append(settings, decision.Setting{Field: f.field, Value: value, By: by}), nil
}

func addObligation(list []core.Obligation, f finding) ([]core.Obligation, error) {
	o := core.Obligation{Name: f.name, Rule: f.rule}
	if f.params != nil {
		params, err := fromTerm(f.params)
		if err != nil || params.Kind() != strictjson.KindObject {
			return nil, fmt.Errorf("rule %s: params is not an object", f.rule)
		}
		if err := decision.CheckParams(f.name, params); err != nil {
			return nil, fmt.Errorf("rule %s: %w", f.rule, err)
		}
		if params.Len() > 0 {
			o.Params = string(strictjson.Canonical(nil, params))
		}
	}
	if slices.ContainsFunc(list, func(other core.Obligation) bool { return other.Name == o.Name && other.Params == o.Params }) {
		return list, nil
	}
	return append(list, o), nil
}

func addLimit(v *decision.Verdict, f finding) error {
	number, ok := f.value.Value.(ast.Number)
	seconds, isWhole := number.Int64()
	if least := leastOf(f.name); !ok || !isWhole || seconds < least {
		return fmt.Errorf("rule %s: the value of limit %s is not a whole number of seconds, %d or more", f.rule, f.name, least)
	}
	if v.Limits == nil {
		v.Limits = map[string]int64{}
	}
	if old, set := v.Limits[f.name]; !set || seconds < old {
		v.Limits[f.name] = seconds
	}
	return nil
}

// leastOf gives the least value of a limit: nothing lives for no time, but a sign-in may have to be a new one.
func leastOf(limit string) int64 {
	if limit == decision.LimitMaxAge {
		return 0
	}
	return 1
}

func lowerTrust(v *decision.Verdict, level string) error {
	if decision.TrustRank(level) < 0 {
		return fmt.Errorf("trust %q is not a level", level)
	}
	if v.Trust == "" || decision.TrustRank(level) < decision.TrustRank(v.Trust) {
		v.Trust = level
	}
	return nil
}

const maxMessage = 400

// printable makes a rule's message fit for error_description (RFC 6749 §5.2): printable ASCII without quotes and
// backslashes, and not longer than a reader would read.
func printable(message string) string {
	clean := strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c < ' ' || c > '~' || c == '\\':
			return '?'
		}
		return c
	}, message)
	if len(clean) > maxMessage {
		return clean[:maxMessage-3] + "..."
	}
	return clean
}
