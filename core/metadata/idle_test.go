package metadata_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
)

// effects names, for every member of which something comes, a test that holds it: the folder as seen from core, and the test. Of
// some that is only that policy judges them.
var effects = map[string]string{
	"client_name": "web/people TestConsentPage", "client_uri": "web/console TestApprovals", "tos_uri": "web/people TestConsentPage",
	"policy_uri": "web/people TestConsentPage", "contacts": "web/console TestApprovals", "logo_uri": "../policies TestFactsOfURIs",
	"application_type": "registration TestDefaultsOfARegistration", "redirect_uris": "authorize TestNearMissRedirects",
	"token_endpoint_auth_method": "clientauth TestRefusedSecrets", "token_endpoint_auth_signing_alg": "clientauth TestAssertionAlgorithms",
	"grant_types": "authorize TestRefusedAndSentBack", "response_types": "authorize TestRefusedAndSentBack", "scope": "authorize TestRefusedAndSentBack",
	"jwks_uri": "clientauth TestWhereKeysComeFrom", "jwks": "clientauth TestAssertionsThatAreAccepted",
	"subject_type": "token TestPairwiseSubjects", "sector_identifier_uri": "registration TestSectorOfAClient",
	"id_token_signed_response_alg": "token TestIDTokenAlgorithms", "userinfo_signed_response_alg": "token TestUserInfo",
	"id_token_encrypted_response_alg": "token TestEncryptedIDTokens", "id_token_encrypted_response_enc": "token TestEncryptedIDTokens",
	"userinfo_encrypted_response_alg": "token TestEncryptedUserInfo", "userinfo_encrypted_response_enc": "token TestEncryptedUserInfo",
	"default_max_age": "authorize TestDefaults", "require_auth_time": "token TestCode",
	"post_logout_redirect_uris": "authorize TestLeaveRedirectsNowhereElse", "require_pushed_authorization_requests": "authorize TestMustPush",
	"require_pkce": "authorize TestMembersThatBindRequests", "default_prompt_login": "authorize TestMembersThatBindRequests",
	"access_token_lifetime": "token TestRegisteredLifetimes", "id_token_lifetime": "token TestRegisteredLifetimes",
	"refresh_token_lifetime": "token TestRegisteredLifetimes", "par_lifetime": "authorize TestRegisteredLifetimeOfPushedRequests",
	"allowed_audiences": "../cmd/ostiary TestAllowedAudiences", "tls_client_auth_subject_dn": "clientauth TestTLSClientAuth",
	"tls_client_auth_san_dns": "clientauth TestTLSClientAuth", "tls_client_auth_san_uri": "clientauth TestTLSClientAuth",
	"tls_client_auth_san_ip": "clientauth TestTLSClientAuth", "tls_client_auth_san_email": "clientauth TestTLSClientAuth",
	"require_signed_request_object": "authorize TestMembersThatBindRequests", "dpop_bound_access_tokens": "token TestNoTokensWithoutTheirBinding",
	"tls_client_certificate_bound_access_tokens": "token TestTokensAreBound", "software_id": "registration TestBeyondTheToken",
	"org_id": "metadata TestVisibleIsAllButTheStatement", "groups": "metadata TestVisibleIsAllButTheStatement",
	"description": "metadata TestVisibleIsAllButTheStatement", "access_token_signing_alg": "token TestCode",
	"software_version": "metadata TestVisibleIsAllButTheStatement", "software_statement": "registration TestStatementOfATrustedIssuer",
}

// Something comes of every member, and a test holds it; or nothing does, and who sends it is told.
func TestEveryMemberHasAnEffect(t *testing.T) {
	idle := metadata.Idle()
	for _, row := range metadata.Rows() {
		isIdle := slices.ContainsFunc(idle, func(m metadata.Missing) bool { return m.Name == row.Name })
		proof, has := effects[row.Name]
		if isIdle == has || row.Values != nil && len(row.Values) == 0 {
			t.Errorf("%s: idle %t, of %d values, its effect is proved by %q", row.Name, isIdle, len(row.Values), proof)
		}
	}
	for _, m := range metadata.Barring() {
		if row, known := metadata.Lookup(m.Name); !known || row.Kind != metadata.Flag || effects[m.Name] == "" || !slices.Contains(metadata.Narrowable(), m.Name) {
			t.Errorf("%s is no promise that is held to", m.Name)
		}
	}
	for name, proof := range effects {
		if _, known := metadata.Lookup(name); !known {
			t.Errorf("%s is no member", name)
		}
		folder, test, _ := strings.Cut(proof, " ")
		if !hasTest(t, filepath.Join("..", folder), test) {
			t.Errorf("%s is proved by %s, which there is not", name, proof)
		}
	}
}

func hasTest(t *testing.T, folder, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	begins := regexp.MustCompile(`(?m)^func ` + test + `\(t `)
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && begins.Match(text)
	})
}

func TestAskedInVain(t *testing.T) {
	yes, no := true, false
	before := core.Metadata{BackchannelLogoutURI: "https://a.example/out", BackchannelLogoutSession: &no, DefaultACRValues: []string{}, ClientName: "A"}
	after := metadata.Clone(before)
	names := func(before, after *core.Metadata) string {
		var list []string
		for _, m := range metadata.AskedInVain(before, after) {
			list = append(list, m.Name)
		}
		return strings.Join(list, " ")
	}
	if got := names(&core.Metadata{}, &before); got != "backchannel_logout_uri" {
		t.Errorf("new: %s", got)
	}
	after.ClientName = "B"
	if got := names(&before, &after); got != "" {
		t.Errorf("what it had before: %s", got)
	}
	after.BackchannelLogoutSession, after.DefaultACRValues, after.BackchannelLogoutURI = &yes, []string{"1"}, ""
	if got := names(&before, &after); got != "backchannel_logout_session_required default_acr_values" {
		t.Errorf("changed: %s", got)
	}
}

// The algorithm of client assertions is kept beside a method that signs nothing, and who sends it, or leaves the method that signs, is told.
func TestAlgorithmOfNothing(t *testing.T) {
	client := func(method, alg string) *core.Metadata {
		return &core.Metadata{TokenEndpointAuthMethod: method, TokenEndpointAuthSigningAlg: alg}
	}
	const told = "the token_endpoint_auth_method client_secret_basic signs nothing"
	for _, test := range []struct {
		what          string
		before, after *core.Metadata
		why           string
	}{
		{"new", &core.Metadata{}, client("client_secret_basic", "ES256"), told},
		{"as before", client("client_secret_basic", "ES256"), client("client_secret_basic", "ES256"), ""},
		{"another", client("client_secret_basic", "ES256"), client("client_secret_basic", "RS256"), told},
		{"no longer of use", client("private_key_jwt", "ES256"), client("client_secret_basic", "ES256"), told},
		{"of use", &core.Metadata{}, client("private_key_jwt", "ES256"), ""},
		{"none", client("private_key_jwt", ""), client("client_secret_basic", ""), ""},
	} {
		list := metadata.AskedInVain(test.before, test.after)
		if test.why == "" && len(list) == 0 {
			continue
		}
		if len(list) != 1 || list[0].Name != "token_endpoint_auth_signing_alg" || list[0].Why != test.why {
			t.Errorf("%s: %+v", test.what, list)
		}
	}
}

// Who turns on what this server can only hold to by refusing is told so, once.
func TestBarredBy(t *testing.T) {
	yes, no := true, false
	before, after := core.Metadata{DPoPBoundTokens: &no}, core.Metadata{DPoPBoundTokens: &yes, RequireSignedRequest: &yes}
	names := func(before, after *core.Metadata) string {
		var list []string
		for _, m := range metadata.BarredBy(before, after) {
			list = append(list, m.Name)
		}
		return strings.Join(list, " ")
	}
	for _, test := range []struct {
		before, after core.Metadata
		want          string
	}{
		{core.Metadata{}, before, ""}, {before, after, "require_signed_request_object dpop_bound_access_tokens"}, {after, after, ""},
		{after, before, ""}, {core.Metadata{RequireSignedRequest: &yes}, after, "dpop_bound_access_tokens"},
	} {
		if got := names(&test.before, &test.after); got != test.want {
			t.Errorf("%+v: %s, want %s", test, got, test.want)
		}
	}
}
