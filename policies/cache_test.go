package policies

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

func TestSameQuestionIsAnsweredFromMemory(t *testing.T) {
	e := engineWith(t, "")
	first := ask(t, e, nil)
	again := ask(t, e, func(r *decision.Registration) { // nothing that a rule reads
		r.Now, r.RequestID, r.Caller.IP, r.Effective.Metadata.ClientName = time.Unix(9, 0), "d-2", "192.0.2.99", "other"
	})
	if first.Cached || !again.Cached || !again.Allow || len(again.Warn) != 1 || again.Revision != first.Revision {
		t.Errorf("first %+v, again %+v", first, again)
	}
	other := ask(t, e, func(r *decision.Registration) { r.Effective.Metadata.Scope = []string{"payments"} })
	if other.Cached || other.Allow {
		t.Errorf("another question: %+v", other)
	}
	refused := ask(t, e, func(r *decision.Registration) { r.Effective.Metadata.Scope = []string{"payments"} })
	if !refused.Cached || refused.Allow || denied(refused) != "scopes.not_offered" {
		t.Errorf("a refusal from memory: %+v", refused)
	}
}

func TestMemoryEndsWithTheRevision(t *testing.T) {
	e := engineWith(t, "")
	ask(t, e, nil)
	if err := e.Replace(site(house + `deny contains {"rule": "house.closed", "code": "access_denied", "message": "Closed."}`)); err != nil {
		t.Fatal(err)
	}
	if v := ask(t, e, nil); v.Cached || v.Allow {
		t.Errorf("verdict = %+v", v)
	}
}

func TestFailuresAreNotRemembered(t *testing.T) {
	e := engineWith(t, house+`label contains "x" if { input.effective.client_name == "trigger"; to_number(input.effective.client_name) > 1 }`)
	q := exampleRegister()
	q.Effective.Metadata.ClientName = "trigger"
	for range 2 {
		if v, err := e.DecideRegistration(context.Background(), &q); core.CodeOf(err) != core.PolicyUnavailable || v.Cached {
			t.Errorf("verdict %+v, error %v", v, err)
		}
	}
}

// What cannot be remembered is said, and is not.
func TestWhatCannotBeRemembered(t *testing.T) {
	for rego, why := range map[string]string{
		`label contains "x" if input.now > 5`:                                      "input.now",
		`label contains "x" if input.request_id != ""`:                             "input.request_id",
		`label contains "x" if { some name in ["profile"]; input[name] }`:          "computed",
		`label contains "x" if { walk(input, [_, value]); value == "openid" }`:     "as a whole",
		`label contains "x" if count(object.keys(input)) > 1`:                      "as a whole",
		`label contains "x" if { some k; input[k] == "dcr" }`:                      "as a whole",
		"first(x) := x.channel\n\nlabel contains \"x\" if first(input) == \"dcr\"": "as a whole",
		"question := input\n\nlabel contains \"x\" if question.now > 5":            "as a whole",
	} {
		e := engineWith(t, house+rego+"\n")
		s := e.Status()
		if s.Cacheable || !strings.Contains(s.WhyNot, why) {
			t.Errorf("%s: status %+v, want %q", rego, s, why)
		}
		for range 2 {
			if v := ask(t, e, nil); v.Cached || len(v.Labels) != 1 {
				t.Errorf("%s: verdict %+v", rego, v)
			}
		}
	}
}

// An answer to a read is kept for whoever shows the same token: not when a rule looks at how the caller came.
func TestVerdictsThatOutlastTheRequest(t *testing.T) {
	for path, holds := range map[string]bool{
		"caller.kind": true, "caller.client_id": true, "profile": true,
		"caller.ip": false, "caller.origin": false, "caller.user_agent": false, "caller.cert.sha256": false, "now": false,
	} {
		v := ask(t, engineWith(t, house+`label contains "x" if input.`+path+"\n"), nil)
		if (v.Holds != nil) != holds {
			t.Errorf("a rule that reads input.%s: the verdict holds longer than the request: %v", path, v.Holds != nil)
		}
	}
}

func TestPathsThatRulesRead(t *testing.T) {
	shipped := " " + rulesIn(engineWith(t, ""), registration).paths.String() + " "
	for rego, want := range map[string]string{
		`label contains "x" if input.iat.label == "a"`:                                    "iat.label",
		`label contains "x" if { some c in input.effective.contacts; c != "" }`:           "effective.contacts",
		`label contains "x" if input.software_statement.claims.org.id == 1`:               "software_statement.claims.org.id",
		`label contains "x" if input.effective.extra[input.iat.id] == 1`:                  "effective.extra iat.id",
		`label contains "x" if { caller := input.caller; caller.ip != "" }`:               "caller",
		`label contains "x" if count([k | some k in input.keys; k.kty == "EC"]) > 1`:      "",
		`label contains "x" if { every u in input.uris { u.valid } }`:                     "uris",
		"has(x) if x.iss\n\nlabel contains \"x\" if has(input.software_statement.claims)": "software_statement.claims",
		`label contains "x" if data.ostiary.config.profiles[input.iat.profile]`:           "iat.profile",
		`label contains $"{input.before.client_name}"`:                                    "before.client_name",
		`label contains "x" if { not input.before.client_id }`:                            "before.client_id",
	} {
		rev, err := Load(site(house+rego+"\n"), long)
		if err != nil {
			t.Fatal(err)
		}
		var more []string
		for _, path := range strings.Fields(rev.rules[registration].paths.String()) {
			if !strings.Contains(shipped, " "+path+" ") {
				more = append(more, path)
			}
		}
		if got := strings.Join(more, " "); got != want {
			t.Errorf("%s reads %q more than the shipped rules, want %q", rego, got, want)
		}
	}
}

func TestCacheForgetsTheLeastRecentlyUsed(t *testing.T) {
	c := newCache(2 * shards)
	key := func(n byte) cacheKey { return cacheKey{0, n} } // all in one shard, which holds two
	c.put(key(1), decision.Verdict{Revision: "1"})
	c.put(key(2), decision.Verdict{Revision: "2"})
	c.put(key(2), decision.Verdict{Revision: "again"})
	c.get(key(1))
	c.put(key(3), decision.Verdict{Revision: "3"})
	for n, want := range map[byte]string{1: "1", 2: "", 3: "3"} {
		if v, found := c.get(key(n)); v.Revision != want || found != (want != "") {
			t.Errorf("%d: %q, %v", n, v.Revision, found)
		}
	}
	c.put(key(4), decision.Verdict{})
	c.put(key(5), decision.Verdict{})
	if n := len(c.shards[0].entries); n != 2 {
		t.Errorf("%d entries", n)
	}
}
