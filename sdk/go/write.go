package ostiary

import (
	"strconv"
	"unicode/utf8"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// appendString writes s as a JSON string.
func appendString(out []byte, s string) []byte {
	return append(appendText(append(out, '"'), s), '"')
}

// appendText writes what stands between the quotes.
func appendText(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	plain := plainUntil(s)
	out = append(out, s[:plain]...) // most strings end here
	for _, r := range s[plain:] {   // what is not UTF-8 arrives as U+FFFD
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, '\\', 'n')
		case r < ' ':
			out = append(out, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// plainUntil gives how much of a string is written as it is, from its beginning on; it looks at eight bytes at a time, as special does.
func plainUntil(s string) int {
	at := 0
	for ; at+8 <= len(s); at += 8 {
		word := eight(s, at)
		controls := (word - spaces) &^ word & tops
		if found := word&tops | controls | zeroes(word^quotes) | zeroes(word^slashes); found != 0 {
			return at + first(found)
		}
	}
	for at < len(s) && ' ' <= s[at] && s[at] < utf8.RuneSelf && s[at] != '"' && s[at] != '\\' {
		at++
	}
	return at
}

func appendObject(out []byte, members []Member) []byte {
	out = append(out, '{')
	first := true
	for _, m := range members {
		if !m.Value.Exists() {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(appendString(out, m.Name), ':')
		out = append(out, m.Value.text...)
	}
	return append(out, '}')
}

// appendEnvelope writes an answer.
func appendEnvelope(out []byte, e *abi.Envelope[Value]) []byte {
	out = append(out, `{"v":`...)
	out = strconv.AppendInt(out, int64(e.V), 10)
	out = append(out, `,"action":`...)
	out = appendString(out, e.Action)
	if e.Patch.Exists() {
		out = append(append(out, `,"patch":`...), e.Patch.text...)
	}
	if e.Result.Exists() {
		out = append(append(out, `,"result":`...), e.Result.text...)
	}
	if e.Error != nil {
		out = append(out, `,"error":`...)
		out = appendObject(out, []Member{{"code", String(e.Error.Code)}, {"description", String(e.Error.Description)}, {"extra", e.Error.Extra}})
	}
	if e.Audit.Exists() {
		out = append(append(out, `,"audit":`...), e.Audit.text...)
	}
	if len(e.Warnings) > 0 {
		out = append(append(out, `,"warnings":`...), Strings(e.Warnings).text...)
	}
	return append(out, '}')
}
