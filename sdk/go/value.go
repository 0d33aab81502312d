package ostiary

import (
	"iter"
	"strconv"
	"unsafe"
)

// A Value is one piece of JSON, kept as its text and read when asked. The zero Value is absent: no value at all. Every reader
// answers with a zero value when the Value is of another kind, so that members can be walked without a check at each step.
type Value struct{ text string }

// A Member is one named value of an object.
type Member struct {
	Name  string
	Value Value
}

// Parse reads one JSON text.
func Parse(text string) (Value, error) {
	s := scanner{text: text}
	s.space()
	start := s.pos
	if err := s.check(1); err != nil {
		return Value{}, err
	}
	end := s.pos
	s.space()
	if s.pos < len(text) {
		return Value{}, s.fail("more data after the end of the JSON value")
	}
	return Value{text: text[start:end]}, nil
}

// Null makes JSON's null.
func Null() Value { return Value{text: "null"} }

// Bool makes true or false.
func Bool(b bool) Value { return Value{text: strconv.FormatBool(b)} }

// Int makes a number.
func Int(n int64) Value { return Value{text: strconv.FormatInt(n, 10)} }

// String makes a string. Bytes that are not UTF-8 become U+FFFD.
func String(s string) Value { return made(appendString(make([]byte, 0, len(s)+2), s)) }

// made gives what was written as a value. Nobody writes to it again, so it need not be copied.
func made(out []byte) Value { return Value{text: unsafe.String(unsafe.SliceData(out), len(out))} }

// Strings makes an array of strings.
func Strings(list []string) Value {
	size := 2
	for _, s := range list {
		size += len(s) + 3
	}
	out := append(make([]byte, 0, size), '[')
	for i, s := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(out, s)
	}
	return made(append(out, ']'))
}

// Array makes an array. Absent items become null.
func Array(items ...Value) Value {
	out := []byte{'['}
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, item.JSON()...)
	}
	return made(append(out, ']'))
}

// Object makes an object. Members with an absent value are left out; names must differ.
func Object(members ...Member) Value {
	size := 2
	for _, m := range members {
		size += len(m.Name) + len(m.Value.text) + 4
	}
	return made(appendObject(make([]byte, 0, size), members))
}

// JSON gives the value as JSON text; null when it is absent.
func (v Value) JSON() string {
	if v.text == "" {
		return "null"
	}
	return v.text
}

// Exists tells whether there is a value at all. Null is one.
func (v Value) Exists() bool { return v.text != "" }

// IsNull tells whether v is JSON's null.
func (v Value) IsNull() bool { return v.text == "null" }

// IsString, IsArray and IsObject tell what v is.
func (v Value) IsString() bool { return v.starts('"') }

// IsArray tells whether v is an array.
func (v Value) IsArray() bool { return v.starts('[') }

// IsObject tells whether v is an object.
func (v Value) IsObject() bool { return v.starts('{') }

func (v Value) starts(c byte) bool { return v.text != "" && v.text[0] == c }

// Text gives the text of a string, "" for anything else.
func (v Value) Text() string {
	if !v.IsString() {
		return ""
	}
	return unquote(v.text)
}

// Bool gives whether v is true.
func (v Value) Bool() bool { return v.text == "true" }

// Int gives a whole number; ok is false for anything else.
func (v Value) Int() (n int64, ok bool) {
	n, err := strconv.ParseInt(v.text, 10, 64)
	return n, err == nil && v.text[0] != '+'
}

// Strings gives the strings of an array, leaving out its other items; nil for anything else.
func (v Value) Strings() []string {
	if !v.IsArray() {
		return nil
	}
	var list []string
	for s := (scanner{text: v.text, pos: 1}); s.next(']'); {
		if s.peek() != '"' {
			s.take()
			continue
		}
		if list == nil {
			list = make([]string, 0, 4) // most lists are short
		}
		list = append(list, s.string())
	}
	return list
}

// Items walks the items of an array.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if !v.IsArray() {
			return
		}
		s := scanner{text: v.text, pos: 1}
		for s.next(']') {
			if !yield(s.take()) {
				return
			}
		}
	}
}

// Members walks the members of an object.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if !v.IsObject() {
			return
		}
		for s := (scanner{text: v.text, pos: 1}); s.next('}'); {
			if name := s.name(); !yield(name, s.take()) {
				return
			}
		}
	}
}

// Get gives a member of an object; the absent Value if there is none.
func (v Value) Get(name string) Value {
	if !v.IsObject() {
		return Value{}
	}
	for s := (scanner{text: v.text, pos: 1}); s.next('}'); {
		found := s.name() == name
		if member := s.take(); found {
			return member
		}
	}
	return Value{}
}
