package core_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

func TestTranslated(t *testing.T) {
	m := core.Metadata{Tagged: map[string]string{"client_name#fr": "Boutique", "client_name#de-CH": "Lade", "tos_uri#fr": "fr-terms", "tos_uri#de": "de-terms"}}
	for _, test := range []struct{ member, plain, languages, text, tag string }{
		{"client_name", "Shop", "", "Shop", ""}, {"client_name", "Shop", "en", "Shop", ""}, {"client_name", "Shop", "fr-CA en", "Boutique", "fr"},
		{"client_name", "Shop", "de", "Lade", "de-CH"}, {"tos_uri", "", "en", "de-terms", "de"}, {"tos_uri", "", "fr", "fr-terms", "fr"},
		{"logo_uri", "logo", "fr", "logo", ""}, {"policy_uri", "", "fr", "", ""}, {"client", "x", "fr", "x", ""},
	} {
		if text, tag := m.Translated(test.member, test.plain, strings.Fields(test.languages)); text != test.text || tag != test.tag {
			t.Errorf("%s in %q: %q (%s)", test.member, test.languages, text, tag)
		}
	}
}
