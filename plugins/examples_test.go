package plugins

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// examples are the plugins of the examples folder, with some calls and what comes of them.
var examples = map[string]struct {
	language string
	calls    map[string]hook.Call // by what describe says of the answer
}{
	"fapi": {"go", map[string]hook.Call{
		`reject invalid_redirect_uri http://localhost/cb is not https, which FAPI 2.0 wants.`: registering(`{"redirect_uris":["http://localhost/cb"]}`),
	}},
	"contacts": {"go", map[string]hook.Call{`patch {"contacts":["clients@example.com"]}`: registering(`{}`)}},
	"quota":    {"go", map[string]hook.Call{"continue": registering(`{}`)}},
	"scheme":   {"go", map[string]hook.Call{`patch {"directory_notice":"Tell the directory, too."}`: {Point: hook.PostUpdate}}},
	"lookup":   {"go", map[string]hook.Call{"continue": registering(`{}`)}},
	"domains": {"rust", map[string]hook.Call{
		`continue`: registering(`{"redirect_uris":["https://app.example.com/cb"]}`),
		`reject invalid_client_metadata logo_uri: evil.example is not one of our domains.`: registering(`{"logo_uri":"https://evil.example/x.png"}`),
	}},
	"openbanking": {"rust", map[string]hook.Call{
		`patch {"token_endpoint_auth_method":"tls_client_auth","scope":"openid accounts","jwks_uri":"https://keys.example/s-1"}`: withStatement("CN=s-1,O=Directory"),
		`reject invalid_software_statement The statement's software_id is not the certificate's common name.`:                    withStatement("CN=s-2,O=Directory"),
	}},
	"contacts-rust":           {"rust", map[string]hook.Call{`patch {"contacts":["clients@example.com"]}`: registering(`{}`)}},
	"contacts-assemblyscript": {"assemblyscript", map[string]hook.Call{`patch {"contacts":["clients@example.com"]}`: registering(`{}`)}},
}

func registering(client string) hook.Call {
	v, err := strictjson.Parse([]byte(client), strictjson.Stored)
	if err != nil {
		panic(err)
	}
	return hook.Call{Point: hook.PreRegister, Client: v}
}

func withStatement(subject string) hook.Call {
	call := registering(`{}`)
	call.Context.Statement = registering(`{"software_id":"s-1","software_scopes":["openid","accounts"],"org_jwks_endpoint":"https://keys.example/s-1"}`).Client
	call.Context.Caller.Certificate = &core.Certificate{Subject: subject}
	return call
}

// TestExamples does what the READMEs of the examples say, in copies of them, and asks the plugins that result. Their own cases were
// played when they went live; an author plays them on a workbench.
func TestExamples(t *testing.T) {
	unraced(t)
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			dir, env := copied(t, "plugin-"+name, example.language)
			f := newFolder(t, nil)
			for _, b := range blocks(t, filepath.Join(dir, "README.md")) {
				if b.language == "sh" {
					f.do(dir, env, b.text)
				}
			}
			f.reload()
			if s := f.status(name); s.State != Live {
				t.Fatalf("got %+v", s)
			}
			for want, call := range example.calls {
				r, _, err := f.named(call.Point, name).Ask(context.Background(), call, taken)
				if err != nil {
					t.Fatal(err)
				}
				if got := describe(r); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
			playCases(t, f, name)
		})
	}
}

// playCases does what `ostiary plugin test` does.
func playCases(t *testing.T, f *folder, name string) {
	t.Helper()
	w := atWorkbench(t, f, name)
	cases, err := w.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if got, err := w.Test(context.Background(), c); err != nil || len(got.Differences) > 0 {
			t.Errorf("%s: %q, %v", c.File, got.Differences, err)
		}
	}
}

// TestRustTests runs the tests that are written in Rust: those of the SDK, of its kit, which plays the golden vectors natively, and of
// the examples.
func TestRustTests(t *testing.T) {
	unraced(t)
	dirs := []string{"../sdk/rust", "../sdk/rust/kit"}
	for name, example := range examples {
		if example.language == "rust" {
			dirs = append(dirs, "../examples/plugin-"+name)
		}
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			if _, err := exec.LookPath("cargo"); err != nil {
				needs(t, rustc)
			}
			target, err := filepath.Abs("../bin/rust/target/native")
			if err != nil {
				t.Fatal(err)
			}
			if err := noteSources("../sdk", dir); err != nil {
				t.Fatal(err)
			}
			run(t, dir, []string{"CARGO_TARGET_DIR=" + target}, "cargo", "test", "--quiet", "--offline", "--locked")
		})
	}
}

// copied gives a copy of an example beside this repository's SDKs, so that nothing is built in the repository, and the environment in
// which the compiler is found that `make guests` installed.
func copied(t *testing.T, example, language string) (dir string, env []string) {
	t.Helper()
	from, root := filepath.Join("../examples", example), t.TempDir()
	if err := noteSources("../sdk", from); err != nil {
		t.Fatal(err)
	}
	sdk, err := filepath.Abs("../sdk")
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(root, "examples", example)
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(sdk, filepath.Join(root, "sdk")); err != nil {
		t.Fatal(err)
	}
	switch language {
	case "rust":
		env = rustEnv(t)
	case "assemblyscript":
		modules := filepath.Dir(filepath.Dir(filepath.Dir(needs(t, assemblyscript))))
		env = []string{"MODULES=" + modules}
	}
	return dir, env
}

// do runs a script of a README. What npm would fetch is there already.
func (f *folder) do(dir string, env []string, script string) {
	f.t.Helper()
	for _, install := range []string{"npm ci --ignore-scripts\n", "npm install --ignore-scripts\n"} {
		script = strings.ReplaceAll(script, install, "ln -sfn \"$MODULES\" node_modules\n")
	}
	run(f.t, dir, append(env, "PLUGIN_DIR="+f.dir, "GOFLAGS="), "sh", "-eu", "-c", script)
}

// TestContactsInEveryLanguage asks the three forms of one plugin the same, and wants the same answers.
func TestContactsInEveryLanguage(t *testing.T) {
	unraced(t)
	f := newFolder(t, nil)
	manifest := "hooks: {pre_register: {}, pre_update: {}, post_register: {}, on_read: {}}\nreads: [contacts]\nwrites: [contacts, registered_through]\n" +
		"configuration: {domain: corp.example, label: \"Empfang \\\"Süd\\\"\"}\n"
	golang, err := build("../examples/plugin-contacts")
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string][]byte{
		"go":             golang,
		"rust":           buildRust(t, "../examples/plugin-contacts-rust"),
		"assemblyscript": buildAssemblyScript(t, "../examples/plugin-contacts-assemblyscript"),
	}
	for language, module := range modules {
		f.put(language, module, manifest)
	}
	f.reload()
	clients := []string{
		`{}`, `{"contacts":[]}`, `{"contacts":["a@b.example"]}`, `{"contacts":["a@b","nobody"]}`, `{"contacts":["a@b@c"]}`, `{"contacts":["@b"]}`,
		`{"contacts":["a@"]}`, `{"contacts":["a b@c"]}`, `{"contacts":["a\tb@c"]}`, `{"contacts":["ü@\"exämple\\\"😀"]}`, `{"contacts":[7,"\ud83d\ude00"]}`,
		`{"contacts":"a@b"}`, `{"contacts":["\u0001"]}`,
	}
	for _, point := range []hook.Point{hook.PreRegister, hook.PreUpdate, hook.PostRegister, hook.OnRead} {
		for _, client := range clients {
			for _, locked := range [][]string{nil, {"contacts"}} {
				call := hook.Call{Point: point, Client: mustParse(t, client), Context: hook.Context{Locked: locked}}
				want := whole(t, f, "go", call)
				for _, language := range []string{"rust", "assemblyscript"} {
					if got := whole(t, f, language, call); got != want {
						t.Errorf("%s %s locked %v:\n%s says %s\ngo says %s", point, client, locked, language, got, want)
					}
				}
			}
		}
	}
}

// whole is all that the host takes from an answer.
func whole(t *testing.T, f *folder, plugin string, call hook.Call) string {
	t.Helper()
	r, _, err := f.named(call.Point, plugin).Ask(context.Background(), call, taken)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s audit %s", describe(r), r.Audit)
}
