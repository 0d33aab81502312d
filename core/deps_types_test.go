package core_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// typesOf checks the types of the packages in a folder, tests included. Packages of ours are known, others are not: what depends on
// them has no type.
func typesOf(tree []source, folder string, files []source) *types.Info {
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object), Types: make(map[ast.Expr]types.TypeAndValue)}
	packages := make(map[string][]*ast.File)
	for _, s := range files {
		name := s.file.Name.Name
		packages[name] = append(packages[name], s.file)
	}
	known := &neighbours{tree: tree, known: make(map[string]*types.Package)}
	for name, files := range packages {
		importPath := module + "/" + folder
		if strings.HasSuffix(name, "_test") {
			importPath += "_test"
		}
		config := types.Config{Importer: known, Error: func(error) {}}
		_, _ = config.Check(importPath, tree[0].fset, files, info) // what is unknown is an error, and expected
	}
	return info
}

// neighbours imports the packages of a tree, without the bodies of their functions.
type neighbours struct {
	tree  []source
	known map[string]*types.Package
}

func (n *neighbours) Import(importPath string) (*types.Package, error) {
	folder, ok := ours(importPath)
	if !ok {
		return unknown{}.Import(importPath)
	}
	if p := n.known[folder]; p != nil {
		return p, nil
	}
	n.known[folder], _ = unknown{}.Import(importPath) // for whoever imports itself
	var files []*ast.File
	var fset *token.FileSet
	for _, s := range n.tree {
		if s.folder == folder && !s.isTest() {
			files, fset = append(files, s.file), s.fset
		}
	}
	if len(files) == 0 {
		return n.known[folder], nil
	}
	config := types.Config{Importer: n, Error: func(error) {}, IgnoreFuncBodies: true}
	p, _ := config.Check(importPath, fset, files, nil)
	n.known[folder] = p
	return p, nil
}

// unknown imports every package as an empty one.
type unknown struct{}

func (unknown) Import(importPath string) (*types.Package, error) {
	p := types.NewPackage(importPath, nameOf(importPath))
	p.MarkComplete()
	return p, nil
}
