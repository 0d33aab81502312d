package ostiary

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// scanner walks JSON text. check verifies what it walks over; next and take trust a text that was checked or that the host
// wrote.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) fail(what string) error {
	return errors.New("json: " + what + " at byte " + strconv.Itoa(s.pos))
}

// peek gives the byte at hand, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// space steps over white space. The host sends none, so the check for it is all that it may cost.
func (s *scanner) space() {
	if s.pos < len(s.text) && s.text[s.pos] <= ' ' {
		s.spaces()
	}
}

func (s *scanner) spaces() {
	for s.pos < len(s.text) && strings.IndexByte(" \t\n\r", s.text[s.pos]) >= 0 {
		s.pos++
	}
}

// next goes to the next item or member of an array or object and tells whether there is one.
func (s *scanner) next(closing byte) bool {
	s.space()
	if s.peek() == ',' {
		s.pos++
		s.space()
	}
	return s.pos < len(s.text) && s.text[s.pos] != closing
}

// take gives the value at hand and steps over it.
func (s *scanner) take() Value {
	text, start := s.text, s.pos
	at := start
	switch s.peek() {
	case '"':
		if at = special(text, start+1); at < len(text) && text[at] == '"' { // as stringEnd, without a call: most have no escapes
			at++
		} else {
			at = stringEnd(text, start)
		}
	case '{', '[':
		at = nestedEnd(text, at)
	default:
		for at < len(text) && !ends[text[at]] {
			at++
		}
	}
	s.pos = at
	return Value{text: text[start:at]}
}

// nestedEnd gives the place after the array or object that begins at a given place, looking only at what opens, closes or begins a
// string.
func nestedEnd(text string, at int) int {
	for depth := 0; at < len(text); {
		switch c := text[at]; c {
		case '"':
			start := at
			if at = special(text, start+1); at < len(text) && text[at] == '"' {
				at++
			} else {
				at = stringEnd(text, start)
			}
			if at < len(text) && (text[at] == ',' || text[at] == ':') {
				at++
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
		at++
	}
	return at
}

// string takes the value at hand as Value.Text gives it.
func (s *scanner) string() string {
	if s.peek() == '"' {
		start := s.pos + 1
		if at := special(s.text, start); at < len(s.text) && s.text[at] == '"' {
			s.pos = at + 1
			return s.text[start:at]
		}
	}
	return s.take().Text()
}

// ends are the bytes that end a number or word.
var ends = [256]bool{'}': true, ']': true, ',': true, ' ': true, '\t': true, '\n': true, '\r': true}

// enter goes to the first member of the object at hand, as member does. What is no object is stepped over.
func (s *scanner) enter() (name string, ok bool) {
	if s.peek() != '{' {
		s.take()
		return "", false
	}
	s.pos++
	return s.member()
}

// member gives the name of the next member of the object that was entered and goes to its value, which the caller steps over.
// After the last it leaves the object.
func (s *scanner) member() (name string, ok bool) {
	if s.peek() == ',' {
		s.pos++
	}
	if s.peek() != '"' && !s.next('}') { // the host sends no white space
		s.pos++
		return "", false
	}
	return s.name(), true
}

// name gives the member's name at hand and goes to its value.
func (s *scanner) name() string {
	start := s.pos
	at := special(s.text, start+1)
	name := s.text[start+1 : at]
	if s.pos = at + 1; at < len(s.text) && s.text[at] == '\\' {
		s.pos = stringEnd(s.text, start)
		name = unquote(s.text[start:s.pos])
	}
	s.space()
	s.pos++ // the colon
	s.space()
	return name
}

// stringEnd gives the place after the string that begins at a given place.
func stringEnd(text string, at int) int {
	for at++; ; at += 2 { // over what is escaped
		if at = special(text, at); at >= len(text) {
			return len(text)
		}
		if text[at] == '"' {
			return at + 1
		}
	}
}

// Words of eight equal bytes.
const (
	each    = 0x0101010101010101
	tops    = each * 0x80
	spaces  = each * ' '
	quotes  = each * '"'
	slashes = each * '\\'
)

// special gives the place of the first quote or backslash from a place on, or one not before the end. It looks at eight bytes at a
// time: each turn of a loop of a guest's costs more than what is done in it.
func special(text string, at int) int {
	for ; at+8 <= len(text); at += 8 {
		word := eight(text, at)
		if found := zeroes(word^quotes) | zeroes(word^slashes); found != 0 {
			return at + first(found)
		}
	}
	for at < len(text) && text[at] != '"' && text[at] != '\\' {
		at++
	}
	return at
}

// zeroes marks, by its highest bit, the first byte that is zero, and perhaps some after it.
func zeroes(word uint64) uint64 { return (word - each) &^ word & tops }

// first gives the place of the first byte that is marked.
func first(found uint64) int { return bits.TrailingZeros64(found) / 8 }

// check verifies the value at hand and steps over it.
func (s *scanner) check(depth int) error {
	switch c := s.peek(); {
	case c == '{' || c == '[':
		return s.checkNested(c == '{', depth)
	case c == '"':
		return s.checkString()
	case c == '-' || '0' <= c && c <= '9':
		return s.checkNumber()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s.text[s.pos:], word) {
			s.pos += len(word)
			return nil
		}
	}
	return s.fail("no value")
}

func (s *scanner) checkNested(object bool, depth int) error {
	if depth > abi.MaxDepth {
		return s.fail("nested too deep")
	}
	closing := byte(']')
	if object {
		closing = '}'
	}
	s.pos++
	s.space()
	if s.peek() == closing {
		s.pos++
		return nil
	}
	for {
		if err := s.checkItem(object, depth); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case closing:
			s.pos++
			return nil
		case ',':
			s.pos++
			s.space()
		default:
			return s.fail("no comma")
		}
	}
}

// checkItem verifies one item of an array or, of an object, one member with its name.
func (s *scanner) checkItem(member bool, depth int) error {
	if member {
		if s.peek() != '"' {
			return s.fail("no member name")
		}
		if err := s.checkString(); err != nil {
			return err
		}
		s.space()
		if s.peek() != ':' {
			return s.fail("no colon")
		}
		s.pos++
		s.space()
	}
	return s.check(depth + 1)
}

func (s *scanner) checkString() error {
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c < ' ':
			return s.fail("a control character in a string")
		case c == '\\':
			s.pos++
			if s.peek() == 'u' {
				if _, ok := hex4(s.text, s.pos+1); !ok {
					return s.fail("a wrong escape")
				}
				s.pos += 4
			} else if strings.IndexByte(`"\/bfnrt`, s.peek()) < 0 {
				return s.fail("a wrong escape")
			}
		}
	}
	return s.fail("no end of a string")
}

// checkNumber verifies -? int frac? exp? (RFC 8259 §6).
func (s *scanner) checkNumber() error {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return s.fail("no digit")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.fail("no digit")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.fail("no digit")
		}
	}
	return nil
}

// digits steps over digits and tells whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}

// hex4 reads four hexadecimal digits.
func hex4(text string, at int) (rune, bool) {
	if at+4 > len(text) {
		return 0, false
	}
	n, err := strconv.ParseUint(text[at:at+4], 16, 16)
	return rune(n), err == nil
}

// unquote gives the text of a checked JSON string. Without escapes it is a piece of the text itself.
func unquote(quoted string) string {
	inner := quoted[1 : len(quoted)-1]
	if special(inner, 0) >= len(inner) {
		return inner
	}
	out := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			out = append(out, inner[i])
			continue
		}
		i++
		switch at := strings.IndexByte(`"\/bfnrt`, inner[i]); {
		case at >= 0:
			out = append(out, "\"\\/\b\f\n\r\t"[at])
		default:
			r, size := unquoteUnicode(inner, i+1)
			out = utf8.AppendRune(out, r)
			i += size
		}
	}
	return string(out)
}

// unquoteUnicode reads what follows \u: four digits, or a surrogate pair. Half a pair gives U+FFFD.
func unquoteUnicode(text string, at int) (r rune, size int) {
	r, _ = hex4(text, at)
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if strings.HasPrefix(text[at+4:], `\u`) {
		low, _ := hex4(text, at+6)
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 10
		}
	}
	return utf8.RuneError, 4
}
