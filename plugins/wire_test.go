package plugins

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A vector is one file of sdk/testdata.
type vector struct {
	name          string
	About         string           `json:"about"`
	Hook          hook.Point       `json:"hook"`
	Configuration strictjson.Value `json:"configuration"`
	Input         strictjson.Value `json:"input"`
	Output        strictjson.Value `json:"output"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("../sdk/testdata/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d vectors: %v", len(files), err)
	}
	all := make([]vector, len(files))
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := strictjson.Decode(data, &all[i], strictjson.Stored); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[i].name = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return all
}

// callOf makes the host's call of a vector's input, which must be exactly what the frozen structs say.
func callOf(t testing.TB, v vector) (hook.Call, entropy) {
	t.Helper()
	var in input
	if err := v.Input.Decode(&in); err != nil {
		t.Fatal(err)
	}
	call := callFrom(in)
	raw, err := base64.StdEncoding.DecodeString(in.Entropy)
	if err != nil {
		t.Fatal(err)
	}
	return call, entropy(raw)
}

func TestVectorsAsTheHostWritesThem(t *testing.T) {
	everything := Manifest{Reads: hook.Reads{hook.AllMembers}}
	for _, v := range vectors(t) {
		call, random := callOf(t, v)
		data := writeInput(nil, &everything, &call, &random)
		if got := mustParse(t, string(data)); !strictjson.Equal(got, v.Input) {
			t.Errorf("%s\ngot  %s\nwant %s", v.name, got, v.Input)
		}
		if v.Output.IsAbsent() {
			continue
		}
		r, err := readAnswer(strictjson.Append(nil, v.Output), v.Hook)
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
		if action, _ := v.Output.Get("action"); action.String() != `"`+string(r.Action)+`"` {
			t.Errorf("%s: read as %s", v.name, r.Action)
		}
	}
}

func TestInputOfAlmostNothing(t *testing.T) {
	data := writeInput(nil, &Manifest{}, &hook.Call{Point: hook.OnRead}, &entropy{})
	const want = `{"v":1,"hook":"on_read","context":{"decision_id":"","operation":"","channel":"","client_id":"","profile":"","now":0,` +
		`"caller":{"kind":"","ip":"","origin":"","user_agent":"","subject":"","client_id":"","scopes":[],"roles":[]},"locked":[]},` +
		`"client":{},"entropy":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
}

func TestReadsFilter(t *testing.T) {
	doc := mustParse(t, `{"client_name":"x","client_name#fr":"y","scope":"a","jwks":{"keys":[]}}`)
	for reads, want := range map[string]string{
		"":                 `{}`,
		"client_name":      `{"client_name":"x","client_name#fr":"y"}`,
		"jwks scope other": `{"scope":"a","jwks":{"keys":[]}}`,
		"client.*":         doc.String(),
	} {
		m := Manifest{Reads: strings.Fields(reads)}
		data := writeInput(nil, &m, &hook.Call{Point: hook.PreUpdate, Client: doc, Before: doc}, &entropy{})
		in := mustParse(t, string(data))
		for _, member := range []string{"client", "before"} {
			if got, _ := in.Get(member); got.String() != want {
				t.Errorf("reads %q: %s is %s, want %s", reads, member, got, want)
			}
		}
	}
}

// badAnswers are answers that are plugin faults, with a piece of the reason.
var badAnswers = map[string]string{
	``:                                       "empty",
	`{`:                                      "ends too early",
	"\xff":                                   "UTF-8",
	`{}`:                                     "v 0",
	`[]`:                                     "want an object",
	`{"v":2,"action":"continue"}`:            "v 2",
	`{"v":"1","action":"continue"}`:          "v: want",
	`{"v":1}`:                                `no action ""`,
	`{"v":1,"action":"result"}`:              "belongs to the action result",
	`{"v":1,"action":"result","result":{}}`:  "which that hook does not have",
	`{"v":1,"action":"result","result":[]}`:  "result is an array",
	`{"v":1,"action":"continue"} `:           "",
	`{"v":1,"action":"continue"}x`:           "more data",
	`{"v":1,"action":"continue","note":1}`:   "unknown member",
	`{"v":1,"v":1,"action":"continue"}`:      "more than once",
	`{"v":1,"action":"continue","patch":{}}`: "belongs to the action patch",
	`{"v":1,"action":"patch"}`:               "belongs to the action patch",
	`{"v":1,"action":"patch","patch":null}`:  "patch is null",
	`{"v":1,"action":"patch","patch":[]}`:    "patch is an array",
	`{"v":1,"action":"patch","patch":{"a":{"a":1,"a":2}}}`:                                                        "more than once",
	`{"v":1,"action":"reject"}`:                                                                                   "belongs to the action reject",
	`{"v":1,"action":"continue","error":` + errorJSON + `}`:                                                       "belongs to the action reject",
	`{"v":1,"action":"reject","error":` + errorJSON + `}`:                                                         "",
	`{"v":1,"action":"reject","error":{}}`:                                                                        "1 to 400",
	`{"v":1,"action":"reject","error":{"code":"server_error","description":"x"}}`:                                 "may not reject with the code",
	`{"v":1,"action":"reject","error":{"code":"access_denied","description":""}}`:                                 "1 to 400",
	`{"v":1,"action":"reject","error":{"code":"access_denied","description":"` + strings.Repeat("x", 401) + `"}}`: "1 to 400",
	`{"v":1,"action":"reject","error":{"code":"access_denied","description":"say \"x\""}}`:                        "printable ASCII",
	`{"v":1,"action":"reject","error":{"code":"access_denied","description":"x\r\nSet-Cookie: a"}}`:               "printable ASCII",
	`{"v":1,"action":"reject","error":{"code":"access_denied","description":"x","extra":{}}}`:                     "",
	`{"v":1,"action":"continue","warnings":["a","b","c","d","e","f","g","h","i"]}`:                                "9 warnings",
	`{"v":1,"action":"continue","warnings":[""]}`:                                                                 "1 to 200",
	`{"v":1,"action":"continue","warnings":["` + strings.Repeat("é", 201) + `"]}`:                                 "1 to 200",
	`{"v":1,"action":"continue","warnings":["` + strings.Repeat("é", 200) + `"]}`:                                 "",
	`{"v":1,"action":"continue","warnings":["a\u001b[31m"]}`:                                                      "1 to 200",
	`{"v":1,"action":"continue","warnings":[1]}`:                                                                  "warnings[0]",
	`{"v":1,"action":"continue","audit":1}`:                                                                       "audit is a number",
	`{"v":1,"action":"continue","audit":{"a":"` + strings.Repeat("x", 4096) + `"}}`:                               "audit is longer",
	`{"v":1,"action":"patch","patch":{"a":"` + strings.Repeat("x", abi.MaxAnswer) + `"}}`:                         "longer than",
	`{"v":1,"action":"patch","patch":{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}}`:            "deeper",
	`{"v":1,"action":"patch","patch":{"a":[` + strings.Repeat("1,", 5000) + `1]}}`:                                "more than 4096",
}

const errorJSON = `{"code":"access_denied","description":"x"}`

func TestReadAnswer(t *testing.T) {
	for answer, want := range badAnswers {
		_, err := readAnswer([]byte(answer), hook.PreRegister)
		switch {
		case want == "" && err != nil:
			t.Errorf("%.80s: %v", answer, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.80s:\ngot  %v\nwant %s", answer, err, want)
		}
	}
	if _, err := readAnswer([]byte(`{"v":1,"action":"reject","error":`+errorJSON+`}`), hook.OnRead); err == nil {
		t.Error("a rejection in on_read was accepted")
	}
}

func FuzzReadAnswer(f *testing.F) {
	for answer := range badAnswers {
		f.Add([]byte(answer))
	}
	for _, v := range vectors(f) {
		f.Add(strictjson.Append(nil, v.Output))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, p := range hook.Points() {
			r, err := readAnswer(answer, p)
			if err == nil && (r.Action == hook.Give) != (r.ClientID != "" || r.Keys != hook.Keys{}) {
				t.Errorf("%s %q: action %s, client id %s", p, answer, r.Action, r.ClientID)
			}
		}
		r, err := readAnswer(answer, hook.PreRegister)
		if err != nil {
			return
		}
		if (r.Action == hook.Patch) != (r.Patch.Kind() == strictjson.KindObject) {
			t.Errorf("%q: action %s, patch %s", answer, r.Action, r.Patch)
		}
		if (r.Action == hook.Reject) != (r.Code != "") || strings.ContainsAny(r.Message, "\"\\\r\n") {
			t.Errorf("%q: action %s, code %s, message %q", answer, r.Action, r.Code, r.Message)
		}
	})
}

// TestGarbageIsAFault asks modules that break the wire's rules; each one must be a plugin fault that names it and tells the
// caller nothing else.
func TestGarbageIsAFault(t *testing.T) {
	outside, empty, huge := place(1<<20, 64), uint64(0), place(0, 1<<30)
	for name, m := range map[string]fake{
		"not-json":      {answer: "hello"},
		"outside":       {packed: &outside},
		"nothing":       {packed: &empty},
		"huge":          {packed: &huge},
		"unknown":       {answer: `{"v":1,"action":"continue","secret":true}`},
		"reject-anyhow": {answer: `{"v":1,"action":"reject","error":{"code":"server_error","description":"x"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, nil)
			f.put(name, m.wasm(), register)
			f.reload()
			wantFault(t, f.only(hook.PreRegister), hook.PreRegister, "the request was refused")
		})
	}
}

// wantFault asks a plugin that fails and verifies what may be told of it.
func wantFault(t *testing.T, p hook.Plugin, point hook.Point, effect string) {
	t.Helper()
	_, _, err := p.Ask(context.Background(), hook.Call{Point: point}, taken)
	e := wantCode(t, err, core.PluginFault)
	want := "The plugin " + p.Name() + " failed, so " + effect + ". An operator can see why under the decision id."
	if e.Detail != want || e.Err == nil {
		t.Errorf("detail %q, cause %v\nwant %q", e.Detail, e.Err, want)
	}
}

// A fault tells what came of it: hooks that shape an answer refuse nothing, however the plugin failed.
func TestFaultTellsWhatCameOfIt(t *testing.T) {
	f := newFolder(t, nil)
	f.putKit("panics", `{"misbehave":"panic"}`, "")
	f.putKit("garbles", `{"misbehave":"huge"}`, "")
	f.reload()
	for point, effect := range map[hook.Point]string{
		hook.PreRegister: "the request was refused", hook.PreUpdate: "the request was refused",
		hook.PostRegister: "the answer went out without what it adds", hook.OnRead: "the answer went out without what it adds",
	} {
		for _, p := range f.at(point) {
			wantFault(t, p, point, effect)
		}
	}
}

func TestNewerMinorThanPromised(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", fake{minor: 5, answer: `{"v":1,"action":"continue"}`}.wasm(), register+"abi: {major: 1, min_minor: 0}\n")
	f.reload()
	if got := asked(t, f.only(hook.PreRegister), hook.PreRegister); got != "null" {
		t.Errorf("patch %s", got)
	}
}

func mustParse(t testing.TB, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The wire's words say of every hook what the table of the points says.
func TestWireAgreesWithTheTable(t *testing.T) {
	var names []string
	for _, p := range hook.Points() {
		may, name := p.Answers(), string(p)
		names = append(names, name)
		if abi.Patches(name) != (may.Patches || may.Adds) || abi.Results(name) != may.Results {
			t.Errorf("%s: patches %v, results %v, want %+v", p, abi.Patches(name), abi.Results(name), may)
		}
		var codes []string
		for _, code := range may.Rejects {
			codes = append(codes, string(code))
		}
		if !slices.Equal(abi.RejectCodes(name), codes) {
			t.Errorf("%s: rejects with %v, want %v", p, abi.RejectCodes(name), codes)
		}
	}
	for _, name := range []string{"error", "error_description", "error_uri", "errors", "decision_id", "warnings", "registration_status", "state", "iss",
		"type", "title", "status", "detail", "instance", "code", "nonce", ""} {
		if hook.OwnInError(name) != abi.OwnInError(name) {
			t.Errorf("%s: %v on the wire, %v here", name, abi.OwnInError(name), hook.OwnInError(name))
		}
	}
	if !slices.Equal(names, abi.Hooks()) {
		t.Errorf("got %v\nwant %v", abi.Hooks(), names)
	}
}
