package registration_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// properties are all that Janssen's documentation and code have for the registration of clients, each with a value that loads and one
// that does not, "" where there is none, and what the operator is told of that.
var properties = []struct{ name, loads, wrong, says string }{
	{"dynamicRegistrationEnabled", "true", "1", "must be true or false"},
	{"dynamicRegistrationExpirationTime", "-1", "-2", "must be a whole number from -1"},
	{"dcrForbidExpirationTimeInRequest", "false", `"no"`, "must be true or false"},
	{"dynamicRegistrationPersistClientAuthorizations", "true", "1", "must be true or false"},
	{"trustedClientEnabled", "true", "1", "must be true or false"},
	{"dynamicRegistrationScopesParamEnabled", "true", "1", "must be true or false"},
	{"dynamicRegistrationPasswordGrantTypeEnabled", "false", "true", "there is no password grant here"},
	{"dynamicRegistrationAllowedPasswordGrantScopes", "[]", `["openid"]`, "there is no password grant here"},
	{"dynamicRegistrationCustomAttributes", `["team"]`, `["scope"]`, "is the name of a member that has a meaning already"},
	{"dynamicRegistrationCustomObjectClass", `""`, `"jansClntCustomAttributes"`, "no object classes"},
	{"dynamicRegistrationDefaultCustomAttributes", "{}", `{"team":"x"}`, "is not listed in custom_attributes"},
	{"dcrAuthorizationWithClientCredentials", "true", `"x"`, "must be true or false"},
	{"dcrAttestationEvidenceRequired", "true", `"x"`, "must be true or false"},
	{"dcrAuthorizationWithMTLS", "true", `"x"`, "must be true or false"},
	{"dcrSignatureValidationEnabled", "true", `"x"`, "must be true or false"},
	{"dcrSignatureValidationJwks", `""`, `"x"`, "key set"},
	{"dcrSignatureValidationJwksUri", `"https://a.example/k"`, `"http://a.example/k"`, "https"},
	{"dcrSignatureValidationSharedSecret", `"0123456789012345678901234567890123456789012345678901234567890123"`, `"x"`, "bytes"},
	{"dcrSignatureValidationSoftwareStatementJwksURIClaim", `"a"`, "[]", "must be"},
	{"dcrSignatureValidationSoftwareStatementJwksClaim", `"a"`, "[]", "must be"},
	{"dcrIssuers", "[]", `"x"`, "must be a list"},
	{"dcrSkipSignatureValidation", "false", "true", "signatures are always verified"},
	{"dcrSsaValidationConfigs", "[]", "[{}]", "is missing"},
	{"softwareStatementValidationType", `"SCRIPT"`, `"any"`, "must be none, script, jwks, jwks_uri or builtin"},
	{"softwareStatementValidationClaimName", `"jwks"`, "[]", "must be"},
	{"trustedSsaIssuers", "{}", `{"https://a.example":{"jwksUri":"http://a.example"}}`, "https"},
	{"redirectUrisRegexEnabled", "false", "true", "redirect URIs are compared as they are"},
	{"returnClientSecretOnRead", "false", "true", "only the hash of a client_secret is kept"},
	{"rotateClientRegistrationAccessTokenOnUsage", "true", `"x"`, "must be true or false"},
	{"grantTypesSupported", `["authorization_code","password"]`, `["password"]`, "has nothing that is offered here"},
	{"grantTypesSupportedByDynamicRegistration", `["authorization_code","implicit"]`, `"x"`, "must be a list of texts"},
	{"dynamicGrantTypeDefault", `["authorization_code"]`, `["implicit"]`, "has nothing that is offered here"},
	{"responseTypesSupported", `[["code"],["code","id_token"]]`, `[["token"]]`, "has nothing that is offered here"},
	{"grantTypesAndResponseTypesAutofixEnabled", "false", "true", "members.trimmed"},
	{"clientRegDefaultToCodeFlowWithRefresh", "true", `"x"`, "must be true or false"},
	{"enableClientGrantTypeUpdate", "false", `"x"`, "must be true or false"},
	{"clientWhiteList", `["*.example.com/*"]`, "[]", "no redirect URI could be registered"},
	{"clientBlackList", `["*.attacker.com/*"]`, `["*attacker.com"]`, "is no pattern of addresses: the host is none"},
	{"defaultSubjectType", `"pairwise"`, `"secret"`, "use one of: public, pairwise"},
	{"subjectTypesSupported", `["public","pairwise"]`, `["x"]`, "has nothing that is offered here"},
	{"publicSubjectIdentifierPerClientEnabled", "false", "true", "sub is never an attribute"},
	{"subjectIdentifiersPerClientSupported", "[]", `["mail","uid"]`, "sub is never an attribute"},
	{"defaultSignatureAlgorithm", `"ES256"`, `"HS256"`, "use one of: RS256"},
	{"idTokenSigningAlgValuesSupported", `["none","HS256","RS256","ES512"]`, `["none"]`, "has nothing that is offered here"},
	{"idTokenEncryptionAlgValuesSupported", `["RSA-OAEP"]`, `"RSA-OAEP"`, "must be a list of texts"},
	{"idTokenEncryptionEncValuesSupported", `["A128GCM"]`, "{}", "must be a list of texts"},
	{"userInfoSigningAlgValuesSupported", `["ES256"]`, `["HS256"]`, "has nothing that is offered here"},
	{"userInfoEncryptionAlgValuesSupported", `["RSA-OAEP"]`, "1", "must be a list of texts"},
	{"userInfoEncryptionEncValuesSupported", `["A128GCM"]`, "1", "must be a list of texts"},
	{"accessTokenSigningAlgValuesSupported", `["RS256","ES256"]`, `["RS256"]`, "has nothing that is offered here"},
	{"requestObjectSigningAlgValuesSupported", `["PS256"]`, `["HS256"]`, "has nothing that is offered here"},
	{"requestObjectEncryptionAlgValuesSupported", `["RSA-OAEP"]`, `["RSA1_5"]`, "has nothing that is offered here"},
	{"requestObjectEncryptionEncValuesSupported", `["A128GCM"]`, `["x"]`, "has nothing that is offered here"},
	{"authorizationSigningAlgValuesSupported", `["PS256"]`, `["HS256"]`, "has nothing that is offered here"},
	{"authorizationEncryptionAlgValuesSupported", `["RSA-OAEP"]`, `["dir"]`, "has nothing that is offered here"},
	{"authorizationEncryptionEncValuesSupported", `["A128GCM"]`, `["x"]`, "has nothing that is offered here"},
	{"introspectionSigningAlgValuesSupported", `["PS256"]`, `["HS256"]`, "has nothing that is offered here"},
	{"introspectionEncryptionAlgValuesSupported", `["RSA-OAEP"]`, `["dir"]`, "has nothing that is offered here"},
	{"introspectionEncryptionEncValuesSupported", `["A128GCM"]`, `["x"]`, "has nothing that is offered here"},
	{"txTokenSigningAlgValuesSupported", `["PS256"]`, `["HS256"]`, "has nothing that is offered here"},
	{"txTokenEncryptionAlgValuesSupported", `["RSA-OAEP"]`, `["dir"]`, "has nothing that is offered here"},
	{"txTokenEncryptionEncValuesSupported", `["A128GCM"]`, `["x"]`, "has nothing that is offered here"},
	{"backchannelTokenDeliveryModesSupported", `["poll","push"]`, `["push"]`, "has nothing that is offered here"},
	{"backchannelAuthenticationRequestSigningAlgValuesSupported", `["PS256"]`, `["HS256"]`, "has nothing that is offered here"},
	{"tokenEndpointAuthMethodsSupported", `["client_secret_basic","client_secret_jwt"]`, `["client_secret_jwt"]`, "has nothing that is offered here"},
	{"tokenEndpointAuthSigningAlgValuesSupported", `["PS256"]`, `["HS256"]`, "has nothing that is offered here"},
	{"allowSpontaneousScopes", "false", "true", "no scope comes into being by being asked for"},
	{"spontaneousScopeLifetime", "null", "86400", "no scope comes into being by being asked for"},
	{"ssaConfiguration", "null", "{}", "no software statements are issued here"},
	{"requestUriBlockList", `["localhost", "127.0.0.1"]`, `["localhost", "intranet.example"]`, "fetch.allow"},
	{"requestUriBlockList", `[]`, `["10.0.0.1"]`, "fetch.allow"},
	{"requestUriBlockList", `["::1"]`, `[7]`, "fetch.allow"},
	{"externalUriWhiteList", "[]", `["a.example"]`, "fetch.allow"},
	{"sectorIdentifierCacheLifetimeInMinutes", "null", "1440", "kept for an hour"},
	{"shareSubjectIdBetweenClientsWithSameSectorId", "true", "false", "by one name"},
	{"errorReasonEnabled", "true", "false", "cannot be turned off"},
	{"cleanServiceInterval", "60", `"x"`, "must be"},
	{"cleanServiceBatchChunkSize", "1000", "0", "must be"},
	{"updateClientAccessTime", "true", `"x"`, "must be true or false"},
	{"rejectJwtWithNoneAlg", "true", "false", "unsigned JWTs are refused everywhere"},
	{"fapiCompatibility", "false", "true", "--preset fapi2"},
	{"requirePar", "false", "true", `"name": "par"`},
	{"requirePkce", "false", "true", `"name": "pkce_s256"`},
	{"forceSignedRequestObject", "false", "true", "require_signed_request_object"},
	{"useLocalCache", "false", `"x"`, "never go stale"},
	{"enabledOAuthAuditLogging", "true", "false", "decision_log"},
	{"cimdEnabled", "", "true", "client_id_metadata_documents"},
	{"cimdMaxDocumentSize", "", "5120", "client_id_metadata_documents"},
	{"featureFlags", "null", `["registration","ssa"]`, "dynamic_registration_enabled"},
	{"allowAllValueForRevokeEndpoint", "false", "true", "ostiary client disable"},
	{"ssaEndpoint", "", `"https://a.example/ssa"`, "no software statements are issued here"},
}

// snakeCase is the other spelling of a property.
func snakeCase(name string) string {
	var b strings.Builder
	for _, word := range strings.SplitAfter(strings.NewReplacer("MTLS", "Mtls", "OAuth", "Oauth", "JwksURI", "JwksUri").Replace(name), "") {
		if word >= "A" && word <= "Z" {
			b.WriteString("_")
		}
		b.WriteString(strings.ToLower(word))
	}
	return strings.Replace(b.String(), "user_info", "userinfo", 1)
}

// No property is unknown: each loads with a value that can be met, in both spellings; with another one, a word says what to do.
func TestEveryPropertyOfJanssens(t *testing.T) {
	for _, p := range properties {
		for _, name := range []string{p.name, snakeCase(p.name)} {
			if _, err := read(name + ": " + p.loads); p.loads != "" && err != nil {
				t.Errorf("%s: %s: %v", name, p.loads, err)
			}
			_, err := read(name + ": " + p.wrong)
			if text := fmt.Sprint(err); err == nil || strings.Contains(text, "unknown key") || !strings.Contains(text, p.says) || !strings.HasPrefix(text, "dcr_config.yaml:1: ") {
				t.Errorf("%s: %s: %v, want %q", name, p.wrong, err, p.says)
			}
		}
	}
	if _, err := read("grantTypesSupportedNowhere: []"); err == nil || err.Error() != "dcr_config.yaml:1: grantTypesSupportedNowhere: unknown key" {
		t.Errorf("what nobody knows: %v", err)
	}
	if _, err := read("user_info_signing_alg_values_supported: [RS256]"); err != nil {
		t.Errorf("the snake case that a program makes: %v", err)
	}
}

// What README.md shows of them loads.
func TestReadmeOfProperties(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(text), "```yaml dcr_config.yaml\n")
	shown, _, _ = strings.Cut(shown, "```")
	site, err := read(shown)
	if !found || err != nil {
		t.Fatal(err)
	}
	ready, err := site.Prepared()
	if err != nil {
		t.Fatal(err)
	}
	m := ready.Members
	if got := fmt.Sprint(ready.CustomAttributes, m.Allowed, m.Trimmed, m.Defaults["subject_type"], m.Defaults["grant_types"], m.Attributes["cost"]); got !=
		`[team cost] map[grant_types:[authorization_code refresh_token] response_types:[code] token_endpoint_auth_method:[client_secret_basic private_key_jwt]] [grant_types response_types] "pairwise" ["authorization_code","refresh_token"] 7` {
		t.Error(got)
	}
}

// What Janssen's properties say of members is what members of our own would say, and nobody says it twice.
func TestJanssenMembers(t *testing.T) {
	const config = `
dynamicRegistrationCustomAttributes: [team, cost]
dynamicRegistrationDefaultCustomAttributes: {cost: 7}
defaultSubjectType: pairwise
defaultSignatureAlgorithm: ES256
clientRegDefaultToCodeFlowWithRefresh: true
grantTypesSupported: [authorization_code, implicit, refresh_token, client_credentials, password]
grantTypesSupportedByDynamicRegistration: [authorization_code, implicit, refresh_token]
responseTypesSupported: [[code], [id_token, code], [token]]
tokenEndpointAuthMethodsSupported: [client_secret_basic, client_secret_jwt, private_key_jwt]
idTokenSigningAlgValuesSupported: [none, HS256, RS256, ES256]
`
	site, err := read(config)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(s *registration.Site) { *s = site })
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"team":"x","cost":"mine","other":1}`)
	checkMembers(t, c.doc, "team", `"x"`, "cost", "7", "other", "", "subject_type", `"pairwise"`, "id_token_signed_response_alg", `"ES256"`,
		"grant_types", `["authorization_code","refresh_token"]`, "response_types", `["code"]`)
	c = b.register(`{"redirect_uris":["https://a.example/cb"],"subject_type":"public","id_token_signed_response_alg":"RS256",
		"grant_types":["authorization_code","implicit","client_credentials"],"response_types":["code","code id_token"]}`)
	checkMembers(t, c.doc, "subject_type", `"public"`, "id_token_signed_response_alg", `"RS256"`, "grant_types", `["authorization_code"]`, "response_types", `["code"]`)
	if warnings, _ := c.doc.Get("warnings"); !strings.Contains(warnings.String(), "Of grant_types only what this server offers was taken over") {
		t.Errorf("warnings: %s", warnings)
	}
	for member, value := range map[string]string{"token_endpoint_auth_method": `"none"`, "id_token_signed_response_alg": `"PS256"`, "grant_types": `["client_credentials"]`} {
		_, err := b.ask(`{"redirect_uris":["https://a.example/cb"],"` + member + `":` + value + `}`)
		if r := core.AsError(err).Reasons; core.CodeOf(err) != core.InvalidClientMetadata || len(r) != 1 || r[0].Rule != "site.members.allowed" || !slices.Equal(r[0].Fields, []string{member}) {
			t.Errorf("%s: %v, %+v", member, err, r)
		}
	}
	for also, says := range map[string]string{
		"custom_attributes: [x]":                                  "dynamicRegistrationCustomAttributes: says the same as custom_attributes",
		"members: {defaults: {subject_type: public}}":             "defaultSubjectType: says the same as members.defaults.subject_type",
		"members: {allowed: {grant_types: [authorization_code]}}": "says the same as members.allowed.grant_types",
		"members: {attributes: {team: x}}":                        "says the same as members.attributes",
		"id_token_signing_alg_values_supported: [RS256]":          "bounds id_token_signed_response_alg, as idTokenSigningAlgValuesSupported does",
	} {
		if _, err := read(config + also); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", also, err, says)
		}
	}
}
