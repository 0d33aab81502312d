package policies

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A golden is a request that no revision may allow, whatever the site's rules say.
type golden struct {
	name     string
	on       which
	question decision.Question
	scope    string // the request may be allowed without this scope; empty: it may not be allowed at all
}

// goldens gives one refusal of each kind, each one step away from a request that the shipped rules allow.
func goldens(site strictjson.Value) []golden {
	return slices.Concat(goldenRegistrations(site), goldenAuthorizations(), goldenTokens(), goldenSessions())
}

func goldenRegistrations(site strictjson.Value) []golden {
	var list []golden
	add := func(name string, change func(*decision.Registration)) {
		q := exampleFor(site)
		change(&q)
		list = append(list, golden{name: name, on: registration, question: &q})
	}
	add("an empty request", func(r *decision.Registration) { *r = decision.Registration{} })
	add("an unknown operation", func(r *decision.Registration) { r.Operation = "adopt" })
	add("an unknown channel", func(r *decision.Registration) { r.Channel = "backdoor" })
	add("an unknown kind of caller", func(r *decision.Registration) { r.Caller.Kind = "stranger" })
	add("a scope that is not offered", func(r *decision.Registration) {
		r.Effective.Metadata.Scope = []string{"ostiary.golden.not_offered"}
	})
	add("a javascript redirect URI", func(r *decision.Registration) {
		r.Effective.Metadata.RedirectURIs = []string{"javascript:alert(1)"}
	})
	add("an unknown profile", func(r *decision.Registration) { r.Profile = "ostiary.golden.unknown" })
	add("a read without the client's token", func(r *decision.Registration) {
		r.Operation, r.Channel, r.Caller.Kind = core.Read, core.ChannelManage, "open"
	})
	add("a deletion with an initial access token", func(r *decision.Registration) {
		r.Operation, r.Channel = core.Delete, core.ChannelManage
	})
	if !says(site, "registration", "open") {
		add("open registration while it is closed", func(r *decision.Registration) { r.Caller.Kind = "open" })
	}
	return list
}

// exampleFor is a registration that the shipped rules allow under the site's own configuration: without a profile or a redirect
// URI, which a site may restrict, and with a statement where one is required. What is golden about it is then all there is to refuse.
func exampleFor(site strictjson.Value) decision.Registration {
	q := exampleRegister()
	q.Profile, q.IAT.Profile = "", ""
	q.Effective.Metadata.RedirectURIs = nil
	if says(site, "software_statement", "required") {
		q.Statement = decision.Statement{Present: true, Trust: "issuer", Issuer: "https://directory.example.com"}
	}
	return q
}

func goldenAuthorizations() []golden {
	var list []golden
	add := func(name, scope string, change func(*decision.Authorization)) {
		q := exampleAuthorization()
		change(&q)
		list = append(list, golden{name, authorization, &q, scope})
	}
	add("an authorization for no client", "", func(q *decision.Authorization) { *q = decision.Authorization{} })
	add("an authorization with a scope that the client does not have", unregistered, func(q *decision.Authorization) {
		q.Scopes = append(q.Scopes, unregistered)
	})
	for _, scope := range reserved {
		add("an authorization with "+scope+" for a person who is no administrator", scope, func(q *decision.Authorization) {
			q.Scopes = append(q.Scopes, scope)
		})
	}
	return list
}

func goldenTokens() []golden {
	var list []golden
	add := func(name, scope string, q decision.Token) {
		list = append(list, golden{name, token, &q, scope})
	}
	add("a token for no client", "", decision.Token{})
	q := exampleToken()
	q.Scopes = append(q.Scopes, unregistered)
	add("a token with a scope that the client does not have", unregistered, q)
	for _, scope := range reserved {
		q := exampleToken()
		q.Scopes = append(q.Scopes, scope)
		add("a token with "+scope+" for a person who is no administrator", scope, q)
		q = exampleClientCredentials()
		q.ClientChannel = core.ChannelDCR
		q.Scopes = []string{scope}
		add("a token with "+scope+" for a client that no operator registered", scope, q)
	}
	return list
}

func goldenSessions() []golden {
	console := exampleSession()
	console.For = core.ConsoleSession
	return []golden{
		{"a session for nobody", session, &decision.Session{}, ""},
		{"a session on the operators' pages for a person who is no administrator", session, &console, ""},
	}
}

// reserved are the scopes that give power over the server itself.
var reserved = []string{"admin.api", "dcr.register"}

const unregistered = "ostiary.golden.not_registered"

// says tells whether the site's configuration says true there.
func says(site strictjson.Value, section, name string) bool {
	in, _ := site.Get(section)
	value, _ := in.Get(name)
	is, _ := value.Bool()
	return is
}

// runGolden tries a candidate, for at most the time given. Rules that fail on any of these are not fit for use either.
func (r *Revision) runGolden(within time.Duration) []Problem {
	ctx, stop := context.WithTimeout(context.Background(), within)
	defer stop()
	var found [decisions][]Problem
	var each sync.WaitGroup // the decisions share nothing, as when they are compiled
	all := goldens(r.source.Site)
	for on := range found {
		each.Go(func() { found[on] = r.rules[on].runGolden(ctx, all, within) })
	}
	each.Wait()
	return slices.Concat(found[:]...)
}

// runGolden asks one decision what is about it.
func (r *rules) runGolden(ctx context.Context, all []golden, within time.Duration) (problems []Problem) {
	slots := newSlots(1, within)
	for _, g := range all {
		if contracts[g.on] != r.contract {
			continue
		}
		verdict, err := r.try(ctx, slots, g.question)
		switch {
		case ctx.Err() != nil:
			return append(problems, Problem{Message: fmt.Sprintf(
				"the rules are too slow: they were still busy with %s when the %v for all requests that must be refused were over", g.name, within)})
		case err != nil && core.CodeOf(err) != core.PolicyConflict:
			problems = append(problems, Problem{Message: fmt.Sprintf("the rules fail on %s: %v", g.name, err)})
		case g.passes(verdict):
			problems = append(problems, Problem{Message: fmt.Sprintf("the rules allow %s, which must always be refused", g.name)})
		}
	}
	return problems
}

// passes tells whether a verdict allows what it must not.
func (g golden) passes(v decision.Verdict) bool {
	return v.Allow && (g.scope == "" || !slices.ContainsFunc(v.Strip, func(s decision.Scope) bool { return s.Scope == g.scope }))
}

// try asks a candidate one question. The context's end is its only deadline.
func (r *rules) try(ctx context.Context, s *slots, question decision.Question) (decision.Verdict, error) {
	if err := s.acquire(ctx); err != nil {
		return decision.Verdict{}, err
	}
	input := r.input(question)
	return s.run(ctx, unending, func(cancel topdown.Cancel) (decision.Verdict, error) { return r.decide(input, cancel) })
}

const unending = 24 * time.Hour
