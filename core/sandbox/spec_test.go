package sandbox

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// engineTestdata is the folder of WebAssembly 2.0's own scripts, which the engine's module carries.
func engineTestdata(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest", "v2", "testdata")
}

// A tally counts over all scripts, so that a runner that plays nothing fails.
type tally struct {
	mu      sync.Mutex
	played  map[string]int    // by type of command
	text    int               // commands about modules in the text format, which is nobody's business here
	modules int               // that the engine instantiates as they are
	refused map[string]string // file name to reason
	lost    int               // commands about modules that the meter refuses

	instructions, fuel int64
}

// uncharged is how many instructions one call of the host's may execute for nothing: those of a function so short that
// its callers are charged for it.
const uncharged = 40

// TestSpecScripts plays the scripts of the specification as they are and metered: metering must change nothing that a
// guest or its host can see.
func TestSpecScripts(t *testing.T) {
	if racing {
		t.Skip("no goroutines share anything here; tested without the race detector")
	}
	scripts, err := filepath.Glob(filepath.Join(engineTestdata(t), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := &tally{played: map[string]int{}, refused: map[string]string{}}
	t.Run("scripts", func(t *testing.T) {
		for _, file := range scripts {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				t.Parallel()
				s, err := readScript(file)
				if err != nil {
					t.Fatal(err)
				}
				playBoth(t, filepath.Dir(file), s, all)
			})
		}
	})
	t.Logf("%d scripts, %v, %d about text, %d modules", len(scripts), all.played, all.text, all.modules)
	t.Logf("%d instructions for %d units of fuel", all.instructions, all.fuel)
	for kind, least := range map[string]int{ // some less than there are, for the engine may carry others one day
		"module": 1_500, "assert_return": 45_000, "assert_trap": 2_300, "assert_exhaustion": 10, "assert_invalid": 2_000,
		"assert_malformed": 650, "assert_unlinkable": 70, "assert_uninstantiable": 30, "action": 140, "register": 20,
	} {
		if all.played[kind] < least {
			t.Errorf("%d of %s were played, want at least %d", all.played[kind], kind, least)
		}
	}
	if all.instructions < 10_000_000 || all.fuel < all.instructions {
		t.Errorf("%d instructions for %d units of fuel", all.instructions, all.fuel)
	}
	checkRefused(t, all)
}

// checkRefused holds the modules that the meter refuses, though the engine takes them, against the list of those that are
// known. It has one line for each: the file, a colon and the reason.
func checkRefused(t *testing.T, all *tally) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "spec-refused.txt"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		file, reason, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if ok && !strings.HasPrefix(file, "#") {
			known[file] = reason
		}
	}
	if !maps.Equal(known, all.refused) {
		t.Errorf("refused are %v, the list has %v", all.refused, known)
	}
	if len(known)*50 > all.modules {
		t.Errorf("%d of %d modules are refused, which is more than 2 %%", len(known), all.modules)
	}
	if len(known) == 0 && all.lost > 0 {
		t.Errorf("%d commands were not played", all.lost)
	}
}

// playBoth plays one script in both modes, holds each against what the script wants and the two against each other.
func playBoth(t *testing.T, dir string, s script, all *tally) {
	play := func(m mode) ([]outcome, *player) {
		p := &player{mode: m, dir: dir}
		outcomes, err := p.play(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		return outcomes, p
	}
	before, _ := play(asItIs())
	after, under := play(metered(plenty))
	work, _ := play(counting())
	all.mu.Lock()
	defer all.mu.Unlock()
	maps.Copy(all.refused, under.refused)
	for n, c := range s.Commands {
		if c.Type == "module" && before[n].err == nil {
			all.modules++
		}
		switch {
		case before[n].unmade:
			all.text++
			continue
		case after[n].unmade:
			all.lost++
			continue
		}
		all.played[c.Type]++
		if wrong := c.judge(before[n]); wrong != "" {
			t.Errorf("line %d, %s: %s", c.Line, c.Type, wrong)
		}
		if wrong := c.judge(after[n]); wrong != "" {
			t.Errorf("line %d, %s, metered: %s", c.Line, c.Type, wrong)
		}
		if c.Type != "assert_exhaustion" && work[n].spent > after[n].spent+uncharged {
			t.Errorf("line %d, %s: %d instructions for %d units of fuel", c.Line, c.Type, work[n].spent, after[n].spent)
		}
		all.instructions += work[n].spent
		all.fuel += after[n].spent
		if !c.same(before[n], after[n]) {
			t.Errorf("line %d, %s: %x %q, metered %x %q", c.Line, c.Type,
				before[n].results, before[n].trap(), after[n].results, after[n].trap())
		}
	}
}

// same compares two outcomes of one command by their bits. References have none that mean anything.
func (c command) same(a, b outcome) bool {
	if c.Type == "assert_exhaustion" {
		return true // metering ends sooner what does not end
	}
	for _, pattern := range c.Expected {
		if pattern.Value.IsAbsent() {
			return true
		}
	}
	return slices.Equal(a.results, b.results) && (a.err == nil) == (b.err == nil) && (c.Type != "assert_trap" || a.trap() == b.trap())
}
