package core_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// A way is some names of a package (all: "*") that only some folders may use.
type way struct {
	of, names, only string
	testsToo        bool // test files anywhere may use it as well
	instead         string
}

// checkWays finds uses of what ways keeps for others.
func checkWays(tree []source) []string {
	var violations []string
	for _, s := range tree {
		for _, w := range ways {
			if !within(s.folder, w.only) && !(w.testsToo && s.isTest()) {
				violations = append(violations, w.check(s)...)
			}
		}
		if !within(s.folder, "core/fetch") {
			violations = append(violations, checkReverseProxies(s)...)
		}
	}
	return violations
}

func (w way) check(s source) []string {
	var violations []string
	for _, spec := range s.file.Imports {
		dotted := spec.Name != nil && spec.Name.Name == "."
		if pathOf(spec) == w.of && (w.names == "*" || dotted) {
			violations = append(violations, s.at(spec.Pos(), "import of %s: %s", w.of, w.instead))
		}
	}
	pointers := pointerTypes(s.file)
	for _, use := range selectors(s, w.of) {
		if within(use.Sel.Name, w.names) && !pointers[use] {
			violations = append(violations, s.at(use.Pos(), "%s.%s: %s", w.of, use.Sel.Name, w.instead))
		}
	}
	return violations
}

// selectors finds all uses of an imported package.
func selectors(s source, importPath string) []*ast.SelectorExpr {
	names := s.names(importPath)
	var found []*ast.SelectorExpr
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(names, x.Name) {
				found = append(found, sel)
			}
		}
		return true
	})
	return found
}

// pointerTypes finds x.T in *x.T: naming a pointer's type makes nothing.
func pointerTypes(file *ast.File) map[*ast.SelectorExpr]bool {
	found := make(map[*ast.SelectorExpr]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if star, ok := n.(*ast.StarExpr); ok {
			if sel, ok := star.X.(*ast.SelectorExpr); ok {
				found[sel] = true
			}
		}
		return true
	})
	return found
}

// checkReverseProxies finds reverse proxies without a Transport of their own: they use the default one.
func checkReverseProxies(s source) []string {
	proxies := make(map[ast.Expr]bool)
	pointers := pointerTypes(s.file)
	for _, use := range selectors(s, "net/http/httputil") {
		if use.Sel.Name == "ReverseProxy" && !pointers[use] {
			proxies[use] = true
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.CompositeLit); ok && proxies[lit.Type] && hasKey(lit, "Transport") {
			delete(proxies, lit.Type)
		}
		return true
	})
	var violations []string
	for use := range proxies {
		violations = append(violations, s.at(use.Pos(), "httputil.ReverseProxy without Transport uses the default one: give it one from core/fetch"))
	}
	return violations
}

func hasKey(lit *ast.CompositeLit, name string) bool {
	return slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool {
		pair, ok := e.(*ast.KeyValueExpr)
		return ok && isIdent(pair.Key, name)
	})
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// checkSilentLibrary finds exported declarations of a folder that mention a library, also by way of a local type.
func checkSilentLibrary(tree []source, folder, library string) []string {
	var files []source
	for _, s := range tree {
		if s.folder == folder && !s.isTest() {
			files = append(files, s)
		}
	}
	speaking := make(map[string]bool)
	for again := true; again; {
		again = false
		for _, s := range files {
			for _, spec := range typeSpecs(s.file) {
				if !speaking[spec.Name.Name] && mentions(s, spec.Type, library, speaking) {
					speaking[spec.Name.Name], again = true, true
				}
			}
		}
	}
	var violations []string
	for _, s := range files {
		for _, d := range s.file.Decls {
			for _, part := range exportedParts(d) {
				if mentions(s, part, library, speaking) {
					violations = append(violations, s.at(part.Pos(), "an exported declaration of %s mentions %s", folder, library))
				}
			}
		}
	}
	return violations
}

func typeSpecs(file *ast.File) []*ast.TypeSpec {
	var specs []*ast.TypeSpec
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
			for _, spec := range g.Specs {
				specs = append(specs, spec.(*ast.TypeSpec))
			}
		}
	}
	return specs
}

// exportedParts gives the parts of a declaration that other packages see.
func exportedParts(d ast.Decl) []ast.Node {
	var parts []ast.Node
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() {
			parts = append(parts, d.Type)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() {
					parts = append(parts, spec.Type)
				}
			case *ast.ValueSpec:
				if slices.ContainsFunc(spec.Names, (*ast.Ident).IsExported) {
					parts = append(parts, spec)
				}
			}
		}
	}
	return parts
}

// mentions tells whether a visible part of a declaration names a library or a local type that does. Unexported fields and
// methods are not visible.
func mentions(s source, part ast.Node, library string, speaking map[string]bool) bool {
	names := make(map[string]bool)
	for _, spec := range s.file.Imports {
		if p := pathOf(spec); p == library || strings.HasPrefix(p, library+"/") {
			for _, name := range s.names(p) {
				names[name] = true
			}
		}
	}
	found := false
	ast.Inspect(part, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			hidden := len(n.Names) > 0 && !slices.ContainsFunc(n.Names, (*ast.Ident).IsExported)
			return !(hidden && isMember(part, n))
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			found = found || ok && names[x.Name]
			return false
		case *ast.Ident:
			found = found || speaking[n.Name]
		}
		return true
	})
	return found
}

// isMember tells whether a field belongs to a struct or interface in part, not to a function's parameters.
func isMember(part ast.Node, field *ast.Field) bool {
	member := false
	ast.Inspect(part, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StructType:
			member = member || slices.Contains(n.Fields.List, field)
		case *ast.InterfaceType:
			member = member || slices.Contains(n.Methods.List, field)
		}
		return true
	})
	return member
}
