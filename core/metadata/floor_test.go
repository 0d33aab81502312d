package metadata_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
)

// What policy may never allow, each with the code of RFC 7591 §3.2.2 that fits and the member at fault.
func TestFloor(t *testing.T) {
	for name, test := range map[string]struct {
		doc  string
		want []string // "code rule first-field"
	}{
		"nothing at all":         {`{}`, nil},
		"a good web client":      {`{"redirect_uris":["https://a.example/cb"],"grant_types":["authorization_code"],"response_types":["code"],"scope":"openid"}`, nil},
		"a good service":         {`{"grant_types":["client_credentials"],"response_types":[],"token_endpoint_auth_method":"private_key_jwt"}`, nil},
		"a native client":        {`{"redirect_uris":["http://127.0.0.1/cb","com.example.app:/cb","http://[::1]:7/cb","http://localhost/cb"]}`, nil},
		"fragment":               {`{"redirect_uris":["https://a.example/cb#x"]}`, []string{"invalid_redirect_uri floor.uri.fragment redirect_uris"}},
		"userinfo":               {`{"redirect_uris":["https://u@a.example/"]}`, []string{"invalid_redirect_uri floor.uri.userinfo redirect_uris"}},
		"wildcard":               {`{"redirect_uris":["https://*.a.example/"]}`, []string{"invalid_redirect_uri floor.uri.wildcard_host redirect_uris"}},
		"script":                 {`{"redirect_uris":["javascript:alert(1)"]}`, []string{"invalid_redirect_uri floor.uri.dangerous_scheme redirect_uris"}},
		"http to the world":      {`{"redirect_uris":["http://a.example/"]}`, []string{"invalid_redirect_uri floor.uri.http_non_loopback redirect_uris"}},
		"each bad one":           {`{"redirect_uris":["https://a.example/#x","https://b.example/","https://u@c.example/"]}`, []string{"invalid_redirect_uri floor.uri.fragment redirect_uris", "invalid_redirect_uri floor.uri.userinfo redirect_uris"}},
		"script after logout":    {`{"post_logout_redirect_uris":["javascript:alert(1)"]}`, []string{"invalid_client_metadata floor.uri.dangerous_scheme post_logout_redirect_uris"}},
		"native after logout":    {`{"post_logout_redirect_uris":["com.example.app:/bye"]}`, nil},
		"no redirect":            {`{"grant_types":["authorization_code"],"response_types":["code"]}`, []string{"invalid_redirect_uri floor.redirect_uris_needed redirect_uris"}},
		"page over http":         {`{"client_uri":"http://a.example/"}`, []string{"invalid_client_metadata floor.uri.http_non_loopback client_uri"}},
		"page is a script":       {`{"tos_uri":"javascript:alert(1)"}`, []string{"invalid_client_metadata floor.uri.dangerous_scheme tos_uri", "invalid_client_metadata floor.uri.not_https tos_uri"}},
		"page in French too":     {`{"tos_uri#fr":"javascript:alert(1)"}`, []string{"invalid_client_metadata floor.uri.dangerous_scheme tos_uri#fr", "invalid_client_metadata floor.uri.not_https tos_uri#fr"}},
		"name with a newline":    {`{"client_name":"a\nb"}`, []string{"invalid_client_metadata floor.control_character client_name"}},
		"and in French":          {`{"client_name#fr":"a\u2028b"}`, []string{"invalid_client_metadata floor.control_character client_name#fr"}},
		"name read backwards":    {`{"client_name":"\u202eelgoog"}`, []string{"invalid_client_metadata floor.control_character client_name"}},
		"an isolate in it":       {`{"client_name#he":"a\u2067b"}`, []string{"invalid_client_metadata floor.control_character client_name#he"}},
		"contact with an escape": {`{"contacts":["ok","a\u001bb"]}`, []string{"invalid_client_metadata floor.control_character contacts"}},
		"a space without width":  {`{"client_name":"Goo\u200bgle"}`, []string{"invalid_client_metadata floor.invisible_character client_name"}},
		"text for programs only": {`{"client_name#en":"a\udb40\udc41"}`, []string{"invalid_client_metadata floor.invisible_character client_name#en"}},
		"a filler of Hangul":     {`{"contacts":["a\u3164b"]}`, []string{"invalid_client_metadata floor.invisible_character contacts"}},
		"a name in no dots":      {`{"client_name":"\u2800 \u2800"}`, []string{"invalid_client_metadata floor.blank client_name"}},
		"a blank name":           {`{"client_name":"\u00a0\u3000 "}`, []string{"invalid_client_metadata floor.blank client_name"}},
		"nothing but a joiner":   {`{"client_name#fa":"\u200c"}`, []string{"invalid_client_metadata floor.invisible_character client_name#fa"}},
		"scripts with joiners":   {`{"client_name#fa":"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645","client_name":"\ud83d\udc69\u200d\ud83d\ude80 app"}`, nil},
		"keys over http":         {`{"jwks_uri":"http://localhost/k"}`, []string{"invalid_client_metadata floor.uri.not_https jwks_uri"}},
		"no certificate name":    {`{"token_endpoint_auth_method":"tls_client_auth"}`, []string{"invalid_client_metadata floor.certificate_name tls_client_auth_subject_dn"}},
		"two of them":            {`{"token_endpoint_auth_method":"tls_client_auth","tls_client_auth_san_dns":"a.example","tls_client_auth_san_ip":"192.0.2.1"}`, []string{"invalid_client_metadata floor.certificate_name tls_client_auth_subject_dn"}},
		"one":                    {`{"token_endpoint_auth_method":"tls_client_auth","tls_client_auth_subject_dn":"CN=a,C=DE"}`, nil},
		"no DN":                  {`{"tls_client_auth_subject_dn":"a"}`, []string{"invalid_client_metadata floor.certificate_name tls_client_auth_subject_dn"}},
		"no IP":                  {`{"tls_client_auth_san_ip":"a"}`, []string{"invalid_client_metadata floor.certificate_name tls_client_auth_subject_dn"}},
		"no certificate's key":   {`{"token_endpoint_auth_method":"self_signed_tls_client_auth"}`, []string{"invalid_client_metadata floor.certificate_keys token_endpoint_auth_method"}},
		"two key sources":        {`{"jwks":{"keys":[]},"jwks_uri":"https://a.example/k"}`, []string{"invalid_client_metadata floor.one_key_source jwks"}},
		"response, no grant":     {`{"grant_types":["client_credentials"],"response_types":["code"]}`, []string{"invalid_client_metadata floor.response_types_need_grant response_types"}},
		"grant, no response":     {`{"redirect_uris":["https://a.example/"],"grant_types":["authorization_code"]}`, []string{"invalid_client_metadata floor.response_types_need_grant response_types"}},
		"public service":         {`{"token_endpoint_auth_method":"none","grant_types":["client_credentials"]}`, []string{"invalid_client_metadata floor.public_client_grants token_endpoint_auth_method"}},
		"refresh alone":          {`{"grant_types":["refresh_token"]}`, []string{"invalid_client_metadata floor.refresh_alone grant_types"}},
		"symmetric signature":    {`{"id_token_signed_response_alg":"HS256"}`, []string{"invalid_client_metadata floor.unsupported_value id_token_signed_response_alg"}},
		"no signature":           {`{"id_token_signed_response_alg":"none"}`, []string{"invalid_client_metadata floor.unsupported_value id_token_signed_response_alg"}},
		"shared-secret JWT":      {`{"token_endpoint_auth_method":"client_secret_jwt"}`, []string{"invalid_client_metadata floor.unsupported_value token_endpoint_auth_method"}},
		"password grant":         {`{"grant_types":["password","client_credentials"]}`, []string{"invalid_client_metadata floor.unsupported_value grant_types"}},
		"encrypted answers":      {`{"jwks_uri":"https://a.example/k","id_token_encrypted_response_alg":"RSA-OAEP","id_token_encrypted_response_enc":"A256GCM","userinfo_encrypted_response_alg":"ECDH-ES+A128KW"}`, nil},
		"answers to nobody":      {`{"id_token_encrypted_response_alg":"RSA-OAEP","userinfo_encrypted_response_alg":"ECDH-ES"}`, []string{"invalid_client_metadata floor.encryption_keys id_token_encrypted_response_alg", "invalid_client_metadata floor.encryption_keys userinfo_encrypted_response_alg"}},
		"answers by a secret":    {`{"jwks_uri":"https://a.example/k","id_token_encrypted_response_alg":"A128KW","userinfo_encrypted_response_alg":"dir"}`, []string{"invalid_client_metadata floor.unsupported_value id_token_encrypted_response_alg", "invalid_client_metadata floor.unsupported_value userinfo_encrypted_response_alg"}},
		"contents of no answer":  {`{"id_token_encrypted_response_enc":"A256GCM","userinfo_encrypted_response_enc":"A128GCM"}`, []string{"invalid_client_metadata floor.encryption id_token_encrypted_response_enc", "invalid_client_metadata floor.encryption userinfo_encrypted_response_enc"}},
		"pairwise":               {`{"subject_type":"pairwise","redirect_uris":["https://a.example/cb","https://A.example:8443/cb"]}`, nil},
		"pairwise, no person":    {`{"subject_type":"pairwise"}`, nil},
		"pairwise, two hosts":    {`{"subject_type":"pairwise","redirect_uris":["https://a.example/cb","https://b.example/cb"]}`, []string{"invalid_redirect_uri floor.pairwise_sector redirect_uris"}},
		"pairwise, one sector":   {`{"subject_type":"pairwise","redirect_uris":["https://a.example/cb","https://b.example/cb"],"sector_identifier_uri":"https://c.example/s.json"}`, nil},
		"pairwise program":       {`{"subject_type":"pairwise","redirect_uris":["com.example.app:/cb"]}`, []string{"invalid_redirect_uri floor.pairwise_sector redirect_uris"}},
		"pairwise loopback":      {`{"subject_type":"pairwise","redirect_uris":["http://127.0.0.1/cb"]}`, []string{"invalid_redirect_uri floor.pairwise_sector redirect_uris"}},
		"call to no host of it":  {`{"redirect_uris":["com.evil.app://b.example/cb"],"backchannel_logout_uri":"https://b.example/out"}`, []string{"invalid_client_metadata floor.backchannel_logout backchannel_logout_uri"}},
		"pairwise disguise":      {`{"subject_type":"pairwise","redirect_uris":["https://a.example/cb","com.evil.app://a.example/cb"]}`, []string{"invalid_redirect_uri floor.pairwise_sector redirect_uris"}},
		"pairwise mixture":       {`{"subject_type":"pairwise","redirect_uris":["com.example.app:/cb","https://a.example/cb"]}`, []string{"invalid_redirect_uri floor.pairwise_sector redirect_uris"}},
		"sector over http":       {`{"sector_identifier_uri":"http://localhost/s.json"}`, []string{"invalid_client_metadata floor.uri.not_https sector_identifier_uri"}},
		"another subject type":   {`{"subject_type":"secret"}`, []string{"invalid_client_metadata floor.unsupported_value subject_type"}},
		"proof of a key":         {`{"token_endpoint_auth_method":"private_key_jwt","token_endpoint_auth_signing_alg":"PS512"}`, nil},
		"no lifetime at all":     {`{"access_token_lifetime":0,"id_token_lifetime":1}`, []string{"invalid_client_metadata floor.out_of_bounds access_token_lifetime"}},
		"pushed for an hour":     {`{"par_lifetime":3600}`, []string{"invalid_client_metadata floor.out_of_bounds par_lifetime"}},
		"pushed for no time":     {`{"par_lifetime":4}`, []string{"invalid_client_metadata floor.out_of_bounds par_lifetime"}},
		"pushed for ten minutes": {`{"par_lifetime":600}`, nil},
		"logout at home":         {`{"redirect_uris":["https://a.example:443/cb"],"frontchannel_logout_uri":"https://a.example/out","backchannel_logout_uri":"https://a.example:8443/out","backchannel_logout_session_required":true}`, nil},
		"logout elsewhere":       {`{"redirect_uris":["https://a.example/cb"],"frontchannel_logout_uri":"https://a.example:8443/out","backchannel_logout_uri":"https://b.example/out"}`, []string{"invalid_client_metadata floor.frontchannel_logout frontchannel_logout_uri", "invalid_client_metadata floor.backchannel_logout backchannel_logout_uri"}},
		"logout over http":       {`{"redirect_uris":["https://a.example/cb"],"frontchannel_logout_uri":"http://a.example/out"}`, []string{"invalid_client_metadata floor.uri.http_non_loopback frontchannel_logout_uri", "invalid_client_metadata floor.frontchannel_logout frontchannel_logout_uri"}},
		"logout at a script":     {`{"redirect_uris":["com.example.app:/cb"],"backchannel_logout_uri":"com.example.app:/out"}`, []string{"invalid_client_metadata floor.uri.not_https backchannel_logout_uri", "invalid_client_metadata floor.backchannel_logout backchannel_logout_uri"}},
		"a session of nothing":   {`{"frontchannel_logout_session_required":true,"backchannel_logout_session_required":true}`, []string{"invalid_client_metadata floor.frontchannel_logout frontchannel_logout_uri", "invalid_client_metadata floor.backchannel_logout backchannel_logout_uri"}},
		"public CIBA":            {`{"token_endpoint_auth_method":"none","grant_types":["urn:openid:params:grant-type:ciba"],"backchannel_token_delivery_mode":"poll"}`, []string{"invalid_client_metadata floor.public_client_grants token_endpoint_auth_method"}},
		"unsigned answers":       {`{"authorization_signed_response_alg":"none","introspection_signed_response_alg":"HS512"}`, []string{"invalid_client_metadata floor.unsupported_value introspection_signed_response_alg", "invalid_client_metadata floor.unsupported_value authorization_signed_response_alg"}},
		"shared-key encryption":  {`{"jwks":{"keys":[]},"authorization_encrypted_response_alg":"dir","introspection_encrypted_response_alg":"RSA1_5"}`, []string{"invalid_client_metadata floor.unsupported_value introspection_encrypted_response_alg", "invalid_client_metadata floor.unsupported_value authorization_encrypted_response_alg"}},
		"encryption to a key":    {`{"jwks_uri":"https://a.example/k","authorization_encrypted_response_alg":"RSA-OAEP-256","authorization_encrypted_response_enc":"A256GCM","introspection_encrypted_response_alg":"ECDH-ES","request_object_encryption_alg":"RSA-OAEP"}`, nil},
		"encryption to nobody":   {`{"introspection_encrypted_response_alg":"RSA-OAEP","authorization_encrypted_response_alg":"ECDH-ES"}`, []string{"invalid_client_metadata floor.encryption_keys introspection_encrypted_response_alg", "invalid_client_metadata floor.encryption_keys authorization_encrypted_response_alg"}},
		"encryption of what":     {`{"authorization_encrypted_response_enc":"A256GCM","introspection_encrypted_response_enc":"A128GCM","request_object_encryption_enc":"A128CBC-HS256"}`, []string{"invalid_client_metadata floor.encryption request_object_encryption_enc", "invalid_client_metadata floor.encryption introspection_encrypted_response_enc", "invalid_client_metadata floor.encryption authorization_encrypted_response_enc"}},
		"encryption by a word":   {`{"jwks_uri":"https://a.example/k","authorization_encrypted_response_alg":"RSA-OAEP","authorization_encrypted_response_enc":"A1"}`, []string{"invalid_client_metadata floor.unsupported_value authorization_encrypted_response_enc"}},
		"promises":               {`{"require_signed_request_object":true,"dpop_bound_access_tokens":true,"authorization_details_types":["payment_initiation"]}`, nil},
		"implicit":               {`{"response_types":["token"]}`, []string{"invalid_client_metadata floor.unsupported_value response_types"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, test.doc).Metadata
			var got []string
			for _, r := range metadata.Floor(&m) {
				got = append(got, string(r.Code)+" "+r.Rule+" "+r.Fields[0])
				if !r.Public || r.Message == "" {
					t.Errorf("a floor reason must speak to the caller: %+v", r)
				}
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("floor says %q\nwant %q", got, test.want)
			}
		})
	}
}

// Who asks for a flow of before is told what there is in its place, and who asks for nothing known is not.
func TestFlowsOfBefore(t *testing.T) {
	const code = ` is not supported; use one of: code.`
	const instead = ` A browser brings a code and no tokens (RFC 9700 section 2.1.2): send ["code"], and take the ID token from the token endpoint.`
	for doc, want := range map[string]string{
		`{"response_types":["code id_token"]}`:                                `response_types "code id_token"` + code + instead,
		`{"response_types":["id_token code token"]}`:                          `response_types "id_token code token"` + code + instead,
		`{"response_types":["none"]}`:                                         `response_types "none"` + code,
		`{"response_types":["cod"]}`:                                          `response_types "cod"` + code,
		`{"redirect_uris":["https://a.example/"],"grant_types":["implicit"]}`: `: send authorization_code.`,
		`{"grant_types":["password"]}`:                                        `A client must not see passwords (RFC 9700 section 2.4): send authorization_code, and people sign in here.`,
		`{"grant_types":["urn:x"]}`:                                           `use one of: authorization_code, refresh_token, client_credentials, urn:openid:params:grant-type:ciba.`,
	} {
		m := parse(t, doc).Metadata
		found := metadata.Floor(&m)
		if len(found) != 1 || !strings.HasSuffix(found[0].Message, want) {
			t.Errorf("%s: %v", doc, found)
		}
	}
}

// A complaint quotes no more than a piece of what was sent.
func TestFloorQuotesLittle(t *testing.T) {
	m := core.Metadata{RedirectURIs: []string{"https://a.example/" + strings.Repeat("x", 1900) + "#f"}, SubjectType: strings.Repeat("y", 4000)}
	for _, r := range metadata.Floor(&m) {
		if len(r.Message) > 500 {
			t.Errorf("%s has a message of %d bytes", r.Rule, len(r.Message))
		}
	}
}

// A password that stands in an address is quoted nowhere: refusals are answered, and kept.
func TestPasswordsInAddressesAreNotQuoted(t *testing.T) {
	for raw, quoted := range map[string]string{
		"https://ann:pass word@a.example/cb": `"https://...@a.example/cb"`, "https://ann:p@ss@a.example": `"https://...@a.example"`,
		"http://ann@a.example?to=b@c#x": `"http://...@a.example?to=b@c#x"`, "http://a.example/b@c": `"http://a.example/b@c"`, "mailto:ann@a.example": `"mailto:ann@a.example"`,
		"https:ann:pass@a.example/cb": `"https:...@a.example/cb"`, `HTTPS:\\ann:pass@a.example/cb`: `"HTTPS:\\\\...@a.example/cb"`, "https:/ann@a.example": `"https:/...@a.example"`,
		"//ann:pass@a.example": `"//...@a.example"`, "ann:pass//word@a.example": `"ann:pass//word@a.example"`,
	} {
		found := metadata.Floor(&core.Metadata{JWKSURI: raw})
		for _, reason := range found {
			if strings.HasPrefix(reason.Rule, "floor.uri.") && !strings.Contains(reason.Message, quoted+" ") {
				t.Errorf("%s: %s", raw, reason.Message)
			}
		}
		if len(found) == 0 {
			t.Errorf("%s was not refused", raw)
		}
	}
}
