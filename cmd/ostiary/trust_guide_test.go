package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/registration"
)

// What the guides of plugins put into dcr_config.yaml can be read, and trusts plugins.
func TestGuidesOfTrust(t *testing.T) {
	for _, file := range []string{"../../plugins/HOOKS.md", "../../examples/plugin-scheme/README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown := regexp.MustCompile("(?s)```yaml dcr_config.yaml\n(.*?)```").FindSubmatch(text)
		if shown == nil {
			t.Fatalf("%s shows no dcr_config.yaml", file)
		}
		site := registration.DefaultSite()
		if err := config.Read(shown[1], file, &site, func(string) (string, bool) { return "", false }); err != nil {
			t.Fatal(err)
		}
		if _, err := site.Prepared(); err != nil || len(site.TrustedIssuers) < 2 || site.TrustedIssuers[0].Keys != "plugin" {
			t.Errorf("%s: %+v, %v", file, site.TrustedIssuers, err)
		}
	}
}
