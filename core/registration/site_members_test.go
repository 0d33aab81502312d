package registration_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

func values(t *testing.T, doc string) map[string]strictjson.Value {
	t.Helper()
	m := map[string]strictjson.Value{}
	for name, v := range parse(t, doc).All() {
		m[name] = v
	}
	return m
}

// What the operator says of single members: defaults for who does not say, values that are allowed, attributes that all have.
func TestMembersOfASite(t *testing.T) {
	b := newBench(t, func(s *registration.Site) {
		s.CustomAttributes = []string{"department", "team"}
		s.Members = registration.SiteMembers{
			Defaults:   values(t, `{"subject_type":"pairwise","id_token_signed_response_alg":"ES256","require_pkce":true}`),
			Allowed:    map[string][]string{"subject_type": {"pairwise"}, "id_token_signed_response_alg": {"ES256", "EdDSA"}, "grant_types": {"authorization_code"}},
			Attributes: values(t, `{"department":"sales"}`),
		}
	})
	c := b.register(`{"redirect_uris":["https://shop.example/cb"],"department":"board","team":["a","b"]}`)
	checkMembers(t, c.doc, "subject_type", `"pairwise"`, "id_token_signed_response_alg", `"ES256"`, "require_pkce", "true", "department", `"sales"`, "team", `["a","b"]`)
	again := b.mustDo(b.manage(core.Update, c, c.put(t, "department", `"board"`, "require_pkce", "false", "id_token_signed_response_alg", `"EdDSA"`, "team", `"c"`)))
	checkMembers(t, again.doc, "department", `"sales"`, "require_pkce", "false", "id_token_signed_response_alg", `"EdDSA"`, "team", `"c"`)
	for doc, says := range map[string]string{
		`{"redirect_uris":["https://shop.example/cb"],"subject_type":"public"}`:                              `subject_type "public" is not allowed here; use one of: pairwise.`,
		`{"redirect_uris":["https://shop.example/cb"],"grant_types":["authorization_code","refresh_token"]}`: `grant_types "refresh_token" is not allowed here; use one of: authorization_code.`,
		`{"redirect_uris":["https://shop.example/cb"],"id_token_signing_alg_values_supported":["RS256"]}`:    `id_token_signing_alg_values_supported has nothing that can be chosen`,
	} {
		_, err := b.do(b.request(core.Register, core.ChannelOperator, "", doc))
		checkCode(t, err, core.InvalidClientMetadata, says)
	}
	chosen := b.register(`{"redirect_uris":["https://shop.example/cb"],"id_token_signing_alg_values_supported":["RS256","EdDSA"]}`)
	checkMembers(t, chosen.doc, "id_token_signed_response_alg", `"EdDSA"`)
}

// Software that asks every server for all flows that there are, as mod_auth_openidc does, gets those that are offered, where the site
// wants it so. A list of which nothing is offered is refused as ever.
func TestTrimmedMembers(t *testing.T) {
	const all = `{"client_name":"mod_auth_openidc","redirect_uris":["https://shop.example/cb"],"grant_types":["authorization_code","implicit","refresh_token"],` +
		`"response_types":["code","id_token","id_token token","code id_token","code token","code id_token token"]}`
	b := newBench(t)
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", all))
	checkCode(t, err, core.InvalidClientMetadata, "implicit")
	b = newBench(t, func(s *registration.Site) {
		s.Members.Trimmed = []string{"response_types", "grant_types"}
		s.Members.Allowed = map[string][]string{"grant_types": {"authorization_code", "client_credentials"}}
	})
	c := b.register(all)
	checkMembers(t, c.doc, "grant_types", `["authorization_code"]`, "response_types", `["code"]`)
	warnings, _ := c.doc.Get("warnings")
	if said := warnings.String(); !strings.Contains(said, "Of grant_types only what this server offers was taken over: authorization_code.") ||
		!strings.Contains(said, "Of response_types only what this server offers was taken over: code.") {
		t.Error(said)
	}
	b.mustDo(b.request(core.Register, core.ChannelOperator, "", `{"redirect_uris":["https://shop.example/cb"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","urn:openid:params:grant-type:ciba"],"backchannel_token_delivery_mode":""}`))
	again := b.mustDo(b.manage(core.Update, c, c.put(t, "grant_types", `["client_credentials","implicit"]`, "response_types", "")))
	checkMembers(t, again.doc, "grant_types", `["client_credentials"]`)
	for _, none := range []string{`"grant_types":["implicit"]`, `"response_types":["token"]`, `"grant_types":["authorization_code",7]`, `"token_endpoint_auth_method":"none of these"`} {
		_, err := b.do(b.request(core.Register, core.ChannelOperator, "", `{"redirect_uris":["https://shop.example/cb"],`+none+`}`))
		checkCode(t, err, core.InvalidClientMetadata, "")
	}
}

// What could not be done is told when the configuration is read.
func TestWrongMembersOfASite(t *testing.T) {
	site := registration.DefaultSite()
	site.CustomAttributes = []string{"department"}
	site.Members = registration.SiteMembers{
		Defaults:   values(t, `{"subject_type":"secret","nonsense":1,"require_pkce":"yes","software_statement":"x","logo_uri":"http://a.example/"}`),
		Allowed:    map[string][]string{"subject_type": {"public", "secret"}, "client_name": nil, "nonsense": {"x"}, "jwks": {"x"}},
		Attributes: values(t, `{"department":["a"],"team":"x"}`),
		Trimmed:    []string{"grant_types", "redirect_uris", "subject_type", "nonsense"},
	}
	var got []string
	for _, p := range site.Validate() {
		got = append(got, p.Path+": "+p.Text)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		`members.defaults.subject_type: cannot be: subject_type "secret" is not supported`, "members.defaults.nonsense: is not a member", "members.defaults.require_pkce: cannot be: require_pkce must be true or false",
		"members.defaults.software_statement: is not a member", "members.defaults.logo_uri: cannot be: logo_uri:", "members.allowed.subject_type[1]: is not supported; use one of: public, pairwise",
		"members.allowed.client_name: is empty", "members.allowed.nonsense: is not a member", "members.allowed.jwks: is not a member", "members.attributes.department: must be a string", "members.attributes.team: is not listed",
		"members.trimmed[1]: is not a list", "members.trimmed[2]: is not a list", "members.trimmed[3]: is not a list",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if len(got) != 14 {
		t.Errorf("%d problems:\n%s", len(got), all)
	}
}

// Rules know of a profile's grants what the site allows of them, so that none gives what the floor then refuses.
func TestGrantsThatRulesKnow(t *testing.T) {
	for text, want := range map[string]string{
		"client_profiles: {default: {}}":                                  `{}`,
		"client_profiles: {default: {grant_types: [client_credentials]}}": `{"client_credentials":true}`,
		"members: {allowed: {grant_types: [authorization_code]}}":         `{"authorization_code":true}`,
		"members: {allowed: {grant_types: [authorization_code]}}\nclient_profiles: {default: {grant_types: [authorization_code, refresh_token]}}": `{"authorization_code":true}`,
		"members: {allowed: {grant_types: [authorization_code]}}\nclient_profiles: {default: {grant_types: [client_credentials]}}":                `{"client_credentials":true}`,
		"grantTypesSupported: [authorization_code, password]":                                                                                     `{"authorization_code":true}`,
	} {
		site, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		ready, err := site.Prepared()
		if err != nil {
			t.Fatal(err)
		}
		profiles, _ := ready.Data().Get("profiles")
		profile, _ := profiles.Get("default")
		if grants, _ := profile.Get("grant_types"); grants.String() != want {
			t.Errorf("%s: %s, want %s", text, grants, want)
		}
	}
}
