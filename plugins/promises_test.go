package plugins

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each promise is held by tests that there are, and each number by a benchmark.
func TestPromisesAreHeld(t *testing.T) {
	known := proofsInTree(t)
	sections := strings.Split(readFileText(t, "PROMISES.md"), "\n## ")[1:]
	if len(sections) < 8 {
		t.Errorf("only %d sections", len(sections))
	}
	row, name := regexp.MustCompile(`^\| (.{20,}) \| ([^|]+) \|$`), regexp.MustCompile("`([^`]+)`")
	said := map[string]bool{}
	for _, section := range sections {
		title, table, found := strings.Cut(section, "|---|---|\n")
		title, _, _ = strings.Cut(title, "\n")
		if !found {
			t.Errorf("%s: no table", title)
		}
		for line := range strings.Lines(strings.TrimSpace(table)) {
			cells := row.FindStringSubmatch(strings.TrimSpace(line))
			if cells == nil {
				t.Errorf("%s: no row: %s", title, line)
				continue
			}
			proofs := name.FindAllStringSubmatch(cells[2], -1)
			if len(proofs) == 0 || said[cells[1]] {
				t.Errorf("nothing holds this, or it is said twice: %s", cells[1])
			}
			said[cells[1]] = true
			for _, proof := range proofs {
				if !known[proof[1]] {
					t.Errorf("%s: there is no %s", cells[1], proof[1])
				}
				if strings.HasPrefix(proof[1], "Benchmark") != (title == "Measured") {
					t.Errorf("%s: %s measures, or does not", title, proof[1])
				}
			}
		}
	}
}

// proofsInTree lists the tests, fuzz targets, benchmarks and scripts of the whole tree.
func proofsInTree(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(\w+ \*testing\.[TFB]\)`)
	for _, folder := range []string{"../cmd", "../core", ".", "../sdk"} {
		err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "target"):
				return filepath.SkipDir
			case strings.HasSuffix(file, ".txtar"):
				known[entry.Name()] = true
			case strings.HasSuffix(file, "_test.go"):
				text, err := os.ReadFile(file)
				for _, found := range function.FindAllSubmatch(text, -1) {
					known[string(found[1])] = true
				}
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return known
}
