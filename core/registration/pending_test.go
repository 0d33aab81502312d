package registration_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// approval is a demand for it.
func approval(params string) core.Obligation {
	return core.Obligation{Name: decision.ObligeApproval, Params: params, Rule: "partners.approval"}
}

// demanding is a policy that demands approval of what is registered, and more obligations.
func demanding(of ...core.Obligation) answers {
	return func(q *decision.Registration) (decision.Verdict, error) {
		v := decision.Verdict{Allow: true}
		if q.Operation == core.Register {
			v.Require = of
		}
		return v, nil
	}
}

const partner = `{"client_name":"Partner","redirect_uris":["https://a.example/cb","https://b.example/cb"],"scope":"openid email payments","grant_types":["authorization_code","refresh_token"]}`

// byOperator makes a request of the operator ada.
func (b *bench) byOperator(op core.Operation, id core.ClientID, body string) registration.Request {
	b.t.Helper()
	return b.request(op, core.ChannelOperator, id, body)
}

// succeeds sends a request that must succeed, and gives the answer's document.
func (b *bench) succeeds(req registration.Request) client {
	b.t.Helper()
	doc, err := b.do(req)
	if err != nil {
		b.t.Fatalf("%s: %v", req.Operation, err)
	}
	return clientOf(doc)
}

func TestRegistrationThatNeedsApproval(t *testing.T) {
	b := newBench(t)
	b.policy = demanding(approval(`{"expires_in":3600,"queue":"partners"}`), approval(`{"expires_in":600}`), core.Obligation{Name: decision.ObligePAR, Rule: "r"})
	c := b.register(partner)
	checkMembers(t, c.doc, "registration_status", `"pending"`)
	if c.secret == "" || c.rat == "" || !strings.Contains(c.doc.String(), "waits for an operator's approval") {
		t.Errorf("answer %s", c.doc)
	}
	stored := b.stored(c.id)
	if stored.State != core.Pending || !stored.Client.Expires.Equal(b.now.Add(10*time.Minute)) || len(stored.Client.Governance.Obligations) != 3 {
		t.Errorf("stored %s until %v with %+v", stored.State, stored.Client.Expires, stored.Client.Governance)
	}
	read, err := b.do(b.manage(core.Read, c, ""))
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, read, "registration_status", `"pending"`, "client_name", `"Partner"`)
	if !(registration.Filter{Queue: "partners", State: core.Pending}).Holds(stored) || (registration.Filter{Queue: "other"}).Holds(stored) {
		t.Error("it is not in its queue")
	}

	approved := b.succeeds(b.byOperator(core.Approve, c.id, `{"scope":"openid email","redirect_uris":["https://b.example/cb"]}`))
	checkMembers(t, approved.doc, "registration_status", "", "scope", `"openid email"`, "redirect_uris", `["https://b.example/cb"]`)
	now := b.stored(c.id)
	if now.State != core.Active || !now.Client.Expires.IsZero() || now.Client.Provenance.ApprovedBy == "" ||
		!slices.Equal(now.Client.Governance.Obligations, []core.Obligation{{Name: decision.ObligePAR, Rule: "r"}}) || len(now.Credentials.Secrets) != 1 ||
		now.Credentials.Secrets[0].Hash != c.secret.Hash().String() || len(now.Credentials.Registration) != 1 {
		t.Errorf("approved as %+v", now)
	}
	e := b.store.entries[now.Client.Provenance.ApprovedBy]
	if e.Operation != core.Approve || e.Actor.Kind != registration.KindOperator || e.Actor.Subject != "ada" || e.Outcome != ledger.Stored ||
		stages(e) != "access normalise floor policy approve" || len(e.Stages[1].Patch) == 0 {
		t.Errorf("entry %+v", e)
	}
}

// The least of all that ends a waiting client counts, and its own lifetime goes on after the approval.
func TestWaitingEnds(t *testing.T) {
	for params, want := range map[string]time.Duration{"": 7 * 24 * time.Hour, `{"expires_in":60}`: time.Minute, `{"expires_in":31536000}`: 90 * 24 * time.Hour} {
		b := newBench(t)
		b.policy = func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Require: []core.Obligation{approval(params)}, Limits: map[string]int64{decision.LimitClientLifetime: 90 * 24 * 3600}}, nil
		}
		c := b.register(partner)
		start := b.now
		if got := b.stored(c.id).Client.Expires.Sub(start); got != want {
			t.Errorf("%s: it waits for %v, want %v", params, got, want)
		}
		b.now = start.Add(want - time.Second)
		b.succeeds(b.byOperator(core.Update, c.id, `{"client_name":"New","redirect_uris":["https://a.example/cb"]}`))
		if stored := b.stored(c.id); stored.State != core.Pending || stored.Client.Expires.Sub(start) != want {
			t.Errorf("after an update it is %s until %v", stored.State, stored.Client.Expires)
		}
		b.now = start.Add(want)
		for _, op := range []core.Operation{core.Approve, core.Reject, core.Read, core.Enable} {
			_, err := b.do(b.byOperator(op, c.id, ""))
			checkCode(t, err, core.NotFound, "no client")
		}
		_, err := b.do(b.manage(core.Read, c, ""))
		checkCode(t, err, core.InvalidToken, "not valid")
		b.now = start.Add(want - time.Second)
		b.succeeds(b.byOperator(core.Approve, c.id, ""))
		if stored := b.stored(c.id); !stored.Client.Expires.Equal(start.Truncate(time.Second).Add(90 * 24 * time.Hour)) {
			t.Errorf("after the approval it lives until %v", stored.Client.Expires)
		}
	}
}

// A registration that ends is over for its holder at that moment, on every channel.
func TestClientLifetime(t *testing.T) {
	b := newBench(t)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Limits: map[string]int64{decision.LimitClientLifetime: 60}}, nil
	}
	c := b.register(shop)
	b.now = b.now.Add(59 * time.Second)
	b.succeeds(b.manage(core.Read, c, ""))
	b.succeeds(b.manage(core.Read, c, "")) // as it was answered before
	b.now = b.now.Add(time.Second)
	for _, op := range []core.Operation{core.Read, core.Update, core.Delete} {
		_, err := b.do(b.manage(op, c, c.put(t)))
		checkCode(t, err, core.InvalidToken, "not valid")
		_, err = b.do(b.byOperator(op, c.id, shop))
		checkCode(t, err, core.NotFound, "no client")
	}
}

func TestReject(t *testing.T) {
	b := newBench(t)
	var asked []core.Operation
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = append(asked, q.Operation)
		return demanding(approval(""))(q)
	}
	c := b.register(partner)
	req := b.byOperator(core.Reject, c.id, "")
	req.Reason = strings.Repeat("x", registration.MaxReason+1)
	_, err := b.do(req)
	checkCode(t, err, core.InvalidRequest, "longer than")
	req = b.byOperator(core.Reject, c.id, "")
	req.Reason = "Nobody knows them."
	if answer, err := b.desk.Do(t.Context(), req); err != nil || answer.Body != nil {
		t.Fatalf("%s, %v", answer.Body, err)
	}
	if !slices.Equal(asked, []core.Operation{core.Register, core.Delete}) || b.stored(c.id).Client.ID != "" {
		t.Errorf("policy was asked about %v", asked)
	}
	e := b.store.entries[req.Decision]
	if e.Operation != core.Reject || e.Outcome != ledger.Deleted || e.Actor.Subject != "ada" || e.ClientID != c.id ||
		!slices.ContainsFunc(e.Stages[len(e.Stages)-1].Reasons, func(r core.Reason) bool { return r.Message == "Nobody knows them." }) {
		t.Errorf("entry %+v", e)
	}
	for _, op := range []core.Operation{core.Approve, core.Reject} {
		_, err := b.do(b.byOperator(op, c.id, ""))
		checkCode(t, err, core.NotFound, "no client")
	}
}

// Who is not waiting can be neither approved nor rejected; disabling is no way around, and enabling none either.
func TestStatesAndApproval(t *testing.T) {
	b := newBench(t)
	active := b.register(shop)
	b.policy = demanding(approval(""))
	c := b.register(partner)
	refused := func(op core.Operation, id core.ClientID, says string) {
		t.Helper()
		commits := b.store.commits
		_, err := b.do(b.byOperator(op, id, ""))
		checkCode(t, err, core.Conflict, says)
		if b.store.commits != commits {
			t.Errorf("%s was committed", op)
		}
	}
	refused(core.Approve, active.id, "it is active")
	refused(core.Reject, active.id, "it is active")
	refused(core.Enable, c.id, "approve or reject it")
	b.succeeds(b.byOperator(core.Disable, c.id, ""))
	refused(core.Approve, c.id, "Enable it first")
	refused(core.Reject, c.id, "Enable it first")
	b.succeeds(b.byOperator(core.Update, c.id, partner)) // which demands no approval
	b.succeeds(b.byOperator(core.Update, c.id, shop))
	again := b.succeeds(b.byOperator(core.Enable, c.id, ""))
	checkMembers(t, again.doc, "registration_status", `"pending"`)
	if got := b.stored(c.id); got.State != core.Pending || got.Client.Expires.IsZero() {
		t.Errorf("enabled: %s until %v", got.State, got.Client.Expires)
	}
	b.succeeds(b.byOperator(core.Approve, c.id, ""))
	refused(core.Approve, c.id, "it is active")
	b.succeeds(b.byOperator(core.Disable, c.id, ""))
	refused(core.Approve, c.id, "it is disabled")
	if b.succeeds(b.byOperator(core.Enable, c.id, "")); b.stored(c.id).State != core.Active {
		t.Error("an approved client waits again")
	}
}

// An approval takes away and never adds.
func TestApprovalNarrows(t *testing.T) {
	b := newBench(t)
	b.policy = demanding(approval(""))
	for body, says := range map[string]string{
		`{"scope":"openid admin"}`:                                  "scope is more than the client registered",
		`{"redirect_uris":["https://a.example/cb","https://c.io"]}`: "redirect_uris is more",
		`{"redirect_uris":["https://a.example/CB"]}`:                "redirect_uris is more",
		`{"grant_types":["client_credentials"]}`:                    "grant_types is more",
		`{"post_logout_redirect_uris":["https://a.example/"]}`:      "post_logout_redirect_uris is more",
		`{"scope":null}`:                               "scope is empty",
		`{"scope":""}`:                                 "scope is empty",
		`{"default_max_age":null}`:                     "default_max_age is empty",
		`{"require_auth_time":false}`:                  "require_auth_time is more",
		`{"default_max_age":7200}`:                     "default_max_age is more",
		`{"client_name":"Other"}`:                      "client_name cannot be narrowed",
		`{"contacts":[]}`:                              "contacts cannot be narrowed",
		`{"token_endpoint_auth_method":"none"}`:        "cannot be narrowed",
		`{"jwks_uri":"https://evil.example/"}`:         "cannot be narrowed",
		`{"client_id":"c-1"}`:                          "cannot be narrowed",
		`{"registration_status":"active"}`:             "cannot be narrowed",
		`{"anything":1}`:                               "anything cannot be narrowed",
		`{"scope":["openid"]}`:                         "scope must be a string",
		`{"redirect_uris":[]}`:                         "redirect_uris is missing",
		`{"grant_types":["refresh_token"]}`:            "grant_types",
		`{"grant_types":[],"response_types":["code"]}`: "grant_types",
		`[]`:     "must be a JSON object",
		`"none"`: "must be a JSON object",
	} {
		c := b.register(strings.Replace(partner, `{`, `{"default_max_age":3600,"require_auth_time":true,`, 1))
		before := b.stored(c.id)
		_, err := b.do(b.byOperator(core.Approve, c.id, body))
		if err == nil || !strings.Contains(core.AsError(err).Detail, says) || b.stored(c.id).Stamps != before.Stamps {
			t.Errorf("%s: %v, want %q", body, err, says)
		}
	}
	for body, want := range map[string][]string{
		`{"scope":"payments openid"}`: {"scope", `"payments openid"`}, `{}`: {"scope", `"openid email payments"`},
		`{"require_pushed_authorization_requests":true,"default_max_age":60}`:                           {"default_max_age", `60`, "require_pushed_authorization_requests", `true`},
		`{"allowed_audiences":["https://api.example"],"refresh_token_lifetime":60,"require_pkce":true}`: {"allowed_audiences", `["https://api.example"]`, "refresh_token_lifetime", `60`},
		`{"grant_types":["authorization_code"]}`:                                                        {"grant_types", `["authorization_code"]`},
		`{"grant_types":[],"response_types":[],"redirect_uris":[]}`:                                     {"redirect_uris", `[]`},
		`{"redirect_uris":["https://b.example/cb"],"response_types":["code"]}`:                          {"redirect_uris", `["https://b.example/cb"]`},
		`{"redirect_uris":["https://b.example/cb","https://a.example/cb"]}`:                             {"client_name", `"Partner"`},
	} {
		c := b.register(partner)
		doc, err := b.do(b.byOperator(core.Approve, c.id, body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		checkMembers(t, doc, want...)
	}
}

// What a software statement fixed is not an operator's to change.
func TestApprovalKeepsWhatIsLocked(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, trusting(t, issuer))
	b.policy = demanding(approval(""))
	c := b.register(`{"software_statement":"` + issuer.sign(t, `"redirect_uris":["https://a.example/cb","https://b.example/cb"]`) + `","scope":"openid email"}`)
	_, err := b.do(b.byOperator(core.Approve, c.id, `{"redirect_uris":["https://a.example/cb"]}`))
	checkCode(t, err, core.InvalidClientMetadata, "fixed by the software statement")
	b.succeeds(b.byOperator(core.Approve, c.id, `{"scope":"openid"}`))
}

// Policy is asked about the approval: it can refuse, change and tighten, and its own demand for approval is met.
func TestPolicyOnApproval(t *testing.T) {
	b := newBench(t)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{
			Allow: true, Require: []core.Obligation{approval(""), {Name: decision.ObligePKCE, Rule: "a"}}, Trust: "self", Labels: []string{"new"},
			Limits: map[string]int64{decision.LimitAccessToken: 300, decision.LimitIDToken: 60},
		}, nil
	}
	c := b.register(partner)
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "d", Code: core.AccessDenied, Message: "Not on a Sunday.", Public: true}}}, nil
	}
	_, err := b.do(b.byOperator(core.Approve, c.id, ""))
	checkCode(t, err, core.AccessDenied, "Sunday")
	if b.stored(c.id).State != core.Pending {
		t.Fatal("a refused approval approved")
	}
	var asked *decision.Registration
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q
		return decision.Verdict{
			Allow: true, Require: []core.Obligation{approval(""), {Name: decision.ObligePAR, Rule: "b"}, {Name: decision.ObligePKCE, Rule: "c"}}, Trust: "issuer",
			Labels: []string{"approved"}, Limits: map[string]int64{decision.LimitAccessToken: 60, decision.LimitIDToken: 600, decision.LimitRefreshToken: 5},
			Strip: []decision.Scope{{Scope: "payments", By: core.Reason{Rule: "s"}}},
		}, nil
	}
	b.succeeds(b.byOperator(core.Approve, c.id, `{"scope":"openid payments"}`))
	if asked.Operation != core.Approve || asked.Channel != core.ChannelOperator || asked.Pass != 2 || !slices.Equal(asked.Changed, []string{"scope"}) ||
		!slices.Equal(asked.Present, []string{"scope"}) || asked.Caller.Kind != registration.KindOperator {
		t.Errorf("asked %+v", asked)
	}
	stored := b.stored(c.id)
	g := stored.Client.Governance
	if stored.State != core.Active || !slices.Equal(stored.Client.Metadata.Scope, []string{"openid"}) ||
		!slices.Equal(g.Obligations, []core.Obligation{{Name: decision.ObligePKCE, Rule: "a"}, {Name: decision.ObligePAR, Rule: "b"}}) ||
		g.Limits[decision.LimitAccessToken] != 60 || g.Limits[decision.LimitIDToken] != 60 || g.Limits[decision.LimitRefreshToken] != 5 ||
		g.Trust != "none" || !slices.Equal(g.Labels, []string{"new", "approved"}) {
		t.Errorf("stored %s with %v, %+v", stored.State, stored.Client.Metadata.Scope, g)
	}
}

// Policy lowers the trust in a statement, at the registration and at the approval, and lends none.
func TestTrustIsOnlyLowered(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	for says, want := range map[[2]string]string{{"", ""}: "issuer", {"self", "issuer"}: "self", {"", "none"}: "none", {"none", "self"}: "none"} {
		b := newBench(t, trusting(t, issuer))
		at := 0
		b.policy = func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Allow: true, Require: []core.Obligation{approval("")}, Trust: says[at]}, nil
		}
		c := b.register(`{"software_statement":"` + issuer.sign(t, `"redirect_uris":["https://a.example/cb"]`) + `"}`)
		at = 1
		b.succeeds(b.byOperator(core.Approve, c.id, ""))
		if got := b.stored(c.id).Client.Governance.Trust; got != want {
			t.Errorf("%v: %s, want %s", says, got, want)
		}
	}
}

// An update that demands approval is an operator's to make; the client goes on as it is.
func TestUpdateThatNeedsApproval(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Require: []core.Obligation{approval("")}}, nil
	}
	before := b.stored(c.id)
	_, err := b.do(b.manage(core.Update, c, c.put(t, "client_name", `"New"`)))
	checkCode(t, err, core.AccessDenied, "ask an operator to make it")
	if e := core.AsError(err); len(e.Reasons) != 1 || e.Reasons[0].Rule != "partners.approval" || b.stored(c.id).Stamps != before.Stamps || before.State != core.Active {
		t.Errorf("%+v", e)
	}
	b.succeeds(b.manage(core.Update, c, c.put(t))) // unchanged: nothing to approve
	doc := b.succeeds(b.byOperator(core.Update, c.id, `{"client_name":"New","redirect_uris":["https://shop.example/cb"]}`)).doc
	checkMembers(t, doc, "client_name", `"New"`, "registration_status", "")
	if got := b.stored(c.id); got.State != core.Active || len(got.Client.Governance.Obligations) > 0 {
		t.Errorf("%s, %+v", got.State, got.Client.Governance)
	}
}

// What an operator left out of an approval, the client cannot take back; it can do with less.
func TestApprovedClientWidensNothing(t *testing.T) {
	b := newBench(t)
	b.policy = demanding(approval(""))
	c := b.register(partner)
	approved := b.succeeds(b.byOperator(core.Approve, c.id, `{"scope":"openid email","redirect_uris":["https://a.example/cb"],"require_pushed_authorization_requests":true,"allowed_audiences":["https://api.example"],"access_token_lifetime":60}`))
	own := client{id: c.id, rat: c.rat, doc: approved.doc}
	for field, value := range map[string]string{
		"scope": `"openid email payments"`, "redirect_uris": `["https://a.example/cb","https://b.example/cb"]`,
		"post_logout_redirect_uris": `["https://a.example/bye"]`, "require_pushed_authorization_requests": "", "grant_types": `["authorization_code","refresh_token","client_credentials"]`,
		"allowed_audiences": "", "access_token_lifetime": "600",
	} {
		_, err := b.do(b.manage(core.Update, own, own.put(t, field, value)))
		checkCode(t, err, core.AccessDenied, "only an operator can widen "+field)
	}
	less := b.succeeds(b.manage(core.Update, own, own.put(t, "scope", `"openid"`, "contacts", `["new@partner.example"]`)))
	checkMembers(t, less.doc, "scope", `"openid"`)
	wider := b.succeeds(b.byOperator(core.Update, c.id, partner))
	checkMembers(t, wider.doc, "scope", `"openid email payments"`)
}

// Who was approved under one name does not go on under another one, nor with other proofs. Its own keys it may turn.
func TestApprovedClientStaysWhoItIs(t *testing.T) {
	keys, others := `{"keys":[`+jwkOf(t, jose.ES256, `,"kid":"one"`)+`]}`, `{"keys":[`+jwkOf(t, jose.ES256, `,"kid":"two"`)+`]}`
	acme := `{"client_name":"Acme","client_name#fr":"Acmé","logo_uri":"https://acme.example/logo.png","redirect_uris":["https://acme.example/cb"],` +
		`"token_endpoint_auth_method":"private_key_jwt","jwks":` + keys + `}`
	b := newBench(t)
	b.policy = demanding(approval(""))
	c := b.register(acme)
	own := client{id: c.id, rat: c.rat, doc: b.succeeds(b.byOperator(core.Approve, c.id, "")).doc}
	before := b.stored(c.id)
	for field, value := range map[string]string{
		"client_name": `"Your Bank"`, "client_name#fr": `"Votre banque"`, "client_name#de": `"Ihre Bank"`, "logo_uri": `"https://bank.example/logo.png"`,
		"client_uri": `"https://bank.example/"`, "policy_uri": `"https://bank.example/policy"`, "tos_uri": `"https://bank.example/tos"`,
		"tos_uri#fr": `"https://bank.example/cgu"`, "token_endpoint_auth_method": `"client_secret_basic"`, "token_endpoint_auth_signing_alg": `"ES256"`,
		"subject_type": `"pairwise"`, "application_type": `"native"`, "software_id": `"bank"`,
	} {
		_, err := b.do(b.manage(core.Update, own, own.put(t, field, value)))
		checkCode(t, err, core.AccessDenied, "only an operator can change "+field+".")
	}
	_, err := b.do(b.manage(core.Update, own, own.put(t, "client_name", "")))
	checkCode(t, err, core.AccessDenied, "change client_name.")
	_, err = b.do(b.manage(core.Update, own, own.put(t, "jwks", "", "jwks_uri", `"https://bank.example/jwks"`, "scope", `"openid payments"`)))
	checkCode(t, err, core.AccessDenied, "change jwks_uri and widen scope.")
	if e := core.AsError(err); len(e.Reasons) != 1 || e.Reasons[0].Rule != "approval" || !slices.Equal(e.Reasons[0].Fields, []string{"jwks_uri", "scope"}) {
		t.Errorf("%+v", e.Reasons)
	}
	if now := b.stored(c.id); now.Stamps != before.Stamps || now.State != core.Active {
		t.Errorf("the client is %s, changed", now.State)
	}
	turned := b.succeeds(b.manage(core.Update, own, own.put(t, "jwks", others)))
	checkMembers(t, turned.doc, "jwks", others, "client_name", `"Acme"`)
	b.succeeds(b.byOperator(core.Update, c.id, strings.Replace(acme, `"Acme"`, `"Acme Ltd"`, 1)))
}

// Nobody is asked what a trusted client may have; so it takes no more by itself, and leads nobody elsewhere. Who chose the profile itself
// is not trusted, and changes itself as others do.
func TestTrustedClientStaysWhatItIs(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.Profiles = map[string]registration.Profile{"own": {Trusted: true}} })
	const portal = `{"client_name":"Portal","redirect_uris":["https://a.example/cb"],"client_profile":"own","scope":"openid"}`
	made := b.mustDo(b.request(core.Register, core.ChannelOperator, "", portal))
	renewed := b.request(core.Rotate, core.ChannelOperator, made.id, "")
	renewed.Rotation = registration.Rotation{Of: registration.RotateToken}
	own := client{id: made.id, rat: b.mustDo(renewed).rat, doc: made.doc}
	for field, value := range map[string]string{"redirect_uris": `["https://a.example/cb","https://thief.example/cb"]`, "scope": `"openid email"`} {
		_, err := b.do(b.manage(core.Update, own, own.put(t, field, value)))
		checkCode(t, err, core.AccessDenied, "An operator trusts this client as it is, so only an operator can widen "+field)
	}
	b.succeeds(b.manage(core.Update, own, own.put(t, "contacts", `["ops@a.example"]`)))
	others := b.register(portal)
	b.succeeds(b.manage(core.Update, others, others.put(t, "scope", `"openid email"`)))
}

// What approved clients change by themselves, the site says.
func TestApprovedClientMayChange(t *testing.T) {
	keys, others := `{"keys":[`+jwkOf(t, jose.ES256, `,"kid":"one"`)+`]}`, `{"keys":[`+jwkOf(t, jose.ES256, `,"kid":"two"`)+`]}`
	b := newBench(t, func(s *registration.Site) {
		s.Registration.ApprovedMayChange = []string{"client_name", "post_logout_redirect_uris"}
	})
	b.policy = demanding(approval(""))
	c := b.register(`{"client_name":"Acme","redirect_uris":["https://acme.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":` + keys + `}`)
	own := client{id: c.id, rat: c.rat, doc: b.succeeds(b.byOperator(core.Approve, c.id, "")).doc}
	_, err := b.do(b.manage(core.Update, own, own.put(t, "jwks", others)))
	checkCode(t, err, core.AccessDenied, "only an operator can change jwks.")
	b.succeeds(b.manage(core.Update, own, own.put(t, "client_name", `"Acme 2"`, "client_name#fr", `"Acmé 2"`, "post_logout_redirect_uris", `["https://acme.example/bye"]`)))
}

func TestSimulatedApproval(t *testing.T) {
	b := newBench(t)
	b.policy = demanding(approval(""))
	s := b.desk.Simulate(t.Context(), b.request(core.Register, core.ChannelDCR, "", partner), registration.KindIAT)
	if s.Err != nil || s.State != core.Pending || len(s.Warnings) != 1 {
		t.Errorf("%+v", s)
	}
	c := b.register(partner)
	if s := b.desk.Simulate(t.Context(), b.byOperator(core.Approve, c.id, `{"scope":"openid"}`), ""); s.Err != nil || s.State != core.Active {
		t.Errorf("%+v", s)
	}
	if s := b.desk.Simulate(t.Context(), b.byOperator(core.Reject, c.id, ""), ""); s.Err != nil || s.State != "" || !s.Client.IsAbsent() {
		t.Errorf("%+v", s)
	}
	if b.stored(c.id).State != core.Pending {
		t.Error("a simulation decided")
	}
}

// Params that the core cannot read approve nothing and make no client.
func TestBrokenApprovalParams(t *testing.T) {
	b := newBench(t)
	b.policy = demanding(approval(`{"expires_in":"soon"}`))
	req := b.request(core.Register, core.ChannelDCR, "", partner)
	_, err := b.do(req)
	checkCode(t, err, core.PolicyUnavailable, "No decision")
	if len(b.store.clients) > 0 {
		t.Error("it was stored")
	}
}

// What was attached to a client when it was approved, it does not shed by an update of its own; an operator's update is judged as it
// stands.
func TestApprovedClientShedsNothing(t *testing.T) {
	b := newBench(t)
	b.policy = demanding(approval(""))
	c := b.register(partner)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{
			Allow: true, Require: []core.Obligation{{Name: decision.ObligePAR, Rule: "b"}}, Labels: []string{"approved"},
			Limits: map[string]int64{decision.LimitClientLifetime: 3600},
		}, nil
	}
	approved := b.succeeds(b.byOperator(core.Approve, c.id, ""))
	b.policy = allow
	own := client{id: c.id, rat: c.rat, doc: approved.doc}
	updated := b.succeeds(b.manage(core.Update, own, own.put(t, "contacts", `["new@partner.example"]`)))
	held := b.stored(c.id).Client
	if g := held.Governance; !slices.Equal(g.Obligations, []core.Obligation{{Name: decision.ObligePAR, Rule: "b"}}) || !slices.Equal(g.Labels, []string{"approved"}) ||
		g.Limits[decision.LimitClientLifetime] != 3600 || !held.Expires.Equal(held.IssuedAt.Add(time.Hour)) || len(held.Metadata.Contacts) != 1 {
		t.Errorf("after its own update: %+v until %v", g, held.Expires)
	}
	checkMembers(t, updated.doc, "contacts", `["new@partner.example"]`)
	b.succeeds(b.byOperator(core.Update, c.id, `{"client_name":"Newer","redirect_uris":["https://a.example/cb"]}`))
	if held := b.stored(c.id).Client; len(held.Governance.Obligations) > 0 || !held.Expires.IsZero() {
		t.Errorf("after an operator's update: %+v until %v", held.Governance, held.Expires)
	}
}
