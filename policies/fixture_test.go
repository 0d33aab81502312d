package policies

import (
	"context"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// engineWith gives an engine that uses the example's configuration and one file of the site.
func engineWith(t testing.TB, rego string) *Engine {
	t.Helper()
	e := NewEngine(Options{Deadline: long, TrialTime: long}) // a busy machine fails no test
	if err := e.Replace(site(rego)); err != nil {
		t.Fatal(err)
	}
	return e
}

// rulesIn gives the rules of one decision that an engine uses.
func rulesIn(e *Engine, on which) *rules { return e.Active().rules[on] }

// site is the example's configuration with one file, or none when it is empty.
func site(rego string) Source {
	src := Source{Origin: Embedded, Site: exampleConfig()}
	if rego != "" {
		src.Origin, src.Files = Folder, map[string][]byte{"house.rego": []byte(rego)}
	}
	return src
}

// house is the head of a file of the site.
const house = "package ostiary.registration.site.house\n\n"

// ask decides and fails the test on an error.
func ask(t testing.TB, e *Engine, change func(*decision.Registration)) decision.Verdict {
	t.Helper()
	q := exampleRegister()
	if change != nil {
		change(&q)
	}
	v, err := e.DecideRegistration(context.Background(), &q)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func member(name string, v strictjson.Value) strictjson.Member {
	return strictjson.Member{Name: name, Value: v}
}

// denied lists the rules of a verdict's denials.
func denied(v decision.Verdict) string {
	rules := make([]string, 0, len(v.Deny))
	for _, r := range v.Deny {
		rules = append(rules, r.Rule)
	}
	return strings.Join(rules, " ")
}

// stripped lists the rules that take a scope away.
func stripped(v decision.Verdict, scope string) string {
	var rules []string
	for _, s := range v.Strip {
		if s.Scope == scope {
			rules = append(rules, s.By.Rule)
		}
	}
	return strings.Join(rules, " ")
}
