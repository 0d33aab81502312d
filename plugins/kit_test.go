package plugins

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// build compiles a Go plugin as the guide says.
func build(dir string, flags ...string) ([]byte, error) {
	if err := noteSources("../sdk/go", dir); err != nil {
		return nil, err
	}
	out, err := os.MkdirTemp(building, "build")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(out, "plugin.wasm")
	cmd := exec.Command("go", append(append([]string{"build", "-buildmode=c-shared", "-ldflags=-s", "-o", file}, flags...), ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return os.ReadFile(file)
}

var sources = []string{".go", ".rs", ".toml", ".ts", ".json"}

// noteSources looks at every source, so that go test sees that its cached result is old when one changes: of what a child
// process reads it knows nothing.
func noteSources(dirs ...string) error {
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if err == nil && slices.Contains(sources, filepath.Ext(path)) {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

var buildKit = sync.OnceValues(func() ([]byte, error) { return build("../sdk/go/internal/kit") })

// kit gives the plugin that the tests of SDK and host share.
func kit(t testing.TB) []byte {
	t.Helper()
	wasm, err := buildKit()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

var allHooks = "hooks: {" + strings.Join(abi.Hooks(), ": {}, ") + ": {}}\nreads: ['client.*']\n"

// putKit writes the kit with a configuration (JSON is YAML).
func (f *folder) putKit(name, configuration, manifest string) {
	f.t.Helper()
	f.put(name, kit(f.t), allHooks+manifest+"configuration: "+configuration+"\n")
}

// unraced leaves a test out that builds and compiles real modules, which shares nothing among goroutines that others do not: the
// race detector makes it several times slower, and it is run without as well.
func unraced(t *testing.T) {
	t.Helper()
	if racing {
		t.Skip("not with the race detector, but without")
	}
}

func TestVectorsThroughWASM(t *testing.T) {
	unraced(t)
	playVectors(t, kit(t))
}

// playVectors plays every golden vector through a kit, in whichever language.
func playVectors(t *testing.T, kit []byte) {
	f := newFolder(t, nil)
	all := vectors(t)
	for _, v := range all {
		f.put(v.name, kit, allHooks+"configuration: "+v.Configuration.String()+"\n")
	}
	f.reload()
	for _, v := range all {
		t.Run(v.name, func(t *testing.T) {
			p := f.named(v.Hook, v.name)
			call, random := callOf(t, v)
			in := writeInput(nil, &p.manifest, &call, &random)
			for range 2 { // the second call must not know of the first
				answer, err := exchanged(p, string(v.Hook), in)
				if v.Output.IsAbsent() {
					break // some languages trap, some answer nothing
				}
				if err != nil {
					t.Fatal(err)
				}
				if want := strictjson.Append(nil, v.Output); !bytes.Equal(answer, want) {
					t.Errorf("%s\ngot  %s\nwant %s", v.About, answer, want)
				}
			}
			result, _, err := p.Ask(context.Background(), call, taken)
			if v.Output.IsAbsent() {
				wantCode(t, err, core.PluginFault)
				return
			}
			if want, _ := v.Output.Get("action"); err != nil || want.String() != `"`+string(result.Action)+`"` {
				t.Errorf("asked: %v, %v", result, err)
			}
		})
	}
}

func (f *folder) named(p hook.Point, name string) *version {
	f.t.Helper()
	for _, plugin := range f.at(p) {
		if v, ok := plugin.(*version); ok && v.Name() == name {
			return v
		}
	}
	f.t.Fatalf("no plugin %s: %+v", name, f.host.Status())
	return nil
}

// exchanged gives the very bytes that a plugin answers.
func exchanged(v *version, export string, in []byte) (answer []byte, err error) {
	_, err = v.program.Do(context.Background(), func(i *sandbox.Instance) (err error) {
		answer, err = i.Exchange(context.Background(), abi.Alloc, export, in)
		return err
	})
	return answer, err
}

// TestHostileGuests is the list of what strangers' code may try. Each one is a fault of its own call: the next call of the same
// plugin, and every other plugin, works as before.
func TestHostileGuests(t *testing.T) {
	log := &logbook{}
	f := newFolder(t, slog.New(log))
	hostile := map[string]struct{ configuration, manifest, cause string }{
		"loop":    {`{"misbehave":"loop"}`, "limits: {wall_ms: 60000}\n", "used up its fuel"},
		"bomb":    {`{"misbehave":"bomb"}`, "limits: {memory_mib: 16}\n", "out of memory"},
		"recurse": {`{"misbehave":"recurse"}`, "limits: {memory_mib: 8}\n", ""},
		"panic":   {`{"misbehave":"panic"}`, "", "misbehave (hostile.go:"},
		"exit":    {`{"misbehave":"exit"}`, "", "proc_exit(7)"},
		"huge":    {`{"misbehave":"huge"}`, "limits: {fuel: 10000000000}\n", "output_too_large"},
		"mix":     {`{"misbehave":"mix"}`, "", "gave up in the middle"},
	}
	for name, h := range hostile {
		f.putKit(name, h.configuration, h.manifest)
	}
	f.putKit("bystander", `{"steps":[{"op":"count","member":"default_max_age"}]}`, "writes: [default_max_age]\n")
	f.reload()
	bystander := f.named(hook.PreRegister, "bystander")
	for name, h := range hostile {
		t.Run(name, func(t *testing.T) {
			p := f.named(hook.PreRegister, name)
			for range 2 {
				result, _, err := p.Ask(context.Background(), hook.Call{Point: hook.PreRegister}, taken)
				e := wantCode(t, err, core.PluginFault)
				if !strings.Contains(e.Err.Error(), h.cause) || strings.Contains(e.Detail, h.cause) && h.cause != "" {
					t.Errorf("detail %q\ncause %v\nwant %q in the cause only", e.Detail, e.Err, h.cause)
				}
				if result.Action != "" || result.Patch.Len() > 0 {
					t.Errorf("a fault with a result: %+v", result)
				}
				if got := asked(t, bystander, hook.PreRegister); got != `{"default_max_age":1}` {
					t.Errorf("bystander: %s", got)
				}
			}
		})
	}
}

func TestCallerGivesUp(t *testing.T) {
	f := newFolder(t, nil)
	f.putKit("loop", `{"misbehave":"loop"}`, "limits: {wall_ms: 60000, fuel: 100000000000}\n")
	f.reload()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, _, err := f.only(hook.PreRegister).Ask(ctx, hook.Call{Point: hook.PreRegister}, taken)
	wantCode(t, err, core.TemporarilyUnavailable)
}

func TestFaultsAtTheStart(t *testing.T) {
	f := newFolder(t, nil)
	f.putKit("refuse", `{"start":"refuse"}`, "")
	f.putKit("panic", `{"start":"panic"}`, "")
	f.reload()
	for name, want := range map[string]string{
		"refuse": "refused its configuration: the member 'domain' is missing",
		"panic":  "panic: not ready",
	} {
		if s := f.status(name); s.State != Failed || !strings.Contains(s.Error, want) {
			t.Errorf("got %+v\nwant %q", s, want)
		}
	}
}

func TestLog(t *testing.T) {
	log := &logbook{}
	f := newFolder(t, slog.New(log))
	f.putKit("talker", `{"steps":[{"op":"log","text":"hello\tthere\nlevel=ERROR msg=forged"}]}`, "")
	f.putKit("flood", `{"misbehave":"flood"}`, "")
	f.putKit("printer", `{"misbehave":"print"}`, "")
	f.reload()
	for _, p := range f.at(hook.PreRegister) {
		call := hook.Call{Point: hook.PreRegister, Context: hook.Context{DecisionID: "d-7"}}
		if _, _, err := p.Ask(context.Background(), call, taken); err != nil {
			t.Fatal(err)
		}
	}
	if got := log.count("INFO plugin=talker decision_id=d-7 hello there level=ERROR msg=forged"); got != 1 {
		t.Errorf("%d lines of talker in\n%s", got, log)
	}
	if got := log.count("plugin=flood decision_id=d-7 noise"); got != abi.MaxLogLines {
		t.Errorf("%d lines of flood, want %d", got, abi.MaxLogLines)
	}
	if got := log.count("WARN plugin=flood decision_id=d-7 the plugin says too much"); got != 1 {
		t.Errorf("%d warnings about flood, want 1", got)
	}
	if got := log.count("INFO plugin=printer decision_id=d-7 from stderr"); got != 1 {
		t.Errorf("%d lines of printer in\n%s", got, log)
	}
}

// A logbook keeps what is logged, one line each: level, attributes, message.
type logbook struct {
	mu    sync.Mutex
	lines []string
	attrs string
	root  *logbook
}

// Enabled implements slog.Handler.
func (*logbook) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l *logbook) Handle(_ context.Context, r slog.Record) error {
	top := l.top()
	top.mu.Lock()
	defer top.mu.Unlock()
	top.lines = append(top.lines, r.Level.String()+l.attrs+" "+r.Message)
	return nil
}

// WithAttrs implements slog.Handler.
func (l *logbook) WithAttrs(attrs []slog.Attr) slog.Handler {
	child := &logbook{attrs: l.attrs, root: l.top()}
	for _, a := range attrs {
		child.attrs += " " + a.String()
	}
	return child
}

// WithGroup implements slog.Handler.
func (l *logbook) WithGroup(string) slog.Handler { return l }

func (l *logbook) top() *logbook {
	if l.root != nil {
		return l.root
	}
	return l
}

func (l *logbook) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.lines {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

// String gives all lines.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func vectorNamed(t testing.TB, name string) vector {
	t.Helper()
	for _, v := range vectors(t) {
		if v.name == name {
			return v
		}
	}
	t.Fatalf("no vector %s", name)
	return vector{}
}

// BenchmarkAsk is one call of a plugin as the desk makes it: writing the input, the module, reading the answer, the reset.
func BenchmarkAsk(b *testing.B) {
	b.Run("go", func(b *testing.B) { benchmarkAsk(b, kit(b)) })
	for language, kit := range languages {
		b.Run(language, func(b *testing.B) { benchmarkAsk(b, kit(b)) })
	}
}

func benchmarkAsk(b *testing.B, kit []byte) {
	dir := b.TempDir()
	manifest := "apiVersion: ostiary.plugin/v1\nname: a\nversion: 1.0.0\nwrites: [contacts]\n" + allHooks +
		`configuration: {"steps":[{"op":"set","member":"contacts","value":["a@example.com"]}]}`
	for name, data := range map[string][]byte{"a.wasm": kit, "a.yaml": []byte(manifest)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	h, err := New(Options{Dir: dir, CacheDir: cache, Limits: patient, Operator: author})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	if err := h.Reload(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := h.Ready(context.Background()); err != nil {
		b.Fatal(err)
	}
	plugins, err := h.At(hook.PreRegister)
	if err != nil || len(plugins) != 1 {
		b.Fatal(err, h.Status())
	}
	call := hook.Call{Point: hook.PreRegister, Client: mustParse(b, `{"client_name":"Demo","redirect_uris":["https://app.example.com/cb"],"scope":"openid"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := plugins[0].Ask(context.Background(), call, taken); err != nil {
			b.Fatal(err)
		}
	}
}
