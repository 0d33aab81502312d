package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/registration"
)

// What core/registration/LIFETIME.md shows of dcr_config.yaml are the defaults, its rule keeps whom it says, and its commands work as
// they stand there.
func TestLifetimeGuide(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "core", "registration", "LIFETIME.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := func(fence string) (all string) {
		for _, m := range regexp.MustCompile("(?s)```"+fence+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			all += m[1]
		}
		return all
	}
	site := registration.DefaultSite()
	site.Lifetime = registration.SiteLifetime{}
	if err := config.Read([]byte(shown("yaml dcr_config.yaml")), "LIFETIME.md", &site, os.LookupEnv); err != nil {
		t.Fatal(err)
	}
	if site.Lifetime != registration.DefaultLifetime() {
		t.Errorf("shown as the defaults: %+v", site.Lifetime)
	}

	script := `start
cp keep.rego $POLICIES/keep.rego
cp dcr_config.yaml $CONFIG
until enabled true curl $BASE/api/admin/dcr/unused -H 'Authorization: Bearer '$ADMIN
curl $ISSUER/dcr/register -H 'Authorization: Bearer '$IAT -H 'Content-Type: application/json' -d '{"client_name":"Partner","software_id":"partner-1","redirect_uris":["https://p.example/cb"]}'
save CLIENT_ID client_id
exec ostiary policy check $POLICIES
until items[client_id=$CLIENT_ID].reason never_used curl $BASE/api/admin/dcr/unused -H 'Authorization: Bearer '$ADMIN
until errors[rule=keep.partners].code access_denied curl -X POST $BASE/api/admin/simulate -H 'Authorization: Bearer '$ADMIN -H 'Content-Type: application/json' -d '{"operation":"delete","channel":"system","client_id":"'$CLIENT_ID'","caller":{"kind":"system"}}'
`
	says := map[string]string{
		"rotate-secret": "has a new secret", "renew-token": "has a new registration access token", "--dry-run": "would go", "--yes": "stays: ",
		"list": "^CLIENT ", "show": "^channel +dcr$", "history": " register by ",
	}
	for line := range strings.Lines(shown("console")) {
		command, isOurs := strings.CutPrefix(strings.TrimSpace(line), "$ ostiary ")
		want := ""
		for word, said := range says {
			if strings.Contains(" "+command+" ", " "+word+" ") {
				want = said
			}
		}
		if !isOurs || want == "" {
			t.Errorf("nobody tries: %s", line)
			continue
		}
		script += "exec ostiary " + strings.ReplaceAll(command, "CLIENT_ID", "$CLIENT_ID") + " --data data\nstdout '" + want + "'\n"
	}
	script += "-- keep.rego --\n" + shown("rego keep.rego") + "-- dcr_config.yaml --\nlifetime: {never_used: 1s}\n"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "guide.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, manual(dir))
}
