package strictjson

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Append writes v as compact JSON with members in their own order. An absent Value is written as null.
func Append(dst []byte, v Value) []byte {
	switch v.kind {
	case KindArray:
		dst = append(dst, '[')
		for i, item := range v.items() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = Append(dst, item)
		}
		return append(dst, ']')
	case KindObject:
		dst = append(dst, '{')
		for i, m := range v.members() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, m.Name), ':')
			dst = Append(dst, m.Value)
		}
		return append(dst, '}')
	}
	return appendScalar(dst, v)
}

func appendScalar(dst []byte, v Value) []byte {
	switch v.kind {
	case KindBool:
		if v.truth {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case KindNumber:
		return append(dst, v.text...)
	case KindString:
		return AppendString(dst, v.text)
	}
	return append(dst, "null"...)
}

// Canonical writes v so that equal Values (see Equal) give equal bytes: members sorted by the bytes of their names, and
// the integer -0 as 0. It is for comparing and digests.
func Canonical(dst []byte, v Value) []byte {
	switch v.kind {
	case KindArray:
		dst = append(dst, '[')
		for i, item := range v.items() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = Canonical(dst, item)
		}
		return append(dst, ']')
	case KindObject:
		members := v.Members()
		slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
		dst = append(dst, '{')
		for i, m := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, m.Name), ':')
			dst = Canonical(dst, m.Value)
		}
		return append(dst, '}')
	case KindNumber:
		return append(dst, plainZero(v.text)...)
	}
	return appendScalar(dst, v)
}

// plainZero spells the integer -0 as 0. All other integers have one spelling only.
func plainZero(literal string) string {
	if literal == "-0" {
		return "0"
	}
	return literal
}

// MarshalJSON lets a Value sit in structs that encoding/json writes. With the option omitzero an absent one is left out.
func (v Value) MarshalJSON() ([]byte, error) { return Append(nil, v), nil }

// AppendString writes s as a JSON string. Bytes that are not UTF-8 become U+FFFD; U+2028 and U+2029 are escaped because
// JavaScript once took them for line ends.
func AppendString(dst []byte, s string) []byte { return appendString(dst, s, "\uFFFD") }

// appendString writes unknown for each byte that is not UTF-8. Nearly every string is plain from end to end.
func appendString(dst []byte, s, unknown string) []byte {
	i := 0
	for i+8 <= len(s) && plainChunk(chunk(s, i)) {
		i += 8
	}
	for i < len(s) && plain[s[i]] {
		i++
	}
	dst = append(dst, '"')
	if i < len(s) {
		return appendRest(dst, s, i, unknown)
	}
	dst = append(dst, s...)
	return append(dst, '"')
}

// appendRest writes a string that is plain up to i, and its closing quote.
func appendRest(dst []byte, s string, i int, unknown string) []byte {
	start := 0 // of what is not yet written
	for i < len(s) {
		if plain[s[i]] {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !needsEscape(r, size) {
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		if r == utf8.RuneError {
			dst = append(dst, unknown...)
		} else {
			dst = appendEscape(dst, r)
		}
		i += size
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// plain are the bytes that a JSON string has as they are, whatever stands beside them: ASCII without those to be escaped.
var plain = func() (bytes [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		bytes[c] = c != '"' && c != '\\'
	}
	return bytes
}()

// needsEscape tells whether a rune that is not plain cannot be written as it stands.
func needsEscape(r rune, size int) bool {
	return r < utf8.RuneSelf || r == '\u2028' || r == '\u2029' || (r == utf8.RuneError && size == 1)
}

func appendEscape(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
