package oauth

import (
	"slices"
	"strconv"
	"strings"
)

const maxLanguages = 20 // of one header or parameter

// PreferredLanguage reads an Accept-Language header (RFC 9110 §12.5.4) for the language that its reader likes best, with its
// variants in the reader's order: "fr-CH, fr;q=0.9, en;q=0.8" gives fr-CH and fr. What readers would put up with is left out: a
// text whose language is not known may well be one that they like better.
func PreferredLanguage(header string) []string {
	type choice struct {
		tag    string
		weight float64
	}
	var choices []choice
	for part := range strings.SplitSeq(header, ",") {
		tag, parameter, weighed := strings.Cut(part, ";")
		c := choice{strings.TrimSpace(tag), 1}
		if weighed {
			value, found := strings.CutPrefix(strings.ReplaceAll(parameter, " ", ""), "q=")
			q, err := strconv.ParseFloat(value, 64)
			if !found || err != nil || !(q > 0 && q <= 1) {
				continue
			}
			c.weight = q
		}
		if validRange(c.tag) && len(choices) < maxLanguages {
			choices = append(choices, c)
		}
	}
	slices.SortStableFunc(choices, func(a, b choice) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	var tags []string
	for _, c := range choices {
		if len(tags) == 0 || strings.EqualFold(primary(c.tag), primary(tags[0])) {
			tags = append(tags, c.tag)
		}
	}
	return tags
}

// ParseLocales reads ui_locales (OpenID Connect Core §3.1.2.1): language tags, the best liked first. What is none is left out.
func ParseLocales(text string) []string {
	var tags []string
	for tag := range strings.FieldsSeq(text) {
		if validRange(tag) && len(tags) < maxLanguages {
			tags = append(tags, tag)
		}
	}
	return tags
}

// CanonicalLanguage gives a language tag in the case that is usual: fr, fr-CH, zh-Hant-TW (RFC 5646 §2.1.1). Tags that differ in case
// alone are one.
func CanonicalLanguage(tag string) string {
	subtags := strings.Split(strings.ToLower(tag), "-")
	for i := 1; i < len(subtags) && len(subtags[i-1]) > 1; i++ { // a single letter begins an extension
		switch s := subtags[i]; len(s) {
		case 2:
			subtags[i] = strings.ToUpper(s)
		case 4:
			subtags[i] = strings.ToUpper(s[:1]) + s[1:]
		}
	}
	return strings.Join(subtags, "-")
}

// MatchLanguage gives the tag that suits a reader best, by RFC 4647 §3.4: each language that is wanted is made shorter until a tag
// is the same; a tag that is more exact than what is wanted is taken if no other is. "" means that none suits.
func MatchLanguage(wanted, tags []string) string {
	for _, want := range wanted {
		for short := want; short != ""; short = shorter(short) {
			if at := slices.IndexFunc(tags, func(tag string) bool { return strings.EqualFold(tag, short) }); at >= 0 {
				return tags[at]
			}
		}
		if at := slices.IndexFunc(tags, func(tag string) bool {
			return len(tag) > len(want) && tag[len(want)] == '-' && strings.EqualFold(tag[:len(want)], want)
		}); at >= 0 {
			return tags[at]
		}
	}
	return ""
}

// shorter drops the last subtag, and a single letter that then stands last: it begins an extension.
func shorter(tag string) string {
	at := strings.LastIndexByte(tag, '-')
	if at < 0 {
		return ""
	}
	if at >= 2 && tag[at-2] == '-' {
		at -= 2
	}
	return tag[:at]
}

func primary(tag string) string {
	first, _, _ := strings.Cut(tag, "-")
	return first
}

// validRange tells what looks like a language tag. "*" is none: who takes any language wants no particular one.
func validRange(tag string) bool {
	if tag == "" || len(tag) > 35 || tag[0] == '-' || tag[len(tag)-1] == '-' || strings.Contains(tag, "--") {
		return false
	}
	for i := range len(tag) {
		if c := tag[i]; c != '-' && !isAlphanumeric(c) {
			return false
		}
	}
	return true
}
