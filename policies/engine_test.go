package policies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

func TestExampleIsAccepted(t *testing.T) {
	v := ask(t, engineWith(t, ""), nil)
	if !v.Allow || len(v.Deny) > 0 || v.Revision == "" || v.Cached {
		t.Fatalf("verdict = %+v", v)
	}
	if len(v.Set) != 1 || v.Set[0].Field != "grant_types" || v.Set[0].Value.String() != `["authorization_code","refresh_token"]` {
		t.Errorf("set = %+v", v.Set)
	}
	if len(v.Warn) != 1 || v.Warn[0].Rule != "obligations.no_keys" {
		t.Errorf("warn = %+v", v.Warn)
	}
}

// The second pass of the road must change nothing more.
func TestShippedRulesAreStable(t *testing.T) {
	v := ask(t, engineWith(t, ""), func(r *decision.Registration) {
		r.Pass = 2
		r.Effective.Metadata.GrantTypes = []string{"authorization_code", "refresh_token"}
	})
	if !v.Allow || v.Changes() {
		t.Errorf("verdict = %+v", v)
	}
}

// What the core can enforce, rules may require, with the params that it knows.
func TestObligations(t *testing.T) {
	v := ask(t, engineWith(t, house+`require contains {"rule": "house.par", "name": "par", "params": {}}

require contains {"rule": "house.ask", "name": "consent_always"}

require contains {"rule": "house.approval", "name": "approval", "params": {"queue": "partners", "expires_in": (14 * 24) * 3600}}
`), nil)
	want := []core.Obligation{
		{Name: decision.ObligeApproval, Params: `{"expires_in":1209600,"queue":"partners"}`, Rule: "house.approval"},
		{Name: decision.ObligeConsentAlways, Rule: "house.ask"}, {Name: decision.ObligePAR, Rule: "house.par"},
	}
	slices.SortFunc(v.Require, func(a, b core.Obligation) int { return strings.Compare(a.Name, b.Name) })
	if !v.Allow || !reflect.DeepEqual(v.Require, want) {
		t.Errorf("verdict = %+v", v.Require)
	}
	approval, err := decision.ApprovalOf(want[0])
	if err != nil || approval != (decision.Approval{ExpiresIn: 14 * 24 * time.Hour, Queue: "partners"}) {
		t.Errorf("%+v, %v", approval, err)
	}
}

func TestPublicClientMustUsePKCE(t *testing.T) {
	v := ask(t, engineWith(t, ""), func(r *decision.Registration) {
		r.Profile, r.Effective.Metadata.TokenEndpointAuthMethod = "", "none"
	})
	want := []core.Obligation{{Name: decision.ObligePKCE, Rule: "obligations.public_pkce"}}
	if !v.Allow || !reflect.DeepEqual(v.Require, want) {
		t.Errorf("verdict = %+v", v)
	}
}

func TestRefusalNamesEveryReasonAndItsPlace(t *testing.T) {
	q := manyFaults()
	v, err := engineWith(t, "").DecideRegistration(context.Background(), &q)
	if err != nil {
		t.Fatal(err)
	}
	if v.Allow || len(v.Deny) != 14 {
		t.Errorf("allow %v, denied by %s", v.Allow, denied(v))
	}
	for i, r := range v.Deny {
		if r.Message == "" || len(r.Fields) != 1 || !r.Public || !strings.HasPrefix(r.File, shippedPrefix) || r.Line == 0 {
			t.Errorf("reason %d = %+v", i, r)
		}
	}
	if first, last := v.Deny[0].Code, v.Deny[13].Code; first != core.InvalidRedirectURI || last != core.InvalidScope {
		t.Errorf("order: first %s, last %s", first, last)
	}
}

func TestPlaceIsTheLineOfTheRule(t *testing.T) {
	const text = house + `deny contains {
	"rule": "house.closed",
	"code": "access_denied",
	"message": "Closed.",
} if input.effective.client_name == "bff-server"
`
	v := ask(t, engineWith(t, text), nil)
	want := core.Reason{Rule: "house.closed", Code: core.AccessDenied, Message: "Closed.", Public: true, File: "house.rego", Line: 3}
	if len(v.Deny) != 1 || !reflect.DeepEqual(v.Deny[0], want) {
		t.Errorf("deny = %+v", v.Deny)
	}
}

func TestSiteRulesSayEverything(t *testing.T) {
	const text = house + `grant contains {"rule": "house.gift", "scope": "gift", "message": "A gift."}

strip contains {"rule": "house.thief", "scope": "email"}

default_value contains {"rule": "house.name", "field": "client_uri", "value": "https://house.example"}

set contains {"rule": "house.acr", "field": "default_acr_values", "value": ["a", "b"]}

set contains {"rule": "house.acr_again", "field": "default_acr_values", "value": ["a", "b"]}

limit contains {"rule": "house.long", "name": "client_lifetime", "value": 7200}

limit contains {"rule": "house.short", "name": "client_lifetime", "value": 3600}

require contains {"rule": "house.approval", "name": "approval", "params": {"queue": "house", "expires_in": 60}}

trust contains "issuer"

trust contains "self"

label contains "house"

warn contains {"rule": "house.note", "fields": ["a", "b"], "message": "A \"quoted\" caf\u00e9."}
`
	v := ask(t, engineWith(t, text), nil)
	if !v.Allow {
		t.Fatalf("denied by %s", denied(v))
	}
	if len(v.Grant) != 1 || v.Grant[0].Scope != "gift" || v.Grant[0].By.Message != "A gift." || len(v.Strip) != 1 || v.Strip[0].Scope != "email" {
		t.Errorf("grant %+v, strip %+v", v.Grant, v.Strip)
	}
	if len(v.Default) != 1 || v.Default[0].Field != "client_uri" || len(v.Set) != 2 { // ours, and grant_types
		t.Errorf("default %+v, set %+v", v.Default, v.Set)
	}
	if v.Limits["client_lifetime"] != 3600 || v.Trust != "self" || !reflect.DeepEqual(v.Labels, []string{"house"}) {
		t.Errorf("limits %v, trust %s, labels %v", v.Limits, v.Trust, v.Labels)
	}
	if len(v.Require) != 1 || v.Require[0].Params != `{"expires_in":60,"queue":"house"}` {
		t.Errorf("require %+v", v.Require)
	}
	for _, w := range v.Warn {
		if w.Rule == "house.note" && (w.Message != "A 'quoted' caf?." || len(w.Fields) != 2) {
			t.Errorf("warn = %+v", w)
		}
	}
}

// Rules can go wrong only when they run. Each of these must refuse, and say why in the log.
func TestWhatGoesWrongRefuses(t *testing.T) {
	const when = ` if input.effective.client_name == "trigger"
`
	for name, test := range map[string]struct {
		rego string
		code core.Code
		says string
	}{
		"built-in error":      {`deny contains {"rule": "r", "code": "access_denied", "message": "m"} if { input.effective.client_name == "trigger"; to_number("abc") > 1 }`, core.PolicyUnavailable, "to_number"},
		"not an object":       {`deny contains f if { input.effective.client_name == "trigger"; f := "no" }`, core.PolicyUnavailable, "object.union"},
		"unknown member":      {`deny contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "code": "access_denied", "message": "m", "colour": "red"} }`, core.PolicyUnavailable, "unknown member"},
		"missing member":      {`deny contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "code": "access_denied"} }`, core.PolicyUnavailable, "no message"},
		"unknown code":        {`deny contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "code": "teapot", "message": "m"} }`, core.PolicyUnavailable, "teapot"},
		"code of wrong type":  {`deny contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "code": 7, "message": "m"} }`, core.PolicyUnavailable, "not a string"},
		"unknown obligation":  {`require contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "name": "dance"} }`, core.PolicyUnavailable, "dance"},
		"wrong params":        {`require contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "name": "pkce_s256", "params": 1} }`, core.PolicyUnavailable, "params"},
		"no obligation yet":   {`require contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "name": "dpop"} }`, core.PolicyUnavailable, "cannot enforce the obligation dpop yet"},
		"params of none":      {`require contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "name": "consent_always", "params": {"x": 1}} }`, core.PolicyUnavailable, "has no params"},
		"computed wait":       {`require contains {"rule": "r", "name": "approval", "params": {"expires_in": 60 * 60 * 24 * 366}}` + when, core.PolicyUnavailable, "from 60 to 31536000"},
		"unknown limit":       {`limit contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "name": "speed", "value": 1} }`, core.PolicyUnavailable, "speed"},
		"limit of nothing":    {`limit contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "name": "client_lifetime", "value": 0} }`, core.PolicyUnavailable, "whole number"},
		"unknown field":       {`set contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "field": "shoe_size", "value": 1} }`, core.PolicyUnavailable, "shoe_size"},
		"fixed field":         {`set contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "field": "software_statement", "value": ""} }`, core.PolicyUnavailable, "cannot be changed"},
		"unknown trust":       {`trust contains lower("MUCH")` + when, core.PolicyUnavailable, "much"},
		"label of wrong type": {`label contains f if { input.effective.client_name == "trigger"; f := 7 }`, core.PolicyUnavailable, "not a string"},
		"field and fields":    {`warn contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "field": "a", "fields": ["b"], "message": "m"} }`, core.PolicyUnavailable, "both"},
		"public is a string":  {`deny contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "code": "access_denied", "message": "m", "public": "yes"} }`, core.PolicyUnavailable, "public"},
		"two values": {`set contains {"rule": "house.a", "field": "client_name", "value": "a"}` + when + `
set contains {"rule": "house.b", "field": "client_name", "value": "b"}` + when, core.PolicyConflict, "house.a and house.b"},
		"grant and strip": {`grant contains {"rule": "house.a", "scope": "x"}` + when + `
strip contains {"rule": "house.b", "scope": "x"}` + when, core.PolicyConflict, "house.a and house.b"},
		"two complete values": {`name := 1` + when + `
name := 2` + when + `
deny contains {"rule": "r", "code": "access_denied", "message": "m"} if name > 0`, core.PolicyUnavailable, "conflict"},
	} {
		t.Run(name, func(t *testing.T) {
			e := engineWith(t, house+test.rego)
			q := exampleRegister()
			q.Effective.Metadata.ClientName = "trigger"
			v, err := e.DecideRegistration(context.Background(), &q)
			if core.CodeOf(err) != test.code || v.Allow || v.Revision != e.Status().ActiveRevision {
				t.Fatalf("verdict %+v, error %v", v, err)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %q does not say %q", err, test.says)
			}
			if v := ask(t, e, nil); !v.Allow {
				t.Errorf("the example is denied by %s", denied(v))
			}
		})
	}
}

func TestNoRevisionRefuses(t *testing.T) {
	e := NewEngine(Options{})
	q := exampleRegister()
	v, err := e.DecideRegistration(context.Background(), &q)
	if core.CodeOf(err) != core.PolicyUnavailable || v.Allow {
		t.Errorf("verdict %+v, error %v", v, err)
	}
	if s := e.Status(); !s.Degraded || s.ActiveRevision != "" || e.Active() != nil {
		t.Errorf("status = %+v", s)
	}
}

// A start is patient: there is nothing to stay with, and a busy machine must not start with other rules than the site's.
func TestStartIsPatient(t *testing.T) {
	e := NewEngine(Options{TrialTime: long})
	before, refused := e.within(), e.Replace(site(house+"deny contains\n"))
	still, err := e.within(), e.Replace(site(house))
	if before != patient*long || refused == nil || still != before || err != nil || e.within() != long {
		t.Errorf("%v, after %v %v, after %v %v", before, refused, still, err, e.within())
	}
}

func TestReplaceKeepsTheLastGood(t *testing.T) {
	var log bytes.Buffer
	e := NewEngine(Options{Deadline: long, TrialTime: long, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := e.Replace(site(house + `label contains "first"`)); err != nil {
		t.Fatal(err)
	}
	first := e.Status()
	broken := site(house + "deny contains\n")
	for range 2 {
		err := e.Replace(broken)
		var load *LoadError
		if !errors.As(err, &load) || load.Problems[0].File != "house.rego" || load.Problems[0].Line == 0 {
			t.Fatalf("error = %v", err)
		}
	}
	s := e.Status()
	if s.ActiveRevision != first.ActiveRevision || !s.Degraded || len(s.Problems) == 0 || s.Origin != Folder {
		t.Errorf("status = %+v", s)
	}
	if v := ask(t, e, nil); len(v.Labels) != 1 || v.Labels[0] != "first" {
		t.Errorf("labels = %v", v.Labels)
	}
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("the caller has the error, and it is logged here too: %s", &log)
	}
	if err := e.Replace(site(house + `label contains "second"`)); err != nil {
		t.Fatal(err)
	}
	if s := e.Status(); s.Degraded || s.ActiveRevision == first.ActiveRevision {
		t.Errorf("status = %+v", s)
	}
}

func TestLastGoodIsDegradedAndSaysWhy(t *testing.T) {
	e := NewEngine(Options{TrialTime: long})
	if e.Replace(site(house+"deny contains\n")) == nil {
		t.Fatal("broken rules were taken")
	}
	src := site("")
	src.Origin = LastGood
	if err := e.Replace(src); err != nil {
		t.Fatal(err)
	}
	if s := e.Status(); !s.Degraded || s.Origin != LastGood || len(s.Problems) == 0 {
		t.Errorf("status = %+v", s)
	}
}

func TestSourceCanBeKept(t *testing.T) {
	e := engineWith(t, house+`label contains "kept"`)
	kept := e.Active().Source()
	kept.Files["other.rego"] = []byte("not rego") // a copy
	again, err := Load(e.Active().Source(), long)
	if err != nil || again.ID() != e.Active().ID() || len(e.Active().Files()) != 1 {
		t.Errorf("loaded again: %v, %v", again, err)
	}
}

// Decisions go on while revisions come and go, and each is answered by one whole revision.
func TestDecideWhileReplacing(t *testing.T) {
	e := engineWith(t, house+`label contains "0"`)
	stop := make(chan struct{})
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			q := exampleRegister()
			for {
				select {
				case <-stop:
					return
				default:
				}
				v, err := e.DecideRegistration(context.Background(), &q)
				if err != nil || !v.Allow || len(v.Labels) != 1 {
					t.Errorf("verdict %+v, error %v", v, err)
					return
				}
			}
		})
	}
	reloads := 100
	if testing.Short() {
		reloads = 5
	}
	for n := range reloads {
		if err := e.Replace(site(house + fmt.Sprintf("label contains \"%d\"", n))); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	askers.Wait()
}
