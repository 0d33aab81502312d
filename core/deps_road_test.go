package core_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
)

const (
	roadFolder  = "core/registration"
	roadFile    = "approve.go"
	roadMethod  = "approve"
	restoreFile = "cmd/ostiary/restore.go" // offline restore, the one caller of Engine.Load outside storage
)

// checkEngineCalls finds uses of Engine.Apply and Engine.Load outside storage, in packages that import storage. Whatever has one of
// these names counts, unless types show that it is somebody else's (see isElsewhere) or it is a call of Load without arguments, which
// is an atomic's.
func checkEngineCalls(tree []source) []string {
	importers := make(map[string][]source)
	for _, s := range tree {
		for _, spec := range s.file.Imports {
			if target, ok := ours(pathOf(spec)); ok && within(target, "storage/...") && !within(s.folder, "storage/...") {
				importers[s.folder] = nil
			}
		}
	}
	for _, s := range tree {
		if others, ok := importers[s.folder]; ok {
			importers[s.folder] = append(others, s)
		}
	}
	var violations []string
	for folder, files := range importers {
		info := typesOf(tree, folder, files)
		for _, s := range files {
			violations = append(violations, engineCalls(s, info)...)
		}
	}
	slices.Sort(violations)
	return violations
}

func engineCalls(s source, info *types.Info) []string {
	var violations []string
	harmless := make(map[ast.Expr]bool)
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			harmless[n.Fun] = len(n.Args) == 0
		case *ast.SelectorExpr:
			load := n.Sel.Name == "Load" && !harmless[n] && path.Join(s.folder, s.name) != restoreFile
			if (load || n.Sel.Name == "Apply") && !isElsewhere(n, info) {
				violations = append(violations, s.at(n.Pos(), "%s: only storage calls Engine.Apply and Load (law 3)", n.Sel.Name))
			}
		}
		return true
	})
	return violations
}

// isElsewhere tells that a selector is surely a function or method that a package of ours outside storage declares with a body of its
// own: behind an interface there may be an engine, and so there may be where its types are the store's.
func isElsewhere(n *ast.SelectorExpr, info *types.Info) bool {
	f, ok := info.Uses[n.Sel].(*types.Func)
	if !ok || f.Pkg() == nil {
		return false
	}
	folder, ok := ours(f.Pkg().Path())
	if !ok || within(folder, "storage/...") || strings.Contains(types.TypeString(info.TypeOf(n), nil), module+"/storage") {
		return false
	}
	recv := f.Signature().Recv()
	return recv == nil || !types.IsInterface(recv.Type())
}

// checkApprovedType holds that Approved is a struct of unexported fields, so that no other package can fill one.
func checkApprovedType(tree []source) []string {
	for _, s := range tree {
		if s.folder != roadFolder {
			continue
		}
		for _, spec := range typeSpecs(s.file) {
			if spec.Name.Name != "Approved" {
				continue
			}
			body, ok := spec.Type.(*ast.StructType)
			if !ok || spec.TypeParams != nil || spec.Assign.IsValid() {
				return []string{s.at(spec.Pos(), "Approved must be a plain struct (law 3)")}
			}
			for _, field := range body.Fields.List {
				if len(field.Names) == 0 || slices.ContainsFunc(field.Names, (*ast.Ident).IsExported) {
					return []string{s.at(field.Pos(), "Approved may have only unexported, named fields (law 3)")}
				}
			}
			return nil
		}
	}
	return []string{roadFolder + ": there is no type Approved (law 3)"}
}

// checkApprovedMade holds that an Approved gets its content in approve.go only: a literal in the method approve, fields in that
// file. Elsewhere it may be empty, passed on and read.
func checkApprovedMade(tree []source) []string {
	var violations []string
	for _, s := range tree {
		if s.folder == roadFolder {
			violations = append(violations, checkLiterals(s)...)
			continue
		}
		for _, use := range selectors(s, module+"/"+roadFolder) {
			if use.Sel.Name == "Approved" && isFilled(s.file, use) {
				violations = append(violations, s.at(use.Pos(), "an Approved is made by Judge only (law 3)"))
			}
		}
	}
	return append(violations, checkFieldWrites(tree)...)
}

// isFilled tells whether a type expression is that of a literal with content or of a conversion.
func isFilled(file *ast.File, typ ast.Expr) bool {
	filled := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			filled = filled || n.Type == typ && len(n.Elts) > 0
		case *ast.CallExpr:
			filled = filled || ast.Unparen(n.Fun) == typ
		}
		return true
	})
	return filled
}

func checkLiterals(s source) []string {
	var violations []string
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && s.name == roadFile && f.Recv != nil && f.Name.Name == roadMethod {
			continue
		}
		ast.Inspect(d, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == "Approved" && isFilled(s.file, id) {
				violations = append(violations, s.at(id.Pos(), "only the method %s in %s fills an Approved (law 3)", roadMethod, roadFile))
			}
			return true
		})
		if spec, ok := aliasOfApproved(d); ok {
			violations = append(violations, s.at(spec.Pos(), "no other name for Approved (law 3)"))
		}
	}
	return violations
}

// aliasOfApproved finds a type declared as Approved under another name: a literal of it would pass unseen.
func aliasOfApproved(d ast.Decl) (*ast.TypeSpec, bool) {
	g, ok := d.(*ast.GenDecl)
	if !ok || g.Tok != token.TYPE {
		return nil, false
	}
	for _, spec := range g.Specs {
		if t := spec.(*ast.TypeSpec); isIdent(t.Type, "Approved") {
			return t, true
		}
	}
	return nil, false
}

// checkFieldWrites finds assignments to the fields of an Approved, and their addresses taken, outside approve.go. It checks the
// types of the package by itself: what it imports is left unknown.
func checkFieldWrites(tree []source) []string {
	var files []*ast.File
	var sources []source
	for _, s := range tree {
		if s.folder == roadFolder && !strings.HasSuffix(s.file.Name.Name, "_test") {
			files, sources = append(files, s.file), append(sources, s)
		}
	}
	if len(files) == 0 {
		return nil
	}
	info := &types.Info{Selections: make(map[*ast.SelectorExpr]*types.Selection)}
	config := types.Config{Importer: unknown{}, Error: func(error) {}}
	_, _ = config.Check(module+"/"+roadFolder, sources[0].fset, files, info) // unknown imports are errors, and expected
	var violations []string
	for _, s := range sources {
		if s.name == roadFile {
			continue
		}
		for _, e := range written(s.file) {
			if field, ok := approvedField(e, info); ok {
				violations = append(violations, s.at(e.Pos(), "Approved.%s is written outside %s (law 3)", field, roadFile))
			}
		}
	}
	return violations
}

// written gives the expressions that a file assigns to or takes the address of.
func written(file *ast.File) []ast.Expr {
	var found []ast.Expr
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			found = append(found, n.Lhs...)
		case *ast.IncDecStmt:
			found = append(found, n.X)
		case *ast.RangeStmt:
			found = append(found, n.Key, n.Value)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				found = append(found, n.X)
			}
		}
		return true
	})
	return found
}

// approvedField walks down a.b.c[i] to a field of an Approved.
func approvedField(e ast.Expr, info *types.Info) (string, bool) {
	for {
		switch x := e.(type) {
		case *ast.SelectorExpr:
			if selection := info.Selections[x]; selection != nil && selection.Kind() == types.FieldVal && isApproved(selection.Recv()) {
				return x.Sel.Name, true
			}
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return "", false
		}
	}
}

func isApproved(t types.Type) bool {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := t.(*types.Named)
	return ok && named.Obj().Name() == "Approved"
}

// checkOnlyCommit holds that of storage's exported functions and methods only Clients.Commit takes an Approved.
func checkOnlyCommit(tree []source) []string {
	var violations []string
	commits := 0
	for _, s := range tree {
		if !within(s.folder, "storage/...") || s.isTest() {
			continue
		}
		approved := make(map[*ast.SelectorExpr]bool)
		for _, use := range selectors(s, module+"/"+roadFolder) {
			approved[use] = use.Sel.Name == "Approved"
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || !takes(f, approved) {
				continue
			}
			if s.folder == "storage" && f.Name.Name == "Commit" && f.Recv != nil {
				commits++
				continue
			}
			violations = append(violations, s.at(f.Pos(), "%s takes an Approved: only Commit writes clients (law 3)", f.Name.Name))
		}
	}
	if commits != 1 {
		violations = append(violations, "storage: there must be exactly one method Commit that takes an Approved (law 3)")
	}
	return violations
}

func takes(f *ast.FuncDecl, approved map[*ast.SelectorExpr]bool) bool {
	found := false
	ast.Inspect(f.Type.Params, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		found = found || ok && approved[sel]
		return true
	})
	return found
}
