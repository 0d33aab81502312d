package registration_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// asked lists the rows that README.md answers: a prefix, the first and the last number.
var asked = []struct {
	prefix      string
	first, last int
}{
	{"J-EP-", 1, 12}, {"J-REQ-", 1, 5}, {"J-CFG-", 1, 49}, {"J-SIG-", 1, 8}, {"J-SSA-", 1, 9}, {"J-SVC-", 1, 13}, {"J-TIS-", 1, 3},
	{"J-HK-", 1, 15}, {"J-CX-", 1, 10}, {"J-VAL-", 1, 20}, {"J-VAL-", 30, 35}, {"J-SC-", 1, 9}, {"J-EX-", 1, 6}, {"J-CC-", 1, 10},
	{"J-SI-", 0, 9}, {"J-I18N-", 1, 1}, {"J-ATT-", 1, 3}, {"J-ATS-", 1, 5}, {"J-OP-", 1, 5},
	{"E-EP-", 1, 8}, {"E-IAT-", 1, 8}, {"E-POL-", 1, 9}, {"E-BS-", 1, 17}, {"E-KEY-", 1, 7}, {"E-AM-", 1, 8}, {"D-", 1, 20},
}

var askedBeside = strings.Fields("peers-1 peers-4 peers-6 peers-7 peers-8 peers-9 peers-10 peers-11 peers-13 peers-14 peers-15")

// rows reads the table of README.md: what is done, and the proofs, by row.
func readRows(t *testing.T) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| row | what we do | proof |\n|---|---|---|\n")
	if !found {
		t.Fatal("README.md has no table of rows")
	}
	rows := make(map[string][2]string)
	for line := range strings.Lines(table) {
		cells := regexp.MustCompile(`^\| (\S+) \| (.+) \| (.+) \|\n$`).FindStringSubmatch(line)
		if cells == nil {
			t.Fatalf("no row: %s", line)
		}
		if _, twice := rows[cells[1]]; twice {
			t.Errorf("%s stands there twice", cells[1])
		}
		rows[cells[1]] = [2]string{cells[2], cells[3]}
	}
	return rows
}

// proofsInTree lists the tests and scripts that there are: Go and Rego tests by their names, scripts and files of tests by the file's.
func proofsInTree(t *testing.T) map[string]bool {
	t.Helper()
	known := make(map[string]bool)
	goTest, regoTest := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`), regexp.MustCompile(`(?m)^(test_\w+) `)
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "node_modules" || name == "target" || file == filepath.Join(root, "bin")):
			return filepath.SkipDir
		case entry.IsDir():
			return nil
		case strings.HasSuffix(name, ".txtar"):
			known[name] = true
			return nil
		case !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(name, "_test.rego"):
			return nil
		}
		known[entry.Name()] = true
		text, err := os.ReadFile(file)
		for _, m := range append(goTest.FindAllSubmatch(text, -1), regoTest.FindAllSubmatch(text, -1)...) {
			known[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// Each row that is asked for is answered, once, and by tests that there are. What is not built says why.
func TestRowsAreProved(t *testing.T) {
	rows, known := readRows(t), proofsInTree(t)
	wanted := append([]string(nil), askedBeside...)
	for _, a := range asked {
		for n := a.first; n <= a.last; n++ {
			wanted = append(wanted, fmt.Sprintf("%s%02d", a.prefix, n))
		}
	}
	for _, row := range wanted {
		if _, ok := rows[row]; !ok {
			t.Errorf("README.md has no row %s", row)
		}
	}
	proof := regexp.MustCompile("`([^`]+)`")
	for row, cells := range rows {
		what, proofs := cells[0], proof.FindAllStringSubmatch(cells[1], -1)
		notBuilt := strings.Contains(strings.ToLower(what), "not built")
		if notBuilt {
			checkReason(t, row, rows)
		}
		if strings.Contains(strings.ToLower(what), "not needed") {
			checkNeedless(t, row, rows)
		}
		if !notBuilt && len(proofs) == 0 {
			t.Errorf("%s has no proof", row)
		}
		for _, p := range proofs {
			if !known[p[1]] {
				t.Errorf("%s is proved by %s, which there is not", row, p[1])
			}
		}
	}
}

// notBuilt says of a row why it is not built, by itself or by another row.
var notBuilt = regexp.MustCompile(`^not built(?:, (?:by decision|optional): .{25,}|: as (\S+\d\d)(?:;.*)?)$`)

// checkReason wants what is not built to say whether it is meant to come, and why not.
func checkReason(t *testing.T, row string, rows map[string][2]string) {
	t.Helper()
	found := notBuilt.FindStringSubmatch(rows[row][0])
	switch {
	case found == nil:
		t.Errorf("%s is not built, and does not say by which decision, or that it is optional: %q", row, rows[row][0])
	case found[1] == "":
	case found[1] == row || !strings.HasPrefix(rows[found[1]][0], "not built, "):
		t.Errorf("%s is not built as %s, which does not say why: %q", row, found[1], rows[found[1]][0])
	}
}

// notNeeded says of a row why nobody needs it here, by itself or by another row. Tests prove what is there instead.
var notNeeded = regexp.MustCompile(`^not needed: (?:see (\S+\d\d)(?:;.*)?|.{25,})$`)

// checkNeedless wants what is not needed to say why, and not by a row that does not say it either.
func checkNeedless(t *testing.T, row string, rows map[string][2]string) {
	t.Helper()
	found := notNeeded.FindStringSubmatch(rows[row][0])
	switch {
	case found == nil:
		t.Errorf("%s is not needed, and does not say why: %q", row, rows[row][0])
	case found[1] == "":
	case found[1] == row || !strings.HasPrefix(rows[found[1]][0], "not needed: ") || strings.HasPrefix(rows[found[1]][0], "not needed: see "):
		t.Errorf("%s is not needed as %s is not, which does not say why: %q", row, found[1], rows[found[1]][0])
	}
}

// A row that is not built or not needed without a reason is found out.
func TestReasonsOfRows(t *testing.T) {
	for what, fine := range map[string]bool{
		"not needed: the backend makes its key and keeps it sealed": true, "not needed: see A-01": true, "not needed: see A-01; more": true,
		"not needed": false, "not needed: no": false, "not needed, the backend makes its key and keeps it": false,
	} {
		if notNeeded.MatchString(what) != fine {
			t.Errorf("%q: fine is %t", what, !fine)
		}
	}
	for what, fine := range map[string]bool{
		"not built, by decision: a client must not see passwords": true, "not built: as A-01": true, "not built": false, "not built, by decision: no": false,
		"not built, someday: a client must not see passwords": false,
	} {
		if notBuilt.MatchString(what) != fine {
			t.Errorf("%q: fine is %t", what, !fine)
		}
	}
}

// The guide's links lead somewhere, and it says where each file of the package belongs.
func TestReadmeNamesFiles(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{"doc.go": true}
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
		named[link[1]] = true
		if _, err := os.Stat(link[1]); err != nil {
			t.Error(err)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		if !named[name] && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("README.md does not say where %s belongs", name)
		}
	}
}
