package metadata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// FuzzParse holds for whatever anybody sends: it is refused with a code of RFC 7591 §3.2.2 and the name of a member, or what is
// kept of it is written, and read again, as the same; nothing is kept that was not sent; choosing changes only what was open.
func FuzzParse(f *testing.F) {
	for _, doc := range []string{
		everything, `{}`, `[]`, `{"require_par":true,"require_pushed_authorization_requests":true}`, `{"backchannel_logout_uri":["https://a.example/"]}`,
		`{"token_endpoint_auth_methods_supported":["none","private_key_jwt"],"jwks":{"keys":[]},"id_token_signing_alg_values_supported":["ES256"]}`,
		`{"dpop_bound_access_tokens":false,"minimum_acr_level":-1}`, `{"client_name#":"x","client_name#fr#de":"y","department":{"a":[null]}}`,
		`{"access_token_lifetime":9223372036854775807,"par_lifetime":0}`, `{"subject_type":"pairwise","redirect_uris":["com.example.app:/cb","https://a.example/"]}`,
		`{"backchannel_token_delivery_mode":"ping","grant_types":["urn:openid:params:grant-type:ciba"],"backchannel_client_notification_endpoint":"https://a.example/n","backchannel_user_code_parameter":true,"subject_type":"pairwise","jwks_uri":"https://a.example/k"}`,
		`{"backchannel_token_delivery_mode":"push","backchannel_authentication_request_signing_alg":"none","refreshTokenLifetime":1,"refresh_token_lifetime":2}`,
		`{"authorization_signed_response_alg":"PS256","authorization_encrypted_response_enc":"A256GCM","authorization_signing_alg_values_supported":["ES256"],"introspection_encrypted_response_alg":"RSA-OAEP"}`,
		`{"require_signed_request_object":true,"dpop_bound_access_tokens":true,"authorization_details_types":["payment_initiation"],"access_token_as_jwt":false,"org_id":"x","department":1}`,
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := strictjson.Parse([]byte(text), strictjson.Default)
		if err != nil {
			return
		}
		req, err := metadata.Parse(doc, []string{"department"})
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkKept(t, doc, &req)
		for _, r := range metadata.Floor(&req.Metadata) {
			if len(r.Fields) == 0 || r.Message == "" {
				t.Fatalf("%s: %+v", doc, r)
			}
		}
		metadata.ForeignAmong(req.Extra)
		open := metadata.Clone(req.Metadata)
		chosen, err := metadata.Choose(&req.Metadata, req.Choices, nil)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if changed := metadata.Changed(&open, &req.Metadata); len(changed) != len(chosen) {
			t.Fatalf("chose %v and changed %v in %s", chosen, changed, doc)
		}
		for _, c := range req.Choices {
			if row, isRow := metadata.Lookup(c.Of); isRow && row.Text(&req.Metadata) != "" && !slices.Contains(c.Values, row.Text(&req.Metadata)) {
				t.Fatalf("%s is not in %s: %s", c.Of, c.Name, doc)
			}
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	e := core.AsError(err)
	known := []core.Code{core.InvalidClientMetadata, core.InvalidRedirectURI, core.InvalidScope, core.InvalidSoftwareStatement}
	if !slices.Contains(known, e.Code) || e.Detail == "" || len(e.Detail) > 1000 {
		t.Fatalf("refused with %s %q", e.Code, e.Detail)
	}
}

// checkKept holds that what was kept is what was sent, and that it is the same when it is written and read again.
func checkKept(t *testing.T, doc strictjson.Value, req *metadata.Request) {
	t.Helper()
	kept := metadata.Document(&req.Metadata)
	again, err := metadata.Parse(kept, []string{"department"})
	if err != nil || len(metadata.Changed(&req.Metadata, &again.Metadata)) > 0 || metadata.Document(&again.Metadata).String() != kept.String() {
		t.Fatalf("%s is kept as %s, which is read as %s, %v", doc, kept, metadata.Document(&again.Metadata), err)
	}
	for name := range kept.All() {
		if _, sent := doc.Get(name); !sent && name != "require_pushed_authorization_requests" && name != "refresh_token_lifetime" { // by another name
			t.Fatalf("%s was not sent in %s", name, doc)
		}
	}
	for _, name := range req.Present {
		if _, isKept := kept.Get(name); !isKept {
			t.Fatalf("%s is said to be present, and is not in %s", name, kept)
		}
	}
	for _, m := range req.Extra {
		if _, isKept := kept.Get(m.Name); isKept || strings.Contains(m.Name, "\x00") && len(m.Name) > 128 {
			t.Fatalf("%s is extra and kept in %s", m.Name, kept)
		}
	}
}
