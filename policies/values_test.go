package policies

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// everything is an input in which every member has a value, free objects included.
func everything(t testing.TB) decision.Registration {
	t.Helper()
	free, err := strictjson.Parse([]byte(`{"null":null,"yes":true,"int":-7,"big":123456789012345678901234567890,"float":1.5e3,"text":"a\"\\\u2028é","list":[1,[],{}],"object":{"a":{"b":"c"}}}`), strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	var m core.Metadata
	for _, row := range metadata.Visible() {
		if err := row.Set(&m, sampleOf(row.Kind, free)); err != nil {
			t.Fatal(err)
		}
	}
	r := exampleUpdate()
	doc := decision.Document{ClientID: "c-1", Metadata: m, Extra: free.Members()}
	r.Request, r.Effective, r.Before = doc, doc, doc
	r.Keys = []decision.Key{{Kty: "RSA", Alg: "RS256", Use: "sig", Kid: "1", Bits: 2048}, {Kty: "EC", Crv: "P-256", Bits: 256}}
	r.Statement = decision.Statement{Present: true, Trust: "issuer", Issuer: "https://issuer.example", Alg: "RS256", Kid: "k", Claims: free}
	r.Caller.Scopes, r.Caller.Roles = []string{"admin.api"}, []string{"administrator"}
	return r
}

func sampleOf(kind metadata.Kind, free strictjson.Value) strictjson.Value {
	const uri = "https://app.example/callback?x#fragment"
	switch kind {
	case metadata.List, metadata.URIs:
		return strictjson.Strings([]string{uri, "myapp:/cb", "javascript:alert(1)"})
	case metadata.Number:
		return strictjson.Int(86400)
	case metadata.Flag:
		return strictjson.Bool(true)
	case metadata.Object:
		return free
	}
	return strictjson.String(uri)
}

// asked is a question with the decision that it is for.
type asked struct {
	on which
	q  decision.Question
}

// questions are inputs of all kinds.
func questions(t testing.TB) map[string]asked {
	register, update, read, faults, all := exampleRegister(), exampleUpdate(), exampleRead(), manyFaults(), everything(t)
	signIn, code, own := exampleAuthorization(), exampleToken(), exampleClientCredentials()
	begun, fullSession := exampleSession(), exampleSession()
	fullSession.For, fullSession.Client, fullSession.ClientLabels, fullSession.Caller = core.ConsoleSession, all.Effective, []string{"a", "b"}, all.Caller
	fullSignIn, fullToken := exampleAuthorization(), exampleToken()
	fullSignIn.Client, fullToken.Client = all.Effective, all.Effective
	fullSignIn.ClientLabels, fullToken.ClientLabels = []string{"a", "b"}, []string{"a", "b"}
	fullSignIn.Caller, fullToken.Caller = all.Caller, all.Caller
	fullSignIn.RedirectURI, fullSignIn.Prompt = "https://app.example/../cb#f", []string{"login", "consent"}
	fullSignIn.Resources, fullToken.Resources = []string{"https://api.example"}, []string{"https://api.example"}
	fullToken.ClientLimits = decision.Lifetimes{AccessToken: time.Minute, IDToken: 1500 * time.Millisecond, RefreshToken: time.Hour}
	return map[string]asked{
		"register": {registration, &register}, "update": {registration, &update}, "read": {registration, &read},
		"faults": {registration, &faults}, "everything": {registration, &all}, "nothing": {registration, &decision.Registration{}},
		"sign-in": {authorization, &signIn}, "full sign-in": {authorization, &fullSignIn}, "no sign-in": {authorization, &decision.Authorization{}},
		"code": {token, &code}, "own token": {token, &own}, "full token": {token, &fullToken}, "no token": {token, &decision.Token{}},
		"session": {session, &begun}, "full session": {session, &fullSession}, "no session": {session, &decision.Session{}},
	}
}

func wholePaths() *decision.Paths {
	p := &decision.Paths{}
	p.Add()
	return p
}

func TestBothWritersSayTheSame(t *testing.T) {
	e := engineWith(t, "")
	for name, ask := range questions(t) {
		want, err := ast.ValueFromReader(bytes.NewReader(decision.AppendJSON(nil, ask.q)))
		if err != nil {
			t.Fatal(err)
		}
		got := inputTerm(wholePaths(), rulesIn(e, ask.on).names, ask.q).Value
		if got.Compare(want) != 0 || got.Hash() != want.Hash() {
			t.Errorf("%s: the writers differ:\n%v\n%v", name, got, want)
		}
	}
}

func TestEveryInputKeepsTheSchema(t *testing.T) {
	for name, ask := range questions(t) {
		schema, err := contracts[ask.on].inputSchema()
		if err != nil {
			t.Fatal(err)
		}
		v, err := strictjson.Parse(decision.AppendJSON(nil, ask.q), strictjson.Stored)
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range mismatches(schema, v, "input") {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// Leaving out what no rule reads must not change any answer.
func TestUnreadPartsDoNotMatter(t *testing.T) {
	e := engineWith(t, "")
	for name, ask := range questions(t) {
		rules := rulesIn(e, ask.on)
		part, err := rules.decide(rules.input(ask.q), topdown.NewCancel())
		if err != nil {
			t.Fatal(err)
		}
		whole, err := rules.decide(inputTerm(wholePaths(), rules.names, ask.q), topdown.NewCancel())
		if err != nil {
			t.Fatal(err)
		}
		if part.Allow != whole.Allow || denied(part) != denied(whole) || len(part.Warn) != len(whole.Warn) ||
			len(part.Set) != len(whole.Set) || len(part.Strip) != len(whole.Strip) || !maps.Equal(part.Limits, whole.Limits) {
			t.Errorf("%s: %+v and %+v", name, part, whole)
		}
	}
}

func TestValuesGoThereAndBack(t *testing.T) {
	q := everything(t)
	v, err := strictjson.Parse(decision.AppendJSON(nil, &q), strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	back, err := fromTerm(toTerm(v))
	if err != nil || !bytes.Equal(strictjson.Canonical(nil, back), strictjson.Canonical(nil, v)) {
		t.Errorf("got %v, %v", back, err)
	}
	if _, err := ast.InterfaceToValue(native(v)); err != nil {
		t.Error(err)
	}
}

func TestSetsBecomeArrays(t *testing.T) {
	v, err := fromTerm(ast.MustParseTerm(`{"b", "a"}`))
	if err != nil || v.String() != `["a","b"]` {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := fromTerm(ast.MustParseTerm(`{1: "a"}`)); err == nil {
		t.Error("an object with a number as key became JSON")
	}
}
