package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/registration"
)

// onTerms trusts one issuer on terms.
func onTerms(t *testing.T, issuer signer, terms registration.Terms) func(*registration.Site) {
	return func(s *registration.Site) {
		s.TrustedIssuers = append(s.TrustedIssuers, registration.TrustedIssuer{Issuer: issuer.name, JWKS: issuer.jwks(t), Terms: terms})
	}
}

// ask registers with a statement and gives the answer.
func (b *bench) ask(body string) (client, error) {
	b.t.Helper()
	req := b.request(core.Register, core.ChannelDCR, "", body)
	req.Credential.Bearer = b.token(1, "")
	doc, err := b.do(req)
	return clientOf(doc), err
}

// What an issuer's statements need is said in the table of trusted issuers.
func TestTermsOfStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{Require: []string{"org_id", "software_id"}, MaxAge: time.Hour}))
	at := func(d time.Duration) string { return fmt.Sprint(b.now.Add(d).Unix()) }
	const named = `"org_id":"o-1","software_id":"s-1"`
	for name, test := range map[string]struct{ claims, says string }{
		"good":               {named + `,"iat":` + at(-time.Hour), ""},
		"no org_id":          {`"software_id":"s-1","iat":` + at(0), "no claim org_id"},
		"an empty one":       {`"software_id":"","org_id":"o-1","iat":` + at(0), "no claim software_id"},
		"null":               {`"software_id":"s","org_id":null,"iat":` + at(0), "no claim org_id"},
		"no iat":             {named, "no claim iat"},
		"iat with fractions": {named + `,"iat":` + at(0) + ".5", ""}, // RFC 7519 §2
		"iat as a text":      {named + `,"iat":"now"`, "no claim iat"},
		"too old":            {named + `,"iat":` + at(-time.Hour-11*time.Second), "more than 1h0m0s ago"},
		"from the future":    {named + `,"iat":` + at(11*time.Second), "in the future"},
		"before all time":    {named + `,"iat":-9223372036854775808`, "no claim iat"},
	} {
		_, err := b.ask(body(issuer.sign(t, test.claims), ""))
		if test.says == "" && err == nil {
			continue
		}
		t.Run(name, func(t *testing.T) { checkCode(t, err, core.InvalidSoftwareStatement, test.says) })
	}
}

// What an issuer signed for another purpose, or for another server, is no statement for us: an ID token that it gave somebody, for
// example (RFC 7519 §4.1.3, RFC 8725 §3.9, §3.11).
func TestStatementsForSomethingElse(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{Audiences: []string{"https://ecosystem.example"}}))
	for claims, says := range map[string]string{
		`"aud":"https://op.example"`: "", `"aud":["https://other.example","https://op.example/dcr/register"]`: "", `"aud":"https://ecosystem.example"`: "",
		`"aud":"some-client","sub":"ann","nonce":"n"`: "names other servers in aud", `"aud":["https://other.example"]`: "names other servers in aud",
		`"aud":[]`: "names other servers in aud", `"aud":7`: "names other servers in aud", `"aud":null`: "names other servers in aud",
	} {
		_, err := b.ask(body(issuer.sign(t, claims), ""))
		if says == "" && err == nil {
			continue
		}
		t.Run(claims, func(t *testing.T) { checkCode(t, err, core.InvalidSoftwareStatement, says) })
	}
	for typ, good := range map[string]bool{
		"JWT": true, "jwt": true, "JOSE": true, "application/jwt": true, "software-statement+jwt": true,
		"at+jwt": false, "dpop+jwt": false, "logout+jwt": false, "secevent+jwt": false, "entity-statement+jwt": false, "application/at+jwt": false,
	} {
		compact, err := jose.Sign(issuer.key, typ, []byte(`{"iss":"https://issuer.example"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = b.ask(body(compact, "")); good && err == nil {
			continue
		}
		t.Run(typ, func(t *testing.T) { checkCode(t, err, core.InvalidSoftwareStatement, "is a JWT of the type") })
	}
	c, err := b.ask(body(issuer.sign(t, `"aud":"https://ecosystem.example"`), ""))
	if err != nil {
		t.Fatal(err)
	}
	site := registration.DefaultSite()
	trusting(t, issuer)(&site)
	b.desk.SetSite(prepared(t, site)) // what is repeated was judged when it was new
	b.mustDo(b.manage(core.Update, c, c.put(t, "contacts", `["a@b.example"]`)))
}

// A statement that was repeated byte for byte is not too old for an update; a one-time one is not used twice by it.
func TestTermsOfRepeatedStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{MaxAge: time.Hour, OneTime: true}))
	compact := issuer.sign(t, fmt.Sprintf(`"jti":"1","software_id":"s-1","iat":%d`, b.now.Unix()))
	c, err := b.ask(body(compact, ""))
	if err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(48 * time.Hour)
	b.mustDo(b.manage(core.Update, c, c.put(t, "contacts", `["a@b.example"]`)))
}

// Of any number of registrations with a one-time statement, one succeeds; what was refused for another reason spends nothing.
func TestOneTimeStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{OneTime: true}))
	for name, claims := range map[string]string{"no jti": `"x":1`, "an empty one": `"jti":""`, "a long one": `"jti":"` + strings.Repeat("j", 257) + `"`} {
		_, err := b.ask(body(issuer.sign(t, claims), ""))
		t.Run(name, func(t *testing.T) { checkCode(t, err, core.InvalidSoftwareStatement, "needs a jti") })
	}
	compact := issuer.sign(t, `"jti":"1","software_id":"s-1"`)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "no", Code: core.InvalidClientMetadata, Message: "no"}}}, nil
	}
	if _, err := b.ask(body(compact, "")); err == nil {
		t.Fatal("policy was not asked")
	}
	b.policy = allow
	if _, err := b.ask(body(compact, "")); err != nil {
		t.Fatalf("the first: %v", err)
	}
	_, err := b.ask(body(compact, ""))
	checkCode(t, err, core.InvalidSoftwareStatement, "was used before")
	if _, err := b.ask(body(issuer.sign(t, `"jti":"2"`), "")); err != nil {
		t.Errorf("another one: %v", err)
	}
}

// An end that no store can hold, such as one in milliseconds, is none: the statement is remembered for ever.
func TestOneTimeStatementWithoutAnEnd(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{OneTime: true}))
	for exp, until := range map[string]string{fmt.Sprint(b.now.Unix() + 60): "2026-03-01T12:01:20Z", fmt.Sprint(b.now.UnixMilli()): "0001-01-01T00:00:00Z"} {
		a, _, err := b.desk.Judge(t.Context(), b.request(core.Register, core.ChannelOperator, "", body(issuer.sign(t, `"jti":"1","exp":`+exp), "")))
		if err != nil || len(a.Onces()) != 1 || a.Onces()[0].Until.UTC().Format(time.RFC3339) != until {
			t.Errorf("exp %s: %+v, %v", exp, a.Onces(), err)
		}
	}
}

// Claims become members, roles become scopes, what is not listed is dropped: for the client and for policy.
func TestClaimsOfStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{
		Claims: []string{"software_id", "org_name"}, Map: map[string]string{"org_jwks_endpoint": "jwks_uri", "software_roles": "scope"},
		RoleScopes: map[string][]string{"AISP": {"accounts"}, "PISP": {"payments", "accounts"}},
	}))
	var asked decision.Statement
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q.Statement
		return decision.Verdict{Allow: true}, nil
	}
	c := b.register(body(issuer.sign(t, `"software_id":"s-1","org_name":"Acme","client_name":"Dropped","secret_claim":1,"jti":"7",
		"org_jwks_endpoint":"https://keys.example/acme","software_roles":["PISP","AISP","OTHER"]`), `,"client_name":"Mine","scope":"openid"`))
	checkMembers(t, c.doc, "client_name", `"Mine"`, "software_id", `"s-1"`, "jwks_uri", `"https://keys.example/acme"`, "scope", `"payments accounts"`)
	if locked := slices.Sorted(slices.Values(b.stored(c.id).Client.Locked)); !slices.Equal(locked, []string{"jwks_uri", "scope", "software_id"}) {
		t.Errorf("locked %v", locked)
	}
	for name, want := range map[string]bool{"software_id": true, "org_name": true, "jti": true, "iss": true, "org_jwks_endpoint": true, "client_name": false, "secret_claim": false} {
		if _, got := asked.Claims.Get(name); got != want {
			t.Errorf("policy sees %s: %t", name, got)
		}
	}
	_, err := b.ask(body(issuer.sign(t, `"software_roles":7`), ""))
	checkCode(t, err, core.InvalidSoftwareStatement, "scope must be")
	if c := b.register(body(issuer.sign(t, `"software_roles":"AISP"`), "")); text(c.doc, "scope") != "accounts" {
		t.Errorf("one role in text: %s", c.doc)
	}
}

// Directories write software_version as a decimal; it is the text that they wrote. In a request it is a text, as RFC 7591 §2 says.
func TestNumbersInStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{}))
	c := b.register(body(issuer.sign(t, `"software_id":"s-1","software_version":1.10`), `,"software_version":"1.10"`))
	checkMembers(t, c.doc, "software_version", `"1.10"`, "warnings", "")
	_, err := b.ask(body(issuer.sign(t, `"software_id":1.10`), ""))
	checkCode(t, err, core.InvalidSoftwareStatement, "software_id must be a string")
	_, err = b.ask(body(issuer.sign(t, `"software_version":[1.10]`), ""))
	checkCode(t, err, core.InvalidSoftwareStatement, "software_version must be a string")
	_, err = b.ask(`{"redirect_uris":["https://a.example/cb"],"software_version":1.1}`)
	checkCode(t, err, core.InvalidClientMetadata, "software_version must be a string")
}

// An issuer's clients get what the table grants, and have no scope beyond what it lists: whoever asks, and however late.
func TestScopesOfIssuers(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{Scopes: []string{"openid", "read", "granted"}, GrantScopes: []string{"granted"}}))
	stated := issuer.sign(t, `"scope":"read write","software_id":"s"`)
	c := b.register(body(stated, ""))
	checkMembers(t, c.doc, "scope", `"read granted"`)
	if w, _ := c.doc.Get("warnings"); !strings.Contains(w.String(), "may not give write here") {
		t.Errorf("warnings %s", w)
	}
	plain := issuer.sign(t, `"software_id":"s"`)
	_, err := b.ask(body(plain, `,"scope":"openid email"`))
	checkCode(t, err, core.InvalidScope, "The scope email is not for clients")
	silent := b.register(body(plain, ""))
	checkMembers(t, silent.doc, "scope", `"openid granted"`) // of the defaults, what the issuer's clients may have

	_, err = b.do(b.manage(core.Update, silent, silent.put(t, "software_statement", "", "scope", `"openid email"`)))
	checkCode(t, err, core.InvalidScope, "The scope email")
	b.mustDo(b.manage(core.Update, silent, silent.put(t, "software_statement", "", "scope", `"openid"`)))
	if m := b.stored(silent.id).Client.Metadata; m.SoftwareStatement != plain {
		t.Error("a statement was left out, and lost")
	}
}

// Redirect URIs are among those of the statement, in updates without it, too; one of a stranger does not take its place.
func TestRedirectsOfStatements(t *testing.T) {
	issuer, stranger := newSigner(t, "https://issuer.example"), newSigner(t, "me")
	b := newBench(t, onTerms(t, issuer, registration.Terms{RedirectsClaim: "software_redirect_uris"}))
	with := func(uris string) string { return issuer.sign(t, `"software_redirect_uris":`+uris) }
	for name, uris := range map[string]string{"another": `["https://b.example/"]`, "a prefix": `["https://a.example/cb"]`, "none": `[]`, "no list": `"https://a.example/"`, "null": `null`} {
		_, err := b.ask(body(with(uris), ""))
		t.Run(name, func(t *testing.T) { checkCode(t, err, core.InvalidRedirectURI, "not in software_redirect_uris") })
	}
	_, err := b.ask(`{"redirect_uris":["https://ann:hunter2@a.example/"],"software_statement":"` + issuer.sign(t, "") + `"}`)
	if checkCode(t, err, core.InvalidRedirectURI, ""); strings.Contains(fmt.Sprint(core.AsError(err).Detail, core.AsError(err).Reasons), "hunter2") {
		t.Errorf("a password in an address is repeated: %+v", core.AsError(err))
	}
	_, err = b.ask(body(issuer.sign(t, ""), "")) // what lists none allows none
	checkCode(t, err, core.InvalidRedirectURI, "not in software_redirect_uris")
	if _, err := b.ask(`{"grant_types":["client_credentials"],"software_statement":"` + issuer.sign(t, "") + `"}`); err != nil {
		t.Errorf("a client without redirect URIs: %v", err)
	}
	c := b.register(body(with(`["https://b.example/","https://a.example/"]`), ""))
	_, err = b.do(b.manage(core.Update, c, c.put(t, "software_statement", "", "redirect_uris", `["https://evil.example/"]`)))
	checkCode(t, err, core.InvalidRedirectURI, "https://evil.example/")
	b.mustDo(b.manage(core.Update, c, c.put(t, "software_statement", "", "redirect_uris", `["https://b.example/"]`)))

	c = b.register(body(with(`["https://a.example/"]`), ""))
	swap := stranger.sign(t, `"software_redirect_uris":["https://evil.example/"]`)
	_, err = b.do(b.manage(core.Update, c, c.put(t, "software_statement", `"`+swap+`"`, "jwks", stranger.jwks(t))))
	checkCode(t, err, core.InvalidSoftwareStatement, "cannot take the place")

	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Set: []decision.Setting{{Field: "redirect_uris", Value: parse(t, `["https://evil.example/"]`)}}}, nil
	}
	if _, err = b.ask(body(with(`["https://a.example/"]`), "")); core.CodeOf(err) != core.PolicyUnstable {
		t.Errorf("policy put another redirect URI: %v", err)
	}
}

// CN and OU of a certificate that a trusted authority issued are what the statement says.
func TestCertificateOfStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{Certificate: registration.CertificateBinding{
		CN: "software_id", OU: "org_id", Issuers: []string{"O=Directory, CN=Issuing CA"},
	}}))
	statement := issuer.sign(t, `"software_id":"soft-1","org_id":"org,1"`)
	good := core.Certificate{Subject: `CN=soft-1,OU=org\,1,O=Acme,2.5.4.97=#130a50534442`, Issuer: "O=Directory,CN=Issuing CA", SHA256: "00", Trusted: true}
	with := func(change func(*core.Certificate)) *core.Certificate {
		c := good
		change(&c)
		return &c
	}
	for name, test := range map[string]struct {
		statement string
		cert      *core.Certificate
		says      string
	}{
		"good":           {statement, &good, ""},
		"none":           {statement, nil, "is needed"},
		"of nobody":      {statement, with(func(c *core.Certificate) { c.Trusted = false }), "not issued by an authority"},
		"another issuer": {statement, with(func(c *core.Certificate) { c.Issuer = "O=Directory,CN=Other" }), "not of an issuer"},
		"another CN":     {statement, with(func(c *core.Certificate) { c.Subject = `CN=soft-2,OU=org\,1` }), "The CN"},
		"another OU":     {statement, with(func(c *core.Certificate) { c.Subject = `CN=soft-1,OU=org` }), "The OU"},
		"hidden in O":    {statement, with(func(c *core.Certificate) { c.Subject = `O=CN\=soft-1\,OU\=org,CN=x,OU=y` }), "The CN"},
		"no software_id": {issuer.sign(t, `"org_id":"org,1"`), &good, "The CN"},
		"no org_id":      {issuer.sign(t, `"software_id":"soft-1"`), &good, "The OU"},
	} {
		t.Run(name, func(t *testing.T) {
			req := b.request(core.Register, core.ChannelDCR, "", body(test.statement, ""))
			req.Credential.Bearer, req.Caller.Certificate = b.token(1, ""), test.cert
			doc, err := b.do(req)
			if test.says != "" {
				checkCode(t, err, core.InvalidClientMetadata, test.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c := clientOf(doc)
			_, err = b.do(b.manage(core.Update, c, c.put(t, "software_statement", "", "contacts", `["x"]`)))
			checkCode(t, err, core.InvalidToken, "is needed")
			for _, op := range []core.Operation{core.Read, core.Delete} { // the token alone is not enough for these, either
				asked := b.manage(op, c, "")
				_, err = b.do(asked)
				checkCode(t, err, core.InvalidToken, "is needed")
				asked.Caller.Certificate = with(func(c *core.Certificate) { c.Subject = `CN=soft-2,OU=org\,1` })
				_, err = b.do(asked)
				checkCode(t, err, core.InvalidToken, "The CN")
				asked.Caller.Certificate = &good
				if _, err := b.do(asked); err != nil {
					t.Errorf("%s: %v", op, err)
				}
			}
		})
	}
	if _, err := b.do(b.request(core.Register, core.ChannelOperator, "", body(statement, ""))); err != nil {
		t.Errorf("an operator has no certificate of the client: %v", err)
	}
}

// In Brazil the software is the user id of the certificate, which the standard library writes in hexadecimal.
func TestUserIDOfCertificates(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, onTerms(t, issuer, registration.Terms{Certificate: registration.CertificateBinding{UID: "software_id"}}))
	for subject, says := range map[string]string{
		"CN=app.example,0.9.2342.19200300.100.1.1=#1306736f66742d31": "", "CN=app.example,UID=soft-1": "",
		"CN=soft-1,0.9.2342.19200300.100.1.1=#1306736f66742d32": "The UID of the client certificate", "CN=soft-1": "The UID of the client certificate",
	} {
		req := b.request(core.Register, core.ChannelDCR, "", body(issuer.sign(t, `"software_id":"soft-1"`), ""))
		req.Credential.Bearer, req.Caller.Certificate = b.token(1, ""), &core.Certificate{Subject: subject, SHA256: "00", Trusted: true}
		_, err := b.do(req)
		if says == "" && err != nil {
			t.Errorf("%s: %v", subject, err)
		}
		if says != "" {
			checkCode(t, err, core.InvalidClientMetadata, says)
		}
	}
}

// A stolen token is not made good by a statement and a certificate of somebody else's: who writes shows the certificate of the statement
// that the client has, too.
func TestCertificateOfAnotherStatement(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	other := newSigner(t, "https://other.example")
	b := newBench(t, func(s *registration.Site) {
		s.TrustedIssuers = []registration.TrustedIssuer{
			{Issuer: issuer.name, JWKS: issuer.jwks(t), Terms: registration.Terms{Certificate: registration.CertificateBinding{CN: "software_id"}}},
			{Issuer: other.name, JWKS: other.jwks(t)},
		}
	})
	named := func(cn string) *core.Certificate {
		return &core.Certificate{Subject: "CN=" + cn, SHA256: "00", Trusted: true}
	}
	req := b.request(core.Register, core.ChannelDCR, "", body(issuer.sign(t, `"software_id":"soft-1"`), ""))
	req.Credential.Bearer, req.Caller.Certificate = b.token(1, ""), named("soft-1")
	c := b.mustDo(req)
	update := func(statement string, cert *core.Certificate) error {
		req := b.manage(core.Update, c, c.put(t, "software_statement", `"`+statement+`"`, "software_id", ""))
		req.Caller.Certificate = cert
		_, err := b.do(req)
		return err
	}
	checkCode(t, update(issuer.sign(t, `"software_id":"soft-2"`), named("soft-2")), core.InvalidToken, "The CN")
	checkCode(t, update(other.sign(t, `"client_name":"Mine"`), nil), core.InvalidToken, "is needed")
	if err := update(issuer.sign(t, `"software_id":"soft-1","org_id":"org-1"`), named("soft-1")); err != nil {
		t.Errorf("its own next statement: %v", err)
	}
}

// Who is no longer trusted holds nobody to a certificate: a client that it once vouched for can still be read and go.
func TestCertificateOfNobodyTrusted(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	trusted := onTerms(t, issuer, registration.Terms{Certificate: registration.CertificateBinding{CN: "software_id"}})
	b := newBench(t, trusted)
	req := b.request(core.Register, core.ChannelDCR, "", body(issuer.sign(t, `"software_id":"soft-1"`), ""))
	req.Credential.Bearer, req.Caller.Certificate = b.token(1, ""), &core.Certificate{Subject: "CN=soft-1", SHA256: "00", Trusted: true}
	c := b.mustDo(req)
	b.site.TrustedIssuers = nil
	for _, op := range []core.Operation{core.Read, core.Delete} {
		if _, err := b.do(b.manage(op, c, "")); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// Of several entries of one issuer, a client is held to the one that its statement rests on, whichever stands first, and whatever else
// is put beside it later. When that one is gone, or was never written down, all that are left hold it.
func TestEntryOfAStatement(t *testing.T) {
	const issuer = "https://issuer.example"
	bound, free := newSigner(t, issuer), newSigner(t, issuer)
	withCN := registration.TrustedIssuer{Issuer: issuer, JWKS: bound.jwks(t), Terms: registration.Terms{
		Certificate: registration.CertificateBinding{CN: "software_id"}, Scopes: []string{"openid", "email"}, RedirectsClaim: "software_redirect_uris",
	}}
	properties := func(id string, by signer, scopes string) string {
		return fmt.Sprintf(`{"id":%q,"type":"ssa","issuers":[%q],"jwks":%s%s}`, id, issuer, by.jwks(t), scopes)
	}
	janssen := func(b *bench, own []registration.TrustedIssuer, entries ...string) {
		site, err := read(`{"dcr_ssa_validation_configs":[` + strings.Join(entries, ",") + `]}`)
		if err != nil {
			t.Fatal(err)
		}
		site.TrustedIssuers = own
		b.desk.SetSite(prepared(t, site))
	}
	own := []registration.TrustedIssuer{withCN}
	cert := &core.Certificate{Subject: "CN=soft-1", SHA256: "00", Trusted: true}
	register := func(b *bench, by signer, cert *core.Certificate) client {
		b.t.Helper()
		statement := by.sign(t, `"software_id":"soft-1","software_redirect_uris":["https://a.example/"]`)
		req := b.request(core.Register, core.ChannelDCR, "", body(statement, `,"scope":"openid"`))
		req.Credential.Bearer, req.Caller.Certificate = b.token(1, ""), cert
		return b.mustDo(req)
	}
	reads := func(b *bench, c client, says string) {
		b.t.Helper()
		_, err := b.do(b.manage(core.Read, c, ""))
		if says == "" && err != nil {
			b.t.Errorf("read without a certificate: %v", err)
		}
		if says != "" {
			checkCode(t, err, core.InvalidToken, says)
		}
	}
	entries := []string{properties("one", free, ""), properties("two", newSigner(t, issuer), `,"scopes":["email"]`)}
	for name, turned := range map[string]bool{"one before two": false, "two before one": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if turned {
				slices.Reverse(entries)
			}
			janssen(b, own, entries...)
			held, loose := register(b, bound, cert), register(b, free, nil)
			wants(t, "entry", b.stored(held.id).Client.Provenance.StatementEntry, "trusted_issuers")
			wants(t, "entry", b.stored(loose.id).Client.Provenance.StatementEntry, "dcrSsaValidationConfigs.one")
			reads(b, held, "is needed")
			reads(b, loose, "")
			update := loose.put(t, "software_statement", "", "software_id", "", "scope", `"openid profile"`)
			if _, err := b.do(b.manage(core.Update, loose, update)); err != nil {
				t.Errorf("an update by the terms of its own entry: %v", err)
			}
			checkCode(t, errOf(b.do(withCert(b.manage(core.Update, held, held.put(t, "scope", `"openid profile"`)), cert))), core.InvalidScope, "profile is not for clients")
		})
	}
	t.Run("an entry comes before", func(t *testing.T) {
		b := newBench(t)
		janssen(b, nil, entries...)
		loose := register(b, free, nil)
		janssen(b, own, entries...)
		reads(b, loose, "")
	})
	t.Run("the keys turn", func(t *testing.T) {
		b := newBench(t)
		janssen(b, own, properties("one", free, ""))
		loose, held := register(b, free, nil), register(b, bound, cert)
		turned := withCN
		turned.JWKS = newSigner(t, issuer).jwks(t)
		janssen(b, []registration.TrustedIssuer{turned}, properties("one", newSigner(t, issuer), ""))
		reads(b, loose, "")
		reads(b, held, "is needed")
	})
	t.Run("the entry goes", func(t *testing.T) {
		b := newBench(t)
		janssen(b, own, entries...)
		held, loose := register(b, bound, cert), register(b, free, nil)
		janssen(b, own)
		reads(b, loose, "is needed")
		if _, err := b.do(withCert(b.manage(core.Read, loose, ""), cert)); err != nil {
			t.Errorf("with the certificate that all entries ask for: %v", err)
		}
		janssen(b, nil, entries...)
		reads(b, held, "")
		checkCode(t, errOf(b.do(b.manage(core.Update, held, held.put(t, "software_statement", "", "software_id", "", "scope", `"openid"`)))), core.InvalidScope, "openid is not for clients")
	})
	t.Run("none was written down", func(t *testing.T) {
		b := newBench(t)
		janssen(b, own, entries...)
		loose := register(b, free, nil)
		kept := b.store.clients[loose.id]
		kept.Client.Provenance.StatementEntry = ""
		b.store.clients[loose.id] = kept
		reads(b, loose, "is needed")
		checkCode(t, errOf(b.do(withCert(b.manage(core.Update, loose, loose.put(t, "software_statement", "", "software_id", "", "scope", `"openid"`)), cert))), core.InvalidScope, "openid is not for clients")
	})
}

func withCert(req registration.Request, cert *core.Certificate) registration.Request {
	req.Caller.Certificate = cert
	return req
}

func errOf[T any](_ T, err error) error { return err }

// Keys may be where a document of the issuer says; an entry counts for what it is for.
func TestConfiguredIssuers(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, func(s *registration.Site) {
		s.TrustedIssuers = []registration.TrustedIssuer{
			{Issuer: issuer.name, For: []string{"statements"}, Configuration: registration.KeysAddress{Endpoint: "https://issuer.example/conf", Claim: "ssa_jwks_endpoint"}},
			{Issuer: issuer.name, For: []string{"requests"}, JWKS: newSigner(t, "").jwks(t)},
			{Issuer: "https://only.example", For: []string{"requests"}, JWKS: issuer.jwks(t)},
		}
	})
	b.published = map[string]string{"https://issuer.example/conf": `{"ssa_jwks_endpoint":"https://issuer.example/keys"}`, "https://issuer.example/keys": issuer.jwks(t)}
	if c := b.register(body(issuer.sign(t, `"client_name":"Bank"`), "")); text(c.doc, "client_name") != "Bank" {
		t.Errorf("registered %s", c.doc)
	}
	other := signer{"https://only.example", issuer.key}
	if c := b.register(body(other.sign(t, `"client_name":"Bank"`), "")); b.stored(c.id).Client.Governance.Trust != registration.TrustNone {
		t.Error("an entry for requests was believed about a statement")
	}
}

// signRequest makes a signed request of a document.
func (b *bench) signRequest(s signer, jti string, members string) registration.Request {
	b.t.Helper()
	req := b.request(core.Register, core.ChannelDCR, "", "")
	req.Credential.Bearer = b.token(1, "")
	req.Signed = s.sign(b.t, fmt.Sprintf(`"aud":"https://op.example","iat":%d,"exp":%d,"jti":%q,%s`, b.now.Unix(), b.now.Add(time.Minute).Unix(), jti, members))
	return req
}

// The statement of a trusted issuer may name the keys that its software signs requests with. No other statement may, no other
// claim, and who names a listed issuer must be it.
func TestRequestKeysOfStatements(t *testing.T) {
	directory, software, thief := newSigner(t, "https://directory.example"), newSigner(t, "soft-1"), newSigner(t, "soft-1")
	b := newBench(t, onTerms(t, directory, registration.Terms{RequestKeys: registration.RequestKeys{JWKSURI: "software_jwks_endpoint", JWKS: "software_jwks"}}),
		onTerms(t, newSigner(t, "https://other.example"), registration.Terms{}))
	var asked decision.Signature
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q.Signed
		return decision.Verdict{Allow: true}, nil
	}
	b.published = map[string]string{"https://keys.example/soft-1": software.jwks(t)}
	const redirects = `"redirect_uris":["https://a.example/"],`
	byAddress := directory.sign(t, `"software_jwks_endpoint":"https://keys.example/soft-1"`)
	for name, test := range map[string]struct {
		by        signer
		statement string
		says      string
	}{
		"by address":           {software, byAddress, ""},
		"by value":             {software, directory.sign(t, `"software_jwks":`+software.jwks(t)), ""},
		"another key":          {thief, byAddress, "does not verify"},
		"another claim":        {software, directory.sign(t, `"jwks_uri":"https://keys.example/soft-1"`), "does not verify"},
		"a stranger's":         {software, thief.sign(t, `"software_jwks":`+software.jwks(t)), "does not verify"},
		"the directory's name": {signer{directory.name, software.key}, byAddress, "keys of its issuer"},
		"unreachable":          {software, directory.sign(t, `"software_jwks_endpoint":"https://keys.example/none"`), "cannot be had now"},
		"broken keys":          {software, directory.sign(t, `"software_jwks":{"keys":7}`), "does not verify"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := b.do(b.signRequest(test.by, name, redirects+`"software_statement":"`+test.statement+`"`))
			if test.says != "" {
				if err == nil || !strings.Contains(core.AsError(err).Detail, test.says) {
					t.Errorf("err = %v", err)
				}
				return
			}
			if err != nil || asked.Trust != registration.TrustIssuer || text(doc, "software_statement") != test.statement {
				t.Errorf("%v; asked about %+v", err, asked)
			}
		})
	}
	if alg := asked.Alg; alg != jose.ES256 {
		t.Errorf("alg %q", alg)
	}
	// Software does not use up the jti of other software that calls itself the same, and no request is taken twice.
	again := b.signRequest(software, "by address", redirects+`"software_statement":"`+byAddress+`"`)
	_, err := b.do(again)
	checkCode(t, err, core.InvalidRequest, "used before")
	_, err = b.do(b.signRequest(thief, "by address", redirects+`"software_statement":"`+directory.sign(t, `"software_jwks":`+thief.jwks(t))+`"`))
	checkCode(t, err, "", "")
}

// Who is listed for statements only is not whom software may call itself.
func TestSoftwareDoesNotSignAsItsDirectory(t *testing.T) {
	directory, software := newSigner(t, "https://directory.example"), newSigner(t, "soft-1")
	b := newBench(t, onTerms(t, directory, registration.Terms{RequestKeys: registration.RequestKeys{JWKS: "software_jwks"}}),
		func(s *registration.Site) { s.TrustedIssuers[0].For = []string{registration.ForStatements} })
	members := `"redirect_uris":["https://a.example/"],"software_statement":"` + directory.sign(t, `"software_jwks":`+software.jwks(t)) + `"`
	_, err := b.do(b.signRequest(signer{directory.name, software.key}, "1", members))
	checkCode(t, err, core.InvalidRequest, "does not verify")
	_, err = b.do(b.signRequest(software, "2", members))
	checkCode(t, err, "", "")
}

// An issuer that has left the table vouches for nobody any more, whether a client sends its statement again or not.
func TestTrustEndsWithTheIssuer(t *testing.T) {
	directory := newSigner(t, "https://directory.example")
	for name, sent := range map[string]bool{"statement left out": false, "statement repeated": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, onTerms(t, directory, registration.Terms{Scopes: []string{"openid"}}))
			compact := directory.sign(t, `"client_name":"Bank"`)
			c, err := b.ask(body(compact, `,"scope":"openid"`))
			if err != nil {
				t.Fatal(err)
			}
			update := func(uri string) string {
				changes := []string{"client_uri", `"` + uri + `"`, "software_statement", ""}
				if sent {
					changes[3] = `"` + compact + `"`
				}
				_, err := b.do(b.manage(core.Update, c, c.put(t, changes...)))
				checkCode(t, err, "", "")
				return b.stored(c.id).Client.Governance.Trust
			}
			if trust := update("https://a.example/new"); trust != registration.TrustIssuer {
				t.Fatalf("while the issuer is listed: %q", trust)
			}
			b.desk.SetSite(prepared(t, registration.DefaultSite()))
			if trust := update("https://a.example/newer"); trust != registration.TrustNone {
				t.Errorf("when it is not listed any more: %q", trust)
			}
		})
	}
}

func TestTermsProblems(t *testing.T) {
	_, err := read(`trusted_issuers:
  - issuer: https://a.example
    jwks_uri: https://a.example/jwks
    for: [statements, sometimes]
    map: {x: client_id, y: nonsense}
    role_scopes: {A: ["two words"]}
    scopes: [read]
    grant_scopes: [write]
    max_age: -1s
  - issuer: https://b.example
    configuration: {endpoint: "http://b.example"}
  - issuer: https://c.example
    jwks_uri: https://a.example/jwks
    configuration: {endpoint: "https://b.example", claim: jwks_uri}
`)
	for _, want := range []string{
		"4: trusted_issuers[0].for[1]: must be statements or requests",
		"5: trusted_issuers[0].map.x: is mapped to client_id",
		"5: trusted_issuers[0].map.y: is mapped to nonsense",
		"6: trusted_issuers[0].role_scopes: needs a claim",
		"6: trusted_issuers[0].role_scopes.A[0]: is no scope",
		"8: trusted_issuers[0].grant_scopes[0]: is not in scopes",
		"9: trusted_issuers[0].max_age: must be a duration",
		"11: trusted_issuers[1].configuration.endpoint: must be an https URL",
		"11: trusted_issuers[1].configuration.claim: is missing",
		"14: trusted_issuers[2].configuration: stands beside",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in %v", want, err)
		}
	}
}
