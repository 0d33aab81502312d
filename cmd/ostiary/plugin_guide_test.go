package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// guided gives the pieces of plugins/README.md that are fenced with a word.
func guided(t *testing.T, fence string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "plugins", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?s)```"+fence+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	if len(found) == 0 {
		t.Fatalf("plugins/README.md has no %s", fence)
	}
	return found
}

// The settings that plugins/README.md shows are those of a server, and its commands, typed as they stand there, do what is said of
// a plugin called hosts that asks for a little more than it is granted.
func TestPluginGuide(t *testing.T) {
	script := "port PORT\nmkdir plugins\nenv PLUGINS=$WORK/plugins\n"
	said := map[string]string{
		"ostiary plugin list":                 "^hosts +1.0.0 +waiting +acme ",
		"ostiary plugin status hosts":         "It waits for approval of: random'\nstdout 'Approve it: ostiary plugin approve hosts",
		"ostiary plugin status hosts -o yaml": "^state: waiting$",
		"ostiary plugin approve hosts":        `^hosts may use: .*"random":`,
		"ostiary plugin revoke hosts":         "^hosts is waiting now.$",
		"ostiary plugin kept hosts":           "^KEY +BYTES +UNTIL$",
		"ostiary plugin forget hosts --yes":   "^hosts forgot 0 values.$",
	}
	for _, line := range strings.Split(strings.Join(guided(t, "console operator"), ""), "\n") {
		want, isOurs := said[line]
		switch {
		case line == "":
		case line == "openssl genpkey -algorithm ed25519 -out acme.pem", line == "openssl pkey -in acme.pem -pubout -out acme-pub.pem": // keypair does it
		case strings.HasPrefix(line, "ostiary plugin sign hosts "), strings.HasPrefix(line, "ostiary plugin verify hosts "): // its folder is called so there
			script += "exec " + strings.Replace(line, " hosts ", " plugins ", 1) + "\nstdout '^(signed|verified) hosts 1.0.0'\n"
		case line == `ostiary plugin kept hosts --key "clients of team-a"`: // it keeps nothing
			script += "! exec ostiary plugin kept hosts --key 'clients of team-a' --data data\nstderr 'keeps nothing under that key'\n"
		case isOurs:
			script += "exec " + line + " --data data\nstdout '" + want + "'\n"
			delete(said, line)
		default:
			t.Errorf("nobody tries: %s", line)
		}
	}
	if len(said) > 0 {
		t.Errorf("not in the guide: %v", said)
	}
	begin := "keypair acme.pem acme-pub.pem ed25519\nstart PORT=$PORT serve -c ostiary.yaml\nplugin hosts sdk/go/internal/kit hosts.yaml\nvouch hosts acme.pem acme\n" +
		"until items[0].state waiting curl $BASE/api/admin/plugins -H 'Authorization: Bearer '$ADMIN\n"
	script = strings.Replace(script, "mkdir plugins\nenv PLUGINS=$WORK/plugins\n", "mkdir plugins\nenv PLUGINS=$WORK/plugins\n"+begin, 1) + "shutdown\n"
	script += "-- ostiary.yaml --\nissuer: http://localhost:${PORT}\nlisten: localhost:${PORT}\nops_listen: localhost:0\ndata_dir: data\nplugin_dir: plugins\n" +
		guided(t, "yaml serve.yaml")[0] +
		"-- hosts.yaml --\napiVersion: ostiary.plugin/v1\nname: hosts\nversion: 1.0.0\nhooks: {pre_register: {}}\ncapabilities: {now: {}, kv: {}, http: {hosts: [api.example.com]}, random: {}}\n"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "guide.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, manual(dir))
}
