package plugins

import (
	"encoding/binary"
	"slices"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A fake is a module written byte by byte: it speaks the wire without the SDK, and can therefore break its rules.
type fake struct {
	answer    string            // what every hook answers
	packed    *uint64           // what every hook returns instead of the answer's place
	minor     byte              // what the marker returns; below 64
	configure string            // what ostiary_configure answers; "loop": nothing, ever; empty: no such export
	exports   map[string]string // exports by another name: old to new; to "" they are left out
	imports   string            // module.name of an imported function (i32, i32, i32) -> ()
	note      string            // a custom section: changes the module's digest and nothing else
}

const (
	answerAt    = 1024
	configureAt = 64 << 10
	inputAt     = 96 << 10
)

// wasm assembles the module.
func (f fake) wasm() []byte {
	types := vec([]byte{0x60, 0, 1, 0x7f}, []byte{0x60, 1, 0x7f, 1, 0x7f}, []byte{0x60, 2, 0x7f, 0x7f, 1, 0x7e},
		[]byte{0x60, 3, 0x7f, 0x7f, 0x7f, 0})
	bodies := [][]byte{{0x41, f.minor}, constant32(inputAt), constant64(f.result()), constant64(place(configureAt, len(f.configure)))}
	if f.configure == "loop" {
		bodies[3] = append([]byte{0x03, 0x40, 0x0c, 0, 0x0b}, constant64(0)...)
	}
	for i, body := range bodies {
		bodies[i] = sized(slices.Concat([]byte{0}, body, []byte{0x0b}))
	}
	out := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	out = append(out, section(1, types)...)
	first := byte(0)
	if f.imports != "" {
		out = append(out, section(2, vec(slices.Concat(f.imported(), []byte{0, 3})))...)
		first = 1
	}
	out = append(out, section(3, vec([]byte{0}, []byte{1}, []byte{2}, []byte{2}))...)
	out = append(out, section(5, vec([]byte{0, 2}))...)
	out = append(out, section(7, vec(f.exported(first)...))...)
	out = append(out, section(10, vec(bodies...))...)
	out = append(out, section(11, vec(data(answerAt, f.answer), data(configureAt, f.configure)))...)
	return append(out, section(0, append(named("note"), f.note...))...)
}

func (f fake) result() uint64 {
	if f.packed != nil {
		return *f.packed
	}
	return place(answerAt, len(f.answer))
}

func (f fake) imported() []byte {
	for i := range f.imports {
		if f.imports[i] == '.' {
			return append(named(f.imports[:i]), named(f.imports[i+1:])...)
		}
	}
	return append(named(f.imports), named("")...)
}

func (f fake) exported(first byte) [][]byte {
	var out [][]byte
	add := func(name string, kind, index byte) {
		if other, renamed := f.exports[name]; renamed {
			name = other
		}
		if name != "" {
			out = append(out, append(named(name), kind, index))
		}
	}
	add(abi.Memory, 2, 0)
	add(abi.Marker, 0, first)
	add(abi.Alloc, 0, first+1)
	for _, hook := range abi.Hooks() {
		add(hook, 0, first+2)
	}
	if f.configure != "" {
		add(abi.Configure, 0, first+3)
	}
	return out
}

func place(at uint64, size int) uint64 { return at<<32 | uint64(size) }

func vec(items ...[]byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(items))), slices.Concat(items...)...)
}

func sized(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }

func named(s string) []byte { return sized([]byte(s)) }

func section(id byte, body []byte) []byte { return append([]byte{id}, sized(body)...) }

func data(at int64, text string) []byte {
	return slices.Concat([]byte{0}, constant32(at), []byte{0x0b}, named(text))
}

func constant32(n int64) []byte { return append([]byte{0x41}, signed(n)...) }

func constant64(n uint64) []byte { return append([]byte{0x42}, signed(int64(n))...) }

// signed writes a signed LEB128 number.
func signed(n int64) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
