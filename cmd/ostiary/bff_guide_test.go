package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func bffGuide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "core", "bff", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The commands of the guide, typed into a shell as they stand but for the ports, bring a backend up, twice.
func TestBFFGuideStart(t *testing.T) {
	found := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(bffGuide(t))
	if found == nil {
		t.Fatal("the guide has no commands")
	}
	s := newStand(t)
	shell := openShell(s.devServer)
	commands := strings.ReplaceAll(found[1], "ostiary bff >", "ostiary bff --listen localhost:8090 --ops-listen localhost:8091 -c small.yaml >")
	for _, port := range []string{"8090", "8091"} {
		ln := s.port()
		_, free, _ := strings.Cut(ln.Addr().String(), ":")
		commands = strings.ReplaceAll(commands, "localhost:"+port, "localhost:"+free)
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
	}
	small := filepath.Join(filepath.Dir(s.data), "small.yaml")
	if err := os.WriteFile(small, []byte("storage: {min_free_mib: 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shell.enter(commands)
	if said := shell.end(); !strings.Contains(said, `{"authenticated":false}`) || !strings.Contains(said, `"status":"ok"`) {
		t.Errorf("it said\n%s", said)
	}
}

// The guide has a row for each variable, with its setting; one for each that says nothing, and no other.
func TestBFFGuideTables(t *testing.T) {
	guide := bffGuide(t)
	named := map[string]bool{}
	for _, v := range variables {
		if !strings.Contains(guide, fmt.Sprintf("\n| `%s` | `%s` | ", v.name, v.path)) {
			t.Errorf("the guide has no row for %s, which is %s", v.name, v.path)
		}
		named[v.name] = true
	}
	for _, p := range promises {
		if !strings.Contains(guide, fmt.Sprintf("\n| `%s` | `%t` | ", p.name, p.asked)) {
			t.Errorf("the guide has no row for %s", p.name)
		}
		named[p.name] = true
	}
	for _, u := range unused {
		if !regexp.MustCompile("(?m)^\\|.*`" + regexp.QuoteMeta(u.name) + "`.*\\| [^|]+ \\|$").MatchString(guide) {
			t.Errorf("the guide has no row for %s", u.name)
		}
		named[u.name] = true
	}
	for _, m := range regexp.MustCompile("`([A-Z][A-Z_]+[A-Z*])`").FindAllStringSubmatch(guide, -1) {
		if !named[m[1]] && !strings.Contains("NAME HOST", m[1]) {
			t.Errorf("the guide names %s, which is no variable", m[1])
		}
	}
}

// The file of the guide holds the defaults, and names every setting.
func TestBFFGuideFile(t *testing.T) {
	text := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(bffGuide(t))[1]
	dir := t.TempDir()
	file := filepath.Join(dir, "bff.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := func(s backendSettings) string {
		s.Keys.Rotate = nil
		return strings.NewReplacer(dir+"/", "").Replace(fmt.Sprintf("%+v", s))
	}
	fromFile, _ := backendOf(t, file)
	fromNothing, _ := backendOf(t, "")
	if got, want := shown(fromFile), shown(fromNothing); got != want {
		t.Errorf("the guide: %s\ndefaults:  %s", got, want)
	}
	code, err := os.ReadFile("bff_settings.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`yaml:\"([a-z_]+)\"").FindAllStringSubmatch(string(code), -1) {
		if !regexp.MustCompile(`\b` + m[1] + `:`).MatchString(text) {
			t.Errorf("the guide's file does not name %s", m[1])
		}
	}
}
