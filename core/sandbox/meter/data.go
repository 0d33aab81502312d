package meter

import (
	"bytes"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

const (
	// worthASegment is how many zeros are written out for a data segment less. Toolchains leave zeros out, and so Go's makes tens of
	// thousands of segments, for each of which an engine computes a place and makes room, at every load and for every instance.
	worthASegment = 64
	// elsewhere is how far behind another a segment belongs to another stretch of memory.
	elsewhere = 4096
	// mostStretches bounds how many are told apart. Linkers write a handful.
	mostStretches = 16
)

// A joiner makes one data segment of several that follow each other in memory with a few zeros between them. Memory is zero where no
// segment before it wrote, so it is the same afterwards; and it is only if the last of them does not fit that they do not fit as one.
type joiner struct {
	out   []byte
	count uint32

	bytes []byte // of the segment that may go on: the last of the stretch
	open  bool   // there is one
	now   stretch
	done  []stretch
	lost  bool // what is zero is not known any more
}

// A stretch of memory is filled upwards. Up to its limit nothing but itself wrote behind its start.
type stretch struct{ start, end, limit uint64 }

// add takes the next segment: as it is written, the constant expression of its place and its bytes.
func (j *joiner) add(segment, place, content []byte) {
	at, known := constantPlace(place)
	if j.lost = j.lost || !known; !j.lost && !j.follows(at) {
		j.begin(at)
	}
	if j.lost {
		j.flush()
		j.out = append(j.out, segment...)
		j.count++
		return
	}
	if at-j.now.end > worthASegment {
		j.flush()
	}
	if !j.open {
		j.open, j.now.end = true, at
	}
	j.bytes = append(append(j.bytes, make([]byte, at-j.now.end)...), content...)
	j.now.end = at + uint64(len(content))
}

func (j *joiner) follows(at uint64) bool {
	return j.open && at >= j.now.end && at-j.now.end <= elsewhere && at <= j.now.limit
}

// begin turns to another stretch. Where another wrote already it cannot go on.
func (j *joiner) begin(at uint64) {
	j.flush()
	if j.now.end > j.now.start {
		j.done = append(j.done, j.now)
	}
	j.lost = len(j.done) > mostStretches
	j.now = stretch{at, at, 1 << 33}
	for _, other := range j.done {
		switch {
		case other.end <= at:
		case other.start <= at:
			j.now.limit = 0
		default:
			j.now.limit = min(j.now.limit, other.start)
		}
	}
}

// flush writes the segment that does not go on.
func (j *joiner) flush() {
	if !j.open {
		return
	}
	j.out = append(j.out, 0, byte(wasm.OpI32Const))
	j.out = append(wasm.AppendS64(j.out, int64(int32(j.now.end-uint64(len(j.bytes))))), byte(wasm.OpEnd))
	j.out = append(wasm.AppendU32(j.out, uint32(len(j.bytes))), j.bytes...)
	j.open, j.bytes = false, j.bytes[:0]
	j.count++
}

// section gives the body of a data section.
func (j *joiner) section() []byte {
	j.flush()
	return append(wasm.AppendU32(nil, j.count), j.out...)
}

// constantPlace reads a place that is one number in its shortest form. Any other is not joined: whether its form is allowed says the
// engine, which so has to see it.
func constantPlace(place []byte) (at uint64, known bool) {
	if len(place) < 3 || place[0] != byte(wasm.OpI32Const) {
		return 0, false
	}
	var value int64
	shift := 0
	for _, b := range place[1:min(len(place)-1, 6)] {
		value |= int64(b&0x7f) << shift
		shift += 7
	}
	value = value << (64 - shift) >> (64 - shift)
	shortest := append(wasm.AppendS64([]byte{byte(wasm.OpI32Const)}, int64(int32(value))), byte(wasm.OpEnd))
	return uint64(uint32(value)), bytes.Equal(place, shortest)
}
