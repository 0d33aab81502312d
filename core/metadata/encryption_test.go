package metadata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
)

// pairs are the members of encryption that belong together.
var pairs = []string{
	"id_token_encrypted_response", "userinfo_encrypted_response", "request_object_encryption", "introspection_encrypted_response",
	"authorization_encrypted_response", "tx_token_encrypted_response",
}

// What is filled in for a client goes with what it was filled in for; what the patch says itself stands, and is judged.
func TestPatchEndsEncryption(t *testing.T) {
	for _, of := range pairs {
		stored := parse(t, fmt.Sprintf(`{"client_name":"x","jwks_uri":"https://a.example/k","%s_alg":"RSA-OAEP"}`, of)).Metadata
		metadata.FillEncryptions(&stored)
		for patch, want := range map[string]string{
			`{"OF_alg":null}`:                            ``,
			`{"OF_alg":""}`:                              ``,
			`{"OF_alg":null,"OF_enc":null}`:              ``,
			`{"OF_alg":null,"OF_enc":"A256GCM"}`:         `"OF_enc":"A256GCM"`,
			`{"OF_alg":"ECDH-ES"}`:                       `"OF_alg":"ECDH-ES","OF_enc":"A128CBC-HS256"`,
			`{"client_name":"y"}`:                        `"OF_alg":"RSA-OAEP","OF_enc":"A128CBC-HS256"`,
			`{"OF_enc":null}`:                            `"OF_alg":"RSA-OAEP"`,
			`{"OF_alg":null,"userinfo_encrypted_x":"y"}`: ``,
		} {
			doc, err := metadata.Patched(&stored, value(t, strings.ReplaceAll(patch, "OF", of)))
			if err != nil {
				t.Fatal(err)
			}
			req, err := metadata.Parse(doc, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range metadata.Write(&req.Metadata) {
				if strings.HasPrefix(m.Name, of) {
					got = append(got, fmt.Sprintf("%q:%s", m.Name, m.Value))
				}
			}
			if want = strings.ReplaceAll(want, "OF", of); strings.Join(got, ",") != want {
				t.Errorf("%s, %s: %s, want %s", of, patch, got, want)
			}
		}
	}
}

// What the client encrypts to us needs no key of its own; all the others do.
func TestEncryptedTo(t *testing.T) {
	var m core.Metadata
	for _, of := range pairs {
		row, _ := metadata.Lookup(of + "_alg")
		set(t, row, &m, value(t, `"RSA-OAEP"`))
	}
	var asked []string
	for _, e := range metadata.EncryptedTo(&m) {
		if asked = append(asked, e.Member); e.Alg != "RSA-OAEP" || !metadata.NeedsRecipient(e.Member) {
			t.Errorf("%+v", e)
		}
	}
	if strings.Join(asked, " ") != "id_token_encrypted_response_alg userinfo_encrypted_response_alg introspection_encrypted_response_alg authorization_encrypted_response_alg tx_token_encrypted_response_alg" {
		t.Errorf("%v", asked)
	}
	for _, name := range []string{"request_object_encryption_alg", "id_token_encrypted_response_enc", "jwks"} {
		if metadata.NeedsRecipient(name) {
			t.Errorf("%s needs a key", name)
		}
	}
	if metadata.EncryptedTo(&core.Metadata{}) != nil {
		t.Error("nothing is asked for, and listed")
	}
}
