package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/policies"
)

// presetNames lists all presets.
func presetNames(t *testing.T) []string {
	t.Helper()
	list, err := policies.Presets()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range list {
		if p.About == "" || strings.HasPrefix(p.About, "#") {
			t.Errorf("%s: README.md must begin with: # %s: what it is", p.Name, p.Name)
		}
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "bff enterprise fapi2 mcp openbanking-brazil openbanking-uk" {
		t.Fatalf("presets: %s", got)
	}
	return names
}

// policyRun runs a command of the kit, and gives what it says.
func policyRun(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(append([]string{"policy"}, args...), &out, &errs); code != 0 {
		t.Errorf("policy %s: %d\n%s%s", strings.Join(args, " "), code, &out, &errs)
	}
	return out.String()
}

// Every command of the kit succeeds on every preset as it is, with its dcr_config.yaml and without.
func TestPresets(t *testing.T) {
	for _, name := range presetNames(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "site")
			policyRun(t, "init", dir, "--preset", name)
			policyRun(t, "fmt", dir, "--check")
			config := filepath.Join(dir, name, "dcr_config.yaml")
			for _, with := range [][]string{nil, {"--config", config}} {
				policyRun(t, append([]string{"check", dir}, with...)...)
				policyRun(t, append([]string{"test", dir, "--coverage", "--threshold", "90"}, with...)...)
			}
			if !testing.Short() { // it takes seconds
				policyRun(t, "mutate", dir, "--config", config)
			}
			requests, err := filepath.Glob(filepath.Join(dir, name, "requests", "*.json"))
			if err != nil || len(requests) < 2 {
				t.Fatalf("%d requests, %v", len(requests), err)
			}
			for _, file := range requests {
				policyRun(t, "eval", dir, "-f", file, "--decision", decisionOf(file))
				askPreset(t, dir, file, config)
			}
		})
	}
}

// decisionOf gives the first word of the name of a request: the decision.
func decisionOf(file string) string {
	decision, _, _ := strings.Cut(filepath.Base(file), "-")
	return decision
}

// askPreset wants the verdict that the name of a request ends in; a refusal is the preset's.
func askPreset(t *testing.T, dir, file, config string) {
	t.Helper()
	said := policyRun(t, "eval", dir, "-f", file, "--decision", decisionOf(file), "--config", config)
	rule := " " + strings.ReplaceAll(filepath.Base(filepath.Dir(filepath.Dir(file))), "-", "_") + "."
	switch {
	case strings.HasSuffix(file, "-accepted.json") && strings.HasPrefix(said, "ALLOWED by "):
	case strings.HasSuffix(file, "-refused.json") && strings.HasPrefix(said, "REFUSED by ") && strings.Contains(said, rule):
	default:
		t.Errorf("%s: %s", filepath.Base(file), said)
	}
}

// A preset's tests are about its rules: whatever a site sets, they pass, unless it is no setting.
func TestPresetSettingsAreTheSites(t *testing.T) {
	text, number := regexp.MustCompile(`"[^"]*":?`), regexp.MustCompile(`:= ([0-9]+)\n`)
	for _, name := range presetNames(t) {
		dir := filepath.Join(t.TempDir(), "site")
		policyRun(t, "init", dir, "--preset", name)
		file := filepath.Join(dir, name, "settings.rego")
		settings, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		others := text.ReplaceAllStringFunc(string(settings), func(found string) string {
			if strings.HasSuffix(found, ":") {
				return found // the name of a member
			}
			return strings.TrimSuffix(found, `"`) + `mine"`
		})
		others = strings.ReplaceAll(number.ReplaceAllString(others, ":= 1$1\n"), ":= true", ":= false")
		if err := os.WriteFile(file, []byte(others), 0o600); err != nil || others == string(settings) {
			t.Fatal(err)
		}
		policyRun(t, "test", dir)
		more := others + "\nsurplus := 1\n"
		if err := os.WriteFile(file, []byte(more), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := run([]string{"policy", "test", dir}, &out, &errs); code != 1 || !strings.Contains(out.String(), "test_settings_have_their_types: FAIL") {
			t.Errorf("%s: %d, %s%s", name, code, &out, &errs)
		}
	}
}

// A folder may have several presets: they add to each other, and none is overwritten.
func TestPresetsTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	names := presetNames(t)
	for _, name := range names {
		policyRun(t, "init", dir, "--preset", name)
	}
	if said := policyRun(t, "check", dir); !strings.Contains(said, " is fine: ") {
		t.Error(said)
	}
	for _, name := range names {
		var out, errs bytes.Buffer
		if code := run([]string{"policy", "init", dir, "--preset", name}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "already, and nothing was written") {
			t.Errorf("%s again: %d, %s", name, code, &errs)
		}
	}
}

// The private-use schemes that dcr_config.yaml of mcp lets in are those of the known clients: none is without an owner.
func TestPresetSchemes(t *testing.T) {
	folder := filepath.Join(repository, "policies", "presets", "mcp")
	config, err := os.ReadFile(filepath.Join(folder, "dcr_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(config), "allowed_private_schemes: [")
	list, _, closed := strings.Cut(list, "]")
	text, err := os.ReadFile(filepath.Join(folder, "ostiary", "data", "mcp", "data.json"))
	if err != nil || !found || !closed {
		t.Fatal(err, found, closed)
	}
	var data struct {
		Clients map[string]struct {
			Names    []string `json:"names"`
			Hosts    []string `json:"hosts"`
			Schemes  []string `json:"schemes"`
			Loopback bool     `json:"loopback"`
			Sites    []string `json:"sites"`
		} `json:"clients"`
	}
	if err := strictjson.Decode(text, &data, strictjson.Stored); err != nil || len(data.Clients) < 10 {
		t.Fatal(data, err)
	}
	offered := map[string]bool{}
	for _, scheme := range strings.Split(list, ", ") {
		offered[scheme] = true
	}
	owned := map[string]bool{}
	for _, client := range data.Clients {
		for _, scheme := range client.Schemes {
			owned[scheme] = true
		}
	}
	for scheme := range offered {
		if !owned[scheme] {
			t.Errorf("%s is nobody's", scheme)
		}
	}
	for scheme := range owned {
		if !offered[scheme] {
			t.Errorf("%s is not in dcr_config.yaml", scheme)
		}
	}
}
