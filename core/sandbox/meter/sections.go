package meter

import (
	"slices"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// An editor makes the sections of the new module.
type editor struct {
	a        *analyser
	options  Options
	types    *types
	mutable  []int
	sections map[byte][]byte // those that are new or changed
	helpers  []helper
	joined   joiner
}

// declarations rewrites the sections that name functions, all but the code.
func (e *editor) declarations() error {
	for _, edit := range []struct {
		id   byte
		edit func(*wasm.Reader) []byte
	}{
		{wasm.SectionGlobal, e.globals}, {wasm.SectionStart, e.start},
		{wasm.SectionElement, e.elements}, {wasm.SectionData, e.data},
	} {
		s, ok := e.a.m.Section(edit.id)
		r := &wasm.Reader{}
		if ok {
			r = e.a.m.Read(s)
		} else if edit.id != wasm.SectionGlobal {
			continue
		}
		body := edit.edit(r)
		if r.Err == nil && r.Pos != len(r.Data) {
			r.Fail("section %d is longer than its content", edit.id)
		}
		if r.Err != nil {
			return r.Err
		}
		e.sections[edit.id] = body
	}
	return nil
}

// function reads the index of a function and gives it as it is now.
func (e *editor) function(r *wasm.Reader) uint32 {
	index := r.U32()
	if r.Err == nil && uint64(index) >= uint64(len(e.a.m.Functions)) {
		r.Fail("there is no function %d", index)
	}
	return e.a.shift(index)
}

// taken is function for places from which it may come to be called indirectly.
func (e *editor) taken(r *wasm.Reader) uint32 {
	index := e.function(r)
	if defined := int(index) - e.a.m.ImportedFunctions - 1; r.Err == nil && defined >= 0 {
		e.a.functions[defined].taken = true
	}
	return index
}

// constant copies a constant expression. It has no blocks, so the first end ends it.
func (e *editor) constant(r *wasm.Reader, out []byte) []byte {
	var i wasm.Instruction
	for r.Err == nil {
		if r.More() && r.Data[r.Pos] == byte(wasm.OpRefFunc) {
			r.U8()
			out = wasm.AppendU32(append(out, byte(wasm.OpRefFunc)), e.taken(r))
			continue
		}
		if r.Instruction(&i); r.Err != nil {
			return out
		}
		if i.Op == wasm.OpGlobalGet && uint64(i.X) >= uint64(len(e.a.m.Info.Globals)) {
			r.Fail("there is no global %d", i.X)
		}
		out = append(out, r.Data[i.At:i.End]...)
		if i.Op == wasm.OpEnd {
			return out
		}
	}
	return out
}

// globals adds the two counts behind the module's own globals.
func (e *editor) globals(r *wasm.Reader) []byte {
	var n uint32
	if len(r.Data) > 0 {
		n = uint32(r.Count())
	}
	out := wasm.AppendU32(nil, n+2)
	for ; n > 0 && r.Err == nil; n-- {
		out = append(out, r.Take(2)...)
		out = e.constant(r, out)
	}
	for _, value := range []int64{e.options.Fuel, e.options.Stack} {
		out = append(out, byte(wasm.I64), 1, byte(wasm.OpI64Const))
		out = append(wasm.AppendS64(out, value), byte(wasm.OpEnd))
	}
	return out
}

func (e *editor) start(r *wasm.Reader) []byte { return wasm.AppendU32(nil, e.function(r)) }

// elements renumbers the functions that tables are filled with, in each of the eight forms (§5.5.12).
func (e *editor) elements(r *wasm.Reader) []byte {
	n := r.Count()
	out := wasm.AppendU32(nil, uint32(n))
	for ; n > 0 && r.Err == nil; n-- {
		form := r.U32()
		if form > 7 {
			r.Fail("element segment of form %d is not part of WebAssembly core 2.0", form)
			return nil
		}
		out = wasm.AppendU32(out, form)
		if form&1 == 0 { // active: placed in a table at once
			if form&2 != 0 {
				out = wasm.AppendU32(out, r.U32())
			}
			out = e.constant(r, out)
		}
		if form&3 != 0 {
			out = append(out, r.U8()) // what the elements are
		}
		count := r.Count()
		e.a.report.Elements += count
		out = wasm.AppendU32(out, uint32(count))
		for ; count > 0 && r.Err == nil; count-- {
			if form&4 != 0 {
				out = e.constant(r, out)
			} else {
				out = wasm.AppendU32(out, e.taken(r))
			}
		}
	}
	return out
}

// data changes nothing: it is read because a place may name a global. What it would be with fewer segments is kept.
func (e *editor) data(r *wasm.Reader) []byte {
	body := r.Data[r.Pos:]
	var scratch []byte
	for n := r.Count(); n > 0 && r.Err == nil; n-- {
		start := r.Pos
		form := r.U32()
		if form > 2 {
			r.Fail("data segment of form %d is not part of WebAssembly core 2.0", form)
		}
		if form == 2 {
			r.U32()
		}
		if scratch = scratch[:0]; form != 1 {
			scratch = e.constant(r, scratch)
		}
		place := scratch
		if form != 0 {
			place = nil
		}
		if content := r.Take(r.Count()); r.Err == nil {
			e.joined.add(r.Data[start:r.Pos], place, content)
		}
	}
	return body
}

// join makes do with fewer data segments, unless code may name one by its number.
func (e *editor) join() {
	_, has := e.sections[wasm.SectionData]
	_, counted := e.a.m.Section(wasm.SectionDataCount)
	if uses := e.a.report.Uses; has && !counted && !uses(wasm.OpMemoryInit) && !uses(wasm.OpDataDrop) {
		e.sections[wasm.SectionData] = e.joined.section()
	}
}

// code writes the bodies, and then what depends on which helpers they call.
func (e *editor) code() {
	a := e.a
	own := uint32(len(a.m.Functions)) + 1 // with the import
	w := &writer{a: a, types: e.types, fuel: uint32(len(a.m.Info.Globals)), stack: uint32(len(a.m.Info.Globals)) + 1}
	e.helpers = []helper{helperSlice}
	for _, op := range bulk {
		if h, _ := bulkHelper(op); a.report.Uses(op) && !slices.Contains(e.helpers, h) {
			e.helpers = append(e.helpers, h)
		}
	}
	for n, h := range e.helpers {
		w.helpers[h] = own + uint32(n)
	}
	out := wasm.AppendU32(nil, uint32(len(a.functions)+len(e.helpers)))
	if s, ok := a.m.Section(wasm.SectionCode); ok {
		out = append(make([]byte, 0, (s.End-s.Body)*5/4+256), out...)
	}
	put := func() {
		out = wasm.AppendU32(out, uint32(len(w.out)))
		out = append(out, w.out...)
		w.out = w.out[:0]
	}
	for index := range a.functions {
		w.body(index)
		put()
	}
	for _, h := range e.helpers {
		w.helper(h, uint32(a.m.ImportedFunctions), e.pages())
		put()
	}
	e.sections[wasm.SectionCode] = out
}

// pages is how large the memory can become.
func (e *editor) pages() uint32 {
	most := uint32(1 << 16)
	for _, memory := range e.a.m.Info.Memories {
		if memory.HasMax {
			most = min(most, memory.Max)
		}
	}
	if o := e.options.MemoryPages; o > 0 {
		most = min(most, o)
	}
	return most
}

// assemble puts the sections together. Of the custom ones only the names are kept: the others speak of places that have moved.
func (e *editor) assemble() []byte {
	m := e.a.m
	tick := e.types.index([]wasm.ValueType{wasm.I64, wasm.I64}, []wasm.ValueType{wasm.I64})
	e.sections[wasm.SectionImport] = e.vector(wasm.SectionImport, 1, func(out []byte) []byte {
		out = wasm.AppendName(wasm.AppendName(out, Module), Tick)
		return wasm.AppendU32(append(out, byte(wasm.KindFunction)), tick)
	})
	e.sections[wasm.SectionFunction] = e.vector(wasm.SectionFunction, len(e.helpers), func(out []byte) []byte {
		for _, h := range e.helpers {
			if h == helperSlice {
				out = wasm.AppendU32(out, e.types.index(nil, nil))
			} else {
				out = wasm.AppendU32(out, e.types.index([]wasm.ValueType{wasm.I32}, []wasm.ValueType{wasm.I32}))
			}
		}
		return out
	})
	e.sections[wasm.SectionExport] = e.exports()
	e.sections[wasm.SectionType] = e.vector(wasm.SectionType, len(e.types.added), e.types.append)
	size := len(wasm.Header) + len(m.Wasm)
	out := append(make([]byte, 0, size+size/4), wasm.Header...)
	for _, id := range wasm.Order {
		if body, changed := e.sections[id]; changed {
			out = wasm.AppendSection(out, id, body)
		} else if s, ok := m.Section(id); ok {
			out = append(out, m.Wasm[s.Start:s.End]...)
		}
	}
	for _, custom := range m.Info.Customs {
		if custom.Name != "name" {
			continue
		}
		if names, ok := e.rename(custom.Data); ok {
			out = wasm.AppendSection(out, wasm.SectionCustom, append(wasm.AppendName(nil, "name"), names...))
		}
	}
	return out
}

// vector gives the body of a section with more entries at its end.
func (e *editor) vector(id byte, more int, add func([]byte) []byte) []byte {
	var n uint32
	var old []byte
	if s, ok := e.a.m.Section(id); ok {
		r := e.a.m.Read(s)
		n = r.U32()
		old = r.Data[r.Pos:]
	}
	return add(append(wasm.AppendU32(nil, n+uint32(more)), old...))
}

// exports renumbers functions and adds the counts and every mutable global.
func (e *editor) exports() []byte {
	m := e.a.m
	var n uint32
	r := &wasm.Reader{}
	if s, ok := m.Section(wasm.SectionExport); ok {
		r = m.Read(s)
		n = r.U32()
	}
	out := wasm.AppendU32(nil, n+2+uint32(len(e.mutable)))
	for ; n > 0; n-- {
		out = wasm.AppendName(out, r.Name())
		kind := r.U8()
		index := r.U32()
		if wasm.Kind(kind) == wasm.KindFunction {
			index = e.a.shift(index)
		}
		out = wasm.AppendU32(append(out, kind), index)
	}
	global := func(name string, index int) {
		out = wasm.AppendU32(append(wasm.AppendName(out, name), byte(wasm.KindGlobal)), uint32(index))
	}
	global(FuelExport, len(m.Info.Globals))
	global(StackExport, len(m.Info.Globals)+1)
	for _, index := range e.mutable {
		global(GlobalExport(index), index)
	}
	return out
}

// rename renumbers the functions of a name section and names those that were added, so that stacks of traps stay
// readable. A section that cannot be read is left out: engines make room for as many names as it says there are.
func (e *editor) rename(data []byte) (out []byte, ok bool) {
	r := &wasm.Reader{Data: data}
	for r.More() {
		id := r.U8()
		sub := r.Part(r.Count())
		switch id {
		case 0: // the module's own name
			out = wasm.AppendSection(out, id, wasm.AppendName(nil, sub.Name()))
		case 1:
			out = wasm.AppendSection(out, id, e.functionNames(sub))
		}
		if sub.Err != nil {
			return nil, false
		}
	}
	return out, r.Err == nil
}

func (e *editor) functionNames(r *wasm.Reader) []byte {
	n := r.Count()
	var entries []byte
	count := uint32(0)
	name := func(index uint32, name string) {
		entries = wasm.AppendName(wasm.AppendU32(entries, index), name)
		count++
	}
	own := uint32(e.a.m.ImportedFunctions)
	ticked := false
	for ; n > 0 && r.Err == nil; n-- {
		index := r.U32()
		if index >= own && !ticked {
			name(own, Module+"."+Tick)
			ticked = true
		}
		if text := r.Name(); uint64(index) < uint64(len(e.a.m.Functions)) {
			name(e.a.shift(index), text)
		}
	}
	for n, h := range e.helpers {
		name(uint32(len(e.a.m.Functions)+1+n), h.String())
	}
	return append(wasm.AppendU32(nil, count), entries...)
}

// types are the function types of the module and those that are added behind them.
type types struct {
	m     *wasm.Module
	added []wasm.FuncType
	known map[string]uint32 // indices of those that were added, by their letters
}

// index finds a type that was added or adds it.
func (t *types) index(params, results []wasm.ValueType) uint32 {
	var letters []byte
	for _, list := range [][]wasm.ValueType{params, results} {
		for _, v := range list {
			letters = append(letters, byte(v))
		}
		letters = append(letters, 0)
	}
	index, ok := t.known[string(letters)]
	if !ok {
		index = uint32(len(t.m.Types) + len(t.added))
		t.added = append(t.added, wasm.FuncType{Params: params, Results: results})
		t.known[string(letters)] = index
	}
	return index
}

// block gives the type of a block that takes nothing and leaves results.
func (t *types) block(results []wasm.ValueType) int64 {
	switch len(results) {
	case 0:
		return -64
	case 1:
		return int64(int8(results[0]<<1)) >> 1 // the type's byte is a signed number of seven bits
	}
	return int64(t.index(nil, results))
}

func (t *types) append(out []byte) []byte {
	for _, typ := range t.added {
		out = append(out, 0x60)
		for _, list := range [][]wasm.ValueType{typ.Params, typ.Results} {
			out = wasm.AppendU32(out, uint32(len(list)))
			for _, v := range list {
				out = append(out, byte(v))
			}
		}
	}
	return out
}
