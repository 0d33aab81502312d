package decision

import (
	"slices"
	"strconv"

	"github.com/ostiary/ostiary/core/strictjson"
)

// JSONWriter writes a document as compact JSON. The zero value is ready; Reset keeps its buffer for another document.
type JSONWriter struct {
	buf   []byte
	comma bool // the next value or key follows another one
}

// usual is about how long an input is.
const usual = 8 << 10

// AppendJSON appends the whole input as compact JSON.
func AppendJSON(dst []byte, q Question) []byte {
	w := JSONWriter{buf: slices.Grow(dst, usual)}
	q.Write(&w)
	return w.buf
}

// Bytes gives what was written. It is valid until Reset.
func (w *JSONWriter) Bytes() []byte { return w.buf }

// Reset forgets what was written.
func (w *JSONWriter) Reset() { w.buf, w.comma = w.buf[:0], false }

func (w *JSONWriter) separate() {
	if w.comma {
		w.buf = append(w.buf, ',')
	}
	w.comma = true
}

// BeginObject implements Writer.
func (w *JSONWriter) BeginObject(int) {
	w.separate()
	w.buf, w.comma = append(w.buf, '{'), false
}

// EndObject implements Writer.
func (w *JSONWriter) EndObject() { w.buf, w.comma = append(w.buf, '}'), true }

// BeginArray implements Writer.
func (w *JSONWriter) BeginArray(int) {
	w.separate()
	w.buf, w.comma = append(w.buf, '['), false
}

// EndArray implements Writer.
func (w *JSONWriter) EndArray() { w.buf, w.comma = append(w.buf, ']'), true }

// Key implements Writer.
func (w *JSONWriter) Key(name string) {
	w.separate()
	w.buf, w.comma = append(strictjson.AppendString(w.buf, name), ':'), false
}

// Text implements Writer.
func (w *JSONWriter) Text(s string) {
	w.separate()
	w.buf = strictjson.AppendString(w.buf, s)
}

// Int implements Writer.
func (w *JSONWriter) Int(n int64) {
	w.separate()
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// Bool implements Writer.
func (w *JSONWriter) Bool(b bool) {
	w.separate()
	w.buf = strconv.AppendBool(w.buf, b)
}

// Value implements Writer.
func (w *JSONWriter) Value(v strictjson.Value) {
	w.separate()
	w.buf = strictjson.Append(w.buf, v)
}

var _ Writer = (*JSONWriter)(nil)
