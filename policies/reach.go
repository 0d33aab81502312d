package policies

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core/decision"
)

// reach finds what compiled modules can read below a document such as input. A reference counts up to its first step that is
// not a constant name; what stands below is all read. Reading under "with" counts too, which errs on the safe side.
func reach(modules map[string]*ast.Module, root ast.Ref) *decision.Paths {
	paths := &decision.Paths{}
	for _, m := range modules {
		eachRead(m, root, func(names []string, _ *ast.Location) { paths.Add(names...) })
	}
	return paths
}

// eachRead calls do with every reading of a document: the constant names it begins with, and where it stands.
func eachRead(x any, root ast.Ref, do func(names []string, at *ast.Location)) {
	ast.WalkTerms(x, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case ast.Ref:
			if !v.HasPrefix(root) {
				return false
			}
			do(constantNames(v[len(root):]), t.Location)
			for _, step := range v[len(root):] {
				eachRead(step, root, do)
			}
			return true
		case ast.Var:
			if len(root) == 1 && v.Equal(root[0].Value) {
				do(nil, t.Location)
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
	for _, name := range []string{"ip", "origin", "user_agent", "cert"} {
		if p.Has("caller", name) {
			return false
		}
	}
	return true
}
