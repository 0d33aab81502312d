package policies

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An answer is what the decisions of both endpoints have in common.
type answer struct {
	Allowed  bool
	Code     core.Code
	Reasons  []core.Reason
	Scopes   []string
	Revision string
	Cached   bool
}

// rules lists the rules that gave the reasons.
func (a answer) rules() string {
	var names []string
	for _, r := range a.Reasons {
		names = append(names, r.Rule)
	}
	return strings.Join(names, " ")
}

// An endpoint asks one of them about the example, for a client of the name.
type endpoint func(e *Engine, client string, scopes ...string) (answer, error)

func atAuthorize(e *Engine, client string, scopes ...string) (answer, error) {
	q := exampleAuthorization()
	q.Client.Metadata.ClientName, q.Scopes = client, scopes
	v, err := e.DecideAuthorization(context.Background(), &q)
	return answer{v.Allowed, v.Code, v.Reasons, v.Scopes, v.Revision, v.Cached}, err
}

func atToken(e *Engine, client string, scopes ...string) (answer, error) {
	q := exampleToken()
	q.Client.Metadata.ClientName, q.Scopes = client, scopes
	v, err := e.DecideToken(context.Background(), &q)
	return answer{v.Allowed, v.Code, v.Reasons, v.Scopes, v.Revision, v.Cached}, err
}

var endpoints = map[which]endpoint{authorization: atAuthorize, token: atToken}

// houseOf gives the head of a file of the site for one decision.
func houseOf(on which) string { return "package " + contracts[on].pkg + ".site.house\n\n" }

func TestEndpointsAllowTheExample(t *testing.T) {
	e := engineWith(t, house+`label contains "registration only"`+"\n") // rules for one decision are none for another
	for on, ask := range endpoints {
		a, err := ask(e, "bff", "openid", "email")
		want := answer{Allowed: true, Scopes: []string{"openid", "email"}, Revision: e.Status().ActiveRevision}
		if err != nil || !reflect.DeepEqual(a, want) {
			t.Errorf("%s: %+v, %v", contracts[on].name, a, err)
		}
	}
}

func TestEndpointsTakeScopesAway(t *testing.T) {
	for on, ask := range endpoints {
		e := engineWith(t, houseOf(on)+`strip contains {"rule": "house.mail", "scope": "email"}

strip contains {"rule": "house.absent", "scope": "nobody.asked", "message": "No."}
`)
		a, err := ask(e, "bff", "openid", "admin.api", "email", "profile")
		if err != nil || !a.Allowed || strings.Join(a.Scopes, " ") != "openid profile" || len(a.Reasons) != 2 {
			t.Fatalf("%s: %+v, %v", contracts[on].name, a, err)
		}
		for _, r := range a.Reasons {
			ours, mine := strings.HasPrefix(r.File, shippedPrefix) && strings.Contains(r.Message, "admin"), r.File == "house.rego" && r.Message == "The scope email is left out."
			if !ours && !mine || r.Line == 0 || !r.Public || !reflect.DeepEqual(r.Fields, []string{"scope"}) {
				t.Errorf("%s: reason %+v", contracts[on].name, r)
			}
		}
	}
}

func TestEndpointsRefuse(t *testing.T) {
	for on, ask := range endpoints {
		e := engineWith(t, houseOf(on)+`deny contains {"rule": "house.closed", "code": "access_denied", "message": "Closed.", "public": false}

deny contains {"rule": "house.target", "code": "invalid_target", "field": "resource", "message": "Not there."}
`)
		a, err := ask(e, "bff", "openid")
		if err != nil || a.Allowed || a.Code != core.InvalidTarget || a.rules() != "house.target house.closed" || a.Scopes != nil {
			t.Fatalf("%s: %+v, %v", contracts[on].name, a, err)
		}
		if a.Reasons[0].Line != 5 || !a.Reasons[0].Public || a.Reasons[1].Public {
			t.Errorf("%s: reasons %+v", contracts[on].name, a.Reasons)
		}
	}
}

func TestEndpointsRememberWhatTheyDecided(t *testing.T) {
	for on, ask := range endpoints {
		e := engineWith(t, "")
		for i, want := range []bool{false, true, true} {
			if a, err := ask(e, strings.Repeat("x", i), "openid"); err != nil || a.Cached != want || !a.Allowed {
				t.Errorf("%s %d: %+v, %v", contracts[on].name, i, a, err)
			}
		}
		if a, err := ask(e, "", "openid", "email"); err != nil || a.Cached || len(a.Scopes) != 2 {
			t.Errorf("%s: other scopes: %+v, %v", contracts[on].name, a, err)
		}
		if err := e.Replace(site(houseOf(on) + `deny contains {"rule": "house.closed", "code": "access_denied", "message": "Closed."}` + "\n")); err != nil {
			t.Fatal(err)
		}
		for _, want := range []bool{false, true} {
			if a, err := ask(e, "", "openid"); err != nil || a.Cached != want || a.Allowed || a.Code != core.AccessDenied {
				t.Errorf("%s: with other rules: %+v, %v", contracts[on].name, a, err)
			}
		}
	}
}

// A rule that reads the clock keeps its own decision from being remembered, and no other.
func TestOneDecisionOnTheClock(t *testing.T) {
	for on := range endpoints {
		e := engineWith(t, houseOf(on)+`strip contains {"rule": "house.late", "scope": "email"} if input.now > 5`+"\n")
		if s := e.Status(); s.Cacheable || s.WhyNot != contracts[on].name+": a rule reads input.now" {
			t.Errorf("status = %+v", s)
		}
		for other, ask := range endpoints {
			if _, err := ask(e, "", "openid"); err != nil {
				t.Fatal(err)
			}
			if a, err := ask(e, "", "openid"); err != nil || a.Cached == (other == on) {
				t.Errorf("%s, clock in %s: %+v, %v", contracts[other].name, contracts[on].name, a, err)
			}
		}
	}
}

// What differs in a person only matters where a rule reads it.
func TestPeopleShareVerdicts(t *testing.T) {
	e := engineWith(t, "")
	q := exampleAuthorization()
	for i, want := range []bool{false, true, true, false} {
		q.Subject, q.Username, q.AuthTime = core.Subject(strings.Repeat("u", i)), strings.Repeat("a", i), time.Unix(int64(i), 0)
		q.UserAdmin = i == 3
		if v, err := e.DecideAuthorization(context.Background(), &q); err != nil || v.Cached != want {
			t.Errorf("%d: %+v, %v", i, v, err)
		}
	}
}

// Rules can go wrong only when they run. Each of these, for a client of its name, must refuse and say why in the log.
func TestEndpointsFailClosed(t *testing.T) {
	for on, ask := range endpoints {
		limit := contracts[on].limits[0]
		cases := map[string]struct{ rego, says string }{
			"builtin":  {`strip contains {"rule": "r", "scope": "email"} if { THIS; to_number("abc") > 1 }`, "to_number"},
			"object":   {`strip contains f if { THIS; f := "email" }`, "object.union"},
			"member":   {`strip contains f if { THIS; f := {"rule": "r", "scope": "email", "colour": "red"} }`, "unknown member"},
			"missing":  {`deny contains f if { THIS; f := {"rule": "r", "code": "access_denied"} }`, "no message"},
			"code":     {`deny contains f if { THIS; f := {"rule": "r", "code": "invalid_redirect_uri", "message": "m"} }`, "invalid_redirect_uri"},
			"codetype": {`deny contains f if { THIS; f := {"rule": "r", "code": 7, "message": "m"} }`, "not a string"},
			"scope":    {`strip contains f if { THIS; f := {"rule": "r", "scope": ["email"]} }`, "not a string"},
			"limit":    {`limit contains f if { THIS; f := {"rule": "r", "name": "client_lifetime", "value": 1} }`, "client_lifetime"},
			"text":     {`limit contains f if { THIS; f := {"rule": "r", "name": "` + limit + `", "value": "1"} }`, "whole number"},
			"below":    {`limit contains f if { THIS; f := {"rule": "r", "name": "` + limit + `", "value": -1} }`, "whole number"},
			"conflict": {"name := 1 if THIS\n\nname := 2 if THIS\n\n" + `deny contains {"rule": "r", "code": "access_denied", "message": "m"} if name > 0`, "conflict"},
		}
		file := houseOf(on)
		for name, test := range cases {
			file += strings.ReplaceAll(test.rego, "THIS", `input.client.client_name == "`+name+`"`) + "\n\n"
		}
		e := engineWith(t, file)
		for name, test := range cases {
			for range 2 { // a failure is not remembered
				a, err := ask(e, name, "openid")
				if core.CodeOf(err) != core.PolicyUnavailable || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%s, %s: error %v", contracts[on].name, name, err)
				}
				if want := (answer{Revision: e.Status().ActiveRevision}); !reflect.DeepEqual(a, want) {
					t.Errorf("%s, %s: answer %+v", contracts[on].name, name, a)
				}
			}
		}
		if a, err := ask(e, "bff", "openid"); err != nil || !a.Allowed {
			t.Errorf("%s: the example: %+v, %v", contracts[on].name, a, err)
		}
	}
}

func TestEndpointsWithoutRulesRefuse(t *testing.T) {
	for on, ask := range endpoints {
		if a, err := ask(NewEngine(Options{}), "bff", "openid"); core.CodeOf(err) != core.PolicyUnavailable || a.Allowed {
			t.Errorf("%s: %+v, %v", contracts[on].name, a, err)
		}
	}
}

// A verdict without a value refuses; only a fault of the server's own rules could bring it about.
func TestUndefinedVerdictRefuses(t *testing.T) {
	for on, ask := range endpoints {
		all, problems := parseModules(site(""))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		compiler, problems := compile(all.sets[on])
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		elsewhere := *contracts[on]
		elsewhere.pkg = "ostiary.nowhere"
		query, err := elsewhere.prepare(compiler, newStore(exampleConfig(), newSiteData(strictjson.Object())))
		if err != nil {
			t.Fatal(err)
		}
		e := engineWith(t, "")
		rulesIn(e, on).query = query
		if a, err := ask(e, "bff", "openid"); core.CodeOf(err) != core.PolicyUnavailable || !errors.Is(err, errUndefined) || a.Allowed {
			t.Errorf("%s: %+v, %v", contracts[on].name, a, err)
		}
	}
}

func TestRunawayRulesOfEndpointsAreStopped(t *testing.T) {
	for on, ask := range endpoints {
		e := NewEngine(Options{MaxConcurrent: 1, Deadline: short, TrialTime: long})
		err := e.Replace(site(houseOf(on) + `strip contains {"rule": "house.endless", "scope": "email"} if {
	input.client.client_name == "trigger"
	some x in numbers.range(1, 1000000)
	some y in numbers.range(1, 1000000)
	x * y == 0
}
`))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := ask(e, "trigger", "openid"); core.CodeOf(err) != core.PolicyUnavailable || !errors.Is(err, errDeadline) || a.Allowed {
			t.Errorf("%s: %+v, %v", contracts[on].name, a, err)
		}
		e.slots.free <- struct{}{} // its slot comes back: the rules gave up
	}
}
