package policies

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/format"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// snippet is Rego in README.md; its first line names the file.
var snippet = regexp.MustCompile("(?s)```rego\n# ([a-z_]+\\.rego)\n(.*?)```")

// dataSnippet is JSON in README.md; the sentence before it names the file.
var dataSnippet = regexp.MustCompile("(?s)`([a-z/]+data\\.json)`:\n\n```json\n(.*?)```")

func readme(t *testing.T) (text string, files map[string][]byte) {
	t.Helper()
	bytes, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text, files = string(bytes), map[string][]byte{}
	for _, found := range snippet.FindAllStringSubmatch(text, -1) {
		files[found[1]] = []byte(found[2])
	}
	data := dataSnippet.FindAllStringSubmatch(text, -1)
	for _, found := range data {
		files[found[1]] = []byte(found[2])
	}
	if n := strings.Count(text, "```rego"); n == 0 || len(data) == 0 || n+len(data) != len(files) {
		t.Fatalf("README.md has %d pieces of Rego, %d files with names", n, len(files))
	}
	return text, files
}

func TestReadmeIsTrue(t *testing.T) {
	_, files := readme(t)
	for name, text := range files {
		if isData(name) {
			continue
		}
		if want, err := format.Source(name, text); err != nil || string(want) != string(text) {
			t.Errorf("%s is not formatted: %v\n%s", name, err, want)
		}
	}
	e := NewEngine(Options{Deadline: long, TrialTime: long})
	offered, _ := exampleConfig().Get("allowed_scopes")
	config := exampleConfig().With("allowed_scopes", offered.With("internal.audit", strictjson.Bool(true)))
	if err := e.Replace(Source{Origin: Folder, Files: files, Site: config}); err != nil {
		t.Fatal(err)
	}
	v := ask(t, e, func(r *decision.Registration) { r.Effective.Metadata.Scope = []string{"openid", "internal.audit"} })
	if denied(v) != "scopes.operators_only" || v.Limits[decision.LimitClientSecretLifetime] != 90*24*3600 {
		t.Errorf("verdict = %+v", v)
	}
	offered, _ = config.Get("allowed_scopes")
	if err := e.Replace(Source{Origin: Folder, Files: files, Site: config.With("allowed_scopes", offered.With("audit.internal", strictjson.Bool(true)).With("pay.internal", strictjson.Bool(true)))}); err != nil {
		t.Fatal(err)
	}
	v = ask(t, e, func(r *decision.Registration) {
		r.Effective.Metadata.Scope = []string{"audit.internal", "pay.internal"}
	})
	if denied(v) != "owned.nobody" || !strings.Contains(v.Deny[0].Message, "pay.internal") {
		t.Errorf("denied by %s", denied(v))
	}
	v = ask(t, e, func(r *decision.Registration) {
		r.Caller.Kind, r.Statement.Present, r.Statement.Trust = "operator", true, "issuer"
	})
	if denied(v) != "claims.certified" {
		t.Errorf("denied by %s", denied(v))
	}
	hosted := func(home string, hosts ...string) decision.Verdict {
		return ask(t, e, func(r *decision.Registration) {
			r.Caller.Kind, r.IAT.Label, r.Effective.Metadata.RedirectURIs = "operator", "hosted", nil
			for _, host := range hosts {
				r.Effective.Metadata.RedirectURIs = append(r.Effective.Metadata.RedirectURIs, "https://"+host+"/cb")
			}
			certified := member("certification", strictjson.Object(member("level", strictjson.String("gold"))))
			r.Statement = decision.Statement{
				Present: true, Trust: "issuer", Issuer: "https://issuer.example.org",
				Claims: strictjson.Object(certified, member("software_home", strictjson.String(home))),
			}
		})
	}
	if v := hosted("https://www.example.org/", "login.example.com", "A.apps.example.com"); !v.Allow {
		t.Errorf("denied by %s", denied(v))
	}
	for _, home := range []string{"http://www.example.org/", "https://example.com/", ""} {
		if v := hosted(home, "a.b.apps.example.com", "apps.example.com"); denied(v) != "hosts.ours hosts.ours hosts.home" {
			t.Errorf("denied by %s", denied(v))
		}
	}
	v = ask(t, e, func(r *decision.Registration) { r.Caller.Kind, r.IAT.Label = "operator", "partner" })
	if denied(v) != "partners.own_domain partners.own_domain partners.own_domain" || len(v.Labels) != 1 {
		t.Errorf("denied by %s, labels %v", denied(v), v.Labels)
	}
}

// What README.md says that measures something is there.
func TestReadmeNamesTests(t *testing.T) {
	text, _ := readme(t)
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(source)
	}
	found := regexp.MustCompile("`(?:go test ./policies -run|make bench) (BENCH=)?(\\w+)`").FindAllStringSubmatch(text, -1)
	if len(found) < 6 {
		t.Fatalf("%d commands", len(found))
	}
	for _, command := range found {
		name := command[2]
		if command[1] != "" {
			name = "Benchmark" + name
		}
		if !strings.Contains(tests.String(), "func "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
}

// The rule about approval demands it of new partners, and of changes of all but their contacts and keys.
func TestReadmeIsTrueOfApproval(t *testing.T) {
	_, files := readme(t)
	e := engineWith(t, string(files["approval.rego"]))
	for changed, want := range map[string]bool{"": true, "contacts": false, "contacts jwks": false, "jwks redirect_uris": true, "client_name": true} {
		v := ask(t, e, func(r *decision.Registration) {
			if r.Profile = "partner"; changed != "" {
				r.Operation, r.Changed = core.Update, strings.Fields(changed)
			}
		})
		waits := slices.Contains(v.Require, core.Obligation{Name: "approval", Params: `{"expires_in":1209600,"queue":"partners"}`, Rule: "approval.partners"})
		if waits != want {
			t.Errorf("%q: %+v", changed, v.Require)
		}
	}
}

// What the page says of the endpoints' decisions, with all its rules together.
func TestReadmeIsTrueOfTheEndpoints(t *testing.T) {
	_, files := readme(t)
	e := NewEngine(Options{Deadline: long, TrialTime: long})
	if err := e.Replace(Source{Origin: Folder, Files: files, Site: exampleConfig()}); err != nil {
		t.Fatal(err)
	}
	q := exampleAuthorization()
	q.Client.Metadata.Scope = append(q.Client.Metadata.Scope, "payments")
	for _, test := range []struct {
		change  func()
		allowed bool
		scopes  string
		stepUp  bool
	}{
		{func() {}, true, "openid profile email offline_access", false},
		{func() { q.ClientChannel = core.ChannelDCR }, true, "openid profile email", false},
		{func() { q.Scopes = []string{"openid", "payments"} }, true, "openid payments", true},
		{func() { q.EmailVerified = false }, false, "", false},
	} {
		test.change()
		v, err := e.DecideAuthorization(context.Background(), &q)
		if err != nil || v.Allowed != test.allowed || strings.Join(v.Scopes, " ") != test.scopes || v.Consent != test.stepUp {
			t.Errorf("%+v, %v", v, err)
		}
		if test.stepUp && (v.MaxAge == nil || *v.MaxAge != 5*time.Minute) {
			t.Errorf("max_age %v", v.MaxAge)
		}
	}
	own := exampleClientCredentials()
	v, err := e.DecideToken(context.Background(), &own)
	if err != nil || !v.Allowed || v.Lifetimes != (decision.Lifetimes{AccessToken: time.Minute}) {
		t.Errorf("%+v, %v", v, err)
	}
	own.ClientLabels, own.AuthMethod = []string{"partner"}, "client_secret_basic"
	if v, err = e.DecideToken(context.Background(), &own); err != nil || v.Allowed || v.Code != core.UnauthorizedClient || v.Reasons[0].Rule != "services.keys" {
		t.Errorf("%+v, %v", v, err)
	}
}

// What the page says of sessions.
func TestReadmeIsTrueOfSessions(t *testing.T) {
	_, files := readme(t)
	e := NewEngine(Options{Deadline: long, TrialTime: long})
	if err := e.Replace(Source{Origin: Folder, Files: files, Site: exampleConfig()}); err != nil {
		t.Fatal(err)
	}
	q := exampleSession()
	for _, test := range []struct {
		change   func()
		denied   string
		lifetime time.Duration
	}{
		{func() {}, "", 0},
		{func() { q.ClientChannel = core.ChannelDCR }, "", 15 * time.Minute},
		{func() { q.For, q.UserAdmin, q.ClientChannel = core.ConsoleSession, true, "" }, "", time.Hour},
		{func() { q.Caller.IP = "198.51.100.1" }, "office.network", 0},
	} {
		test.change()
		v, err := e.DecideSession(context.Background(), &q)
		rule := ""
		if len(v.Reasons) > 0 {
			rule = v.Reasons[0].Rule
		}
		if err != nil || v.Lifetime != test.lifetime || rule != test.denied || v.Allowed != (rule == "") {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

// What the page says of rules for plugins.
func TestReadmeIsTrueOfPluginRules(t *testing.T) {
	_, files := readme(t)
	e := NewEngine(Options{Deadline: long, TrialTime: long})
	if err := e.Replace(Source{Origin: Folder, Files: files, Site: exampleConfig()}); err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{`{"tier":"gold"}`: "20", `{"tier":"silver"}`: "5", `{"tier":"iron"}`: ""} {
		asked, err := strictjson.Parse([]byte(input), strictjson.Default)
		if err != nil {
			t.Fatal(err)
		}
		v, defined, err := e.PluginRule(t.Context(), "partners", []string{"most"}, asked)
		if got := v.String(); err != nil || defined != (want != "") || defined && got != want {
			t.Errorf("%s: %s, %t, %v", input, got, defined, err)
		}
	}
	asked := strictjson.Object(strictjson.Member{Name: "partner", Value: strictjson.String("shop")})
	if v, _, err := e.PluginRule(t.Context(), "partners", []string{"hosts"}, asked); err != nil || v.String() != `["shop.example"]` {
		t.Errorf("%s, %v", v, err)
	}
}

// Every member of the input and every word of the contract is explained.
func TestReadmeIsComplete(t *testing.T) {
	text, _ := readme(t)
	var words []string
	for _, c := range contracts {
		schema, err := c.inputSchema()
		if err != nil {
			t.Fatal(err)
		}
		collectWords(schema, &words)
		words = slices.Concat(words, c.required, c.sets, c.obligations, c.limits)
		for _, code := range c.codes {
			words = append(words, string(code))
		}
	}
	for _, f := range forms {
		words = append(words, append(f.must, f.may...)...)
	}
	for _, word := range words {
		if _, isRow := metadata.Lookup(word); !isRow && !strings.Contains(text, "`"+word+"`") && !strings.Contains(text, "."+word+"`") {
			t.Errorf("README.md does not explain %s", word)
		}
	}
}

func collectWords(schema strictjson.Value, words *[]string) {
	properties, _ := schema.Get("properties")
	for name, inner := range properties.All() {
		*words = append(*words, name)
		collectWords(inner, words)
	}
	if items, ok := schema.Get("items"); ok {
		collectWords(items, words)
	}
}

// The example about metadata documents keeps redirects at home.
func TestReadmeIsTrueOfDocuments(t *testing.T) {
	_, files := readme(t)
	e := NewEngine(Options{Deadline: long, TrialTime: long})
	on := strictjson.Object(strictjson.Member{Name: "enabled", Value: strictjson.Bool(true)})
	only := map[string][]byte{"documents.rego": files["documents.rego"]}
	if err := e.Replace(Source{Origin: Folder, Files: only, Site: exampleConfig().With("client_id_metadata_documents", on)}); err != nil {
		t.Fatal(err)
	}
	for redirect, rule := range map[string]string{
		"https://login.example.co.uk/cb": "", "http://127.0.0.1/cb": "", "com.example.app:/cb": "",
		"https://evil.co.uk/cb": "documents.elsewhere", "https://example.co.uk.evil.example/cb": "documents.elsewhere", "https://203.0.113.7/cb": "documents.elsewhere",
	} {
		v := ask(t, e, func(r *decision.Registration) {
			r.Channel, r.Caller.Kind, r.Effective.ClientID = core.ChannelDocument, "client_metadata_document", "https://app.example.co.uk/client.json"
			r.Effective.Metadata.RedirectURIs, r.Effective.Metadata.Scope, r.Profile = []string{redirect}, []string{"openid"}, ""
			if !strings.HasPrefix(redirect, "https:") {
				r.Effective.Metadata.ApplicationType = "native"
			}
		})
		if denied(v) != rule || v.Allow != (rule == "") {
			t.Errorf("%s: allow %t, denied by %q, want %q", redirect, v.Allow, denied(v), rule)
		}
	}
}
