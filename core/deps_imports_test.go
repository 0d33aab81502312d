package core_test

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// checkRows holds the rows of arrows against law 1.
func checkRows(rows map[string]string) []string {
	var violations []string
	for _, folder := range slices.Sorted(maps.Keys(rows)) {
		allowed, ok := roofOf(folder)
		if !ok {
			violations = append(violations, "arrows: "+folder+" has no roof: it is in no part of the house")
		}
		for name := range strings.FieldsSeq(rows[folder]) {
			if !within(strings.TrimSuffix(name, "/..."), allowed) {
				violations = append(violations, "arrows: "+folder+" may not import "+name+" (law 1)")
			}
			if verb, ok := verbOf(strings.TrimSuffix(name, "/...")); ok && !mayImportVerb(folder, verb) {
				violations = append(violations, "arrows: "+folder+" may not import the verb "+verb+" (law 1)")
			}
		}
	}
	return violations
}

// roofOf gives the roof with the longest name over a folder. The package core itself stands apart: its nouns need only words.
func roofOf(folder string) (string, bool) {
	if folder == "core" {
		return "core/oauth", true
	}
	for at := folder; ; {
		if roof, ok := roofs[at]; ok {
			return roof, true
		}
		cut := strings.LastIndexByte(at, '/')
		if cut < 0 {
			return "", false
		}
		at = at[:cut]
	}
}

func verbOf(folder string) (string, bool) {
	for _, verb := range verbs {
		if within(folder, verb+"/...") {
			return verb, true
		}
	}
	return "", false
}

func mayImportVerb(folder, verb string) bool {
	inCore := strings.HasPrefix(folder, "core/") || folder == "core"
	return !inCore || within(folder, verb+"/...") || strings.HasPrefix(folder, "core/web/")
}

// checkArrows holds every import of ours against the rows.
func checkArrows(tree []source, rows map[string]string) []string {
	var violations []string
	seen := make(map[string]bool)
	for _, s := range tree {
		seen[s.folder] = true
		row, known := rows[s.folder]
		if !known {
			violations = append(violations, s.at(s.file.Package, "package %s has no row in arrows (core/deps_test.go): add one that keeps law 1", s.folder))
			continue
		}
		for _, spec := range s.file.Imports {
			target, ok := ours(pathOf(spec))
			if ok && target != s.folder && !within(target, row) {
				violations = append(violations, s.at(spec.Pos(), "%s may not import %s: not in its row of arrows (core/deps_test.go)", s.folder, target))
			}
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(rows)) {
		if !seen[folder] {
			violations = append(violations, "arrows: there is no package "+folder+"; remove its row")
		}
	}
	return violations
}

// checkGuestSDK holds that the Go SDK needs nothing but the standard library.
func checkGuestSDK(tree []source) []string {
	var violations []string
	for _, s := range tree {
		for _, spec := range s.file.Imports {
			p := pathOf(spec)
			if target, ok := ours(p); !isStandard(p) && !(ok && within(target, "sdk/go/...")) {
				violations = append(violations, s.at(spec.Pos(), "sdk/go has no dependencies, so it may not import %s", p))
			}
		}
	}
	return violations
}

func isStandard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// checkDoors holds every import of an outside library against doors.
func checkDoors(tree []source) []string {
	var violations []string
	for _, s := range tree {
		for _, spec := range s.file.Imports {
			p := pathOf(spec)
			if _, mine := ours(p); mine || isStandard(p) {
				continue
			}
			switch door, ok := doorOf(p); {
			case !ok:
				violations = append(violations, s.at(spec.Pos(), "%s is in no row of doors (core/deps_test.go): do without, or give it one door", p))
			case door != s.folder:
				violations = append(violations, s.at(spec.Pos(), "%s may be imported by %s only", p, door))
			}
		}
	}
	return violations
}

// doorOf gives the folder that may import a library.
func doorOf(importPath string) (string, bool) {
	for library, door := range doors {
		if importPath == library || strings.HasPrefix(importPath, library+"/") {
			return door, true
		}
	}
	return "", false
}

// checkNoInit finds init functions: what a package does on import, nobody sees.
func checkNoInit(tree []source) []string {
	var violations []string
	for _, s := range tree {
		if strings.Contains(s.folder, "testdata") {
			continue // guests: for them init is where a plugin registers its hooks
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				violations = append(violations, s.at(f.Pos(), "no init functions: let the caller construct"))
			}
		}
	}
	return violations
}
