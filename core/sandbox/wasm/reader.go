package wasm

import (
	"fmt"
	"unicode/utf8"
)

// A Reader walks bytes of a stranger's module. The first mistake sticks: later reads give zero, so callers check Err once
// per loop or section. Data is always cut from the start of the module, so that Pos is the offset an error can name.
type Reader struct {
	Data []byte
	Pos  int
	Err  error

	targets []uint32 // of the br_table read last
}

// Fail records a mistake at the present position, unless there was one before.
func (r *Reader) Fail(format string, args ...any) {
	if r.Err == nil {
		r.Err = fmt.Errorf("offset %d: %s", r.Pos, fmt.Sprintf(format, args...))
	}
}

// More says whether there is something left to read.
func (r *Reader) More() bool { return r.Err == nil && r.Pos < len(r.Data) }

// U8 reads one byte.
func (r *Reader) U8() byte {
	if !r.More() {
		r.Fail("unexpected end")
		return 0
	}
	b := r.Data[r.Pos]
	r.Pos++
	return b
}

// U32 reads an unsigned LEB128 number (§5.2.2): at most five bytes, the last of which holds four bits.
func (r *Reader) U32() uint32 {
	if r.Err == nil && r.Pos < len(r.Data) && r.Data[r.Pos] < 0x80 { // nearly all of them
		r.Pos++
		return uint32(r.Data[r.Pos-1])
	}
	var value uint32
	for shift := 0; shift < 35; shift += 7 {
		b := r.U8()
		if shift == 28 && b > 0x0f {
			break
		}
		value |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return value
		}
	}
	r.Fail("number longer than 32 bits")
	return 0
}

// s33 reads a signed number of at most 33 bits, which is what block types are.
func (r *Reader) s33() int64 {
	var value int64
	for shift := 0; shift < 35; shift += 7 {
		b := r.U8()
		value |= int64(b&0x7f) << shift
		if b < 0x80 {
			return value << (57 - shift) >> (57 - shift) // the sign is the highest bit read
		}
	}
	r.Fail("number too long")
	return 0
}

// skipLEB passes over a signed number of at most size bytes; its value does not matter here and the engine checks its form.
func (r *Reader) skipLEB(size int) {
	for range size {
		if r.U8() < 0x80 {
			return
		}
	}
	r.Fail("number too long")
}

// Count reads the length of a vector. Every element takes at least one byte, so a length beyond the rest is a lie and is
// refused before anything is allocated for it.
func (r *Reader) Count() int {
	n := r.U32()
	if uint64(n) > uint64(len(r.Data)-r.Pos) {
		r.Fail("length %d is beyond the end", n)
	}
	if r.Err != nil { // then n is whatever was read before the mistake
		return 0
	}
	return int(n)
}

// Take gives the next n bytes without copying them.
func (r *Reader) Take(n int) []byte {
	if r.Err != nil || n < 0 || n > len(r.Data)-r.Pos {
		r.Fail("unexpected end")
		return nil
	}
	part := r.Data[r.Pos : r.Pos+n]
	r.Pos += n
	return part
}

// Part gives a reader for the next n bytes and passes over them.
func (r *Reader) Part(n int) *Reader {
	start := r.Pos
	r.Take(n)
	if r.Err != nil {
		return &Reader{Err: r.Err}
	}
	return &Reader{Data: r.Data[:start+n], Pos: start}
}

// Name reads a string.
func (r *Reader) Name() string {
	b := r.Take(r.Count())
	if !utf8.Valid(b) {
		r.Fail("a name is not UTF-8")
	}
	return string(b)
}

// ValueType reads one type.
func (r *Reader) ValueType() ValueType {
	t := ValueType(r.U8())
	if !t.known() && r.Err == nil {
		r.Fail("unknown value type %s", t)
	}
	return t
}

func (r *Reader) valueTypes() []ValueType {
	n := r.Count()
	if n == 0 {
		return nil
	}
	types := make([]ValueType, 0, n)
	for range n {
		types = append(types, r.ValueType())
	}
	return types
}

// limits reads a size range (§5.3.7). Shared and 64-bit memories use other flags and are refused.
func (r *Reader) limits() (low, high uint32, hasMax bool) {
	flag := r.U8()
	if flag > 1 {
		r.Fail("limits of kind 0x%02x (shared or 64-bit) are not supported", flag)
		return 0, 0, false
	}
	low = r.U32()
	if flag == 1 {
		high = r.U32()
	}
	return low, high, flag == 1
}
