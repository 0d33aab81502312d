package registration_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
)

// mustDo sends a request that must succeed, and gives the client as it is answered.
func (b *bench) mustDo(req registration.Request) client {
	b.t.Helper()
	doc, err := b.do(req)
	if err != nil {
		b.t.Fatalf("%s: %v", req.Operation, err)
	}
	c := clientOf(doc)
	if c.secret == "" {
		c.doc = doc.Without("client_secret")
	}
	return c
}

// RFC 7592 §2.1: a read echoes the token that was presented, leaves no entry and never the secret.
func TestRead(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	got := b.mustDo(b.manage(core.Read, c, ""))
	checkMembers(t, got.doc, "client_id", `"`+string(c.id)+`"`, "client_name", `"Shop"`, "client_secret", "", "client_secret_expires_at", "0",
		"registration_access_token", `"`+c.rat.Reveal()+`"`, "decision_id", "", "warnings", "")
	if len(b.book.entries) > 0 {
		t.Errorf("a read left %+v", b.book.entries)
	}
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "r", Code: core.AccessDenied, Message: "No.", Public: true}}}, nil
	}
	_, err := b.do(b.manage(core.Read, c, ""))
	checkCode(t, err, core.AccessDenied, "No.")
	if e := b.lastEntry(); e.Operation != core.Read || stages(e) != "access normalise policy" || e.Input == nil {
		t.Errorf("entry = %+v", e)
	}
}

// PUT replaces: what is not sent goes, or falls back to its default.
func TestReplace(t *testing.T) {
	b := newBench(t)
	c := b.register(`{"client_name":"Shop","client_name#fr":"Boutique","redirect_uris":["https://shop.example/cb"],"scope":"openid","contacts":["a@b.example"]}`)
	got := b.mustDo(b.manage(core.Update, c, c.put(t, "contacts", "", "client_name#fr", "", "scope", "", "client_name", `"New"`)))
	checkMembers(t, got.doc, "client_name", `"New"`, "client_name#fr", "", "contacts", "", "scope", `"openid profile email address phone offline_access"`,
		"client_id_issued_at", "1772366400", "client_secret", "")
	if id := text(got.doc, "decision_id"); b.store.entries[core.DecisionID(id)].Operation != core.Update {
		t.Errorf("no entry %s of the update", id)
	}
	p := b.stored(c.id).Client.Provenance
	if string(p.RegisteredBy) != text(c.doc, "decision_id") || string(p.WrittenBy) != text(got.doc, "decision_id") {
		t.Errorf("provenance = %+v", p)
	}
}

// PATCH merges (RFC 7396): what is not sent stays, null goes or falls back, objects merge.
func TestMerge(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.CustomAttributes = []string{"team"} })
	c := b.register(`{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scope":"openid","contacts":["a@b.example"],"team":{"a":1,"b":2}}`)
	req := b.manage(core.Update, c, `{"client_name":"New","contacts":null,"team":{"b":null,"c":3}}`)
	req.Merge = true
	got := b.mustDo(req)
	checkMembers(t, got.doc, "client_name", `"New"`, "contacts", "", "scope", `"openid"`, "redirect_uris", `["https://shop.example/cb"]`, "team", `{"a":1,"c":3}`)

	wrong := b.manage(core.Update, got, `["client_name"]`)
	wrong.Merge = true
	_, err := b.do(wrong)
	checkCode(t, err, core.InvalidClientMetadata, "must be a JSON object (RFC 7396), not an array")
	flipped := b.manage(core.Update, got, `{"redirect_uris":{"0":"https://evil.example"}}`)
	flipped.Merge = true
	_, err = b.do(flipped)
	checkCode(t, err, core.InvalidRedirectURI, "redirect_uris must be an array")
}

// RFC 7592 §2.2: members that name the registration may be repeated as they are, and never changed.
func TestControlMembersOfAnUpdate(t *testing.T) {
	b := newBench(t, withProfiles)
	c := b.register(`{"redirect_uris":["https://a.example/"],"client_profile":"bff"}`)
	for name, test := range map[string]struct {
		changes []string
		code    core.Code // "": accepted
		says    string
	}{
		"as answered":          {nil, "", ""},
		"the secret too":       {[]string{"client_secret", `"` + c.secret.Reveal() + `"`}, "", ""},
		"its profile":          {[]string{"client_profile", `"bff"`}, "", ""},
		"nulls":                {[]string{"registration_access_token", "null", "client_secret", "null", "registration_client_uri", `""`}, "", ""},
		"without them":         {[]string{"registration_access_token", "", "registration_client_uri", "", "client_id_issued_at", "", "client_secret_expires_at", ""}, "", ""},
		"answer-only members":  {[]string{"decision_id", `"d-other"`, "warnings", "[]", "registration_status", `"active"`}, "", ""},
		"no client_id":         {[]string{"client_id", ""}, core.InvalidRequest, "client_id is missing"},
		"another client_id":    {[]string{"client_id", `"c-other"`}, core.InvalidRequest, "client_id is not that of"},
		"client_id, a number":  {[]string{"client_id", "7"}, core.InvalidRequest, "client_id is not that of"},
		"another secret":       {[]string{"client_secret", `"chosen"`}, core.InvalidRequest, "client_secret does not match"},
		"secret, a number":     {[]string{"client_secret", "7"}, core.InvalidRequest, "client_secret does not match"},
		"another token":        {[]string{"registration_access_token", `"chosen"`}, core.InvalidRequest, "registration_access_token cannot be changed"},
		"another URI":          {[]string{"registration_client_uri", `"https://evil.example"`}, core.InvalidRequest, "registration_client_uri cannot be changed"},
		"issued earlier":       {[]string{"client_id_issued_at", "1"}, core.InvalidRequest, "client_id_issued_at cannot be changed"},
		"issued at, a string":  {[]string{"client_id_issued_at", `"1772366400"`}, core.InvalidRequest, "client_id_issued_at cannot be changed"},
		"secret never expires": {[]string{"client_secret_expires_at", "0"}, core.InvalidRequest, "client_secret_expires_at cannot be changed"},
		"another profile":      {[]string{"client_profile", `"spa"`}, core.InvalidRequest, "client_profile cannot be changed"},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			before := b.stored(c.id)
			_, err := b.do(b.manage(core.Update, c, c.put(t, test.changes...)))
			checkCode(t, err, test.code, test.says)
			if after := b.stored(c.id); after.Stamps != before.Stamps {
				t.Error("the client was written, though none of these changes it")
			}
		})
	}
}

// Of an update that never reaches policy is kept what the client was, and nothing of what was asked for.
func TestRefusedUpdateTellsWhatWas(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	was := b.stored(c.id).Client.Metadata
	for code, asked := range map[core.Code][]string{
		core.InvalidRedirectURI: {"redirect_uris", `["javascript:alert(1)"]`}, core.InvalidRequest: {"client_id", `"other"`},
	} {
		_, err := b.do(b.manage(core.Update, c, c.put(t, append(asked, "client_name", `"Told"`)...)))
		checkCode(t, err, code, "")
		e := b.lastEntry()
		kept, err := decision.ParseKept(e.Input)
		if err != nil {
			t.Fatalf("%s: %v: %s", code, err, e.Input)
		}
		if differs := metadata.Changed(&kept.Before.Metadata, &was); len(differs) > 0 || kept.Before.ClientID != c.id || e.Verdict != ledger.Denied {
			t.Errorf("%s: %v differ in what the client was: %s", code, differs, e.Input)
		}
		if strings.Contains(string(e.Input), "Told") || strings.Contains(string(e.Input), "alert") {
			t.Errorf("%s: kept of the request: %s", code, e.Input)
		}
	}
	_, err := b.do(b.manage(core.Update, client{id: c.id, rat: "no-token-of-this-client"}, c.put(t)))
	checkCode(t, err, core.InvalidToken, "")
	if e := b.lastEntry(); e.Input != nil {
		t.Errorf("who showed no token: %s", e.Input)
	}
}

func TestUnchangedUpdate(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	before, commits := b.stored(c.id), b.store.commits
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{
			Deny: []core.Reason{
				{Rule: "scopes.now_forbidden", Code: core.InvalidScope, Fields: []string{"scope"}, Message: "email is not offered any more.", Public: true},
				{Rule: "hidden", Code: core.AccessDenied, Message: "internal"},
			},
			Warn:  []core.Reason{{Rule: "w", Message: "Old.", Public: true}},
			Strip: []decision.Scope{{Scope: "email", By: core.Reason{Rule: "s"}}},
		}, nil
	}
	got := b.mustDo(b.manage(core.Update, c, c.put(t)))
	checkMembers(t, got.doc, "registration_access_token", `"`+c.rat.Reveal()+`"`, "scope", `"openid email"`,
		"warnings", `[{"rule":"w","fields":[],"message":"Old."},{"rule":"scopes.now_forbidden","fields":["scope"],"message":"email is not offered any more."}]`)
	if b.store.commits != commits || b.stored(c.id).Stamps != before.Stamps {
		t.Error("an unchanged update was written")
	}
	e := b.lastEntry()
	if e.Verdict != ledger.Allowed || e.Outcome != ledger.Unchanged || e.Error != nil || len(e.Stages[4].Reasons) != 4 || e.Input == nil ||
		string(e.DecisionID) != text(got.doc, "decision_id") {
		t.Errorf("entry = %+v", e)
	}
	_, err := b.do(b.manage(core.Update, c, c.put(t, "client_name", `"Other"`)))
	checkCode(t, err, core.AccessDenied, "refused by policy") // any other update is judged in full
}

// The one before the current token lives until the current one is used, or ten minutes.
func TestTokenRotation(t *testing.T) {
	b := newBench(t)
	first := b.register(shop)
	second := b.mustDo(b.manage(core.Update, first, first.put(t, "client_name", `"Two"`)))
	if second.rat == "" || second.rat == first.rat {
		t.Fatal("an update did not rotate the token")
	}
	old := client{id: first.id, rat: first.rat}
	b.mustDo(b.manage(core.Read, old, ""))
	b.now = b.now.Add(10*time.Minute - time.Second)
	b.mustDo(b.manage(core.Read, old, ""))
	b.now = b.now.Add(time.Second)
	_, err := b.do(b.manage(core.Read, old, ""))
	checkCode(t, err, core.InvalidToken, "")

	third := b.mustDo(b.manage(core.Update, second, second.put(t, "client_name", `"Three"`)))
	if n := len(b.stored(first.id).Credentials.Registration); n != 2 {
		t.Errorf("%d tokens are kept, want 2", n)
	}
	b.mustDo(b.manage(core.Read, client{id: first.id, rat: second.rat}, ""))
	b.mustDo(b.manage(core.Read, third, ""))
	_, err = b.do(b.manage(core.Read, client{id: first.id, rat: second.rat}, ""))
	checkCode(t, err, core.InvalidToken, "")
}

// An unchanged update uses the current token too; an answer that got lost lets the client go on with the one it has.
func TestTokenRotationByUpdates(t *testing.T) {
	b := newBench(t)
	first := b.register(shop)
	lost := b.mustDo(b.manage(core.Update, first, first.put(t, "client_name", `"Two"`)))
	second := b.mustDo(b.manage(core.Update, first, first.put(t, "client_name", `"Three"`))) // with the earlier one
	_, err := b.do(b.manage(core.Read, client{id: first.id, rat: lost.rat}, ""))
	checkCode(t, err, core.InvalidToken, "") // nobody had it

	b.mustDo(b.manage(core.Update, second, second.put(t)))
	_, err = b.do(b.manage(core.Read, client{id: first.id, rat: first.rat}, ""))
	checkCode(t, err, core.InvalidToken, "")
	b.mustDo(b.manage(core.Read, second, ""))
}

// If the earlier token cannot be ended, the request fails and leaves an entry; it does not end silently.
func TestForgettingFails(t *testing.T) {
	b := newBench(t)
	first := b.register(shop)
	second := b.mustDo(b.manage(core.Update, first, first.put(t, "client_name", `"Two"`)))
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		b.store.fail = core.Fail(core.InsufficientStorage, "Full.", errors.New("0 bytes free")) // from here on
		return decision.Verdict{Allow: true}, nil
	}
	_, err := b.do(b.manage(core.Read, second, ""))
	checkCode(t, err, core.InsufficientStorage, "Full.")
	if e := b.lastEntry(); e.Verdict != ledger.Failed || e.Outcome != ledger.Nothing || core.AsError(err).Decision != e.DecisionID {
		t.Errorf("entry = %+v", e)
	}
}

// Into a secret method mints a secret, out of it deletes it, between two of them keeps it.
func TestMethodChanges(t *testing.T) {
	b := newBench(t)
	c := b.register(`{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"none"}`)
	if c.secret != "" || len(b.stored(c.id).Credentials.Secrets) != 0 {
		t.Fatal("a public client has a secret")
	}
	into := b.mustDo(b.manage(core.Update, c, c.put(t, "token_endpoint_auth_method", `"client_secret_basic"`)))
	if into.secret == "" || b.stored(c.id).Credentials.Secrets[0].Hash != into.secret.Hash().String() {
		t.Error("no secret was minted")
	}
	kept := b.mustDo(b.manage(core.Update, into, into.put(t, "token_endpoint_auth_method", `"client_secret_post"`)))
	if kept.secret != "" || b.stored(c.id).Credentials.Secrets[0].Hash != into.secret.Hash().String() {
		t.Error("the secret was not kept")
	}
	out := b.mustDo(b.manage(core.Update, kept, kept.put(t, "token_endpoint_auth_method", `"private_key_jwt"`, "client_secret_expires_at", "")))
	checkMembers(t, out.doc, "client_secret", "", "client_secret_expires_at", "")
	if len(b.stored(c.id).Credentials.Secrets) != 0 {
		t.Error("the secret outlived its method")
	}
}

func TestDelete(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	req := b.manage(core.Delete, c, "")
	answer, err := b.desk.Do(t.Context(), req)
	if err != nil || answer.Body != nil || answer.ClientID != c.id || b.stored(c.id).Client.ID != "" {
		t.Errorf("delete: %+v, %v", answer, err)
	}
	e := b.store.entries[req.Decision]
	if e.Outcome != ledger.Deleted || e.ClientID != c.id || stages(e) != "access normalise policy approve" {
		t.Errorf("entry = %+v", e)
	}
}

// Of two updates judged on the same client one is carried out, and the other is told.
func TestConflictingUpdates(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	inner := b.manage(core.Update, c, c.put(t, "client_name", `"Inner"`))
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		if q.Effective.Metadata.ClientName == "Outer" { // while this one is being judged
			b.mustDo(inner)
		}
		return decision.Verdict{Allow: true}, nil
	}
	_, err := b.do(b.manage(core.Update, c, c.put(t, "client_name", `"Outer"`)))
	checkCode(t, err, core.Conflict, "read it and try again")
	if got := b.stored(c.id).Client.Metadata.ClientName; got != "Inner" {
		t.Errorf("the client is called %q", got)
	}
	if e := b.lastEntry(); e.Verdict != ledger.Denied || e.Outcome != ledger.Nothing || e.ClientID != c.id {
		t.Errorf("entry = %+v", e)
	}
}

// A profile that was switched off or removed still serves its clients' updates.
func TestUpdateAfterProfileIsGone(t *testing.T) {
	b := newBench(t, withProfiles)
	c := b.register(`{"redirect_uris":["https://a.example/"],"client_profile":"spa"}`)
	b.desk.SetSite(prepared(t, registration.DefaultSite()))
	var profile string
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		profile = q.Profile
		return decision.Verdict{Allow: true}, nil
	}
	got := b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"New"`)))
	if profile != "spa" || b.stored(c.id).Client.Provenance.Profile != "spa" {
		t.Errorf("policy was told of profile %q", profile)
	}
	checkMembers(t, got.doc, "client_name", `"New"`, "token_endpoint_auth_method", `"none"`)
}
