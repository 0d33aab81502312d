package policies

import (
	"fmt"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

// without gives every value that lacks one object member somewhere in v, with the path of what is missing.
func without(v ast.Value, path string, found map[string]ast.Value) {
	step := func(at string, inner *ast.Term, rebuild func(*ast.Term) ast.Value) {
		below := map[string]ast.Value{}
		without(inner.Value, at, below)
		for path, changed := range below {
			found[path] = rebuild(ast.NewTerm(changed))
		}
	}
	switch v := v.(type) {
	case ast.Object:
		v.Foreach(func(key, value *ast.Term) {
			at := path + "." + string(key.Value.(ast.String))
			found[at] = with(v, key, nil)
			step(at, value, func(t *ast.Term) ast.Value { return with(v, key, t) })
		})
	case *ast.Array:
		for i := range v.Len() {
			step(fmt.Sprintf("%s[%d]", path, i), v.Elem(i), func(t *ast.Term) ast.Value {
				changed := v.Copy()
				changed.Set(i, t)
				return changed
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

// A member that is missing must never turn a refusal into an allowance, nor let a scope through that is to be taken away (in
// Rego, "not f(input.missing)" does not hold).
func TestMissingMembersNeverAllow(t *testing.T) {
	e := engineWith(t, "")
	tried := [decisions]int{}
	for _, g := range append(refusals(), goldens(exampleConfig())...) {
		rules := rulesIn(e, g.on)
		input := rules.input(g.question) // what no rule reads does not matter
		v, err := rules.decide(input, topdown.NewCancel())
		if err != nil || g.passes(v) || len(v.Deny)+len(v.Strip) == 0 {
			t.Errorf("%s is not refused: %+v, %v", g.name, v, err)
			continue
		}
		mutants := map[string]ast.Value{}
		without(input.Value, "input", mutants)
		for path, mutant := range mutants {
			tried[g.on]++
			if v, err := rules.decide(ast.NewTerm(mutant), topdown.NewCancel()); err == nil && g.passes(v) {
				t.Errorf("%s is allowed without %s", g.name, path)
			}
		}
	}
	if tried[registration] < 500 || tried[authorization] < 20 || tried[token] < 60 {
		t.Errorf("only %d mutants", tried)
	}
}

// refusals are requests that one rule each refuses, besides the golden ones.
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
