package authorize

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// recall reads what the person has allowed the client before. What was given under another generation of either is void.
func (e *Endpoint) recall(ctx context.Context, p *pending) error {
	past, err := e.store.Consent(ctx, p.user.Subject, p.request.Client.ID)
	if err != nil {
		return err
	}
	if past.UserGeneration == p.user.Generation && past.ClientGeneration == p.request.Client.Generation {
		p.past = past
	}
	p.facts.recalled, p.facts.covered = true, covers(p.past, p.verdict.Scopes, p.request.Resources)
	return nil
}

// covers tells whether a consent reaches as far as what would be issued.
func covers(c core.Consent, scope, resources []string) bool {
	return !c.GivenAt.IsZero() && within(scope, c.Scope) && within(resources, c.Resources)
}

func within(list, all []string) bool {
	return !slices.ContainsFunc(list, func(item string) bool { return !slices.Contains(all, item) })
}

// A Decision is the answer to the consent page.
type Decision struct {
	Visit
	Allow bool
	Token string // of the form
	Shown string // what the page listed, as it was written there
}

// Decide takes the answer to the consent page.
func (e *Endpoint) Decide(ctx context.Context, d Decision) (Answer, error) {
	if err := e.forms.Check(d.Token, d.Browser, consentForm(d.Flow, d.Cookie, d.Shown)...); err != nil {
		return Answer{}, err
	}
	shown, err := oauth.ParseParams(d.Shown)
	if err != nil { // the token vouches for it
		return Answer{}, err
	}
	p, err := e.receive(ctx, d.Visit)
	if err != nil {
		return Answer{}, err
	}
	p.facts.answer = refused
	if d.Allow {
		p.facts.answer = allowed
		p.given = core.Consent{Scope: shown["scope"], Resources: shown["resource"], GivenAt: e.now()}
	}
	return e.judge(ctx, p)
}

// consentForm is what the consent form is about: this request, this session, exactly what was listed.
func consentForm(flow string, session core.Secret, shown string) []string {
	return []string{"consent", flow, string(hashOf(session)), shown}
}

// remembered joins what was allowed now with what was before.
func (p *pending) remembered(now time.Time) core.Consent {
	return core.Consent{
		Subject: p.user.Subject, UserGeneration: p.user.Generation,
		Client: p.request.Client.ID, ClientGeneration: p.request.Client.Generation,
		Scope: union(p.past.Scope, p.given.Scope), Resources: union(p.past.Resources, p.given.Resources), GivenAt: now,
	}
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, item := range b {
		if !slices.Contains(all, item) {
			all = append(all, item)
		}
	}
	return all
}
