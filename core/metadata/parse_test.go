package metadata_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

const everything = `{
	"client_name": "Shop", "client_name#fr": "Boutique", "client_name#de-CH-1996": "Lade", "client_uri": "https://shop.example",
	"client_uri#fr": "https://shop.example/fr", "logo_uri": "https://shop.example/l.png", "tos_uri": "https://shop.example/tos",
	"policy_uri": "https://shop.example/policy", "contacts": ["a@shop.example"], "application_type": "web",
	"redirect_uris": ["https://shop.example/cb"], "token_endpoint_auth_method": "private_key_jwt",
	"token_endpoint_auth_signing_alg": "ES256", "grant_types": ["authorization_code"], "response_types": ["code"],
	"scope": "openid email", "jwks": {"keys": [{"kty": "OKP"}]}, "subject_type": "public", "id_token_signed_response_alg": "ES256",
	"default_max_age": 0, "require_auth_time": false, "default_acr_values": [], "software_id": "s", "software_version": "1",
	"software_statement": "a.b.c", "department": {"no": 7, "tags": [null, true]}
}`

func parse(t *testing.T, text string, custom ...string) metadata.Request {
	t.Helper()
	req, err := metadata.Parse(value(t, text), custom)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return req
}

// What is parsed and written again is the same document; false, 0 and [] are values and stay.
func TestParseThenWriteIsTheIdentity(t *testing.T) {
	req := parse(t, everything, "department")
	doc := metadata.Document(&req.Metadata)
	if want := value(t, everything); !strictjson.Equal(doc, want) {
		t.Errorf("wrote %s\nwant  %s", doc, want)
	}
	again, err := metadata.Parse(doc, []string{"department"})
	if err != nil || len(metadata.Changed(&req.Metadata, &again.Metadata)) > 0 {
		t.Errorf("parsed again: %v, differs in %v", err, metadata.Changed(&req.Metadata, &again.Metadata))
	}
	if string(strictjson.Append(nil, doc)) != string(strictjson.Append(nil, metadata.Document(&again.Metadata))) {
		t.Error("two writings of one client differ in their bytes")
	}
}

func TestParseSortsMembers(t *testing.T) {
	req := parse(t, `{
		"client_name": "Shop", "scope": null, "logo_uri": "", "contacts": "", "jwks_uri": "https://a.example/k",
		"client_id": "c-1", "client_secret": "s", "client_secret_expires_at": 0, "client_id_issued_at": 5,
		"registration_access_token": "t", "registration_client_uri": "u", "client_profile": "spa",
		"decision_id": "d-1", "warnings": [], "registration_status": "active",
		"team": "blue", "color": 3, "note": null, "Client_Name": "x", "foo#fr": "y"
	}`, "team", "note")
	if want := []string{"client_name", "jwks_uri"}; !slices.Equal(req.Present, want) {
		t.Errorf("Present = %v, want %v", req.Present, want)
	}
	var extra []string
	for _, m := range req.Extra {
		extra = append(extra, m.Name)
	}
	if want := []string{"color", "note", "Client_Name", "foo#fr"}; !slices.Equal(extra, want) {
		t.Errorf("Extra = %v, want %v", extra, want)
	}
	if got := req.Metadata.Custom; len(got) != 1 || got["team"] != `"blue"` {
		t.Errorf("Custom = %v", got)
	}
	c := req.Control
	for name, v := range map[string]strictjson.Value{
		`"c-1"`: c.ClientID, `"s"`: c.ClientSecret, "0": c.ClientSecretExpiresAt, "5": c.ClientIDIssuedAt,
		`"t"`: c.RegistrationToken, `"u"`: c.RegistrationURI, `"spa"`: c.Profile,
	} {
		if v.String() != name {
			t.Errorf("control member = %s, want %s", v, name)
		}
	}
	empty := parse(t, `{"client_id": null, "client_secret": "", "client_profile": ""}`).Control
	if !empty.ClientID.IsAbsent() || !empty.ClientSecret.IsAbsent() || !empty.Profile.IsAbsent() {
		t.Errorf("null and empty control members are not absent: %+v", empty)
	}
}

// A control member can never be stored as a custom attribute, whatever the configuration lists.
func TestControlMembersAreNeverCustom(t *testing.T) {
	req := parse(t, `{"client_secret": "s", "decision_id": "d", "client_name": "n"}`, "client_secret", "decision_id", "client_name")
	if req.Metadata.Custom != nil || req.Metadata.ClientName != "n" {
		t.Errorf("metadata = %+v", req.Metadata)
	}
}

func TestParseRefuses(t *testing.T) {
	tags := make([]string, 51)
	for i := range tags {
		tags[i] = `"client_name#` + strings.Repeat("a", i%35+1) + strings.Repeat("b", i/35) + `": "x"`
	}
	for text, want := range map[string]struct {
		code core.Code
		says string
	}{
		`[]`:                                     {core.InvalidClientMetadata, "an array"},
		`"x"`:                                    {core.InvalidClientMetadata, "a string"},
		`null`:                                   {core.InvalidClientMetadata, "null"},
		`{"redirect_uris": "https://a"}`:         {core.InvalidRedirectURI, "redirect_uris must be an array of strings, not a string"},
		`{"redirect_uris": ["https://a", null]}`: {core.InvalidRedirectURI, "redirect_uris must be an array of strings, but its item 1 is null"},
		`{"contacts": [["a"]]}`:                  {core.InvalidClientMetadata, "contacts must be an array of strings, but its item 0 is an array"},
		`{"jwks": []}`:                           {core.InvalidClientMetadata, "jwks must be an object, not an array"},
		`{"scope": ["openid"]}`:                  {core.InvalidScope, "scope must be a string"},
		`{"software_statement": {}}`:             {core.InvalidSoftwareStatement, "software_statement must be a string"},
		`{"client_name#": "x"}`:                  {core.InvalidClientMetadata, "client_name"},
		`{"client_name#fr_CH": "x"}`:             {core.InvalidClientMetadata, "language tag"},
		`{"client_name#-fr": "x"}`:               {core.InvalidClientMetadata, "language tag"},
		`{"client_name#fr#de": "x"}`:             {core.InvalidClientMetadata, "language tag"},
		`{"client_name#fr": "a", "client_name#FR": "a"}`:            {core.InvalidClientMetadata, "client_name#fr and client_name#FR are for the same language"},
		`{"tos_uri#zh-hant": null, "tos_uri#ZH-Hant": "https://a"}`: {core.InvalidClientMetadata, "tos_uri#zh-hant and tos_uri#ZH-Hant"},
		`{"client_name#fr": 7}`:                                     {core.InvalidClientMetadata, "client_name#fr must be a string"},
		`{"client_name#fr": "` + strings.Repeat("a", 4097) + `"}`:   {core.InvalidClientMetadata, "client_name#fr is longer"},
		`{"team": "` + strings.Repeat("a", 4095) + `"}`:             {core.InvalidClientMetadata, "team is longer"},
		`{"` + strings.Repeat("n", 129) + `": 1}`:                   {core.InvalidClientMetadata, "name is longer"},
		`{` + strings.Join(tags, ",") + `}`:                         {core.InvalidClientMetadata, "language tags"},
	} {
		_, err := metadata.Parse(value(t, text), []string{"team"})
		if core.CodeOf(err) != want.code || !strings.Contains(core.AsError(err).Detail, want.says) {
			t.Errorf("%.60s: %v, want %s with %q", text, err, want.code, want.says)
		}
	}
}

// The case of a language tag says nothing (BCP 47): a translation has one name, however it is sent.
func TestLanguageTagsHaveOneForm(t *testing.T) {
	req := parse(t, `{"client_name#FR": "Boutique", "client_name#fr-ch": "Laden", "client_name#ZH-hant-tw": "店"}`)
	want := map[string]string{"client_name#fr": "Boutique", "client_name#fr-CH": "Laden", "client_name#zh-Hant-TW": "店"}
	if !maps.Equal(req.Metadata.Tagged, want) {
		t.Errorf("%v", req.Metadata.Tagged)
	}
	for patch, want := range map[string]string{
		`{"client_name#Fr": "Magasin"}`: `{"client_name#fr":"Magasin","client_name#fr-CH":"Laden","client_name#zh-Hant-TW":"店"}`,
		`{"client_name#FR-ch": null}`:   `{"client_name#fr":"Boutique","client_name#zh-Hant-TW":"店"}`,
	} {
		if doc, err := metadata.Patched(&req.Metadata, value(t, patch)); err != nil || doc.String() != want {
			t.Errorf("%s: %s, %v", patch, doc, err)
		}
	}
	_, err := metadata.Patched(&req.Metadata, value(t, `{"client_name#Fr": "a", "client_name#fR": null}`))
	if core.CodeOf(err) != core.InvalidClientMetadata || !strings.Contains(core.AsError(err).Detail, "client_name#Fr and client_name#fR") {
		t.Errorf("%v", err)
	}
	old, err := metadata.ParseStored(value(t, `{"client_name#fr": "a", "client_name#FR": "b"}`), nil)
	if err != nil || !maps.Equal(old.Metadata.Tagged, map[string]string{"client_name#fr": "b"}) {
		t.Errorf("%v, %v", old.Metadata.Tagged, err)
	}
}

func TestIsReserved(t *testing.T) {
	for _, name := range append(slices.Clone(standard), "client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at",
		"registration_access_token", "registration_client_uri", "client_profile", "decision_id", "warnings", "registration_status",
		"client_name#fr", "scope#fr", "client_name#") {
		if !metadata.IsReserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"", "department", "Client_Id", "x-client_id", "#client_name", "client"} {
		if metadata.IsReserved(name) {
			t.Errorf("%q is reserved", name)
		}
	}
}

func TestTaggedRow(t *testing.T) {
	row, ok := metadata.TaggedRow("client_name#fr")
	if !ok || row.Name != "client_name" {
		t.Errorf("client_name#fr is a translation of %v", row)
	}
	for _, name := range []string{"client_name", "scope#fr", "unknown#fr", "#fr"} {
		if _, ok := metadata.TaggedRow(name); ok {
			t.Errorf("%q is taken for a translation", name)
		}
	}
}

func TestBeyond(t *testing.T) {
	req := parse(t, everything, "department")
	var names []string
	for _, m := range metadata.Beyond(&req.Metadata) {
		names = append(names, m.Name)
	}
	want := []string{"client_name#de-CH-1996", "client_name#fr", "client_uri#fr", "department"}
	if !slices.Equal(names, want) {
		t.Errorf("Beyond = %v, want %v", names, want)
	}
}

func TestEachURI(t *testing.T) {
	req := parse(t, everything)
	var found []string
	metadata.EachURI(&req.Metadata, func(member, raw string) { found = append(found, member+" "+raw) })
	want := []string{
		"client_uri https://shop.example", "logo_uri https://shop.example/l.png", "tos_uri https://shop.example/tos",
		"policy_uri https://shop.example/policy", "redirect_uris https://shop.example/cb", "client_uri#fr https://shop.example/fr",
	}
	if !slices.Equal(found, want) {
		t.Errorf("EachURI gave %q\nwant %q", found, want)
	}
}
