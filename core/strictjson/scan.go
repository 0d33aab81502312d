package strictjson

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// number reads a literal: -? int frac? exp? (RFC 8259 §6).
func (p *parser) number() (Value, *Error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	switch {
	case p.peek() == '0':
		p.pos++
		if isDigit(p.peek()) {
			return Value{}, p.refuse("a number must not start with 0")
		}
	case !p.digits():
		return Value{}, p.unexpected("a digit")
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return Value{}, p.unexpected("a digit after the decimal point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return Value{}, p.unexpected("a digit in the exponent")
		}
	}
	return Value{kind: KindNumber, text: p.text[start:p.pos]}, nil
}

// digits steps over digits and tells whether there was one.
func (p *parser) digits() bool {
	start := p.pos
	for isDigit(p.peek()) {
		p.pos++
	}
	return p.pos > start
}

// str reads the string at hand. Without escapes it is a piece of the text itself.
func (p *parser) str() (string, *Error) {
	start := p.pos + 1
	for p.pos = start; p.pos+8 <= len(p.text); p.pos += 8 {
		if found := special(chunk(p.text, p.pos)); found != 0 {
			p.pos += bits.TrailingZeros64(found) / 8
			break
		}
	}
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return p.text[start : p.pos-1], nil
		case c == '\\':
			return p.unescape(start)
		case c < ' ':
			return "", p.refuse("a control character in a string must be escaped")
		}
	}
	return "", p.refuse("ends inside a string")
}

// unescape goes on with a string that began at start and has its first escape at hand.
func (p *parser) unescape(start int) (string, *Error) {
	var b strings.Builder
	b.WriteString(p.text[start:p.pos])
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		case c < ' ':
			return "", p.refuse("a control character in a string must be escaped")
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	return "", p.refuse("ends inside a string")
}

// escape reads one escape, a surrogate pair counting as one, and steps over it.
func (p *parser) escape() (rune, *Error) {
	if p.pos+1 >= len(p.text) {
		p.pos = len(p.text)
		return 0, p.refuse("ends inside a string")
	}
	if p.text[p.pos+1] == 'u' {
		return p.unicode()
	}
	r := shortEscape(p.text[p.pos+1])
	if r == 0 {
		return 0, p.refuse("this escape does not exist in JSON")
	}
	p.pos += 2
	return r, nil
}

// shortEscape gives what a backslash and c stand for, 0 if nothing (RFC 8259 §7).
func shortEscape(c byte) rune {
	switch c {
	case '"', '\\', '/':
		return rune(c)
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}

func (p *parser) unicode() (rune, *Error) {
	r, ok := p.hex4(p.pos)
	switch {
	case !ok:
		return 0, p.refuse("a u escape needs four hexadecimal digits")
	case r == 0:
		return 0, p.refuse("an escaped NUL is not allowed")
	case !utf16.IsSurrogate(r):
		p.pos += 6
		return r, nil
	}
	low, _ := p.hex4(p.pos + 6)
	r = utf16.DecodeRune(r, low)
	if r == utf8.RuneError {
		return 0, p.refuse("half of a surrogate pair")
	}
	p.pos += 12
	return r, nil
}

// hex4 reads a \uXXXX escape that starts at a given place.
func (p *parser) hex4(at int) (rune, bool) {
	if at+6 > len(p.text) || p.text[at] != '\\' || p.text[at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.text[at+2 : at+6]) {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
