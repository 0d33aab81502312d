package plugins

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// atWorkbench opens a plugin of a folder.
func atWorkbench(t *testing.T, f *folder, name string) *Workbench {
	t.Helper()
	w, err := OpenWorkbench(context.Background(), f.dir, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestWorkbenchRunsCases(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", answers("x"), tested)
	f.putTest("tests/good.yaml", "name: good\nhook: pre_register\nexpect: {action: patch}\n")
	f.putTest("tests/wrong.yaml", "name: wrong\nhook: pre_register\nexpect: {action: continue}\n")
	w := atWorkbench(t, f, "a")
	cases, err := w.Cases()
	if err != nil || len(cases) != 2 {
		t.Fatal(cases, err)
	}
	for i, want := range []string{"", `expected continue, got patch {"client_name":"x"}`} {
		got, err := w.Test(context.Background(), cases[i])
		if err != nil || strings.Join(got.Differences, "; ") != want {
			t.Errorf("%s: %q, %v", cases[i].Name, got.Differences, err)
		}
		if got.Memory == 0 || got.Memory%pageSize != 0 {
			t.Errorf("%s: memory %d", cases[i].Name, got.Memory)
		}
	}
	if differs, err := w.Soak(context.Background(), cases, 20); err != nil || len(differs) > 0 {
		t.Errorf("soak: %q, %v", differs, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Soak(ctx, cases, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a soak that was given up: %v", err)
	}
}

func TestWorkbenchTellsWhyNot(t *testing.T) {
	f := newFolder(t, nil)
	f.write("unbuilt.yaml", []byte("apiVersion: ostiary.plugin/v1\nname: unbuilt\nversion: 1.0.0\n"+register))
	f.put("wrong", []byte("no module"), register)
	f.put("loose", answers("x"), register+"configuration: {a: 1}\n")
	for name, want := range map[string]string{
		"unbuilt": "there is no " + filepath.Join(f.dir, "unbuilt.wasm") + "; build it: ostiary plugin build " + f.dir,
		"wrong":   "not a WebAssembly",
		"loose":   "there is a configuration, but loose.wasm does not export ostiary_configure",
		"nobody":  "build it",
	} {
		w, err := OpenWorkbench(context.Background(), f.dir, name, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if w != nil {
			t.Errorf("%s: there is a workbench", name)
		}
	}
}

func TestInspect(t *testing.T) {
	f := newFolder(t, nil)
	f.put("good", answers("x"), register)
	f.put("wrong", []byte("no module"), "hooks: {no_hook: {}}\n")
	f.put("failing", answers("x"), tested)
	f.putTest("tests/wrong.yaml", "name: wrong\nhook: pre_register\nexpect: {action: continue}\n")
	for name, want := range map[string][]string{
		"good":    nil,
		"wrong":   {"wrong.yaml:4: hooks.no_hook: there is no such hook", "not a WebAssembly"},
		"failing": {`self-test "wrong" (tests/wrong.yaml) failed: expected continue`},
	} {
		got, err := Inspect(context.Background(), f.dir, name)
		if err != nil || len(got.Refusals) != len(want) {
			t.Fatalf("%s: %q, %v", name, got.Refusals, err)
		}
		for i := range want {
			if !strings.Contains(got.Refusals[i], want[i]) {
				t.Errorf("%s: %s", name, got.Refusals[i])
			}
		}
		if got.Bytes == 0 || name == "good" && (got.Metered <= got.Bytes || got.Version != "1.0.0" || len(got.Exports) == 0) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := Inspect(context.Background(), f.dir, "nobody"); err == nil {
		t.Error("nobody was inspected")
	}
}

// What answers otherwise is found out, whatever it is that differs.
func TestUnlikeAnswersAreFound(t *testing.T) {
	is := func(text string) strictjson.Value {
		v, err := strictjson.Parse([]byte(text), strictjson.Stored)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	same := func() *Checked {
		return &Checked{Result: hook.Result{Action: hook.Patch, Patch: is(`{"a":1}`)}, Usage: hook.Usage{Fuel: 7, Calls: []hook.Outcall{{Kind: "kv", Digest: "d"}}}}
	}
	if how := same().unlike(same()); how != "" {
		t.Errorf("the same is unlike: %s", how)
	}
	for what, change := range map[string]func(*Checked){
		"fault":    func(c *Checked) { c.Fault = errGaveUp },
		"action":   func(c *Checked) { c.Result.Action = hook.Continue },
		"patch":    func(c *Checked) { c.Result.Patch = is(`{"a":2}`) },
		"audit":    func(c *Checked) { c.Result.Audit = is(`{"a":2}`) },
		"extra":    func(c *Checked) { c.Result.Extra = is(`{"a":2}`) },
		"code":     func(c *Checked) { c.Result.Code = "x" },
		"message":  func(c *Checked) { c.Result.Message = "x" },
		"warnings": func(c *Checked) { c.Result.Warnings = []string{"x"} },
		"client":   func(c *Checked) { c.Result.ClientID = "x" },
		"keys":     func(c *Checked) { c.Result.Keys.JWKS = `{"keys":[]}` },
		"digest":   func(c *Checked) { c.Usage.Calls = []hook.Outcall{{Kind: "kv", Digest: "e"}} },
	} {
		other := same()
		change(other)
		if how := same().unlike(other); how == "" {
			t.Errorf("%s: nobody saw it", what)
		}
	}
}

func TestPluginNames(t *testing.T) {
	dir := t.TempDir()
	put := func(file, text string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(path, want string) {
		t.Helper()
		if _, _, err := PluginName(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	put("other.yaml", "a: 1\n")
	put("notes.txt", "")
	refused(dir, "has no manifest")
	refused(filepath.Join(dir, "nowhere"), "ostiary plugin new")
	refused(filepath.Join(dir, "notes.txt"), "is no plugin")
	put("one.yaml", "apiVersion: ostiary.plugin/v1\n")
	for _, path := range []string{dir, filepath.Join(dir, "one.yaml")} {
		if in, name, err := PluginName(path); in != dir || name != "one" || err != nil {
			t.Errorf("%s: %s %s, %v", path, in, name, err)
		}
	}
	put("two.yaml", "apiVersion: ostiary.plugin/v1\n")
	refused(dir, "name one of them: one.yaml, two.yaml")
}
