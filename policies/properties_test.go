package policies

import (
	"context"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The guide of the desk shows site rules in place of other servers' properties: they load, and do what it says.
func TestPropertiesAsRules(t *testing.T) {
	text, err := os.ReadFile("../core/registration/README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```rego\n(.*?)```").FindAllSubmatch(text, -1)
	if len(found) != 1 {
		t.Fatalf("%d blocks of rules", len(found))
	}
	e := engineWith(t, string(found[0][1]))
	if v := ask(t, e, nil); !v.Allow || len(v.Strip)+len(v.Grant) != 0 {
		t.Errorf("the example gets %+v", v)
	}
	openly := func(q *decision.Registration) { q.Caller.Kind, q.IAT = "open", decision.IAT{} }
	for name, c := range map[string]struct {
		change func(q *decision.Registration)
		holds  func(v decision.Verdict) bool
	}{
		"a host": {func(q *decision.Registration) {
			q.Effective.Metadata.RedirectURIs = []string{"https://sub.evil.example/cb"}
		}, refusedBy("hosts_kept_out")},
		"a host that only looks like it": {func(q *decision.Registration) {
			q.Effective.Metadata.RedirectURIs = []string{"https://notevil.example/cb"}
		}, func(v decision.Verdict) bool { return v.Allow }},
		"a scope of an open registration": {openly, func(v decision.Verdict) bool { return stripped(v, "admin.api") != "" }},
		"roles of a statement": {func(q *decision.Registration) {
			claims, err := strictjson.Parse([]byte(`{"software_roles":["PISP","unknown"]}`), strictjson.Default)
			if err != nil {
				t.Fatal(err)
			}
			q.Statement = decision.Statement{Present: true, Issuer: "https://issuer.example", Trust: "issuer", Claims: claims}
		}, func(v decision.Verdict) bool { return len(v.Grant) == 1 && v.Grant[0].Scope == "payments" }},
	} {
		if v := ask(t, e, c.change); !c.holds(v) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	for changed, want := range map[string]bool{"grant_types": false, "redirect_uris": true} {
		q := exampleUpdate()
		q.Changed = []string{changed}
		v, err := e.DecideRegistration(context.Background(), &q)
		if err != nil || v.Allow != want || !want && !refusedBy("grant_types_stay")(v) {
			t.Errorf("%s changed: %+v, %v", changed, v, err)
		}
	}
}

// refusedBy tells that one of the denials is of the rule.
func refusedBy(rule string) func(decision.Verdict) bool {
	return func(v decision.Verdict) bool {
		return slices.ContainsFunc(v.Deny, func(r core.Reason) bool { return r.Rule == rule })
	}
}
