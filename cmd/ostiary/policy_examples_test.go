package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The commands of examples/policy-*/README.md, typed as they stand but for the ports, bring the answers that are said there.
func TestPolicyExamples(t *testing.T) {
	for _, name := range presetNames(t) {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(repository, "examples", "policy-"+name, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
			if len(blocks) != 3 {
				t.Fatalf("%d pieces of shell, not 3: to prepare, to start, to try", len(blocks))
			}
			if strings.Contains(string(text), "openssl") {
				program(t, "openssl")
			}
			desk := newDesk(t)
			if said := desk.types(blocks[0][1]); !strings.Contains(said, "site is fine: ") {
				t.Error(said)
			}
			start := strings.Fields(blocks[1][1])
			if len(start) < 2 || start[0] != "ostiary" || start[1] != "dev" {
				t.Fatalf("it does not start with ostiary dev but with %v", start)
			}
			server := runDevIn(t, desk.dir, start[2:]...)
			tries := strings.NewReplacer("http://localhost:8080", server.BaseURL).Replace(blocks[2][1])
			expect(t, tries, desk.types(tries))
		})
	}
}

// expect wants the answers that lines beginning with #> name, in their order.
func expect(t *testing.T, commands, said string) {
	t.Helper()
	wanted, rest := 0, said
	for line := range strings.Lines(commands) {
		want, is := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "#> ")
		if !is {
			continue
		}
		wanted++
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%s is not said, or too early, in\n%s", want, said)
		}
		rest = after
	}
	if wanted < 3 {
		t.Errorf("only %d answers are named", wanted)
	}
}

// A desk is a folder where somebody types commands. Programs that are typed are this test's binary.
type desk struct {
	*testing.T
	dir string
}

func newDesk(t *testing.T) desk {
	t.Helper()
	d := desk{t, t.TempDir()}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ostiary", "curl"} {
		if err := os.Symlink(binary, filepath.Join(d.dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// types runs commands in one shell, and gives what they say.
func (d desk) types(commands string) string {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), clientPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = d.dir, append(os.Environ(), "PATH="+filepath.Join(d.dir, "bin")+":"+os.Getenv("PATH"))
	said, err := cmd.CombinedOutput()
	if err != nil {
		d.Fatalf("%v\n%s\n%s", err, commands, said)
	}
	return string(said)
}
