package metadata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
)

// What a client says of backchannel authentication must be whole (CIBA §4): each row is what it sends, and the rules that it breaks
// with the members that they name.
func TestBackchannelAuthentication(t *testing.T) {
	const (
		grant    = `"grant_types":["urn:openid:params:grant-type:ciba"]`
		other    = `"grant_types":["client_credentials"]`
		poll     = `"backchannel_token_delivery_mode":"poll"`
		ping     = `"backchannel_token_delivery_mode":"ping"`
		endpoint = `"backchannel_client_notification_endpoint":"https://a.example/ciba?x=1"`
		alg      = `"backchannel_authentication_request_signing_alg":"PS256"`
		code     = `"backchannel_user_code_parameter":true`
		pairwise = `"subject_type":"pairwise"`
		keys     = `"jwks":{"keys":[]}`
		keysAt   = `"jwks_uri":"https://a.example/keys"`

		noMode     = "backchannel_mode backchannel_token_delivery_mode grant_types"
		noGrant    = "backchannel_grant grant_types backchannel_token_delivery_mode"
		noEndpoint = "backchannel_endpoint backchannel_client_notification_endpoint backchannel_token_delivery_mode"
		noKeys     = "backchannel_keys jwks jwks_uri subject_type backchannel_token_delivery_mode"
		notMode    = "unsupported_value backchannel_token_delivery_mode"
		notAlg     = "unsupported_value backchannel_authentication_request_signing_alg"
	)
	for _, test := range []struct {
		sent []string
		want []string
	}{
		{[]string{other}, nil},
		{[]string{other, `"backchannel_user_code_parameter":false`}, nil},
		{[]string{grant, poll}, nil},
		{[]string{grant, poll, alg, code}, nil},
		{[]string{grant, poll, endpoint}, nil}, // nobody calls it
		{[]string{grant, ping, endpoint}, nil},
		{[]string{grant, ping, endpoint, alg, code, pairwise, keysAt}, nil},
		{[]string{`"grant_types":["urn:openid:params:grant-type:ciba","refresh_token"]`, poll}, nil},
		{[]string{`"grant_types":["authorization_code","urn:openid:params:grant-type:ciba"],"response_types":["code"],"redirect_uris":["https://a.example/cb"]`, poll}, nil},

		{[]string{grant}, []string{noMode}},
		{[]string{other, endpoint}, []string{noMode}},
		{[]string{other, alg}, []string{noMode}},
		{[]string{other, code}, []string{noMode}},
		{[]string{grant, endpoint, alg, code}, []string{noMode}},
		{[]string{grant, `"backchannel_token_delivery_mode":""`}, []string{noMode}},

		{[]string{grant, `"backchannel_token_delivery_mode":"push"`, endpoint}, []string{notMode}},
		{[]string{other, `"backchannel_token_delivery_mode":"push"`}, []string{notMode}},
		{[]string{grant, `"backchannel_token_delivery_mode":"Poll"`}, []string{notMode}},

		{[]string{other, poll}, []string{noGrant}},
		{[]string{poll}, []string{noGrant}},
		{[]string{other, ping, endpoint}, []string{noGrant}},
		{[]string{other, ping}, []string{noGrant, noEndpoint}},
		{[]string{grant, ping}, []string{noEndpoint}},

		{[]string{grant, poll, pairwise}, []string{noKeys}},
		{[]string{grant, ping, endpoint, pairwise}, []string{noKeys}},
		{[]string{grant, poll, pairwise, keys}, nil},
		{[]string{grant, poll, pairwise, keysAt}, nil},
		{[]string{grant, poll, `"subject_type":"public"`}, nil},
		{[]string{other, pairwise}, nil},

		{[]string{grant, poll, `"backchannel_authentication_request_signing_alg":"none"`}, []string{notAlg}},
		{[]string{grant, poll, `"backchannel_authentication_request_signing_alg":"HS256"`}, []string{notAlg}},
		{[]string{grant, ping, `"backchannel_client_notification_endpoint":"http://127.0.0.1/n"`}, []string{"uri.not_https backchannel_client_notification_endpoint"}},
		{[]string{grant, ping, `"backchannel_client_notification_endpoint":"https://u:p@a.example/n"`}, []string{"uri.userinfo backchannel_client_notification_endpoint"}},
		{[]string{grant, ping, `"backchannel_client_notification_endpoint":"com.example.app:/n"`}, []string{"uri.not_https backchannel_client_notification_endpoint"}},
	} {
		doc := "{" + strings.Join(test.sent, ",") + "}"
		m := parse(t, doc).Metadata
		var got []string
		for _, r := range metadata.Floor(&m) {
			got = append(got, strings.TrimPrefix(r.Rule, "floor.")+" "+strings.Join(r.Fields, " "))
			named := slices.ContainsFunc(r.Fields, func(f string) bool { return strings.Contains(r.Message, f) })
			if !r.Public || r.Code != core.InvalidClientMetadata || !named {
				t.Errorf("%s: %+v", doc, r)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", doc, got, test.want)
		}
	}
}

// The list of a sector has the address of the keys of who gets its names over the backchannel; of nobody else.
func TestSectorURIs(t *testing.T) {
	const at = `"redirect_uris":["https://a.example/cb"],"jwks_uri":"https://a.example/keys"`
	for doc, want := range map[string]string{
		`{"subject_type":"pairwise","backchannel_token_delivery_mode":"ping",` + at + `}`: "https://a.example/cb https://a.example/keys",
		`{"subject_type":"pairwise","backchannel_token_delivery_mode":"poll",` + at + `}`: "https://a.example/cb https://a.example/keys",
		`{"subject_type":"pairwise","backchannel_token_delivery_mode":"poll","jwks":{}}`:  "",
		`{"subject_type":"public","backchannel_token_delivery_mode":"poll",` + at + `}`:   "https://a.example/cb",
		`{"subject_type":"pairwise",` + at + `}`:                                          "https://a.example/cb",
	} {
		m := parse(t, doc).Metadata
		if got := strings.Join(metadata.SectorURIs(&m), " "); got != want || len(m.RedirectURIs) > 1 {
			t.Errorf("%s: %s", doc, got)
		}
	}
}
