package sandbox

import (
	"context"
	"os/exec"
	"path/filepath"
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
	played  map[string]int // by type of command
	text    int            // commands about modules in the text format, which is nobody's business here
	modules int            // that the engine instantiates as they are
	refused map[string]string
}

// TestSpecScripts plays the scripts of the specification as they are and metered: metering must change nothing that a
// guest or its host can see.
func TestSpecScripts(t *testing.T) {
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
	if all.played["assert_return"] < 45_000 || all.played["assert_trap"] < 2_400 || all.played["assert_invalid"] < 2_100 {
		t.Error("too little was played")
	}
	t.Logf("%d scripts, %v, %d modules, %d text", len(scripts), all.played, all.modules, all.text)
}

func playBoth(t *testing.T, dir string, s script, all *tally) {
	plain := &player{mode: asItIs, dir: dir}
	before, err := plain.play(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	for n, c := range s.Commands {
		if before[n].unmade {
			all.text++
			continue
		}
		all.played[c.Type]++
		if wrong := c.judge(before[n]); wrong != "" {
			t.Errorf("line %d, %s: %s", c.Line, c.Type, wrong)
		}
	}
}
