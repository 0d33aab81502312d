package registration_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// camelCase writes the names of a configuration as Janssen does; the values stay.
func camelCase(text string) string {
	text = regexp.MustCompile(`"[a-z]+(_[a-z]+)+":`).ReplaceAllStringFunc(text, func(name string) string {
		words := strings.Split(name, "_")
		for i, w := range words[1:] {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
		return strings.Join(words, "")
	})
	return strings.ReplaceAll(text, "StatementJwksUriClaim", "StatementJwksURIClaim") // as its documentation has it
}

// spellings runs a test with a configuration as it is written, and in the other spelling, with enumerations in capitals.
func spellings(t *testing.T, text string, f func(t *testing.T, b *bench)) {
	t.Helper()
	shout := regexp.MustCompile(`"(ssa|dcr|none|script|jwks|jwks_uri|builtin)"([,}\]])`)
	for name, written := range map[string]string{
		"snake_case": text, "camelCase": camelCase(text),
		"capitals": shout.ReplaceAllStringFunc(camelCase(text), strings.ToUpper),
	} {
		t.Run(name, func(t *testing.T) {
			site, err := read(written)
			if err != nil {
				t.Fatalf("%s: %v", written, err)
			}
			b := newBench(t, func(s *registration.Site) { *s = site })
			b.published = map[string]string{}
			f(t, b)
		})
	}
}

// quoted is a text as JSON writes it.
func quoted(text string) string { return strictjson.String(text).String() }

// trustOf registers with a statement and says how far policy was told to believe it, or the error's detail.
func (b *bench) trustOf(statement, more string) string {
	b.t.Helper()
	var asked decision.Statement
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q.Statement
		return decision.Verdict{Allow: true}, nil
	}
	if _, err := b.ask(body(statement, more)); err != nil {
		return fmt.Sprintf("%s: %s", core.CodeOf(err), core.AsError(err).Detail)
	}
	return asked.Trust
}

// signedTrust is trustOf for a signed request.
func (b *bench) signedTrust(s signer, more string) string {
	b.t.Helper()
	b.serial++
	var asked decision.Signature
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = q.Signed
		return decision.Verdict{Allow: true}, nil
	}
	if _, err := b.do(b.signRequest(s, fmt.Sprint(b.serial), `"redirect_uris":["https://a.example/"]`+more)); err != nil {
		return fmt.Sprintf("%s: %s", core.CodeOf(err), core.AsError(err).Detail)
	}
	return asked.Trust
}

func wants(t *testing.T, what, got, want string) {
	t.Helper()
	if want == got || len(want) > len("issuer") && strings.Contains(got, want) {
		return
	}
	t.Errorf("%s: %q, want %q", what, got, want)
}

// dcrSsaValidationConfigs: every source of keys, scopes and claims of items of the type SSA (J-SVC-01 to 13).
func TestJanssenStatementIssuers(t *testing.T) {
	acme, other := newSigner(t, "https://acme.example"), newSigner(t, "https://acme.example")
	stranger := newSigner(t, "https://stranger.example")
	const claims = `"client_name":"Bank","scope":"openid email","software_id":"s-1"`
	item := func(members string) string {
		return `{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","display_name":"Acme","description":null,"issuers":["https://acme.example"],` + members + `}]}`
	}
	for name, config := range map[string]string{
		"jwks in text":           item(`"jwks":` + quoted(acme.jwks(t))),
		"jwks as an object":      item(`"jwks":` + acme.jwks(t)),
		"jwks_uri":               item(`"jwks_uri":"https://acme.example/keys"`),
		"jwks_uri before jwks":   item(`"jwks_uri":"https://acme.example/keys","jwks":` + quoted(other.jwks(t))),
		"configuration endpoint": item(`"configuration_endpoint":"https://acme.example/conf","configuration_endpoint_claim":"ssa_jwks_endpoint"`),
		"jwks before it":         item(`"configuration_endpoint":"https://acme.example/none","configuration_endpoint_claim":"x","jwks":` + quoted(acme.jwks(t))),
		"the second verifies": `{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["https://acme.example"],"jwks":` + other.jwks(t) +
			`},{"id":"2","type":"ssa","issuers":["https://x.example","https://acme.example"],"jwks":` + acme.jwks(t) + `}]}`,
		"builtin": strings.TrimSuffix(item(`"jwks":`+quoted(acme.jwks(t))), "}") + `,"software_statement_validation_type":"builtin"}`,
		"keys of trustedSsaIssuers": `{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["https://acme.example"]}],
			"trusted_ssa_issuers":{"https://acme.example":{"jwks":` + acme.jwks(t) + `},"https://stranger.example":{}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			spellings(t, config, func(t *testing.T, b *bench) {
				b.published["https://acme.example/keys"] = acme.jwks(t)
				b.published["https://acme.example/conf"] = `{"ssa_jwks_endpoint":"https://acme.example/keys"}`
				wants(t, "its own", b.trustOf(acme.sign(t, claims), ""), "issuer")
				forged := signer{acme.name, stranger.key}
				wants(t, "forged", b.trustOf(forged.sign(t, claims), ""), "invalid_software_statement: software_statement does not verify")
				wants(t, "a stranger's", b.trustOf(stranger.sign(t, claims), ""), "none")
				wants(t, "no iss", b.trustOf(signer{"", acme.key}.sign(t, claims), ""), map[bool]string{true: "unapproved_software_statement", false: "none"}[strings.Contains(config, "trusted_ssa")])
			})
		})
	}
	spellings(t, item(`"jwks":`+acme.jwks(t)+`,"scopes":["email"],"allowed_claims":["scope","software_id"]`), func(t *testing.T, b *bench) {
		c := b.register(body(acme.sign(t, claims), `,"client_name":"Mine"`))
		checkMembers(t, c.doc, "scope", `"email"`, "client_name", `"Mine"`, "software_id", `"s-1"`)
	})
	spellings(t, item(`"jwks":`+acme.jwks(t)+`,"scope":["email"]`), func(t *testing.T, b *bench) {
		checkMembers(t, b.register(body(acme.sign(t, claims), "")).doc, "scope", `"email"`)
	})
	spellings(t, item(`"shared_secret":"`+secret+`"`), func(t *testing.T, b *bench) {
		wants(t, "HMAC", b.trustOf(mac("HS256", secret, `{"iss":"https://acme.example"}`), ""), "issuer")
		wants(t, "another HMAC", b.trustOf(mac("HS256", secret+"x", `{"iss":"https://acme.example"}`), ""), "invalid_software_statement: software_statement does not")
	})
}

// softwareStatementValidationType: what does not verify is believed of nobody, at most of the client itself (J-SSA-01 to 09).
func TestJanssenValidationTypes(t *testing.T) {
	acme, own := newSigner(t, "https://acme.example"), newSigner(t, "https://own.example")
	with := func(kind, more string) string {
		return `{"software_statement_validation_type":"` + kind + `"` + more + `,"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["https://acme.example"],"jwks":` + acme.jwks(t) + `}]}`
	}
	spellings(t, with("builtin", ""), func(t *testing.T, b *bench) { wants(t, "builtin", b.trustOf(acme.sign(t, ""), ""), "issuer") })
	spellings(t, with("none", ""), func(t *testing.T, b *bench) {
		wants(t, "none", b.trustOf(acme.sign(t, `"client_name":"Bank"`), ""), "none")
		wants(t, "none, its own keys", b.trustOf(acme.sign(t, `"client_name":"Bank"`), `,"jwks":`+acme.jwks(t)), "self")
		wants(t, "none, unsigned", b.trustOf("eyJhbGciOiJub25lIn0.e30.", ""), "no usable signed JWT")
		if c := b.register(body(acme.sign(t, `"client_name":"Bank"`), "")); text(c.doc, "client_name") == "Bank" {
			t.Error("unverified claims were taken over")
		}
	})
	const claim = `,"software_statement_validation_claim_name":"keys_of_mine"`
	spellings(t, with("jwks", claim), func(t *testing.T, b *bench) {
		wants(t, "jwks", b.trustOf(own.sign(t, `"keys_of_mine":`+own.jwks(t)), ""), "self")
		wants(t, "jwks in text", b.trustOf(own.sign(t, `"keys_of_mine":`+quoted(own.jwks(t))), ""), "self")
		wants(t, "jwks of others", b.trustOf(own.sign(t, `"keys_of_mine":`+acme.jwks(t)), ""), "does not verify with the keys in its claim keys_of_mine")
		wants(t, "no claim", b.trustOf(own.sign(t, `"jwks":`+own.jwks(t)), ""), "invalid_software_statement: software_statement has no claim keys_of_mine")
		wants(t, "of the issuer, too", b.trustOf(acme.sign(t, `"keys_of_mine":`+acme.jwks(t)), ""), "self")
	})
	spellings(t, with("jwks_uri", claim), func(t *testing.T, b *bench) {
		b.published["https://own.example/keys"] = own.jwks(t)
		wants(t, "jwks_uri", b.trustOf(own.sign(t, `"keys_of_mine":"https://own.example/keys"`), ""), "none")
		wants(t, "no claim", b.trustOf(own.sign(t, ""), ""), "has no claim keys_of_mine")
	})
	spellings(t, with("script", ""), func(t *testing.T, b *bench) {
		wants(t, "no plugin", b.trustOf(acme.sign(t, ""), ""), "none")
		b.plug(hook.SoftwareStatementKeys, giving("bank", own.name, hook.Keys{JWKS: own.jwks(t)}, nil))
		wants(t, "a plugin", b.trustOf(own.sign(t, ""), ""), "issuer")
		wants(t, "whom it does not know", b.trustOf(acme.sign(t, ""), ""), "none")
		wants(t, "forged", b.trustOf(signer{own.name, acme.key}.sign(t, ""), ""), "does not verify")
	})
}

// trustedSsaIssuers: nobody else, its scopes granted, the certificate's issuer too (J-CFG-26, J-TIS-01, J-TIS-02).
func TestJanssenTrustedIssuers(t *testing.T) {
	acme, other := newSigner(t, "https://acme.example"), newSigner(t, "https://other.example")
	config := `{"trusted_ssa_issuers":{"https://acme.example":{"automatically_granted_scopes":["email"],"jwks":` + quoted(acme.jwks(t)) + `},
		"https://second.example":{"automatically_granted_scopes":[],"jwks_uri":"https://second.example/keys"},"CN=Issuing CA,O=Directory":{}},
		"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["https://other.example"],"jwks":` + other.jwks(t) + `}]}`
	spellings(t, config, func(t *testing.T, b *bench) {
		second := signer{"https://second.example", other.key}
		b.published["https://second.example/keys"] = other.jwks(t)
		c := b.register(body(acme.sign(t, `"client_name":"Bank"`), `,"scope":"openid"`))
		checkMembers(t, c.doc, "scope", `"openid email"`, "client_name", `"Bank"`)
		wants(t, "jwks_uri", b.trustOf(second.sign(t, ""), ""), "issuer")
		wants(t, "who is not listed", b.trustOf(other.sign(t, ""), ""), `unapproved_software_statement: The issuer "https://other.example" of the software statement is not trusted here; trusted are: CN=Issuing CA,O=Directory, https://acme.example`)
		for issuer, want := range map[string]string{"CN=Issuing CA, O=Directory": "", "CN=Other": "of the client certificate is not trusted"} {
			req := b.request(core.Register, core.ChannelDCR, "", body(acme.sign(t, ""), ""))
			req.Credential.Bearer, req.Caller.Certificate = b.token(1, ""), &core.Certificate{Issuer: issuer}
			if _, err := b.do(req); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("certificate of %s: %v", issuer, err)
			}
		}
	})
	spellings(t, `{"software_statement_validation_type":"script","trusted_ssa_issuers":{"https://acme.example":{"automatically_granted_scopes":["email"]}}}`, func(t *testing.T, b *bench) {
		b.plug(hook.SoftwareStatementKeys, giving("a", acme.name, hook.Keys{JWKS: acme.jwks(t)}, nil), giving("b", other.name, hook.Keys{JWKS: other.jwks(t)}, nil))
		checkMembers(t, b.register(body(acme.sign(t, ""), `,"scope":"openid"`)).doc, "scope", `"openid email"`)
		wants(t, "whom plugins know", b.trustOf(other.sign(t, ""), ""), "unapproved_software_statement")
	})
}

// Properties for signed requests (J-CFG-16 to 21, J-SIG-01 to 04).
func TestJanssenSignedRequests(t *testing.T) {
	tpp, other, acme := newSigner(t, "https://tpp.example"), newSigner(t, "https://other.example"), newSigner(t, "https://acme.example")
	const on = `"dcr_signature_validation_enabled":true`
	named := signer{other.name, tpp.key} // the same key under another name
	entry := `"dcr_ssa_validation_configs":[{"id":"1","type":"dcr","issuers":["https://tpp.example"],"jwks":` + tpp.jwks(t) + `}]`
	for _, test := range []struct{ name, config, tpp, named, other string }{
		{"jwks", `{` + on + `,"dcr_signature_validation_jwks":` + quoted(tpp.jwks(t)) + `}`, "issuer", "issuer", "does not verify with the keys"},
		{"jwks, not required", `{"dcr_signature_validation_jwks":` + tpp.jwks(t) + `}`, "issuer", "issuer", "does not verify with the keys"},
		{"jwks_uri", `{` + on + `,"dcr_signature_validation_jwks_uri":"https://tpp.example/keys","dcr_signature_validation_jwks":` + other.jwks(t) + `}`, "issuer", "issuer", "does not verify with the keys"},
		{"only for", `{` + on + `,"dcr_issuers":["https://tpp.example"],"dcr_signature_validation_jwks":` + tpp.jwks(t) + `}`, "issuer", "The signed request does not verify", "The signed request does not verify"},
		{"an item", `{` + on + `,` + entry + `}`, "issuer", "The signed request does not verify", "The signed request does not verify"},
		{"an item after other keys", `{` + on + `,"dcr_signature_validation_jwks":` + other.jwks(t) + `,` + entry + `}`, "issuer", "does not verify with the keys", "issuer"},
		{"off", `{"dcr_signature_validation_enabled":false,"dcr_signature_validation_jwks":` + tpp.jwks(t) + `,` + entry + `}`, "The signed request does not verify", "The signed request does not verify", "The signed request does not verify"},
	} {
		t.Run(test.name, func(t *testing.T) {
			spellings(t, test.config, func(t *testing.T, b *bench) {
				b.published["https://tpp.example/keys"] = tpp.jwks(t)
				wants(t, "tpp", b.signedTrust(tpp, ""), test.tpp)
				wants(t, "another name", b.signedTrust(named, ""), test.named)
				wants(t, "another key", b.signedTrust(other, ""), test.other)
			})
		})
	}
	spellings(t, `{"dcr_signature_validation_enabled":false}`, func(t *testing.T, b *bench) {
		wants(t, "its own keys", b.signedTrust(tpp, `,"jwks":`+tpp.jwks(t)), "self")
	})
	spellings(t, `{`+on+`,"dcr_signature_validation_shared_secret":"`+secret+`"}`, func(t *testing.T, b *bench) {
		req := b.signRequest(tpp, "1", `"redirect_uris":["https://a.example/"]`)
		claims := func(key string) string {
			return mac("HS512", key, fmt.Sprintf(`{"iss":"x","aud":"https://op.example","iat":%d,"exp":%d,"jti":"1","redirect_uris":["https://a.example/"]}`, b.now.Unix(), b.now.Unix()+60))
		}
		req.Signed = claims(secret)
		if _, err := b.do(req); err != nil {
			t.Errorf("HMAC: %v", err)
		}
		req = b.signRequest(tpp, "2", `"redirect_uris":["https://a.example/"]`)
		req.Signed = claims(secret + "x")
		_, err := b.do(req)
		checkCode(t, err, core.InvalidRequest, "does not verify")
	})
	spellings(t, `{`+on+`}`, func(t *testing.T, b *bench) { // the hook getDcrJwks
		b.plug(hook.RequestKeys, giving("tpps", tpp.name, hook.Keys{JWKS: tpp.jwks(t)}, nil))
		wants(t, "whom a plugin knows", b.signedTrust(tpp, ""), "issuer")
		wants(t, "whom it does not", b.signedTrust(other, ""), "The signed request does not verify")
		v, _ := b.desk.Site().Data().Get("signed_request")
		if v.String() != `{"required":true}` {
			t.Errorf("policy is told %s", v)
		}
	})
	entrySSA := `"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["https://acme.example"],"jwks":` + acme.jwks(t) + `}]`
	for _, claim := range []string{
		`"dcr_signature_validation_software_statement_jwks_uri_claim":"keys_at"`, `"dcr_signature_validation_software_statement_jwks_claim":"keys_in"`,
	} {
		spellings(t, `{`+on+`,`+claim+`,"dcr_signature_validation_jwks":`+other.jwks(t)+`,`+entrySSA+`}`, func(t *testing.T, b *bench) {
			b.published["https://tpp.example/keys"] = tpp.jwks(t)
			statement := acme.sign(t, `"keys_at":"https://tpp.example/keys","keys_in":`+tpp.jwks(t))
			wants(t, "as the statement says", b.signedTrust(tpp, `,"software_statement":"`+statement+`"`), "issuer")
			wants(t, "a thief", b.signedTrust(acme, `,"software_statement":"`+statement+`"`), "does not verify")
			wants(t, "by the other keys", b.signedTrust(other, `,"software_statement":"`+statement+`"`), "issuer")
		})
	}
	spellings(t, `{"dcr_ssa_validation_configs":[{"id":"1","type":"dcr","issuers":["https://tpp.example"],"jwks":`+tpp.jwks(t)+`,"allowed_claims":["redirect_uris"]}]}`, func(t *testing.T, b *bench) {
		doc, err := b.do(b.signRequest(tpp, "1", `"redirect_uris":["https://a.example/"],"client_name":"Dropped"`))
		if name := text(doc, "client_name"); err != nil || name == "Dropped" {
			t.Errorf("%q, %v", name, err)
		}
	})
}

// asWritten says a problem with the names that stand in the file: only a member that is missing keeps its own.
func asWritten(problem, config, written string) string {
	names := regexp.MustCompile(`"(\w+)":`)
	there := names.FindAllStringSubmatch(written, -1)
	for i, name := range names.FindAllStringSubmatch(config, -1) {
		problem = regexp.MustCompile(`\b`+name[1]+`\b`).ReplaceAllString(problem, there[i][1])
	}
	return problem
}

// What is written for a switch that was there for tests, or for what is not built, is said to be so; mistakes are told all at once.
func TestJanssenProblems(t *testing.T) {
	for config, want := range map[string]string{
		`{"dcr_skip_signature_validation":true}`:                                                                                 "dcr_skip_signature_validation: is not supported",
		`{"ssa_configuration":{"ssaSigningAlg":"RS256"}}`:                                                                        "ssa_configuration: is not supported",
		`{"software_statement_validation_type":"maybe"}`:                                                                         "must be none, script, jwks, jwks_uri or builtin",
		`{"software_statement_validation_type":"jwks"}`:                                                                          "software_statement_validation_claim_name: is missing",
		`{"dcr_ssa_validation_configs":[{"type":"ssa","issuers":["x"],"jwks_uri":"https://x.example/k"}]}`:                       "dcr_ssa_validation_configs[0].id: is missing",
		`{"dcr_ssa_validation_configs":[{"id":"1","issuers":["x"],"jwks_uri":"https://x.example/k"}]}`:                           "dcr_ssa_validation_configs[0].type: is missing",
		`{"dcr_ssa_validation_configs":[{"id":"1","type":"both","issuers":["x"],"jwks_uri":"https://x.example/k"}]}`:             "must be ssa or dcr",
		`{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","jwks_uri":"https://x.example/k"}]}`:                              "dcr_ssa_validation_configs[0].issuers: must name",
		`{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["x"]}]}`:                                               "the keys of x are not known",
		`{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["x"],"jwks_uri":"http://x.example/k"}]}`:               "dcr_ssa_validation_configs[0].jwks_uri: must be an https URL",
		`{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["x"],"jwks":"{jwks here}"}]}`:                          "dcr_ssa_validation_configs[0].jwks: key set",
		`{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["x"],"shared_secret":"secret"}]}`:                      "dcr_ssa_validation_configs[0].shared_secret: is too short",
		`{"dcr_ssa_validation_configs":[{"id":"1","type":"ssa","issuers":["x"],"configuration_endpoint":"https://x.example/"}]}`: "dcr_ssa_validation_configs[0].configuration_endpoint_claim: is missing",
		`{"trusted_ssa_issuers":{"x":{"automatically_granted_scopes":["two words"]}}}`:                                           "trusted_ssa_issuers.x.automatically_granted_scopes[0]: is no scope",
		`{"trusted_ssa_issuers":{"x":{"jwks":"{}"}}}`:                                                                            "trusted_ssa_issuers.x.jwks",
		`{"dcr_signature_validation_jwks":"{}"}`:                                                                                 "dcr_signature_validation_jwks: ",
		`{"dcr_signature_validation_jwks_uri":"http://x.example/"}`:                                                              "dcr_signature_validation_jwks_uri: must be an https URL",
		`{"dcr_signature_validation_shared_secret":"short"}`:                                                                     "dcr_signature_validation_shared_secret: is too short",
		`{"dcr_signature_validation_enabled":true,"dcrSignatureValidationEnabled":true}`:                                         "given twice",
	} {
		for _, written := range []string{config, camelCase(config)} {
			want := asWritten(want, config, written)
			if _, err := read(written); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", written, err, want)
			}
		}
	}
	for _, config := range []string{
		`{"dcr_skip_signature_validation":false,"ssa_configuration":null,"dcr_issuers":null,"software_statement_validation_claim_name":null,"dcr_signature_validation_jwks":null,"trusted_ssa_issuers":{}}`,
	} {
		for _, written := range []string{config, camelCase(config)} {
			if _, err := read(written); err != nil {
				t.Errorf("%s: %v", written, err)
			}
		}
	}
}

// A replay asks no keys of anybody, and believes what was believed.
func TestJanssenReconsidered(t *testing.T) {
	acme := newSigner(t, "https://acme.example")
	site, err := read(`{"trusted_ssa_issuers":{"https://acme.example":{"jwks":` + acme.jwks(t) + `}}}`)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(s *registration.Site) { *s = site })
	c := b.register(body(acme.sign(t, `"client_name":"Bank"`), ""))
	var asked decision.Statement
	b.desk.Reconsider(t.Context(), func(_ context.Context, q *decision.Registration) (decision.Verdict, error) {
		asked = q.Statement
		return decision.Verdict{Allow: true}, nil
	}, b.stored(c.id).Client, nil, core.InitialAccessToken{})
	if asked.Trust != registration.TrustIssuer {
		t.Errorf("asked about %+v", asked)
	}
}
