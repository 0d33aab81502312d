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

// A member that is missing must never turn a refusal into an allowance (in Rego, "not f(input.missing)" does not hold).
func TestMissingMembersNeverAllow(t *testing.T) {
	rev := engineWith(t, "").Active()
	tried := 0
	for name, change := range refusals() {
		q := exampleRegister()
		change(&q)
		input := rev.input(&q) // what no rule reads does not matter
		v, err := rev.decide(input, topdown.NewCancel())
		if err != nil || v.Allow || len(v.Deny) == 0 {
			t.Errorf("%s is not refused: %+v, %v", name, v, err)
			continue
		}
		mutants := map[string]ast.Value{}
		without(input.Value, "input", mutants)
		for path, mutant := range mutants {
			tried++
			if v, err := rev.decide(ast.NewTerm(mutant), topdown.NewCancel()); err == nil && v.Allow {
				t.Errorf("%s is allowed without %s", name, path)
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d mutants", tried)
	}
}

// refusals are requests that one rule each refuses.
func refusals() map[string]func(*decision.Registration) {
	list := map[string]func(*decision.Registration){
		"method of the profile": func(r *decision.Registration) { r.Effective.Metadata.TokenEndpointAuthMethod = "none" },
		"grant of the profile": func(r *decision.Registration) {
			r.Effective.Metadata.GrantTypes = []string{"authorization_code", "client_credentials"}
		},
		"web on loopback": func(r *decision.Registration) { r.Effective.Metadata.RedirectURIs = []string{"http://127.0.0.1/cb"} },
		"plain http": func(r *decision.Registration) {
			r.Effective.Metadata.ApplicationType, r.Effective.Metadata.RedirectURIs = "native", []string{"http://a.example/cb"}
		},
		"private scheme": func(r *decision.Registration) {
			r.Effective.Metadata.ApplicationType, r.Effective.Metadata.RedirectURIs = "native", []string{"myapp:/cb"}
		},
		"many redirect URIs": func(r *decision.Registration) {
			for i := range 21 {
				r.Effective.Metadata.RedirectURIs = append(r.Effective.Metadata.RedirectURIs, fmt.Sprintf("https://a%d.example/", i))
			}
		},
		"self-signed statement": func(r *decision.Registration) { r.Statement.Present, r.Statement.Trust = true, "self" },
		"update by nobody": func(r *decision.Registration) {
			r.Operation, r.Channel, r.Caller.Kind = core.Update, core.ChannelManage, "open"
		},
	}
	for _, g := range goldens(exampleConfig()) {
		list[g.name] = g.change
	}
	return list
}
