package policies

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

const rulesOfAcme = `package ostiary.plugin["acme-x"]

import data.ostiary.plugin["acme-x"].lists

allowed if input.host in lists.hosts

default strict := false

strict if input.tier == "gold"

limits := {"most": 5, "per": {"day": count(data.ostiary.config.allowed_scopes) > 0}}

names contains name if some name in input.names

double(x) := x * 2

twice := double(input.n)

broken := 1 if input.a

broken := 2 if input.b
`

const listsOfAcme = `package ostiary.plugin["acme-x"].lists

hosts := {"a.example", "b.example"}
`

const testsOfAcme = `package ostiary.plugin["acme-x"].lists_test

import data.ostiary.plugin["acme-x"]

test_allowed if {
	acme.allowed with input as {"host": "a.example"}
	not acme.allowed with input as {"host": "c.example"}
}
`

func pluginSite(files ...string) Source {
	src := Source{Files: map[string][]byte{}, Site: site("").Site}
	for i := 0; i < len(files); i += 2 {
		src.Files[files[i]] = []byte(files[i+1])
	}
	return src
}

func acme(t *testing.T) *Engine {
	t.Helper()
	e := NewEngine(Options{Deadline: 5 * time.Second})
	tests := strings.ReplaceAll(testsOfAcme, "\n\ntest_", " as acme\n\ntest_")
	if err := e.Replace(pluginSite("plugins/acme.rego", rulesOfAcme, "plugins/lists.rego", listsOfAcme, "plugins/acme_test.rego", tests)); err != nil {
		t.Fatal(err)
	}
	return e
}

// Rules that the operator wrote for a plugin answer that plugin with any value.
func TestPluginRules(t *testing.T) {
	e := acme(t)
	for _, test := range []struct{ plugin, path, input, want string }{
		{"acme-x", "allowed", `{"host":"a.example"}`, "true"},
		{"acme-x", "allowed", `{"host":"c.example"}`, "undefined"},
		{"acme-x", "strict", `{}`, "false"},
		{"acme-x", "strict", `{"tier":"gold"}`, "true"},
		{"acme-x", "limits.most", `{}`, "5"},
		{"acme-x", "limits.per.day", `{}`, "true"},
		{"acme-x", "limits.per.day.x", `{}`, "undefined"},
		{"acme-x", "limits.none", `{}`, "undefined"},
		{"acme-x", "names", `{"names":["b","a","b"]}`, `["a","b"]`},
		{"acme-x", "names", `{}`, `[]`},
		{"acme-x", "lists.hosts", `{}`, `["a.example","b.example"]`},
		{"acme-x", "lists", `{}`, `{"hosts":["a.example","b.example"]}`},
		{"acme-x", "double", `{}`, "undefined"},
		{"acme-x", "double.x", `{}`, "undefined"},
		{"acme-x", "twice", `{"n":21}`, "42"},
		{"acme-x", "twice", `{"n":"x"}`, "error"},
		{"acme-x", "broken", `{"a":true,"b":true}`, "error"},
		{"acme-x", "broken", `{"b":true}`, "2"},
		{"acme-x", "none", `{}`, "undefined"},
		{"acme", "allowed", `{"host":"a.example"}`, "undefined"},
		{"", "acme-x", `{}`, "undefined"},
	} {
		input, err := strictjson.Parse([]byte(test.input), strictjson.Default)
		if err != nil {
			t.Fatal(err)
		}
		v, defined, err := e.PluginRule(t.Context(), test.plugin, strings.Split(test.path, "."), input)
		got := v.String()
		switch {
		case err != nil:
			if got = "error"; core.CodeOf(err) != core.PolicyUnavailable {
				t.Errorf("%v", err)
			}
		case !defined:
			got = "undefined"
		}
		if got != test.want {
			t.Errorf("%s of %s for %s: %s, %v, want %s", test.path, test.plugin, test.input, got, err, test.want)
		}
	}
}

// A policy without such rules has none to ask for, and so has a server without a policy.
func TestNoPluginRules(t *testing.T) {
	if _, defined, err := engineWith(t, "").PluginRule(t.Context(), "acme-x", []string{"allowed"}, strictjson.Object()); defined || err != nil {
		t.Errorf("%t, %v", defined, err)
	}
	if _, _, err := NewEngine(Options{}).PluginRule(t.Context(), "a", []string{"b"}, strictjson.Object()); core.CodeOf(err) != core.PolicyUnavailable {
		t.Errorf("%v", err)
	}
}

// What plugins ask for runs in the engine's turns and has its deadline.
func TestPluginRulesEnd(t *testing.T) {
	e := NewEngine(Options{Deadline: 10 * time.Millisecond})
	slow := "package ostiary.plugin.a\n\nslow := count([1 | some i in numbers.range(1, 100000); some j in numbers.range(1, 100000); i + j == input.n])\n"
	if err := e.Replace(pluginSite("a.rego", slow)); err != nil {
		t.Fatal(err)
	}
	input := strictjson.Object(strictjson.Member{Name: "n", Value: strictjson.Int(1)})
	if _, _, err := e.PluginRule(t.Context(), "a", []string{"slow"}, input); core.CodeOf(err) != core.PolicyUnavailable {
		t.Errorf("%v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := e.PluginRule(over, "a", []string{"slow"}, input); err == nil {
		t.Error("who left was answered")
	}
}

func TestPluginRulesAtOnce(t *testing.T) {
	e := acme(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, name := range []string{"strict", "limits", "lists"} {
				if _, defined, err := e.PluginRule(t.Context(), "acme-x", []string{name}, strictjson.Object()); !defined || err != nil {
					t.Errorf("%s: %t, %v", name, defined, err)
				}
			}
		})
	}
	all.Wait()
}

// Rules for plugins are held to what all rules are held to, and their tests must pass.
func TestPluginRulesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"no plugin named":      {"a.rego", "package ostiary.plugin\n\nx := 1\n", "is no plugin's; write rules for a plugin in ostiary.plugin.<name of the plugin>"},
		"does not compile":     {"a.rego", "package ostiary.plugin.a\n\nx := y\n", "unsafe"},
		"reads a decision":     {"a.rego", "package ostiary.plugin.a\n\nx := data.ostiary.registration.decision\n", "data.ostiary.registration"},
		"reaches the network":  {"a.rego", "package ostiary.plugin.a\n\nx := http.send({})\n", "http.send"},
		"reads the clock":      {"a.rego", "package ostiary.plugin.a\n\nx := time.now_ns()\n", "time.now_ns"},
		"a test that fails":    {"a_test.rego", "package ostiary.plugin.a_test\n\ntest_x if 1 == 2\n", "test_x failed"},
		"tests not named so":   {"a.rego", "package ostiary.plugin.a_test\n\nx := 1\n", "is for tests"},
		"a decision reads one": {"b.rego", "package ostiary.registration.site.b\n\nx := data.ostiary.plugin.a.x\n", "data.ostiary.plugin"},
	} {
		_, err := Load(pluginSite(test.file, test.text), 5*time.Second)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The kit runs the tests of plugins' rules, and tells when there are none.
func TestKitKnowsPluginRules(t *testing.T) {
	tests := strings.ReplaceAll(testsOfAcme, "\n\ntest_", " as acme\n\ntest_")
	src := pluginSite("acme.rego", rulesOfAcme, "lists.rego", listsOfAcme, "acme_test.rego", tests)
	run, err := Test(src, TestOptions{Within: 5 * time.Second, Coverage: true})
	if err != nil || len(run.Tests) != 1 || !run.Tests[0].Pass || len(run.Coverage) != 2 {
		t.Errorf("%+v, %v", run, err)
	}
	report, err := Check(src, 5*time.Second)
	if err != nil || len(report.Warnings) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
	delete(src.Files, "acme_test.rego")
	if report, err = Check(src, 5*time.Second); err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0].Message, "rules of the plugins have no tests") {
		t.Errorf("%+v, %v", report, err)
	}
}

// Rules for plugins travel in bundles, whatever the plugin is called.
func TestPluginRulesInBundles(t *testing.T) {
	src := pluginSite("a.rego", "package ostiary.plugin[\"acme.x-1\"].deep\n\ny := 1\n", "b.rego", "package ostiary.plugin.b\n\ny := 2\n")
	b, err := ReadBundle(built(t, src, BuildOptions{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readManifest(b.all)
	if want := "ostiary/plugin/acme.x-1 ostiary/plugin/b"; err != nil || strings.Join(m.Roots, " ") != want {
		t.Errorf("roots %v, %v", m.Roots, err)
	}
	e := NewEngine(Options{Deadline: 5 * time.Second})
	if err := e.Replace(Source{Files: b.Files, Site: src.Site}); err != nil {
		t.Fatal(err)
	}
	if v, _, err := e.PluginRule(t.Context(), "acme.x-1", []string{"deep", "y"}, strictjson.Object()); err != nil || v.String() != "1" {
		t.Errorf("%s, %v", v, err)
	}
	if _, err := rootsOf(map[string][]byte{"c.rego": []byte("package ostiary.plugin\n")}); err != nil {
		t.Error(err)
	}
}
