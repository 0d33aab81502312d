package policies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The two things that happen to a member.
const (
	removed  = "removed"
	mistyped = "mistyped"
)

// A mutant is a document in which one member is missing or of another type.
type mutant struct {
	steps  []string // to the member; "[2]" is an item of an array
	change string
	value  ast.Value
}

// mutants gives every mutant of a document.
func mutants(v ast.Value) []mutant {
	var found []mutant
	eachMutant(v, nil, func(m mutant) { found = append(found, m) })
	return found
}

func eachMutant(v ast.Value, at []string, do func(mutant)) {
	switch v := v.(type) {
	case ast.Object:
		v.Foreach(func(key, value *ast.Term) {
			name, isText := key.Value.(ast.String)
			if !isText {
				return
			}
			steps := append(slices.Clip(at), string(name))
			do(mutant{steps, removed, with(v, key, nil)})
			do(mutant{steps, mistyped, with(v, key, otherType(value.Value))})
			eachMutant(value.Value, steps, func(m mutant) {
				m.value = with(v, key, ast.NewTerm(m.value))
				do(m)
			})
		})
	case *ast.Array:
		replace := func(i int, t *ast.Term) ast.Value {
			changed := v.Copy()
			changed.Set(i, t)
			return changed
		}
		for i := range v.Len() {
			steps, item := append(slices.Clip(at), fmt.Sprintf("[%d]", i)), v.Elem(i)
			do(mutant{steps, mistyped, replace(i, otherType(item.Value))})
			eachMutant(item.Value, steps, func(m mutant) {
				m.value = replace(i, ast.NewTerm(m.value))
				do(m)
			})
		}
	}
}

// with gives the object with another value for a member, or without the member.
func with(o ast.Object, name, value *ast.Term) ast.Value {
	kept := make([][2]*ast.Term, 0, o.Len())
	o.Foreach(func(k, v *ast.Term) {
		switch {
		case !k.Equal(name):
			kept = append(kept, [2]*ast.Term{k, v})
		case value != nil:
			kept = append(kept, [2]*ast.Term{k, value})
		}
	})
	return ast.NewObject(kept...)
}

// otherType gives the value that somebody may mean to be the same, and that Rego does not take for it.
func otherType(v ast.Value) *ast.Term {
	switch v := v.(type) {
	case ast.String:
		return ast.ArrayTerm(ast.NewTerm(v))
	case ast.Boolean:
		return ast.StringTerm(v.String()) // "false" holds
	case ast.Number:
		return ast.StringTerm(v.String())
	case *ast.Array:
		return ast.ObjectTerm()
	case ast.Object:
		return ast.ArrayTerm()
	}
	return ast.StringTerm("")
}

// promised tells whether a schema rules the mutant out: it is never met.
func (m mutant) promised(schema strictjson.Value) bool {
	for i, step := range m.steps {
		last := i == len(m.steps)-1
		if last && m.change == removed {
			required, _ := schema.Get("required")
			names, _ := required.Strings()
			return slices.Contains(names, step)
		}
		schema = below(schema, step)
	}
	_, typed := schema.Get("type")
	return typed
}

// below gives what a schema says of a member or an item; the absent value: nothing.
func below(schema strictjson.Value, step string) strictjson.Value {
	if strings.HasPrefix(step, "[") {
		items, _ := schema.Get("items")
		return items
	}
	properties, _ := schema.Get("properties")
	if inner, known := properties.Get(step); known {
		return inner
	}
	others, _ := schema.Get("additionalProperties")
	return others
}

// path names the member below a root, with the places of all items of an array as one.
func (m mutant) path(root string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, step := range m.steps {
		switch {
		case strings.HasPrefix(step, "["):
			b.WriteString("[]")
		case strings.ContainsAny(step, `.[]" `):
			fmt.Fprintf(&b, "[%q]", step)
		default:
			b.WriteString("." + step)
		}
	}
	return b.String()
}

// refusals are requests that one of the shipped rules each refuses, besides the golden ones.
func refusals() []golden {
	var list []golden
	add := func(name string, change func(*decision.Registration)) {
		q := exampleRegister()
		change(&q)
		list = append(list, golden{name: name, on: registration, question: &q})
	}
	add("method of the profile", func(r *decision.Registration) { r.Effective.Metadata.TokenEndpointAuthMethod = "none" })
	add("grant of the profile", func(r *decision.Registration) {
		r.Effective.Metadata.GrantTypes = []string{"authorization_code", "client_credentials"}
	})
	add("web on loopback", func(r *decision.Registration) { r.Effective.Metadata.RedirectURIs = []string{"http://127.0.0.1/cb"} })
	add("plain http", func(r *decision.Registration) {
		r.Effective.Metadata.ApplicationType, r.Effective.Metadata.RedirectURIs = "native", []string{"http://a.example/cb"}
	})
	add("private scheme", func(r *decision.Registration) {
		r.Effective.Metadata.ApplicationType, r.Effective.Metadata.RedirectURIs = "native", []string{"myapp:/cb"}
	})
	add("many redirect URIs", func(r *decision.Registration) {
		for i := range 21 {
			r.Effective.Metadata.RedirectURIs = append(r.Effective.Metadata.RedirectURIs, fmt.Sprintf("https://a%d.example/", i))
		}
	})
	add("self-signed statement", func(r *decision.Registration) { r.Statement.Present, r.Statement.Trust = true, "self" })
	add("update by nobody", func(r *decision.Registration) {
		r.Operation, r.Channel, r.Caller.Kind = core.Update, core.ChannelManage, "open"
	})
	add("power taken by an update", func(r *decision.Registration) {
		*r = exampleUpdate()
		r.Before.Metadata.Scope = []string{"openid"}
	})
	return list
}
