package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
)

// What `make guests` installs: compilers for plugins in Rust and AssemblyScript.
const (
	rustc          = "../bin/rust/rustc"
	assemblyscript = "../bin/assemblyscript/node_modules/assemblyscript/bin/asc.js"
)

// needs gives the absolute path of a compiler. Where it is missing, CI fails and others are told.
func needs(t testing.TB, compiler string) string {
	t.Helper()
	path, err := filepath.Abs(compiler)
	if err == nil {
		_, err = os.Stat(path)
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%v; run: make guests", err)
	default:
		t.Skipf("not tested, because this is not installed: %s. Run: make guests", compiler)
	}
	return path
}

// buildRust compiles a Rust plugin as the guide says.
func buildRust(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	compiler := needs(t, rustc)
	if err := noteSources("../sdk/rust", dir); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(filepath.Dir(compiler), "target")
	args = append([]string{"build", "--quiet", "--offline", "--locked", "--release", "--target", "wasm32-unknown-unknown"}, args...)
	run(t, dir, []string{"RUSTC=" + compiler, "CARGO_TARGET_DIR=" + target}, "cargo", args...)
	name := strings.ReplaceAll(crateName(t, dir), "-", "_")
	return []byte(readFileText(t, filepath.Join(target, "wasm32-unknown-unknown", "release", name+".wasm")))
}

// crateName finds a crate's name in its Cargo.toml.
func crateName(t testing.TB, dir string) string {
	t.Helper()
	_, rest, _ := strings.Cut(readFileText(t, filepath.Join(dir, "Cargo.toml")), "name = \"")
	name, _, found := strings.Cut(rest, "\"")
	if !found {
		t.Fatalf("%s/Cargo.toml names no crate", dir)
	}
	return name
}

// buildAssemblyScript compiles an AssemblyScript plugin as the guide says.
func buildAssemblyScript(t testing.TB, dir string, args ...string) []byte {
	t.Helper()
	compiler := needs(t, assemblyscript)
	if err := noteSources("../sdk/assemblyscript", dir); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "plugin.wasm")
	args = append([]string{compiler, "--config", "asconfig.json", "--target", "release", "-o", out}, args...)
	run(t, dir, nil, "node", args...)
	return []byte(readFileText(t, out))
}

// rustEnv is the environment in which cargo takes the compiler of make guests.
func rustEnv(t testing.TB) []string {
	t.Helper()
	compiler := needs(t, rustc)
	return []string{"RUSTC=" + compiler, "RUSTDOC=" + filepath.Join(filepath.Dir(compiler), "rustdoc"), "CARGO_NET_OFFLINE=true"}
}

func run(t testing.TB, dir string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// capableKits are those with the steps that need capabilities.
var capableKits = map[string]func(testing.TB) []byte{
	"rust": once(func(t testing.TB, dir string) []byte { return buildRust(t, dir, "--features", "capabilities") }, "../sdk/rust/kit"),
	"assemblyscript": once(func(t testing.TB, dir string) []byte {
		return buildAssemblyScript(t, dir, "assembly/capabilities.ts")
	}, "../sdk/assemblyscript/kit"),
}

// TestWorldlyVectorsInEveryLanguage plays the calls that use capabilities through the other SDKs.
func TestWorldlyVectorsInEveryLanguage(t *testing.T) {
	unraced(t)
	for language, kit := range capableKits {
		t.Run(language, func(t *testing.T) { playWorldly(t, kit(t)) })
	}
}

// languages are those that there is an SDK for besides Go, and how each builds its kit.
var languages = map[string]func(testing.TB) []byte{
	"rust":           once(func(t testing.TB, dir string) []byte { return buildRust(t, dir) }, "../sdk/rust/kit"),
	"assemblyscript": once(func(t testing.TB, dir string) []byte { return buildAssemblyScript(t, dir) }, "../sdk/assemblyscript/kit"),
}

// once remembers what a build gives.
func once(build func(testing.TB, string) []byte, dir string) func(testing.TB) []byte {
	var mu sync.Mutex
	var wasm []byte
	return func(t testing.TB) []byte {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if wasm == nil {
			wasm = build(t, dir)
		}
		return wasm
	}
}

// TestVectorsInEveryLanguage holds each SDK to the very bytes that the one for Go answers with.
func TestVectorsInEveryLanguage(t *testing.T) {
	unraced(t)
	for language, kit := range languages {
		t.Run(language, func(t *testing.T) { playVectors(t, kit(t)) })
	}
}

// TestHostileGuestsInEveryLanguage breaks the kits on purpose. The operator's log says what happened and where, and the next call finds
// a sound instance.
func TestHostileGuestsInEveryLanguage(t *testing.T) {
	unraced(t)
	places := map[string]string{"rust": "hostile.rs:", "assemblyscript": "hostile/misbehave"}
	for language, kit := range languages {
		t.Run(language, func(t *testing.T) {
			module := kit(t)
			f := newFolder(t, slog.New(&logbook{}))
			causes := map[string]string{
				"loop": "used up its fuel", "bomb": "", "recurse": "", "panic": places[language], "huge": "output_too_large",
				"mix": "gave up in the middle",
			}
			for name := range causes {
				limits := "limits: {memory_mib: 8}\n"
				if name == "loop" {
					limits = "limits: {wall_ms: 60000, fuel: 10000000}\n"
				}
				f.put(name, module, fmt.Sprintf("%s%sconfiguration: {misbehave: %s}\n", allHooks, limits, name))
			}
			f.put("refuse", module, allHooks+"configuration: {start: refuse}\n")
			f.put("unready", module, allHooks+"configuration: {start: panic}\n")
			f.put("bystander", module, allHooks+`writes: [default_max_age]
configuration: {steps: [{op: count, member: default_max_age}]}`)
			f.reload()
			bystander := f.named(hook.PreRegister, "bystander")
			for name, cause := range causes {
				for range 2 {
					_, _, err := f.named(hook.PreRegister, name).Ask(context.Background(), hook.Call{Point: hook.PreRegister}, taken)
					if e := wantCode(t, err, core.PluginFault); !strings.Contains(e.Err.Error(), cause) {
						t.Errorf("%s: %v\nwant %q", name, e.Err, cause)
					}
					if got := asked(t, bystander, hook.PreRegister); got != `{"default_max_age":1}` {
						t.Errorf("after %s: %s", name, got)
					}
				}
			}
			for name, want := range map[string]string{"refuse": "configuration: the member 'domain' is missing", "unready": "not ready"} {
				if s := f.status(name); s.State != Failed || !strings.Contains(s.Error, want) {
					t.Errorf("got %+v, want %q", s, want)
				}
			}
		})
	}
}

// TestGuidesOfOtherLanguages does what the guides of the other SDKs say: it writes the files, runs the commands and asks the plugin
// that results.
func TestGuidesOfOtherLanguages(t *testing.T) {
	unraced(t)
	for language, prepare := range map[string]func(*testing.T) []string{
		"rust": func(t *testing.T) []string { return rustEnv(t) },
		"assemblyscript": func(t *testing.T) []string {
			return []string{"MODULES=" + filepath.Dir(filepath.Dir(filepath.Dir(needs(t, assemblyscript))))}
		},
	} {
		t.Run(language, func(t *testing.T) {
			env := prepare(t)
			f := newFolder(t, nil)
			dir := filepath.Join(t.TempDir(), "hosts")
			cloned(t, filepath.Dir(dir))
			if err := noteSources("../sdk/" + language); err != nil {
				t.Fatal(err)
			}
			for _, b := range blocks(t, "../sdk/"+language+"/README.md") {
				if b.name != "" {
					writeFile(t, filepath.Join(dir, b.name), b.text)
				} else {
					f.do(dir, env, b.text)
				}
			}
			f.reload()
			for client, want := range map[string]string{
				`{"redirect_uris":["https://app.example.com/cb"],"scope":"openid"}`:             "continue",
				`{"scope":"openid offline_access profile","token_endpoint_auth_method":"none"}`: `patch {"scope":"openid profile"} offline_access was taken away: public clients do not get it here.`,
				`{"redirect_uris":["https://evil.example/cb"]}`:                                 "reject invalid_redirect_uri https://evil.example/cb is not on a host of ours.",
			} {
				r, _, err := f.only(hook.PreRegister).Ask(context.Background(), hook.Call{Point: hook.PreRegister, Client: mustParse(t, client)}, taken)
				if err != nil || describe(r) != want {
					t.Errorf("%s:\ngot  %s, %v\nwant %s", client, describe(r), err, want)
				}
			}
		})
	}
}
