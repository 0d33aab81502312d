// Package strictjson is the one JSON parser of the program. What it accepts has one meaning only: no repeated member
// names, no case folding, valid UTF-8 without NUL or lone surrogates, numbers as RFC 8259 spells them, one document, and
// bounds on bytes, depth and members. Two readers of an accepted text cannot see different things.
//
// The road: Parse makes an immutable Value; Value.Decode (or Decode, both at once) fills a struct and refuses what the
// struct does not name; Append and Canonical write a Value back; MergePatch and Diff compare and combine.
//
// It does not know any message of the protocol, and it does not repair: a text is accepted as it stands or refused with
// an *Error whose text may be shown to the caller.
package strictjson

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind says what a Value is.
type Kind uint8

// The kinds. The zero Value is absent: not null, but no value at all.
const (
	KindAbsent Kind = iota
	KindNull
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

// String names the kind with its article, as error texts need it.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}[min(k, KindObject)]
}

// A Value is one immutable JSON value. It is passed by value; copies share what is below. Values are compared with Equal:
// == does not compile, because it would compare addresses.
type Value struct {
	_     [0]func()
	kind  Kind
	truth bool      // of a boolean
	text  string    // a string's text, a number's literal
	kids  *children // nil: an empty array or object
}

// children stand apart so that the many values without any stay small.
type children struct {
	items   []Value
	members []Member
}

// A Member is one named value of an object.
type Member struct {
	Name  string
	Value Value
}

// Kind says what v is.
func (v Value) Kind() Kind { return v.kind }

// IsAbsent tells whether v is no value at all.
func (v Value) IsAbsent() bool { return v.kind == KindAbsent }

// IsNull tells whether v is JSON's null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// Bool gives a boolean.
func (v Value) Bool() (value, ok bool) { return v.truth, v.kind == KindBool }

// Text gives the text of a string.
func (v Value) Text() (text string, ok bool) {
	if v.kind != KindString {
		return "", false
	}
	return v.text, true
}

// Literal gives a number as it was spelled.
func (v Value) Literal() (literal string, ok bool) {
	if v.kind != KindNumber {
		return "", false
	}
	return v.text, true
}

// Int64 gives a number spelled as an integer (no fraction, no exponent) that fits 64 bits.
func (v Value) Int64() (n int64, ok bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil {
		return 0, false
	}
	return n, true
}

// Seconds gives a number as the time that a NumericDate means (RFC 7519 §2): seconds since 1970, of which the whole ones count. What is
// before that, or farther away than times can be told apart, is none.
func (v Value) Seconds() (at time.Time, ok bool) {
	if v.kind != KindNumber {
		return time.Time{}, false
	}
	const last = 1 << 53
	seconds, err := strconv.ParseFloat(v.text, 64)
	if err != nil || seconds < 0 || seconds > last {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// Strings gives an array that holds strings only; ok is false for anything else.
func (v Value) Strings() (texts []string, ok bool) {
	if v.kind != KindArray {
		return nil, false
	}
	texts = make([]string, 0, v.Len())
	for _, item := range v.items() {
		if item.kind != KindString {
			return nil, false
		}
		texts = append(texts, item.text)
	}
	return texts, true
}

// Len counts the items of an array or the members of an object; it is 0 for anything else.
func (v Value) Len() int { return len(v.items()) + len(v.members()) }

// Items gives a copy of an array's items, nil for anything else.
func (v Value) Items() []Value { return slices.Clone(v.items()) }

// Members gives a copy of an object's members in their order, nil for anything else.
func (v Value) Members() []Member { return slices.Clone(v.members()) }

// All walks an object's members by name, or an array's items under the empty name, without copying.
func (v Value) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, item := range v.items() {
			if !yield("", item) {
				return
			}
		}
		for _, m := range v.members() {
			if !yield(m.Name, m.Value) {
				return
			}
		}
	}
}

// Get gives the member of an object with exactly this name. Without one it gives the absent Value and false.
func (v Value) Get(name string) (Value, bool) {
	for _, m := range v.members() {
		if m.Name == name {
			return m.Value, true
		}
	}
	return Value{}, false
}

// String gives v as compact JSON, for tests and messages. An absent Value is written as null.
func (v Value) String() string { return string(Append(nil, v)) }

func (v Value) items() []Value {
	if v.kids == nil {
		return nil
	}
	return v.kids.items
}

func (v Value) members() []Member {
	if v.kids == nil {
		return nil
	}
	return v.kids.members
}

// isInteger tells whether a number is spelled without fraction and exponent.
func isInteger(literal string) bool { return !strings.ContainsAny(literal, ".eE") }

// IsType tells whether a value is of a type that JSON Schema has a name for; integer is a number that fits an int64.
func (v Value) IsType(name string) bool {
	switch name {
	case "object":
		return v.Kind() == KindObject
	case "array":
		return v.Kind() == KindArray
	case "string":
		return v.Kind() == KindString
	case "number":
		return v.Kind() == KindNumber
	case "integer":
		_, whole := v.Int64()
		return whole
	case "boolean":
		return v.Kind() == KindBool
	case "null":
		return v.Kind() == KindNull
	}
	return false
}
