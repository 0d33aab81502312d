package registration_test

import (
	"context"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// A stored client is judged as it came, as far as that is known, and what is not known is named.
func TestReconsider(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	stored := b.stored(c.id).Client
	kept, err := decision.ParseKept(b.store.entries[stored.Provenance.RegisteredBy].Input)
	if err != nil {
		t.Fatal(err)
	}
	commits := b.store.commits
	var asked *decision.Registration
	deny := func(_ context.Context, q *decision.Registration) (decision.Verdict, error) {
		asked = q
		return decision.Verdict{Deny: []core.Reason{{Rule: "no", Code: core.InvalidScope, Message: "No."}}}, nil
	}
	token := core.InitialAccessToken{ID: stored.Provenance.IAT, Label: "team"}
	for name, test := range map[string]struct {
		question *decision.Registration
		token    core.InitialAccessToken
		unknown  []string
		ip       string
		label    string
	}{
		"all is kept":           {kept, core.InitialAccessToken{}, nil, "192.0.2.1", kept.IAT.Label},
		"the token is there":    {nil, token, []string{"caller"}, "", "team"},
		"nothing is known":      {nil, core.InitialAccessToken{}, []string{"caller", "iat"}, "", ""},
		"it is another's token": {nil, core.InitialAccessToken{ID: "iat-1", Label: "x"}, []string{"caller", "iat"}, "", ""},
	} {
		e, unknown := b.desk.Reconsider(t.Context(), deny, stored, test.question, test.token)
		if !slices.Equal(unknown, test.unknown) || asked.Caller.IP != test.ip || asked.IAT.Label != test.label || asked.Caller.Kind != registration.KindIAT ||
			!asked.IAT.Present || asked.IAT.ID != stored.Provenance.IAT {
			t.Errorf("%s: unknown %v, asked %+v %+v", name, unknown, asked.Caller, asked.IAT)
		}
		if asked.Operation != core.Register || asked.Channel != core.ChannelDCR || asked.Profile != "default" || !slices.Contains(asked.Present, "scope") ||
			!slices.Equal(asked.Effective.Metadata.Scope, stored.Metadata.Scope) || asked.Before.ClientID != "" {
			t.Errorf("%s: asked %+v", name, asked)
		}
		if e.Verdict != ledger.Denied || e.Error.Code != core.InvalidScope || stages(e) != "floor policy" {
			t.Errorf("%s: %+v", name, e)
		}
	}
	stored.Metadata.RedirectURIs = []string{"javascript:x"} // what the floor takes no longer
	if e, _ := b.desk.Reconsider(t.Context(), deny, stored, kept, token); e.Verdict != ledger.Denied || e.Error.Code != core.InvalidRedirectURI || stages(e) != "floor" {
		t.Errorf("beyond the floor: %+v", e)
	}
	if b.store.commits != commits || len(b.book.entries) > 0 {
		t.Error("it left something behind")
	}
}
