package registration_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

func by(rule string) core.Reason {
	return core.Reason{Rule: rule, Message: "because", File: "site.rego", Line: 7}
}

func setting(field, value string) decision.Setting {
	v, err := strictjson.Parse([]byte(value), strictjson.Default)
	if err != nil {
		panic(err)
	}
	return decision.Setting{Field: field, Value: v, By: by("set." + field)}
}

// try registers shop under a policy.
func (b *bench) try(policy answers) (client, error) {
	b.t.Helper()
	b.policy = policy
	req := b.request(core.Register, core.ChannelDCR, "", shop)
	req.Credential.Bearer = b.token(1, "")
	doc, err := b.do(req)
	return clientOf(doc), err
}

// What policy strips, grants, defaults and sets is what is stored; then it is asked once more about the result.
func TestPolicyChanges(t *testing.T) {
	b := newBench(t)
	var passes []*decision.Registration
	c, err := b.try(func(q *decision.Registration) (decision.Verdict, error) {
		passes = append(passes, q)
		return decision.Verdict{
			Allow: true,
			Strip: []decision.Scope{{Scope: "email", By: by("strip")}, {Scope: "absent", By: by("strip")}},
			Grant: []decision.Scope{{Scope: "profile", By: by("grant")}, {Scope: "openid", By: by("grant")}},
			Default: []decision.Setting{
				setting("client_name", `"Ignored"`), setting("default_max_age", "60"), setting("contacts", `["a@b.example"]`),
			},
			Set:  []decision.Setting{setting("contacts", `["ops@b.example"]`), setting("client_uri", "null")},
			Warn: []core.Reason{{Rule: "w", Message: "Mind this.", Public: true}, {Rule: "x", Message: "internal"}},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, c.doc, "scope", `"openid profile"`, "client_name", `"Shop"`, "default_max_age", "60", "contacts", `["ops@b.example"]`,
		"warnings", `[{"rule":"w","fields":[],"message":"Mind this."}]`)
	if len(passes) != 2 || passes[0].Pass != 1 || passes[1].Pass != 2 {
		t.Fatalf("%d passes", len(passes))
	}
	if got := passes[0].Effective.Metadata.Scope; !slices.Equal(got, []string{"openid", "email"}) {
		t.Errorf("pass 1 saw the scope %v", got)
	}
	if got := passes[1].Effective.Metadata.Scope; !slices.Equal(got, []string{"openid", "profile"}) {
		t.Errorf("pass 2 saw the scope %v", got)
	}
	e := b.store.entries[core.DecisionID(text(c.doc, "decision_id"))]
	if stages(e) != "access statement normalise floor policy floor policy approve" {
		t.Errorf("stages = %s", stages(e))
	}
	first := e.Stages[4]
	if len(first.Reasons) != 11 || first.Reasons[2].File != "site.rego" || len(first.Patch) == 0 || len(e.Stages[6].Patch) > 0 {
		t.Errorf("pass 1: %+v\npass 2: %+v", first, e.Stages[6])
	}
	input := parse(t, string(e.Input)) // what was asked first is what replay asks
	effective, _ := input.Get("effective")
	checkMembers(t, input, "pass", "1")
	checkMembers(t, effective, "scope", `["openid","email"]`)
}

// A verdict that asks for what is so already needs no second pass.
func TestPolicyAgreesAtOnce(t *testing.T) {
	b := newBench(t)
	asked := 0
	_, err := b.try(func(*decision.Registration) (decision.Verdict, error) {
		asked++
		return decision.Verdict{Allow: true, Grant: []decision.Scope{{Scope: "openid"}}, Set: []decision.Setting{setting("client_name", `"Shop"`)}}, nil
	})
	if err != nil || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestDenials(t *testing.T) {
	b := newBench(t)
	_, err := b.try(func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{
			Deny: []core.Reason{
				{Rule: "c", Code: core.InvalidScope, Fields: []string{"scope"}, Message: "Scope.", Public: true, File: "s.rego", Line: 3},
				{Rule: "a", Code: core.InvalidRedirectURI, Fields: []string{"redirect_uris"}, Message: "Redirect.", Public: true},
				{Rule: "b", Code: core.InvalidClientMetadata, Message: "internal"},
			},
			Warn: []core.Reason{{Rule: "w", Message: "Also.", Public: true}},
		}, nil
	})
	checkCode(t, err, core.InvalidRedirectURI, "Redirect.") // the gravest names the error
	e := core.AsError(err)
	if len(e.Reasons) != 2 || e.Reasons[0].Rule != "a" || e.Reasons[1].Rule != "c" {
		t.Errorf("the caller is told %+v", e.Reasons)
	}
	entry := b.lastEntry()
	last := entry.Stages[len(entry.Stages)-1]
	if stages(entry) != "access statement normalise floor policy" || len(last.Reasons) != 4 || last.Reasons[0].File != "s.rego" || last.Fault != "" ||
		entry.Verdict != ledger.Denied || entry.Outcome != ledger.Nothing || entry.Revision != "r-test" || entry.Input == nil ||
		*entry.Error != (ledger.Problem{Code: core.InvalidRedirectURI, Detail: "Redirect."}) {
		t.Errorf("entry = %+v", entry)
	}
	_, err = b.try(func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "b", Code: core.AccessDenied, Message: "internal"}}}, nil
	})
	checkCode(t, err, core.AccessDenied, "refused by policy")
	if strings.Contains(face(t, err), "internal") {
		t.Errorf("the caller is told %s", face(t, err))
	}
	if len(b.store.clients) > 0 {
		t.Error("something was stored")
	}
}

// Policy that is absent, broken or at odds with itself stores nothing, and it is our fault.
func TestPolicyFaults(t *testing.T) {
	flip := 0
	deny := []core.Reason{{Rule: "d", Code: core.InvalidClientMetadata, Message: "No.", Public: true}}
	for name, test := range map[string]struct {
		policy answers
		code   core.Code
		says   string // to the caller
		knows  string // the entry
	}{
		"no decision": {func(*decision.Registration) (decision.Verdict, error) { return decision.Verdict{}, nil },
			core.PolicyUnavailable, "No decision was reached", "neither allowed nor denied"},
		"allows what it denies": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Deny: deny}, nil
		},
			core.InvalidClientMetadata, "No.", ""},
		"engine fails": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Revision: "r-9"}, errors.New("eval: boom")
		},
			core.ServerError, "could not finish", "boom"},
		"conflict": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{}, core.Fail(core.PolicyConflict, "The rules a and b disagree.", errors.New("a.rego:1"))
		}, core.PolicyConflict, "disagree", "a.rego:1"},
		"flips": {func(*decision.Registration) (decision.Verdict, error) {
			flip++
			return decision.Verdict{Allow: true, Set: []decision.Setting{setting("client_name", `"`+strings.Repeat("x", flip)+`"`)}}, nil
		}, core.PolicyUnstable, "changed its own result", ""},
		"set fights deny": {func(q *decision.Registration) (decision.Verdict, error) {
			if q.Effective.Metadata.ClientName == "Forced" {
				return decision.Verdict{Deny: deny}, nil
			}
			return decision.Verdict{Allow: true, Set: []decision.Setting{setting("client_name", `"Forced"`)}}, nil
		}, core.PolicyUnstable, "denied its own result", "No."},
		"set breaks the floor": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Set: []decision.Setting{setting("redirect_uris", `["javascript:alert(1)"]`)}}, nil
		}, core.PolicyUnstable, "broke the floor", "javascript"},
		"set takes the method away": {func(q *decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Set: []decision.Setting{setting("redirect_uris", "null")}}, nil
		}, core.PolicyUnstable, "broke the floor", "redirect_uris is missing"},
		"second pass fails": {func(q *decision.Registration) (decision.Verdict, error) {
			if q.Pass == 2 {
				return decision.Verdict{}, core.Fail(core.PolicyUnavailable, "Deadline.", nil)
			}
			return decision.Verdict{Allow: true, Set: []decision.Setting{setting("client_name", `"x"`)}}, nil
		}, core.PolicyUnavailable, "Deadline.", "Deadline."},
		"wrong type": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Set: []decision.Setting{setting("redirect_uris", `"https://x.example"`)}}, nil
		}, core.PolicyUnavailable, "No decision was reached", "rule set.redirect_uris: redirect_uris must be an array"},
		"unknown member": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Set: []decision.Setting{setting("client_id", `"c-chosen"`)}}, nil
		}, core.PolicyUnavailable, "No decision was reached", "sets client_id"},
		"unknown default": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Default: []decision.Setting{setting("clientname", `"x"`)}}, nil
		}, core.PolicyUnavailable, "No decision was reached", "sets clientname"},
		"fixed member": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Set: []decision.Setting{setting("software_statement", `"a.b.c"`)}}, nil
		}, core.PolicyUnavailable, "No decision was reached", "sets software_statement"},
		"two scopes in one": {func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Grant: []decision.Scope{{Scope: "profile admin.api", By: by("g")}}}, nil
		}, core.PolicyUnavailable, "No decision was reached", "is no scope"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.try(test.policy)
			checkCode(t, err, test.code, test.says)
			e := b.lastEntry()
			if told := describe(e); !strings.Contains(told, test.knows) {
				t.Errorf("the entry tells %q, want %q in it", told, test.knows)
			}
			wantVerdict := ledger.Failed
			if test.code == core.InvalidClientMetadata {
				wantVerdict = ledger.Denied
			}
			if e.Verdict != wantVerdict || e.Outcome != ledger.Nothing || e.Input == nil || len(b.store.clients) > 0 || b.store.commits > 0 {
				t.Errorf("entry = %+v", e)
			}
		})
	}
}

// describe is all that an entry's stages say.
func describe(e ledger.Entry) string {
	var said []string
	for _, s := range e.Stages {
		said = append(said, s.Fault)
		for _, r := range s.Reasons {
			said = append(said, r.Message)
		}
	}
	return strings.Join(said, "\n")
}

// A client that policy strips of everything it may lack keeps the defaults of the specification.
func TestDefaultsSurvivePolicy(t *testing.T) {
	b := newBench(t)
	c, err := b.try(func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Set: []decision.Setting{
			setting("token_endpoint_auth_method", "null"), setting("subject_type", `""`), setting("id_token_signed_response_alg", "null"),
		}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, c.doc, "token_endpoint_auth_method", `"client_secret_basic"`, "subject_type", `"public"`, "id_token_signed_response_alg", `"RS256"`)
}

// Policy decides on every operation, with what it needs to know of each.
func TestQuestions(t *testing.T) {
	b := newBench(t)
	var q *decision.Registration
	b.policy = func(asked *decision.Registration) (decision.Verdict, error) {
		q = asked
		return decision.Verdict{Allow: true}, nil
	}
	c := b.register(`{"redirect_uris":["https://a.example/"],"client_name":"A","jwks":` + newSigner(t, "").jwks(t) + `,"token_endpoint_auth_method":"private_key_jwt"}`)
	if !q.IAT.Present || q.IAT.CreatedBy != "ada" || q.IAT.MaxUses != 1 || len(q.Keys) != 1 || q.Keys[0].Kty != "EC" || q.Caller.IP != "192.0.2.1" {
		t.Errorf("register asks %+v", q)
	}
	b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"B"`)))
	if q.Operation != core.Update || q.Channel != core.ChannelManage || !slices.Equal(q.Changed, []string{"client_name"}) || q.Before.Metadata.ClientName != "A" ||
		q.Effective.Metadata.ClientName != "B" || q.Effective.ClientID != c.id || q.IAT.Present || q.Caller.Kind != "registration_access_token" || q.Caller.ClientID != c.id {
		t.Errorf("update asks %+v", q)
	}
	for _, op := range []core.Operation{core.Read, core.Disable, core.Enable, core.Delete} {
		if _, err := b.do(b.request(op, core.ChannelOperator, c.id, "")); err != nil {
			t.Fatal(err)
		}
		if q.Operation != op || q.Caller.Kind != "operator" || q.Caller.Subject != "ada" || len(q.Changed) > 0 ||
			q.Effective.Metadata.ClientName != "B" || q.Before.Metadata.ClientName != "B" || q.Profile != "default" {
			t.Errorf("%s asks %+v", op, q)
		}
	}
}
