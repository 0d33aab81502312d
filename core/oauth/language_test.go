package oauth_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

func TestPreferredLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"": "", "*": "", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5": "fr-CH fr", "en;q=0.8, de": "de", "en-US,en;q=0.9": "en-US en",
		"de;q=0, en;q=0.1": "en", "de;q=2, en": "en", "de;x=1, en": "en", "de;q=NaN,en": "en", "de_DE, <b>, en": "en", "-de, de-, d--e": "", "DE, de-AT;q=0.5": "DE de-AT", "de ; q=0.5 , fr": "fr",
		strings.Repeat("x", 36): "",
	} {
		if got := strings.Join(oauth.PreferredLanguage(header), " "); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if n := len(oauth.PreferredLanguage(strings.Repeat("de,", 10000))); n != 20 {
		t.Errorf("%d languages", n)
	}
}

func TestParseLocales(t *testing.T) {
	if got := strings.Join(oauth.ParseLocales(" fr-CA  fr <script> en * "), " "); got != "fr-CA fr en" {
		t.Errorf("%q", got)
	}
	if n := len(oauth.ParseLocales(strings.Repeat("de ", 10000))); n != 20 {
		t.Errorf("%d languages", n)
	}
}

// RFC 4647 §3.4, with its example.
func TestMatchLanguage(t *testing.T) {
	for _, test := range []struct{ wanted, tags, want string }{
		{"zh-Hant-CN-x-private1-private2", "zh zh-Hant", "zh-Hant"}, {"zh-Hant-CN-x-private1", "zh-Hant-CN zh", "zh-Hant-CN"},
		{"fr", "de en", ""}, {"FR-fr", "de fr", "fr"}, {"fr de", "de", "de"}, {"fr", "fr-CA", "fr-CA"}, {"fr", "fr-CA fr", "fr"}, {"fr", "frr", ""},
		{"", "de", ""}, {"de", "", ""}, {"de-AT fr", "fr de", "de"}, {"de-CH", "de-AT", ""},
	} {
		if got := oauth.MatchLanguage(strings.Fields(test.wanted), strings.Fields(test.tags)); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.wanted, test.tags, got, test.want)
		}
	}
}

// FuzzLanguages holds that whatever a browser and a client say, what is chosen is one of the client's tags or none.
func FuzzLanguages(f *testing.F) {
	f.Add("fr-CH, fr;q=0.9, en;q=0.8", "fr de")
	f.Add("-,a-,--;q=", "x-y-z")
	f.Fuzz(func(t *testing.T, header, tags string) {
		list := strings.Fields(tags)
		wanted := append(oauth.PreferredLanguage(header), oauth.ParseLocales(header)...)
		if got := oauth.MatchLanguage(wanted, list); got != "" && !strings.Contains(" "+strings.Join(list, " ")+" ", " "+got+" ") {
			t.Fatalf("%q of %q for %q", got, list, wanted)
		}
	})
}

// RFC 5646 §2.1.1 and its examples.
func TestCanonicalLanguage(t *testing.T) {
	for tag, want := range map[string]string{
		"fr": "fr", "FR": "fr", "MN-cYRL-mn": "mn-Cyrl-MN", "en-ca": "en-CA", "EN-CA-X-CA": "en-CA-x-ca", "sgn-be-FR": "sgn-BE-FR", "AZ-LATN-X-LATN": "az-Latn-x-latn",
		"es-419": "es-419", "DE-ch-1996": "de-CH-1996", "en-A-BBB-x-a-CCC": "en-a-bbb-x-a-ccc", "I-KLINGON": "i-klingon", "": "", "-": "-", "a--B": "a--b",
	} {
		if got := oauth.CanonicalLanguage(tag); got != want || oauth.CanonicalLanguage(got) != want {
			t.Errorf("%s is %s, want %s", tag, got, want)
		}
	}
}
