package strictjson

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// Limits bound what Parse accepts. A field that is zero or negative takes its value from Default.
type Limits struct {
	MaxBytes   int // length of the whole text
	MaxDepth   int // arrays and objects inside each other; [[1]] has depth 2
	MaxMembers int // members and items, counted over the whole text
}

// Default is for what strangers send, Stored for what we or our operator wrote: records, configuration, imports.
var (
	Default = Limits{MaxBytes: 64 << 10, MaxDepth: 16, MaxMembers: 4 << 10}
	Stored  = Limits{MaxBytes: 1 << 20, MaxDepth: 32, MaxMembers: 64 << 10}
)

func (l Limits) filled() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = Default.MaxBytes
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = Default.MaxDepth
	}
	if l.MaxMembers <= 0 {
		l.MaxMembers = Default.MaxMembers
	}
	return l
}

// Parse reads one JSON document (RFC 8259) of any kind. A refusal is an *Error. The Value keeps a copy of the text alive
// and nothing of data.
func Parse(data []byte, lim Limits) (Value, error) {
	lim = lim.filled()
	if err := precheck(data, lim); err != nil {
		return Value{}, err
	}
	own := allStacks.Get().(*stacks)
	p := parser{text: string(data), lim: lim, items: own.items, members: own.members}
	v, err := p.document()
	own.giveBack(&p)
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// stacks are those of a parser, kept for the next one: what they hold while it works is copied out.
type stacks struct {
	items   []Value
	members []Member
}

var allStacks = sync.Pool{New: func() any { return &stacks{items: make([]Value, 0, 8), members: make([]Member, 0, 24)} }}

// longestStack is up to where stacks are kept.
const longestStack = 256

// giveBack empties the stacks, so that they keep no text alive.
func (s *stacks) giveBack(p *parser) {
	if cap(p.items) > longestStack || cap(p.members) > longestStack {
		return
	}
	s.items, s.members = p.items[:0], p.members[:0]
	clear(s.items[:cap(s.items)])
	clear(s.members[:cap(s.members)])
	allStacks.Put(s)
}

// precheck refuses what is wrong with the bytes as a whole. After it a zero byte can only mean the end.
func precheck(data []byte, lim Limits) *Error {
	if len(data) > lim.MaxBytes {
		return &Error{Offset: lim.MaxBytes, Problem: "longer than " + strconv.Itoa(lim.MaxBytes) + " bytes"}
	}
	if bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")) {
		return &Error{Problem: "starts with a byte order mark; send UTF-8 without one"}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return &Error{Offset: i, Problem: "a NUL byte is not allowed"}
	}
	if !utf8.Valid(data) {
		return &Error{Offset: invalidAt(data), Problem: "not valid UTF-8"}
	}
	return nil
}

func invalidAt(data []byte) int {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// parser walks the text once. items and members are stacks that open arrays and objects share; each takes an exact copy
// of its part when it closes.
type parser struct {
	text    string
	pos     int
	lim     Limits
	count   int
	items   []Value
	members []Member
}

// peek gives the byte at hand, 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) refuse(problem string) *Error { return &Error{Offset: p.pos, Problem: problem} }

// unexpected refuses the byte at hand, saying what should stand there.
func (p *parser) unexpected(want string) *Error {
	c := p.peek()
	switch {
	case p.pos >= len(p.text):
		return p.refuse("ends too early: want " + want)
	case c <= ' ' || c > '~' || c == '"' || c == '\\':
		return p.refuse("want " + want + ", not the byte 0x" + strconv.FormatUint(uint64(c)|0x100, 16)[1:])
	}
	return p.refuse("want " + want + ", not " + string(rune(c)))
}

func (p *parser) document() (Value, *Error) {
	p.space()
	if p.pos >= len(p.text) {
		return Value{}, p.refuse("empty: want a JSON value")
	}
	v, err := p.value(1)
	if err != nil {
		return Value{}, err
	}
	p.space()
	if p.pos < len(p.text) {
		return Value{}, p.refuse("more data after the end of the JSON value")
	}
	return v, nil
}

// value reads the value at hand. depth is what an array or object here would have.
func (p *parser) value(depth int) (Value, *Error) {
	switch c := p.peek(); c {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		s, err := p.str()
		return Value{kind: KindString, text: s}, err
	case 't':
		return p.word("true", Bool(true))
	case 'f':
		return p.word("false", Bool(false))
	case 'n':
		return p.word("null", Null())
	default:
		if c == '-' || isDigit(c) {
			return p.number()
		}
		return Value{}, p.unexpected("a JSON value")
	}
}

func (p *parser) word(word string, v Value) (Value, *Error) {
	for i := range len(word) {
		if p.peek() != word[i] {
			return Value{}, p.unexpected("the word " + word)
		}
		p.pos++
	}
	return v, nil
}

// enter steps into an array or object.
func (p *parser) enter(depth int) *Error {
	if depth > p.lim.MaxDepth {
		return p.refuse("nested deeper than " + strconv.Itoa(p.lim.MaxDepth) + " levels")
	}
	p.pos++
	p.space()
	return nil
}

// tally counts one more member or item.
func (p *parser) tally() *Error {
	if p.count++; p.count > p.lim.MaxMembers {
		return p.refuse("more than " + strconv.Itoa(p.lim.MaxMembers) + " members and items")
	}
	return nil
}

func (p *parser) array(depth int) (Value, *Error) {
	if err := p.enter(depth); err != nil {
		return Value{}, err
	}
	if p.peek() == ']' {
		p.pos++
		return Value{kind: KindArray}, nil
	}
	base := len(p.items)
	for {
		if err := p.tally(); err != nil {
			return Value{}, err
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err.inItem(len(p.items) - base)
		}
		p.items = append(p.items, v)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
			p.space()
		case ']':
			p.pos++
			items := slices.Clone(p.items[base:])
			p.items = p.items[:base]
			return arrayOf(items), nil
		default:
			return Value{}, p.unexpected("a comma or ]")
		}
	}
}

func (p *parser) object(depth int) (Value, *Error) {
	if err := p.enter(depth); err != nil {
		return Value{}, err
	}
	if p.peek() == '}' {
		p.pos++
		return Value{kind: KindObject}, nil
	}
	base := len(p.members)
	var names map[string]int
	for {
		m, err := p.member(base, &names, depth)
		if err != nil {
			return Value{}, err
		}
		p.members = append(p.members, m)
		p.space()
		switch p.peek() {
		case ',':
			p.pos++
			p.space()
		case '}':
			p.pos++
			members := slices.Clone(p.members[base:])
			p.members = p.members[:base]
			return objectOf(members), nil
		default:
			return Value{}, p.unexpected("a comma or }")
		}
	}
}

// member reads one name and its value. The object's earlier members stand in the stack from base on; names is their map
// once they are many.
func (p *parser) member(base int, names *map[string]int, depth int) (Member, *Error) {
	if err := p.tally(); err != nil {
		return Member{}, err
	}
	start := p.pos
	if p.peek() != '"' {
		return Member{}, p.unexpected("a member name in double quotes")
	}
	name, err := p.str()
	if err != nil {
		return Member{}, err
	}
	seen := roster{members: p.members[base:], byName: *names}
	if seen.find(name) >= 0 {
		p.pos = start
		return Member{}, p.refuse("this member appears more than once").inMember(name)
	}
	if seen.byName != nil {
		seen.byName[name] = len(seen.members)
		*names = seen.byName
	}
	p.space()
	if p.peek() != ':' {
		return Member{}, p.unexpected("a colon").inMember(name)
	}
	p.pos++
	p.space()
	v, err := p.value(depth + 1)
	if err != nil {
		return Member{}, err.inMember(name)
	}
	return Member{Name: name, Value: v}, nil
}
