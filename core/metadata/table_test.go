package metadata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// standard lists every member of RFC 7591 §2 and of OpenID Connect Dynamic Client Registration 1.0 §2, and those of other
// specifications that this server acts on.
var standard = strings.Fields(`
	redirect_uris token_endpoint_auth_method grant_types response_types client_name client_uri logo_uri scope contacts tos_uri
	policy_uri jwks_uri jwks software_id software_version software_statement

	application_type sector_identifier_uri subject_type id_token_signed_response_alg id_token_encrypted_response_alg
	id_token_encrypted_response_enc userinfo_signed_response_alg userinfo_encrypted_response_alg userinfo_encrypted_response_enc
	request_object_signing_alg request_object_encryption_alg request_object_encryption_enc token_endpoint_auth_signing_alg
	default_max_age require_auth_time default_acr_values initiate_login_uri request_uris

	post_logout_redirect_uris require_pushed_authorization_requests
	frontchannel_logout_uri frontchannel_logout_session_required backchannel_logout_uri backchannel_logout_session_required

	require_pkce default_prompt_login access_token_lifetime id_token_lifetime refresh_token_lifetime par_lifetime

	allowed_audiences

	tls_client_auth_subject_dn tls_client_auth_san_dns tls_client_auth_san_uri tls_client_auth_san_ip tls_client_auth_san_email
	tls_client_certificate_bound_access_tokens

	require_signed_request_object dpop_bound_access_tokens authorization_details_types
	introspection_signed_response_alg introspection_encrypted_response_alg introspection_encrypted_response_enc
	authorization_signed_response_alg authorization_encrypted_response_alg authorization_encrypted_response_enc
	backchannel_token_delivery_mode backchannel_client_notification_endpoint backchannel_authentication_request_signing_alg
	backchannel_user_code_parameter

	org_id groups description authorized_origins additional_audience claims include_claims_in_id_token
	keep_client_authorization_after_expiration access_token_as_jwt access_token_signing_alg
	tx_token_lifetime tx_token_signed_response_alg tx_token_encrypted_response_alg tx_token_encrypted_response_enc
	logout_status_jwt_signed_response_alg`)

func TestTableHasEveryStandardMember(t *testing.T) {
	var names []string
	for _, row := range metadata.Rows() {
		names = append(names, row.Name)
	}
	slices.Sort(names)
	want := slices.Sorted(slices.Values(standard))
	if !slices.Equal(names, want) {
		t.Errorf("table has %v\nwant %v", names, want)
	}
}

// RFC 7591 §2.2 names the human-readable members.
func TestTaggedMembers(t *testing.T) {
	var tagged []string
	for _, row := range metadata.Rows() {
		if row.Tagged {
			tagged = append(tagged, row.Name)
		}
	}
	if want := []string{"client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri"}; !slices.Equal(tagged, want) {
		t.Errorf("tagged = %v, want %v", tagged, want)
	}
}

func TestVisibleIsAllButTheStatement(t *testing.T) {
	visible := metadata.Visible()
	if len(visible) != len(metadata.Rows())-1 {
		t.Errorf("%d of %d rows are visible", len(visible), len(metadata.Rows()))
	}
	for _, row := range visible {
		if row.Name == "software_statement" {
			t.Error("policy sees the statement itself")
		}
	}
}

// good has a value that Set takes, and bad one of a wrong type, for each kind.
func good(row *metadata.Row) string {
	switch row.Kind {
	case metadata.Text, metadata.URI:
		return `"one"`
	case metadata.List, metadata.URIs:
		return `["one","two"]`
	case metadata.Scope:
		return `"openid email"`
	case metadata.Number:
		return `3600`
	case metadata.Flag:
		return `true`
	}
	return `{"keys":[]}`
}

func bad(row *metadata.Row) []string {
	switch row.Kind {
	case metadata.Text, metadata.URI, metadata.Scope:
		return []string{`7`, `true`, `["one"]`, `{"a":1}`}
	case metadata.List, metadata.URIs:
		return []string{`7`, `true`, `"one"`, `{"a":1}`, `["one",7]`, `[null]`, `["one","one"]`, `[""]`}
	case metadata.Number:
		return []string{`"7"`, `-1`, `1.5`, `1e3`, `99999999999999999999`, `true`, `[7]`, `{"a":1}`}
	case metadata.Flag:
		return []string{`"true"`, `1`, `0`, `["true"]`, `{"a":1}`}
	}
	return []string{`7`, `true`, `"x"`, `["one"]`}
}

func value(t *testing.T, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Stored)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// Every row: set, get, null and "" and absence remove, a wrong type is refused by name and changes nothing.
func TestEveryRow(t *testing.T) {
	for _, row := range metadata.Rows() {
		t.Run(row.Name, func(t *testing.T) {
			if row.Source == "" || row.Code == "" {
				t.Errorf("no source or code: %+v", row)
			}
			var m core.Metadata
			if !row.Get(&m).IsAbsent() {
				t.Errorf("a new client has it: %s", row.Get(&m))
			}
			want := value(t, good(row))
			for _, nothing := range []strictjson.Value{strictjson.Null(), strictjson.String(""), {}} {
				set(t, row, &m, want)
				if err := row.Set(&m, nothing); err != nil || !row.Get(&m).IsAbsent() {
					t.Errorf("set to %s: %v, then has %s", nothing, err, row.Get(&m))
				}
			}
			if changed := metadata.Changed(&m, &core.Metadata{}); changed != nil {
				t.Errorf("something was left behind: %v", changed)
			}
			set(t, row, &m, want)
			for _, text := range bad(row) {
				checkRefused(t, row, &m, text)
			}
			if !strictjson.Equal(row.Get(&m), want) {
				t.Errorf("a refused value changed it to %s", row.Get(&m))
			}
		})
	}
}

func set(t *testing.T, row *metadata.Row, m *core.Metadata, want strictjson.Value) {
	t.Helper()
	if err := row.Set(m, want); err != nil {
		t.Fatalf("set to %s: %v", want, err)
	}
	if got := row.Get(m); !strictjson.Equal(got, want) {
		t.Fatalf("set to %s, has %s", want, got)
	}
}

func checkRefused(t *testing.T, row *metadata.Row, m *core.Metadata, text string) {
	t.Helper()
	err := row.Set(m, value(t, text))
	if core.CodeOf(err) != row.Code || !strings.HasPrefix(core.AsError(err).Detail, row.Name+" ") {
		t.Errorf("%s: %v, want %s naming the member", text, err, row.Code)
	}
	if reasons := core.AsError(err).Reasons; len(reasons) != 1 || !slices.Equal(reasons[0].Fields, []string{row.Name}) || reasons[0].Code != row.Code || !reasons[0].Public {
		t.Errorf("%s: programs are told %+v", text, reasons)
	}
}

func TestTypedGetters(t *testing.T) {
	var m core.Metadata
	for _, row := range metadata.Rows() {
		set(t, row, &m, value(t, good(row)))
	}
	lookup := func(name string) *metadata.Row {
		row, ok := metadata.Lookup(name)
		if !ok {
			t.Fatalf("no row %s", name)
		}
		return row
	}
	if got := lookup("client_name").Text(&m); got != "one" {
		t.Errorf("Text = %q", got)
	}
	if got := lookup("scope").List(&m); !slices.Equal(got, []string{"openid", "email"}) {
		t.Errorf("List = %q", got)
	}
	if got := lookup("default_max_age").Number(&m); got != 3600 {
		t.Errorf("Number = %d", got)
	}
	if !lookup("require_auth_time").Flag(&m) {
		t.Error("Flag = false")
	}
	if lookup("default_max_age").Number(&core.Metadata{}) != 0 || lookup("require_auth_time").Flag(&core.Metadata{}) {
		t.Error("an absent number or flag is not zero")
	}
	for _, name := range []string{"Client_Name", "client_name ", "client_name#fr", ""} {
		if _, ok := metadata.Lookup(name); ok {
			t.Errorf("Lookup(%q) found a row", name)
		}
	}
}

// A value that this server cannot do is refused by the floor, naming it.
func TestUnsupportedValues(t *testing.T) {
	closed := map[string]string{}
	for _, row := range metadata.Rows() {
		if row.Values != nil {
			closed[row.Name] = strings.Join(row.Values, " ")
			if row.Supports("HS256") || !row.Supports(row.Values...) {
				t.Errorf("%s: Supports does not agree with %v", row.Name, row.Values)
			}
		} else if !row.Supports("anything") {
			t.Errorf("%s is open and does not support anything", row.Name)
		}
	}
	for name, values := range map[string]string{
		"token_endpoint_auth_method":      "client_secret_basic client_secret_post private_key_jwt none tls_client_auth self_signed_tls_client_auth",
		"grant_types":                     "authorization_code refresh_token client_credentials urn:openid:params:grant-type:ciba",
		"response_types":                  "code",
		"subject_type":                    "public pairwise",
		"application_type":                "web native",
		"id_token_encrypted_response_alg": "RSA-OAEP RSA-OAEP-256 ECDH-ES ECDH-ES+A128KW ECDH-ES+A192KW ECDH-ES+A256KW",
		"userinfo_encrypted_response_enc": "A128CBC-HS256 A192CBC-HS384 A256CBC-HS512 A128GCM A192GCM A256GCM",

		"request_object_encryption_enc":     "A128CBC-HS256 A192CBC-HS384 A256CBC-HS512 A128GCM A192GCM A256GCM",
		"authorization_signed_response_alg": "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519",
		"backchannel_token_delivery_mode":   "poll ping",
		"access_token_signing_alg":          "ES256",
	} {
		if got, ok := closed[name]; !ok || got != values {
			t.Errorf("%s supports %q, want %q", name, got, values)
		}
	}
	for name := range closed {
		row, _ := metadata.Lookup(name)
		var m core.Metadata
		v := strictjson.String("HS256")
		if row.Kind == metadata.List {
			v = strictjson.Strings([]string{"HS256"})
		}
		set(t, row, &m, v)
		if !slices.ContainsFunc(metadata.Floor(&m), func(r core.Reason) bool {
			return r.Code == core.InvalidClientMetadata && slices.Equal(r.Fields, []string{name}) && strings.Contains(r.Message, "HS256")
		}) {
			t.Errorf("%s: HS256 was not refused by name: %v", name, metadata.Floor(&m))
		}
	}
}

func TestLengthLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	many := make([]string, 201)
	for i := range many {
		many[i] = long(i + 1)
	}
	for _, test := range []struct {
		name string
		v    strictjson.Value
		ok   bool
	}{
		{"client_name", strictjson.String(long(4096)), true},
		{"client_name", strictjson.String(long(4097)), false},
		{"software_statement", strictjson.String(long(16384)), true},
		{"software_statement", strictjson.String(long(16385)), false},
		{"contacts", strictjson.Strings(many[:200]), true},
		{"contacts", strictjson.Strings(many), false},
		{"contacts", strictjson.Strings([]string{long(4097)}), false},
		{"jwks", strictjson.Object(strictjson.Member{Name: "k", Value: strictjson.String(long(16376))}), true},
		{"jwks", strictjson.Object(strictjson.Member{Name: "k", Value: strictjson.String(long(16377))}), false},
		{"scope", strictjson.String(long(256)), true},
		{"scope", strictjson.String(long(257)), false},
		{"scope", strictjson.String("a\tb"), false},
	} {
		row, _ := metadata.Lookup(test.name)
		var m core.Metadata
		if err := row.Set(&m, test.v); (err == nil) != test.ok || err != nil && core.CodeOf(err) != row.Code {
			t.Errorf("%s of %d bytes: %v", test.name, len(strictjson.Append(nil, test.v)), err)
		}
	}
}
