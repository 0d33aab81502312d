package plugins

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/hook"
)

// putTest writes a self-test below the folder.
func (f *folder) putTest(file, text string) {
	f.t.Helper()
	f.must(os.MkdirAll(filepath.Dir(filepath.Join(f.dir, file)), 0o700))
	f.write(file, []byte(text))
}

const tested = register + "tests: [tests/*.yaml]\n"

func TestSelfTestsKeepAPluginOut(t *testing.T) {
	for text, want := range map[string]string{
		"expect: {action: patch, patch: {client_name: x}}":            "",
		"expect: {action: patch}":                                     "",
		"expect: {action: continue}":                                  `self-test "a case" (tests/a.yaml) failed: expected continue, got patch {"client_name":"x"}`,
		"expect: {action: fault}":                                     `failed: expected fault, got patch`,
		"expect: {action: patch, patch: {client_name: y}}":            `failed: expected the patch {"client_name":"y"}, got {"client_name":"x"}`,
		"expect: {action: patch, warnings: [careful], audit: {a: 1}}": `failed: expected the audit {"a":1}, got null; expected the warnings ["careful"], got []`,
		"expect: {action: patch, fuel_at_most: 100000000}":            "",
		"hook: on_read\nexpect: {action: patch}":                      "failed: the manifest does not name the hook on_read",
		"expect: {action: pass}":                                      "tests/a.yaml:3: expect.action: must be continue, patch, result, reject or fault",
		"hook: no_hook\nexpect: {action: patch}":                      "tests/a.yaml:2: hook: must be one of",
		"client: {a: 1}\nexpects: {action: patch}":                    "tests/a.yaml:4: expects: ",
		"context: {decision: 1}\nexpect: {action: patch}":             "tests/a.yaml:3: context.decision: ",
		"http: [{answer: {status: 200}}]\nexpect: {action: patch}":    "tests/a.yaml:3: http[0].url: is missing",
		"secret: {k: {}}\nexpect: {action: patch}":                    "tests/a.yaml:3: secret.k: needs hmac or ed25519",
		"configuration: {domain: x}\nexpect: {action: patch}":         "there is a configuration, but the module does not take one",
		"expect: [1\n": "tests/a.yaml",
	} {
		f := newFolder(t, nil)
		f.put("a", answers("x"), tested)
		if !strings.Contains(text, "hook:") {
			text = "hook: pre_register\n" + text
		}
		f.putTest("tests/a.yaml", "name: a case\n"+text+"\n")
		f.reload()
		if want == "" {
			f.want("a", Live, "")
		} else {
			f.want("a", Failed, want)
		}
		if s := f.status("a"); len(s.Stats.Calls) > 0 {
			t.Errorf("self-tests are counted: %v", s.Stats.Calls)
		}
	}
}

func TestSelfTestsOfRejections(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", fake{answer: `{"v":1,"action":"reject","error":{"code":"access_denied","description":"No.","extra":{"why":1}}}`}.wasm(), tested)
	f.putTest("tests/a.yaml", "name: good\nhook: pre_register\nexpect: {action: reject, error: {code: access_denied, description: No., extra: {why: 1}}}\n")
	f.reload()
	f.want("a", Live, "")
	f.putTest("tests/b.yaml", "name: bad\nhook: pre_register\nexpect: {action: reject, error: {code: invalid_scope, description: Oh., extra: {why: 2}}}\n")
	f.reload() // a test alone is a change; what is live stays
	f.want("a", Live, `self-test "bad" (tests/b.yaml) failed: expected the code invalid_scope, got access_denied; expected the description "Oh.", got "No."; expected the extra {"why":2}, got {"why":1}`)
}

// What a plugin gives may be a key: no text shows it.
func TestSelfTestsOfResults(t *testing.T) {
	f := newFolder(t, nil)
	f.put("keys", fake{answer: `{"v":1,"action":"result","result":{"secret":"plugin-key"}}`}.wasm(), "hooks: {request_keys: {}}\ntests: [tests/k*.yaml]\n")
	f.put("ids", fake{answer: `{"v":1,"action":"result","result":{"client_id":"c-1"}}`}.wasm(), "hooks: {mint_client_id: {}}\ntests: [tests/i*.yaml]\n")
	f.putTest("tests/k1.yaml", "name: good\nhook: request_keys\nsigned: {kind: request, alg: HS256, kid: k, claims: {iss: x}}\nexpect: {action: result, result: {secret: plugin-key}}\n")
	f.putTest("tests/k2.yaml", "name: bad\nhook: request_keys\nexpect: {action: result, result: {secret: other-key}}\n")
	f.putTest("tests/i.yaml", "name: good\nhook: mint_client_id\nexpect: {action: result, result: {client_id: c-1}}\n")
	f.reload()
	f.want("ids", Live, "")
	if s := f.want("keys", Failed, "it gave another result than expected"); strings.Contains(s.Error, "-key") {
		t.Errorf("a key is shown: %s", s.Error)
	}
}

func TestSelfTestFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside.yaml")
	writeFile(t, outside, "name: x\nhook: pre_register\nexpect: {action: patch}\n")
	f := newFolder(t, nil)
	f.put("none", answers("x"), register+"tests: [none/*.yaml]\n")
	f.put("link", answers("x"), register+"tests: [link/*.yaml]\n")
	f.put("folder", answers("x"), register+"tests: [folder]\n")
	f.put("large", answers("x"), register+"tests: [large/a.yaml]\n")
	f.putTest("folder/a.yaml", "")
	f.putTest("large/a.yaml", strings.Repeat("#", maxTestFile+1))
	f.must(os.Mkdir(filepath.Join(f.dir, "link"), 0o700))
	f.must(os.Symlink(outside, filepath.Join(f.dir, "link", "a.yaml")))
	f.reload()
	f.want("none", Failed, "tests: there is no file none/*.yaml beside the manifest; copy the tests too, or take them out of the manifest")
	f.want("link", Failed, "tests: link/a.yaml cannot be read")
	f.want("folder", Failed, "folder is a folder, not a file")
	f.want("large", Failed, "is larger than 262144 bytes")
}

// The author's tests run with the author's configuration, or with their own; the operator's changes nothing of that.
func TestSelfTestsHaveTheirConfiguration(t *testing.T) {
	f := operated(t, Operator{Unsigned: true, Bindings: map[string]Binding{"kit": {Configuration: mustParse(t, `{"steps":[{"op":"warn","text":"operator's"}]}`)}}}, nil)
	f.putKit("kit", `{"steps":[{"op":"warn","text":"author's"}]}`, "tests: [tests/*.yaml]\n")
	f.putTest("tests/a.yaml", "name: author's\nhook: pre_register\nexpect: {action: continue, warnings: [author's]}\n")
	f.putTest("tests/b.yaml", `{"name":"own","hook":"pre_register","configuration":{"steps":[{"op":"warn","text":"own"}]},"expect":{"action":"continue","warnings":["own"]}}`)
	f.reload()
	f.want("kit", Live, "")
	r, _, err := f.only(hook.PreRegister).Ask(context.Background(), plain, taken)
	if err != nil || len(r.Warnings) != 1 || r.Warnings[0] != "operator's" {
		t.Errorf("%+v, %v", r, err)
	}
	c, err := ReadCase([]byte("name: tried\nhook: pre_register\nexpect: {action: continue, warnings: [author's]}"), "x.yaml")
	f.must(err)
	checked, err := f.host.Try(context.Background(), "kit", []Case{c})
	if err != nil || len(checked) != 1 || len(checked[0].Differences) != 0 {
		t.Errorf("%+v, %v", checked, err)
	}
	if _, err := f.host.Try(context.Background(), "other", nil); err == nil {
		t.Error("tried what is not there")
	}
}

func TestSelfTestsEnd(t *testing.T) {
	f := &folder{t: t, dir: t.TempDir()}
	f.open(Options{Operator: author, Limits: Limits{SelfTest: time.Nanosecond}})
	f.put("a", answers("x"), tested)
	f.putTest("tests/a.yaml", "name: a case\nhook: pre_register\nexpect: {action: patch}\n")
	f.reload()
	f.want("a", Failed, `self-test "a case" (tests/a.yaml) did not end in time`)
}

func TestCaseFillsTheContext(t *testing.T) {
	for point, operation := range map[string]string{
		"pre_register": "register", "post_update": "update", "on_read": "read", "pre_delete": "delete", "token_claims": "token", "mint_client_id": "register",
	} {
		c, err := ReadCase([]byte("name: x\nhook: "+point+"\nexpect: {action: continue}"), "x.yaml")
		if err != nil || string(c.Call.Context.Operation) != operation || c.Call.Context.DecisionID == "" || c.Call.Context.Now.Year() != 2026 {
			t.Errorf("%s: %+v, %v", point, c.Call.Context, err)
		}
	}
	c, err := ReadCase([]byte(`name: x
hook: certificate_check
context: {now: 5, operation: update, channel: manage, client_id: c, profile: web, caller: {kind: open, ip: 192.0.2.1}, initial_access_token: {label: l}, locked: [scope]}
certificate: {subject: CN=x, issuer: CN=y, serial: '1', sha256: ab, san: {dns: [a.example], uri: [], email: [], ip: []}, not_before: 1, not_after: 2, pem: x}
client: {scope: openid}
expect: {action: continue}
`), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Call
	if got.Certificate == nil || got.Certificate.SAN.DNS[0] != "a.example" || got.Context.Now.Unix() != 5 || got.Context.IAT.Label != "l" || got.Context.Locked[0] != "scope" ||
		got.Context.Caller.IP != "192.0.2.1" || got.Context.Operation != "update" || got.Client.String() != `{"scope":"openid"}` {
		t.Errorf("%+v", got)
	}
}
