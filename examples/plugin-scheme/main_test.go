package main

import (
	"testing"

	"github.com/ostiary/ostiary/sdk/go"
)

const configuration = `{"members":{"https://a.example":{"secret":"s"},"https://b.example":{"jwks":{"keys":[]}},"https://left.example":{"expelled":true}}}`

func TestScheme(t *testing.T) {
	if err := ostiary.SetUp(configuration); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ hook, input, want string }{
		{"software_statement_keys", `{"signed":{"claims":{"iss":"https://a.example"}}}`, `{"v":1,"action":"result","result":{"secret":"s"}}`},
		{"request_keys", `{"signed":{"claims":{"iss":"https://b.example"}}}`, `{"v":1,"action":"result","result":{"jwks":{"keys":[]}}}`},
		{"request_keys", `{"signed":{"claims":{"iss":"https://c.example"}}}`, `{"v":1,"action":"continue"}`},
		{"request_keys", `{"signed":{"claims":{"iss":"https://left.example"}}}`,
			`{"v":1,"action":"reject","error":{"code":"unapproved_software_statement","description":"The member has left the directory."}}`},
		{"mint_client_id", `{"context":{"software_statement":{"claims":{"software_id":"s-1"}}}}`, `{"v":1,"action":"result","result":{"client_id":"s-1"}}`},
		{"mint_client_id", `{}`, `{"v":1,"action":"continue"}`},
		{"certificate_check", `{"client":{"software_id":"s-1"},"certificate":{"subject":"CN=s-1,O=Bank"}}`, `{"v":1,"action":"continue"}`},
		{"certificate_check", `{"client":{"software_id":"s-1"},"certificate":{"subject":"CN=s-12"}}`,
			`{"v":1,"action":"reject","error":{"code":"invalid_client","description":"The certificate is not that of the software.","extra":{"certificate_subject":"CN=s-12"}}}`},
		{"token_claims", `{"client":{"software_id":"s-1"},"context":{"client_id":"s-1"},"token":{"subject":"s-1"}}`,
			`{"v":1,"action":"patch","patch":{"software_id":"s-1","subject_is_client":true}}`},
		{"pre_delete", `{"client":{"software_id":"s-1"},"context":{"caller":{"kind":"operator"}}}`, `{"v":1,"action":"continue"}`},
		{"pre_delete", `{"client":{"software_id":"s-1"}}`,
			`{"v":1,"action":"reject","error":{"code":"access_denied","description":"Software of the directory is removed by the directory's operators."}}`},
		{"post_update", `{}`, `{"v":1,"action":"patch","patch":{"directory_notice":"Tell the directory, too."}}`},
	} {
		if got, err := ostiary.Run(test.hook, []byte(test.input)); err != nil || string(got) != test.want {
			t.Errorf("%s %s\ngot  %s, %v\nwant %s", test.hook, test.input, got, err, test.want)
		}
	}
}
