package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

// What happened to a client, as an operator reads it.
func TestDecisionCommands(t *testing.T) {
	c := openCounter(t)
	c.stdin = shopRequest
	made := c.document("client create -f -")
	id, decision := textOf(made, "client_id"), textOf(made, "decision_id")
	c.prints("client disable " + id)
	c.refuses("client delete c-nobody", "no client", false)
	c.prints("decision list", `^DECISION +TIME +OPERATION +CHANNEL +ACTOR +CLIENT +VERDICT +OUTCOME +ERROR$`,
		`^d-\S+ +2.* delete +operator +operator ada +c-nobody +denied +nothing +not_found$`, `^`+decision+` +2.* register +operator +operator ada +`+id+` +allowed +stored +-$`)
	refused := c.prints("decision list --verdict denied --operation delete --channel operator --code not_found --since 1h")
	if !strings.Contains(refused, "c-nobody") || strings.Count(refused, "\n") != 2 {
		t.Errorf("refused: %s", refused)
	}
	c.prints("decision list --rule scopes.offline_access --outcome stored", decision)
	if none := c.prints("decision list --until 1h"); strings.Count(none, "\n") != 1 {
		t.Errorf("before anything was: %s", none)
	}
	for line, says := range map[string]string{
		"--verdict yes": "verdict must be one of allowed, denied, failed", "--outcome store": "outcome must be one of stored, ",
		"--operation registration": "operation must be one of register, ", "--channel DCR": "channel must be one of dcr, ", "--code invalid_scop": "code must be one of invalid_request, ",
	} {
		c.refuses("decision list "+line, says, true)
	}
	c.refuses("decision list --since never", "since must be a time", true)
	of := c.prints("decision list --client "+id, decision, ` disable `)
	if strings.Contains(of, "c-nobody") || strings.Count(of, "\n") != 3 {
		t.Errorf("of the client: %s", of)
	}
	c.prints("decision show "+decision, `^decision +`+decision+`$`, `^time +2\d{3}-\d\d-\d\dT.*Z$`, `^operation +register by operator$`, `^actor +operator ada from 127\.0\.0\.1$`,
		`^client +`+id+`$`, `^policy +[0-9a-f]{32}$`, `^verdict +allowed$`, `^outcome +stored$`, `^took +\d+\.\d{3} ms$`,
		`^statement \(\d+\.\d{3} ms\)$`, `^  \+ client_name +"Shop"$`, `^  ~ grant_types +\["authorization_code"\] -> \["authorization_code","refresh_token"\]$`)
	if shown := c.document("decision show " + decision); textOf(shown, "decision_id") != decision || member(shown, "stages").Len() < 5 {
		t.Errorf("as JSON: %s", shown)
	}
	c.refuses("decision show d-1", "There is no decision with this id", false)
	c.refuses("decision show", "needs one decision_id", true)
	c.refuses("decision list --limit -1", "--limit must be 1 or more", true)
	c.refuses("decision forget", `no command "forget"`, true)
}

// All that an entry can hold, and nothing in it speaks to the terminal.
func TestDecisionShown(t *testing.T) {
	entry := ledger.Entry{
		V: 1, DecisionID: "d-1", Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Operation: core.Update, Channel: core.ChannelManage,
		Actor:    ledger.Actor{Kind: "registration_access_token", Subject: "ada", Token: "iat-1", IP: "192.0.2.1"},
		ClientID: "c-\x1b[2J", Revision: "r1", Verdict: ledger.Denied, Outcome: ledger.Nothing,
		Error: &ledger.Problem{Code: core.InvalidScope, Detail: "No\nsuch scope."},
		Stages: []ledger.Stage{
			{Stage: "access", By: ledger.By{Kind: "core"}, NS: 1500},
			{
				Stage: "plugins", By: ledger.By{Kind: "plugin", Name: "vet", Digest: "abc"}, NS: 2_000_000, Fuel: 77, Fault: "gave up",
				Patch: []strictjson.PatchOp{
					{Op: "add", Path: "/client_name", Value: strictjson.String("Shop\u202e")}, {Op: "replace", Path: "/jwks/keys", Value: strictjson.Array()},
					{Op: "add", Path: "/x", Value: strictjson.Null()}, {Op: "remove", Path: "/logo_uri"},
				},
				Calls: []ledger.Call{{Kind: "http", Target: "https://vet.example", Status: "200", Digest: "d"}, {Kind: "kv"}},
				Audit: strictjson.Object(strictjson.Member{Name: "score", Value: strictjson.Int(7)}),
			},
			{
				Stage: "policy", By: ledger.By{Kind: "policy", Name: "ostiary.registration"}, NS: 500, Cached: true,
				Reasons: []core.Reason{
					{Rule: "scopes.unknown", Code: core.InvalidScope, Fields: []string{"scope", "x"}, Message: "No\tsuch.", Public: true, File: "site.rego", Line: 7},
					{Rule: "hidden", Message: strings.Repeat("m", 400)}, {Rule: "label", Public: true, File: "site.rego"},
				},
			},
		},
		Shaping: []ledger.Stage{{Stage: "commit", By: ledger.By{Kind: "core"}, NS: 3_000_000}},
	}
	want := `decision   d-1
time       2026-03-01T12:00:00Z
operation  update by manage
actor      registration_access_token ada iat-1 from 192.0.2.1
client     c-?[2J
policy     r1
verdict    denied
outcome    nothing
error      invalid_scope: No?such scope.
took       2.002 ms

access (0.002 ms)

plugins vet (2.000 ms, fuel 77)
  + client_name  "Shop?"
  ~ jwks/keys    []
  + x            null
  - logo_uri
  call http https://vet.example 200
  call kv
  note {"score":7}
  fault gave up

policy ostiary.registration (0.001 ms, cached)
  rule scopes.unknown at site.rego:7 about scope, x
    invalid_scope: No?such.
  rule hidden (kept from the caller)
    ` + strings.Repeat("m", 400) + `
  rule label at site.rego

After the decision:

commit (3.000 ms)
`
	if got := shownDecision(t, entry); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A value as large as a request may be fills no screen; -o json has it.
func TestDecisionShortensValues(t *testing.T) {
	got := shownDecision(t, ledger.Entry{Stages: []ledger.Stage{{Stage: "statement", Patch: []strictjson.PatchOp{
		{Op: "add", Path: "/" + strings.Repeat("n", 1000), Value: strictjson.String(strings.Repeat("\u00e9", 1000))},
	}}}})
	if !strings.Contains(got, strings.Repeat("n", maxShown)+"...") || !strings.Contains(got, "\u00e9...") || strings.Contains(got, "\ufffd") || len(got) > 1000 {
		t.Errorf("%s", got)
	}
}

func shownDecision(t *testing.T, entry ledger.Entry) string {
	t.Helper()
	text, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := strictjson.Parse(text, strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	printDecision(w, doc)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
