package main

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/sdk/go"
)

func TestHarden(t *testing.T) {
	setUp(t, `{}`)
	for client, want := range map[string]string{
		`{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"client_secret_basic"}`: `{"v":1,"action":"patch","patch":{"token_endpoint_auth_method":"private_key_jwt",` +
			`"token_endpoint_auth_signing_alg":"PS256","id_token_signed_response_alg":"PS256","request_object_signing_alg":"PS256","require_pushed_authorization_requests":true},` +
			`"warnings":["token_endpoint_auth_method is private_key_jwt: FAPI 2.0 has no secrets."]}`,
		`{"token_endpoint_auth_method":"tls_client_auth","token_endpoint_auth_signing_alg":"ES256","id_token_signed_response_alg":"ES256",` +
			`"request_object_signing_alg":"ES256","require_pushed_authorization_requests":true}`: `{"v":1,"action":"continue"}`,
	} {
		if got := ask(t, client); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", client, got, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	setUp(t, `{}`)
	for client, want := range map[string]string{
		`{"redirect_uris":["http://localhost/cb"]}`:                                                 "invalid_redirect_uri",
		`{"redirect_uris":["com.example:/cb"]}`:                                                     "invalid_redirect_uri",
		`{"grant_types":["implicit"]}`:                                                              "has no implicit",
		`{"response_types":["code id_token"]}`:                                                      "only code",
		`{"token_endpoint_auth_method":"none"}`:                                                     "no public clients",
		`{"token_endpoint_auth_method":"private_key_jwt","id_token_signed_response_alg":"RS256"}`:   "RS256 is not one of",
		`{"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"none"}`: "none is not one of",
	} {
		if got := ask(t, client); !strings.Contains(got, `"action":"reject"`) || !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %q", client, got, want)
		}
	}
}

func TestAlgorithmIsConfigured(t *testing.T) {
	setUp(t, `{"algorithm":"ES256"}`)
	if got := ask(t, `{"token_endpoint_auth_method":"private_key_jwt"}`); !strings.Contains(got, `"id_token_signed_response_alg":"ES256"`) {
		t.Errorf("got %s", got)
	}
}

func ask(t *testing.T, client string) string {
	t.Helper()
	answer, err := ostiary.Run("pre_register", []byte(`{"hook":"pre_register","client":`+client+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func setUp(t *testing.T, configuration string) {
	t.Helper()
	preferred = "PS256"
	if err := ostiary.SetUp(configuration); err != nil {
		t.Fatal(err)
	}
}
