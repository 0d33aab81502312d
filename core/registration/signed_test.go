package registration_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// secret is long enough for HS512, and easy to find where it must not be.
const secret = "s3cr3t-hunted-s3cr3t-hunted-s3cr3t-hunted-s3cr3t-hunted-s3cr3t-hunted"

// mac makes a JWT with an HMAC.
func mac(alg, key, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"`+alg+`"}`)) + "." + encode([]byte(claims))
	h := hmac.New(map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}[alg], []byte(key))
	h.Write([]byte(input))
	return input + "." + encode(h.Sum(nil))
}

// giving gives keys for what an issuer signed, and knows no other.
func giving(name, issuer string, k hook.Keys, calls *[]hook.Call) *plugin {
	return asking(name, "", func(c hook.Call) (hook.Result, error) {
		if calls != nil {
			*calls = append(*calls, c)
		}
		if iss, _ := c.Signed.Claims.Get("iss"); iss.String() != fmt.Sprintf("%q", issuer) {
			return hook.Result{Action: hook.Continue}, nil
		}
		return hook.Result{Action: hook.Give, Keys: k, Audit: strictjson.Object()}, nil
	})
}

func delegating(patterns ...string) func(*registration.Site) {
	return func(s *registration.Site) {
		for _, p := range patterns {
			s.TrustedIssuers = append(s.TrustedIssuers, registration.TrustedIssuer{Issuer: p, Keys: "plugin"})
		}
	}
}

// hunt looks for text everywhere that a judgement leaves something.
func (b *bench) hunt(text string, more ...any) {
	b.t.Helper()
	places := append(more, b.book.entries, b.book.shaped, b.store.entries, b.decided)
	for _, e := range b.store.entries {
		places = append(places, string(e.Input))
	}
	for _, e := range b.book.entries {
		places = append(places, string(e.Input))
	}
	for _, place := range places {
		if s := fmt.Sprintf("%+v %#v", place, place); strings.Contains(s, text) {
			b.t.Errorf("found %q in %.300s", text, s)
		}
	}
}

// A plugin that the operator lets vouch for an issuer gives its keys: then the statement is believed as that of any trusted issuer.
func TestKeysOfPlugins(t *testing.T) {
	bank := newSigner(t, "https://a.bank.example")
	var calls []hook.Call
	b := newBench(t, delegating("https://*.bank.example"))
	b.plug(hook.SoftwareStatementKeys, giving("other", "https://b.bank.example", hook.Keys{Secret: secret}, nil),
		giving("directory", bank.name, hook.Keys{JWKS: bank.jwks(t)}, &calls), failing("last"))
	var asked decision.Statement
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q.Statement
		return decision.Verdict{Allow: true}, nil
	}
	compact := bank.sign(t, `"client_name":"Bank"`)
	c := b.register(body(compact, `,"client_name":"Mine","x":1,"client_secret":"not told"`))
	stored := b.stored(c.id).Client
	if asked.Trust != registration.TrustIssuer || stored.Provenance.StatementIssuer != bank.name || stored.Metadata.ClientName != "Bank" || stored.Locked == nil {
		t.Errorf("asked %+v, stored %+v", asked, stored)
	}
	call := calls[0]
	if call.Signed.Kind != hook.SignedStatement || call.Signed.Alg != "ES256" || call.Signed.Kid != bank.key.ID() || !strings.Contains(call.Client.String(), `"x":1`) ||
		strings.Contains(call.Client.String(), "not told") {
		t.Errorf("called with %+v", call)
	}
	e := b.entry(c.doc)
	rows := pluginRows(e)
	if len(rows) != 2 || rows[1].Stage != "statement" || rows[1].By.Name != "directory" {
		t.Errorf("rows = %+v", rows)
	}
	if s := b.desk.Simulate(t.Context(), b.request(core.Register, core.ChannelDCR, "", body(compact, "")), registration.KindIAT); s.Err != nil {
		t.Errorf("simulated: %v", s.Err)
	}
	b.hunt(`"crv"`, e)
	kept, err := decision.ParseKept(e.Input)
	if err != nil {
		t.Fatal(err)
	}
	before := len(calls)
	again := func(_ context.Context, q *decision.Registration) (decision.Verdict, error) { return b.policy(q) }
	if replayed := b.desk.Rejudge(t.Context(), again, kept); replayed.Verdict != ledger.Allowed || asked.Trust != registration.TrustIssuer {
		t.Errorf("replayed as %+v, asked about %+v", replayed, asked)
	}
	asked = decision.Statement{}
	if today, _ := b.desk.Reconsider(t.Context(), again, stored, kept, core.InitialAccessToken{}); today.Verdict != ledger.Allowed || asked.Trust != registration.TrustIssuer {
		t.Errorf("reconsidered as %+v, asked about %+v", today, asked)
	}
	if len(calls) != before {
		t.Error("a replay asked plugins")
	}

	req := b.manage(core.Update, c, `{"client_id":"`+string(c.id)+`","client_name":"Mine","redirect_uris":["https://a.example/"]}`)
	_, err = b.do(req)
	checkCode(t, err, core.InvalidClientMetadata, "fixed by the software statement")

	forged := signer{bank.name, newSigner(t, "").key}
	_, err = b.do(b.request(core.Register, core.ChannelOperator, "", body(forged.sign(t, ""), "")))
	checkCode(t, err, core.InvalidSoftwareStatement, "does not verify")
}

// Secrets verify HS256, HS384 and HS512: a plugin's, and one that the operator configured. They are nowhere to be found afterwards.
func TestSharedSecrets(t *testing.T) {
	const claims = `{"iss":"https://hub.example","client_name":"Hub"}`
	benches := map[string]*bench{
		"configured": newBench(t, func(s *registration.Site) {
			s.TrustedIssuers = []registration.TrustedIssuer{{Issuer: "https://hub.example", SharedSecret: secret}}
		}),
		"plugin": newBench(t, delegating("https://hub.example")),
	}
	benches["plugin"].plug(hook.SoftwareStatementKeys, giving("p", "https://hub.example", hook.Keys{Secret: secret}, nil))
	for name, b := range benches {
		for _, alg := range []string{"HS256", "HS384", "HS512"} {
			c := b.register(body(mac(alg, secret, claims), ""))
			if got := b.stored(c.id).Client.Governance.Trust; got != registration.TrustIssuer {
				t.Errorf("%s, %s: trust %q", name, alg, got)
			}
		}
		for what, statement := range map[string]string{
			"another secret": mac("HS256", secret+"x", claims),
			"no secret":      mac("HS256", "", claims),
			"a key":          newSigner(t, "https://hub.example").sign(t, ""),
		} {
			_, err := b.do(b.request(core.Register, core.ChannelOperator, "", body(statement, "")))
			checkCode(t, err, core.InvalidSoftwareStatement, "does not verify")
			b.hunt(secret, what, err, fmt.Sprintf("%+v", *core.AsError(err)), b.desk.Site())
		}
	}
	// The public keys of an issuer are no secret of it.
	bank := newSigner(t, "https://bank.example")
	b := newBench(t, trusting(t, bank))
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", body(mac("HS256", bank.jwks(t), `{"iss":"https://bank.example"}`), "")))
	checkCode(t, err, core.InvalidSoftwareStatement, "does not verify")
}

// Who is not delegated is not asked about; what no plugin knows has no trust; what a plugin gives must be usable.
func TestKeysThatAreNotKnown(t *testing.T) {
	stranger := newSigner(t, "https://stranger.example")
	self := newSigner(t, "https://me.example")
	all := giving("all", stranger.name, hook.Keys{JWKS: stranger.jwks(t)}, nil)
	register := func(b *bench, s signer, more string) (string, error) {
		doc, err := b.do(b.request(core.Register, core.ChannelOperator, "", body(s.sign(t, ""), more)))
		if err != nil {
			return "", err
		}
		return b.stored(core.ClientID(text(doc, "client_id"))).Client.Governance.Trust, nil
	}
	for name, test := range map[string]struct {
		patterns string
		plugin   *plugin
		trust    string
		code     core.Code
	}{
		"not delegated":       {"https://*.bank.example", all, registration.TrustNone, ""},
		"any":                 {"*", all, registration.TrustIssuer, ""},
		"not known":           {"*", answering("p", hook.Result{Action: hook.Continue}), registration.TrustNone, ""},
		"named and not known": {"https://stranger.example", answering("p", hook.Result{Action: hook.Continue}), "", core.UnapprovedSoftwareStmt},
		"named, no plugin":    {"https://stranger.example", nil, "", core.UnapprovedSoftwareStmt},
		"any, no plugin":      {"*", nil, registration.TrustNone, ""},
		"garbage":             {"*", answering("p", hook.Result{Action: hook.Give, Keys: hook.Keys{JWKS: `{"keys":"` + secret}}), "", core.PluginFault},
		"a short secret":      {"*", answering("p", hook.Result{Action: hook.Give, Keys: hook.Keys{Secret: "s3cr3t-hunted"}}), "", core.PluginFault},
		"garbage, excused":    {"*", answering("p", hook.Result{Action: hook.Give, Keys: hook.Keys{JWKS: `{"keys":"` + secret}}).excused(), registration.TrustNone, ""},
		"a failure":           {"*", failing("p"), "", core.PluginFault},
		"a refusal":           {"*", rejecting("p", core.UnapprovedSoftwareStmt, "Revoked."), "", core.UnapprovedSoftwareStmt},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, delegating(test.patterns))
			if test.plugin != nil {
				b.plug(hook.SoftwareStatementKeys, test.plugin)
			}
			trust, err := register(b, stranger, "")
			if core.CodeOf(err) != test.code || trust != test.trust {
				t.Errorf("trust %q, %v", trust, err)
			}
			b.hunt("s3cr3t", err)
		})
	}
	b := newBench(t, delegating("*"))
	b.plug(hook.SoftwareStatementKeys, all)
	if trust, err := register(b, self, `,"jwks":`+self.jwks(t)); trust != registration.TrustSelf {
		t.Errorf("the client's own: trust %q, %v", trust, err)
	}
	if trust, err := register(b, signer{"", self.key}, ""); trust != registration.TrustNone {
		t.Errorf("no issuer: trust %q, %v", trust, err)
	}
}

func TestIssuerPatterns(t *testing.T) {
	for issuer, covered := range map[string]bool{
		"https://a.bank.example": true, "https://a.b.bank.example": true, "https://bank.example": false, "https://.bank.example": false,
		"http://a.bank.example": false, "https://evil.example/.bank.example": false, "https://evil.example#.bank.example": false,
		"https://evil.example?x=.bank.example": false, "https://a.bank.example.evil.example": false, "https://evil@a.bank.example": false,
		"https://a.bank.example/path": false,
	} {
		b := newBench(t, delegating("https://*.bank.example"))
		called := false
		b.plug(hook.SoftwareStatementKeys, asking("p", "", func(hook.Call) (hook.Result, error) {
			called = true
			return hook.Result{Action: hook.Continue}, nil
		}))
		b.register(body(newSigner(t, issuer).sign(t, ""), ""))
		if called != covered {
			t.Errorf("%s: asked %v", issuer, called)
		}
	}
	site := registration.DefaultSite()
	site.TrustedIssuers = []registration.TrustedIssuer{
		{Issuer: "https://*.a.example", JWKS: `{"keys":[]}`}, {Issuer: "https://*", Keys: "plugin"}, {Issuer: "https://x.*.a", Keys: "plugin"},
		{Issuer: "https://a", Keys: "magic"}, {Issuer: "https://b", Keys: "plugin", SharedSecret: secret}, {Issuer: "https://c", SharedSecret: "short"},
	}
	var problems []string
	for _, p := range site.Validate() {
		problems = append(problems, p.Path+": "+p.Text)
	}
	all := strings.Join(problems, "\n")
	for _, want := range []string{"[0].issuer: is a pattern", "[1].issuer: must be", "[2].issuer: must be", "[3].keys: must be plugin", "[4].keys: stands beside", "[5].shared_secret: is too short"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not said:\n%s", want, all)
		}
	}
}

// signedRequest makes a good signed request; more replaces or adds claims.
func signedRequest(t *testing.T, b *bench, s signer, more string) string {
	t.Helper()
	claims := parse(t, fmt.Sprintf(`{"aud":"https://op.example","iat":%d,"exp":%d,"jti":"j-%d","redirect_uris":["https://a.example/"],"client_name":"Signed"}`,
		b.now.Unix(), b.now.Add(time.Minute).Unix(), b.serial))
	for name, v := range parse(t, "{"+more+"}").All() {
		if claims = claims.Without(name); !v.IsNull() {
			claims = claims.With(name, v)
		}
	}
	text := claims.String()
	return s.sign(t, text[1:len(text)-1])
}

func (b *bench) sendSigned(compact string) (strictjson.Value, error) {
	req := b.request(core.Register, core.ChannelOperator, "", "")
	req.Signed = compact
	return b.do(req)
}

// The claims of a signed request are the document; whose signature it is, policy is told.
func TestSignedRequest(t *testing.T) {
	bank, hub, self := newSigner(t, "https://bank.example"), newSigner(t, "https://hub.example"), newSigner(t, "anybody")
	b := newBench(t, trusting(t, bank), delegating("*"))
	b.plug(hook.RequestKeys, giving("p", hub.name, hook.Keys{JWKS: hub.jwks(t)}, nil))
	var asked *decision.Registration
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q
		return decision.Verdict{Allow: true}, nil
	}
	for _, test := range []struct {
		signer signer
		more   string
		trust  string
	}{
		{bank, "", registration.TrustIssuer}, {hub, "", registration.TrustIssuer}, {self, `"jwks":` + self.jwks(t), registration.TrustSelf},
		{bank, `"aud":["https://x.example","https://op.example/dcr/register"]`, registration.TrustIssuer},
		{signer{"", self.key}, `"jwks":` + self.jwks(t), registration.TrustSelf},
	} {
		b.serial++
		compact := signedRequest(t, b, test.signer, test.more)
		doc, err := b.sendSigned(compact)
		if err != nil {
			t.Fatal(err)
		}
		checkMembers(t, doc, "client_name", `"Signed"`, "iss", "", "jti", "", "aud", "")
		s := asked.Signed
		if !s.Present || s.Trust != test.trust || s.Alg != "ES256" || s.Kid != test.signer.key.ID() || len(asked.Request.Extra) > 0 {
			t.Errorf("asked about %+v, extra %v", s, asked.Request.Extra)
		}
		if _, err := b.sendSigned(compact); core.CodeOf(err) != core.InvalidRequest || !strings.Contains(err.Error(), "used before") {
			t.Errorf("a replay: %v", err)
		}
		if e := b.lastEntry(); e.Verdict != ledger.Denied || e.Error == nil {
			t.Errorf("entry of a replay: %+v", e)
		}
		kept, err := decision.ParseKept(b.entry(doc).Input)
		if err != nil || kept.Signed != asked.Signed {
			t.Errorf("kept %+v, %v", kept, err)
		}
	}
	if b.register(shop); asked.Signed.Present || asked.Signed.Trust != registration.TrustNone {
		t.Errorf("a plain request is asked about as %+v", asked.Signed)
	}
}

// typed is a JWT of a kind.
func typed(t *testing.T, s signer, typ string) string {
	compact, err := jose.Sign(s.key, typ, []byte(`{"iss":"https://bank.example"}`))
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestRefusedSignedRequests(t *testing.T) {
	bank := newSigner(t, "https://bank.example")
	forged := signer{bank.name, newSigner(t, "").key}
	self := newSigner(t, "me")
	b := newBench(t, trusting(t, bank))
	at := func(d time.Duration) int64 { return b.now.Add(d).Unix() }
	good := signedRequest(t, b, bank, "")
	for name, test := range map[string]struct{ compact, says string }{
		"not a JWT":           {"a.b", "no usable signed JWT"},
		"unsigned":            {"eyJhbGciOiJub25lIn0.e30.", "no usable signed JWT"},
		"changed":             {strings.Split(good, ".")[0] + "." + strings.Split(signedRequest(t, b, bank, `"client_name":"Evil"`), ".")[1] + "." + strings.Split(good, ".")[2], "does not verify"},
		"forged":              {signedRequest(t, b, forged, ""), "does not verify with the keys of its issuer"},
		"forged, own keys":    {signedRequest(t, b, forged, `"jwks":`+forged.jwks(t)), "does not verify with the keys of its issuer"},
		"nobody we know":      {signedRequest(t, b, self, ""), "does not verify"},
		"an HMAC":             {mac("HS256", secret, `{"iss":"me","jti":"1"}`), "does not verify"},
		"of another type":     {typed(t, bank, "at+jwt"), "which no registration is"},
		"no audience":         {signedRequest(t, b, bank, `"aud":null`), "aud"},
		"another's":           {signedRequest(t, b, bank, `"aud":"https://op.example/token"`), "aud"},
		"no exp":              {signedRequest(t, b, bank, `"exp":null`), "needs exp and iat"},
		"no iat":              {signedRequest(t, b, bank, `"iat":null`), "needs exp and iat"},
		"expired":             {signedRequest(t, b, bank, fmt.Sprintf(`"exp":%d`, at(-10*time.Second))), "has expired"},
		"not yet":             {signedRequest(t, b, bank, fmt.Sprintf(`"nbf":%d`, at(11*time.Second))), "not valid yet"},
		"for too long":        {signedRequest(t, b, bank, fmt.Sprintf(`"exp":%d`, at(time.Hour+time.Second))), "too long"},
		"from the future":     {signedRequest(t, b, bank, fmt.Sprintf(`"iat":%d`, at(11*time.Second))), "in the future"},
		"exp of another type": {signedRequest(t, b, bank, `"exp":"soon"`), "claim exp"},
		"no jti":              {signedRequest(t, b, bank, `"jti":null`), "jti"},
		"a jti of no text":    {signedRequest(t, b, bank, `"jti":5`), "jti"},
		"a long jti":          {signedRequest(t, b, bank, `"jti":"`+strings.Repeat("j", 257)+`"`), "jti"},
		"with a credential":   {signedRequest(t, b, bank, `"access_token":"x"`), "no credential"},
	} {
		_, err := b.sendSigned(test.compact)
		t.Run(name, func(t *testing.T) { checkCode(t, err, core.InvalidRequest, test.says) })
		if len(b.store.clients) > 0 || len(b.store.once) > 0 {
			t.Fatalf("%s left something behind", name)
		}
	}
	_, err := b.sendSigned(signedRequest(t, b, bank, `"redirect_uris":"https://a.example/"`))
	checkCode(t, err, core.InvalidRedirectURI, "redirect_uris")
	if _, err := b.sendSigned(signedRequest(t, b, bank, "")); err != nil {
		t.Errorf("a request that failed spent its jti: %v", err)
	}
}

// An update may be signed, too; its jti counts also when it changes nothing. A self-made issuer spends nobody else's.
func TestSignedUpdate(t *testing.T) {
	bank, self := newSigner(t, "https://bank.example"), newSigner(t, "https://other.example")
	b := newBench(t, trusting(t, bank))
	c := b.register(`{"redirect_uris":["https://a.example/"],"client_name":"Signed"}`)
	update := func(compact string) error {
		req := b.manage(core.Update, c, "")
		req.Signed = compact
		doc, err := b.do(req)
		if next := text(doc, "registration_access_token"); next != "" {
			c.rat = core.Secret(next)
		}
		return err
	}
	same := signedRequest(t, b, bank, `"client_id":"`+string(c.id)+`","aud":"https://op.example/dcr/register/`+string(c.id)+`","jti":"one"`)
	for i, want := range []core.Code{"", core.InvalidRequest} {
		if err := update(same); core.CodeOf(err) != want {
			t.Errorf("time %d: %v", i+1, err)
		}
	}
	changed := signedRequest(t, b, bank, `"client_id":"`+string(c.id)+`","client_name":"New","jti":"two"`)
	if err := update(changed); err != nil || b.stored(c.id).Client.Metadata.ClientName != "New" {
		t.Errorf("%v", err)
	}
	checkCode(t, update(changed), core.InvalidRequest, "used before")
	own := signedRequest(t, b, signer{bank.name + "x", self.key}, `"client_id":"`+string(c.id)+`","jti":"three","jwks":`+self.jwks(t))
	if err := update(own); err != nil {
		t.Error(err)
	}
	if err := update(signedRequest(t, b, bank, `"client_id":"`+string(c.id)+`","jti":"three"`)); err != nil {
		t.Errorf("another signer spent it: %v", err)
	}
}
