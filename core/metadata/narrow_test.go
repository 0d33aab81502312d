package metadata_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
)

func TestWidened(t *testing.T) {
	yes, no := true, false
	minute, hour := int64(60), int64(3600)
	full := core.Metadata{
		RedirectURIs: []string{"https://a.example/", "https://b.example/"}, Scope: []string{"openid", "email"}, GrantTypes: []string{"authorization_code"},
		RequirePAR: &yes, DefaultMaxAge: &hour, ClientName: "A", AllowedAudiences: []string{"https://a.example"}, RequirePKCE: &yes,
		CertificateBoundTokens: &yes, DefaultPromptLogin: &yes, AccessTokenLifetime: &minute, IDTokenLifetime: &minute, RefreshTokenLifetime: &hour,
		DPoPBoundTokens: &yes, RequireSignedRequest: &yes, AuthorizationDetailsTypes: []string{"payment"},
	}
	for _, test := range []struct {
		what   string
		change func(*core.Metadata)
		want   []string
	}{
		{"nothing", func(*core.Metadata) {}, nil},
		{"fewer", func(m *core.Metadata) { m.RedirectURIs = m.RedirectURIs[1:] }, nil},
		{"another order", func(m *core.Metadata) { m.Scope = []string{"email", "openid"} }, nil},
		{"none", func(m *core.Metadata) { m.RedirectURIs = []string{} }, nil},
		{"one more", func(m *core.Metadata) { m.Scope = append(slices.Clone(m.Scope), "payments") }, []string{"scope"}},
		{"another one", func(m *core.Metadata) { m.RedirectURIs = []string{"https://c.example/"} }, []string{"redirect_uris"}},
		{"what there was not", func(m *core.Metadata) { m.PostLogoutRedirectURIs = []string{"https://a.example/"} }, []string{"post_logout_redirect_uris"}},
		{"no PAR", func(m *core.Metadata) { m.RequirePAR = &no }, []string{"require_pushed_authorization_requests"}},
		{"PAR absent", func(m *core.Metadata) { m.RequirePAR = nil }, []string{"require_pushed_authorization_requests"}},
		{"auth_time too", func(m *core.Metadata) { m.RequireAuthTime = &yes }, nil},
		{"shorter", func(m *core.Metadata) { m.DefaultMaxAge = &minute }, nil},
		{"without limit", func(m *core.Metadata) { m.DefaultMaxAge = nil }, []string{"default_max_age"}},
		{"other audiences", func(m *core.Metadata) { m.AllowedAudiences = []string{"https://b.example"} }, []string{"allowed_audiences"}},
		{"fewer audiences", func(m *core.Metadata) { m.AllowedAudiences = []string{} }, nil},
		{"any audience", func(m *core.Metadata) { m.AllowedAudiences = nil }, []string{"allowed_audiences"}},
		{"no PKCE", func(m *core.Metadata) { m.RequirePKCE = &no }, []string{"require_pkce"}},
		{"unbound tokens", func(m *core.Metadata) { m.CertificateBoundTokens = nil }, []string{"tls_client_certificate_bound_access_tokens"}},
		{"remembered sign-in", func(m *core.Metadata) { m.DefaultPromptLogin = nil }, []string{"default_prompt_login"}},
		{"longer tokens", func(m *core.Metadata) {
			m.AccessTokenLifetime, m.IDTokenLifetime, m.RefreshTokenLifetime = &hour, &minute, nil
		},
			[]string{"access_token_lifetime", "refresh_token_lifetime"}},
		{"bearer tokens", func(m *core.Metadata) { m.DPoPBoundTokens, m.RequireSignedRequest = &no, nil }, []string{"require_signed_request_object", "dpop_bound_access_tokens"}},
		{"other details", func(m *core.Metadata) { m.AuthorizationDetailsTypes = []string{"payment", "account"} }, []string{"authorization_details_types"}},
		{"name", func(m *core.Metadata) { m.ClientName = "B" }, nil},
		{"two", func(m *core.Metadata) { m.GrantTypes, m.Scope = []string{"client_credentials"}, []string{"x"} }, []string{"grant_types", "scope"}},
	} {
		after := full
		test.change(&after)
		if got := metadata.Widened(&full, &after); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.what, got, test.want)
		}
	}
	less := core.Metadata{DefaultMaxAge: &hour, RequirePAR: &no, AccessTokenLifetime: &hour, AllowedAudiences: []string{"https://a.example"}}
	if got := metadata.Widened(&core.Metadata{}, &less); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

// What is narrowed must be a row that the comparison knows the kind of.
func TestNarrowable(t *testing.T) {
	for _, name := range metadata.Narrowable() {
		row, ok := metadata.Lookup(name)
		if !ok || row.Fixed || !slices.Contains([]metadata.Kind{metadata.List, metadata.URIs, metadata.Scope, metadata.Flag, metadata.Number}, row.Kind) {
			t.Errorf("%s cannot be narrowed", name)
		}
	}
}

// Every member that is shown to people, and every one that a client proves itself with, identifies it.
func TestIdentifies(t *testing.T) {
	for _, name := range metadata.Identifying() {
		if row, known := metadata.Lookup(name); !known || !metadata.Identifies(name) || row.Tagged && !metadata.Identifies(name+"#fr") {
			t.Errorf("%s does not identify", name)
		}
	}
	for _, row := range metadata.Rows() {
		proves := strings.HasPrefix(row.Name, "tls_client_auth_") || strings.HasPrefix(row.Name, "token_endpoint_auth_") || strings.HasPrefix(row.Name, "jwks")
		if (row.Tagged || proves) && !metadata.Identifies(row.Name) {
			t.Errorf("%s does not identify", row.Name)
		}
	}
	for _, name := range []string{"", "contacts", "client_name_", "software_version", "scope"} {
		if metadata.Identifies(name) {
			t.Errorf("%q identifies", name)
		}
	}
}
