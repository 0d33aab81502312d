package registration_test

import (
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// FuzzRegister holds for whatever anybody sends that it is refused in the words of RFC 7591 §3.2.2, or makes a client that is as it
// is answered, above the floor, and that is made the same of its own answer: nothing is normalised twice.
func FuzzRegister(f *testing.F) {
	for _, doc := range []string{
		shop, `{"redirect_uris":["http://127.0.0.1/cb"],"application_type":"web"}`, `{"grant_types":["client_credentials"],"scope":""}`,
		`{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_methods_supported":["none"],"subject_type":"pairwise"}`,
		`{"redirect_uris":["https://a.example/cb"],"require_par":true,"client_name#fr":"x","response_types":["code"],"grant_types":["authorization_code","refresh_token"]}`,
		`{"redirect_uris":["https://a.example/cb"],"frontchannel_logout_uri":"https://a.example/out","par_lifetime":5,"team":[1]}`,
		`{"grant_types":["urn:openid:params:grant-type:ciba"],"backchannel_token_delivery_mode":"ping","backchannel_client_notification_endpoint":"https://a.example/n","jwks_uri":"https://a.example/k","subject_type":"pairwise","introspection_encrypted_response_alg":"RSA-OAEP"}`,
		`{"redirect_uris":["https://a.example/cb"],"dpop_bound_access_tokens":true,"request_object_encryption_alg":"ECDH-ES","authorization_details_types":["x"],"refreshTokenLifetime":5,"org_id":1}`,
		`{"redirect_uris":[],"grant_types":[],"response_types":[],"jwks":{"keys":[]},"client_profile":"default"}`,
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := strictjson.Parse([]byte(text), strictjson.Default)
		if err != nil {
			return
		}
		b := newBench(t, func(s *registration.Site) { s.CustomAttributes = []string{"team"} })
		answer, err := b.do(b.request(core.Register, core.ChannelOperator, "", doc.String()))
		if err != nil {
			switch e := core.AsError(err); e.Code {
			case core.InvalidClientMetadata, core.InvalidRedirectURI, core.InvalidScope, core.InvalidSoftwareStatement, core.UnapprovedSoftwareStmt, core.InvalidRequest:
			default:
				t.Fatalf("%s: %v", doc, err)
			}
			return
		}
		c := clientOf(answer)
		stored := b.stored(c.id).Client
		if floor := metadata.Floor(&stored.Metadata); len(floor) > 0 {
			t.Fatalf("%s is below the floor: %v", doc, floor)
		}
		for _, m := range metadata.Write(&stored.Metadata) {
			if said, _ := answer.Get(m.Name); !strictjson.Equal(said, m.Value) {
				t.Fatalf("%s of %s is %s and answered as %s", m.Name, doc, m.Value, said)
			}
		}
		if _, err := b.do(b.request(core.Update, core.ChannelOperator, c.id, c.put(t))); err != nil {
			t.Fatalf("%s: its own answer %s is refused: %v", doc, c.doc, err)
		}
		if again := b.stored(c.id).Client; len(metadata.Changed(&stored.Metadata, &again.Metadata)) > 0 || b.store.commits != 1 {
			t.Fatalf("%s is normalised again: %v", doc, metadata.Changed(&stored.Metadata, &again.Metadata))
		}
	})
}
