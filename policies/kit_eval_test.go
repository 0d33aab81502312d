package policies

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
)

// evaluate asks the rules of a source about a request in JSON.
func evaluate(t *testing.T, src Source, decision, text string) (*Evaluation, error) {
	t.Helper()
	doc, err := strictjson.Parse([]byte(text), strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	src.Site = withDefaultProfile()
	return Evaluate(context.Background(), src, decision, doc)
}

// withDefaultProfile is a configuration as servers have it: with the default profile.
func withDefaultProfile() strictjson.Value {
	return siteConfig([]string{"openid", "profile", "offline_access"}, member(defaultProfile, strictjson.Object(
		member("token_endpoint_auth_methods", flags()), member("grant_types", flags()), member("allowed_scopes", flags()))))
}

func TestEvaluateTheKitsRequests(t *testing.T) {
	files, err := Skeleton()
	src := filesOf(t, files, err)
	asked := 0
	for _, f := range files {
		for name, decision := range map[string]string{
			"requests/register.json": "registration", "requests/authorization.json": "authorization", "requests/token.json": "token", "requests/session.json": "session",
		} {
			if f.Name != name {
				continue
			}
			asked++
			if e, err := evaluate(t, src, decision, string(f.Text)); err != nil || !e.Verdict.Allow || e.Verdict.Revision == "" {
				t.Errorf("%s: %v, %+v", f.Name, err, e)
			}
		}
	}
	if asked != int(decisions) {
		t.Errorf("%d requests", asked)
	}
}

// A sketch is completed as the server would: what follows from the metadata is there.
func TestEvaluateCompletesASketch(t *testing.T) {
	e, err := evaluate(t, skeleton(t), "registration", `{
		"request": {"client_name": "Support", "redirect_uris": ["http://app.example.com/cb"], "scope": "openid offline_access", "x_team": "blue"},
		"caller": {"ip": "198.51.100.7"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := denied(e.Verdict); e.Verdict.Allow || got != "redirects.https_only house.reserved_name" {
		t.Errorf("denied by %s", got)
	}
	if d := e.Verdict.Deny[1]; d.File != "house.rego" || d.Line == 0 {
		t.Errorf("%+v", d)
	}
	for path, want := range map[string]string{
		"redirect_uris 0 class": "http", "effective token_endpoint_auth_method": "client_secret_basic", "request token_endpoint_auth_method": "",
		"caller ip": "198.51.100.7", "caller kind": "initial_access_token", "effective extra x_team": "blue", "scopes 1": "offline_access",
	} {
		v := e.Input
		for _, step := range strings.Fields(path) {
			if v.Kind() == strictjson.KindArray {
				v = v.Items()[step[0]-'0']
			} else {
				v, _ = v.Get(step)
			}
		}
		if got, _ := v.Text(); got != want {
			t.Errorf("input %s is %q, want %q", path, got, want)
		}
	}
	want := Firing{Rule: "ostiary.registration.site.house.deny", Finding: "house.reserved_name", File: "house.rego", Line: e.Verdict.Deny[1].Line}
	if !slices.Contains(e.Fired, want) {
		t.Errorf("%+v did not fire, but %+v", want, e.Fired)
	}
	if !slices.IsSortedFunc(e.Fired, func(a, b Firing) int { return strings.Compare(a.File, b.File) }) {
		t.Errorf("no order in %+v", e.Fired)
	}
}

// A whole input gives the verdict that the server gives.
func TestEvaluateTakesWholeInputs(t *testing.T) {
	doc, err := examples()
	if err != nil {
		t.Fatal(err)
	}
	for name, decision := range map[string]string{"register": "registration", "authorization": "authorization", "client_credentials": "token"} {
		input, _ := doc.Get(name)
		e, err := Evaluate(context.Background(), Source{Site: exampleConfig()}, decision, input)
		if err != nil || !e.Verdict.Allow || !strictjson.Equal(e.Input, input) {
			t.Errorf("%s: %v, %+v", name, err, e)
		}
	}
}

func TestEvaluateRefusesWhatIsNoInput(t *testing.T) {
	for text, says := range map[string]string{
		`[]`:                                  "must be a JSON object",
		`{"nwo": 1}`:                          "input.nwo is unknown",
		`{"pass": "1"}`:                       "input.pass must be of type integer",
		`{"contract": "ostiary/1"}`:           "input.operation is missing",
		`{"request": {"redirect_uris": "x"}}`: "request: ",
		`{"request": 1}`:                      "request: ",
	} {
		if _, err := evaluate(t, Source{}, "registration", text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := evaluate(t, Source{}, "sessions", `{}`); err == nil {
		t.Error("no such decision")
	}
	if _, err := evaluate(t, sourceOf(map[string]string{"a.rego": "nonsense"}), "token", `{}`); err == nil {
		t.Error("the rules do not compile")
	}
}
