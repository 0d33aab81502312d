package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/registration"
)

// What the guide to software statements puts into dcr_config.yaml can be read, and trusts whom it says.
func TestGuideOfStatements(t *testing.T) {
	const file = "../../core/registration/STATEMENTS.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```yaml dcr_config.yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(shown) != 3 {
		t.Fatalf("%d files are shown", len(shown))
	}
	for i, want := range []int{0, 1, 2} {
		site := registration.DefaultSite()
		if err := config.Read(shown[i][1], file, &site, func(string) (string, bool) { return "", false }); err != nil {
			t.Fatal(err)
		}
		ready, err := site.Prepared()
		if err != nil || len(ready.TrustedIssuers) != want {
			t.Errorf("%s\n%+v, %v", shown[i][1], ready.TrustedIssuers, err)
		}
	}
}
