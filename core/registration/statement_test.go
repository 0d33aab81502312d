package registration_test

import (
	"encoding/json"
	"fmt"
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

// signer issues software statements.
type signer struct {
	name string
	key  jose.PrivateKey
}

func newSigner(t *testing.T, name string) signer {
	t.Helper()
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return signer{name, key}
}

func (s signer) jwks(t *testing.T) string {
	t.Helper()
	jwk, err := jose.PublicJWK(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return `{"keys":[` + string(jwk) + `]}`
}

// sign makes a statement with the signer's iss and the claims given.
func (s signer) sign(t testing.TB, claims string) string {
	t.Helper()
	text := fmt.Sprintf(`{"iss":%q,%s}`, s.name, claims)
	if claims == "" {
		text = fmt.Sprintf(`{"iss":%q}`, s.name)
	}
	compact, err := jose.Sign(s.key, "", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// body is a registration with a statement and more members.
func body(statement, more string) string {
	return `{"redirect_uris":["https://a.example/"],"software_statement":"` + statement + `"` + more + `}`
}

func trusting(t *testing.T, issuers ...signer) func(*registration.Site) {
	return func(s *registration.Site) {
		for _, i := range issuers {
			s.TrustedIssuers = append(s.TrustedIssuers, registration.TrustedIssuer{Issuer: i.name, JWKS: i.jwks(t)})
		}
	}
}

// The claims of a configured issuer override the request and are locked; so are the translations of what they state.
func TestStatementOfATrustedIssuer(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, trusting(t, issuer))
	var asked decision.Statement
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q.Statement
		return decision.Verdict{Allow: true}, nil
	}
	compact := issuer.sign(t, `"client_name":"Bank","client_name#fr":"Banque","scope":"openid","software_id":"s-1","logo_uri":null,
		"client_id":"c-evil","software_statement":"x.y.z","unknown":{"a":1}`)
	c := b.register(body(compact, `,"client_name":"Mine","client_name#de":"Falsch","client_name#fr":"Faux","scope":"email","logo_uri":"https://a.example/l","client_uri#fr":"https://a.example/fr"`))
	checkMembers(t, c.doc, "client_name", `"Bank"`, "client_name#fr", `"Banque"`, "client_name#de", "", "client_uri#fr", `"https://a.example/fr"`,
		"scope", `"openid"`, "software_id", `"s-1"`, "logo_uri", `"https://a.example/l"`, "software_statement", `"`+compact+`"`)
	if w, _ := c.doc.Get("warnings"); !strings.Contains(w.String(), `"fields":["client_name","scope"]`) || strings.Contains(w.String(), `software_id"`) {
		t.Errorf("warnings = %s", w)
	}
	stored := b.stored(c.id).Client
	if got := slices.Sorted(slices.Values(stored.Locked)); !slices.Equal(got, []string{"client_name", "scope", "software_id"}) {
		t.Errorf("locked = %v", got)
	}
	if stored.Provenance.StatementIssuer != issuer.name || stored.Governance.Trust != registration.TrustIssuer || strings.HasPrefix(string(c.id), "c-evil") {
		t.Errorf("stored = %+v", stored)
	}
	if !asked.Present || asked.Trust != registration.TrustIssuer || asked.Issuer != issuer.name || asked.Alg != jose.ES256 || asked.Kid != issuer.key.ID() {
		t.Errorf("policy was asked about %+v", asked)
	}
}

func TestStatementsOfOthers(t *testing.T) {
	own, stranger := newSigner(t, "me"), newSigner(t, "https://stranger.example")
	for name, test := range map[string]struct {
		body  string
		trust string
	}{
		"the client's own keys": {body(own.sign(t, `"client_name":"Self"`), `,"client_name":"Mine","jwks":`+own.jwks(t)), registration.TrustSelf},
		"nobody we know":        {body(stranger.sign(t, `"client_name":"Them"`), `,"client_name":"Mine"`), registration.TrustNone},
		"not its own keys":      {body(stranger.sign(t, `"client_name":"Them"`), `,"client_name":"Mine","jwks":`+own.jwks(t)), registration.TrustNone},
		"no statement":          {`{"redirect_uris":["https://a.example/"],"client_name":"Mine"}`, registration.TrustNone},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			var asked decision.Statement
			b.policy = func(q *decision.Registration) (decision.Verdict, error) {
				asked = q.Statement
				return decision.Verdict{Allow: true}, nil
			}
			c := b.register(test.body)
			s := b.stored(c.id).Client
			if asked.Trust != test.trust || s.Governance.Trust != test.trust || s.Locked != nil || s.Provenance.StatementIssuer != "" || s.Metadata.ClientName != "Mine" {
				t.Errorf("trust %q, stored %+v", asked.Trust, s)
			}
			b.do(b.manage(core.Delete, c, ""))
			if asked.Trust != registration.TrustNone || asked.Present {
				t.Errorf("a delete asks about %+v", asked)
			}
		})
	}
}

// An issuer may publish its keys instead. While they cannot be had, its statements are neither believed nor refused.
func TestStatementOfAnIssuerThatPublishesItsKeys(t *testing.T) {
	issuer, impostor := newSigner(t, "https://issuer.example"), newSigner(t, "https://issuer.example")
	const uri = "https://issuer.example/jwks"
	b := newBench(t, func(s *registration.Site) {
		s.TrustedIssuers = []registration.TrustedIssuer{{Issuer: issuer.name, JWKSURI: uri}}
	})
	ask := func(by signer) error {
		req := b.request(core.Register, core.ChannelDCR, "", body(by.sign(t, `"client_name":"Bank"`), ""))
		req.Credential.Bearer = b.token(1, "")
		_, err := b.do(req)
		return err
	}
	err := ask(issuer)
	checkCode(t, err, core.TemporarilyUnavailable, "cannot be had now")
	if b.lastEntry().Verdict != ledger.Failed || core.AsError(err).RetryAfter == 0 {
		t.Errorf("entry %+v, error %+v", b.lastEntry(), err)
	}
	b.published = map[string]string{uri: issuer.jwks(t)}
	if err := ask(issuer); err != nil {
		t.Error(err)
	}
	checkCode(t, ask(impostor), core.InvalidSoftwareStatement, "does not verify")
}

func TestRefusedStatements(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	impostor := signer{issuer.name, newSigner(t, "").key}
	b := newBench(t, trusting(t, issuer))
	good := issuer.sign(t, `"client_name":"Bank"`)
	at := func(d time.Duration) int64 { return b.now.Add(d).Unix() }
	for name, test := range map[string]struct{ statement, says string }{
		"not a JWT":             {"a.b", "no usable signed JWT"},
		"not signed":            {"eyJhbGciOiJub25lIn0.e30.", "no usable signed JWT"},
		"truncated":             {good[:len(good)-2], "does not verify"},
		"other payload":         {strings.Split(good, ".")[0] + "." + strings.Split(issuer.sign(t, `"client_name":"Evil"`), ".")[1] + "." + strings.Split(good, ".")[2], "does not verify"},
		"another's signature":   {impostor.sign(t, `"client_name":"Bank"`), "does not verify"},
		"expired":               {issuer.sign(t, fmt.Sprintf(`"exp":%d`, at(-10*time.Second))), "has expired"},
		"not valid yet":         {issuer.sign(t, fmt.Sprintf(`"nbf":%d`, at(11*time.Second))), "is not valid yet"},
		"exp of another type":   {issuer.sign(t, `"exp":"tomorrow"`), "claim exp"},
		"nbf in milliseconds":   {issuer.sign(t, fmt.Sprintf(`"nbf":%d000`, at(0))), "not valid yet"},
		"exp beyond all time":   {issuer.sign(t, `"exp":9223372036854775807`), ""},
		"claim of a wrong type": {issuer.sign(t, `"redirect_uris":"https://a.example/"`), "software_statement: redirect_uris must be"},
	} {
		req := b.request(core.Register, core.ChannelDCR, "", body(test.statement, ""))
		req.Credential.Bearer = b.token(1, "")
		_, err := b.do(req)
		t.Run(name, func(t *testing.T) { checkCode(t, err, core.InvalidSoftwareStatement, test.says) })
	}
	for name, claims := range map[string]string{
		"just expired":   fmt.Sprintf(`"exp":%d`, at(-9*time.Second)),
		"just not valid": fmt.Sprintf(`"nbf":%d`, at(10*time.Second)),
		"with fractions": fmt.Sprintf(`"nbf":%d.5,"exp":%d.25`, at(0), at(time.Minute)), // RFC 7519 §2
		"long claims":    `"https://` + strings.Repeat("n", 150) + `":1,"client_name":"x"`,
	} {
		if c := b.register(body(issuer.sign(t, claims), "")); c.id == "" {
			t.Errorf("%s was refused", name)
		}
	}
	if len(b.store.clients) != 4 {
		t.Errorf("%d clients are stored", len(b.store.clients))
	}
}

// An update cannot change what a statement fixed: not by leaving the statement out, not by another issuer's.
func TestLockedMembers(t *testing.T) {
	issuer, other, stranger := newSigner(t, "https://issuer.example"), newSigner(t, "https://other.example"), newSigner(t, "https://stranger.example")
	const fixed = `"client_name":"Bank","client_name#fr":"Banque","scope":"openid"`
	set := func(name, statement string) []string {
		quoted, _ := json.Marshal(statement)
		return []string{name, string(quoted)}
	}
	for name, test := range map[string]struct {
		changes []string
		merge   string
		says    string // "": accepted
	}{
		"without it, unlocked":      {changes: []string{"software_statement", "", "contacts", `["a@b.example"]`}},
		"without it and them":       {changes: []string{"software_statement", "", "client_name", "", "client_name#fr", "", "scope", "", "contacts", `["x"]`}},
		"without it, a locked one":  {changes: []string{"software_statement", "", "client_name", `"Evil"`}, says: "client_name was fixed"},
		"its translation":           {changes: []string{"software_statement", "", "client_name#fr", `"Mal"`}, says: "client_name#fr was fixed"},
		"a new translation":         {changes: []string{"software_statement", "", "client_name#de", `"Falsch"`}, says: "client_name#de was fixed"},
		"a stranger's statement":    {changes: append(set("software_statement", stranger.sign(t, "")), "scope", `"openid email"`), says: "scope was fixed"},
		"another trusted issuer's":  {changes: append(set("software_statement", other.sign(t, `"contacts":["a@b.example"]`)), "scope", `"openid email"`), says: "scope was fixed"},
		"that states it itself":     {changes: set("software_statement", other.sign(t, `"client_name":"Evil"`)), says: "client_name was fixed"},
		"another's that adds":       {changes: set("software_statement", other.sign(t, `"contacts":["a@b.example"]`))},
		"the same issuer's new one": {changes: append(set("software_statement", issuer.sign(t, `"client_name":"Bank 2"`)), "contacts", `["a@b.example"]`)},
		"merged":                    {merge: `{"client_name":"Evil","contacts":["a@b.example"]}`}, // overridden: the statement comes along
		"merged without it":         {merge: `{"software_statement":null,"client_name":"Evil"}`, says: "client_name was fixed"},
		"merged away":               {merge: `{"software_statement":null,"client_name":null,"contacts":["a@b.example"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, trusting(t, issuer, other))
			c := b.register(body(issuer.sign(t, fixed), ""))
			before := b.stored(c.id)
			req := b.manage(core.Update, c, c.put(t, test.changes...))
			if test.merge != "" {
				req.Body, req.Merge = parse(t, test.merge), true
			}
			_, err := b.do(req)
			after := b.stored(c.id)
			if test.says != "" {
				checkCode(t, err, core.InvalidClientMetadata, test.says)
				if after.Stamps != before.Stamps {
					t.Error("a refused update was written")
				}
				return
			}
			if err != nil || after.Stamps == before.Stamps {
				t.Fatalf("err = %v; written: %t", err, after.Stamps != before.Stamps)
			}
			m := after.Client.Metadata
			if name == "the same issuer's new one" {
				if m.ClientName != "Bank 2" || len(m.Tagged) > 0 || !slices.Equal(after.Client.Locked, []string{"client_name"}) {
					t.Errorf("stored %+v, locked %v", m, after.Client.Locked)
				}
				return
			}
			if m.ClientName != "Bank" || m.Tagged["client_name#fr"] != "Banque" || len(m.Tagged) != 1 || !slices.Equal(m.Scope, []string{"openid"}) ||
				!slices.Contains(after.Client.Locked, "client_name") || !slices.Contains(after.Client.Locked, "scope") ||
				m.SoftwareStatement == "" || after.Client.Governance.Trust != registration.TrustIssuer {
				t.Errorf("stored %+v", after.Client)
			}
		})
	}
}

// Byte-identical to the stored one only the signature counts: its times were judged when it was new. A revoked issuer's
// statement is not believed any more, and what it fixed stays fixed.
func TestRepeatedStatement(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, trusting(t, issuer))
	compact := issuer.sign(t, fmt.Sprintf(`"client_name":"Bank","exp":%d`, b.now.Add(time.Minute).Unix()))
	c := b.register(body(compact, ""))
	b.now = b.now.Add(time.Hour)
	second := b.mustDo(b.manage(core.Update, c, c.put(t, "contacts", `["a@b.example"]`)))
	if got := b.stored(c.id).Client.Governance.Trust; got != registration.TrustIssuer {
		t.Errorf("trust = %q", got)
	}
	req := b.request(core.Register, core.ChannelDCR, "", body(compact, ""))
	req.Credential.Bearer = b.token(1, "")
	_, err := b.do(req)
	checkCode(t, err, core.InvalidSoftwareStatement, "has expired") // for a new client it is too late

	b.desk.SetSite(prepared(t, registration.DefaultSite()))
	third := b.mustDo(b.manage(core.Update, second, second.put(t, "contacts", "")))
	s := b.stored(c.id).Client
	if s.Governance.Trust != registration.TrustNone || !slices.Equal(s.Locked, []string{"client_name"}) {
		t.Errorf("after the issuer was removed: %+v", s)
	}
	_, err = b.do(b.manage(core.Update, third, third.put(t, "client_name", `"Evil"`)))
	checkCode(t, err, core.InvalidClientMetadata, "client_name was fixed")
}
