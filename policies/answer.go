package policies

import (
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

// The rules of every decision give one kind of verdict. What it means at an endpoint follows from it and from the question,
// which is why it is worked out for every question anew: only the verdict is remembered.

func authorizationVerdict(v decision.Verdict, q *decision.Authorization) decision.AuthorizationVerdict {
	answer := decision.AuthorizationVerdict{Allowed: v.Allow, Revision: v.Revision, Elapsed: v.Elapsed, Cached: v.Cached}
	if !v.Allow {
		answer.Code, answer.Reasons = refusal(v)
		return answer
	}
	answer.Scopes, answer.Reasons = remaining(q.Scopes, v.Strip)
	required := func(name string) bool {
		return slices.ContainsFunc(v.Require, func(o core.Obligation) bool { return o.Name == name })
	}
	answer.Consent, answer.Waived = required(decision.ObligeConsent), required(decision.WaiveConsent)
	if seconds, set := v.Limits[decision.LimitMaxAge]; set {
		age := decision.Seconds(seconds)
		answer.MaxAge = &age
	}
	return answer
}

func tokenVerdict(v decision.Verdict, q *decision.Token) decision.TokenVerdict {
	answer := decision.TokenVerdict{Allowed: v.Allow, Decision: v.Decision, Revision: v.Revision, Elapsed: v.Elapsed, Cached: v.Cached}
	if !v.Allow {
		answer.Code, answer.Reasons = refusal(v)
		return answer
	}
	answer.Scopes, answer.Reasons = remaining(q.Scopes, v.Strip)
	answer.Lifetimes = decision.LifetimesOf(v.Limits)
	return answer
}

func sessionVerdict(v decision.Verdict) decision.SessionVerdict {
	answer := decision.SessionVerdict{Allowed: v.Allow, Revision: v.Revision, Elapsed: v.Elapsed, Cached: v.Cached}
	if !v.Allow {
		answer.Code, answer.Reasons = refusal(v)
		return answer
	}
	answer.Lifetime = decision.Seconds(v.Limits[decision.LimitSession])
	return answer
}

// refusal gives what a verdict denies, and the word for it. There is nothing when no decision was reached.
func refusal(v decision.Verdict) (core.Code, []core.Reason) {
	if len(v.Deny) == 0 {
		return "", nil
	}
	return v.Deny[0].Code, v.Deny
}

// remaining gives the scopes that are not taken away, and why the others are.
func remaining(scopes []string, strip []decision.Scope) (left []string, why []core.Reason) {
	if len(strip) == 0 {
		return slices.Clip(scopes), nil
	}
	taken := make(map[string]bool, len(strip))
	for _, s := range strip {
		if !slices.Contains(scopes, s.Scope) {
			continue
		}
		taken[s.Scope] = true
		by := s.By
		by.Fields = []string{"scope"}
		if by.Message == "" {
			by.Message = printable(fmt.Sprintf("The scope %s is left out.", s.Scope))
		}
		why = append(why, by)
	}
	left = make([]string, 0, len(scopes))
	for _, scope := range scopes {
		if !taken[scope] {
			left = append(left, scope)
		}
	}
	return left, why
}
