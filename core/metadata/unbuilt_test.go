package metadata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
)

// What would promise a protection that is not there is refused by name and value; what asks for nothing is accepted and not kept.
func TestUnbuiltMembers(t *testing.T) {
	for name, asks := range map[string]string{
		"redirect_uris_regex": `".*"`, "claims_redirect_uri": `["https://a.example/c"]`, "allow_spontaneous_scopes": `true`,
		"authorized_acr_values": `["high"]`, "minimum_acr_level": `1`,
		"public_subject_identifier_attribute": `"mail"`, "additional_token_endpoint_auth_methods": `["none"]`, "ropc_script_dns": `["inum=1"]`,
		"minimum_acr_level_autoresolve": `true`, "minimum_acr_priority_list": `["high"]`, "run_introspection_script_before_jwt_creation": `true`,
		"logout_status_jwt_script_dns": `["inum=2"]`, "rpt_as_jwt": `true`, "id_token_token_binding_cnf": `"tls"`,
	} {
		_, err := metadata.Parse(value(t, `{"`+name+`":`+asks+`}`), []string{name})
		detail := core.AsError(err).Detail
		if code := core.CodeOf(err); code != core.InvalidClientMetadata && code != core.InvalidRedirectURI || !strings.HasPrefix(detail, name+" "+asks+" is not supported: ") {
			t.Errorf("%s %s: %v", name, asks, err)
		}
		if r := core.AsError(err).Reasons; len(r) != 1 || r[0].Rule != "floor.unsupported_member" || !slices.Equal(r[0].Fields, []string{name}) || !r[0].Public || r[0].Message != detail {
			t.Errorf("%s: the reasons are %+v", name, r)
		}
		for _, nothing := range []string{`null`, `""`, `false`, `[]`} {
			req := parse(t, `{"`+name+`":`+nothing+`}`, name)
			if len(metadata.Write(&req.Metadata))+len(req.Extra)+len(req.Present) > 0 {
				t.Errorf("%s %s is kept: %+v", name, nothing, req)
			}
		}
		if _, isRow := metadata.Lookup(name); isRow || !metadata.IsReserved(name) {
			t.Errorf("%s is a row, or anybody's", name)
		}
	}
	parse(t, `{"minimum_acr_level":-1,"id_token_token_binding_cnf":"tbh"}`)
}

// Whatever is wrong with a member, the refusal names it.
func TestRefusalsNameTheMember(t *testing.T) {
	for doc, field := range map[string]string{
		`{"redirect_uris":"x"}`: "redirect_uris", `{"client_name#":"x"}`: "client_name#", `{"require_par":"yes"}`: "require_par",
		`{"` + strings.Repeat("x", 200) + `":1}`: core.Clip(strings.Repeat("x", 200)), `{"token_endpoint_auth_methods_supported":1}`: "token_endpoint_auth_methods_supported",
	} {
		_, err := metadata.Parse(value(t, doc), nil)
		if e := core.AsError(err); len(e.Reasons) != 1 || e.Reasons[0].Rule != "floor.form" || e.Reasons[0].Fields[0] != field || e.Reasons[0].Code != e.Code {
			t.Errorf("%s: %v, %+v", doc, err, e.Reasons)
		}
	}
}

// require_par is Janssen's name for what RFC 9126 calls otherwise; both may be sent, with one value.
func TestOtherNames(t *testing.T) {
	if m := parse(t, `{"refreshTokenLifetime":60}`).Metadata; m.RefreshTokenLifetime == nil || *m.RefreshTokenLifetime != 60 {
		t.Errorf("refreshTokenLifetime: %+v", m)
	}
	for _, doc := range []string{`{"includeClaimsInIdToken":true}`, `{"jansInclClaimsInIdTkn":true}`, `{"jansInclClaimsInIdTkn":true,"include_claims_in_id_token":true,"includeClaimsInIdToken":true}`} {
		if m := parse(t, doc).Metadata; m.ClaimsInIDToken == nil || !*m.ClaimsInIDToken {
			t.Errorf("%s: %+v", doc, m)
		}
	}
	for _, doc := range []string{`{"require_par":true}`, `{"require_par":true,"require_pushed_authorization_requests":true}`,
		`{"require_pushed_authorization_requests":true,"require_par":null}`} {
		req := parse(t, doc)
		if req.Metadata.RequirePAR == nil || !*req.Metadata.RequirePAR || strings.Join(req.Present, " ") != "require_pushed_authorization_requests" {
			t.Errorf("%s: %+v", doc, req)
		}
	}
	for _, doc := range []string{`{"require_par":false,"require_pushed_authorization_requests":true}`, `{"require_pushed_authorization_requests":true,"require_par":false}`, `{"require_par":"yes"}`} {
		if _, err := metadata.Parse(value(t, doc), nil); core.CodeOf(err) != core.InvalidClientMetadata || !strings.HasPrefix(core.AsError(err).Detail, "require_pushed_authorization_requests ") {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// Older Janssen has a list of one address here.
func TestListOfOneLogoutAddress(t *testing.T) {
	for doc, want := range map[string]string{
		`{"backchannel_logout_uri":"https://a.example/out"}`: "https://a.example/out", `{"backchannel_logout_uri":["https://a.example/out"]}`: "https://a.example/out",
		`{"backchannel_logout_uri":[]}`: "",
	} {
		if got := parse(t, doc).Metadata.BackchannelLogoutURI; got != want {
			t.Errorf("%s: %q", doc, got)
		}
	}
	if _, err := metadata.Parse(value(t, `{"backchannel_logout_uri":["https://a.example/1","https://a.example/2"]}`), nil); core.CodeOf(err) != core.InvalidClientMetadata {
		t.Errorf("two: %v", err)
	}
}
