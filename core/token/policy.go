package token

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
)

// askPolicy lets policy refuse, take scopes away and shorten lifetimes. It can add nothing: what it does not leave alone only
// becomes less.
func (c *call) askPolicy(ctx context.Context) error {
	verdict, err := c.parts.Policy.DecideToken(ctx, c.question())
	if err != nil {
		return err
	}
	c.decision = verdict.Decision
	if !verdict.Allowed {
		return denied(verdict)
	}
	c.scope = slices.DeleteFunc(slices.Clone(c.scope), func(s string) bool { return !oauth.ScopeContains(verdict.Scopes, s) }) // the question keeps its own
	registered := decision.LifetimesOf(c.client.Client.Governance.Limits)
	own := &c.client.Client.Metadata
	c.lifetimes = decision.Lifetimes{
		AccessToken:  shortest(c.options.AccessLifetime, verdict.Lifetimes.AccessToken, registered.AccessToken, seconds(own.AccessTokenLifetime)),
		IDToken:      shortest(c.options.IDTokenLifetime, verdict.Lifetimes.IDToken, registered.IDToken, seconds(own.IDTokenLifetime)),
		RefreshToken: shortest(c.options.RefreshLifetime, verdict.Lifetimes.RefreshToken, registered.RefreshToken, seconds(own.RefreshTokenLifetime)),
	}
	return nil
}

// seconds gives a lifetime that a client registered; 0: none.
func seconds(registered *int64) time.Duration {
	if registered == nil {
		return 0
	}
	return decision.Seconds(*registered)
}

func (c *call) question() *decision.Token {
	q := &decision.Token{
		Parties:   decision.Parties{Subject: core.Subject(c.client.Client.ID)},
		GrantType: c.form.Get("grant_type"), AuthMethod: string(clientauth.Method(c.client.Client)),
		Scopes: c.scope, Resources: c.targets(), Caller: c.caller(), Now: c.now, RequestID: c.req.RequestID,
	}
	q.SetClient(&c.client.Client)
	if c.grant.ID != "" {
		q.SetUser(&c.user, c.grant.AuthTime, c.grant.Methods)
	}
	return q
}

// caller is who asks, now that it is known which client.
func (c *call) caller() core.Caller {
	caller := c.req.Caller
	caller.ClientID = c.client.Client.ID
	return caller
}

// denied gives a refusal the words of the rules that may be told.
func denied(v decision.TokenVerdict) error {
	refusal := core.Refuse(v.Code, "The policy of this server refuses the request.")
	if v.Code == "" {
		refusal.Code = core.AccessDenied
	}
	for _, reason := range v.Reasons {
		if !reason.Public {
			continue
		}
		if len(refusal.Reasons) == 0 && reason.Message != "" {
			refusal.Detail = reason.Message
		}
		refusal.Reasons = append(refusal.Reasons, reason)
	}
	return refusal
}

// shortest gives the least of the lifetimes that are set; the first one always is.
func shortest(usual time.Duration, limits ...time.Duration) time.Duration {
	for _, limit := range limits {
		if limit > 0 {
			usual = min(usual, limit)
		}
	}
	return usual
}
