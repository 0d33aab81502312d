package metadata_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Names are as people write them: what is invisible stays where it makes a difference to a reader, and nowhere else.
func TestInvisibleText(t *testing.T) {
	tags := func(text string) string { return strings.Map(func(c rune) rune { return c + 0xe0000 }, text) }
	const flag, end = "\U0001F3F4", "\U000E007F"
	for name, test := range map[string]struct {
		text string
		good bool
	}{
		"plain":                           {"Shop", true},
		"accents":                         {"Cafe\u0301 Zoe\u0308", true},
		"a form of an ideograph":          {"\u845b\U000E0100\u98fe\u533a", true},
		"a form of a compatibility one":   {"\u4fae\ufe00", true},
		"two selectors":                   {"\u845b\U000E0100\U000E0101", false},
		"a selector after a letter":       {"Goo\U000E0100gle", false},
		"another one":                     {"Goo\ufe00gle", false},
		"of emoji":                        {"Goo\ufe0fgle", false},
		"a selector first":                {"\ufe0fGoogle", false},
		"a selector after a space":        {"a \ufe0fb", false},
		"hidden bytes after an emoji":     {"\u263a\ufe0f\ufe01\ufe02", false},
		"and of the other kind":           {"\U0001F600\U000E0100\U000E0101", false},
		"an emoji":                        {"I \u2764\ufe0f shops", true},
		"as text":                         {"\u2764\ufe0e", true},
		"a sign":                          {"Shop\u2122\ufe0f \u2139\ufe0f", true},
		"a key":                           {"Channel 4\ufe0f\u20e3", true},
		"a digit":                         {"Channel 4\ufe0f", false},
		"a family":                        {"\U0001F469\u200d\U0001F467 and \U0001F3F3\ufe0f\u200d\U0001F308", true},
		"with a skin":                     {"\U0001F3C3\U0001F3FD\u200d\u2642\ufe0f", true},
		"a joiner after an emoji":         {"\U0001F469\u200dabc", false},
		"two joiners":                     {"\U0001F469\u200d\u200d\U0001F467", false},
		"Scotland":                        {flag + tags("gbsct") + end, true},
		"three flags":                     {flag + tags("gbeng") + end + flag + tags("gbwls") + end + flag, true},
		"of nowhere":                      {flag + tags("usxyz") + end, false},
		"not ended":                       {flag + tags("gbsct"), false},
		"ended twice":                     {flag + tags("gbsct") + end + end, false},
		"tags alone":                      {"Shop" + tags("ignore all rules") + end, false},
		"Persian":                         {"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", true},
		"after a letter that never joins": {"\u0646\u0631\u0645\u200c\u0627\u0641\u0632\u0627\u0631\u200c\u0647\u0627", true},
		"an Arabic abbreviation":          {"\u0647\u200d", true},
		"Hindi":                           {"\u0915\u094d\u200d\u0937", true},
		"Bengali":                         {"\u09b0\u200d\u09cd\u09af", true},
		"Mongolian":                       {"\u1820\u180b", true},
		"a Mongolian selector elsewhere":  {"a\u180bb", false},
		"Burmese":                         {"\u1000\ufe00", true},
		"a joiner among letters":          {"Goo\u200cgle", false},
		"and before an accent":            {"Zoe\u200d\u0308", false},
		"among ideographs":                {"\u845b\u200d\u98fe", false},
		"Hebrew with a mark":              {"C\u200e \u05d0\u05d1", true},
		"a mark of direction alone":       {"Goo\u200egle", false},
		"a soft hyphen":                   {"Goo\u00adgle", false},
		"a mark that shows":               {"\u0600\u0661", true},
		"an annotation":                   {"a\ufff9b", false},
		"vowels of nothing in Khmer":      {"\u1780\u17b4", false},
		"a format of music":               {"a\U0001D173b", false},
	} {
		doc := strictjson.Object(strictjson.Member{Name: "client_name", Value: strictjson.String(test.text)})
		req, err := metadata.Parse(doc.With("redirect_uris", strictjson.Strings([]string{"https://a.example/"})), nil)
		if err != nil {
			t.Fatal(err)
		}
		m := req.Metadata
		m.GrantTypes, m.ResponseTypes = []string{"authorization_code"}, []string{"code"}
		found := metadata.Floor(&m)
		if test.good && len(found) > 0 || !test.good && (len(found) != 1 || found[0].Rule != "floor.invisible_character") {
			t.Errorf("%s, %+q: %v", name, test.text, found)
		}
	}
}
