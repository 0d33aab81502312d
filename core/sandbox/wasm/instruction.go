package wasm

// An Opcode tells instructions apart: the first byte, or prefix<<8 | sub-opcode for the two prefixed families (§5.4).
type Opcode uint32

// The instructions that somebody treats specially.
const (
	OpUnreachable  Opcode = 0x00
	OpNop          Opcode = 0x01
	OpBlock        Opcode = 0x02
	OpLoop         Opcode = 0x03
	OpIf           Opcode = 0x04
	OpElse         Opcode = 0x05
	OpEnd          Opcode = 0x0b
	OpBr           Opcode = 0x0c
	OpBrIf         Opcode = 0x0d
	OpBrTable      Opcode = 0x0e
	OpReturn       Opcode = 0x0f
	OpCall         Opcode = 0x10
	OpCallIndirect Opcode = 0x11
	OpDrop         Opcode = 0x1a
	OpSelect       Opcode = 0x1b
	OpSelectTyped  Opcode = 0x1c
	OpLocalGet     Opcode = 0x20
	OpLocalSet     Opcode = 0x21
	OpLocalTee     Opcode = 0x22
	OpGlobalGet    Opcode = 0x23
	OpGlobalSet    Opcode = 0x24
	OpTableGet     Opcode = 0x25
	OpTableSet     Opcode = 0x26
	OpMemorySize   Opcode = 0x3f
	OpMemoryGrow   Opcode = 0x40
	OpI32Const     Opcode = 0x41
	OpI64Const     Opcode = 0x42
	OpF32Const     Opcode = 0x43
	OpF64Const     Opcode = 0x44
	OpRefNull      Opcode = 0xd0
	OpRefFunc      Opcode = 0xd2
	OpMemoryInit   Opcode = 0xfc08
	OpDataDrop     Opcode = 0xfc09
	OpMemoryCopy   Opcode = 0xfc0a
	OpMemoryFill   Opcode = 0xfc0b
	OpTableInit    Opcode = 0xfc0c
	OpElemDrop     Opcode = 0xfc0d
	OpTableCopy    Opcode = 0xfc0e
	OpTableGrow    Opcode = 0xfc0f
	OpTableSize    Opcode = 0xfc10
	OpTableFill    Opcode = 0xfc11
	OpV128Const    Opcode = 0xfd0c
)

// An Instruction is one instruction with those of its immediates that name something. What its opcode does not have is left over
// from others.
type Instruction struct {
	Op      Opcode
	At, End int      // where it stands
	X, Y    uint32   // the indices it names, in the order they are written
	Block   int64    // the type of a block, loop or if: an index, or negative for an inline type
	Targets []uint32 // of br_table, the default last; valid until the next instruction is read
}

// immediates says what follows an opcode of one byte.
type immediates byte

const (
	unknown immediates = iota
	nothing
	oneIndex
	twoIndices
	memoryAddress
	blockKind
	labels
	oneByte
	fourBytes
	eightBytes
	signed32
	signed64
	typeVector
	bulkFamily
	vectorFamily
)

var follows = func() (kinds [256]immediates) {
	set := func(kind immediates, from, to int) {
		for op := from; op <= to; op++ {
			kinds[op] = kind
		}
	}
	set(nothing, 0x00, 0x01)
	set(blockKind, 0x02, 0x04)
	set(nothing, 0x05, 0x05)
	set(nothing, 0x0b, 0x0b)
	set(oneIndex, 0x0c, 0x0d)
	set(labels, 0x0e, 0x0e)
	set(nothing, 0x0f, 0x0f)
	set(oneIndex, 0x10, 0x10)
	set(twoIndices, 0x11, 0x11)
	set(nothing, 0x1a, 0x1b)
	set(typeVector, 0x1c, 0x1c)
	set(oneIndex, 0x20, 0x26)
	set(memoryAddress, 0x28, 0x3e)
	set(oneByte, 0x3f, 0x40)
	set(signed32, 0x41, 0x41)
	set(signed64, 0x42, 0x42)
	set(fourBytes, 0x43, 0x43)
	set(eightBytes, 0x44, 0x44)
	set(nothing, 0x45, 0xc4)
	set(oneByte, 0xd0, 0xd0)
	set(nothing, 0xd1, 0xd1)
	set(oneIndex, 0xd2, 0xd2)
	set(bulkFamily, 0xfc, 0xfc)
	set(vectorFamily, 0xfd, 0xfd)
	return kinds
}()

// Instruction reads one instruction of WebAssembly core 2.0 into i. Instructions of later proposals are an error, so
// nothing slips past the rules that the engine would run.
func (r *Reader) Instruction(i *Instruction) {
	i.At = r.Pos
	if r.short(i) {
		return
	}
	op := r.U8()
	i.Op = Opcode(op)
	switch follows[op] {
	case nothing:
	case oneIndex:
		i.X = r.U32()
	case memoryAddress:
		r.memoryArgument()
	case blockKind:
		i.Block = r.s33()
	case signed32:
		r.skipLEB(5)
	case signed64:
		r.skipLEB(10)
	case twoIndices:
		i.X = r.U32()
		i.Y = r.U32()
	case oneByte:
		r.U8()
	case fourBytes:
		r.Take(4)
	case eightBytes:
		r.Take(8)
	case labels:
		r.targets = r.targets[:0]
		for n := r.Count(); n >= 0 && r.Err == nil; n-- {
			r.targets = append(r.targets, r.U32())
		}
		i.Targets = r.targets
	case typeVector:
		r.valueTypes()
	case bulkFamily:
		r.bulkInstruction(i)
	case vectorFamily:
		r.vectorInstruction(i)
	default:
		r.Fail("instruction 0x%02x is not part of WebAssembly core 2.0: build the module without later features", op)
	}
	i.End = r.Pos
}

// short reads an instruction of the usual form: an opcode of one byte, and one number of one or two bytes or two of one.
func (r *Reader) short(i *Instruction) bool {
	if r.Err != nil || len(r.Data)-r.Pos < 3 {
		return false
	}
	b := r.Data[r.Pos : r.Pos+3]
	size, kind := 1, follows[b[0]]
	switch kind {
	case nothing:
	case oneIndex, signed32, signed64:
		size = 2
		if i.X = uint32(b[1]); b[1] >= 0x80 {
			i.X, size = uint32(b[1]&0x7f)|uint32(b[2])<<7, 3
		}
	case blockKind:
		size = 2
		i.Block = int64(int8(b[1]<<1) >> 1) // the sign is the highest of seven bits
	case memoryAddress:
		size = 3
	default:
		return false
	}
	if size > 1 && b[size-1] >= 0x80 || kind == memoryAddress && b[1] >= 64 {
		return false
	}
	i.Op, r.Pos = Opcode(b[0]), r.Pos+size
	i.End = r.Pos
	return true
}

// bulkInstruction reads the 0xfc family: saturating conversions, bulk memory and tables.
func (r *Reader) bulkInstruction(i *Instruction) {
	sub := r.U32()
	i.Op = 0xfc00 | Opcode(sub)
	switch {
	case sub <= 7: // conversions
	case i.Op == OpMemoryInit, i.Op == OpMemoryCopy, i.Op == OpTableInit, i.Op == OpTableCopy:
		i.X = r.U32()
		i.Y = r.U32()
	case sub <= 17:
		i.X = r.U32()
	default:
		r.Fail("instruction 0xfc %d is not part of WebAssembly core 2.0: build the module without later features", sub)
	}
}

// vectorInstruction reads the 0xfd family: 128-bit vectors.
func (r *Reader) vectorInstruction(i *Instruction) {
	sub := r.U32()
	i.Op = 0xfd00 | Opcode(sub)
	switch {
	case sub <= 11, sub == 92, sub == 93: // loads and stores
		r.memoryArgument()
	case sub == 12, sub == 13: // v128.const, i8x16.shuffle
		r.Take(16)
	case sub >= 21 && sub <= 34: // one lane
		r.U8()
	case sub >= 84 && sub <= 91: // load or store one lane
		r.memoryArgument()
		r.U8()
	case sub > 0xff:
		r.Fail("instruction 0xfd %d is not part of WebAssembly core 2.0: build the module without later features", sub)
	}
}

// memoryArgument reads alignment and offset. Bit 6 of the alignment would announce a memory index, which is multi-memory.
func (r *Reader) memoryArgument() {
	if r.U32() >= 64 {
		r.Fail("multiple memories are not supported")
	}
	r.U32()
}
