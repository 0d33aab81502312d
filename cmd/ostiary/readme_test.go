package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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

// The tours of README.md, typed into one shell as they stand but for the ports, bring what is said there.
func TestReadmeTours(t *testing.T) {
	server, tours := runDev(t), blocks(t, "sh")[1:]
	shell := openShell(server)
	shell.enter(tours[0])
	shell.enter(tours[1])
	where := shell.until(server.Issuer + "/authorize?")
	back, err := url.Parse(newPerson(t, server.DemoUser).visit(where, "http://localhost:9999/cb"))
	if err != nil {
		t.Fatal(err)
	}
	shell.enter(strings.Replace(tours[2], "the-code-in-the-address", back.Query().Get("code"), 1))
	shell.enter(tours[3])
	said := shell.end()
	for _, want := range []string{
		`"client_id":"c-`, `"client_name":"Tour"`, `"error":"invalid_scope"`, `"decision_id":"d-`, `"rule":"scopes.`, `"ns":`, `.rego"`, `"allowed":false`, `"status":"ok"`,
		`"name":"Demo User"`, `{"active":true,"scope":"openid profile email offline_access"`, `"access_token":"ey`, "{\"active\":false}\n",
		"Minted iat-", "  Sign-in tour ", "DECISION ", "Created user ann", "/account/setup?token=", "SIGNED IN", "ES256      active", "ES256      next",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not said in\n%s", want, said)
		}
	}
}

// A shell is one in a terminal: what is entered runs at once, and what was said before is still known.
type shell struct {
	*testing.T
	server *devServer
	keys   io.WriteCloser
	screen *bufio.Reader
	said   strings.Builder
	wait   func() error
}

// openShell opens a shell beside the data folder of a server. Programs that README.md needs are this test's binary.
func openShell(s *devServer) *shell {
	s.Helper()
	binary, err := os.Executable()
	if err != nil {
		s.Fatal(err)
	}
	dir := filepath.Dir(s.data)
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		s.Fatal(err)
	}
	for _, name := range []string{"ostiary", "curl"} {
		if err := os.Symlink(binary, filepath.Join(dir, "bin", name)); err != nil {
			s.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(s.Context(), clientPatience)
	s.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "ADMIN="+s.Token)
	keys, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	screen, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	return &shell{T: s.T, server: s, keys: keys, screen: bufio.NewReader(screen), wait: cmd.Wait}
}

// enter types commands, with the server's addresses in place of the usual ones.
func (s *shell) enter(commands string) {
	s.Helper()
	usual := strings.NewReplacer("http://localhost:8080", s.server.BaseURL, "http://localhost:8081", s.server.OpsURL)
	if _, err := usual.WriteString(s.keys, commands); err != nil {
		s.Fatalf("%v\n%s", err, s.said.String())
	}
}

// until waits for a line that begins so.
func (s *shell) until(prefix string) string {
	s.Helper()
	for {
		line, err := s.screen.ReadString('\n')
		s.said.WriteString(line)
		if err != nil {
			s.Fatalf("%v instead of %s\n%s", err, prefix, s.said.String())
		}
		if strings.HasPrefix(line, prefix) {
			return strings.TrimSpace(line)
		}
	}
}

// end waits for the last command, and gives everything that was said.
func (s *shell) end() string {
	s.Helper()
	if err := s.keys.Close(); err != nil {
		s.Error(err)
	}
	rest, err := io.ReadAll(s.screen)
	s.said.Write(rest)
	if err := errors.Join(err, s.wait()); err != nil {
		s.Fatalf("%v\n%s", err, s.said.String())
	}
	return s.said.String()
}

// The files and folders of the map and of the roads are there.
func TestReadmeFiles(t *testing.T) {
	found := regexp.MustCompile(`(?m)^([a-z]+/[a-z_/.]*)\s`).FindAllStringSubmatch(strings.Join(blocks(t, "text"), ""), -1)
	for _, m := range found {
		if _, err := os.Stat(filepath.Join(repository, m[1])); err != nil {
			t.Errorf("README.md: %v", err)
		}
	}
	if len(found) < 40 {
		t.Errorf("only %d files", len(found))
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
	want.Sites, want.Proxies, want.DecisionLog.Mask = []string{}, []netip.Prefix{}, []string{}
	if got, want := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("README.md: %s\ndefaults:  %s", got, want)
	}
	code, err := os.ReadFile("settings.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile("wire_decisionlog.go")
	if err != nil {
		t.Fatal(err)
	}
	ofPlugins, err := os.ReadFile("settings_plugin.go")
	if err != nil {
		t.Fatal(err)
	}
	ofCertificates, err := os.ReadFile("settings_certificate.go")
	if err != nil {
		t.Fatal(err)
	}
	code = append(append(append(code, more...), ofPlugins...), ofCertificates...)
	for _, m := range regexp.MustCompile("`yaml:\"([a-z_]+)\"").FindAllStringSubmatch(string(code), -1) {
		if !regexp.MustCompile(`\b` + m[1] + `:`).MatchString(blocks(t, "yaml")[0]) {
			t.Errorf("README.md does not name the setting %s", m[1])
		}
	}
}
