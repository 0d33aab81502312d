package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeConfig writes ostiary.yaml into a folder of its own.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ostiary.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The shortest file that serve can run from; the folders below the data folder are made.
func TestShortestConfiguration(t *testing.T) {
	file := writeConfig(t, "issuer: https://id.example.com\ndata_dir: data\n")
	s, err := readSettings(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{s.PolicyDir, s.PluginDir} {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() || filepath.Dir(filepath.Dir(dir)) != filepath.Dir(file) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// A folder that was named must be there: an empty one in its place would be without its rules.
func TestNamedFoldersMustExist(t *testing.T) {
	for _, key := range []string{"policy_dir", "plugin_dir"} {
		file := writeConfig(t, "issuer: https://id.example.com\ndata_dir: data\n"+key+": elsewhere\n")
		if _, err := readSettings(file); err == nil || !strings.Contains(err.Error(), key+": ") || !strings.Contains(err.Error(), "elsewhere is no folder") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// A shadow that was named must be there as well.
func TestNamedShadowMustExist(t *testing.T) {
	file := writeConfig(t, "issuer: https://id.example.com\ndata_dir: data\npolicy: {shadow: next}\n")
	if _, err := readSettings(file); err == nil || !strings.Contains(err.Error(), "policy.shadow: ") || !strings.Contains(err.Error(), "next is no folder") {
		t.Error(err)
	}
	next := filepath.Join(filepath.Dir(file), "next")
	if err := os.Mkdir(next, 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := readSettings(file); err != nil || s.Policy.Shadow != next {
		t.Errorf("%s, %v", s.Policy.Shadow, err)
	}
}

func TestPolicyDeadline(t *testing.T) {
	for text, want := range map[string]time.Duration{"{}": 50 * time.Millisecond, "{deadline: 10ms}": 10 * time.Millisecond, "{deadline: 5s}": 5 * time.Second, "{deadline: 9ms}": 0, "{deadline: 6s}": 0, "{deadline: 0s}": 0} {
		s, err := readSettings(writeConfig(t, "issuer: https://id.example.com\ndata_dir: data\npolicy: "+text+"\n"))
		if want == 0 && (err == nil || !strings.Contains(err.Error(), "policy.deadline")) || want != 0 && (err != nil || s.Policy.Deadline != want) {
			t.Errorf("%s: %v, %v", text, s.Policy.Deadline, err)
		}
	}
}

// Without a sink there is no decision log; a bearer token is never sent in clear.
func TestDecisionLogSettings(t *testing.T) {
	const base = "issuer: https://id.example.com\ndata_dir: data\ndecision_log: "
	for text, says := range map[string]string{
		"{}": "", "{stdout: true}": "on", "{file: {path: log/d.ndjson}}": "on", "{http: {url: 'http://opa.internal:8080/logs'}}": "on",
		"{http: {url: 'https://logs.example/logs', bearer: secret}}":  "on",
		"{http: {url: 'http://127.0.0.1:8080/logs', bearer: secret}}": "on",
		"{http: {url: 'http://logs.example/logs', bearer: secret}}":   "must be https",
		"{http: {url: 'https://user:pass@logs.example/logs'}}":        "must have no user",
		"{http: {url: 'ftp://logs.example'}}":                         "is not a URL",
		"{http: {batch: 0}}":                                          "http.batch", "{file: {max_size_mib: 0}}": "max_size_mib", "{mask: [contacts]}": "decision_log.mask[0]",
	} {
		s, err := readSettings(writeConfig(t, base+text+"\n"))
		switch {
		case says == "" || says == "on":
			if err != nil || s.DecisionLog.on() != (says == "on") {
				t.Errorf("%s: %v, %v", text, s.DecisionLog.on(), err)
			}
		case err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "pass@"):
			t.Errorf("%s: %v", text, err)
		}
	}
	s, err := readSettings(writeConfig(t, base+"{file: {path: log/d.ndjson}}\n"))
	if err != nil || !filepath.IsAbs(s.DecisionLog.File.Path) {
		t.Errorf("%s, %v", s.DecisionLog.File.Path, err)
	}
}

// The backend-for-frontend passes on nothing that is this server's own, nor would it be without.
func TestProxiedPrefixes(t *testing.T) {
	const base = "issuer: https://id.example.com/api/oidc\ndata_dir: data\nbff:\n  origins: [https://app.example.com]\n  routes:\n    - {upstream: 'http://orders:8080', prefix: "
	for prefix, other := range map[string]string{
		"/api/orders": "", "/authors": "", "/api/administration": "", "/consoles": "",
		"/api/admin": "/api/admin", "/api": "/api/admin", "/console": "/console", "/auth": "/auth", "/api/auth": "/api/auth",
		"/api/oidc/token": "/api/oidc", "/.well-known": "/.well-known",
	} {
		_, err := readSettings(writeConfig(t, base+prefix+"}\n"))
		if said := err != nil && strings.Contains(err.Error(), "bff.routes[0].prefix: "+prefix+" overlaps "+other); said != (other != "") {
			t.Errorf("%s: %v", prefix, err)
		}
	}
	lonely := "issuer: https://id.example.com\ndata_dir: data\nbff:\n  routes:\n    - {upstream: 'http://orders:8080', prefix: /api/orders}\n"
	if _, err := readSettings(writeConfig(t, lonely)); err == nil || !strings.Contains(err.Error(), "bff.origins: is missing") {
		t.Errorf("routes of no backend: %v", err)
	}
}

// Everything wrong is said at once.
func TestConfigurationProblems(t *testing.T) {
	file := writeConfig(t, "issuer: http://id.example.com\ndata_dir: data\noperators:\n  - {token: short}\n  - {subject: ada, token: 'sixteen characters'}\nlog: {level: loud}\nlisen: x\nkeys: {rotate: 1h}\nclient_certificates: {from: tls}\n"+
		"tokens: {resources: ['https://a.example'], scope_audiences: {orders: ['https://a.example', 'https://b.example'], stock: [], 'a\"b': ['http://id.example.com']}}\n")
	_, err := readSettings(file)
	if err == nil {
		t.Fatal("it was read")
	}
	for _, want := range []string{
		"1: issuer: must be https", "4: operators[0].subject: is missing", "4: operators[0].token: is shorter than 16", "operators[1].token: has characters",
		"log.level:", "keys.rotate: must be longer than publish_before", "7: lisen: unknown key; did you mean listen?",
		"client_certificates.from: tls needs tls.cert and tls.key",
		"tokens.scope_audiences.orders[1]: is not in tokens.resources", "tokens.scope_audiences.stock: is empty", "is no scope",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in\n%v", want, err)
		}
	}
}
