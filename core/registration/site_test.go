package registration_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/registration"
)

// read reads dcr_config.yaml over the defaults, as a server does.
func read(text string) (registration.Site, error) {
	site := registration.DefaultSite()
	err := config.Read([]byte(text), "dcr_config.yaml", &site, func(string) (string, bool) { return "", false })
	return site, err
}

func TestReadSite(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	site, err := read(`
policy:
  allowed_scopes: [openid, email, custom]
  redirects:
    allowed_hosts: [shop.example]
  software_statement:
    required: true
  signed_request:
    required: true
registration: {open: true}
custom_attributes: [team]
client_profiles:
  spa:
    description: Single-page application
    token_endpoint_auth_method: none
    default_scopes: [openid]
    allowed_scopes: [openid, email]
    require_software_statement: true
    require_signed_request: true
  service:
    enabled: false
    grant_types: [client_credentials]
    client_ids: [bff-server]
    client_secret_lifetime: 720h
trusted_issuers:
  - issuer: https://issuer.example
    jwks: '` + issuer.jwks(t) + `'
`)
	if err != nil {
		t.Fatal(err)
	}
	s := prepared(t, site)
	p := s.Profiles["service"]
	if !s.Registration.Open || p.Name != "service" || p.ClientSecretLifetime != 720*time.Hour || s.Policy.Redirects.Max != 20 {
		t.Errorf("site = %+v", s)
	}
	for name, want := range map[string]bool{"default": true, "spa": true, "service": false, "": false, "other": false} {
		if s.HasProfile(name) != want {
			t.Errorf("HasProfile(%q) = %t", name, !want)
		}
	}
	checkMembers(t, s.Data(),
		"allowed_scopes", `{"openid":true,"email":true,"custom":true}`,
		"registration", `{"open":true,"idempotent":false}`,
		"redirects", `{"allowed_hosts":{"shop.example":true},"allowed_private_schemes":{},"max":20}`,
		"software_statement", `{"required":true,"accept_self_signed":false}`,
		"profiles", `{"default":{"token_endpoint_auth_methods":{},"grant_types":{},"allowed_scopes":{},"software_statement_required":false,"signed_request_required":false,"trusted":false},
			"service":{"token_endpoint_auth_methods":{},"grant_types":{"client_credentials":true},"allowed_scopes":{},"software_statement_required":false,"signed_request_required":false,"trusted":false},
			"spa":{"token_endpoint_auth_methods":{"none":true},"grant_types":{},"allowed_scopes":{"openid":true,"email":true},"software_statement_required":true,"signed_request_required":true,"trusted":false}}`,
		"signed_request", `{"required":true}`)
}

func TestDefaultSite(t *testing.T) {
	site, err := read("{}\n")
	if err != nil {
		t.Fatal(err)
	}
	s := prepared(t, site)
	if !s.HasProfile(registration.DefaultProfile) || s.Registration.Open {
		t.Errorf("site = %+v", s)
	}
	if want := []string{"openid", "profile", "email", "address", "phone", "offline_access"}; !slices.Equal(s.Policy.DefaultScopes, want) {
		t.Errorf("default scopes = %v", s.Policy.DefaultScopes)
	}
	for _, scope := range append(s.Policy.DefaultScopes, "admin.api", "application.all", "dcr.register") {
		if !slices.Contains(s.Policy.AllowedScopes, scope) {
			t.Errorf("%s is not allowed by default", scope)
		}
	}
}

// Everything that is wrong is said at once, each with its line.
func TestSiteProblems(t *testing.T) {
	site := `policy:
  allowed_scopes: []
  default_scopes: [openid, "two words"]
  redirects: {max: 0}
  reddirects: {}
custom_attributes: [team, client_name, client_secret]
client_profiles:
  spa:
    token_endpoint_auth_method: client_secret_jwt
    grant_types: [authorization_code, password]
    client_ids: [good-id, "a/b"]
    client_secret_lifetime: -1h
  bad:
    id_token_signed_response_alg: HS256
trusted_issuers:
  - jwks: '{"keys":[]}'
  - issuer: https://a.example
    jwks: nonsense
  - issuer: https://a.example
    jwks_uri: http://a.example/jwks
  - issuer: https://b.example
    jwks_uri: https://b.example/jwks
    jwks: '{}'
  - issuer: https://c.example
registration: {approved_may_change: [client_name, redirect_uris, contacts]}
`
	_, err := read(site)
	var found *config.Problems
	if !errors.As(err, &found) {
		t.Fatalf("err = %v", err)
	}
	said := err.Error()
	for _, want := range []string{
		"dcr_config.yaml:2: policy.allowed_scopes: is empty",
		"dcr_config.yaml:3: policy.default_scopes[1]: is no scope",
		"dcr_config.yaml:4: policy.redirects.max:",
		"dcr_config.yaml:5: policy.reddirects:",
		"dcr_config.yaml:6: custom_attributes[1]: is the name of a member",
		"dcr_config.yaml:6: custom_attributes[2]: is the name of a member",
		"dcr_config.yaml:9: client_profiles.spa.token_endpoint_auth_method: is not supported; use one of: client_secret_basic, client_secret_post, private_key_jwt, none, tls_client_auth, self_signed_tls_client_auth",
		"dcr_config.yaml:10: client_profiles.spa.grant_types: is not supported; use one of: authorization_code, refresh_token, client_credentials",
		"dcr_config.yaml:11: client_profiles.spa.client_ids[1]: is no client id",
		"dcr_config.yaml:12: client_profiles.spa.client_secret_lifetime:",
		"dcr_config.yaml:14: client_profiles.bad.id_token_signed_response_alg: is not supported",
		"dcr_config.yaml:16: trusted_issuers[0].issuer: is missing",
		"dcr_config.yaml:16: trusted_issuers[0].jwks: has no keys",
		"dcr_config.yaml:18: trusted_issuers[1].jwks: key set:",
		"dcr_config.yaml:19: trusted_issuers[2].issuer: is listed twice",
		"dcr_config.yaml:20: trusted_issuers[2].jwks_uri: must be an https URL",
		"dcr_config.yaml:22: trusted_issuers[3].jwks_uri: stands beside jwks",
		"dcr_config.yaml:24: trusted_issuers[4]: needs jwks, jwks_uri, configuration, shared_secret or keys: plugin",
		"dcr_config.yaml:25: registration.approved_may_change[2]: is not a member that an approval fixes",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said", want)
		}
	}
	if len(found.List) != 19 || t.Failed() {
		t.Errorf("%d problems:\n%s", len(found.List), said)
	}
}

func TestIssuerListedTwice(t *testing.T) {
	site := registration.DefaultSite()
	a, b := newSigner(t, "https://issuer.example"), newSigner(t, "https://issuer.example")
	trusting(t, a, b)(&site)
	if problems := site.Validate(); len(problems) != 1 || problems[0].Path != "trusted_issuers[1].issuer" {
		t.Errorf("problems = %v", problems)
	}
}

// Preparing a site leaves the one it was made of alone, and refuses keys that cannot be read.
func TestPrepared(t *testing.T) {
	site := registration.DefaultSite()
	site.Profiles = map[string]registration.Profile{"spa": {}}
	ready := prepared(t, site)
	if len(site.Profiles) != 1 || site.Profiles["spa"].Name != "" || len(ready.Profiles) != 2 || ready.Profiles["spa"].Name != "spa" {
		t.Errorf("before %+v, after %+v", site.Profiles, ready.Profiles)
	}
	site.TrustedIssuers = []registration.TrustedIssuer{{Issuer: "x", JWKS: "{"}}
	if _, err := site.Prepared(); err == nil {
		t.Error("keys that cannot be read were accepted")
	}
}

// A default scope that is not offered would refuse every client that names none.
// Janssen's property for default scopes, in both spellings: false gives none to who names no scope.
func TestDefaultScopesAsJanssenSays(t *testing.T) {
	for text, want := range map[string]string{
		"dynamicRegistrationScopesParamEnabled: true\n":  `"openid profile email address phone offline_access"`,
		"dynamicRegistrationScopesParamEnabled: false\n": "", "dynamic_registration_scopes_param_enabled: false\n": "",
	} {
		site, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, func(s *registration.Site) { *s = site })
		checkMembers(t, b.register(`{"redirect_uris":["https://a.example/"]}`).doc, "scope", want)
		checkMembers(t, b.register(`{"redirect_uris":["https://a.example/"],"scope":"openid"}`).doc, "scope", `"openid"`)
	}
}

func TestDefaultScopesAreOffered(t *testing.T) {
	for name, test := range map[string]struct{ site, says string }{
		"the built-in ones are cut": {"policy:\n  allowed_scopes: [email, openid]\n", ""},
		"named ones are not":        {"policy:\n  allowed_scopes: [openid]\n  default_scopes: [openid, phone]\n", "policy.default_scopes[1]: is not in allowed_scopes"},
		"of a profile":              {"policy:\n  allowed_scopes: [openid]\n  default_scopes: [openid]\nclient_profiles:\n  a:\n    default_scopes: [phone]\n", "client_profiles.a.default_scopes[0]: is not in policy.allowed_scopes"},
		"of a narrow profile":       {"client_profiles:\n  a:\n    allowed_scopes: [openid]\n    default_scopes: [phone]\n", "client_profiles.a.default_scopes[0]: is not in the profile's allowed_scopes"},
	} {
		site, err := read(test.site)
		if test.says != "" {
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ready, err := site.Prepared()
		if err != nil || strings.Join(ready.Policy.DefaultScopes, " ") != "openid email" {
			t.Errorf("%s: %v, %v", name, ready.Policy.DefaultScopes, err)
		}
	}
}
