package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/memory"
)

// openKeyOffice serves the keys of a real ring to the command.
func openKeyOffice(t *testing.T) *office {
	t.Helper()
	sealing, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(t.Context(), storage.NewKeys(memory.New(time.Now), "main", sealing), []string{"ES256", "EdDSA"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{T: t, data: t.TempDir(), token: core.NewSecret()}
	a := admin.New(admin.Parts{Roster: operator.NewRoster(operator.Token{Subject: "ada", Hash: o.token.Hash()}), Keys: ring})
	route := func(method, path string, h web.Handler) web.Route {
		return web.Route{Method: method, Path: "/api/admin" + path, Handler: h, Face: web.Operator, Challenge: web.Bearer, MediaTypes: []string{"application/json"}}
	}
	o.serve([]web.Route{route("GET", "/keys", a.As(a.ListKeys)), route("POST", "/keys/rotate", a.As(a.RotateKeys))})
	if err := os.Mkdir(filepath.Join(o.data, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.leave(`{"url":"` + o.url + `","ops_url":"","token":"` + o.token.Reveal() + `"}`)
	return o
}

func (o *office) key(args string) (string, error) {
	root := rootCommand()
	if found, _, _ := root.Find([]string{"key"}); found == root {
		root.AddCommand(keyCommand())
	}
	var out bytes.Buffer
	root.SetArgs(append([]string{"key", "--data", o.data}, strings.Fields(args)...))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(o.Context())
	return out.String(), err
}

// A rotation as an operator types it.
func TestKeyCommands(t *testing.T) {
	o := openKeyOffice(t)
	for _, step := range []struct {
		command string
		lines   []string // patterns, the header left out; nil: one line
		says    string
	}{
		{"list", []string{`^ES256 +active +[\w-]{43} +2\S+ `, `^EdDSA +active `}, ""},
		{"rotate --alg ES256", []string{`^ES256 +next `}, ""},
		{"rotate --alg ES256", nil, "Nothing changed"},
		{"list", []string{`^ES256 +active `, `^EdDSA +active `, `^ES256 +next `}, ""},
		{"rotate --now --alg EdDSA", []string{`^EdDSA +active `, `^EdDSA +retired `}, ""},
		{"rotate --now --revoke", []string{`^ES256 +active `, `^ES256 +removed `, `^ES256 +removed `, `^EdDSA +active `, `^EdDSA +removed `, `^EdDSA +removed `}, ""},
		{"list", []string{`^ES256 +active `, `^EdDSA +active `}, ""},
	} {
		out, err := o.key(step.command)
		if err != nil {
			t.Fatalf("key %s: %v", step.command, err)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if step.lines == nil {
			if len(lines) != 1 || !strings.Contains(out, step.says) {
				t.Errorf("key %s: %s", step.command, out)
			}
			continue
		}
		if len(lines) != len(step.lines)+1 || !strings.HasPrefix(lines[0], "ALGORITHM ") {
			t.Fatalf("key %s: %s", step.command, out)
		}
		for i, pattern := range step.lines {
			if !regexp.MustCompile(pattern).MatchString(lines[i+1]) {
				t.Errorf("key %s: no %s in\n%s", step.command, pattern, out)
			}
		}
	}
}

// What the server answered, for programs.
func TestKeyCommandsForPrograms(t *testing.T) {
	o := openKeyOffice(t)
	for _, step := range []struct {
		command string
		items   int
	}{{"list -o json", 2}, {"rotate -o json --alg Ed25519", 3}, {"list -o json", 3}} { // in this order: the rotation adds a key
		out, err := o.key(step.command)
		if err != nil {
			t.Fatalf("key %s: %v", step.command, err)
		}
		doc, err := strictjson.Parse([]byte(out), strictjson.Default)
		list, _ := doc.Get("items")
		if err != nil || list.Len() != step.items || strings.Contains(out, "rivate") {
			t.Errorf("key %s: %v in %s", step.command, err, out)
		}
	}
	if out, err := o.key("rotate -o json --alg EdDSA"); err != nil || strings.Contains(out, "Nothing") {
		t.Errorf("nothing changed: %s, %v", out, err)
	}
}

func TestKeyCommandsRefused(t *testing.T) {
	o := openKeyOffice(t)
	for _, c := range []struct {
		command, says string
		usage         bool
	}{
		{"rotate --revoke", "--revoke goes with --now", true},
		{"rotate ES256", "takes no arguments", true},
		{"revoke", `no command "revoke"`, true},
		{"list -o yaml", "--output must be table or json", true},
		{"rotate --alg RS256", "ES256, EdDSA", false},
		{"list --token forged", "does not take the operator's token", false},
	} {
		out, err := o.key(c.command)
		checkFailure(t, c.command, out, err, c.says, c.usage)
	}
}
