package sandbox

import (
	"fmt"
	"unicode/utf8"
)

// A reader walks bytes of a stranger's module. The first mistake sticks: later reads give zero, so callers check err once
// per loop or section. data is always cut from the start of the module, so that pos is the offset an error can name.
type reader struct {
	data []byte
	pos  int
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("offset %d: %s", r.pos, fmt.Sprintf(format, args...))
	}
}

func (r *reader) more() bool { return r.err == nil && r.pos < len(r.data) }

func (r *reader) u8() byte {
	if !r.more() {
		r.fail("unexpected end")
		return 0
	}
	b := r.data[r.pos]
	r.pos++
	return b
}

// u32 reads an unsigned LEB128 number (§5.2.2): at most five bytes, the last of which holds four bits.
func (r *reader) u32() uint32 {
	var value uint32
	for shift := 0; shift < 35; shift += 7 {
		b := r.u8()
		if shift == 28 && b > 0x0f {
			break
		}
		value |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return value
		}
	}
	r.fail("number longer than 32 bits")
	return 0
}

// skipLEB passes over a signed number of at most size bytes; its value does not matter here and the engine checks its form.
func (r *reader) skipLEB(size int) {
	for range size {
		if r.u8() < 0x80 {
			return
		}
	}
	r.fail("number too long")
}

// count reads the length of a vector. Every element takes at least one byte, so a length beyond the rest is a lie and is
// refused before anything is allocated for it.
func (r *reader) count() int {
	n := r.u32()
	if r.err == nil && uint64(n) > uint64(len(r.data)-r.pos) {
		r.fail("length %d is beyond the end", n)
		return 0
	}
	return int(n)
}

// take gives the next n bytes without copying them.
func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.data)-r.pos {
		r.fail("unexpected end")
		return nil
	}
	part := r.data[r.pos : r.pos+n]
	r.pos += n
	return part
}

// part gives a reader for the next n bytes and passes over them.
func (r *reader) part(n int) *reader {
	start := r.pos
	r.take(n)
	if r.err != nil {
		return &reader{err: r.err}
	}
	return &reader{data: r.data[:start+n], pos: start}
}

func (r *reader) name() string {
	b := r.take(r.count())
	if !utf8.Valid(b) {
		r.fail("a name is not UTF-8")
	}
	return string(b)
}

func (r *reader) valueType() ValueType {
	t := ValueType(r.u8())
	if _, known := valueTypeNames[t]; !known && r.err == nil {
		r.fail("unknown value type %s", t)
	}
	return t
}

func (r *reader) valueTypes() []ValueType {
	n := r.count()
	if n == 0 {
		return nil
	}
	types := make([]ValueType, 0, n)
	for range n {
		types = append(types, r.valueType())
	}
	return types
}

// limits reads a size range (§5.3.7). Shared and 64-bit memories use other flags and are refused.
func (r *reader) limits() (low, high uint32, hasMax bool) {
	flag := r.u8()
	if flag > 1 {
		r.fail("limits of kind 0x%02x (shared or 64-bit) are not supported", flag)
		return 0, 0, false
	}
	low = r.u32()
	if flag == 1 {
		high = r.u32()
	}
	return low, high, flag == 1
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendName(b []byte, name string) []byte {
	return append(appendU32(b, uint32(len(name))), name...)
}
