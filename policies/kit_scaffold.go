package policies

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// A ScaffoldFile is a file that the kit has to offer.
type ScaffoldFile struct {
	Name string // slash-separated, in the policy folder
	Text []byte
}

//go:embed kit
var kit embed.FS

// Skeleton gives the first files of a policy folder, the published contract included.
func Skeleton() ([]ScaffoldFile, error) {
	var files []ScaffoldFile
	entries, err := kit.ReadDir("kit")
	if err != nil {
		return nil, fmt.Errorf("read the kit: %w", err)
	}
	for _, entry := range entries {
		text, err := kit.ReadFile("kit/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read the kit: %w", err)
		}
		name := entry.Name()
		if path.Ext(name) == ".json" {
			name = "requests/" + name
		}
		files = append(files, ScaffoldFile{name, text})
	}
	published, err := Published()
	for _, file := range published {
		files = append(files, ScaffoldFile{PublishedFolder + "/" + file.Name, file.Text})
	}
	return files, err
}

// Override gives a copy of a shipped module, to take its place, with the module's tests. The copy remembers what it was copied
// from. A module is named "redirects" or, where more than one decision has one of that name, "token.scopes".
func Override(module string) ([]ScaffoldFile, error) {
	rules, tests, err := shippedFiles()
	if err != nil {
		return nil, err
	}
	matches := map[string]string{} // files by full name
	for name, text := range rules {
		m, err := parse(name, text)
		if err != nil {
			return nil, err
		}
		c := contractOf(packageName(m))
		if short := c.moduleName(packageName(m)); short != "" && (module == short || module == c.name+"."+short) {
			matches[c.name+"."+short] = name
		}
	}
	names := slices.Sorted(maps.Keys(matches))
	switch len(names) {
	case 0:
		return nil, fmt.Errorf("there is no shipped module %s; there are %s", module, strings.Join(overridable(), ", "))
	case 1:
	default:
		return nil, fmt.Errorf("%s is a module of more than one decision; say which: %s", module, strings.Join(names, ", "))
	}
	file := matches[names[0]]
	base := strings.TrimPrefix(file, shippedPrefix)
	head := "# This takes the place of the module " + names[0] + " that comes with Ostiary, and is yours to change. The next line tells\n" +
		"# \"ostiary policy check\" what it was copied from; leave it where it is.\n"
	files := []ScaffoldFile{{base, []byte(head + baseLine(base, rules[file]) + "\n\n" + string(rules[file]))}}
	test := strings.TrimSuffix(file, ".rego") + "_test.rego"
	if text, tested := tests[test]; tested {
		files = append(files, ScaffoldFile{strings.TrimPrefix(test, shippedPrefix), text})
	}
	return files, nil
}

// overridable lists the shipped modules that a file of the site may replace.
func overridable() []string {
	var names []string
	for _, c := range contracts {
		for _, module := range c.required {
			names = append(names, c.name+"."+module)
		}
	}
	return names
}

// Replaces finds the file of a source that stands in the place of the module that a file offers; empty: none.
func (f ScaffoldFile) Replaces(src Source) string {
	m, err := parse(f.Name, f.Text)
	if err != nil {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(src.Files)) {
		if other, err := parse(name, src.Files[name]); err == nil && packageName(other) == packageName(m) {
			return name
		}
	}
	return ""
}
