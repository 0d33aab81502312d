package core_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/ostiary/ostiary/core"
)

// The lists of words have every constant of their type, and none twice.
func TestListsOfWordsAreWhole(t *testing.T) {
	lists := map[string]int{"Code": len(core.Codes()), "Operation": len(core.Operations()), "Channel": len(core.Channels())}
	declared := map[string]int{}
	for _, name := range []string{"error.go", "client.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, is := n.(*ast.ValueSpec); is {
				if kind, named := spec.Type.(*ast.Ident); named && len(spec.Values) > 0 {
					declared[kind.Name] += len(spec.Names)
				}
			}
			return true
		})
	}
	for kind, n := range lists {
		if n != declared[kind] || n == 0 {
			t.Errorf("%d of %s are listed, and %d declared", n, kind, declared[kind])
		}
	}
	seen := map[core.Code]bool{}
	for _, code := range core.Codes() {
		if seen[code] {
			t.Errorf("%s is listed twice", code)
		}
		seen[code] = true
	}
}
