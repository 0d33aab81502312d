package meter

import "github.com/ostiary/ostiary/core/sandbox/wasm"

// A writer writes function bodies with their charges.
type writer struct {
	a       *analyser
	out     []byte
	fuel    uint32 // indices of what Rewrite adds
	stack   uint32
	helpers [helperCount]uint32
	types   *types
}

// The functions that Rewrite adds behind the module's own.
type helper int

const (
	helperSlice    helper = iota // asks the host for the next slice of fuel
	helperBytes                  // charges for the length on the stack, in bytes
	helperElements               // the same for elements of a table
	helperPages                  // the same for pages of memory
	helperCount
)

func (h helper) String() string {
	return [...]string{"ostiary_meter.slice", "ostiary_meter.bytes", "ostiary_meter.elements", "ostiary_meter.pages"}[h]
}

// bulk are the instructions whose cost depends on an operand.
var bulk = [...]wasm.Opcode{
	wasm.OpMemoryGrow, wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit,
	wasm.OpTableGrow, wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit,
}

// bulkHelper says which charge goes before an instruction, if any: the length is always the operand on top.
func bulkHelper(op wasm.Opcode) (h helper, bulk bool) {
	switch op {
	case wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit:
		return helperBytes, true
	case wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit, wasm.OpTableGrow:
		return helperElements, true
	case wasm.OpMemoryGrow:
		return helperPages, true
	}
	return 0, false
}

func (w *writer) op(ops ...byte)   { w.out = append(w.out, ops...) }
func (w *writer) index(n uint32)   { w.out = wasm.AppendU32(w.out, n) }
func (w *writer) get(n uint32)     { w.op(byte(wasm.OpGlobalGet)); w.index(n) }
func (w *writer) set(n uint32)     { w.op(byte(wasm.OpGlobalSet)); w.index(n) }
func (w *writer) i64(v int64)      { w.op(byte(wasm.OpI64Const)); w.out = wasm.AppendS64(w.out, v) }
func (w *writer) call(h helper)    { w.op(byte(wasm.OpCall)); w.index(w.helpers[h]) }
func (w *writer) copy(from []byte) { w.out = append(w.out, from...) }

const (
	i64LessSigned = 0x53
	i64Add        = 0x7c
	i64Sub        = 0x7d
	i64Or         = 0x84
	emptyBlock    = 0x40
)

// spend takes n from a count.
func (w *writer) spend(global uint32, n int64) {
	w.get(global)
	w.i64(n)
	w.op(i64Sub)
	w.set(global)
}

// check asks the host if the counts given are used up.
func (w *writer) check(globals ...uint32) {
	for n, global := range globals {
		if w.get(global); n > 0 {
			w.op(i64Or) // negative if either is
		}
	}
	w.i64(0)
	w.op(i64LessSigned, byte(wasm.OpIf), emptyBlock)
	w.call(helperSlice)
	w.op(byte(wasm.OpEnd))
}

// body writes the body of a function.
func (w *writer) body(index int) {
	fn := &w.a.functions[index]
	m := w.a.m
	r := &wasm.Reader{Data: m.Wasm[:fn.code.end], Pos: fn.code.start}
	for n := r.Count(); n > 0; n-- {
		r.U32()
		r.U8()
	}
	w.copy(m.Wasm[fn.code.start:r.Pos])
	counts := []uint32{w.fuel}
	if fn.guarded {
		counts = append(counts, w.stack)
		w.spend(w.stack, fn.stack)
	}
	if !fn.entry && fn.charges[0].weight > 0 || fn.guarded && !fn.entry {
		w.spend(w.fuel, fn.charges[0].weight)
		w.check(counts...)
	}
	if fn.guarded {
		w.op(byte(wasm.OpBlock))
		w.out = wasm.AppendS64(w.out, w.types.block(m.TypeOf(uint32(m.ImportedFunctions+index)).Results))
	}
	w.instructions(fn, r, counts)
	if fn.guarded {
		w.get(w.stack)
		w.i64(fn.stack)
		w.op(i64Add)
		w.set(w.stack)
		w.op(byte(wasm.OpEnd))
	}
}

// instructions writes what stands between the declarations and the end of a function, the end included. In a guarded
// function that end closes a block around all of it: branches to the function's own label lead there, and so do returns,
// so that the stack is given back on every way out. It reads no more than the places that the walk has noted.
func (w *writer) instructions(fn *function, r *wasm.Reader, counts []uint32) {
	charge := 0
	copied := r.Pos
	upTo := func(end int) {
		w.copy(r.Data[copied:end])
		copied = end
	}
	var i wasm.Instruction
	places := w.a.places[fn.places.start:fn.places.end]
	for n := 0; n < len(places); n++ {
		r.Pos = int(places[n])
		r.Instruction(&i)
		switch i.Op {
		case wasm.OpEnd:
			charge++
			if weight := fn.charges[charge].weight; weight > 0 {
				upTo(i.End)
				w.spend(w.fuel, weight)
			}
		case wasm.OpLoop:
			charge++
			if fn.charges[charge].weight == 0 {
				continue
			}
			upTo(i.End)
			w.spend(w.fuel, fn.charges[charge].weight)
			if charge == 1 && fn.entry {
				w.check(counts...)
			} else {
				w.check(w.fuel)
			}
		case wasm.OpReturn:
			n++
			if fn.guarded {
				upTo(i.At)
				w.op(byte(wasm.OpBr))
				w.index(places[n])
				copied = i.End
			}
		case wasm.OpCall, wasm.OpRefFunc:
			upTo(i.At)
			w.op(byte(i.Op))
			w.index(w.a.shift(i.X))
			copied = i.End
		default:
			if h, bulk := bulkHelper(i.Op); bulk {
				upTo(i.At)
				w.call(h)
			}
		}
	}
	upTo(len(r.Data))
}

// helper writes the body of an added function.
func (w *writer) helper(h helper, tick uint32, pages uint32) {
	w.op(0) // no local variables
	if h == helperSlice {
		w.get(w.fuel)
		w.get(w.stack)
		w.op(byte(wasm.OpCall))
		w.index(tick)
		w.set(w.fuel)
		w.op(byte(wasm.OpEnd))
		return
	}
	const i64ExtendU, i64Shl, i64ShrU, i32Sub, i32GreaterU = 0xad, 0x86, 0x88, 0x6b, 0x4b
	if h == helperPages { // what cannot succeed costs no more than asking
		w.op(byte(wasm.OpLocalGet), 0, byte(wasm.OpI32Const))
		w.out = wasm.AppendS64(w.out, int64(pages))
		w.op(byte(wasm.OpMemorySize), 0, i32Sub, i32GreaterU, byte(wasm.OpIf), emptyBlock)
		w.op(byte(wasm.OpLocalGet), 0, byte(wasm.OpReturn), byte(wasm.OpEnd))
	}
	w.get(w.fuel)
	w.op(byte(wasm.OpLocalGet), 0, i64ExtendU)
	switch h {
	case helperBytes:
		w.i64(bytesShift)
		w.op(i64ShrU)
	case helperPages:
		w.i64(pageShift)
		w.op(i64Shl)
	}
	w.op(i64Sub)
	w.set(w.fuel)
	w.check(w.fuel)
	w.op(byte(wasm.OpLocalGet), 0, byte(wasm.OpEnd))
}
