package policies

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
)

func dataOf(t *testing.T, files map[string]string) strictjson.Value {
	t.Helper()
	data, problems := readData(sourceOf(files).Files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return data
}

// The folders a file stands in are the beginning of its path, as for OPA.
func TestReadData(t *testing.T) {
	for _, files := range []map[string]string{
		{"data.json": `{"ostiary":{"data":{"hosts":{"a.example":1,"b.example":[2]},"max":3}}}`},
		{"ostiary/data.json": `{"data":{"hosts":{"a.example":1,"b.example":[2]},"max":3}}`},
		{"ostiary/data/data.json": `{"hosts":{"a.example":1,"b.example":[2]},"max":3}`},
		{"ostiary/data/data.json": `{"max":3}`, "ostiary/data/hosts/data.json": `{"a.example":1,"b.example":[2]}`},
		{"data.json": `{"ostiary":{"data":{"hosts":{"a.example":1}}}}`, "ostiary/data/data.json": `{"max":3,"hosts":{"b.example":[2]}}`},
		{"ostiary/data/data.json": `{"max":3,"hosts":{}}`, "ostiary/data/hosts/a.example/data.json": `1`, "ostiary/data/hosts/b.example/data.json": `[2]`},
		{"data.json": `{}`, "ostiary/data.json": `{"data":{"max":3}}`, "ostiary/data/hosts/data.json": `{"a.example":1,"b.example":[2]}`, "house.rego": house},
	} {
		want := `{"hosts":{"a.example":1,"b.example":[2]},"max":3}`
		if got := string(strictjson.Canonical(nil, dataOf(t, files))); got != want {
			t.Errorf("%v: %s", files, got)
		}
	}
	if none := dataOf(t, map[string]string{"house.rego": house, "requests/x.json": `{"y":1}`}); none.Kind() != strictjson.KindObject || none.Len() != 0 {
		t.Errorf("no data is %v", none)
	}
}

func TestReadDataRefuses(t *testing.T) {
	for _, test := range []struct {
		files map[string]string
		at    string
		says  string
	}{
		{map[string]string{"data.json": `{"hosts":{}}`}, "data.json", "data.hosts is not below data.ostiary.data"},
		{map[string]string{"data.json": `{"ostiary":{"config":{"registration":{"open":true}}}}`}, "data.json", "data.ostiary.config is not below"},
		{map[string]string{"ostiary/config/data.json": `{}`}, "ostiary/config/data.json", "data.ostiary.config is not below"},
		{map[string]string{"site/data.json": `{"x":1}`}, "site/data.json", "data.site is not below"},
		{map[string]string{"ostiary/data/data.json": `[1]`}, "ostiary/data/data.json", "data.ostiary.data is not below"},
		{map[string]string{"ostiary/data.json": `{"data":7}`}, "ostiary/data.json", "data.ostiary.data is not below"},
		{map[string]string{"data.json": `7`}, "data.json", "data is not below"},
		{map[string]string{"ostiary/data/data.json": "{\n\"a\": 1,\n\"a\": 2}"}, "ostiary/data/data.json:3", "more than once"},
		{map[string]string{"data.json": `{"ostiary":{"data":{"a":{"b":1}}}}`, "ostiary/data/data.json": `{"a":{"b":1}}`},
			"ostiary/data/data.json", "data.ostiary.data.a.b has a value in data.json already"},
		{map[string]string{"ostiary/data/data.json": `{"a":1}`, "ostiary/data/a/b/data.json": `{}`},
			"ostiary/data/data.json", "data.ostiary.data.a has a value in ostiary/data/a/b/data.json already"},
	} {
		_, err := Load(sourceOf(test.files), long)
		var load *LoadError
		if !errors.As(err, &load) || len(load.Problems) != 1 || !strings.HasPrefix(load.Problems[0].String(), test.at+": ") || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v", test.files, err)
		}
	}
}

const hosts = house + `deny contains {"rule": "house.hosts", "code": "invalid_redirect_uri", "message": "not ours"} if {
	some uri in input.redirect_uris
	not data.ostiary.data.hosts[uri.host]
}
`

// Rules of every decision read the data, tests do, and another state of it is another revision.
func TestRulesReadData(t *testing.T) {
	files := map[string]string{
		"house.rego": hosts,
		"token.rego": `package ostiary.token.site.house

limit contains {"rule": "house.short", "name": "access_token", "value": data.ostiary.data.seconds} if input.grant_type != ""
`,
		"house_test.rego": `package ostiary.registration.site.house_test

import data.ostiary.examples
import data.ostiary.registration.site.house

test_data if data.ostiary.data.seconds == 60

test_other_data if house.deny with input as examples.register with data.ostiary.data.hosts as {}
`,
		"ostiary/data/data.json": `{"seconds":60,"hosts":{"automate.example.com":true,"authn.example.com":true,"authz.example.com":true}}`,
	}
	e := NewEngine(Options{Deadline: long, TrialTime: long})
	if err := e.Replace(sourceOf(files)); err != nil {
		t.Fatal(err)
	}
	first := e.Active().ID()
	if v := ask(t, e, nil); !v.Allow {
		t.Errorf("denied by %s", denied(v))
	}
	q := exampleToken()
	if v, err := e.DecideToken(t.Context(), &q); err != nil || v.Lifetimes.AccessToken.Seconds() != 60 {
		t.Errorf("%+v, %v", v, err)
	}
	files["ostiary/data/data.json"] = strings.Replace(files["ostiary/data/data.json"], "authz", "other", 1)
	if err := e.Replace(sourceOf(files)); err != nil {
		t.Fatal(err)
	}
	if v := ask(t, e, nil); v.Allow || e.Active().ID() == first {
		t.Errorf("revision %s after %s: %+v", e.Active().ID(), first, v)
	}
	run, err := Test(sourceOf(files), TestOptions{Within: long})
	if err != nil || len(run.Tests) != 2 || run.Failed() > 0 {
		t.Errorf("%v, %+v", err, run)
	}
}

// The same content in other files is the same revision, and none is as before there was any.
func TestDigestOfData(t *testing.T) {
	id := func(files map[string]string) string {
		rev, _, err := build(sourceOf(files))
		if err != nil {
			t.Fatal(err)
		}
		return rev.ID()
	}
	apart := id(map[string]string{"ostiary/data/a/data.json": `{"b":1,"c":2}`})
	if apart != id(map[string]string{"data.json": `{"ostiary":{"data":{"a":{"c":2,"b":1}}}}`}) || apart == id(nil) {
		t.Error("the digest is not that of the data")
	}
	if id(nil) != id(map[string]string{"data.json": `{}`}) {
		t.Error("an empty file changes the digest")
	}
}

func TestReferencesToDataThatIsNotThere(t *testing.T) {
	for path, says := range map[string]string{
		"hosts.a":    "",
		"hosts[x]":   "",
		"hots":       "data.ostiary.data.hots does not exist",
		"hosts.b":    "data.ostiary.data.hosts.b does not exist",
		"hosts.a.b":  "data.ostiary.data.hosts.a is a boolean and has no member b",
		"hots[x].on": "data.ostiary.data.hots does not exist",
	} {
		_, _, err := build(sourceOf(map[string]string{
			"house.rego":             house + "label contains \"y\" if {\n\tsome x in [\"a\"]\n\tx\n\tdata.ostiary.data." + path + "\n}\n",
			"ostiary/data/data.json": `{"hosts":{"a":true}}`,
		}))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What rules name in the data is there; that it has another type they must mind themselves.
func TestMutateMistypesData(t *testing.T) {
	deny := func(guard string) map[string]string {
		return map[string]string{
			"house.rego": house + `deny contains {"rule": "house.banned", "code": "access_denied", "message": "no"} if {
	input.operation == "register"
	data.ostiary.data.banned[input.effective.client_name]
}
` + guard,
			"house_test.rego": `package ostiary.registration.site.house_test

import data.ostiary.examples
import data.ostiary.registration.decision

test_refused if {
	verdict := decision with input as examples.register with input.effective.client_name as "Mallory"
	not verdict.allow
}
`,
			"ostiary/data/data.json": `{"banned":{"Mallory":true}}`,
		}
	}
	open := func(files map[string]string) (list []Hole) {
		found, err := Mutate(t.Context(), sourceOf(files), func(int, int) {})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range found.Holes {
			if h.Open() && strings.HasPrefix(h.Path, "data.ostiary.data") {
				list = append(list, h)
			}
		}
		return list
	}
	if holes := open(deny("")); len(holes) != 1 || holes[0].Path != "data.ostiary.data.banned" || holes[0].Change != mistyped || holes[0].File != "house.rego" {
		t.Errorf("holes %+v", holes)
	}
	guard := "\ndeny contains {\"rule\": \"house.data\", \"code\": \"access_denied\", \"message\": \"no\"} if not is_object(data.ostiary.data.banned)\n"
	if holes := open(deny(guard)); len(holes) != 0 {
		t.Errorf("holes %+v", holes)
	}
}

// manyHosts is data of n entries, among them those of the example, with a rule that looks them up.
func manyHosts(n int) Source {
	var b strings.Builder
	b.WriteString(`{"automate.example.com":true,"authn.example.com":true,"authz.example.com":true`)
	for i := range n {
		fmt.Fprintf(&b, ",\"h%d.example\":true", i)
	}
	b.WriteString("}")
	return sourceOf(map[string]string{"house.rego": hosts, "ostiary/data/hosts/data.json": b.String()})
}

// What a decision allocates does not depend on how much data there is.
func TestReadsOfDataAreFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 entries")
	}
	allocations := func(n int) float64 {
		e := NewEngine(Options{CacheSize: -1, Deadline: long, TrialTime: long})
		if err := e.Replace(manyHosts(n)); err != nil {
			t.Fatal(err)
		}
		q := exampleRegister()
		return testing.AllocsPerRun(20, func() {
			if v, err := e.DecideRegistration(t.Context(), &q); err != nil || !v.Allow {
				t.Error(v, err)
			}
		})
	}
	few, many := allocations(10), allocations(100_000)
	if many > 1.05*few {
		t.Errorf("%v allocations with 10 entries, %v with 100,000", few, many)
	}
}

func BenchmarkData(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		e := NewEngine(Options{CacheSize: -1, Deadline: long, TrialTime: long})
		if err := e.Replace(manyHosts(n)); err != nil {
			b.Fatal(err)
		}
		q := exampleRegister()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v, err := e.DecideRegistration(b.Context(), &q); err != nil || !v.Allow {
					b.Fatal(v, err)
				}
			}
		})
	}
}

// BenchmarkReplace is the way from files to decisions: compile, try, swap.
func BenchmarkReplace(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		src := manyHosts(n)
		e := NewEngine(Options{Deadline: long, TrialTime: long})
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if err := e.Replace(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
