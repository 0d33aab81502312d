package metadata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// decided says of every member of Janssen's auth server (its registration page, RegisterRequestParam and the schema of its clients)
// what becomes of it here: it is a row, another name of one, names the registration itself, is refused unless it asks for nothing, is
// foreign, or is for plugins alone.
var decided = map[string]string{
	"row": `redirect_uris post_logout_redirect_uris request_uris initiate_login_uri
		response_types grant_types application_type require_pkce par_lifetime default_prompt_login authorization_details_types
		client_name logo_uri client_uri policy_uri tos_uri contacts jwks_uri jwks subject_type sector_identifier_uri
		access_token_lifetime id_token_lifetime dpop_bound_access_tokens
		id_token_signed_response_alg id_token_encrypted_response_alg id_token_encrypted_response_enc
		userinfo_signed_response_alg userinfo_encrypted_response_alg userinfo_encrypted_response_enc
		request_object_signing_alg request_object_encryption_alg request_object_encryption_enc
		authorization_signed_response_alg authorization_encrypted_response_alg authorization_encrypted_response_enc
		introspection_signed_response_alg introspection_encrypted_response_alg introspection_encrypted_response_enc
		token_endpoint_auth_method token_endpoint_auth_signing_alg tls_client_auth_subject_dn
		default_max_age require_auth_time default_acr_values scope
		frontchannel_logout_uri frontchannel_logout_session_required backchannel_logout_uri backchannel_logout_session_required
		backchannel_token_delivery_mode backchannel_client_notification_endpoint backchannel_authentication_request_signing_alg
		backchannel_user_code_parameter software_id software_version software_statement
		authorized_origins org_id groups description access_token_as_jwt access_token_signing_alg additional_audience claims
		keep_client_authorization_after_expiration tx_token_lifetime tx_token_signed_response_alg tx_token_encrypted_response_alg
		tx_token_encrypted_response_enc logout_status_jwt_signed_response_alg`,
	"other name": `require_par refreshTokenLifetime includeClaimsInIdToken jansInclClaimsInIdTkn`,
	"control":    `client_id client_secret registration_access_token registration_client_uri client_id_issued_at client_secret_expires_at`,
	"refused": `claims_redirect_uri redirect_uris_regex public_subject_identifier_attribute rpt_as_jwt
		run_introspection_script_before_jwt_creation additional_token_endpoint_auth_methods id_token_token_binding_cnf
		authorized_acr_values minimum_acr_level minimum_acr_level_autoresolve minimum_acr_priority_list
		allow_spontaneous_scopes spontaneous_scopes spontaneous_scope_script_dns update_token_script_dns post_authn_script_dns
		consent_gathering_script_dns introspection_script_dns rpt_claims_script_dns ropc_script_dns token_exchange_script_dns
		logout_status_jwt_script_dns`,
	"foreign": `dn inum trustedClient persistClientAuthorizations lastAccessTime lastLogonTime disabled deletable expirationDate
		customAttributes customObjectClasses jansId ttl`,
	"plugins": `evidence lifetime`, // lifetime is read by registration (TestLifetimeOfARequest), evidence by whoever demands it (HOOKS.md)
}

// No member that clients of Janssen's send is unknown: a word was said on each.
func TestEveryMemberOfJanssensIsDecided(t *testing.T) {
	listed := func(list []metadata.Missing, name string) bool {
		return slices.ContainsFunc(list, func(m metadata.Missing) bool { return m.Name == name })
	}
	for what, names := range decided {
		for _, name := range strings.Fields(names) {
			_, row := metadata.Lookup(name)
			refused, foreign, reserved := listed(metadata.Unbuilt(), name), listed(metadata.Foreign(), name), metadata.IsReserved(name)
			want := map[string][4]bool{
				"row": {true, false, false, true}, "other name": {false, false, false, true}, "control": {false, false, false, true},
				"refused": {false, true, false, true}, "foreign": {false, false, true, false}, "plugins": {},
			}[what]
			if got := [4]bool{row, refused, foreign, reserved}; got != want {
				t.Errorf("%s is said to be %s, and it is a row, refused, foreign, reserved: %v", name, what, got)
			}
		}
	}
	for what, list := range map[string][]metadata.Missing{"refused": metadata.Unbuilt(), "foreign": metadata.Foreign()} {
		for _, m := range list {
			if !slices.Contains(strings.Fields(decided[what]), m.Name) {
				t.Errorf("%s is %s, and Janssen's has no such member", m.Name, what)
			}
		}
	}
}

// A foreign member is told when it asks for something; it is the operator's where the operator wants it.
func TestForeignMembers(t *testing.T) {
	for doc, want := range map[string]string{
		`{"inum":"x","unknown":1,"customObjectClasses":["a"]}`: "inum customObjectClasses", `{"disabled":true}`: "disabled",
		`{"disabled":false,"dn":"","lastLogonTime":null,"customAttributes":[],"ttl":0}`: "", `{"ttl":60}`: "ttl",
	} {
		req := parse(t, doc)
		var got []string
		for _, m := range metadata.ForeignAmong(req.Extra) {
			got = append(got, m.Name)
		}
		if strings.Join(got, " ") != want || len(metadata.Write(&req.Metadata)) > 0 {
			t.Errorf("%s: %v, want %s; kept %s", doc, got, want, metadata.Document(&req.Metadata))
		}
	}
	req := parse(t, `{"inum":{"a":1}}`, "inum")
	if len(metadata.ForeignAmong(req.Extra)) > 0 || metadata.Document(&req.Metadata).String() != `{"inum":{"a":1}}` {
		t.Errorf("the operator's: %+v", req)
	}
	if changed := metadata.Changed(&core.Metadata{}, &req.Metadata); !slices.Equal(changed, []string{"inum"}) {
		t.Errorf("changed %v", changed)
	}
}

// What describes a client, and what this server does anyway, is kept and answered without a word; of what else it is asked for in
// vain it tells; and what has no sense is refused by its name.
func TestMembersOfJanssens(t *testing.T) {
	for doc, want := range map[string]string{
		`{"org_id":"o-1","groups":["a","b"],"description":"Books rooms."}`:                                   "",
		`{"access_token_as_jwt":true,"access_token_signing_alg":"ES256","include_claims_in_id_token":false}`: "",
		`{"access_token_as_jwt":false}`: "access_token_as_jwt",
		`{"authorized_origins":["https://app.example","http://localhost:3000"],"additional_audience":["x"]}`:                          "authorized_origins additional_audience",
		`{"claims":"name email","include_claims_in_id_token":true}`:                                                                   "include_claims_in_id_token claims",
		`{"keep_client_authorization_after_expiration":true}`:                                                                         "keep_client_authorization_after_expiration",
		`{"tx_token_lifetime":60,"tx_token_signed_response_alg":"PS256"}`:                                                             "tx_token_lifetime tx_token_signed_response_alg",
		`{"jwks_uri":"https://a.example/k","tx_token_encrypted_response_alg":"RSA-OAEP","tx_token_encrypted_response_enc":"A256GCM"}`: "tx_token_encrypted_response_alg tx_token_encrypted_response_enc",
		`{"logout_status_jwt_signed_response_alg":"ES384"}`:                                                                           "logout_status_jwt_signed_response_alg",
		`{"tx_token_lifetime":0,"groups":[],"keep_client_authorization_after_expiration":false}`:                                      "",
	} {
		req := parse(t, doc)
		var got []string
		for _, m := range metadata.AskedInVain(&core.Metadata{}, &req.Metadata) {
			got = append(got, m.Name)
		}
		if strings.Join(got, " ") != want || len(req.Extra) > 0 || !strictjson.Equal(metadata.Document(&req.Metadata), value(t, doc)) {
			t.Errorf("%s: %v, want %s; kept %s", doc, got, want, metadata.Document(&req.Metadata))
		}
		if found := metadata.Floor(&req.Metadata); found != nil {
			t.Errorf("%s: %+v", doc, found)
		}
	}
	for doc, want := range map[string]string{
		`{"authorized_origins":["https://app.example/"]}`:  `authorized_origins: "https://app.example/" is no origin as browsers send it, such as https://app.example.com or http://localhost:3000.`,
		`{"authorized_origins":["*"]}`:                     `authorized_origins: "*" is no origin as browsers send it, such as https://app.example.com or http://localhost:3000.`,
		`{"access_token_signing_alg":"RS256"}`:             `access_token_signing_alg "RS256" is not supported; use one of: ES256.`,
		`{"description":"a\u202eb"}`:                       `description has a control character; remove it.`,
		`{"tx_token_encrypted_response_enc":"A256GCM"}`:    `tx_token_encrypted_response_enc says nothing without tx_token_encrypted_response_alg: send both, or neither.`,
		`{"tx_token_encrypted_response_alg":"RSA-OAEP"}`:   `tx_token_encrypted_response_alg needs jwks or jwks_uri, with the key to encrypt to.`,
		`{"logout_status_jwt_signed_response_alg":"none"}`: `logout_status_jwt_signed_response_alg "none" is not supported; use one of: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519.`,
	} {
		req := parse(t, doc)
		if found := metadata.Floor(&req.Metadata); len(found) != 1 || found[0].Message != want {
			t.Errorf("%s: %+v, want %s", doc, found, want)
		}
	}
}

// What was a custom attribute when it was stored is one still, though its name is a member's today, and whatever its value is.
func TestStoredUnderANameThatIsTaken(t *testing.T) {
	doc := value(t, `{"client_name":"A","org_id":{"a":1},"claims":["b"],"client_secret":7}`)
	req, err := metadata.ParseStored(doc, []string{"org_id", "claims", "client_secret"})
	if err != nil || !strictjson.Equal(metadata.Document(&req.Metadata), doc) || req.Metadata.OrgID != "" || len(req.Metadata.Custom) != 3 {
		t.Errorf("%+v, %v", req, err)
	}
	if _, err := metadata.Parse(doc, []string{"org_id"}); core.CodeOf(err) != core.InvalidClientMetadata {
		t.Errorf("as a request: %v", err)
	}
	// A rule may give it the member beside: then that is what it has, once, and what is stored can be read again.
	moved := metadata.Clone(req.Metadata)
	moved.OrgID = "o"
	if got := metadata.Document(&moved); !strictjson.Equal(got, value(t, `{"client_name":"A","org_id":"o","claims":["b"],"client_secret":7}`)) {
		t.Errorf("beside the member: %s", got)
	}
	for range 2 {
		if steps := metadata.Patch(&req.Metadata, &moved, metadata.Changed(&req.Metadata, &moved)); len(steps) != 1 || steps[0].Op != "replace" || steps[0].Path != "/org_id" {
			t.Errorf("moved: %+v", steps)
		}
		delete(moved.Custom, "org_id") // as of a request
	}
}
