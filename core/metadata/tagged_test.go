package metadata_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/metadata"
)

func TestIn(t *testing.T) {
	m := parse(t, `{"client_name":"Shop","client_name#fr":"Boutique","client_name#de-CH":"Lade","tos_uri#fr":"https://shop.example/fr","tos_uri#de":"https://shop.example/de","logo_uri":"https://shop.example/l"}`).Metadata
	for _, test := range []struct{ name, languages, text, tag string }{
		{"client_name", "", "Shop", ""}, {"client_name", "en", "Shop", ""}, {"client_name", "fr-CA en", "Boutique", "fr"}, {"client_name", "de", "Lade", "de-CH"},
		{"tos_uri", "en", "https://shop.example/de", "de"}, {"tos_uri", "fr", "https://shop.example/fr", "fr"}, {"logo_uri", "fr", "https://shop.example/l", ""},
		{"policy_uri", "fr", "", ""}, {"redirect_uris", "fr", "", ""}, {"nothing", "fr", "", ""},
	} {
		if text, tag := metadata.In(&m, test.name, strings.Fields(test.languages)); text != test.text || tag != test.tag {
			t.Errorf("%s in %q: %q (%s)", test.name, test.languages, text, tag)
		}
	}
}
