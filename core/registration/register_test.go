package registration_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

func TestRegister(t *testing.T) {
	b := newBench(t)
	secret := b.token(2, "")
	req := b.request(core.Register, core.ChannelDCR, "", shop)
	req.Credential.Bearer = secret
	doc, err := b.do(req)
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf(doc)
	checkMembers(t, doc,
		"client_name", `"Shop"`, "redirect_uris", `["https://shop.example/cb"]`, "scope", `"openid email"`,
		"token_endpoint_auth_method", `"client_secret_basic"`, "grant_types", `["authorization_code"]`, "response_types", `["code"]`,
		"application_type", `"web"`, "subject_type", `"public"`, "id_token_signed_response_alg", `"RS256"`,
		"client_id_issued_at", "1772366400", "client_secret_expires_at", "0", "registration_status", "", "warnings", "",
		"registration_client_uri", `"https://op.example/dcr/register/`+string(c.id)+`"`, "decision_id", `"`+string(req.Decision)+`"`)
	if len(c.secret.Reveal()) != 43 || len(c.rat.Reveal()) != 43 {
		t.Errorf("client_secret has %d and registration_access_token %d characters", len(c.secret.Reveal()), len(c.rat.Reveal()))
	}

	stored := b.stored(c.id)
	if stored.Credentials.Secrets[0].Hash != c.secret.Hash().String() || stored.Credentials.Registration[0].Hash != c.rat.Hash() {
		t.Error("what is stored are not the hashes of what was answered")
	}
	held, _ := b.store.TokenByHash(t.Context(), secret.Hash())
	p := stored.Client.Provenance
	if held.Uses != 1 || p.IAT != held.Token.ID || p.Channel != core.ChannelDCR || p.Profile != "default" || p.Revision != "r-test" ||
		p.RegisteredBy != req.Decision || p.WrittenBy != req.Decision || stored.State != core.Active || stored.Client.Governance.Trust != "none" {
		t.Errorf("stored %+v with %d uses", stored.Client, held.Uses)
	}
}

// An accepted registration leaves its entry with the client, and what came after the commit through the book.
func TestEntryOfARegistration(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	id := core.DecisionID(text(c.doc, "decision_id"))
	e, found := b.store.entries[id]
	if !found || len(b.book.entries) > 0 {
		t.Fatalf("stored: %t, booked: %d", found, len(b.book.entries))
	}
	if e.V != 1 || e.Operation != core.Register || e.Channel != core.ChannelDCR || e.ClientID != c.id || e.Revision != "r-test" ||
		e.Verdict != ledger.Allowed || e.Outcome != ledger.Stored || e.Error != nil || !e.Time.Equal(b.now) {
		t.Errorf("entry = %+v", e)
	}
	if e.Actor.Kind != registration.KindIAT || e.Actor.Subject != "ada" || e.Actor.Token == "" || e.Actor.IP != "192.0.2.1" {
		t.Errorf("actor = %+v", e.Actor)
	}
	if got := stages(e); got != "access statement normalise floor policy approve" {
		t.Errorf("stages = %s", got)
	}
	for _, s := range e.Stages {
		changes := s.Stage == "statement" || s.Stage == "normalise"
		if (len(s.Patch) > 0) != changes || s.Fault != "" || len(s.Reasons) > 0 || s.NS < 0 {
			t.Errorf("stage %+v", s)
		}
	}
	if rows := b.book.shaped[id]; len(rows) != 1 || rows[0].Stage != "commit" {
		t.Errorf("after the commit: %+v", rows)
	}
	input := parse(t, string(e.Input))
	checkMembers(t, input, "operation", `"register"`, "channel", `"dcr"`, "pass", "1", "profile", `"default"`,
		"present", `["client_name","redirect_uris","scope"]`)
	effective, _ := input.Get("effective")
	checkMembers(t, effective, "scope", `["openid","email"]`)
}

// Who asks for what nothing comes of is told so, once.
func TestIdleMembers(t *testing.T) {
	b := newBench(t)
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"backchannel_logout_uri":"https://a.example/out","backchannel_logout_session_required":false}`)
	checkMembers(t, c.doc, "backchannel_logout_uri", `"https://a.example/out"`, "backchannel_logout_session_required", "false",
		"warnings", `[{"rule":"idle","fields":["backchannel_logout_uri"],"message":"backchannel_logout_uri is kept, and nothing comes of it: this server tells no client that a session has ended."}]`)
	c = b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"A"`)))
	checkMembers(t, c.doc, "backchannel_logout_uri", `"https://a.example/out"`, "warnings", "")

	// So is who names an algorithm and signs nothing, as some libraries do at every server.
	c = b.register(`{"redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"client_secret_post","token_endpoint_auth_signing_alg":"RS256"}`)
	checkMembers(t, c.doc, "token_endpoint_auth_signing_alg", `"RS256"`,
		"warnings", `[{"rule":"idle","fields":["token_endpoint_auth_signing_alg"],"message":"token_endpoint_auth_signing_alg is kept, and nothing comes of it: the token_endpoint_auth_method client_secret_post signs nothing."}]`)
}

// Promises that can only be held to by refusing are kept, and who makes one is told what it costs; a foreign member is not kept.
func TestPromisesOfMembers(t *testing.T) {
	b := newBench(t)
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"dpop_bound_access_tokens":true,"require_signed_request_object":false,"inum":"x","org_id":"o"}`)
	checkMembers(t, c.doc, "dpop_bound_access_tokens", "true", "require_signed_request_object", "false", "inum", "", "org_id", `"o"`,
		"warnings", `[{"rule":"barring","fields":["dpop_bound_access_tokens"],"message":"dpop_bound_access_tokens is kept and held to: this server binds no tokens by DPoP yet, so that this client gets none. Register false to do without."},`+
			`{"rule":"not_kept","fields":["inum"],"message":"inum is not kept: it is what Janssen keeps of a client, and not for the client to say."}]`)
	c = b.mustDo(b.manage(core.Update, c, c.put(t, "require_signed_request_object", "true")))
	checkMembers(t, c.doc, "dpop_bound_access_tokens", "true", "require_signed_request_object", "true")
	if warnings, _ := c.doc.Get("warnings"); warnings.Len() != 1 || !strings.Contains(warnings.String(), "every authorization request of this client is refused") {
		t.Errorf("warnings: %s", warnings)
	}
}

// What is encrypted says how (OpenID Connect Registration §2, RFC 9701 §6, JARM §3): what is not said is the default, and it is answered.
func TestDefaultContentEncryption(t *testing.T) {
	b := newBench(t)
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"jwks_uri":"https://a.example/k","introspection_encrypted_response_alg":"RSA-OAEP",
		"authorization_encrypted_response_alg":"ECDH-ES","authorization_encrypted_response_enc":"A256GCM","request_object_encryption_alg":"RSA-OAEP-256",
		"id_token_encrypted_response_alg":"RSA-OAEP","userinfo_encrypted_response_alg":"ECDH-ES","userinfo_encrypted_response_enc":"A128GCM"}`)
	checkMembers(t, c.doc, "introspection_encrypted_response_enc", `"A128CBC-HS256"`, "authorization_encrypted_response_enc", `"A256GCM"`,
		"request_object_encryption_enc", `"A128CBC-HS256"`, "id_token_encrypted_response_enc", `"A128CBC-HS256"`, "userinfo_encrypted_response_enc", `"A128GCM"`)
}

// A merge that ends encryption need not take back what was filled in; what it says itself is held to the floor. A replacement says all.
func TestMergeEndsEncryption(t *testing.T) {
	b := newBench(t)
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"jwks_uri":"https://a.example/k","id_token_encrypted_response_alg":"RSA-OAEP",
		"userinfo_encrypted_response_alg":"ECDH-ES","request_object_encryption_alg":"RSA-OAEP"}`)
	merge := func(patch string) (strictjson.Value, error) {
		req := b.manage(core.Update, c, patch)
		req.Merge = true
		return b.do(req)
	}
	_, err := merge(`{"id_token_encrypted_response_alg":null,"id_token_encrypted_response_enc":"A256GCM"}`)
	checkCode(t, err, core.InvalidClientMetadata, "id_token_encrypted_response_enc says nothing without id_token_encrypted_response_alg")
	_, err = b.do(b.manage(core.Update, c, c.put(t, "id_token_encrypted_response_alg", "null")))
	checkCode(t, err, core.InvalidClientMetadata, "id_token_encrypted_response_enc says nothing without id_token_encrypted_response_alg")
	got, err := merge(`{"id_token_encrypted_response_alg":null,"request_object_encryption_alg":""}`)
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, got, "id_token_encrypted_response_alg", "", "id_token_encrypted_response_enc", "", "request_object_encryption_enc", "",
		"userinfo_encrypted_response_enc", `"A128CBC-HS256"`)
}

func TestDefaultsOfARegistration(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"no scope":             {`{"redirect_uris":["https://a.example/"]}`, []string{"scope", `"openid profile email address phone offline_access"`}},
		"empty scope":          {`{"redirect_uris":["https://a.example/"],"scope":""}`, []string{"scope", `"openid profile email address phone offline_access"`}},
		"no redirect grant":    {`{"grant_types":["client_credentials"]}`, []string{"response_types", "[]", "application_type", `"web"`}},
		"empty response types": {`{"grant_types":["client_credentials"],"response_types":[]}`, []string{"response_types", "[]"}},
		"loopback":             {`{"redirect_uris":["http://127.0.0.1/cb"]}`, []string{"application_type", `"native"`}},
		"loopback said web":    {`{"redirect_uris":["http://127.0.0.1/cb"],"application_type":"web"}`, []string{"application_type", `"native"`}},
		"private scheme":       {`{"redirect_uris":["com.example.app:/cb"]}`, []string{"application_type", `"native"`}},
		"mixed":                {`{"redirect_uris":["com.example.app:/cb","https://a.example/"]}`, []string{"application_type", `"native"`}},
		"mixed said web":       {`{"redirect_uris":["com.example.app:/cb","https://a.example/"],"application_type":"web"}`, []string{"application_type", `"web"`}},
		"native said so":       {`{"redirect_uris":["https://a.example/"],"application_type":"native"}`, []string{"application_type", `"native"`}},
		"public":               {`{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"none"}`, []string{"client_secret", "", "client_secret_expires_at", ""}},
		"keys":                 {`{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt"}`, []string{"client_secret", ""}},
		"nulls":                {`{"redirect_uris":["https://a.example/"],"contacts":null,"logo_uri":"","grant_types":null}`, []string{"contacts", "", "logo_uri", "", "grant_types", `["authorization_code"]`}},
	} {
		t.Run(name, func(t *testing.T) { checkMembers(t, newBench(t).register(test.body).doc, test.want...) })
	}
}

func withProfiles(s *registration.Site) {
	off := false
	s.Profiles = map[string]registration.Profile{
		"spa": {TokenEndpointAuthMethod: "none", DefaultScopes: []string{"openid"}, IDTokenSignedAlg: "ES256"},
		"bff": {ClientIDs: []string{"bff-server"}, ClientSecretLifetime: 24 * time.Hour, GrantTypes: []string{"authorization_code", "refresh_token"}},
		"old": {Enabled: &off},
	}
}

func TestProfiles(t *testing.T) {
	b := newBench(t, withProfiles)
	const redirect = `"redirect_uris":["https://a.example/"]`
	spa := b.register(`{` + redirect + `,"client_profile":"spa"}`)
	checkMembers(t, spa.doc, "token_endpoint_auth_method", `"none"`, "scope", `"openid"`, "id_token_signed_response_alg", `"ES256"`, "client_profile", "")
	if got := b.stored(spa.id).Client.Provenance.Profile; got != "spa" {
		t.Errorf("profile = %q", got)
	}
	said := b.register(`{` + redirect + `,"client_profile":"spa","scope":"email","token_endpoint_auth_method":"client_secret_post"}`)
	checkMembers(t, said.doc, "token_endpoint_auth_method", `"client_secret_post"`, "scope", `"email"`)
	bff := b.register(`{` + redirect + `,"client_profile":"bff"}`)
	checkMembers(t, bff.doc, "grant_types", `["authorization_code","refresh_token"]`, "client_secret_expires_at", "1772452800")

	for name, test := range map[string]struct{ token, body, says string }{
		"unknown":         {"", `{` + redirect + `,"client_profile":"nope"}`, `client_profile "nope" is not offered; offered: bff, default, spa.`},
		"switched off":    {"", `{` + redirect + `,"client_profile":"old"}`, "is not offered"},
		"no string":       {"", `{` + redirect + `,"client_profile":7}`, "client_profile must be a string, not a number"},
		"not the token's": {"spa", `{` + redirect + `,"client_profile":"bff"}`, `is not what the initial access token is for`},
	} {
		req := b.request(core.Register, core.ChannelDCR, "", test.body)
		req.Credential.Bearer = b.token(1, test.token)
		_, err := b.do(req)
		t.Run(name, func(t *testing.T) { checkCode(t, err, core.InvalidClientMetadata, test.says) })
	}
	for _, body := range []string{`{` + redirect + `}`, `{` + redirect + `,"client_profile":"spa"}`} {
		req := b.request(core.Register, core.ChannelDCR, "", body)
		req.Credential.Bearer = b.token(1, "spa")
		doc, err := b.do(req)
		if err != nil {
			t.Fatal(err)
		}
		checkMembers(t, doc, "token_endpoint_auth_method", `"none"`)
	}
	operators := b.request(core.Register, core.ChannelOperator, "", `{`+redirect+`}`)
	operators.Profile = "spa"
	doc, err := b.do(operators)
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, doc, "token_endpoint_auth_method", `"none"`, "registration_access_token", "")
}

// A client id is honoured when the profile lists it and it is free, refused when taken, otherwise ignored with a warning.
func TestChosenClientID(t *testing.T) {
	b := newBench(t, withProfiles)
	const body = `{"redirect_uris":["https://a.example/"],"client_profile":"bff","client_id":"bff-server"}`
	first := b.register(body)
	if first.id != "bff-server" {
		t.Fatalf("client_id = %s", first.id)
	}
	req := b.request(core.Register, core.ChannelDCR, "", body)
	req.Credential.Bearer = b.token(1, "")
	_, err := b.do(req)
	checkCode(t, err, core.InvalidClientMetadata, "client_id is taken")
	e := b.lastEntry()
	if e.Verdict != ledger.Denied || e.Outcome != ledger.Nothing || e.ClientID != "" || !strings.HasSuffix(stages(e), "approve commit") ||
		core.AsError(err).Decision != req.Decision {
		t.Errorf("entry = %+v", e)
	}
	if held, _ := b.store.TokenByHash(t.Context(), req.Credential.Bearer.Hash()); held.Uses != 0 {
		t.Error("a refused registration spent its token")
	}
	generation := b.stored(first.id).Client.Generation
	if _, err := b.do(b.manage(core.Delete, first, "")); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Millisecond)
	if again := b.register(body); again.id != "bff-server" || b.stored(again.id).Client.Generation == generation {
		t.Errorf("registered again as %s under generation %d", again.id, generation)
	}
	for name, asked := range map[string]string{"listed elsewhere": `{"redirect_uris":["https://a.example/"],"client_id":"bff-server"}`,
		"not listed": `{"redirect_uris":["https://a.example/"],"client_profile":"bff","client_id":"other"}`,
		"no string":  `{"redirect_uris":["https://a.example/"],"client_profile":"bff","client_id":7}`,
	} {
		c := b.register(asked)
		if !strings.HasPrefix(string(c.id), "c-") {
			t.Errorf("%s: client_id = %s", name, c.id)
		}
		if warned, _ := c.doc.Get("warnings"); warned.Len() != 1 || !strings.Contains(warned.String(), "client_id was not taken over") {
			t.Errorf("%s: warnings = %s", name, warned)
		}
	}
}

// Limits of policy shorten a secret's and a client's life; the largest number there is does not turn into a short one.
func TestLimits(t *testing.T) {
	for name, test := range map[string]struct {
		limits          map[string]int64
		profile         string
		expires, secret time.Duration
	}{
		"none":            {nil, "", 0, 0},
		"client":          {map[string]int64{decision.LimitClientLifetime: 3600}, "", time.Hour, time.Hour},
		"both":            {map[string]int64{decision.LimitClientLifetime: 3600, decision.LimitClientSecretLifetime: 60}, "", time.Hour, time.Minute},
		"secret":          {map[string]int64{decision.LimitClientSecretLifetime: 60}, "", 0, time.Minute},
		"profile is less": {map[string]int64{decision.LimitClientSecretLifetime: 1e6}, "bff", 0, 24 * time.Hour},
		"policy is less":  {map[string]int64{decision.LimitClientSecretLifetime: 60}, "bff", 0, time.Minute},
		"huge": {map[string]int64{decision.LimitClientLifetime: 1<<63 - 1, decision.LimitClientSecretLifetime: 18446744074}, "",
			100 * 365 * 24 * time.Hour, 100 * 365 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, withProfiles)
			b.policy = func(*decision.Registration) (decision.Verdict, error) {
				return decision.Verdict{Allow: true, Limits: test.limits}, nil
			}
			c := b.register(`{"redirect_uris":["https://a.example/"],"client_profile":"` + cmp.Or(test.profile, "default") + `"}`)
			s := b.stored(c.id)
			checkExpiry(t, "client", s.Client.Expires, b.now, test.expires)
			checkExpiry(t, "secret", s.Credentials.Secrets[0].ExpiresAt, b.now, test.secret)
		})
	}
}

func checkExpiry(t *testing.T, what string, got, now time.Time, want time.Duration) {
	t.Helper()
	if want == 0 && !got.IsZero() || want != 0 && !got.Equal(now.Add(want)) {
		t.Errorf("%s expires %v, want %v after %v (0: never)", what, got, want, now)
	}
}

// Unknown members reach policy; only those in custom_attributes are stored and echoed, and policy sees these too.
func TestUnknownMembers(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.CustomAttributes = []string{"team"} })
	var extra []string
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		for _, m := range q.Effective.Extra {
			extra = append(extra, m.Name)
		}
		return decision.Verdict{Allow: true}, nil
	}
	c := b.register(`{"redirect_uris":["https://a.example/"],"team":{"a":[1]},"color":"red","client_name":"n","client_name#fr":"f"}`)
	checkMembers(t, c.doc, "team", `{"a":[1]}`, "color", "", "client_name#fr", `"f"`)
	if want := []string{"client_name#fr", "team", "color"}; !slices.Equal(extra, want) {
		t.Errorf("policy saw %v beyond the table, want %v", extra, want)
	}
}

// What policy requires, labels and trusts is kept with the client.
func TestGovernanceIsKept(t *testing.T) {
	b := newBench(t)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{
			Allow: true, Labels: []string{"partner"}, Trust: "none", Limits: map[string]int64{decision.LimitClientLifetime: 60},
			Require: []core.Obligation{{Name: decision.ObligePKCE, Rule: "obligations.pkce"}},
		}, nil
	}
	g := b.stored(b.register(shop).id).Client.Governance
	if len(g.Obligations) != 1 || g.Obligations[0].Name != decision.ObligePKCE || !slices.Equal(g.Labels, []string{"partner"}) ||
		g.Trust != "none" || g.Limits[decision.LimitClientLifetime] != 60 {
		t.Errorf("governance = %+v", g)
	}
}
