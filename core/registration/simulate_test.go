package registration_test

import (
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/registration"
)

// A simulation judges the whole road for a caller that need not be there, and keeps nothing.
func TestSimulate(t *testing.T) {
	b := newBench(t, withProfiles)
	c := b.register(shop)
	commits := b.store.commits
	var asked *decision.Registration
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q
		return decision.Verdict{Allow: true, Warn: []core.Reason{{Rule: "w", Message: "Mind.", Public: true}}}, nil
	}
	for name, test := range map[string]struct {
		op      core.Operation
		channel core.Channel
		as      string
		body    string
		profile string
		wants   string
	}{
		"registration":        {core.Register, core.ChannelDCR, registration.KindIAT, shop, "", "default"},
		"of a profile":        {core.Register, core.ChannelDCR, registration.KindIAT, shop, "spa", "spa"},
		"by its own profile":  {core.Register, core.ChannelDCR, registration.KindIAT, `{"redirect_uris":["https://a.example/"],"client_profile":"bff"}`, "", "bff"},
		"open":                {core.Register, core.ChannelDCR, registration.KindOpen, shop, "", "default"},
		"update":              {core.Update, core.ChannelManage, registration.KindRAT, c.put(t, "client_name", `"X"`, "registration_access_token", ""), "", "default"},
		"delete":              {core.Delete, core.ChannelManage, registration.KindRAT, "", "", "default"},
		"disable by operator": {core.Disable, core.ChannelOperator, registration.KindOperator, "", "", "default"},
	} {
		t.Run(name, func(t *testing.T) {
			req := b.request(test.op, test.channel, c.id, test.body)
			req.Profile = test.profile
			s := b.desk.Simulate(t.Context(), req, test.as)
			if s.Err != nil || len(s.Warnings) != 1 || asked.Caller.Kind != test.as || asked.Profile != test.wants || s.Entry.DecisionID != req.Decision ||
				s.Client.IsAbsent() != (test.op == core.Delete) {
				t.Errorf("simulation = %+v, asked as %s of %s", s, asked.Caller.Kind, asked.Profile)
			}
		})
	}
	refused := b.request(core.Register, core.ChannelDCR, "", `{"redirect_uris":["javascript:x"]}`)
	if s := b.desk.Simulate(t.Context(), refused, registration.KindOpen); core.CodeOf(s.Err) != core.InvalidRedirectURI || !s.Client.IsAbsent() || len(s.Entry.Stages) != 4 {
		t.Errorf("simulation = %+v", s)
	}
	missing := b.request(core.Update, core.ChannelManage, "c-nobody", shop)
	checkCode(t, b.desk.Simulate(t.Context(), missing, registration.KindRAT).Err, core.NotFound, "no client")
	odd := b.request("adopt", core.ChannelOperator, c.id, "")
	checkCode(t, b.desk.Simulate(t.Context(), odd, registration.KindOpen).Err, core.InvalidRequest, "not offered")
	if b.store.commits != commits || len(b.book.entries) > 0 {
		t.Error("a simulation left something behind")
	}
}
