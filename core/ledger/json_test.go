package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An entry writes itself as encoding/json writes its fields, and is read back as it was.
func TestEntryWritesItself(t *testing.T) {
	stage := ledger.Stage{
		Stage: "policy", By: ledger.By{Kind: "policy", Name: "ostiary.registration", Digest: "r1"}, Fuel: 7, NS: 1200, Fault: "none", Cached: true,
		Patch: []strictjson.PatchOp{
			{Op: "replace", Path: "/scope", Value: strictjson.String("openid")}, {Op: "remove", Path: "/contacts"}, {Op: "add", Path: "/x", Value: strictjson.Null()},
		},
		Reasons: []core.Reason{{Rule: "r", Code: core.InvalidScope, Fields: []string{"scope"}, Message: "m", Public: true, File: "a.rego", Line: 3}, {}},
		Attached: &ledger.Attached{
			Require: []core.Obligation{{Name: "pkce_s256", Params: "{}", Rule: "r"}, {}}, Limits: map[string]int64{"b": 2, "a": 1}, Labels: []string{"partner"}, Trust: "self",
		},
		Calls: []ledger.Call{{Kind: "http", Target: "https://a.example/", Status: "200", Digest: "d"}, {}},
		Audit: strictjson.Object(strictjson.Member{Name: "a", Value: strictjson.Int(1)}),
	}
	full := ledger.Entry{
		V: ledger.FormatVersion, DecisionID: "d-1", Time: time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC), Operation: core.Register, Channel: core.ChannelDCR,
		Actor: ledger.Actor{Kind: "operator", Subject: "ada", Token: "t-1", IP: "192.0.2.1"}, ClientID: "c-1", Revision: "r1",
		Stages: []ledger.Stage{stage, {}, {Attached: &ledger.Attached{Trust: "none"}}}, Verdict: ledger.Denied, Outcome: ledger.Nothing, Error: &ledger.Problem{Code: core.InvalidScope, Detail: "no"},
		Shaping: []ledger.Stage{stage}, Input: []byte("never written here"),
	}
	for name, e := range map[string]ledger.Entry{"full": full, "empty": {}, "no stages": {Stages: []ledger.Stage{}}} {
		got, err := e.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
		var back ledger.Entry
		if err := strictjson.Decode(got, &back, strictjson.Stored); name == "full" && (err != nil || back.Stages[0].Calls[0] != stage.Calls[0]) {
			t.Errorf("%s: read back %+v, %v", name, back, err)
		}
	}
	rows, err := ledger.AppendStages(nil, full.Stages)
	want, marshalErr := json.Marshal(full.Stages)
	if string(rows) != string(want) || err != nil || marshalErr != nil {
		t.Errorf("stages alone: %s, want %s, %v, %v", rows, want, err, marshalErr)
	}
}
