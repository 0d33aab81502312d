package metadata

import (
	"strings"
	"unicode"
)

// A text that people are shown is what they see of it: with a character in it that shows nothing, a name looks like another one, or says
// more to a program than to a person. So what Unicode calls default ignorable is refused, as in the strings of RFC 8264 (§9.13), but
// for the places where Unicode gives it a meaning that readers see, since a client's name is no identifier: in words of scripts that
// join (RFC 5892 appendix A.1 and A.2, UAX #31 §2.3.1), in emoji and the three flags that are made of tags (UTS #51), and where it
// chooses among the forms of a character, as Japanese names need it (UTS #37).

// hidesText tells a text that has a character which nobody sees, where it means nothing.
func hidesText(s string) bool {
	if !strings.ContainsFunc(s, isIgnorable) {
		return false
	}
	text := []rune(tagFlags.Replace(s))
	at := func(i int) rune {
		if i < 0 || i >= len(text) {
			return 0
		}
		return text[i]
	}
	for i, c := range text {
		if isIgnorable(c) && !isMeant(at(i-1), c, at(i+1), s) {
			return true
		}
	}
	return false
}

// isIgnorable tells the characters that show nothing: Default_Ignorable_Code_Point, with those that end annotations.
func isIgnorable(c rune) bool {
	if c < 0xad {
		return false
	}
	isFormat := unicode.Is(unicode.Cf, c) && !unicode.Is(unicode.Prepended_Concatenation_Mark, c) && !unicode.Is(unicode.Egyptian_Hieroglyphs, c)
	return isFormat || unicode.In(c, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// isMeant tells whether an ignorable character means something to the reader between these two.
func isMeant(before, c, after rune, text string) bool {
	switch {
	case c == '\u200c', c == '\u200d': // joiners
		return joins(before, after)
	case c == '\u200e', c == '\u200f', c == '\u061c': // marks of direction
		return strings.ContainsFunc(text, readsLeft)
	case c >= 0xe0100 && c <= 0xe01ef: // selectors of ideographs
		return unicode.Is(unicode.Ideographic, before)
	case c == '\ufe0e', c == '\ufe0f': // as text, as emoji
		return isPicture(before) || c == '\ufe0f' && after == '\u20e3' && strings.ContainsRune("0123456789#*", before)
	case c >= '\ufe00' && c <= '\ufe0d':
		return isPicture(before) || unicode.In(before, unicode.Ideographic, unicode.Myanmar, unicode.Phags_Pa, unicode.Manichaean)
	case unicode.Is(unicode.Variation_Selector, c): // those of Mongolian
		return unicode.Is(unicode.Mongolian, before)
	}
	return false
}

// joins tells places where joiners belong: after a letter of a script that joins, at the vowel signs and viramas of Indic scripts, and
// between the parts of an emoji. After a letter that never joins the next, as the reh of Persian, a joiner changes nothing to see, and
// is not refused for it: people write one between the parts of a word whatever letter is there, and a name must stay as its owner
// writes it. Nothing is won by hiding one there, since a name is compared with nothing, and whoever wants another's takes it as it is.
func joins(before, after rune) bool {
	cursive := unicode.In(before, unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Nko, unicode.Mandaic, unicode.Adlam, unicode.Hanifi_Rohingya)
	emoji := (isPicture(before) || unicode.Is(unicode.Sk, before) || before == '\ufe0f') && isPicture(after)
	return cursive && unicode.IsLetter(before) || isSign(before) || isSign(after) || emoji
}

// isSign tells marks that belong to a script, unlike accents.
func isSign(c rune) bool { return unicode.IsMark(c) && !unicode.Is(unicode.Inherited, c) }

// isPicture tells the symbols that have another form, or are a part of an emoji. The one letter among them is ℹ.
func isPicture(c rune) bool {
	return c > unicode.MaxASCII && (unicode.In(c, unicode.So, unicode.Sm, unicode.P) || c == '\u2139')
}

// readsLeft tells letters that are read from the right to the left.
func readsLeft(c rune) bool {
	return unicode.In(c, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam, unicode.Hanifi_Rohingya, unicode.Mandaic, unicode.Samaritan)
}

// tagFlags takes the tags off the flags of England, Scotland and Wales: no other sequence of tags is recommended for interchange, and
// any other could spell what nobody sees.
var tagFlags = strings.NewReplacer(tagged("gbeng"), flag, tagged("gbsct"), flag, tagged("gbwls"), flag)

const flag = "\U0001F3F4"

// tagged is a flag with a region that is spelt in tags.
func tagged(region string) string {
	const tags, end = 0xe0000, '\U000E007F'
	return flag + strings.Map(func(c rune) rune { return c + tags }, region) + string(end)
}
