package registration_test

import (
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/registration"
)

// Every request that policy was asked about is told once, however often policy was asked, with its end.
func TestDecidedIsToldOnce(t *testing.T) {
	changing := func(q *decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Set: []decision.Setting{setting("client_name", `"Ours"`)}}, nil
	}
	denying := func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "r", Code: core.InvalidRedirectURI, Message: "No."}}}, nil
	}
	denyingItself := func(q *decision.Registration) (decision.Verdict, error) {
		if q.Pass == 2 {
			return denying(q)
		}
		return changing(q)
	}
	failing := func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{}, core.Fail(core.PolicyUnavailable, "none", nil)
	}
	for name, test := range map[string]struct {
		policy  answers
		rounds  int
		outcome decision.Outcome
	}{
		"allowed":        {allow, 1, decision.OutcomeAllowed},
		"changed":        {changing, 2, decision.OutcomeAllowed},
		"denied":         {denying, 1, decision.OutcomeDenied},
		"denied itself":  {denyingItself, 2, decision.OutcomeFailed},
		"no decision":    {failing, 1, decision.OutcomeFailed},
		"broke its word": {func(q *decision.Registration) (decision.Verdict, error) { return decision.Verdict{}, nil }, 1, decision.OutcomeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			c, err := b.try(test.policy)
			if len(b.decided) != 1 {
				t.Fatalf("told %d times", len(b.decided))
			}
			told := b.decided[0]
			if told.Name != "registration" || told.ID == "" || len(told.Rounds) != test.rounds || told.Outcome != test.outcome || told.Client != c.id {
				t.Errorf("told %+v", told)
			}
			if (told.Err == nil) != (err == nil) || (err == nil) != (test.outcome == decision.OutcomeAllowed) {
				t.Errorf("told error %v of %v", told.Err, err)
			}
			for i, r := range told.Rounds {
				if q := r.Question.(*decision.Registration); q.Pass != i+1 || q.RequestID != "req" {
					t.Errorf("round %d asks %+v", i, q)
				}
			}
		})
	}
}

// What policy was not asked about is no decision, and what is only simulated is none either.
func TestDecidedIsNotTold(t *testing.T) {
	b := newBench(t)
	req := b.request(core.Register, core.ChannelDCR, "", shop)
	req.Credential.Bearer = core.NewSecret()
	if _, err := b.do(req); core.CodeOf(err) != core.InvalidToken {
		t.Fatal(err)
	}
	if s := b.desk.Simulate(t.Context(), b.request(core.Register, core.ChannelDCR, "", shop), registration.KindIAT); s.Err != nil {
		t.Fatal(s.Err)
	}
	if len(b.decided) > 0 {
		t.Errorf("told %+v", b.decided)
	}
	c := b.register(shop)
	if _, err := b.do(b.manage(core.Read, c, "")); err != nil {
		t.Fatal(err)
	}
	if len(b.decided) != 2 || b.decided[1].Outcome != decision.OutcomeAllowed || b.decided[1].Client != c.id {
		t.Errorf("told %+v", b.decided)
	}
}
