package policies

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A golden is a request that no revision may allow, whatever the site's rules say.
type golden struct {
	name   string
	change func(*decision.Registration)
}

// goldens gives one refusal of each kind, each one step away from a request that the shipped rules allow.
func goldens(site strictjson.Value) []golden {
	list := []golden{
		{"an empty request", func(r *decision.Registration) { *r = decision.Registration{} }},
		{"an unknown operation", func(r *decision.Registration) { r.Operation = "adopt" }},
		{"an unknown channel", func(r *decision.Registration) { r.Channel = "backdoor" }},
		{"an unknown kind of caller", func(r *decision.Registration) { r.Caller.Kind = "stranger" }},
		{"a scope that is not offered", func(r *decision.Registration) {
			r.Effective.Metadata.Scope = []string{"ostiary.golden.not_offered"}
		}},
		{"a javascript redirect URI", func(r *decision.Registration) {
			r.Effective.Metadata.RedirectURIs = []string{"javascript:alert(1)"}
		}},
		{"an unknown profile", func(r *decision.Registration) { r.Profile = "ostiary.golden.unknown" }},
		{"a read without the client's token", func(r *decision.Registration) {
			r.Operation, r.Channel, r.Caller.Kind = core.Read, core.ChannelManage, "open"
		}},
		{"a deletion with an initial access token", func(r *decision.Registration) {
			r.Operation, r.Channel = core.Delete, core.ChannelManage
		}},
	}
	if !openRegistration(site) {
		list = append(list, golden{"open registration while it is closed", func(r *decision.Registration) { r.Caller.Kind = "open" }})
	}
	return list
}

func openRegistration(site strictjson.Value) bool {
	registration, _ := site.Get("registration")
	open, _ := registration.Get("open")
	is, _ := open.Bool()
	return is
}

// runGolden tries a candidate, for at most the time given. Rules that fail on any of these are not fit for use either.
func (r *Revision) runGolden(within time.Duration) []Problem {
	ctx, stop := context.WithTimeout(context.Background(), within)
	defer stop()
	slots := newSlots(1, within)
	var problems []Problem
	for _, g := range goldens(r.source.Site) {
		question := exampleRegister()
		g.change(&question)
		verdict, err := r.try(ctx, slots, &question)
		switch {
		case ctx.Err() != nil:
			return append(problems, Problem{Message: fmt.Sprintf(
				"the rules are too slow: they were still busy with %s when the %v for all requests that must be refused were over", g.name, within)})
		case err != nil && core.CodeOf(err) != core.PolicyConflict:
			problems = append(problems, Problem{Message: fmt.Sprintf("the rules fail on %s: %v", g.name, err)})
		case verdict.Allow:
			problems = append(problems, Problem{Message: fmt.Sprintf("the rules allow %s, which must always be refused", g.name)})
		}
	}
	return problems
}

// try asks a candidate one question. The context's end is its only deadline.
func (r *Revision) try(ctx context.Context, s *slots, question *decision.Registration) (decision.Verdict, error) {
	if err := s.acquire(ctx); err != nil {
		return decision.Verdict{}, err
	}
	input := r.input(question)
	return s.run(ctx, unending, func(cancel topdown.Cancel) (decision.Verdict, error) { return r.decide(input, cancel) })
}

const unending = 24 * time.Hour
