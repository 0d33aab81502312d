package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
)

// The commands of policies/README.md, in a row, do what is said there: the first without a server, the others with one.
func TestPolicyReadmeCommands(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "policies", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(text, -1)
	if len(found) < 2 {
		t.Fatal("policies/README.md has no commands")
	}
	server := runDev(t)
	t.Chdir(t.TempDir())
	ran := map[string]bool{}
	for i, block := range found {
		for line := range strings.Lines(string(block[1])) {
			command, _, _ := strings.Cut(line, " #")
			args := strings.Fields(command)
			if args[0] == "openssl" {
				openssl(t, args)
				continue
			}
			if i > 0 {
				args = append(args, "--data", server.data)
			}
			var out, errs bytes.Buffer
			if code := run(args[1:], &out, &errs); code != 0 || args[0] != "ostiary" {
				t.Errorf("%s: %d\n%s%s", command, code, &out, &errs)
			}
			ran[args[2]] = true
		}
	}
	for _, verb := range policyCommand().Commands() {
		if !ran[verb.Name()] && verb.PersistentFlags().Lookup("server") == nil { // those are TestPolicyReadmeOnServer's
			t.Errorf("policies/README.md does not show %s", verb.Name())
		}
	}
}

// openssl makes the keys that it would, here and now: not every machine has it.
func openssl(t *testing.T, args []string) {
	t.Helper()
	private, public, err := newKeyPair(false)
	if err != nil {
		t.Fatal(err)
	}
	switch args[1] + " " + args[len(args)-1] {
	case "genpkey key.pem":
		err = errors.Join(os.WriteFile("key.pem", private, 0o600), os.WriteFile("pub.pem", public, 0o600))
	case "pkey pub.pem": // written with the private one
	default:
		t.Errorf("%v is not known", args)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Every verb that works in a folder succeeds on one that is fresh from init, as text and as JSON, and on its bundle.
func TestVerbsOnAFreshFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	private, public, err := newKeyPair(false)
	if err = errors.Join(err, os.WriteFile("key.pem", private, 0o600), os.WriteFile("pub.pem", public, 0o600)); err != nil {
		t.Fatal(err)
	}
	begin := func(command string) {
		var out, errs bytes.Buffer
		if code := run(strings.Fields(command), &out, &errs); code != 0 {
			t.Fatalf("%s: %d\n%s%s", command, code, &out, &errs)
		}
	}
	begin("policy init site")
	begin("policy build site --to bundle.tar.gz")
	begin("policy build site --to signed.tar.gz --sign-key key.pem --key-id desk")
	begin("policy init signed")
	begin("policy sign signed --key key.pem --key-id desk")
	ran := map[string]bool{}
	for _, command := range []string{
		"init other", "contract site", "check site", "fmt site", "test site", "mutate site", "eval site", "eval site -f site/requests/register.json", "diff site site", "bench site --time 1ms",
		"build site --to out.tar.gz", "sign bundle.tar.gz --key key.pem --key-id desk", "verify signed.tar.gz --key pub.pem --key-id desk",
		"check bundle.tar.gz", "fmt bundle.tar.gz --check", "test bundle.tar.gz", "mutate bundle.tar.gz", "eval bundle.tar.gz -f site/requests/token.json --decision token",
		"diff site bundle.tar.gz", "bench bundle.tar.gz --time 1ms", "build bundle.tar.gz --to out.tar.gz", "sign site --key key.pem --key-id desk",
		"verify signed --key pub.pem --key-id desk", "check signed.tar.gz",
	} {
		for _, output := range []string{"text", "json"} {
			if strings.HasPrefix(command, "init") && output == "json" {
				command += "-too"
			}
			args := append(strings.Fields("policy "+command), "-o", output)
			var out, errs bytes.Buffer
			if code := run(args, &out, &errs); code != 0 {
				t.Errorf("%v: %d\n%s%s", args, code, &out, &errs)
			}
			if _, err := strictjson.Parse(out.Bytes(), strictjson.Stored); output == "json" && err != nil {
				t.Errorf("%v: %v\n%s", args, err, &out)
			}
			ran[args[1]] = true
		}
	}
	remote := map[string]bool{"status": true, "shadow": true, "replay": true, "audit": true} // they ask a server, which the README's commands have
	for _, verb := range policyCommand().Commands() {
		if !ran[verb.Name()] && !remote[verb.Name()] {
			t.Errorf("%s was not tried", verb.Name())
		}
	}
}

// A file is replaced in one step, with its mode; a link stays a link.
func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a.rego": 0o640, "b.rego": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("b.rego", filepath.Join(dir, "link.rego")); err != nil {
		t.Fatal(err)
	}
	if err := rewrite(dir, map[string][]byte{"a.rego": []byte("new"), "link.rego": []byte("linked")}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.rego": "new", "b.rego": "linked"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != want {
			t.Errorf("%s holds %q, %v", name, text, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
	if about, err := os.Stat(filepath.Join(dir, "a.rego")); err != nil || about.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", about.Mode(), err)
	}
	if about, err := os.Lstat(filepath.Join(dir, "link.rego")); err != nil || about.Mode()&os.ModeSymlink == 0 {
		t.Errorf("mode %v, %v", about.Mode(), err)
	}
}
