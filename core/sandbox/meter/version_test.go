package meter

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write version.go anew")

// TestVersionIsThatOfTheSources holds that no module which another meter made is taken for one of this meter. A comment is a change,
// too: to meter once more costs little.
func TestVersionIsThatOfTheSources(t *testing.T) {
	version := digestOf(t, ".", "../wasm")
	if *update {
		text, err := os.ReadFile("version.go")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("version.go", []byte(strings.Replace(string(text), `"`+Version+`"`, `"`+version+`"`, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if version != Version {
		t.Errorf("the sources have changed: run go test ./core/sandbox/meter -update, which makes Version %s", version)
	}
}

// digestOf is the digest of all sources in some folders but tests and the one that has Version.
func digestOf(t *testing.T, folders ...string) string {
	t.Helper()
	all, sources := sha256.New(), 0
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || filepath.Base(file) == "version.go" {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(all, "%s %d\n%s", filepath.Base(file), len(text), text)
			sources++
		}
	}
	if sources < 10 {
		t.Fatalf("only %d sources: these cannot be all", sources)
	}
	return fmt.Sprintf("%x", all.Sum(nil))
}
