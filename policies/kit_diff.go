package policies

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Case is a request that rules can be asked about.
type Case struct {
	Name     string
	on       which
	question decision.Question
}

// An Outcome is how a request ends under the rules of one source.
type Outcome string

// The outcomes.
const (
	Allowed   Outcome = "allowed"
	Denied    Outcome = "denied"
	Undecided Outcome = "no decision" // an error, which refuses
)

// A CaseChange is a request that ends otherwise, or with another result, under other rules.
type CaseChange struct {
	Decision string   `json:"decision"`
	Request  string   `json:"request"`
	Was      Outcome  `json:"was"`
	Is       Outcome  `json:"is"`
	Gone     []string `json:"gone"` // what is not said any more
	New      []string `json:"new"`
}

// Changes is what Diff found.
type Changes struct {
	Requests int          `json:"requests"`
	Changes  []CaseChange `json:"changes"`
}

// Diff puts requests to two sources, and gives those that do not end alike: the cases given, what comes with Ostiary, and every
// whole input in the tests of both. Both must compile; their tests need not pass. It tells progress in requests.
func Diff(ctx context.Context, before, after Source, more []Case, progress func(done, of int)) (*Changes, error) {
	var sides [2]*Revision
	cases := slices.Concat(shippedCases(before.Site), more)
	for i, src := range []Source{before, after} {
		rev, all, err := build(src)
		if err != nil {
			return nil, err
		}
		sides[i] = rev
		for on, set := range all.sets {
			asked, err := set.asked(src.Site)
			if err != nil {
				return nil, err
			}
			for _, q := range asked {
				cases = append(cases, Case{q.name, which(on), q.question})
			}
		}
	}
	cases = withoutRepeats(cases)
	found := &Changes{Requests: len(cases), Changes: []CaseChange{}}
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	for i, c := range cases {
		was, said := sides[0].rules[c.on].outcome(c.question, cancel)
		is, says := sides[1].rules[c.on].outcome(c.question, cancel)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if was != is || !slices.Equal(said, says) {
			found.Changes = append(found.Changes, CaseChange{contracts[c.on].name, c.Name, was, is, lacking(said, says), lacking(says, said)})
		}
		progress(i+1, len(cases))
	}
	return found, nil
}

// Compile tells whether rules of a source can be asked. Its tests are not run. The error is a *LoadError.
func Compile(src Source) error {
	_, _, err := build(src)
	return err
}

// lacking gives what of a list is not in another one.
func lacking(list, in []string) []string {
	return slices.DeleteFunc(slices.Clone(append([]string{}, list...)), func(s string) bool { return slices.Contains(in, s) })
}

// outcome asks about one request, and tells all that follows from the answer.
func (r *rules) outcome(q decision.Question, cancel topdown.Cancel) (Outcome, []string) {
	v, err := r.decide(r.input(q), cancel)
	switch {
	case err != nil:
		text, _, _ := strings.Cut(err.Error(), "\n")
		return Undecided, []string{text}
	case !v.Allow:
		return Denied, denials(v)
	}
	return Allowed, consequences(v)
}

func denials(v decision.Verdict) []string {
	var list []string
	for _, d := range v.Deny {
		list = append(list, fmt.Sprintf("deny %s %s: %s", d.Code, d.Rule, d.Message))
	}
	return sortedOnce(list)
}

func consequences(v decision.Verdict) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, w := range v.Warn {
		add("warn %s: %s", w.Rule, w.Message)
	}
	for _, s := range v.Grant {
		add("grant %s", s.Scope)
	}
	for _, s := range v.Strip {
		add("strip %s", s.Scope)
	}
	for _, s := range v.Set {
		add("set %s = %s", s.Field, s.Value)
	}
	for _, s := range v.Default {
		add("default_value %s = %s", s.Field, s.Value)
	}
	for _, o := range v.Require {
		add("%s", strings.TrimSpace("require "+o.Name+" "+o.Params))
	}
	for name, seconds := range v.Limits {
		add("limit %s = %d s", name, seconds)
	}
	if v.Trust != "" {
		add("trust %s", v.Trust)
	}
	for _, label := range v.Labels {
		add("label %s", label)
	}
	return sortedOnce(list)
}

func sortedOnce(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// withoutRepeats leaves out requests that are the same as an earlier one.
func withoutRepeats(cases []Case) []Case {
	seen := map[cacheKey]bool{} // digests: a corpus may be large
	return slices.DeleteFunc(cases, func(c Case) bool {
		key := cacheKey(sha256.Sum256(decision.AppendJSON([]byte(contracts[c.on].name), c.question)))
		again := seen[key]
		seen[key] = true
		return again
	})
}

// shippedCases are the examples of every decision, and requests that must or should be refused.
func shippedCases(site strictjson.Value) []Case {
	var cases []Case
	given, _ := examples() // it is parsed at every load
	for name, doc := range given.All() {
		for on, c := range contracts {
			if whole, err := c.complete(doc); err == nil && name != "config" {
				cases = append(cases, Case{"the example " + name, which(on), whole})
			}
		}
	}
	for on, c := range contracts {
		if doc, err := c.complete(strictjson.Object()); err == nil {
			cases = append(cases, Case{"the example of " + c.name + ", under the profile " + defaultProfile, which(on), doc})
		}
	}
	for _, g := range append(refusals(), goldens(site)...) {
		cases = append(cases, Case{g.name, g.on, g.question})
	}
	return cases
}
