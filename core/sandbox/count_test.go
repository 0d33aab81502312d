package sandbox

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// counted rewrites a module so that it counts, in an exported global, the instructions it executes: before each stands
// `global.get, i64.const 1, i64.add, global.set`. That is slow and plainly right, so metering is measured by it. What
// becomes no code of its own is left out.
func counted(binary []byte) ([]byte, error) {
	m, err := wasm.Parse(binary)
	if err != nil {
		return nil, err
	}
	counter := uint32(len(m.Info.Globals))
	one := slices.Concat(globalGet(counter), i64(1), ops(0x7c), globalSet(counter))
	code, err := codeWith(m, one)
	if err != nil {
		return nil, err
	}
	export := wasm.AppendU32(append(wasm.AppendName(nil, executedExport), byte(KindGlobal)), counter)
	return assembled(m, map[byte][]byte{
		wasm.SectionGlobal: withEntries(m, wasm.SectionGlobal, slices.Concat([]byte{byte(I64), 1}, i64(0), ops(byte(wasm.OpEnd)))),
		wasm.SectionExport: withEntries(m, wasm.SectionExport, export),
		wasm.SectionCode:   code,
	}), nil
}

const executedExport = "executed instructions"

var uncounted = []wasm.Opcode{
	wasm.OpNop, wasm.OpBlock, wasm.OpLoop, wasm.OpElse, wasm.OpEnd, wasm.OpDrop, wasm.OpLocalGet, wasm.OpI32Const, wasm.OpI64Const,
}

// codeWith gives the code section with the same instructions put before each counted one.
func codeWith(m *wasm.Module, before []byte) ([]byte, error) {
	s, ok := m.Section(wasm.SectionCode)
	if !ok {
		return nil, nil
	}
	r := m.Read(s)
	n := r.Count()
	code := wasm.AppendU32(nil, uint32(n))
	for range n {
		f := r.Part(r.Count())
		start := f.Pos
		for n := f.Count(); n > 0 && f.Err == nil; n-- {
			f.U32()
			f.ValueType()
		}
		body := slices.Clone(f.Data[start:f.Pos])
		for f.More() {
			var i wasm.Instruction
			f.Instruction(&i)
			if !slices.Contains(uncounted, i.Op) {
				body = append(body, before...)
			}
			body = append(body, f.Data[i.At:f.Pos]...)
		}
		if f.Err != nil {
			return nil, f.Err
		}
		code = append(wasm.AppendU32(code, uint32(len(body))), body...)
	}
	return code, r.Err
}

// withEntries gives the body of a section with entries added at its end.
func withEntries(m *wasm.Module, id byte, entries ...[]byte) []byte {
	s, ok := m.Section(id)
	if !ok {
		return append(wasm.AppendU32(nil, uint32(len(entries))), slices.Concat(entries...)...)
	}
	r := m.Read(s)
	count := r.U32() + uint32(len(entries))
	return slices.Concat(wasm.AppendU32(nil, count), r.Data[r.Pos:], slices.Concat(entries...))
}

// assembled puts a module together again with some sections replaced, and without custom ones.
func assembled(m *wasm.Module, replaced map[byte][]byte) []byte {
	out := []byte(wasm.Header)
	for _, id := range wasm.Order {
		if body, ok := replaced[id]; ok {
			if len(body) > 0 {
				out = wasm.AppendSection(out, id, body)
			}
		} else if s, ok := m.Section(id); ok {
			out = append(out, m.Wasm[s.Start:s.End]...)
		}
	}
	return out
}

// exposed gives a module with all its mutable globals exported, but for references, so that two runs can be compared by them.
func exposed(binary []byte) (open []byte, names []string, err error) {
	m, err := wasm.Parse(binary)
	if err != nil {
		return nil, nil, err
	}
	var exports [][]byte
	for n, g := range m.Info.Globals {
		if g.Mutable && g.Type != FuncRef && g.Type != ExternRef {
			name := fmt.Sprint("exposed global ", n)
			names = append(names, name)
			exports = append(exports, wasm.AppendU32(append(wasm.AppendName(nil, name), byte(KindGlobal)), uint32(n)))
		}
	}
	return assembled(m, map[byte][]byte{wasm.SectionExport: withEntries(m, wasm.SectionExport, exports...)}), names, nil
}

// The counter itself is held against code whose number of instructions is known.
func TestCounting(t *testing.T) {
	w := &wat{}
	n, sum := w.global(I32, i32(0)), w.global(I32, i32(0))
	w.fn("straight", "", "", i32(1), i32(2), ops(0x6a), globalSet(sum))
	w.fn("loop", "", "", loop(globalGet(n), i32(1), ops(0x6a), globalSet(n), globalGet(n), i32(10), ops(0x49), ops(0x0d, 0)))
	work := alone(t, counting(), w.bytes())
	for export, want := range map[string]int64{"straight": 2, "loop": 10 * 6} {
		if got, err := work.call(export, plenty); err != nil || got != want {
			t.Errorf("%s: %d instructions, %v, want %d", export, got, err, want)
		}
	}
}
