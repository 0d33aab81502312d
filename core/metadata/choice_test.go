package metadata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
)

// chosen parses a document, chooses, and gives the members that were chosen as "name=value".
func chosen(t *testing.T, doc string, offers func(member, value string) bool) ([]string, error) {
	t.Helper()
	req := parse(t, doc)
	names, err := metadata.Choose(&req.Metadata, req.Choices, offers)
	var list []string
	for _, name := range names {
		row, _ := metadata.Lookup(name)
		list = append(list, name+"="+row.Text(&req.Metadata))
	}
	return list, err
}

const aKey = `"jwks":{"keys":[{"kty":"OKP"}]}`

func TestChoose(t *testing.T) {
	for _, test := range []struct{ what, doc, want string }{
		{"nothing left open", `{"client_name":"x"}`, ""},
		{"null is nothing", `{"subject_types_supported":null}`, ""},
		{"the strongest way that it has the means for", `{"token_endpoint_auth_methods_supported":["none","client_secret_basic","private_key_jwt"],` + aKey + `}`, "token_endpoint_auth_method=private_key_jwt"},
		{"without a key", `{"token_endpoint_auth_methods_supported":["private_key_jwt","none"]}`, "token_endpoint_auth_method=none"},
		{"keys at an address", `{"token_endpoint_auth_methods_supported":["none","private_key_jwt"],"jwks_uri":"https://a.example/k"}`, "token_endpoint_auth_method=private_key_jwt"},
		{"a name in a certificate", `{"token_endpoint_auth_methods_supported":["client_secret_post","tls_client_auth"],"tls_client_auth_san_dns":"a.example"}`, "token_endpoint_auth_method=tls_client_auth"},
		{"without a name", `{"token_endpoint_auth_methods_supported":["client_secret_post","tls_client_auth"]}`, "token_endpoint_auth_method=client_secret_post"},
		{"what is not done here is passed over", `{"id_token_signing_alg_values_supported":["none","HS256","PS384","EdDSA","RS256"]}`, "id_token_signed_response_alg=EdDSA"},
		{"what was said stands", `{"subject_type":"public","subject_types_supported":["pairwise","public"]}`, ""},
		{"the proof's algorithm after the proof", `{"token_endpoint_auth_signing_alg_values_supported":["ES256"],"token_endpoint_auth_methods_supported":["private_key_jwt"],` + aKey + `}`,
			"token_endpoint_auth_method=private_key_jwt token_endpoint_auth_signing_alg=ES256"},
		{"who signs nothing needs no algorithm", `{"token_endpoint_auth_signing_alg_values_supported":["ES256"],"token_endpoint_auth_methods_supported":["none"]}`, "token_endpoint_auth_method=none"},
		{"what needs no value stays without", `{"userinfo_signing_alg_values_supported":["HS256"],"id_token_encryption_alg_values_supported":["RSA-OAEP"],"authorization_signing_alg_values_supported":["ES256"]}`, ""},
		{"of what nothing comes, nothing is chosen", `{"request_object_signing_alg_values_supported":["ES256"],"introspection_signing_alg_values_supported":["ES256"],"authorization_encryption_alg_values_supported":["RSA-OAEP"],` + aKey + `}`, ""},
		{"encrypted ID tokens", `{"id_token_encryption_alg_values_supported":["RSA1_5","ECDH-ES"],"id_token_encryption_enc_values_supported":["A256GCM"],` + aKey + `}`, "id_token_encrypted_response_alg=ECDH-ES id_token_encrypted_response_enc=A256GCM"},
		{"the content of what was said to be encrypted", `{"userinfo_encrypted_response_alg":"RSA-OAEP","userinfo_encryption_enc_values_supported":["A128GCM"],"jwks_uri":"https://a.example/k"}`, "userinfo_encrypted_response_enc=A128GCM"},
		{"the content of what is not encrypted", `{"userinfo_encryption_enc_values_supported":["A128GCM"],` + aKey + `}`, ""},
		{"signed userinfo", `{"userinfo_signing_alg_values_supported":["none","ES256"]}`, "userinfo_signed_response_alg=ES256"},
	} {
		got, err := chosen(t, test.doc, nil)
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, %v; want %s", test.what, got, err, test.want)
		}
	}
}

func TestChooseRefuses(t *testing.T) {
	for _, test := range []struct{ what, doc, want string }{
		{"a contradiction", `{"id_token_signed_response_alg":"RS256","id_token_signing_alg_values_supported":["ES256"]}`,
			`id_token_signed_response_alg is "RS256", which is not in id_token_signing_alg_values_supported; leave one of them out.`},
		{"a contradiction in what nothing comes of", `{"authorization_signed_response_alg":"PS256","authorization_signing_alg_values_supported":["ES256"]}`,
			`authorization_signed_response_alg is "PS256", which is not in authorization_signing_alg_values_supported; leave one of them out.`},
		{"nothing that is done here", `{"token_endpoint_auth_methods_supported":["client_secret_jwt"]}`,
			"token_endpoint_auth_methods_supported has nothing that can be chosen for this client; token_endpoint_auth_method can be one of: client_secret_basic"},
		{"nothing that it has the means for", `{"token_endpoint_auth_methods_supported":["private_key_jwt"]}`, "nothing that can be chosen for this client"},
	} {
		if _, err := chosen(t, test.doc, nil); core.CodeOf(err) != core.InvalidClientMetadata || !strings.Contains(core.AsError(err).Detail, test.want) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	for _, doc := range []string{`{"subject_types_supported":"public"}`, `{"subject_types_supported":[]}`, `{"subject_types_supported":[7]}`, `{"subject_types_supported":{"a":1}}`} {
		if _, err := metadata.Parse(value(t, doc), nil); core.CodeOf(err) != core.InvalidClientMetadata || !strings.HasPrefix(core.AsError(err).Detail, "subject_types_supported ") {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// Who calls may offer less than the server does, as for clients that are never registered.
func TestChooseAmongOffers(t *testing.T) {
	doc := `{"token_endpoint_auth_methods_supported":["client_secret_basic","private_key_jwt","none"],` + aKey + `}`
	public := func(member, value string) bool { return value == "none" }
	if got, err := chosen(t, doc, public); err != nil || !slices.Equal(got, []string{"token_endpoint_auth_method=none"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := chosen(t, doc, func(string, string) bool { return false }); core.CodeOf(err) != core.InvalidClientMetadata {
		t.Errorf("no offer: %v", err)
	}
}

// Choices are no members of a client: policy and plugins see them among the extra ones, and nobody takes their names.
func TestChoicesAreNotStored(t *testing.T) {
	req := parse(t, `{"subject_types_supported":["public"]}`)
	if len(metadata.Write(&req.Metadata)) > 0 || len(req.Extra) != 1 || req.Extra[0].Name != "subject_types_supported" || req.Choices[0].Of != "subject_type" {
		t.Errorf("%+v", req)
	}
	if !metadata.IsReserved("subject_types_supported") || metadata.IsReserved("acr_values_supported") {
		t.Error("the names of choices are not reserved")
	}
}
