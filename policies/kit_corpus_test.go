package policies

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

func TestReadCorpus(t *testing.T) {
	q := exampleToken()
	whole := string(decision.AppendJSON(nil, &q))
	line := `{"path":"ostiary/token/decision","input":` + whole + "}\n"
	dir := folder(t, map[string]string{
		"requests/register-1.json": `{"request": {"client_name": "x", "redirect_uris": ["https://a.example/cb"]}}`,
		"requests/b.json":          whole,
		"requests/README.md":       "no",
		"requests/log.ndjson":      line + "\n",
		"requests/log.ndjson.12":   line,
	})
	c, err := ReadCorpus(filepath.Join(dir, "requests"))
	if err != nil || len(c.Cases) != 4 || c.Lines != 2 || c.Taken != 2 || len(c.Passed) != 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	for i, on := range []which{token, token, token, registration} {
		if c.Cases[i].on != on {
			t.Errorf("%s is about %s", c.Cases[i].Name, contracts[c.Cases[i].on].name)
		}
	}
	if again, err := FolderCases(dir); err != nil || len(again) != 4 {
		t.Errorf("%+v, %v", again, err)
	}
	for _, none := range []string{t.TempDir(), filepath.Join(dir, "requests", "b.json")} {
		if cases, err := FolderCases(none); err != nil || len(cases) != 0 {
			t.Errorf("%s: %+v, %v", none, cases, err)
		}
	}
	for text, says := range map[string]string{`{"nothing": 1}`: "input.nothing is unknown", `{`: "ends too early", `[]`: "must be a JSON object"} {
		file := filepath.Join(dir, "x.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCorpus(file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ReadCorpus(filepath.Join(dir, "absent")); err == nil {
		t.Error("what is not there is read")
	}
}

// logged writes one event of a log: a question without some members.
func logged(on string, q decision.Question, erased ...string) string {
	v, _ := strictjson.Parse(decision.AppendJSON(nil, q), strictjson.Stored)
	for _, path := range erased {
		v = without(v, strings.Split(path, "/"))
	}
	return event(on, v, strictjson.Member{Name: "erased", Value: pointers(erased)})
}

func event(on string, input strictjson.Value, more ...strictjson.Member) string {
	return string(strictjson.Append(nil, strictjson.Object(append([]strictjson.Member{
		{Name: "decision_id", Value: strictjson.String("d-1")},
		{Name: "path", Value: strictjson.String("ostiary/" + on + "/decision")},
		{Name: "input", Value: input},
	}, more...)...))) + "\n"
}

func pointers(paths []string) strictjson.Value {
	list := []strictjson.Value{}
	for _, path := range paths {
		list = append(list, strictjson.String("/input/"+path))
	}
	return strictjson.Array(list...)
}

func without(v strictjson.Value, names []string) strictjson.Value {
	if len(names) == 1 {
		return v.Without(names[0])
	}
	inner, _ := v.Get(names[0])
	return v.With(names[0], without(inner, names[1:]))
}

// What a log leaves out is filled in by its type, wherever it stands; the rest of the question is as it was put.
func TestLogsAreFilledIn(t *testing.T) {
	register, code := exampleRegister(), exampleToken()
	register.Effective.Metadata.Contacts = []string{"ann@example.com"}
	hidden, _ := strictjson.Parse(decision.AppendJSON(nil, &code), strictjson.Stored)
	c := &Corpus{}
	log := logged("registration", &register, "effective/contacts", "request/extra", "software_statement/claims/contacts", "iat/max_uses", "iat/present", "caller") +
		logged("token", &code, "user/email") +
		logged("token", &code) +
		event("token", hidden.With("scopes", strictjson.String("**REDACTED**")),
			strictjson.Member{Name: "masked", Value: pointers([]string{"user/username", "scopes"})},
			strictjson.Member{Name: "erased", Value: strictjson.Strings([]string{"/result/deny"})})
	log = log[:len(log)-1] // the last line has no end
	if err := c.readLog("x.ndjson", strings.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	if c.Lines != 4 || c.Taken != 4 || c.Filled != 3 || len(c.Passed) != 0 {
		t.Fatalf("%+v", c)
	}
	if want := []string{
		"/input/caller", "/input/effective/contacts", "/input/iat/max_uses", "/input/iat/present", "/input/request/extra", "/input/scopes",
		"/input/software_statement/claims/contacts", "/input/user/email", "/input/user/username",
	}; !slices.Equal(c.LeftOut, want) {
		t.Errorf("left out: %v", c.LeftOut)
	}
	for i, want := range []map[string]string{
		{
			"effective.contacts": "[]", "effective.client_name": `"bff-server"`, "request.extra": "{}", "software_statement.claims": "{}",
			"iat.max_uses": "0", "iat.present": "false", "iat.id": `"iat-example"`, "caller.ip": `""`, "caller.scopes": "[]",
		},
		{"user.email": `""`, "user.username": `"ann"`}, {"user.email": `"ann@example.com"`}, {"user.username": `"ann"`, "scopes": "[]"},
	} {
		for path, text := range want {
			v := c.Cases[i].question.(document).members
			for name := range strings.SplitSeq(path, ".") {
				v, _ = v.Get(name)
			}
			if v.String() != text {
				t.Errorf("%s: %s is %s, not %s", c.Cases[i].Name, path, v, text)
			}
		}
	}
	if c.Cases[0].Name != "x.ndjson:1 (d-1)" || c.Cases[0].on != registration || c.Cases[1].on != token {
		t.Errorf("%+v", c.Cases[:2])
	}
}

// What is no question is passed over, for a reason that is told, and what follows is read.
func TestLinesPassedOver(t *testing.T) {
	q := exampleToken()
	good := logged("token", &q)
	c := &Corpus{}
	log := "\n" + `{"path": "ostiary/token/decision", "input":` + "\n" + `{"cut": ` + "\n" +
		`{"path": "` + strings.Repeat("x", maxLine) + `"}` + "\n" +
		logged("bff", &q) + `{"input": {}}` + "\n" + `{"path": "ostiary/token/decision", "erased": ["/input"]}` + "\n" +
		logged("session", &q) + strings.Replace(good, `"auth_method"`, `"method"`, 1) + "[]\n" + good
	if err := c.readLog("x.ndjson", strings.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	want := []PassedOver{
		{noJSON, 2, "x.ndjson:2: "}, {tooLong, 1, "x.ndjson:4"}, {noDecision, 3, `x.ndjson:5: its path is "ostiary/bff/decision"`},
		{noInput, 1, "x.ndjson:7"}, {noContract, 2, "x.ndjson:8: input.for is missing"},
	}
	if c.Lines != 10 || c.Taken != 1 || len(c.Passed) != len(want) {
		t.Fatalf("%+v", c)
	}
	for i, p := range c.Passed {
		if p.Why != want[i].Why || p.Lines != want[i].Lines || !strings.HasPrefix(p.First, want[i].First) {
			t.Errorf("%+v, wanted %+v", p, want[i])
		}
	}
	if err := c.readLog("x.ndjson", strings.NewReader(strings.Repeat("x", 3*maxLine))); err != nil || c.Lines != 11 {
		t.Errorf("%d lines, %v", c.Lines, err)
	}
	c.Taken = maxTaken
	if err := c.readLog("y.ndjson", strings.NewReader(good)); err != nil || len(c.Cases) != 1 || c.Passed[len(c.Passed)-1].First != "y.ndjson:1" {
		t.Errorf("%+v, %v", c.Passed, err)
	}
	if tooMany != fmt.Sprintf("more than the first %d", maxTaken) || tooLong != fmt.Sprintf("longer than %d MiB", maxLine>>20) {
		t.Error("the words are not the numbers")
	}
}
