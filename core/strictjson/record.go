package strictjson

import (
	"errors"
	"strconv"
	"time"
)

// A Record writes a document of known members, byte for byte as encoding/json writes the struct that has them (HTML not
// escaped), so that Decode reads it back into that struct. It is for what is written often: nothing is looked up or copied.
// The zero value is ready.
type Record struct {
	buf   []byte
	comma bool // the next member or item follows another one
	err   error
}

// RecordTo makes a Record that appends to dst.
func RecordTo(dst []byte) *Record { return &Record{buf: dst} }

// Bytes gives what was written, or the first value that JSON cannot carry.
func (r *Record) Bytes() ([]byte, error) { return r.buf, r.err }

// Begin opens an object or array by its bracket.
func (r *Record) Begin(bracket byte) {
	r.separate()
	r.buf, r.comma = append(r.buf, bracket), false
}

// End closes an object or array by its bracket.
func (r *Record) End(bracket byte) { r.buf, r.comma = append(r.buf, bracket), true }

// Key names the member that comes next.
func (r *Record) Key(name string) {
	r.Item(name)
	r.buf, r.comma = append(r.buf, ':'), false
}

func (r *Record) separate() {
	if r.comma {
		r.buf = append(r.buf, ',')
	}
	r.comma = true
}

// Null writes null.
func (r *Record) Null() {
	r.separate()
	r.buf = append(r.buf, "null"...)
}

// Item writes a string. Unlike AppendString's, what is not UTF-8 is written as an escape.
func (r *Record) Item(s string) {
	r.separate()
	r.buf = appendString(r.buf, s, `\ufffd`)
}

// Text writes a member that is a string.
func (r *Record) Text(name, s string) {
	r.Key(name)
	r.Item(s)
}

// TextIf leaves an empty one out (omitempty).
func (r *Record) TextIf(name, s string) {
	if s != "" {
		r.Text(name, s)
	}
}

// TextsIf writes a member that is an array of strings, or leaves an empty one out (omitempty).
func (r *Record) TextsIf(name string, texts []string) {
	if len(texts) == 0 {
		return
	}
	r.Key(name)
	r.Begin('[')
	for _, s := range texts {
		r.Item(s)
	}
	r.End(']')
}

// Int writes a member that is a number.
func (r *Record) Int(name string, n int64) {
	r.Key(name)
	r.separate()
	r.buf = strconv.AppendInt(r.buf, n, 10)
}

// Uint writes a member that is a number.
func (r *Record) Uint(name string, n uint64) {
	r.Key(name)
	r.separate()
	r.buf = strconv.AppendUint(r.buf, n, 10)
}

// Bool writes a member that is a boolean.
func (r *Record) Bool(name string, b bool) {
	r.Key(name)
	r.separate()
	r.buf = strconv.AppendBool(r.buf, b)
}

// Time writes a member that is a time (RFC 3339).
func (r *Record) Time(name string, t time.Time) {
	r.Key(name)
	r.separate()
	text, err := t.AppendText(append(r.buf, '"'))
	if err != nil {
		r.err = errors.Join(r.err, err)
		return
	}
	r.buf = append(text, '"')
}

// TimeIf leaves the zero time out (omitzero).
func (r *Record) TimeIf(name string, t time.Time) {
	if !t.IsZero() {
		r.Time(name, t)
	}
}

// Value writes a member of any kind; an absent one is null.
func (r *Record) Value(name string, v Value) {
	r.Key(name)
	r.separate()
	r.buf = Append(r.buf, v)
}

// ValueIf leaves an absent one out (omitzero).
func (r *Record) ValueIf(name string, v Value) {
	if !v.IsAbsent() {
		r.Value(name, v)
	}
}
