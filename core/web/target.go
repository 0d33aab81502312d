package web

import (
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core"
)

// A target is the request target cut in its parts (RFC 9112 §3.2). authority is empty in origin form.
type target struct{ authority, path, query string }

// parseTarget takes origin form and absolute form. There is one spelling of a path: what a proxy or a router might fold into
// another path (empty and dot segments, backslashes, encoded slashes) is refused before routing.
func parseTarget(raw string) (target, *refusal) {
	var t target
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '\\' {
			return t, badTarget("The request target holds a character that must be percent-encoded.")
		}
	}
	rest, query, _ := strings.Cut(raw, "?")
	t.query = query
	if !strings.HasPrefix(rest, "/") {
		scheme, after, found := strings.Cut(rest, "://")
		if !found || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return t, badTarget("The request target must be a path or an http URL.")
		}
		slash := strings.IndexByte(after, '/')
		if slash < 1 {
			return t, badTarget("The request target needs a host and a path.")
		}
		t.authority, rest = after[:slash], after[slash:]
	}
	t.path = rest
	if !plainPath(t.path) {
		return t, badTarget("The path must be in its plain form: no empty or dot segments, no encoded slash.")
	}
	return t, nil
}

func plainPath(path string) bool {
	segments := path[1:]
	for segments != "" {
		segment, rest, _ := strings.Cut(segments, "/")
		decoded, ok := decodeSegment(segment)
		if !ok || decoded == "" || dots(decoded) {
			return false
		}
		segments = rest
	}
	return true
}

// dots tells a dot segment, also one dressed with a path parameter: some servers read "..;x" as "..".
func dots(segment string) bool {
	name, _, _ := strings.Cut(segment, ";")
	return name == "." || name == ".."
}

// decodeSegment decodes percent-encoding once. Encoded slashes, backslashes, percent signs and control characters would mean
// something else to a second reader, so they are refused.
func decodeSegment(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := unhex(s[i+1]), unhex(s[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		c := byte(hi<<4 | lo)
		if c == '/' || c == '\\' || c == '%' || c < ' ' || c == 0x7f {
			return "", false
		}
		b.WriteByte(c)
		i += 2
	}
	return b.String(), utf8.ValidString(b.String())
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func badTarget(detail string) *refusal {
	return &refusal{err: &core.Error{Code: core.InvalidRequest, Detail: detail}}
}
