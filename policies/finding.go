package policies

import (
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A finding is what one rule added to one set, in any of the forms.
type finding struct {
	module, rule, code, message, scope, field, name string

	fields        []string
	public        bool
	value, params *ast.Term
}

// readFinding reads a finding strictly by the form of its set.
func (c *contract) readFinding(set string, t *ast.Term) (finding, error) {
	f := finding{public: true}
	object, ok := t.Value.(ast.Object)
	if !ok {
		return f, fmt.Errorf("%s holds %s, not an object", set, ast.ValueName(t.Value))
	}
	have := make([]string, 0, 8)
	err := object.Iter(func(key, value *ast.Term) error {
		name, _ := key.Value.(ast.String)
		have = append(have, string(name))
		return f.take(c, set, string(name), value)
	})
	if err != nil {
		return f, err
	}
	for _, name := range forms[set].must {
		if !slices.Contains(have, name) {
			return f, fmt.Errorf("a finding of %s has no %s (rule %q)", set, name, f.rule)
		}
	}
	if f.field != "" && len(f.fields) > 0 {
		return f, fmt.Errorf("rule %s of %s has both field and fields", f.rule, set)
	}
	return f, nil
}

// take reads one member.
func (f *finding) take(c *contract, set, name string, value *ast.Term) error {
	if name != "module" && !slices.Contains(forms[set].must, name) && !slices.Contains(forms[set].may, name) {
		return fmt.Errorf("a finding of %s has the unknown member %q", set, name)
	}
	switch name {
	case "value":
		f.value = value
		return nil
	case "params":
		f.params = value
		return nil
	case "public":
		public, ok := value.Value.(ast.Boolean)
		f.public = bool(public)
		return unless(ok, set+": public is not a boolean")
	case "fields":
		return eachText(value, name, func(field string) error {
			f.fields = append(f.fields, field)
			return nil
		})
	}
	to := f.slot(name)
	if err := into(to, value, set+"."+name); err != nil {
		return err
	}
	if wrong := c.wrongValue(set, name, *to); wrong != "" {
		return fmt.Errorf("%s: %s", set, wrong)
	}
	return nil
}

// slot gives the place of a text member.
func (f *finding) slot(name string) *string {
	switch name {
	case "module":
		return &f.module
	case "rule":
		return &f.rule
	case "code":
		return &f.code
	case "scope":
		return &f.scope
	case "field":
		return &f.field
	case "name":
		return &f.name
	}
	return &f.message
}

// into takes a string.
func into(to *string, t *ast.Term, what string) error {
	text, ok := t.Value.(ast.String)
	*to = string(text)
	return unless(ok, what+" is not a string")
}

// each walks a set or an array.
func each(t *ast.Term, what string, do func(*ast.Term) error) error {
	switch list := t.Value.(type) {
	case ast.Set:
		return list.Iter(do)
	case *ast.Array:
		return list.Iter(do)
	}
	return fmt.Errorf("%s is %s, not a set", what, ast.ValueName(t.Value))
}

func eachText(t *ast.Term, what string, do func(string) error) error {
	return each(t, what, func(item *ast.Term) error {
		var text string
		if err := into(&text, item, what); err != nil {
			return err
		}
		return do(text)
	})
}

func unless(ok bool, problem string) error {
	if ok {
		return nil
	}
	return errors.New(problem)
}
