package strictjson

import (
	"strings"
	"testing"
)

// registrationBody is a client registration as large clients send it, about 1.5 KB.
var registrationBody = []byte(`{
  "client_name": "Example Payments Portal",
  "client_name#de": "Beispiel-Zahlungsportal \u00fcber alles",
  "application_type": "web",
  "redirect_uris": ["https://portal.example.com/oauth/callback", "https://portal.example.com/oauth/silent", "https://staging.portal.example.com/oauth/callback"],
  "post_logout_redirect_uris": ["https://portal.example.com/signed-out"],
  "grant_types": ["authorization_code", "refresh_token"],
  "response_types": ["code"],
  "scope": "openid profile email address phone offline_access payments.read payments.write",
  "token_endpoint_auth_method": "private_key_jwt",
  "token_endpoint_auth_signing_alg": "ES256",
  "id_token_signed_response_alg": "RS256",
  "contacts": ["security@example.com", "platform@example.com"],
  "client_uri": "https://portal.example.com/",
  "logo_uri": "https://portal.example.com/static/logo.png",
  "tos_uri": "https://portal.example.com/terms",
  "policy_uri": "https://portal.example.com/privacy",
  "default_max_age": 3600,
  "require_auth_time": true,
  "jwks": {"keys": [
    {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "2024-portal-1", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
  ]},
  "software_id": "4NRB1-0XZABZI9E6-5SM3R",
  "software_version": "2.4.1"
}`)

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(registrationBody)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(registrationBody, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	v, err := Parse(registrationBody, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], v)
	}
}

func BenchmarkDecode(b *testing.B) {
	type key struct {
		Kty string `json:"kty"`
		Crv string `json:"crv"`
		X   string `json:"x"`
	}
	type record struct {
		Name    string            `json:"name"`
		URIs    []string          `json:"uris"`
		Uses    int64             `json:"uses"`
		Keys    []key             `json:"keys"`
		Labels  map[string]string `json:"labels"`
		Enabled bool              `json:"enabled"`
	}
	data := []byte(`{"name":"portal","uris":["https://a.example/cb","https://b.example/cb"],"uses":12,
		"keys":[{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("x", 43) + `"}],"labels":{"team":"pay"},"enabled":true}`)
	b.ReportAllocs()
	for b.Loop() {
		var r record
		if err := Decode(data, &r, Stored); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseManyMembers shows that names are found without quadratic time.
func BenchmarkParseManyMembers(b *testing.B) {
	object := roster{}
	for i := range 4000 {
		object.put("member-"+Int(int64(i)).String(), Null())
	}
	data := Append(nil, objectOf(object.members))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Parse(data, Stored); err != nil {
			b.Fatal(err)
		}
	}
}
