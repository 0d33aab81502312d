package ledger_test

import (
	"encoding/json"
	"testing"

	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

func TestDiffs(t *testing.T) {
	text := strictjson.String
	step := func(op, path string, v strictjson.Value) strictjson.PatchOp {
		return strictjson.PatchOp{Op: op, Path: path, Value: v}
	}
	stages := []ledger.Stage{
		{Patch: []strictjson.PatchOp{step("replace", "/scope", text("openid email")), step("add", "/client_name", text("Shop"))}},
		{},
		{Patch: []strictjson.PatchOp{step("replace", "/scope", text("openid")), step("remove", "/client_name", strictjson.Value{}), step("add", "/jwks/kid", text("k"))}},
	}
	start := strictjson.Object(strictjson.Member{Name: "scope", Value: text("openid")}, strictjson.Member{Name: "jwks", Value: strictjson.Object()})
	for name, want := range map[string]string{
		"known": `[[{"member":"scope","before":"openid","after":"openid email"},{"member":"client_name","after":"Shop"}],null,` +
			`[{"member":"scope","before":"openid email","after":"openid"},{"member":"client_name","before":"Shop"},{"member":"jwks","before":{},"after":{"kid":"k"}}]]`,
		"not known": `[[{"member":"scope","after":"openid email","before_unknown":true},{"member":"client_name","after":"Shop"}],null,` +
			`[{"member":"/jwks/kid","after":"k","before_unknown":true},{"member":"scope","before":"openid email","after":"openid"},{"member":"client_name","before":"Shop"}]]`,
	} {
		from := start
		if name == "not known" {
			from = strictjson.Value{}
		}
		got, err := json.Marshal(ledger.Diffs(from, stages))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v\nwant %s", name, got, err, want)
		}
	}
}

// What one step takes away and a later one of the same stage gives back is no change.
func TestDiffsTellNoMemberThatStays(t *testing.T) {
	text := strictjson.String
	start := strictjson.Object(strictjson.Member{Name: "scope", Value: text("openid")}, strictjson.Member{Name: "client_name", Value: text("Shop")})
	patch := []strictjson.PatchOp{
		{Op: "remove", Path: "/scope"}, {Op: "replace", Path: "/client_name", Value: text("Store")}, {Op: "add", Path: "/scope", Value: text("openid")},
		{Op: "add", Path: "/logo_uri", Value: text("https://shop.example/l.png")}, {Op: "remove", Path: "/logo_uri"},
	}
	got, err := json.Marshal(ledger.Diffs(start, []ledger.Stage{{Patch: patch}}))
	if want := `[[{"member":"client_name","before":"Shop","after":"Store"}]]`; err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}
