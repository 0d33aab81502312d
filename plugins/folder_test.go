package plugins

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// cache keeps what the tests of this package compile, so that each module is compiled once; WASM_CACHE is a folder in which it
// is kept for other runs, too.
var cache string

// building is where the tests build.
var building string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "plugins")
	if err != nil {
		panic(err)
	}
	building, cache = dir, cmp.Or(os.Getenv("WASM_CACHE"), filepath.Join(dir, "compiled"))
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// A folder is a plugin folder under test, with a host on it.
type folder struct {
	t    testing.TB
	dir  string
	host *Host
}

// patient are limits that a slow machine does not exceed.
var patient = Limits{Wall: time.Minute, MaxWall: time.Minute, MaxFuel: 100_000_000_000}

func newFolder(t testing.TB, log *slog.Logger) *folder {
	t.Helper()
	f := &folder{t: t, dir: t.TempDir()}
	f.open(Options{Operator: author, Log: log})
	return f
}

// newFolderApart is for a test of many modules: what is compiled of them is kept apart, because the folder that the tests share has no
// room for them beside the kits.
func newFolderApart(t testing.TB) *folder {
	t.Helper()
	f := &folder{t: t, dir: t.TempDir()}
	f.open(Options{Operator: author, CacheDir: filepath.Join(t.TempDir(), "compiled")})
	return f
}

// author is an operator who lets everything run: what somebody is who writes a plugin.
var author = Operator{Unsigned: true, Trusting: true}

// open puts a host on the folder.
func (f *folder) open(o Options) {
	t := f.t
	t.Helper()
	o.Dir, o.CacheDir = f.dir, cmp.Or(o.CacheDir, cache)
	if o.Limits == (Limits{}) {
		o.Limits = patient
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.host, h.pause = h, func(context.Context) {}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// put writes a plugin: its manifest is the given lines after name and version.
func (f *folder) put(name string, wasm []byte, manifest string) {
	f.t.Helper()
	text := "apiVersion: ostiary.plugin/v1\nname: " + name + "\nversion: 1.0.0\n" + manifest
	f.write(name+".yaml", []byte(text))
	f.write(name+".wasm", wasm)
}

func (f *folder) write(file string, data []byte) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, file), data, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) remove(files ...string) {
	f.t.Helper()
	for _, file := range files {
		f.must(os.Remove(filepath.Join(f.dir, file)))
	}
}

func (f *folder) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// reload brings the host in line with the folder and waits for the end of it.
func (f *folder) reload() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := f.host.Reload(ctx); err != nil {
		f.t.Fatal(err)
	}
	if err := f.host.Ready(ctx); err != nil {
		f.t.Fatal(err)
	}
}

// at gives the plugins of a point.
func (f *folder) at(p hook.Point) []hook.Plugin {
	f.t.Helper()
	plugins, err := f.host.At(p)
	if err != nil {
		f.t.Fatal(err)
	}
	for i, plugin := range plugins {
		plugins[i] = plugin.(*held).version // without the count that ends with a call
	}
	return plugins
}

// only gives the one plugin of a point, or fails with what became of it.
func (f *folder) only(p hook.Point) hook.Plugin {
	f.t.Helper()
	plugins := f.at(p)
	if len(plugins) != 1 {
		f.t.Fatalf("%d plugins at %s, want 1: %+v", len(plugins), p, f.host.Status())
	}
	return plugins[0]
}

// status gives one plugin's.
func (f *folder) status(name string) Status {
	f.t.Helper()
	for _, s := range f.host.Status() {
		if s.Name == name {
			return s
		}
	}
	f.t.Fatalf("no plugin %s in %+v", name, f.host.Status())
	return Status{}
}

// names of the plugins of a point, in order.
func (f *folder) names(p hook.Point) string {
	f.t.Helper()
	var names []string
	for _, plugin := range f.at(p) {
		names = append(names, plugin.Name())
	}
	return strings.Join(names, " ")
}

// asked gives the patch that a plugin answers to a plain call.
func asked(t testing.TB, p hook.Plugin, point hook.Point) string {
	t.Helper()
	result, _, err := p.Ask(context.Background(), hook.Call{Point: point, Client: strictjson.Object()}, taken)
	if err != nil {
		t.Fatal(err)
	}
	return result.Patch.String()
}

func TestLoadFaults(t *testing.T) {
	const hooks = "hooks: {pre_register: {}}\n"
	answer := `{"v":1,"action":"continue"}`
	for name, c := range map[string]struct {
		wasm     []byte
		manifest string
		want     string
	}{
		"no-module":    {[]byte("not wasm"), hooks, "not a WebAssembly"},
		"no-marker":    {fake{exports: map[string]string{"ostiary_abi_v1": "ostiary_abi_v2"}}.wasm(), hooks, "does not export ostiary_abi_v1"},
		"no-hook":      {fake{exports: map[string]string{"pre_register": ""}}.wasm(), hooks, "asks for the hook pre_register"},
		"wrong-type":   {fake{exports: map[string]string{"ostiary_alloc": "x", "ostiary_abi_v1": "ostiary_alloc"}}.wasm(), hooks, "ostiary_alloc with another type"},
		"no-memory":    {fake{exports: map[string]string{"memory": "mem"}}.wasm(), hooks, "does not export memory"},
		"import":       {fake{imports: "ostiary_v1.http_fetch"}.wasm(), hooks, "import ostiary_v1.http_fetch is not provided"},
		"import-env":   {fake{imports: "env.abort"}.wasm(), hooks, "import env.abort is not provided"},
		"sha256":       {fake{answer: answer}.wasm(), hooks + "sha256: " + strings.Repeat("0", 64) + "\n", "its sha256 is "},
		"unconfigured": {fake{answer: answer}.wasm(), hooks + "configuration: {a: 1}\n", "does not export ostiary_configure"},
		"refuses": {fake{answer: answer, configure: `{"v":1,"action":"reject","error":{"code":"access_denied","description":"no domain"}}`}.wasm(),
			hooks, "refused its configuration: no domain"},
		"configure-garbage": {fake{answer: answer, configure: `{`}.wasm(), hooks, "not an envelope"},
		"configure-patches": {fake{answer: answer, configure: `{"v":1,"action":"patch","patch":{}}`}.wasm(), hooks, `with the action "patch"`},
		"memory":            {fake{answer: answer}.wasm(), hooks + "limits: {memory_mib: 65}\n", "limits.memory_mib: 65 is over this server's 64"},
		"wall":              {fake{answer: answer}.wasm(), hooks + "limits: {wall_ms: 60000}\n", ""},
		"all-at-once":       {fake{exports: map[string]string{"memory": "", "ostiary_alloc": ""}}.wasm(), hooks, "ostiary_alloc"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, nil)
			f.put(name, c.wasm, c.manifest)
			f.put("good", fake{answer: answer}.wasm(), hooks)
			f.reload()
			s := f.status(name)
			if c.want == "" {
				if s.State != Live {
					t.Errorf("got %+v, want it live", s)
				}
				return
			}
			if s.State != Failed || !strings.Contains(s.Error, c.want) || s.Digest != "" {
				t.Errorf("got %+v, want %q", s, c.want)
			}
			if got := f.names(hook.PreRegister); got != "good" {
				t.Errorf("plugins %q: a bad plugin disables only itself", got)
			}
		})
	}
}

func TestHalfAPluginFails(t *testing.T) {
	f := newFolder(t, nil)
	f.write("module.wasm", fake{}.wasm())
	f.write("manifest.yaml", []byte("name: manifest\n"))
	f.write(".hidden.wasm", nil)
	f.write("notes.txt", nil)
	f.put("other", fake{}.wasm(), "hooks: {pre_register: {}}\n")
	f.write("other.yaml", []byte("apiVersion: ostiary.plugin/v1\nname: another\nversion: 1\nhooks: {pre_register: {}}\n"))
	f.must(os.Mkdir(filepath.Join(f.dir, "dir.wasm"), 0o700))
	f.must(os.Symlink("gone", filepath.Join(f.dir, "nowhere.yaml")))
	f.reload()
	wants := map[string]string{
		"module":   "module.wasm has no module.yaml: the plugin is not running",
		"manifest": "manifest.yaml has no manifest.wasm: the plugin is not running",
		"dir":      "dir.wasm has no dir.yaml: the plugin is not running\ndir.wasm is a folder, not a file",
		"nowhere":  "neither nowhere.yaml nor nowhere.wasm leads to a file: the plugin is not running",
		"other":    "the manifest's name is another, the files' name is other",
	}
	var seen []string
	for _, s := range f.host.Status() {
		seen = append(seen, s.Name)
		if s.State != Failed || !strings.Contains(s.Error, wants[s.Name]) {
			t.Errorf("got %+v, want %q", s, wants[s.Name])
		}
	}
	if !slices.Equal(seen, slices.Sorted(maps.Keys(wants))) {
		t.Errorf("saw %v", seen)
	}
}

// What cannot be a name is not looked into, and told in one line whatever is in it.
func TestNamesOfFiles(t *testing.T) {
	f := newFolder(t, nil)
	for _, name := range []string{"new\nline", "red\x1b[31m", "\xff", "Upper", "-x", strings.Repeat("n", 65)} {
		f.write(name+".wasm", fake{}.wasm())
		f.reload()
		s := f.status(name)
		if s.State != Failed || !strings.HasPrefix(s.Error, "no plugin can be called ") || strings.ContainsFunc(s.Error, unprintable) {
			t.Errorf("%q: %s, %q", name, s.State, s.Error)
		}
	}
}

// A caller that gave up says nothing about the folder.
func TestReloadGivenUp(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", fake{}.wasm(), "hooks: {pre_register: {}}\n")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.host.Reload(ctx); !errors.Is(err, context.Canceled) || len(f.host.Status()) != 0 {
		t.Errorf("got %v, %+v", err, f.host.Status())
	}
}

func TestReadFileLimit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.wasm")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := readFile(file, 5); err != nil || string(data) != "12345" {
		t.Errorf("got %q, %v", data, err)
	}
	if _, err := readFile(file, 4); err == nil || err.Error() != "x.wasm is larger than 4 bytes" {
		t.Errorf("got %v", err)
	}
}

func TestNoFolder(t *testing.T) {
	h, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(context.Background()); err != nil || len(h.Status()) != 0 {
		t.Errorf("got %v, %v", err, h.Status())
	}
	if plugins, err := h.At(hook.OnRead); err != nil || len(plugins) != 0 {
		t.Errorf("got %v, %v", plugins, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// codeOf is core.CodeOf with the whole error in the message.
func wantCode(t testing.TB, err error, want core.Code) *core.Error {
	t.Helper()
	if core.CodeOf(err) != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	return core.AsError(err)
}
