package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Table keeps values of one stored form T under issuer | name | parts. It owns what every noun's records share: the version
// byte in front, the JSON behind it, the sealing. T is a private struct with json tags; the nouns themselves have none.
type Table[T any] struct {
	engine Engine
	name   string
	under  Key        // what all its keys begin with: issuer and name
	form   byte       // version of the stored form; another one is an error, never a guess
	ring   *seal.Ring // nil: the value is stored in clear
	packed bool       // the value is packed before it is sealed
}

// NewTable makes a table whose values are stored in clear.
func NewTable[T any](engine Engine, issuer, name string, form byte) Table[T] {
	return Table[T]{engine: engine, name: name, under: Under(issuer, name), form: form}
}

// Sealed gives the same table with its values sealed under their keys.
func (t Table[T]) Sealed(ring *seal.Ring) Table[T] {
	t.ring = ring
	return t
}

// Packed gives the same table with its values packed (pack.go).
func (t Table[T]) Packed() Table[T] {
	t.packed = true
	return t
}

// A document is a stored form that is JSON already. It is kept byte for byte.
type document []byte

// Key gives the key of the parts.
func (t Table[T]) Key(parts ...string) Key {
	return t.under + NewKey(parts...)
}

// Prefix gives what all keys below the parts share.
func (t Table[T]) Prefix(parts ...string) Key {
	if len(parts) == 0 {
		return t.under
	}
	return t.under + Under(parts...)
}

// Encode makes the stored bytes of a value for a key. Text that JSON cannot carry is written as U+FFFD.
func (t Table[T]) Encode(key Key, value T) ([]byte, error) {
	s := scratches.Get().(*scratch)
	defer s.putBack()
	body, err := s.body(&value)
	if err == nil && t.packed {
		body, err = s.pack(body)
	}
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", t.name, err)
	}
	if t.ring != nil {
		body = t.ring.Seal(string(key), body)
	}
	return append(append(make([]byte, 0, 1+len(body)), t.form), body...), nil
}

// A scratch is where a value is written and packed, before it is copied to what is stored.
type scratch struct{ plain, packed []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// longestScratch is up to where a scratch is kept for the next value.
const longestScratch = 64 << 10

func (s *scratch) putBack() {
	if cap(s.plain)+cap(s.packed) <= longestScratch {
		scratches.Put(s)
	}
}

// An appender is a stored form that knows how to write itself: the bytes that encoding/json would make of it.
type appender interface {
	AppendJSON(dst []byte) ([]byte, error)
}

// body gives the JSON of the value that is pointed to.
func (s *scratch) body(value any) ([]byte, error) {
	if as, ok := value.(*document); ok {
		return *as, nil
	}
	var err error
	if as, ok := value.(appender); ok {
		s.plain, err = as.AppendJSON(s.plain[:0])
	} else {
		s.plain, err = marshal(s.plain[:0], value)
	}
	if err != nil {
		return nil, err
	}
	body := withoutNUL(s.plain)
	if len(body) > strictjson.Stored.MaxBytes { // packed it might fit, and could never be read
		return nil, ErrTooLarge
	}
	return body, nil
}

func marshal(dst []byte, value any) ([]byte, error) {
	text := bytes.NewBuffer(dst)
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false) // nobody reads a record as HTML, and six bytes for each & of a URI are many
	err := encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// withoutNUL does for NUL what json does for other bytes that are no text: strictjson reads none, and a record that can be
// written must be one that can be read. An entry may name what a stranger made up.
func withoutNUL(body []byte) []byte {
	const escaped, replacement = `\u0000`, `\ufffd`
	for at := 0; ; at += len(escaped) {
		next := bytes.Index(body[at:], []byte(escaped))
		if next < 0 {
			return body
		}
		at += next
		before := body[:at]
		if (at-len(bytes.TrimRight(before, `\`)))%2 == 0 { // else the backslash itself is escaped
			copy(body[at:], replacement)
		}
	}
}

// Decode reads a record back. An absent record gives the zero value.
func (t Table[T]) Decode(r Record) (T, error) {
	var value T
	if r.Version.IsZero() {
		return value, nil
	}
	if len(r.Value) == 0 || r.Value[0] != t.form {
		return value, fmt.Errorf("%s record has form %d, this version reads %d: was the store written by a newer ostiary?", t.name, form(r.Value), t.form)
	}
	body := r.Value[1:]
	if t.ring != nil {
		plain, err := t.ring.Open(string(r.Key), body)
		if err != nil {
			return value, fmt.Errorf("open %s record: %w", t.name, err)
		}
		body = plain
	}
	if err := t.read(body, &value); err != nil {
		return value, fmt.Errorf("decode %s record: %w", t.name, err)
	}
	return value, nil
}

func (t Table[T]) read(body []byte, value *T) (err error) {
	if t.packed {
		if body, err = unpack(body); err != nil {
			return err
		}
	}
	if as, ok := any(value).(*document); ok {
		*as = body
		return nil
	}
	return strictjson.Decode(body, value, strictjson.Stored)
}

func form(value []byte) int {
	if len(value) == 0 {
		return -1
	}
	return int(value[0])
}

// Get reads one value with its record; an absent one has a zero Version.
func (t Table[T]) Get(ctx context.Context, parts ...string) (T, Record, error) {
	records, err := t.engine.Get(ctx, t.Key(parts...))
	if err != nil {
		var none T
		return none, Record{}, err
	}
	value, err := t.Decode(records[0])
	return value, records[0], err
}

// Insert makes an Insert op.
func (t Table[T]) Insert(value T, expires time.Time, parts ...string) (Op, error) {
	key := t.Key(parts...)
	body, err := t.Encode(key, value)
	return Insert(key, body, expires), err
}

// Put makes a Put op.
func (t Table[T]) Put(value T, expires time.Time, parts ...string) (Op, error) {
	key := t.Key(parts...)
	body, err := t.Encode(key, value)
	return Put(key, body, expires), err
}

// Update makes an Update op.
func (t Table[T]) Update(version Version, value T, expires time.Time, parts ...string) (Op, error) {
	key := t.Key(parts...)
	body, err := t.Encode(key, value)
	return Update(key, version, body, expires), err
}
