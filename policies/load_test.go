package policies

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core/strictjson"
)

// refusedFor loads files and gives what is wrong with them.
func refusedFor(t *testing.T, files map[string]string, site strictjson.Value) []Problem {
	t.Helper()
	src := Source{Origin: Folder, Site: site, Files: map[string][]byte{}}
	for name, text := range files {
		src.Files[name] = []byte(text)
	}
	_, err := Load(src, long)
	var load *LoadError
	if !errors.As(err, &load) {
		t.Fatalf("want a LoadError, got %v", err)
	}
	return load.Problems
}

func TestLoadRefuses(t *testing.T) {
	const whole = `"code": "access_denied", "message": "m"`
	for name, test := range map[string]struct {
		file, rego string
		line       int // 0: any
		says       string
	}{
		"syntax":              {"a.rego", house + "deny contains {\n", 0, "unexpected"},
		"system package":      {"a.rego", "package ostiary.registration\n\nallow := true\n", 1, "part of the server"},
		"system below a test": {"a_test.rego", "package ostiary.registration\n\ntest_x if true\n", 1, "part of the server"},
		"foreign package":     {"a.rego", "package mine\n\ndeny contains 1\n", 1, "package mine"},
		"nameless site":       {"a.rego", "package ostiary.registration.site\n\nx := 1\n", 1, "site.<name>"},
		"unknown module":      {"a.rego", "package ostiary.registration.redirect\n\nx := 1\n", 1, "redirects"},
		"test in a rule file": {"a.rego", "package ostiary.registration.site.a_test\n\ntest_x if true\n", 1, "_test.rego"},
		"shipped name":        {"shipped:scopes.rego", house, 1, "rename"},
		"allow":               {"a.rego", house + "allow if true\n", 3, "allow belongs to the server"},
		"deny as a value":     {"a.rego", house + "deny := true\n", 3, "must be a set"},
		"deny as an object":   {"a.rego", house + "deny[x] := 1 if x := input.profile\n", 3, "must be a set"},
		"checked as a set":    {"a.rego", house + "checked contains 1\n", 3, "must be a value"},
		"misspelt set":        {"a.rego", house + `denny contains {"rule": "r", ` + whole + "}\n", 3, "denny is no set"},
		"unknown member":      {"a.rego", house + `deny contains {"rule": "r", "colour": "red", ` + whole + "}\n", 3, "no member colour"},
		"missing member":      {"a.rego", house + "deny contains {" + whole + "}\n", 3, "needs the member rule"},
		"empty rule name":     {"a.rego", house + `deny contains {"rule": "", ` + whole + "}\n", 3, "rule is empty"},
		"unknown code":        {"a.rego", house + `deny contains {"rule": "r", "code": "teapot", "message": "m"}` + "\n", 3, "teapot"},
		"unknown obligation":  {"a.rego", house + `require contains {"rule": "r", "name": "dance"}` + "\n", 3, "dance"},
		"dpop":                {"a.rego", house + `require contains {"rule": "r", "name": "dpop"}` + "\n", 3, "cannot enforce the obligation dpop yet"},
		"signed requests":     {"a.rego", house + `require contains {"rule": "r", "name": "signed_request_object", "params": {}}` + "\n", 3, "cannot enforce the obligation signed_request_object yet"},
		"params of none":      {"a.rego", house + `require contains {"rule": "r", "name": "par", "params": {"x": 1}}` + "\n", 3, "the obligation par has no params"},
		"params no object":    {"a.rego", house + `require contains {"rule": "r", "name": "approval", "params": [1]}` + "\n", 3, "params is not an object"},
		"approval's params":   {"a.rego", house + `require contains {"rule": "r", "name": "approval", "params": {"days": 3}}` + "\n", 3, "it has expires_in and queue"},
		"approval too short":  {"a.rego", house + `require contains {"rule": "r", "name": "approval", "params": {"expires_in": 59}}` + "\n", 3, "from 60 to 31536000"},
		"approval's queue":    {"a.rego", house + `require contains {"rule": "r", "name": "approval", "params": {"queue": "a b"}}` + "\n", 3, "queue of approval"},
		"approval of others":  {"a.rego", houseOf(token) + `require contains {"rule": "r", "name": "approval"}` + "\n", 3, "require is no set"},
		"unknown limit":       {"a.rego", house + `limit contains {"rule": "r", "name": "speed", "value": 1}` + "\n", 3, "speed"},
		"unknown field":       {"a.rego", house + `set contains {"rule": "r", "field": "shoe", "value": 1}` + "\n", 3, "shoe"},
		"unknown trust":       {"a.rego", house + `trust contains "much"` + "\n", 3, "much"},
		"computed member":     {"a.rego", house + `deny contains {input.profile: "r", ` + whole + "}\n", 3, "plain strings"},
		"network":             {"a.rego", house + `label contains "x" if http.send({"method": "get", "url": "http://127.0.0.1"})` + "\n", 3, "undefined function http.send"},
		"clock":               {"a.rego", house + `label contains "x" if time.now_ns() > 0` + "\n", 3, "undefined function time.now_ns"},
		"parsing of URIs":     {"a.rego", house + `label contains "x" if uri.parse("x")` + "\n", 3, "undefined function uri.parse"},
		"all of memory":       {"a_test.rego", "package ostiary.registration.site.a_test\n\ntest_x if bits.lsh(1, 4611686018427387904) > 0\n", 3, "undefined function bits.lsh"},
		"endless schema":      {"a.rego", "# METADATA\n# schemas:\n#   - input: {\"properties\": {\"a\": {\"$ref\": \"#\"}}}\n" + house + "label contains \"x\" if input.a.a\n", 1, "no $ref"},
		"misspelt input":      {"a.rego", house + `label contains "x" if input.iat.lable` + "\n", 3, "input.iat.lable does not exist; input.iat has created_by, expires_at, id, label, "},
		"member of a string":  {"a.rego", house + `label contains "x" if input.operation.name` + "\n", 3, "input.operation.name does not exist: input.operation is no object, it is a string"},
		"misspelt fact":       {"a.rego", house + "label contains u.schem if some u in input.redirect_uris\n", 3, "schem"},
		"misspelt config":     {"a.rego", house + `label contains "x" if data.ostiary.config.redirect.max > 1` + "\n", 3, "redirect"},
		"unknown rule":        {"a.rego", house + "label contains x if some x in data.ostiary.registration.site.house.lables\n", 3, "does not exist"},
		"unknown data":        {"a.rego", house + "label contains x if some x in data.partners\n", 3, "does not exist"},
		"data at its line":    {"a.rego", house + "label contains x if {\n\tsome x in input.scopes\n\tnot data.ostiary.configuration.open\n}\n", 5, "data.ostiary.configuration.open does not exist"},
		"imported data":       {"a.rego", house + "import data.ostiary.partners\n\nlabel contains \"x\" if partners.gold\n", 5, "data.ostiary.partners.gold does not exist"},
		"examples in a rule":  {"a.rego", house + "label contains \"x\" if data.ostiary.examples.register\n", 3, "data.ostiary.examples.register does not exist"},
		"misspelt example":    {"a_test.rego", "package ostiary.registration.site.a_test\n\nimport data.ostiary.examples\n\ntest_x if not examples.regster.pass == 1\n", 5, "data.ostiary.examples.regster.pass does not exist"},
		"misspelt member":     {"a_test.rego", "package ostiary.registration.site.a_test\n\nimport data.ostiary.examples\n\ntest_x if {\n\ttrue\n\tnot examples.register.iat.lable\n}\n", 7, "data.ostiary.examples.register.iat.lable does not exist"},
		"misspelt in a test":  {"a_test.rego", "package ostiary.registration.site.a_test\n\nimport data.ostiary.registration.scopes\n\ntest_x if not scopes.dney\n", 5, "data.ostiary.registration.scopes.dney does not exist"},
		"misspelt with":       {"a_test.rego", "package ostiary.registration.site.a_test\n\nimport data.ostiary.registration.decision\n\ntest_x if not decision.allow with data.ostiary.confg as {}\n", 5, "data.ostiary.confg does not exist"},
		"unused variable":     {"a.rego", house + `label contains "x" if { y := 1 }` + "\n", 3, "unused"},
		"type":                {"a.rego", house + `label contains "x" if input.pass == "1"` + "\n", 3, "match error"},
		"fails on goldens":    {"a.rego", house + `label contains "x" if to_number(input.effective.software_version) > 1` + "\n", 0, "the rules fail on"},
		"empty module":        {"a.rego", "package ostiary.registration.scopes\n\nchecked := false\n", 0, "did not report"},
		"too generous":        {"a.rego", "package ostiary.registration.scopes\n\nchecked := true\n", 0, "a scope that is not offered"},
		"finding is a text":   {"a.rego", house + `deny contains "no"` + "\n", 3, "deny holds objects"},
		"label is a number":   {"a.rego", house + "label contains 7\n", 3, "label holds strings, not number"},
		"scope is a list":     {"a.rego", house + `grant contains {"rule": "r", "scope": ["a"]}` + "\n", 3, "scope must be a string, not array"},
		"scope is two":        {"a.rego", house + `grant contains {"rule": "r", "scope": "a b"}` + "\n", 3, `"a b" is no scope`},
		"public is a text":    {"a.rego", house + `deny contains {"rule": "r", "code": "access_denied", "message": "m", "public": "no"}` + "\n", 3, "public must be true or false"},
		"fields is a text":    {"a.rego", house + `warn contains {"rule": "r", "message": "m", "fields": "scope"}` + "\n", 3, "fields must be a list"},
		"limit is a text":     {"a.rego", house + `limit contains {"rule": "r", "name": "access_token", "value": "60"}` + "\n", 3, "1 or more, not \"60\""},
		"limit is nothing":    {"a.rego", houseOf(token) + `limit contains {"rule": "r", "name": "access_token", "value": 0}` + "\n", 3, "1 or more, not 0"},
		"value of a member":   {"a.rego", house + `set contains {"rule": "r", "field": "grant_types", "value": "code"}` + "\n", 3, "grant_types must be"},
		"other decision":      {"a.rego", "package ostiary.bff.site.a\n\nx := 1\n", 1, "ostiary.token.site.<name>"},
		"unknown token part":  {"a.rego", "package ostiary.token.redirects\n\nx := 1\n", 1, "ostiary.token.{scopes, lifetimes}"},
		"token verdict":       {"a.rego", "package ostiary.token\n\nallow := true\n", 1, "part of the server"},
		"set of others":       {"a.rego", houseOf(token) + "label contains \"x\"\n", 3, "label is no set of the token decision"},
		"input of others":     {"a.rego", houseOf(token) + `strip contains {"rule": "r", "scope": "x"} if input.operation == "update"` + "\n", 3, "operation"},
		"code of others":      {"a.rego", houseOf(authorization) + `deny contains {"rule": "r", "code": "invalid_grant", "message": "m"}` + "\n", 3, "invalid_grant"},
		"limit of others":     {"a.rego", houseOf(authorization) + `limit contains {"rule": "r", "name": "access_token", "value": 1}` + "\n", 3, "it knows max_age"},
		"rules of others":     {"a.rego", houseOf(token) + `strip contains {"rule": "r", "scope": "x"} if data.ostiary.registration.scopes.checked` + "\n", 3, "does not exist"},
		"misspelt user":       {"a.rego", houseOf(authorization) + `strip contains {"rule": "r", "scope": "x"} if input.user.amdin` + "\n", 3, "amdin"},
		"set of sessions":     {"a.rego", houseOf(session) + `strip contains {"rule": "r", "scope": "x"}` + "\n", 3, "strip is no set of the session decision"},
		"code of sessions":    {"a.rego", houseOf(session) + `deny contains {"rule": "r", "code": "invalid_scope", "message": "m"}` + "\n", 3, "invalid_scope"},
		"limit of sessions":   {"a.rego", houseOf(session) + `limit contains {"rule": "r", "name": "access_token", "value": 1}` + "\n", 3, "it knows session_lifetime"},
		"console for all":     {"a.rego", "package ostiary.session.people\n\nchecked if input.subject != \"\"\n", 0, "a session on the operators' pages"},
		"empty token module":  {"a.rego", "package ostiary.token.lifetimes\n\nchecked := false\n", 0, "did not report: lifetimes"},
		"generous to people":  {"a.rego", "package ostiary.authorization.scopes\n\nchecked := true\n\n" + `deny contains {"rule": "r", "code": "unauthorized_client", "message": "m"} if input.client.client_id == ""` + "\n", 0, "the rules allow an authorization with admin.api"},
		"generous to clients": {"a.rego", "package ostiary.token.scopes\n\nchecked := true\n\n" + `deny contains {"rule": "r", "code": "unauthorized_client", "message": "m"} if input.client.client_id == ""` + "\n", 0, "the rules allow a token with dcr.register for a client"},
		"failing token test":  {"a_test.rego", "package ostiary.token.site.a_test\n\ntest_sum if 1 + 1 == 3\n", 3, "test_sum failed"},
		"failing test":        {"a_test.rego", "package ostiary.registration.site.a_test\n\ntest_sum if {\n\tprint(\"two\")\n\t1 + 1 == 3\n}\n", 3, "test_sum failed; it printed: two"},
		"skipped test":        {"a_test.rego", "package ostiary.registration.site.a_test\n\ntodo_test_sum if 1 == 1\n", 3, "skipped"},
		"erring test":         {"a_test.rego", "package ostiary.registration.site.a_test\n\ntest_sum if to_number(lower(\"A\")) == 1\n", 3, "to_number"},
		"no test at all":      {"a_test.rego", "package ostiary.registration.site.a_test\n\nsum if 1 == 1\n", 0, "holds no test"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := refusedFor(t, map[string]string{test.file: test.rego}, exampleConfig())
			for _, p := range problems {
				if strings.Contains(p.Message, test.says) && (test.line == 0 || p.File == test.file && p.Line == test.line) {
					return
				}
			}
			t.Errorf("want %s:%d: ...%s...; got %v", test.file, test.line, test.says, problems)
		})
	}
}

func TestLoadTellsEverythingAtOnce(t *testing.T) {
	problems := refusedFor(t, map[string]string{
		"b.rego": "package mine\n", "a.rego": house + "deny contains {\n", "c.rego": "package ostiary.registration\n",
	}, exampleConfig().Without("profiles"))
	var files []string
	for _, p := range problems {
		files = append(files, p.File)
	}
	for _, want := range []string{"", "a.rego", "b.rego", "c.rego"} {
		if !strings.Contains(" "+strings.Join(files, " ")+" ", " "+want+" ") {
			t.Errorf("nothing is said of %q: %v", want, problems)
		}
	}
}

func TestSiteDataIsHeldToItsSchema(t *testing.T) {
	config := exampleConfig()
	for says, site := range map[string]strictjson.Value{
		"must be of type object, not nothing":              {},
		"allowed_scopes is missing":                        config.Without("allowed_scopes"),
		"data.ostiary.config.colour is unknown":            config.With("colour", strictjson.Null()),
		"registration.open is missing":                     config.With("registration", strictjson.Object()),
		"allowed_scopes must be of type object":            config.With("allowed_scopes", strictjson.Strings([]string{"openid"})),
		"allowed_scopes.openid must be of type boolean":    config.With("allowed_scopes", strictjson.Object(member("openid", strictjson.Int(1)))),
		"profiles.p.grant_types is missing":                config.With("profiles", strictjson.Object(member("p", strictjson.Object()))),
		"redirects.max must be of type integer, not a str": config.With("redirects", strictjson.Object(member("max", strictjson.String("many")))),
	} {
		problems := refusedFor(t, nil, site)
		if all := (&LoadError{problems}).Error(); !strings.Contains(all, says) {
			t.Errorf("want %q, got %s", says, all)
		}
	}
}

func TestSiteMayReplaceAModule(t *testing.T) {
	const scopes = `package ostiary.registration.scopes

checked if input.scopes

deny contains {
	"rule": "scopes.house",
	"code": "invalid_scope",
	"message": "Not here.",
} if {
	some scope in input.scopes
	not startswith(scope, "house.")
}
`
	e := engineWith(t, scopes)
	v := ask(t, e, nil)
	if v.Allow || denied(v) != "scopes.house" || v.Deny[0].File != "house.rego" || v.Deny[0].Line != 5 {
		t.Errorf("deny = %+v", v.Deny)
	}
	if len(v.Set) != 0 {
		t.Errorf("the shipped module still speaks: %+v", v.Set)
	}
}

func TestSiteTestsSeeRulesConfigAndExamples(t *testing.T) {
	src := site(house + `label contains "big" if count(input.scopes) > 5` + "\n")
	src.Files["house_test.rego"] = []byte(`package ostiary.registration.site.house_test

import data.ostiary.config
import data.ostiary.examples
import data.ostiary.registration.decision
import data.ostiary.registration.site.house

test_label if {
	house.label == {"big"} with input as examples.register
	house.label == set() with input as examples.register with input.scopes as []
}

test_config if config.allowed_scopes.openid

test_verdict if {
	verdict := decision with input as examples.register
	verdict.allow
}
`)
	if _, err := Load(src, long); err != nil {
		t.Error(err)
	}
}

func TestSiteTestsOfEveryDecision(t *testing.T) {
	src := site("")
	src.Files = map[string][]byte{
		"a_test.rego": []byte("package ostiary.authorization.site.a_test\n\nimport data.ostiary.authorization.decision\nimport data.ostiary.examples\n\ntest_a if decision.allow with input as examples.authorization\n"),
		"b_test.rego": []byte("package ostiary.token.site.b_test\n\nimport data.ostiary.examples\nimport data.ostiary.token.decision\n\ntest_b if {\n\tevery q in [examples.token, examples.client_credentials] {\n\t\tdecision.allow with input as q\n\t}\n}\n"),
	}
	if _, err := Load(src, long); err != nil {
		t.Error(err)
	}
}

func TestPrintIsForTestsOnly(t *testing.T) {
	v := ask(t, engineWith(t, house+`label contains "x" if print(input.effective.client_name)`+"\n"), nil)
	if len(v.Labels) != 1 {
		t.Errorf("labels = %v", v.Labels)
	}
}

func TestRevisionIsNamedByContent(t *testing.T) {
	ids := map[string]string{}
	for name, src := range map[string]Source{
		"shipped": site(""), "label a": site(house + `label contains "a"`), "label b": site(house + `label contains "b"`),
		"other scopes": {Site: siteConfig([]string{"openid"})},
	} {
		rev, err := Load(src, long)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := ids[rev.ID()]; taken {
			t.Errorf("%s and %s have one id", name, other)
		}
		ids[rev.ID()] = name
		again, err := Load(src, long)
		if err != nil || again.ID() != rev.ID() {
			t.Errorf("%s has two ids", name)
		}
	}
}

func TestEveryGoldenIsRefusedByItsOwnRule(t *testing.T) {
	e := engineWith(t, "")
	rules := map[string]string{
		"an unknown operation": "acceptance.caller", "an unknown channel": "acceptance.caller", "an unknown kind of caller": "acceptance.caller",
		"a scope that is not offered": "scopes.not_offered", "a javascript redirect URI": "redirects.malformed",
		"an unknown profile": "acceptance.unknown_profile", "a read without the client's token": "acceptance.caller",
		"a deletion with an initial access token": "acceptance.caller", "open registration while it is closed": "acceptance.open_registration",
		"an empty request":               "acceptance.caller",
		"an authorization for no client": "scopes.no_client", "a token for no client": "scopes.no_client",
		"an authorization with a scope that the client does not have":             "scopes.not_registered",
		"an authorization with admin.api for a person who is no administrator":    "scopes.administrators_only",
		"an authorization with dcr.register for a person who is no administrator": "scopes.administrators_only",
		"a token with a scope that the client does not have":                      "scopes.not_registered",
		"a token with admin.api for a person who is no administrator":             "scopes.reserved",
		"a token with dcr.register for a person who is no administrator":          "scopes.reserved",
		"a token with admin.api for a client that no operator registered":         "scopes.reserved",
		"a token with dcr.register for a client that no operator registered":      "scopes.reserved",
		"a session for nobody": "people.nobody",
		"a session on the operators' pages for a person who is no administrator": "people.administrators_only",
	}
	list := goldens(exampleConfig())
	if len(list) != len(rules) {
		t.Errorf("%d goldens, %d expectations", len(list), len(rules))
	}
	for _, g := range list {
		v, err := e.decide(context.Background(), g.on, g.question)
		if err != nil {
			t.Fatal(err)
		}
		if by := strings.TrimSpace(denied(v) + " " + stripped(v, g.scope)); g.passes(v) || by != rules[g.name] {
			t.Errorf("%s: allow %v, refused by %q, want %q", g.name, v.Allow, by, rules[g.name])
		}
	}
}

// Whatever a site's configuration restricts, a request that must be refused is not refused for that.
func TestGoldensUnderOtherConfigurations(t *testing.T) {
	generous := map[string]string{"a.rego": "package ostiary.registration.scopes\n\nchecked := true\n"}
	yes := strictjson.Bool(true)
	for name, config := range map[string]strictjson.Value{
		"no profiles": siteConfig([]string{"openid"}),
		"profile of another method": siteConfig([]string{"openid"}, member("code-flow-pkjwt", strictjson.Object(
			member("token_endpoint_auth_methods", flags("client_secret_basic")), member("grant_types", flags("client_credentials")),
			member("allowed_scopes", flags("openid"))))),
		"hosts": exampleConfig().With("redirects", strictjson.Object(member("allowed_private_schemes", flags()),
			member("allowed_hosts", flags("other.example.net")), member("max", strictjson.Int(1)))),
		"statements": exampleConfig().With("software_statement", strictjson.Object(member("required", yes), member("accept_self_signed", yes))),
	} {
		t.Run(name, func(t *testing.T) {
			problems := refusedFor(t, generous, config)
			if len(problems) != 1 || !strings.Contains(problems[0].Message, "the rules allow a scope that is not offered") {
				t.Errorf("a module that allows every scope: %v", problems)
			}
		})
	}
}

func TestWithheldBuiltins(t *testing.T) {
	known := map[string]bool{}
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		known[b.Name] = true
	}
	for _, name := range withheld {
		if !known[name] {
			t.Errorf("%s is withheld but OPA has no such built-in", name)
		}
	}
	caps := capabilities()
	for _, b := range caps.Builtins {
		if b.Nondeterministic {
			t.Errorf("%s is nondeterministic", b.Name)
		}
		delete(known, b.Name)
	}
	for _, name := range []string{"http.send", "time.now_ns", "rand.intn", "uuid.rfc4122", "opa.runtime", "net.lookup_ip_addr", "json.match_schema", "io.jwt.decode_verify"} {
		if !known[name] {
			t.Errorf("%s is not withheld", name)
		}
	}
	if caps.AllowNet == nil {
		t.Error("AllowNet is nil: schemas may be fetched from anywhere")
	}
}

// Data of the site's own, computed names and whole packages are references to something.
func TestReferencesThatLead(t *testing.T) {
	_, err := Load(sourceOf(map[string]string{
		"data.json": `{"ostiary": {"data": {"partners": {"x": {"gold": false}}}}}`,
		"a.rego": house + `label contains "own" if data.ostiary.data.partners["x"].gold

label contains name if {
	some name
	data.ostiary.registration.site[name].marker
	input.profile == "nobody's"
}

marker := true

label contains "all" if count(data.ostiary.registration.scopes) > 1000
`,
		"a_test.rego": `package ostiary.registration.site.house_test

import data.ostiary.examples
import data.ostiary.registration.site.house

test_labels if {
	every question in [examples.register, examples["update"]] {
		count(house.label) == 0 with input as question with data.ostiary.config as examples.config
	}
	"own" in house.label with input as examples.register with data.ostiary.data.partners as {"x": {"gold": true}}
	examples.register.redirect_uris[0].host == "automate.example.com"
}
`,
	}), long)
	if err != nil {
		t.Error(err)
	}
}
