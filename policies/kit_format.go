package policies

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
)

// Format gives a file of Rego as OPA formats it. The error is a *LoadError.
func Format(name string, text []byte) ([]byte, error) {
	parser := ast.ParserOptions{Capabilities: capabilities(), RegoVersion: ast.RegoV1, ProcessAnnotation: true}
	out, err := format.SourceWithOpts(name, text, format.Opts{RegoVersion: ast.RegoV1, ParserOptions: &parser})
	if err != nil {
		return nil, refused(problemsOf(err))
	}
	return out, nil
}
