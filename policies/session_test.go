package policies

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

func TestSessionOfTheExample(t *testing.T) {
	e := engineWith(t, "")
	q := exampleSession()
	for _, cached := range []bool{false, true} {
		v, err := e.DecideSession(context.Background(), &q)
		v.Elapsed = 0
		if want := (decision.SessionVerdict{Allowed: true, Revision: e.Status().ActiveRevision, Cached: cached}); err != nil || !reflect.DeepEqual(v, want) {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

func TestSessionRules(t *testing.T) {
	e := engineWith(t, houseOf(session)+`deny contains {"rule": "house.office", "code": "access_denied", "message": "From the office only."} if {
	input.for == "console"
	not net.cidr_contains("192.0.2.0/24", input.caller.ip)
}

limit contains {"rule": "house.console", "name": "session_lifetime", "value": 900} if input.for == "console"

limit contains {"rule": "house.partners", "name": "session_lifetime", "value": 3600} if "partner" in input.provenance.labels

limit contains {"rule": "house.guests", "name": "session_lifetime", "value": 1800} if input.user.email_verified == false

deny contains {"rule": "house.broken", "code": "access_denied", "message": "m"} if {
	input.user.username == "trigger"
	to_number("abc") > 1
}
`)
	for name, test := range map[string]struct {
		change   func(*decision.Session)
		rule     string // of the first reason; empty: allowed
		lifetime time.Duration
	}{
		"as it is":                    {func(*decision.Session) {}, "", 0},
		"console":                     {func(q *decision.Session) { q.For, q.UserAdmin = core.ConsoleSession, true }, "", 15 * time.Minute},
		"console from elsewhere":      {func(q *decision.Session) { q.For, q.UserAdmin, q.Caller.IP = core.ConsoleSession, true, "198.51.100.1" }, "house.office", 0},
		"console for somebody else":   {func(q *decision.Session) { q.For = core.ConsoleSession }, "people.administrators_only", 0},
		"by a partner's client":       {func(q *decision.Session) { q.ClientLabels = []string{"partner"} }, "", time.Hour},
		"the smallest limit counts":   {func(q *decision.Session) { q.ClientLabels, q.EmailVerified = []string{"partner"}, false }, "", 30 * time.Minute},
		"a kind that nobody knows":    {func(q *decision.Session) { q.For = "kiosk" }, "error", 0},
		"a rule that fails":           {func(q *decision.Session) { q.Username = "trigger" }, "error", 0},
		"nobody":                      {func(q *decision.Session) { *q = decision.Session{} }, "people.nobody", 0},
		"somebody who is not present": {func(q *decision.Session) { q.UserPresent = false }, "people.nobody", 0},
	} {
		q := exampleSession()
		test.change(&q)
		v, err := e.DecideSession(context.Background(), &q)
		got := ""
		switch {
		case core.CodeOf(err) == core.PolicyUnavailable:
			got = "error"
		case len(v.Reasons) > 0:
			got = v.Reasons[0].Rule
		}
		if got != test.rule || v.Allowed != (test.rule == "") || v.Lifetime != test.lifetime || (v.Code == core.AccessDenied) != (len(v.Reasons) > 0) {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// A rule of another decision that reads the clock does not keep sessions from being remembered, and no person's verdict is another's.
func TestSessionsAreToldApart(t *testing.T) {
	e := engineWith(t, houseOf(token)+`strip contains {"rule": "house.late", "scope": "email"} if input.now > 5`+"\n")
	for i, cached := range []bool{false, true, false} {
		q := exampleSession()
		q.Subject = core.Subject([]string{"u-1", "u-1", "u-2"}[i])
		if v, err := e.DecideSession(context.Background(), &q); err != nil || v.Cached != cached || !v.Allowed {
			t.Errorf("%d: %+v, %v", i, v, err)
		}
	}
	if v, err := NewEngine(Options{}).DecideSession(context.Background(), &decision.Session{}); !errors.As(err, new(*core.Error)) || v.Allowed {
		t.Errorf("without rules: %+v, %v", v, err)
	}
}
