package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
)

// blocks gives README.md's pieces of a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	return found
}

// The tour of README.md, as it stands but for the ports, brings what is said there.
func TestReadmeTour(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, name := range []string{"ostiary", "curl"} {
		if err := os.Symlink(binary, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	dev := exec.Command(filepath.Join(bin, "ostiary"), "dev", "--data", t.TempDir(), "--listen", "localhost:0", "--ops-listen", "localhost:0", "--output", "json")
	out, err := dev.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Process.Kill(); _ = dev.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var doc introduction
	if err := strictjson.Decode(line, &doc, strictjson.Default); err != nil {
		t.Fatal(err)
	}
	tour := strings.NewReplacer("http://localhost:8080", doc.BaseURL, "http://localhost:8081", doc.OpsURL).Replace(blocks(t, "sh")[1])
	shell := exec.Command("bash", "-eu", "-o", "pipefail", "-c", tour)
	shell.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "ADMIN="+doc.Token)
	said, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{
		`"client_id":"c-`, `"client_name":"Tour"`, `"error":"invalid_scope"`, `"decision_id":"d-`, `"rule":"scopes.`, `"ns":`, `.rego"`, `"allowed":false`, `"status":"ok"`,
	} {
		if !strings.Contains(string(said), want) {
			t.Errorf("%s is not said in\n%s", want, said)
		}
	}
}

// The two commands are targets of the Makefile.
func TestReadmeCommands(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^make ([a-z]+)`).FindAllStringSubmatch(blocks(t, "sh")[0], -1) {
		if !regexp.MustCompile(`(?m)^` + m[1] + `:.*## `).Match(makefile) {
			t.Errorf("make %s is no target", m[1])
		}
	}
}

// The configuration of README.md names every setting, with its default where it has one.
func TestReadmeConfiguration(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"policies", "plugins"} {
		if err := os.MkdirAll(filepath.Join(root, "lib", dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := writeConfig(t, strings.NewReplacer("/var/lib/ostiary", root+"/lib", "/etc/ostiary", root+"/etc").Replace(blocks(t, "yaml")[0]))
	t.Setenv("OSTIARY_ADA_TOKEN", strings.Repeat("a", 32))
	got, err := readSettings(file)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.Issuer, want.DataDir, want.PolicyDir = got.Issuer, root+"/lib", root+"/lib/policies"
	want.PluginDir, want.DCRConfig, want.Operators = root+"/lib/plugins", root+"/etc/dcr_config.yaml", got.Operators
	want.Sites, want.Proxies = []string{}, []netip.Prefix{}
	if got, want := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("README.md: %s\ndefaults:  %s", got, want)
	}
	code, err := os.ReadFile("settings.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`yaml:\"([a-z_]+)\"").FindAllStringSubmatch(string(code), -1) {
		if !regexp.MustCompile(`\b` + m[1] + `:`).MatchString(blocks(t, "yaml")[0]) {
			t.Errorf("README.md does not name the setting %s", m[1])
		}
	}
}
