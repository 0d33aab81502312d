package strictjson

import (
	"strconv"
	"strings"
)

// An Error says why a text or a value was refused. Path and Problem are safe to show to the caller: printable ASCII without
// double quote and backslash (RFC 6749 §5.2 forbids both in error_description), and no piece of the input longer than 40
// characters.
type Error struct {
	Offset  int    // of the offending byte, from 0; -1 when a Value, not a text, was refused
	Path    string // the member concerned, as in jwks.keys[0].kty; empty: the document itself
	Problem string // what is wrong, in plain English
	cause   error  // what a TextUnmarshaler said, for the log
}

// Error gives path, problem and offset.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	if e.Offset >= 0 {
		b.WriteString(" (at byte ")
		b.WriteString(strconv.Itoa(e.Offset))
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap gives what the refusing type itself said, if it said something. It may echo the input: it is for the log only.
func (e *Error) Unwrap() error { return e.cause }

const (
	maxShown = 40  // characters of one name or value
	maxPath  = 120 // characters of a path, about
	cut      = "..."
)

// inMember and inItem put one step before the path, while the error travels up. A path that has grown too long keeps its
// end, which says most.
func (e *Error) inMember(name string) *Error { return e.under(shown(name)) }

func (e *Error) inItem(i int) *Error { return e.under("[" + strconv.Itoa(i) + "]") }

func (e *Error) under(step string) *Error {
	switch {
	case e.Path == "":
		e.Path = step
	case strings.HasPrefix(e.Path, cut):
	case len(e.Path) > maxPath:
		e.Path = cut + e.Path
	case e.Path[0] == '[':
		e.Path = step + e.Path
	default:
		e.Path = step + "." + e.Path
	}
	return e
}

// shown makes a piece of the input fit to print: short, and '?' for what is not printable ASCII.
func shown(s string) string {
	short := s
	if len(s) > maxShown {
		short = s[:maxShown-len(cut)]
	}
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, short)
	if len(s) > maxShown {
		clean += cut
	}
	return clean
}
