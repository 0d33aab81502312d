package registration_test

import (
	"fmt"
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

// terms mints a token that lays something down.
func (b *bench) terms(req registration.TokenRequest) core.Secret {
	b.t.Helper()
	uses := int64(100)
	req.MaxUses = &uses
	_, secret, err := registration.NewTokens(b.store, b.desk.Site, func() time.Time { return b.now }).Mint(b.t.Context(), "ada", req)
	if err != nil {
		b.t.Fatal(err)
	}
	return secret
}

// with registers with a token.
func (b *bench) with(token core.Secret, body string) (strictjson.Value, error) {
	b.t.Helper()
	req := b.request(core.Register, core.ChannelDCR, "", body)
	req.Credential.Bearer = token
	return b.do(req)
}

var forPartners = registration.TokenRequest{
	Label: "partner", Scopes: []string{"openid", "email", "payments"}, RedirectHosts: []string{"app.example.com", "*.partner.example"},
	SoftwareIDs: []string{"s1", "s2"},
}

const partnerClient = `{"software_id":"s1","scope":"openid","redirect_uris":["https://app.example.com/cb"]}`

// What goes beyond a token is refused: with the code of its member, and a rule that names what of the token it was.
func TestBeyondTheToken(t *testing.T) {
	b := newBench(t)
	token := b.terms(forPartners)
	for body, want := range map[string]struct {
		code      core.Code
		rule, say string
	}{
		`{"software_id":"s1","scope":"openid admin.api","redirect_uris":["https://app.example.com/cb"]}`:   {core.InvalidScope, "iat.scopes", "scope has admin.api"},
		`{"software_id":"s1","redirect_uris":["https://app.example.com.evil.example/cb"]}`:                 {core.InvalidRedirectURI, "iat.redirect_hosts", "app.example.com.evil.example"},
		`{"software_id":"s1","redirect_uris":["https://app.example.com/cb","https://partner.example/cb"]}`: {core.InvalidRedirectURI, "iat.redirect_hosts", "https://partner.example/cb"},
		`{"software_id":"s1","redirect_uris":["https://a.b.partner.example/cb"]}`:                          {core.InvalidRedirectURI, "iat.redirect_hosts", "a.b.partner.example"},
		`{"software_id":"s1","redirect_uris":["com.example.app:/cb"]}`:                                     {core.InvalidRedirectURI, "iat.redirect_hosts", "com.example.app:/cb"},
		`{"software_id":"s1","redirect_uris":["com.evil.app://app.example.com/cb"]}`:                       {core.InvalidRedirectURI, "iat.redirect_hosts", "com.evil.app://"},
		`{"software_id":"s1","redirect_uris":["http://127.0.0.1/cb"]}`:                                     {core.InvalidRedirectURI, "iat.redirect_hosts", "127.0.0.1"},
		`{"software_id":"s1","redirect_uris":["https://app.example.com/cb"],"post_logout_redirect_uris":["https://evil.example/"]}`: {
			core.InvalidClientMetadata, "iat.redirect_hosts", "post_logout_redirect_uris"},
		`{"software_id":"s3","redirect_uris":["https://app.example.com/cb"]}`: {core.InvalidClientMetadata, "iat.software_ids", `"s3"`},
		`{"redirect_uris":["https://app.example.com/cb"]}`:                    {core.InvalidClientMetadata, "iat.software_ids", `""`},
	} {
		_, err := b.with(token, body)
		checkCode(t, err, want.code, want.say)
		if reasons := core.AsError(err).Reasons; len(reasons) == 0 || reasons[0].Rule != want.rule || len(reasons[0].Fields) != 1 {
			t.Errorf("%s: reasons %+v", body, reasons)
		}
		if e := b.lastEntry(); e.Outcome != ledger.Nothing || e.Stages[len(e.Stages)-1].Stage != "bounds" {
			t.Errorf("%s: stages %s", body, stages(e))
		}
	}
	if b.store.commits != 0 {
		t.Errorf("%d commits", b.store.commits)
	}
	for _, body := range []string{partnerClient, strings.Replace(partnerClient, "app.example.com", "APP.PARTNER.example:8443", 1)} {
		if _, err := b.with(token, body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, held := range b.store.tokens {
		if held.Uses != 2 {
			t.Errorf("%d uses were spent, want those of the two that were registered", held.Uses)
		}
	}
}

// A client that names no scope gets what of the defaults its token allows, which may be none.
func TestDefaultsAreNarrowed(t *testing.T) {
	b := newBench(t)
	for scopes, want := range map[string]string{"openid email payments": `"openid email"`, "payments": ""} {
		token := b.terms(registration.TokenRequest{Scopes: strings.Fields(scopes)})
		doc, err := b.with(token, `{"redirect_uris":["https://app.example.com/cb"]}`)
		if err != nil {
			t.Fatal(err)
		}
		checkMembers(t, doc, "scope", want)
	}
}

// The registration token inherits what the initial access token laid down; operators go beyond it, and what they gave stays.
func TestTheRegistrationTokenInherits(t *testing.T) {
	b := newBench(t)
	doc, err := b.with(b.terms(forPartners), partnerClient)
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf(doc)
	for change, code := range map[string]core.Code{
		`"scope":"openid profile"`: core.InvalidScope, `"redirect_uris":["https://evil.example/cb"]`: core.InvalidRedirectURI, `"software_id":"s9"`: core.InvalidClientMetadata,
	} {
		patch := b.manage(core.Update, c, "{"+change+"}")
		patch.Merge = true
		_, err := b.do(patch)
		checkCode(t, err, code, "initial access token")
	}
	given := b.request(core.Update, core.ChannelOperator, c.id, `{"scope":"openid profile","software_id":"s9","redirect_uris":["https://other.example/cb"]}`)
	given.Merge = true
	if _, err := b.do(given); err != nil {
		t.Fatalf("an operator was held to the token: %v", err)
	}
	own := b.manage(core.Update, c, `{"client_name":"Mine","scope":"openid profile payments"}`)
	own.Merge = true
	if doc, err = b.do(own); err != nil {
		t.Fatalf("the client may not keep what an operator gave it: %v", err)
	}
	checkMembers(t, doc, "software_id", `"s9"`, "redirect_uris", `["https://other.example/cb"]`)
	c.rat = clientOf(doc).rat
	back := b.manage(core.Update, c, `{"scope":"openid"}`)
	back.Merge = true
	if doc, err = b.do(back); err != nil {
		t.Fatal(err)
	}
	c.rat = clientOf(doc).rat
	again := b.manage(core.Update, c, `{"scope":"openid profile"}`)
	again.Merge = true
	_, err = b.do(again)
	checkCode(t, err, core.InvalidScope, "profile") // it gave that away
}

// Only pages of the token's origins may present it, or the registration token that came of it to change something.
func TestOrigins(t *testing.T) {
	b := newBench(t)
	token := b.terms(registration.TokenRequest{AllowedOrigins: []string{"https://app.example.com"}})
	var c client
	for _, origin := range []string{"", "null", "https://app.example.com.evil.example", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com"} {
		req := b.request(core.Register, core.ChannelDCR, "", shop)
		req.Credential.Bearer, req.Caller.Origin = token, origin
		doc, err := b.do(req)
		if origin == "https://app.example.com" {
			if err != nil {
				t.Fatal(err)
			}
			c = clientOf(doc)
			continue
		}
		checkCode(t, err, core.AccessDenied, "is for pages of https://app.example.com")
		if e := b.lastEntry(); core.AsError(err).Reasons[0].Rule != "iat.origins" || e.Actor.Kind != registration.KindIAT || stages(e) != "access" {
			t.Errorf("%q: %+v", origin, e)
		}
	}
	if _, err := b.do(b.manage(core.Read, c, "")); err != nil {
		t.Errorf("a read: %v", err)
	}
	for _, op := range []core.Operation{core.Update, core.Delete} {
		_, err := b.do(b.manage(op, c, c.put(t)))
		checkCode(t, err, core.AccessDenied, "is for pages of")
	}
	if _, err := b.do(b.request(core.Delete, core.ChannelOperator, c.id, "")); err != nil {
		t.Error(err)
	}
}

// Neither plugins nor policy loosen what a token lays down: a scope that a rule grants is left out, a value that it sets fails.
func TestPolicyCannotLoosenAToken(t *testing.T) {
	b := newBench(t)
	token := b.terms(forPartners)
	by := core.Reason{Rule: "site.generous"}
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Grant: []decision.Scope{{Scope: "admin.api", By: by}, {Scope: "email", By: by}}}, nil
	}
	doc, err := b.with(token, partnerClient)
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, doc, "scope", `"openid email"`)
	for field, value := range map[string]string{"scope": `"openid admin.api"`, "redirect_uris": `["https://evil.example/"]`, "software_id": `"s9"`} {
		b.policy = func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Set: []decision.Setting{{Field: field, Value: parse(t, value), By: by}}}, nil
		}
		commits := b.store.commits
		_, err = b.with(token, partnerClient)
		checkCode(t, err, core.PolicyUnstable, "initial access token")
		if b.store.commits != commits {
			t.Errorf("%s was stored", field)
		}
	}
}

// Policy sees what a token lays down where it is presented, and later that of the client's.
func TestPolicySeesTheTerms(t *testing.T) {
	b := newBench(t)
	asked := forPartners
	asked.PolicyData = parse(t, `{"team":"a"}`)
	var seen []decision.IAT
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		seen = append(seen, q.IAT)
		return decision.Verdict{Allow: true}, nil
	}
	doc, err := b.with(b.terms(asked), partnerClient)
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf(doc)
	if _, err := b.do(b.manage(core.Update, c, c.put(t, "client_name", `"New"`))); err != nil {
		t.Fatal(err)
	}
	for i, iat := range seen {
		if iat.Present != (i == 0) || iat.ID == "" || iat.Label != "partner" || !slices.Equal(iat.Terms.Scopes, asked.Scopes) || iat.Terms.PolicyData != `{"team":"a"}` {
			t.Errorf("%d: %+v", i, iat)
		}
	}
	if len(seen) != 2 {
		t.Errorf("policy was asked %d times", len(seen))
	}
	// Where nothing is decided about what the client may be, the token has no part in it.
	if _, err := b.do(b.request(core.Disable, core.ChannelOperator, c.id, "")); err != nil || seen[2].ID != "" || seen[2].Label != "" {
		t.Errorf("%v, disabling: %+v", err, seen[2])
	}
	// An audit knows what the client keeps of its token, when that is gone.
	audited, unknown := b.desk.Reconsider(t.Context(), b.policy.DecideRegistration, b.stored(c.id).Client, nil, core.InitialAccessToken{})
	if got := seen[3]; audited.Verdict != ledger.Allowed || !slices.Contains(unknown, "iat") || got.Label != "partner" || got.Terms.PolicyData != `{"team":"a"}` {
		t.Errorf("audit: %+v %v, asked about %+v", audited.Verdict, unknown, got)
	}
	// A replay is held to the same: the question says what the token laid down.
	kept, err := decision.ParseKept(b.store.entries[b.stored(c.id).Client.Provenance.RegisteredBy].Input)
	if err != nil {
		t.Fatal(err)
	}
	again := b.desk.Rejudge(t.Context(), answers(func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Set: []decision.Setting{{Field: "scope", Value: parse(t, `"admin.api"`), By: core.Reason{Rule: "r"}}}}, nil
	}).DecideRegistration, kept)
	if again.Verdict != ledger.Failed || again.Error.Code != core.PolicyUnstable {
		t.Errorf("replay: %+v", again)
	}
}

// What could never match is refused by name when the token is made.
func TestMintRefusesTerms(t *testing.T) {
	b := newBench(t)
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprint("s", i)
	}
	for says, req := range map[string]registration.TokenRequest{
		`scopes: "a b" is no scope`:             {Scopes: []string{"a b"}},
		"scopes is empty":                       {Scopes: []string{}},
		`scopes: "a" is there twice`:            {Scopes: []string{"a", "a"}},
		"software_ids has more than 50":         {SoftwareIDs: many},
		`software_ids: "" is empty`:             {SoftwareIDs: []string{""}},
		"is longer than":                        {SoftwareIDs: []string{strings.Repeat("x", 256)}},
		`redirect_hosts: "https://a.example"`:   {RedirectHosts: []string{"https://a.example"}},
		`redirect_hosts: "*" is no host`:        {RedirectHosts: []string{"*"}},
		`redirect_hosts: "*.10.0.0.1"`:          {RedirectHosts: []string{"*.10.0.0.1"}},
		`origins: "https://a.example/"`:         {Origins: []string{"https://a.example/"}},
		`origins: "https://A.example"`:          {Origins: []string{"https://A.example"}},
		`origins: "https://a.example:443"`:      {Origins: []string{"https://a.example:443"}},
		`origins: "null"`:                       {Origins: []string{"null"}},
		"origins and allowed_origins":           {Origins: []string{"https://a.example"}, AllowedOrigins: []string{"https://b.example"}},
		"policy_data must be a JSON object":     {PolicyData: strictjson.Strings([]string{"a"})},
		"policy_data is longer than 2048 bytes": {PolicyData: parse(t, `{"a":"`+strings.Repeat("x", 2048)+`"}`)},
	} {
		_, _, err := registration.NewTokens(b.store, b.desk.Site, func() time.Time { return b.now }).Mint(t.Context(), "ada", req)
		checkCode(t, err, core.InvalidRequest, says)
	}
	if len(b.store.tokens) > 0 {
		t.Errorf("%d tokens were made", len(b.store.tokens))
	}
}
