package registration

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// dispose asks policy about the effective client. What the verdict changes is held to the floor again, and the decision is
// taken once more on the result: it must then bring no denial and no further change.
func (j *judgement) dispose(ctx context.Context) error {
	verdict, err := j.decide(ctx, 1)
	if err != nil {
		return err
	}
	j.verdict = verdict
	if j.req.Operation != core.Approve && !documented(j.req.Operation) || j.isUnchanged() { // no metadata will be written, so there is none to change
		return nil
	}
	changed, err := j.apply(verdict)
	if err != nil || len(changed) == 0 {
		return err
	}
	return j.again(ctx)
}

// again is the second pass, on what the first made.
func (j *judgement) again(ctx context.Context) error {
	if err := j.run(ctx, floorStage); err != nil {
		return unstable("its own change broke the floor", err)
	}
	if err := j.run(ctx, boundsStage); err != nil {
		return unstable("its own change went beyond what the initial access token allows", err)
	}
	verdict, err := j.decide(ctx, 2)
	if err != nil {
		if ours(core.CodeOf(err)) {
			return err
		}
		return unstable("it denied its own result", err)
	}
	changed, err := j.apply(verdict)
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		return unstable("it changed its own result", core.Refuse(core.PolicyUnstable, "changed again: %v", changed))
	}
	j.verdict = verdict
	return nil
}

func unstable(how string, cause error) error {
	return &core.Error{Code: core.PolicyUnstable, Detail: "The policy does not agree with itself: " + how + ". An operator can see the rules under the decision id.", Err: cause}
}

// decide puts the question once and writes its row. A denial is an error; on an unchanged update it is only a warning.
func (j *judgement) decide(ctx context.Context, pass int) (decision.Verdict, error) {
	start := time.Now()
	question := j.question(pass)
	verdict, err := j.policy.DecideRegistration(ctx, question)
	row := ledger.Stage{Stage: "policy", By: ledger.By{Kind: "policy", Name: "ostiary.registration", Digest: verdict.Revision}, Cached: verdict.Cached}
	if pass == 1 {
		j.asking = question
	}
	if j.desk.decided != nil {
		j.rounds = append(j.rounds, decision.Round{Question: question, Verdict: verdict, Err: err})
	}
	j.verdict.Revision, j.verdict.Holds = verdict.Revision, verdict.Holds // of a denial, too
	if err == nil {
		row.Reasons, row.Attached = reasonsOf(verdict), attachedBy(verdict)
		j.advice = public(verdict.Warn) // that of an earlier pass was about another draft
		err = j.denial(verdict)
	}
	if ours(core.CodeOf(err)) {
		row.Fault = core.AsError(err).Error()
	}
	row.NS = time.Since(start).Nanoseconds()
	j.entry.Stages = append(j.entry.Stages, row)
	return verdict, err
}

// denial turns the verdict into a refusal, or, when an update changes nothing, into warnings.
func (j *judgement) denial(v decision.Verdict) error {
	if v.Allow && len(v.Deny) == 0 {
		return nil
	}
	if len(v.Deny) == 0 {
		return undecided("it neither allowed nor denied")
	}
	if j.isUnchanged() {
		j.advice = append(j.advice, public(v.Deny)...)
		return nil
	}
	return j.challenge(refusal(v.Deny))
}

// challenge turns a closed door into the demand for a credential, when none was presented (RFC 6750 §3.1: 401, not 403).
func (j *judgement) challenge(err error) error {
	e := *core.AsError(err)
	if e.Code == core.AccessDenied && j.caller.Kind == KindOpen && !j.site.Registration.Open {
		e.Code = core.InvalidToken
	}
	return &e
}

// undecided refuses because policy answered what it cannot mean; the caller does not learn what.
func undecided(format string, args ...any) error {
	return core.Fail(core.PolicyUnavailable, "No decision was reached, so the request was refused.", fmt.Errorf(format, args...))
}

// isUnchanged tells an update whose draft equals what is stored, and that brings no other secrets.
func (j *judgement) isUnchanged() bool {
	return j.req.Operation == core.Update && len(j.changed()) == 0 && !j.resupplies()
}

// changed names the members in which the draft differs from what is stored.
func (j *judgement) changed() []string {
	now := metadata.Changed(&j.before.Client.Metadata, &j.draft)
	if j.kept == nil {
		return now
	}
	return stillChanged(now, j.kept.Changed)
}

func public(reasons []core.Reason) []core.Reason {
	var out []core.Reason
	for _, r := range reasons {
		if r.Public {
			out = append(out, r)
		}
	}
	return out
}

// reasonsOf lists everything a verdict found, for the entry.
func reasonsOf(v decision.Verdict) []core.Reason {
	reasons := append(append([]core.Reason{}, v.Deny...), v.Warn...)
	for _, s := range v.Grant {
		reasons = append(reasons, s.By)
	}
	for _, s := range v.Strip {
		reasons = append(reasons, s.By)
	}
	for _, s := range v.Set {
		reasons = append(reasons, s.By)
	}
	for _, s := range v.Default {
		reasons = append(reasons, s.By)
	}
	return reasons
}

// attachedBy gives what a verdict attaches to the client, for the entry; nil: nothing.
func attachedBy(v decision.Verdict) *ledger.Attached {
	if len(v.Require)+len(v.Limits)+len(v.Labels) == 0 && v.Trust == "" {
		return nil
	}
	return &ledger.Attached{Require: v.Require, Limits: v.Limits, Labels: v.Labels, Trust: v.Trust}
}

// question is the input of the decision. In pass 2 only the members that have a row, which policy can change, are other ones.
func (j *judgement) question(pass int) *decision.Registration {
	q := new(decision.Registration)
	switch {
	case pass > 1:
		*q = *j.asking
	case j.kept != nil:
		*q = *j.kept
	default:
		j.introduce(q)
	}
	q.Pass = pass
	q.Effective.Metadata = j.draft
	q.Changed = j.changed()
	q.Keys = make([]decision.Key, len(j.keys))
	for i, k := range j.keys {
		q.Keys[i] = decision.Key{Kty: k.Kty, Alg: k.Alg, Use: k.Use, Kid: k.Kid, Crv: k.Crv, Bits: k.Bits}
	}
	return q
}

// introduce tells what is the same in both passes.
func (j *judgement) introduce(q *decision.Registration) {
	*q = decision.Registration{
		Operation: questioned(j.req.Operation), Channel: j.req.Channel, Profile: j.profile.Name, Now: j.now, RequestID: j.req.RequestID,
		Request:   document("", &j.asked.Metadata, j.asked.Extra),
		Present:   j.asked.Present,
		Effective: document(j.req.ClientID, &j.draft, j.asked.Extra),
		Before:    document(j.before.Client.ID, &j.before.Client.Metadata, nil),
		Signed:    j.signed, Statement: j.statement, Caller: j.caller,
	}
	if came := &j.before.Client.Provenance; j.held != nil {
		t := j.held.Token
		q.IAT = decision.IAT{
			Present: true, ID: t.ID, Label: t.Label, Profile: t.Profile, MaxUses: t.MaxUses, CreatedBy: t.CreatedBy, ExpiresAt: t.ExpiresAt, Terms: t.Terms,
		}
	} else if op := j.req.Operation; documented(op) || op == core.Approve { // where it is decided what the client may be
		q.IAT = decision.IAT{ID: came.IAT, Label: came.IATLabel, Terms: came.Terms} // of the token that the client came with
	}
}

// document is a client as policy sees it; what has no row of its own (translations, custom attributes) is extra.
func document(id core.ClientID, m *core.Metadata, extra []strictjson.Member) decision.Document {
	return decision.Document{ClientID: id, Metadata: *m, Extra: append(metadata.Beyond(m), extra...)}
}

// apply makes the verdict's changes, names the members that differ now and adds them to the row of the decision.
func (j *judgement) apply(v decision.Verdict) (changed []string, err error) {
	j.earlier = j.draft
	row := &j.entry.Stages[len(j.entry.Stages)-1]
	if err := j.change(v); err != nil {
		row.Fault = err.Error()
		return nil, err
	}
	changed = metadata.Changed(&j.earlier, &j.draft)
	row.Patch = metadata.Patch(&j.earlier, &j.draft, changed)
	return changed, nil
}

// change follows strip, grant, default, set, in this order, so that what is forced wins.
func (j *judgement) change(v decision.Verdict) error {
	for _, s := range v.Strip {
		j.draft.Scope = without(j.draft.Scope, s.Scope)
	}
	for _, g := range v.Grant {
		if !oauth.ValidScope(g.Scope) {
			return undecided("rule %s grants %q, which is no scope", g.By.Rule, g.Scope)
		}
		if beyond := beyondScopes(j.terms(), without([]string{g.Scope}, j.before.Client.Metadata.Scope...)); len(beyond) > 0 {
			continue // no rule gives more than the client's token
		}
		if !oauth.ScopeContains(j.draft.Scope, g.Scope) {
			j.draft.Scope = append(j.draft.Scope[:len(j.draft.Scope):len(j.draft.Scope)], g.Scope)
		}
	}
	for _, s := range v.Default {
		if err := j.force(s, true); err != nil {
			return err
		}
	}
	for _, s := range v.Set {
		if err := j.force(s, false); err != nil {
			return err
		}
	}
	metadata.EndEncryptions(&j.draft, func(member string) bool {
		return slices.ContainsFunc(v.Set, func(s decision.Setting) bool { return s.Field == member })
	})
	applyDefaults(&j.draft)
	return nil
}

// force gives a member the value that policy wants, or only when it is absent.
func (j *judgement) force(s decision.Setting, onlyAbsent bool) error {
	row, ok := metadata.Lookup(s.Field)
	switch {
	case !ok || row.Fixed:
		return undecided("rule %s sets %s, which is no member that policy can set", s.By.Rule, s.Field)
	case onlyAbsent && !row.Get(&j.draft).IsAbsent():
		return nil
	}
	if err := row.Set(&j.draft, s.Value); err != nil {
		return undecided("rule %s: %s", s.By.Rule, core.AsError(err).Detail)
	}
	return nil
}

func without(list []string, items ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(items, s) })
}
