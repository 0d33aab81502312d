package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/declared"
)

// The commands of examples/declared, typed into a shell as they stand, bring what is said there.
func TestDeclaredGuide(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "examples", "declared", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	server := runDev(t)
	shell := openShell(server)
	examples, err := filepath.Abs(filepath.Join(repository, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(filepath.Dir(server.data), "examples")); err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		shell.enter(block[1])
	}
	said := shell.end()
	for _, want := range []string{
		"+ create bff-server", "+ create trusted_issuers https://directory.example", "something would change", "Written: 7.", "+ create plugin_bindings contacts", "plugin contacts: it is ",
		"0 to create, 0 to update, 0 to delete, 7 unchanged, 0 refused", "Minted iat-", `"token_endpoint_auth_method"`,
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not said in\n%s", want, said)
		}
	}
	if strings.Contains(said, "correct-horse") || strings.Contains(said, "argon2id") {
		t.Errorf("a secret is said in\n%s", said)
	}
	var schema strings.Builder
	if err := printSchema(&schema, declarationsSchema()); err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile(filepath.Join(repository, "examples", "declared", "declarations.schema.json"))
	if err != nil || string(published) != schema.String() {
		t.Errorf("declarations.schema.json is not what ostiary plan --schema prints (%v); write it there again", err)
	}
	for _, kind := range declared.Kinds() {
		if !strings.Contains(string(text), "`"+kind+"`") {
			t.Errorf("the guide does not name %s", kind)
		}
	}
}
