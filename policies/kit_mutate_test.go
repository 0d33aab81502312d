package policies

import (
	"context"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
)

// mutate gives the holes that a rule of the site has, which a test asks about with claims in a software statement.
func mutate(t *testing.T, rule, claims string) (open []Hole, all *Mutations) {
	t.Helper()
	src := sourceOf(map[string]string{"house.rego": house + rule, "house_test.rego": `package ostiary.registration.site.house_test

import data.ostiary.examples
import data.ostiary.registration.decision

test_refused if {
	verdict := decision with input as examples.register with input.software_statement.claims as ` + claims + `
	not verdict.allow
}
`})
	all, err := Mutate(context.Background(), src, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all.Holes {
		if h.Open() {
			open = append(open, h)
		}
	}
	return open, all
}

const denial = `deny contains {"rule": "house.claims", "code": "access_denied", "message": "no"} if {
	input.operation == "register"
	`

// A rule that denies because of a claim has a hole where the claim is missing; one that asks for a claim has none.
func TestMutateFindsHoles(t *testing.T) {
	open, all := mutate(t, denial+"input.software_statement.claims.level == \"low\"\n}\n", `{"level": "low"}`)
	if len(open) != 2 || all.Requests < 20 || all.Mutants < 2000 {
		t.Fatalf("%d requests, %d mutants, holes %+v", all.Requests, all.Mutants, open)
	}
	for i, change := range []string{mistyped, removed} {
		want := Hole{
			Decision: "registration", Path: "input.software_statement.claims.level", Change: change, Rule: "house.claims", File: "house.rego", Line: 3,
			Request: "the request of house_test.rego:6",
		}
		if open[i] != want {
			t.Errorf("hole %+v", open[i])
		}
	}
	open, _ = mutate(t, "high if input.software_statement.claims.level == \"high\"\n\n"+denial+"not high\n}\n", `{"level": "low"}`)
	if len(open) != 0 {
		t.Errorf("holes %+v", open)
	}
}

// What is left out, because a rule that refuses cannot tell it from the request, is no hole: whoever tries all finds the same. The
// rules look through functions, sets and data, and take scopes away.
func TestMutateLeavesOutNoHole(t *testing.T) {
	src := sourceOf(map[string]string{"house.rego": house + `import data.ostiary.data.house

low(level) if level in house.low

levels contains input.software_statement.claims[name].level if some name in ["a", "b"]

deny contains {"rule": "house.levels", "code": "access_denied", "message": "no"} if {
	input.operation == "register"
	some level in levels
	low(level)
}

deny contains {"rule": "house.roles", "code": "access_denied", "message": "no"} if {
	claims := input.software_statement.claims
	claims.role == "none"
	input.software_statement.trust != "issuer"
}

strip contains {"scope": scope, "rule": "house.mail"} if {
	some scope in input.scopes
	scope in data.ostiary.data.house.taken[input.software_statement.claims.kind]
}
`, "ostiary/data/house/data.json": `{"low": ["low", "lowest"], "taken": {"x": ["email"]}}`,
		"house_test.rego": `package ostiary.registration.site.house_test

import data.ostiary.examples
import data.ostiary.registration.decision

test_refused if {
	every claims in [{"a": {"level": "low"}}, {"b": {"level": "lowest"}, "role": "none"}, {"role": "none"}] {
		verdict := decision with input as examples.register with input.software_statement.claims as claims
		not verdict.allow
	}
}

test_stripped if {
	verdict := decision with input as examples.register with input.software_statement.claims as {"kind": "x"}
	verdict.allow
}
`})
	quick, err := newMutation(src)
	if err != nil {
		t.Fatal(err)
	}
	all, err := newMutation(src)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all.tasks {
		all.tasks[i].basis = basis{}
	}
	for _, m := range []*mutation{quick, all} {
		if err := m.run(t.Context(), func(int, int) {}); err != nil {
			t.Fatal(err)
		}
	}
	if len(quick.seen) != len(all.seen) || quick.found.Mutants != all.found.Mutants {
		t.Errorf("%d holes of %d mutants, all: %d of %d", len(quick.seen), quick.found.Mutants, len(all.seen), all.found.Mutants)
	}
	open := 0
	for hole, first := range all.seen {
		if got := quick.seen[hole]; got == nil || *got != *first {
			t.Errorf("%+v: %+v", first, got)
		}
		if hole.Open() {
			open++
		}
	}
	if open < 8 {
		t.Errorf("only %d holes are open", open)
	}
}

// What the schema of the input promises cannot be missing.
func TestMutateKnowsWhatIsPromised(t *testing.T) {
	open, all := mutate(t, denial+"input.effective.client_name == \"bff-server\"\n}\n", `{}`)
	promised := false
	for _, h := range all.Holes {
		promised = promised || h.Path == "input.effective.client_name" && h.Rule == "house.claims" && h.Promised
	}
	if len(open) != 0 || !promised {
		t.Errorf("holes %+v", all.Holes)
	}
}

func TestMutateHeedsItsEnd(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Mutate(ctx, site(""), func(int, int) {}); err == nil {
		t.Error("it went on")
	}
}

func TestPromises(t *testing.T) {
	schema, err := configSchema()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"registration open": "removed mistyped", "redirects allowed_hosts": "removed mistyped", "redirects allowed_hosts a.example": "mistyped",
		"profiles p": "mistyped", "profiles p grant_types": "removed mistyped", "nobody": "",
	} {
		var got []string
		for _, change := range []string{removed, mistyped} {
			if (mutant{steps: strings.Fields(path), change: change}).promised(schema) {
				got = append(got, change)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
	}
}

// Every mutant differs from what it was made of, in the place that it names.
func TestMutants(t *testing.T) {
	v, err := strictjson.Parse([]byte(`{"a":{"b.c":1},"l":[{"x":"y"},true]}`), strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants(toTerm(v).Value) {
		got = append(got, m.path("in")+" "+m.change+" "+m.value.String())
	}
	want := []string{
		`in.a removed {"l": [{"x": "y"}, true]}`,
		`in.a mistyped {"a": [], "l": [{"x": "y"}, true]}`,
		`in.a["b.c"] removed {"a": {}, "l": [{"x": "y"}, true]}`,
		`in.a["b.c"] mistyped {"a": {"b.c": "1"}, "l": [{"x": "y"}, true]}`,
		`in.l removed {"a": {"b.c": 1}}`,
		`in.l mistyped {"a": {"b.c": 1}, "l": {}}`,
		`in.l[] mistyped {"a": {"b.c": 1}, "l": [[], true]}`,
		`in.l[].x removed {"a": {"b.c": 1}, "l": [{}, true]}`,
		`in.l[].x mistyped {"a": {"b.c": 1}, "l": [{"x": ["y"]}, true]}`,
		`in.l[] mistyped {"a": {"b.c": 1}, "l": [{"x": "y"}, "true"]}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
