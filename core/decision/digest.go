package decision

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A Digester tells inputs apart by what stands at some paths: two inputs that a policy reading only these cannot tell apart
// have the same digest. It is safe for concurrent use.
type Digester struct {
	paths *Paths
	pool  sync.Pool // of *digestState
}

type digestState struct {
	selector selector
	writer   digestWriter
}

// NewDigester makes a Digester. The paths may not change any more.
func NewDigester(p *Paths) *Digester {
	return &Digester{paths: p.timeless(), pool: sync.Pool{New: func() any { return &digestState{} }}}
}

// Sum gives the SHA-256 of what stands at the paths. The members now and request_id never count: they differ in every
// question.
func (d *Digester) Sum(q Question) [sha256.Size]byte {
	s := d.pool.Get().(*digestState)
	defer d.pool.Put(s)
	s.writer.buf = s.writer.buf[:0]
	s.selector.reset(d.paths, &s.writer)
	s.selector.sources = true
	q.Write(&s.selector)
	return sha256.Sum256(s.writer.buf)
}

// digestWriter writes a form in which different documents have different bytes: every piece begins with its kind and, where
// it may hold any byte, its length.
type digestWriter struct{ buf []byte }

func (w *digestWriter) text(kind byte, s string) {
	w.buf = binary.AppendUvarint(append(w.buf, kind), uint64(len(s)))
	w.buf = append(w.buf, s...)
}

// BeginObject implements Writer.
func (w *digestWriter) BeginObject(int) { w.buf = append(w.buf, '{') }

// EndObject implements Writer.
func (w *digestWriter) EndObject() { w.buf = append(w.buf, '}') }

// BeginArray implements Writer.
func (w *digestWriter) BeginArray(int) { w.buf = append(w.buf, '[') }

// EndArray implements Writer.
func (w *digestWriter) EndArray() { w.buf = append(w.buf, ']') }

// Key implements Writer.
func (w *digestWriter) Key(name string) { w.text('k', name) }

// Text implements Writer.
func (w *digestWriter) Text(s string) { w.text('s', s) }

// Int implements Writer.
func (w *digestWriter) Int(n int64) { w.buf = binary.AppendVarint(append(w.buf, 'i'), n) }

// Bool implements Writer.
func (w *digestWriter) Bool(b bool) {
	if b {
		w.buf = append(w.buf, 't')
		return
	}
	w.buf = append(w.buf, 'f')
}

// Value implements Writer. JSON text holds no NUL, which therefore ends it.
func (w *digestWriter) Value(v strictjson.Value) {
	w.buf = append(strictjson.Append(append(w.buf, 'v'), v), 0)
}

var _ Writer = (*digestWriter)(nil)
