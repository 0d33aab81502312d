package plugins

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/hook"
)

// declaredAs reads bindings as the set "house" declares them.
func declaredAs(t testing.TB, text string) map[string]Binding {
	t.Helper()
	all, err := ReadDeclared("house", "plugin_bindings", mustParse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// bind puts declared bindings in force and waits until all is loaded.
func (f *folder) bind(text string) {
	f.t.Helper()
	f.must(f.host.Bind(f.t.Context(), declaredAs(f.t, text)))
	f.must(f.host.Ready(f.t.Context()))
}

func TestReadDeclared(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":{"allow_downgrade":false}}`:                        "plugin_bindings.a.allow_downgrade: cannot be declared; it belongs into plugins.bindings of ostiary.yaml",
		`{"A b":{}}`:                                             "plugin_bindings.A b: is not the name of a plugin",
		`{"a":{"fial":"open"}}`:                                  "plugin_bindings.a.fial: unknown key; did you mean fail?",
		`{"a":{"fail":"never"}}`:                                 "plugin_bindings.a.fail: must be closed, open or reload",
		`{"a":{"digest":"abc"}}`:                                 "plugin_bindings.a.digest: must be the module's SHA-256",
		`{"a":{"required":true,"enabled":false}}`:                "plugin_bindings.a.required: a plugin that is not enabled",
		`{"a":{"grant":{"everything":{}}}}`:                      "plugin_bindings.a.grant.everything: unknown key",
		`{"a":{"grant":{"http":{"hosts":["*.example.com"]}}}}`:   "plugin_bindings.a.grant.http.hosts[0]: there are no wildcards",
		`{"a":{"grant":{"http":{"hosts":["${HOME}.example"]}}}}`: "plugin_bindings.a.grant.http.hosts[0]:",
		`{"a":{"priority":1001}}`:                                "plugin_bindings.a.priority: must be",
		`{"a":1}`:                                                "plugin_bindings.a: must be an object",
		`{"a":{"configuration":[]}}`:                             "plugin_bindings.a.configuration: must be an object",
	} {
		_, err := ReadDeclared("house", "plugin_bindings", mustParse(t, text))
		if wrong := new(config.Problems); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	t.Setenv("OF_THE_SERVER", "secret")
	b := declaredAs(t, `{"a":{"configuration":{"x":"${OF_THE_SERVER}"},"grant":{"kv":{"ttl":"24h"}}}}`)["a"]
	if got := b.Configuration.String(); got != `{"x":"${OF_THE_SERVER}"}` {
		t.Errorf("the server's environment is read: %s", got)
	}
}

// A declared binding comes into force while the server runs, and goes again.
func TestBind(t *testing.T) {
	f := operated(t, Operator{Unsigned: true}, newDiary())
	for _, name := range []string{"a", "b"} {
		f.put(name, answers(name), register)
	}
	f.put("asks", answers("asks"), asksNow)
	f.reload()
	if got := f.names(hook.PreRegister); got != "a b" {
		t.Fatalf("live: %s", got)
	}
	f.bind(`{"b":{"priority":1,"limits":{"log_lines":3}},"asks":{"grant":{"now":{}}},"gone":{}}`)
	if got := f.names(hook.PreRegister); got != "b a asks" {
		t.Errorf("in order: %s", got)
	}
	if s := f.want("b", Live, ""); s.Limits.LogLines != 3 || s.Declared != "house" {
		t.Errorf("%+v", s)
	}
	f.want("gone", Failed, "plugin_bindings of the set house names it, but there are no files of it")
	first := f.running("a")
	f.bind(`{"b":{"enabled":false},"asks":{"grant":{"now":{}}}}`)
	f.want("b", Disabled, "")
	if f.running("a") != first {
		t.Error("what nobody touched was loaded anew")
	}
	if got := f.names(hook.PreRegister); got != "a asks" {
		t.Errorf("in order: %s", got)
	}
	f.bind(`{}`)
	if got := f.names(hook.PreRegister); got != "a b" {
		t.Errorf("in order: %s", got)
	}
	f.want("asks", Waiting, "")
}

// running gives the version of a plugin that is live.
func (f *folder) running(name string) *version {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	return f.host.slots[name].live
}

// What a binding does not allow any more leaves at once, even where the folder cannot be read; what it only configures otherwise stays
// until the next is there.
func TestBindEjects(t *testing.T) {
	for what, text := range map[string]string{
		"off": `{"a":{"enabled":false}}`, "another module is pinned": `{"a":{"digest":"` + hexSum([]byte("x")) + `"}}`, "no grant": `{}`,
	} {
		f := operated(t, Operator{Unsigned: true}, newDiary())
		f.put("a", answers("a"), asksNow)
		f.reload()
		f.bind(`{"a":{"grant":{"now":{}}}}`)
		f.want("a", Live, "")
		f.host.dir += "/not-there"
		if err := f.host.Bind(t.Context(), declaredAs(t, text)); err == nil {
			t.Errorf("%s: the folder could be read", what)
		}
		if got := f.names(hook.PreRegister); got != "" {
			t.Errorf("%s: live is %s", what, got)
		}
	}
	f := operated(t, Operator{Unsigned: true}, nil)
	f.put("a", fake{answer: `{"v":1,"action":"continue"}`, configure: `{"v":1,"action":"continue"}`}.wasm(), register+"configuration_schema: {type: object, maxProperties: 1}\n")
	f.reload()
	f.bind(`{"a":{"configuration":{"x":1,"y":2}}}`)
	f.want("a", Live, "must have at most 1")
}

// What is required is refused as soon as it is declared so, and before a folder is there.
func TestBindRequired(t *testing.T) {
	f := operated(t, Operator{Unsigned: true}, newDiary())
	f.reload()
	f.wantRefused("before", "guard")
	f.bind(`{"guard":{"required":true}}`)
	f.wantRefused("without its files", "guard", guardPoints()...)
	f.bind(`{}`)
	f.wantRefused("taken back", "guard")
	f.must(f.host.Bind(t.Context(), map[string]Binding{"guard": Unreadable("house")}))
	f.wantRefused("what cannot be read any more", "guard", guardPoints()...)

	bare, err := New(Options{CacheDir: cache})
	f.must(err)
	defer func() { f.must(bare.Close()) }()
	f.must(bare.Bind(t.Context(), declaredAs(t, `{"guard":{"required":true}}`)))
	if _, err := bare.At(hook.PreRegister); err == nil {
		t.Error("without a folder what is required is not missed")
	}
}

// The settings hold against declarations.
func TestSettingsHold(t *testing.T) {
	log := &logbook{}
	f := &folder{t: t, dir: t.TempDir()}
	f.open(Options{Log: slog.New(log), Operator: Operator{Unsigned: true, Bindings: map[string]Binding{"a": {Priority: new(int)}}}})
	f.put("a", answers("a"), asksNow)
	f.reload()
	all := declaredAs(t, `{"a":{"grant":{"now":{}}}}`)
	if wrong := f.host.Vet("a", all["a"]); len(wrong) != 1 || !strings.Contains(wrong[0].Text, "ostiary.yaml has a binding of this plugin") {
		t.Errorf("%v", wrong)
	}
	f.must(f.host.Bind(t.Context(), all))
	f.want("a", Waiting, "")
	if log.count("a declared binding is not in force") != 1 {
		t.Errorf("%s", log)
	}
}

// A newer version that asks for more than was declared waits, as any does; an approval and a declaration never mix.
func TestDeclaredGrantIsNoMore(t *testing.T) {
	f := operated(t, Operator{Unsigned: true}, newDiary())
	f.put("a", answers("a"), asksNow)
	f.reload()
	f.bind(`{"a":{"grant":{"now":{},"http":{"hosts":["a.example"]}}}}`)
	if s := f.want("a", Live, ""); s.Granted.String() != `{"now":{}}` {
		t.Errorf("granted more than it asks for: %s", s.Granted)
	}
	f.putVersion("a", "1.1.0", answers("more"), register+"capabilities: {now: {}, http: {hosts: [a.example], methods: [POST]}}\n")
	f.reload()
	if s := f.want("a", Live, ""); s.Version != "1.0.0" || s.Next == nil || strings.Join(s.Missing, " ") != "http method POST" {
		t.Errorf("%+v", s)
	}
}

// Before it is declared a binding is held against the files that are there.
func TestVet(t *testing.T) {
	f := &folder{t: t, dir: t.TempDir()}
	f.open(Options{Operator: Operator{Unsigned: true}})
	f.put("a", answers("a"), register+"configuration_schema: {type: object, properties: {n: {type: integer}}}\ncapabilities: {now: {}}\n")
	f.reload()
	other := `"digest":"` + hexSum([]byte("x")) + `"`
	for text, want := range map[string]string{
		`{"a":{"limits":{"memory_mib":65,"fuel":100000000}}}`:   "limits: memory_mib: 65 is over this server's 64, and only plugins.bindings of ostiary.yaml goes beyond that",
		`{"a":{"limits":{"memory_mib":64,"at_once":17}}}`:       "limits: at_once: 17 instances of 64 MiB (memory_mib) are over this server's 1024 MiB together, and only plugins.bindings of ostiary.yaml goes beyond that",
		`{"a":{"fail":"open"}}`:                                 "fail: plugin_bindings of the set house says fail: open",
		`{"a":{"configuration":{"n":"x"}}}`:                     "configuration: configuration.n: must be integer",
		`{"a":{"configuration":{"n":1}}}`:                       "",
		`{"a":{"configuration":{"n":"x"},"enabled":false}}`:     "",
		`{"a":{"configuration":{"n":"x"},` + other + `}}`:       "",
		`{"not-there":{"fail":"open","configuration":{"x":1}}}`: "",
	} {
		f.host.limits = Limits{}.withDefaults()
		for name, b := range declaredAs(t, text) {
			var all []string
			for _, p := range f.host.Vet(name, b) {
				all = append(all, p.Path+": "+p.Text)
			}
			if got := strings.Join(all, "\n"); !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	}
	for text, want := range map[string]string{
		`{"a":{}}`:                   "version 1.0.0 will wait for approval of: now",
		`{"a":{"grant":{"now":{}}}}`: "grants now",
		`{"a":{"grant":{"http":{"hosts":["a.example"]}}}}`: "grants http host a.example, http method GET; version 1.0.0 will wait for approval of: now",
		`{"a":{"enabled":false}}`:                          "it will not be asked",
		`{"a":{` + other + `}}`:                            "the module in the folder is another than the pinned one and will not be asked: its sha256 is " + hexSum(answers("a")),
		`{"b":{}}`:                                         "there are no files of it in the folder of plugins yet",
	} {
		for name, b := range declaredAs(t, text) {
			if got := strings.Join(f.host.Foresee(name, b), "; "); got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	}
}

// Bindings change while requests are under way and files come.
func TestBindRace(t *testing.T) {
	f := operated(t, Operator{Unsigned: true}, newDiary())
	f.put("a", answers("a"), asksNow)
	f.reload()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = f.host.At(hook.PreRegister)
			f.host.Status()
			_ = f.host.Reload(ctx)
		}
	}()
	for range 20 {
		f.must(f.host.Bind(t.Context(), declaredAs(t, `{"a":{"grant":{"now":{}},"required":true}}`)))
		if _, err := f.host.At(hook.PreRegister); err == nil && f.names(hook.PreRegister) == "" {
			t.Fatal("what is required was not asked")
		}
		f.must(f.host.Bind(t.Context(), declaredAs(t, `{"a":{}}`)))
		if got, err := f.host.At(hook.PreRegister); err != nil || len(got) > 0 {
			t.Fatalf("without its grant it is asked: %v, %v", got, err)
		}
	}
	cancel()
	<-done
}

// Every difference between two bindings is one.
func TestSameBindings(t *testing.T) {
	all := []string{
		`{}`, `{"enabled":false}`, `{"priority":0}`, `{"priority":1}`, `{"fail":"open"}`, `{"limits":{"fuel":1000}}`, `{"grant":{"now":{}}}`, `{"configuration":{}}`,
		`{"configuration":{"a":1}}`, `{"digest":"` + hexSum(nil) + `"}`, `{"required":true}`,
	}
	for i, one := range all {
		for j, other := range all {
			a, b := declaredAs(t, `{"a":`+one+`}`)["a"], declaredAs(t, `{"a":`+other+`}`)["a"]
			if a.same(&b) != (i == j) {
				t.Errorf("%s and %s: %v", one, other, a.same(&b))
			}
		}
	}
	a, b := Binding{}, Binding{AllowDowngrade: true}
	c := Binding{set: "x"}
	if a.same(&b) || a.same(&c) {
		t.Error("they are the same")
	}
}
