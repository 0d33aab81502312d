package registration_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
)

// wallet is the access tokens that there are, by their text.
type wallet map[core.Secret]registration.ClientToken

func (w wallet) verify(_ context.Context, bearer core.Secret, _ *core.Certificate) (registration.ClientToken, error) {
	token, ok := w[bearer]
	if bearer == "for.another.api" {
		return token, core.Fail(core.InvalidToken, "Ask for one with resource=x.", registration.ErrOtherAPI)
	}
	if !ok {
		return token, core.Refuse(core.InvalidToken, "Expired.")
	}
	return token, nil
}

// kinds remembers the callers that policy saw.
func (b *bench) kinds() *[]core.Caller {
	seen := new([]core.Caller)
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		*seen = append(*seen, q.Caller)
		return decision.Verdict{Allow: true}, nil
	}
	return seen
}

// An access token with dcr.register registers clients; any other does not, and one that is none is as good as none.
func TestRegisteringWithAnAccessToken(t *testing.T) {
	b := newBench(t)
	b.accessTokens = wallet{
		"a.b.c": {ClientID: "c-registrar", Scopes: []string{"dcr.register"}}, "d.e.f": {ClientID: "c-other", Scopes: []string{"openid"}},
	}.verify
	b.certify(nil)
	seen := b.kinds()
	doc, err := b.with("a.b.c", shop)
	if err != nil {
		t.Fatal(err)
	}
	if c := (*seen)[0]; c.Kind != registration.KindClient || c.ClientID != "c-registrar" || len(c.Scopes) != 1 {
		t.Errorf("policy saw %+v", c)
	}
	entry := b.store.entries[b.stored(clientOf(doc).id).Client.Provenance.RegisteredBy]
	if entry.Actor.Kind != registration.KindClient || entry.Actor.Subject != "c-registrar" {
		t.Errorf("actor %+v", entry.Actor)
	}
	if clientOf(doc).rat == "" {
		t.Error("no registration access token")
	}
	_, err = b.with("d.e.f", shop)
	checkCode(t, err, core.InsufficientScope, "dcr.register")
	_, err = b.with("g.h.i", shop)
	checkCode(t, err, core.InvalidToken, "unknown, expired")
	if len(*seen) != 1 {
		t.Errorf("policy was asked %d times", len(*seen))
	}
	b.accessTokens = nil
	b.certify(nil)
	_, err = b.with("a.b.c", shop)
	checkCode(t, err, core.InvalidToken, "unknown, expired")
}

// Where the site says so a client manages itself with its own access token, of the grant that it must register for that.
func TestManagingWithAnAccessToken(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.Access.ClientCredentials = true })
	tokens := wallet{}
	b.accessTokens = tokens.verify
	b.certify(nil)
	_, err := b.with("", shop)
	checkCode(t, err, core.InvalidClientMetadata, "grant_types must have client_credentials")
	b.register(shop) // with an initial access token
	c := b.register(`{"client_name":"Robot","grant_types":["client_credentials"],"scope":"openid"}`)
	tokens["a.b.c"], tokens["d.e.f"] = registration.ClientToken{ClientID: c.id}, registration.ClientToken{ClientID: "c-other"}

	own := c
	own.rat = "a.b.c"
	doc, err := b.do(b.manage(core.Read, own, ""))
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, doc, "client_name", `"Robot"`, "registration_access_token", "")
	if doc, err = b.do(b.manage(core.Update, own, own.put(t, "client_name", `"New"`, "registration_access_token", ""))); err != nil {
		t.Fatal(err)
	}
	checkMembers(t, doc, "client_name", `"New"`, "registration_access_token", "")
	doc, err = b.do(b.manage(core.Update, own, own.put(t, "client_name", `"Newer"`, "registration_access_token", "", "client_id", "")))
	if err != nil {
		t.Fatalf("without client_id: %v", err)
	}
	checkMembers(t, doc, "client_name", `"Newer"`)
	_, err = b.do(b.manage(core.Update, own, own.put(t, "registration_access_token", "", "client_id", `"c-other"`)))
	checkCode(t, err, core.InvalidRequest, "client_id is not that of the client")
	elsewhere := own
	elsewhere.rat = "for.another.api"
	_, err = b.do(b.manage(core.Read, elsewhere, ""))
	checkCode(t, err, core.InvalidToken, "Ask for one with resource=x.")
	if _, err := b.do(b.manage(core.Read, c, "")); err != nil {
		t.Errorf("the registration access token does not count any more: %v", err)
	}
	for bearer, says := range map[core.Secret]string{"d.e.f": "not one of this client", "x.y.z": "unknown, expired"} {
		stranger := c
		stranger.rat = bearer
		for _, op := range []core.Operation{core.Read, core.Update, core.Delete} {
			_, err := b.do(b.manage(op, stranger, c.put(t)))
			checkCode(t, err, core.InvalidToken, says)
		}
	}
	if _, err := b.do(b.manage(core.Delete, own, "")); err != nil {
		t.Error(err)
	}
	// Where it does not, an access token is no registration access token.
	plain := newBench(t)
	plain.accessTokens = tokens.verify
	plain.certify(nil)
	p := plain.register(shop)
	tokens["a.b.c"] = registration.ClientToken{ClientID: p.id, Scopes: []string{"dcr.register"}}
	p.rat = "a.b.c"
	_, err = plain.do(plain.manage(core.Read, p, ""))
	checkCode(t, err, core.InvalidToken, "not valid for this client")
}

// named is a certificate of a subject, as far as the desk looks at it.
func named(t *testing.T, name string) []*x509.Certificate {
	t.Helper()
	raw, err := asn1.Marshal(pkix.Name{CommonName: name, Country: []string{"DE"}}.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	return []*x509.Certificate{{RawSubject: raw}}
}

// Where a certificate is enough to register, it must be of a trusted authority and of the name that is registered; nothing falls
// through to an open door.
func TestRegisteringWithACertificate(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.Access.MTLS, s.Registration.Open = true, true })
	b.certify([]oauth.AuthMethod{oauth.AuthTLS})
	seen := b.kinds()
	const bank = `{"tls_client_auth_subject_dn":"CN=bank,C=DE","redirect_uris":["https://bank.example/cb"]}`
	ask := func(op core.Operation, c client, body, subject string) error {
		req := b.request(op, core.ChannelDCR, "", body)
		if op != core.Register {
			req = b.manage(op, c, body)
		}
		if subject != "" {
			req.Credential.Certificates, req.Caller.Certificate = named(t, subject), &core.Certificate{Subject: "CN=" + subject + ",C=DE", SHA256: "00", Trusted: subject != "stranger"}
		}
		_, err := b.do(req)
		return err
	}
	checkCode(t, ask(core.Register, client{}, bank, ""), core.InvalidToken, "needs a client certificate")
	checkCode(t, ask(core.Register, client{}, bank, "stranger"), core.InvalidToken, "authority that is trusted")
	checkCode(t, ask(core.Register, client{}, bank, "other"), core.InvalidToken, "must be the subject")
	checkCode(t, ask(core.Register, client{}, shop, "bank"), core.InvalidToken, "must be the subject")
	if b.store.commits != 0 || len(*seen) != 0 {
		t.Errorf("%d commits, policy was asked %d times", b.store.commits, len(*seen))
	}
	if err := ask(core.Register, client{}, bank, "bank"); err != nil {
		t.Fatal(err)
	}
	if c := (*seen)[0]; c.Kind != registration.KindMTLS || c.Subject != "CN=bank,C=DE" || c.Certificate == nil {
		t.Errorf("policy saw %+v", c)
	}
	for id, stored := range b.store.clients {
		if e := b.store.entries[stored.Client.Provenance.RegisteredBy]; e.Actor.Kind != registration.KindMTLS || e.Verdict != ledger.Allowed {
			t.Errorf("%s: %+v", id, e.Actor)
		}
	}
	// With another credential it is only evidence.
	c := b.register(bank)
	checkCode(t, ask(core.Update, c, c.put(t, "tls_client_auth_subject_dn", `"CN=thief,C=DE"`), ""), core.InvalidToken, "must be the subject")
	checkCode(t, ask(core.Update, c, c.put(t, "tls_client_auth_subject_dn", `"CN=thief,C=DE"`), "bank"), core.InvalidToken, "must be the subject")
	// What a certificate guards, a stolen registration access token does not take away, whatever other certificate comes with it.
	const basic = `"client_secret_basic"`
	guarded := b.register(bank[:len(bank)-1] + `,"token_endpoint_auth_method":"tls_client_auth"}`)
	for name, change := range map[string][]string{
		"another name": {"tls_client_auth_subject_dn", `"CN=thief,C=DE"`}, "no name": {"tls_client_auth_subject_dn", "", "token_endpoint_auth_method", basic},
		"another method": {"token_endpoint_auth_method", basic}, "keys": {"token_endpoint_auth_method", `"private_key_jwt"`, "jwks_uri", `"https://thief.example/jwks"`},
		"another kind of name": {"tls_client_auth_subject_dn", "", "tls_client_auth_san_dns", `"thief.example"`},
	} {
		for _, subject := range []string{"", "thief", "stranger"} {
			if err := ask(core.Update, guarded, guarded.put(t, change...), subject); core.CodeOf(err) != core.InvalidToken {
				t.Errorf("%s with the certificate %q: %v", name, subject, err)
			}
		}
	}
	byDNS := b.register(`{"tls_client_auth_san_dns":"app.bank.example","token_endpoint_auth_method":"tls_client_auth","redirect_uris":["https://bank.example/cb"]}`)
	for _, change := range [][]string{{"token_endpoint_auth_method", basic}, {"tls_client_auth_san_dns", `"thief.example"`}} {
		checkCode(t, ask(core.Update, byDNS, byDNS.put(t, change...), "thief"), core.InvalidToken, "tls_client_auth_san_dns")
	}
	if err := ask(core.Update, byDNS, byDNS.put(t, "client_name", `"New"`), ""); err != nil {
		t.Error(err)
	}
	plain := b.register(shop)
	checkCode(t, ask(core.Update, plain, plain.put(t, "tls_client_auth_subject_dn", `"CN=stranger,C=DE"`), "stranger"), core.InvalidToken, "must be the subject")
	checkCode(t, ask(core.Update, plain, plain.put(t, "tls_client_auth_san_dns", `"app.bank.example"`), "thief"), core.InvalidToken, "must be the subject")
	if err := ask(core.Update, guarded, guarded.put(t, "token_endpoint_auth_method", basic), "bank"); err != nil {
		t.Errorf("the bank itself: %v", err)
	}
	if err := ask(core.Update, c, c.put(t, "client_name", `"New"`), ""); err != nil {
		t.Error(err)
	}
}

// A certificate is no credential where the site does not say so: the door is as open as it is.
func TestACertificateIsEvidence(t *testing.T) {
	b := newBench(t)
	seen := b.kinds()
	req := b.request(core.Register, core.ChannelDCR, "", shop)
	req.Credential.Certificates, req.Caller.Certificate = named(t, "bank"), &core.Certificate{SHA256: "00"}
	if _, err := b.do(req); err != nil || (*seen)[0].Kind != registration.KindOpen || (*seen)[0].Certificate == nil {
		t.Errorf("%v, %+v", err, *seen)
	}
}

// A desk that is switched off is not there, whoever comes and with what; operators go on.
func TestSwitchedOff(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	closed := registration.DefaultSite()
	no := false
	closed.Access.Enabled = &no
	token := b.token(1, "")
	b.desk.SetSite(prepared(t, closed))
	_, err := b.with(token, shop)
	checkCode(t, err, core.NotFound, "switched that off")
	for _, op := range []core.Operation{core.Read, core.Update, core.Delete} {
		_, err := b.do(b.manage(op, c, c.put(t)))
		checkCode(t, err, core.NotFound, "switched that off")
	}
	inner := b.request(core.Register, core.ChannelDCR, "", shop)
	inner.Credential.Bearer, inner.InProcess = token, true
	if _, err := b.do(inner); err != nil {
		t.Errorf("the server's own part: %v", err)
	}
	if e := b.lastEntry(); stages(e) != "access" || e.Verdict != ledger.Denied {
		t.Errorf("entry %+v", e)
	}
	if _, err := b.do(b.request(core.Register, core.ChannelOperator, "", shop)); err != nil {
		t.Error(err)
	}
	declared := b.request(core.Register, core.ChannelImport, "declared", shop)
	declared.Credential.Operator = "ada"
	if _, err := b.do(declared); err != nil {
		t.Errorf("a declared client: %v", err)
	}
	system := b.request(core.Delete, core.ChannelSystem, c.id, "")
	if _, err := b.do(system); err != nil {
		t.Errorf("what the server does by itself: %v", err)
	}
}

// Tokens that are bound to certificates are registered only where certificates reach the server.
func TestBoundTokensWhereTheyWork(t *testing.T) {
	b := newBench(t)
	const wants = `{"tls_client_certificate_bound_access_tokens":true,"redirect_uris":["https://app.example/cb"]}`
	_, err := b.with(b.token(1, ""), wants)
	checkCode(t, err, core.InvalidClientMetadata, "no client certificates reach this server")
	if _, err := b.with(b.token(1, ""), `{"tls_client_certificate_bound_access_tokens":false,"redirect_uris":["https://app.example/cb"]}`); err != nil {
		t.Error(err)
	}
	b.certify([]oauth.AuthMethod{oauth.AuthSelfSignedTLS})
	doc, err := b.with(b.token(1, ""), wants)
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, doc, "tls_client_certificate_bound_access_tokens", "true")
}

// Only software that is attested registers itself, where the site wants that; what the evidence is worth a plugin says, and first.
func TestEvidenceIsRequired(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.Access.EvidenceRequired = true })
	const with = `{"redirect_uris":["https://a.example/cb"],"evidence":"eyJ"}`
	for _, body := range []string{shop, `{"redirect_uris":["https://a.example/cb"],"evidence":""}`, `{"redirect_uris":["https://a.example/cb"],"evidence":{}}`} {
		_, err := b.ask(body)
		checkCode(t, err, core.StaleEvidence, "evidence is missing")
		if r := core.AsError(err).Reasons; len(r) != 1 || r[0].Rule != "access.evidence" || !slices.Equal(r[0].Fields, []string{"evidence"}) {
			t.Errorf("%s: %+v", body, r)
		}
	}
	c := b.register(with)
	checkMembers(t, c.doc, "evidence", "")
	b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"A"`)))
	if _, err := b.do(b.request(core.Register, core.ChannelOperator, "", shop)); err != nil {
		t.Errorf("an operator: %v", err)
	}
	b.plug(hook.PreRegister, answering("p", hook.Result{Action: hook.Reject, Code: core.StaleEvidence, Message: "Another one.", Extra: parse(t, `{"nonce":"n-1"}`)}))
	for _, body := range []string{shop, with} {
		_, err := b.ask(body)
		if checkCode(t, err, core.StaleEvidence, "Another one."); core.AsError(err).Extra != `{"nonce":"n-1"}` {
			t.Errorf("%s: %+v", body, core.AsError(err))
		}
	}
	kept := newBench(t, func(s *registration.Site) { s.Access.EvidenceRequired, s.CustomAttributes = true, []string{"evidence"} })
	checkMembers(t, kept.register(with).doc, "evidence", `"eyJ"`)
	for _, nothing := range []string{`""`, `" "`, "{}", "false", "null"} {
		_, err := kept.ask(`{"redirect_uris":["https://a.example/cb"],"evidence":` + nothing + `}`)
		checkCode(t, err, core.StaleEvidence, "evidence is missing")
	}
}

// Evidence was looked at when the request came: a replay, whose question rules change, does not want it again.
func TestReplayWithoutEvidence(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.Access.EvidenceRequired = true })
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"evidence":"eyJ"}`)
	asked, err := decision.ParseKept(b.store.entries[b.stored(c.id).Client.Provenance.RegisteredBy].Input)
	if err != nil {
		t.Fatal(err)
	}
	again := b.desk.Rejudge(t.Context(), answers(func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Set: []decision.Setting{setting("client_uri", `"https://a.example/"`)}}, nil
	}).DecideRegistration, asked)
	if again.Verdict != ledger.Allowed {
		t.Errorf("%s: %+v", again.Verdict, again.Error)
	}
}
