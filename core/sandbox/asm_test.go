package sandbox

import (
	"slices"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// A wat assembles modules for tests, byte by byte, in the order the sections are written. Functions are given as
// instructions without their final end.
type wat struct {
	types, imports, functions, code, exports, globals [][]byte
	memory, table, start, elements                    []byte
	segments                                          [][]byte
	customs                                           [][]byte
	imported                                          int
}

func letters(types string) []byte {
	kinds := map[rune]ValueType{'i': I32, 'I': I64, 'f': F32, 'F': F64, 'v': V128, 'r': FuncRef}
	var out []byte
	for _, l := range types {
		out = append(out, byte(kinds[l]))
	}
	return append(wasm.AppendU32(nil, uint32(len(out))), out...)
}

// typeIndex adds a function type and gives its index.
func (w *wat) typeIndex(params, results string) uint32 {
	entry := slices.Concat([]byte{0x60}, letters(params), letters(results))
	w.types = append(w.types, entry)
	return uint32(len(w.types) - 1)
}

// importFunc must come before any function; it gives the index to call.
func (w *wat) importFunc(module, name, params, results string) uint32 {
	entry := wasm.AppendName(wasm.AppendName(nil, module), name)
	w.imports = append(w.imports, wasm.AppendU32(append(entry, byte(KindFunction)), w.typeIndex(params, results)))
	w.imported++
	return uint32(w.imported - 1)
}

// fn defines a function without locals of its own, exports it if it has a name, and gives its index.
func (w *wat) fn(name, params, results string, body ...[]byte) uint32 {
	index := uint32(w.imported + len(w.functions))
	w.functions = append(w.functions, wasm.AppendU32(nil, w.typeIndex(params, results)))
	code := append(append([]byte{0}, slices.Concat(body...)...), byte(wasm.OpEnd))
	w.code = append(w.code, append(wasm.AppendU32(nil, uint32(len(code))), code...))
	if name != "" {
		w.export(name, KindFunction, index)
	}
	return index
}

func (w *wat) export(name string, kind Kind, index uint32) {
	w.exports = append(w.exports, wasm.AppendU32(append(wasm.AppendName(nil, name), byte(kind)), index))
}

// pages declares and exports the memory.
func (w *wat) pages(low uint32) *wat {
	w.memory = append([]byte{1, 0}, wasm.AppendU32(nil, low)...)
	w.export("memory", KindMemory, 0)
	return w
}

// global declares a mutable global that nobody exports.
func (w *wat) global(t ValueType, init []byte) uint32 {
	w.globals = append(w.globals, slices.Concat([]byte{byte(t), 1}, init, []byte{byte(wasm.OpEnd)}))
	return uint32(len(w.globals) - 1)
}

// tableOf declares a table of n elements; those listed are filled from index 0.
func (w *wat) tableOf(n uint32, functions ...uint32) {
	w.table = append([]byte{1, byte(FuncRef), 0}, wasm.AppendU32(nil, n)...)
	w.elements = append([]byte{1, 0}, append(i32(0), byte(wasm.OpEnd))...)
	w.elements = wasm.AppendU32(w.elements, uint32(len(functions)))
	for _, f := range functions {
		w.elements = wasm.AppendU32(w.elements, f)
	}
}

// passive adds a data segment that is written only by memory.init.
func (w *wat) passive(data string) {
	w.segments = append(w.segments, wasm.AppendName([]byte{1}, data))
}

func (w *wat) custom(name, data string) *wat {
	w.customs = append(w.customs, append(wasm.AppendName(nil, name), data...))
	return w
}

func (w *wat) bytes() []byte {
	out := []byte(wasm.Header)
	vector := func(id byte, entries [][]byte) {
		if len(entries) > 0 {
			out = wasm.AppendSection(out, id, append(wasm.AppendU32(nil, uint32(len(entries))), slices.Concat(entries...)...))
		}
	}
	raw := func(id byte, body []byte) {
		if body != nil {
			out = wasm.AppendSection(out, id, body)
		}
	}
	for _, c := range w.customs {
		raw(wasm.SectionCustom, c)
	}
	vector(wasm.SectionType, w.types)
	vector(wasm.SectionImport, w.imports)
	vector(wasm.SectionFunction, w.functions)
	raw(wasm.SectionTable, w.table)
	raw(wasm.SectionMemory, w.memory)
	vector(wasm.SectionGlobal, w.globals)
	vector(wasm.SectionExport, w.exports)
	raw(wasm.SectionStart, w.start)
	raw(wasm.SectionElement, w.elements)
	if len(w.segments) > 0 {
		raw(wasm.SectionDataCount, wasm.AppendU32(nil, uint32(len(w.segments))))
	}
	vector(wasm.SectionCode, w.code)
	vector(wasm.SectionData, w.segments)
	return out
}

func indexed(op byte) func(uint32) []byte {
	return func(n uint32) []byte { return wasm.AppendU32([]byte{op}, n) }
}

func i32(v int32) []byte   { return wasm.AppendS64([]byte{0x41}, int64(v)) }
func i64(v int64) []byte   { return wasm.AppendS64([]byte{0x42}, v) }
func ops(b ...byte) []byte { return b }
func loop(body ...[]byte) []byte {
	return slices.Concat(ops(0x03, 0x40), slices.Concat(body...), ops(0x0b))
}

var (
	call      = indexed(0x10)
	br        = indexed(0x0c)
	localGet  = indexed(0x20)
	globalGet = indexed(0x23)
	globalSet = indexed(0x24)

	unreachable = ops(0x00)
	drop        = ops(0x1a)
	i32Load     = ops(0x28, 2, 0)
	i32Store    = ops(0x36, 2, 0)
	i32DivS     = ops(0x6d)
	i64Or       = ops(0x84)
	i64Shl      = ops(0x86)
	i64Extend   = ops(0xad) // i64.extend_i32_u
	memoryGrow  = ops(0x40, 0)
	memoryFill  = ops(0xfc, 11, 0)
)

// packed gives ptr<<32|len from two constants.
func packed(ptr, size uint32) []byte { return i64(int64(uint64(ptr)<<32 | uint64(size))) }
