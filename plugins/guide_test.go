package plugins

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A block is one fenced piece of a guide: its language, the word after it, its text.
type block struct{ language, name, text string }

// blocks gives the fenced pieces of a guide.
func blocks(t *testing.T, file string) []block {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	for i, part := range strings.Split("\n"+string(data), "\n```") {
		if i%2 == 1 {
			info, text, _ := strings.Cut(part, "\n")
			language, name, _ := strings.Cut(info, " ")
			all = append(all, block{language, name, text + "\n"})
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s shows nothing", file)
	}
	return all
}

// TestGuide does what README.md says: it writes the files, runs the commands and asks the plugin that results.
func TestGuide(t *testing.T) {
	unraced(t)
	f := newFolder(t, nil)
	dir := filepath.Join(t.TempDir(), "hosts")
	cloned(t, filepath.Dir(dir))
	for _, b := range blocks(t, "README.md") {
		if b.name != "" {
			writeFile(t, filepath.Join(dir, b.name), b.text)
		} else {
			shell(t, dir, f.dir, b.text)
		}
	}
	f.reload()
	p := f.only(hook.PreRegister)
	for client, want := range map[string]string{
		`{"redirect_uris":["https://app.example.com/cb"],"scope":"openid"}`:                                                "continue",
		`{"redirect_uris":["http://localhost:1234/"],"scope":"openid offline_access","token_endpoint_auth_method":"none"}`: `patch {"scope":"openid"} offline_access was taken away: public clients do not get it here.`,
		`{"redirect_uris":["https://evil.example/cb"]}`:                                                                    "reject invalid_redirect_uri https://evil.example/cb is not on a host of ours.",
	} {
		r, _, err := p.Ask(context.Background(), hook.Call{Point: hook.PreRegister, Client: mustParse(t, client)}, taken)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(r); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", client, got, want)
		}
	}
	if !p.MayWrite(hook.PreRegister, "scope") || p.MayWrite(hook.PreRegister, "redirect_uris") {
		t.Error("may write")
	}
}

// describe puts a result on one line.
func describe(r hook.Result) string {
	parts := []string{string(r.Action)}
	if r.Action == hook.Patch {
		parts = append(parts, r.Patch.String())
	}
	if r.Action == hook.Reject {
		parts = append(parts, string(r.Code), r.Message)
	}
	return strings.Join(append(parts, r.Warnings...), " ")
}

// cloned puts this repository where the guide supposes it.
func cloned(t *testing.T, dir string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(dir, "ostiary")); err != nil {
		t.Fatal(err)
	}
	if err := noteSources("../sdk/go"); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func shell(t *testing.T, dir, pluginDir, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-eu", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PLUGIN_DIR="+pluginDir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
}

// TestWireGuide reads the messages that sdk/README.md shows.
func TestWireGuide(t *testing.T) {
	seen := map[string]int{}
	for _, b := range blocks(t, "../sdk/README.md") {
		name, about, _ := strings.Cut(b.name, " ")
		seen[name]++
		v := mustParse(t, b.text)
		var err error
		switch name {
		case "member":
			text := `{"v":1,"hook":"token_claims","context":{"decision_id":"","operation":"","channel":"","client_id":"","profile":"","now":0,"caller":{"kind":"",
				"ip":"","origin":"","user_agent":"","subject":"","client_id":"","scopes":[],"roles":[]},"locked":[]},"client":{},"entropy":"","` + about + `":` + b.text + `}`
			var in input
			err = mustParse(t, text).Decode(&in)
		case "input":
			var in input
			err = v.Decode(&in)
		case "setup":
			var s setup
			err = v.Decode(&s)
		case "answer":
			_, err = readAnswer(strictjson.Append(nil, v), cmp.Or(hook.Point(about), hook.PreRegister))
		case "http":
			var r abi.HTTPRequest
			err = v.Decode(&r)
		case "http-answer":
			var r abi.HTTPResponse
			err = v.Decode(&r)
		case "secret":
			var r abi.SecretRequest
			err = v.Decode(&r)
		case "secret-answer":
			var r abi.Signature
			err = v.Decode(&r)
		case "policy":
			var r abi.RuleRequest[strictjson.Value]
			err = v.Decode(&r)
		case "policy-answer":
			var r abi.RuleResult[strictjson.Value]
			err = v.Decode(&r)
		default:
			err = errors.New("nobody reads it")
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", b.name, err, b.text)
		}
	}
	if seen["input"] != 1 || seen["setup"] != 1 || seen["answer"] != 6 || seen["member"] != 3 {
		t.Errorf("shown: %v", seen)
	}
}

// TestGuideOfCapabilities runs the example that README.md shows, as the example's own README says.
func TestGuideOfCapabilities(t *testing.T) {
	unraced(t)
	const dir = "../examples/plugin-quota"
	shown := 0
	for _, b := range blocks(t, "README.md") {
		if file, ok := strings.CutPrefix(b.name, "quota/"); ok {
			shown++
			if text := readFileText(t, filepath.Join(dir, file)); text != b.text {
				t.Errorf("README.md shows another %s than the example has", file)
			}
		}
	}
	if shown != 4 {
		t.Errorf("%d files are shown", shown)
	}
	f := newFolder(t, nil)
	copied := t.TempDir()
	cloned(t, filepath.Dir(copied))
	for _, file := range []string{"main.go", "main_test.go", "quota.yaml"} {
		writeFile(t, filepath.Join(copied, file), readFileText(t, filepath.Join(dir, file)))
	}
	copyCases(t, dir, copied)
	writeFile(t, filepath.Join(copied, "go.mod"), strings.ReplaceAll(readFileText(t, filepath.Join(dir, "go.mod")), "../../sdk/go", "../ostiary/sdk/go"))
	for _, b := range blocks(t, filepath.Join(dir, "README.md")) {
		shell(t, copied, f.dir, b.text)
	}
	f.reload()
	w := &world{kept: map[string]hook.Pair{}, rule: func(path string, input strictjson.Value) (strictjson.Value, bool, error) {
		return strictjson.Int(2), path == "quota.most" && input.String() == `{"partner":"team-a"}`, nil
	}}
	p := f.named(hook.PreRegister, "quota")
	p.services = w.services()
	imports := []string{}
	for _, need := range p.program.Imports() {
		if need.Module == abi.Imports {
			imports = append(imports, need.Name)
		}
	}
	slices.Sort(imports)
	if want := []string{abi.KVGet, abi.KVPut, abi.Log, abi.PolicyEval, abi.Take}; !slices.Equal(imports, want) {
		t.Errorf("it imports %q, and uses %q", imports, want)
	}
	for i, want := range []string{"continue", "continue", "reject access_denied team-a has as many clients as it may have."} {
		call := hook.Call{Point: hook.PreRegister, Context: hook.Context{IAT: &hook.InitialAccessToken{Label: "team-a"}, Writes: &hook.Writes{}}}
		r, _, err := p.Ask(t.Context(), call, taken)
		if err != nil || describe(r) != want {
			t.Errorf("number %d: %s, %v", i+1, describe(r), err)
		}
		w.keep(call.Context.Writes)
	}
}

// TestExample runs the example plugin as its README says, on the client of the first registration that everybody tries: of
// what the client asked for nothing changes.
func TestExample(t *testing.T) {
	unraced(t)
	const dir = "../examples/plugin-contacts"
	f := newFolder(t, nil)
	copied := t.TempDir()
	cloned(t, filepath.Dir(copied))
	for _, file := range []string{"main.go", "main_test.go", "contacts.yaml"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(copied, file), string(data))
	}
	copyCases(t, dir, copied)
	writeFile(t, filepath.Join(copied, "go.mod"), strings.ReplaceAll(readFileText(t, filepath.Join(dir, "go.mod")), "../../sdk/go", "../ostiary/sdk/go"))
	for _, b := range blocks(t, filepath.Join(dir, "README.md")) {
		shell(t, copied, f.dir, b.text)
	}
	f.reload()
	client := mustParse(t, `{"client_name":"bff-server","token_endpoint_auth_method":"private_key_jwt","grant_types":["authorization_code"],
		"response_types":["code"],"scope":"openid profile email offline_access admin.api application.all dcr.register",
		"redirect_uris":["https://automate.example.com/auth/callback"]}`)
	for point, want := range map[hook.Point]string{
		hook.PreRegister:  `patch {"contacts":["clients@example.com"]}`,
		hook.PreUpdate:    `patch {"contacts":["clients@example.com"]}`,
		hook.PostRegister: `patch {"registered_through":"ostiary-example"}`,
		hook.OnRead:       `patch {"registered_through":"ostiary-example"}`,
	} {
		p := f.only(point)
		r, _, err := p.Ask(context.Background(), hook.Call{Point: point, Client: client}, taken)
		if err != nil || describe(r) != want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", point, describe(r), err, want)
		}
		for member := range r.Patch.All() {
			if !p.MayWrite(point, member) {
				t.Errorf("%s: its manifest does not let it write %s", point, member)
			}
		}
	}
	bad := hook.Call{Point: hook.PreRegister, Client: client.With("contacts", strictjson.Strings([]string{"nobody"}))}
	if r, _, err := f.only(hook.PreRegister).Ask(context.Background(), bad, taken); err != nil || r.Code != core.InvalidClientMetadata {
		t.Errorf("got %+v, %v", r, err)
	}
}

// copyCases copies a plugin's cases into a copy of it.
func copyCases(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(to, "cases"), os.DirFS(filepath.Join(from, "cases"))); err != nil {
		t.Fatal(err)
	}
}

func readFileText(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
