package policies

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/format"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// snippet is Rego in README.md; its first line names the file.
var snippet = regexp.MustCompile("(?s)```rego\n# ([a-z_]+\\.rego)\n(.*?)```")

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
	if n := strings.Count(text, "```rego"); n == 0 || n != len(files) {
		t.Fatalf("README.md has %d pieces of Rego, %d with a file of their own", n, len(files))
	}
	return text, files
}

func TestReadmeIsTrue(t *testing.T) {
	_, files := readme(t)
	for name, text := range files {
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
	v = ask(t, e, func(r *decision.Registration) {
		r.Caller.Kind, r.Statement.Present, r.Statement.Trust = "operator", true, "issuer"
	})
	if denied(v) != "claims.certified" {
		t.Errorf("denied by %s", denied(v))
	}
	v = ask(t, e, func(r *decision.Registration) { r.Caller.Kind, r.IAT.Label = "operator", "partner" })
	if denied(v) != "partners.own_domain partners.own_domain partners.own_domain" || len(v.Labels) != 1 {
		t.Errorf("denied by %s, labels %v", denied(v), v.Labels)
	}
}

// Every member of the input and every word of the contract is explained.
func TestReadmeIsComplete(t *testing.T) {
	text, _ := readme(t)
	schema, err := inputSchema()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	collectWords(schema, &words)
	for set, f := range forms {
		words = append(append(words, set), append(f.must, f.may...)...)
	}
	for _, code := range codes {
		words = append(words, string(code))
	}
	for _, word := range append(words, append(plainSets, required...)...) {
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
