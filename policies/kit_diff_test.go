package policies

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/strictjson"
)

func silently(int, int) {}

func TestDiffOfTheSameIsEmpty(t *testing.T) {
	files, err := Skeleton()
	src := filesOf(t, files, err)
	found, err := Diff(t.Context(), src, src, nil, silently)
	if err != nil || len(found.Changes) != 0 || found.Requests < 40 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestDiffFindsEveryKindOfChange(t *testing.T) {
	reads := func(body string) Source { return sourceOf(map[string]string{"house.rego": house + body}) }
	deny := "deny contains {\"rule\": \"house.x\", \"code\": \"access_denied\", \"message\": \"no\"} if input.request_id == \"d-example\"\n"
	for _, test := range []struct {
		before, after string
		was, is       Outcome
		gone, new     string
	}{
		{"", deny, Allowed, Denied, "", "deny access_denied house.x: no"},
		{deny, "", Denied, Allowed, "deny access_denied house.x: no", ""},
		{"label contains \"a\" if true\n", "label contains \"b\" if true\n", Allowed, Allowed, "label a", "label b"},
		{deny, strings.ReplaceAll(deny, "no", "never"), Denied, Denied, "deny access_denied house.x: no", "deny access_denied house.x: never"},
		{"", "label contains \"c\" if {\n\tinput.request_id == \"d-example\"\n\tto_number(input.request_id) == 1\n}\n", Allowed, Undecided, "", "to_number"},
	} {
		found, err := Diff(t.Context(), reads(test.before), reads(test.after), nil, silently)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(found.Changes, func(c CaseChange) bool { return c.Request == "the example register" })
		if i < 0 {
			t.Errorf("%s: nothing of the example in %+v", test.after, found.Changes)
			continue
		}
		c := found.Changes[i]
		if c.Decision != "registration" || c.Was != test.was || c.Is != test.is || !strings.Contains(strings.Join(c.Gone, ";"), test.gone) || !strings.Contains(strings.Join(c.New, ";"), test.new) {
			t.Errorf("%s: %+v", test.after, c)
		}
	}
	if _, err := Diff(t.Context(), reads("x := y\n"), reads(""), nil, silently); err == nil {
		t.Error("what does not compile is compared")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Diff(ended, reads(""), reads(""), nil, silently); err == nil {
		t.Error("it goes on after its end")
	}
}

// What the tests of either side ask is asked.
func TestDiffAsksWhatTestsAsk(t *testing.T) {
	rule := "label contains \"m\" if input.effective.client_name == \"Mallory\"\n"
	test := `package ostiary.registration.site.house_test

import data.ostiary.examples
import data.ostiary.registration.decision

test_asks if {
	verdict := decision with input as examples.register with input.effective.client_name as "Mallory"
	verdict.allow
}
`
	found, err := Diff(t.Context(), sourceOf(nil), sourceOf(map[string]string{"house.rego": house + rule, "house_test.rego": test}), nil, silently)
	if err != nil || len(found.Changes) != 1 || found.Changes[0].Request != "the request of house_test.rego:6" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestBench(t *testing.T) {
	list, err := Bench(t.Context(), sourceOf(nil), "", strictjson.Object(), time.Millisecond)
	if err != nil || len(list) != len(contracts) {
		t.Fatal(list, err)
	}
	for _, m := range list {
		if m.Evaluated.Runs < 1 || m.Evaluated.Allocs < 50 || m.Evaluated.Bytes < 1000 || m.Cached == nil || m.Cached.Allocs > m.Evaluated.Allocs/5 {
			t.Errorf("%+v, cached %+v", m, m.Cached)
		}
	}
	late := sourceOf(map[string]string{"late.rego": house + "label contains \"late\" if input.now > 5\n"})
	list, err = Bench(t.Context(), late, "registration", strictjson.Object(), time.Millisecond)
	if err != nil || len(list) != 1 || list[0].Cached != nil || list[0].WhyNot == "" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := Bench(t.Context(), late, "nothing", strictjson.Object(), time.Millisecond); err == nil {
		t.Error("an unknown decision is measured")
	}
}
