package policies

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core/decision"
)

// reach finds what compiled modules can read of the input. A reference counts up to its first step that is not a constant
// name; what stands below is all read. Reading under "with" counts too, which errs on the safe side.
func reach(modules map[string]*ast.Module) *decision.Paths {
	paths := &decision.Paths{}
	for _, m := range modules {
		walkInput(paths, m)
	}
	return paths
}

func walkInput(paths *decision.Paths, x any) {
	ast.WalkTerms(x, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case ast.Ref:
			if !v.HasPrefix(ast.InputRootRef) {
				return false
			}
			paths.Add(constantNames(v[1:])...)
			for _, step := range v[1:] {
				walkInput(paths, step)
			}
			return true
		case ast.Var:
			if v.Equal(ast.InputRootDocument.Value) {
				paths.Add()
			}
		}
		return false
	})
}

func constantNames(ref ast.Ref) []string {
	names := make([]string, 0, len(ref))
	for _, term := range ref {
		name, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		names = append(names, string(name))
	}
	return names
}

// timeless says why decisions of a revision that reads these paths cannot be remembered; empty: they can.
func timeless(p *decision.Paths) string {
	if p.Whole() {
		return "a rule reads input as a whole, or by a name that is computed"
	}
	for _, name := range []string{"now", "request_id"} {
		if p.Has(name) {
			return fmt.Sprintf("a rule reads input.%s", name)
		}
	}
	return ""
}

// lasting tells whether rules that read these paths see nothing that differs from one request of a caller to the next.
func lasting(p *decision.Paths) bool {
	if timeless(p) != "" {
		return false
	}
	for _, name := range []string{"ip", "origin", "user_agent"} {
		if p.Has("caller", name) {
			return false
		}
	}
	return true
}
