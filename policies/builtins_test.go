package policies

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

func TestThereAreThreeBuiltinsOfOurs(t *testing.T) {
	var names []string
	for _, b := range capabilities().Builtins {
		if strings.HasPrefix(b.Name, "ostiary.") {
			names = append(names, b.Name)
		}
	}
	if got := strings.Join(names, " "); got != "ostiary.host_matches ostiary.registrable_domain ostiary.uri" {
		t.Errorf("built-ins: %s", got)
	}
	engineWith(t, house+`label contains "x" if ostiary.host_matches("a.example", "*.example")`+"\n")
	for _, name := range names {
		if ast.BuiltinMap[name] != nil || topdown.GetBuiltin(name) != nil {
			t.Errorf("%s is registered for everybody in this process", name)
		}
	}
}

// What is wrong with a call is told when the file is loaded, with its line.
func TestBuiltinsAreChecked(t *testing.T) {
	for body, says := range map[string]string{
		`label contains "x" if ostiary.uri(input.profile).schem == "https"`:              "schem",
		`label contains "x" if ostiary.uri(input.profile).member == "x"`:                 "member",
		`label contains "x" if ostiary.uri(input.pass).valid`:                            "invalid argument",
		`label contains "x" if ostiary.host_matches(input.profile) == true`:              "host_matches",
		`label contains "x" if ostiary.host_matches(input.redirect_uris, "a.example")`:   "invalid argument",
		`label contains "x" if ostiary.registrable_domain(input.profile) == 1`:           "match error",
		`label contains "x" if ostiary.parse(input.profile)`:                             "undefined function ostiary.parse",
		`label contains "x" if ostiary.host_matches(input.profile, "*")`:                 `"*" is no pattern of hosts`,
		`label contains "x" if not ostiary.host_matches(input.profile, "a.example:443")`: "is no pattern of hosts",
		`label contains x if x := ostiary.host_matches(input.profile, "*.*.example")`:    "is no pattern of hosts",
	} {
		problems := refusedFor(t, map[string]string{"a.rego": house + body + "\n"}, exampleConfig())
		if len(problems) == 0 || problems[0].File != "a.rego" || problems[0].Line != 3 || !strings.Contains(problems[0].Message, says) {
			t.Errorf("%s\n%v", body, problems)
		}
	}
}

// The facts are those of input.redirect_uris.
func TestFactsOfURIs(t *testing.T) {
	e := engineWith(t, house+`label contains "same" if {
	input.effective.client_name == "facts"
	every uri in input.redirect_uris {
		object.remove(uri, {"member"}) == ostiary.uri(uri.raw)
		uri.registrable_domain == ostiary.registrable_domain(uri.host)
		uri.valid == true
	}
}
`)
	hosts := []string{"app.example.co.uk", "a.github.io", "192.0.2.1", "[2001:db8::1]", "xn--bcher-kva.example", "localhost"}
	v := ask(t, e, func(r *decision.Registration) {
		r.Effective.Metadata.ClientName, r.Effective.Metadata.RedirectURIs = "facts", nil
		for _, host := range hosts {
			r.Effective.Metadata.RedirectURIs = append(r.Effective.Metadata.RedirectURIs, "https://"+host+":8443/a/b?c")
		}
	})
	if len(v.Labels) != 1 {
		t.Errorf("labels = %v, denied by %s", v.Labels, denied(v))
	}
}

// Whatever a stranger puts into a claim, a fact is a fact and a rule goes on; only what is no text is an error, which refuses.
func TestBuiltinsMeetStrangers(t *testing.T) {
	e := engineWith(t, house+`label contains ostiary.uri(input.software_statement.claims.text).class if input.effective.client_name == "trigger"

label contains concat(" ", ["domain", ostiary.registrable_domain(input.software_statement.claims.text)]) if input.effective.client_name == "trigger"

label contains "matches" if {
	input.effective.client_name == "trigger"
	ostiary.host_matches(input.software_statement.claims.text, "*.example.com")
}
`)
	claim := func(v strictjson.Value) decision.Registration {
		q := exampleRegister()
		q.Effective.Metadata.ClientName = "trigger"
		q.Statement = decision.Statement{Present: true, Trust: "issuer", Claims: strictjson.Object(member("text", v))}
		return q
	}
	for _, text := range []string{
		"", " ", "\x00", "javascript:alert(1)", "https://user@www.example.com", "www.example.com/..", "www.example.com\n", "//www.example.com",
		strings.Repeat("\u00fc", 5000), strings.Repeat("a.", 50_000), "[::1", "%00", "\u202ewww.example.com", "*.example.com",
	} {
		q := claim(strictjson.String(text))
		v, err := e.DecideRegistration(context.Background(), &q)
		if got := fmt.Sprint(v.Labels); err != nil || got != "[domain  invalid]" {
			t.Errorf("%.40q: %s, %v", text, got, err)
		}
	}
	for _, no := range []strictjson.Value{strictjson.Int(1), strictjson.Null(), strictjson.Strings([]string{"www.example.com"}), strictjson.Object()} {
		q := claim(no)
		if v, err := e.DecideRegistration(context.Background(), &q); core.CodeOf(err) != core.PolicyUnavailable || v.Allow {
			t.Errorf("%v: %+v, %v", no, v, err)
		}
	}
}

// A pattern that comes with the request is not seen before: it refuses.
func TestPatternsThatComeLate(t *testing.T) {
	e := engineWith(t, house+`label contains "x" if {
	input.effective.client_name != ""
	ostiary.host_matches("www.example.com", input.effective.client_name)
}
`)
	for name, fits := range map[string]bool{"*.example.com": true, "www.example.org": false} {
		if v := ask(t, e, func(r *decision.Registration) { r.Effective.Metadata.ClientName = name }); len(v.Labels) == 1 != fits || !v.Allow {
			t.Errorf("%s: %+v", name, v)
		}
	}
	q := exampleRegister()
	q.Effective.Metadata.ClientName = "*.*"
	if v, err := e.DecideRegistration(context.Background(), &q); core.CodeOf(err) != core.PolicyUnavailable || v.Allow || !strings.Contains(err.Error(), "no pattern of hosts") {
		t.Errorf("%+v, %v", v, err)
	}
}

// Tests of rules have the built-ins, too.
func TestBuiltinsInTests(t *testing.T) {
	if _, err := Load(sourceOf(map[string]string{"a_test.rego": `package ostiary.registration.site.a_test

test_domain if ostiary.registrable_domain("login.example.co.uk") == "example.co.uk"

test_facts if ostiary.uri("myapp:/cb").class == "private_scheme"
`}), long); err != nil {
		t.Error(err)
	}
}
