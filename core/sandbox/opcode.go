package sandbox

// Instructions are told apart by one number: the opcode, or prefix<<8 | sub-opcode for the two prefixed families.
type opcode uint32

// The instructions the rewriter treats specially (§5.4).
const (
	opBlock      opcode = 0x02
	opLoop       opcode = 0x03
	opIf         opcode = 0x04
	opEnd        opcode = 0x0b
	opBrIf       opcode = 0x0d
	opBrTable    opcode = 0x0e
	opTableSet   opcode = 0x26
	opMemoryInit opcode = 0xfc08
	opDataDrop   opcode = 0xfc09
	opMemoryCopy opcode = 0xfc0a
	opMemoryFill opcode = 0xfc0b
	opTableInit  opcode = 0xfc0c
	opElemDrop   opcode = 0xfc0d
	opTableCopy  opcode = 0xfc0e
	opTableGrow  opcode = 0xfc0f
	opTableFill  opcode = 0xfc11
)

// instruction passes over one instruction of WebAssembly core 2.0 and says which it was. Instructions of later proposals
// are an error, so nothing slips past the rewriter that the engine would run.
func (r *reader) instruction() opcode {
	op := opcode(r.u8())
	switch {
	case op >= 0x28 && op <= 0x3e: // loads and stores
		r.memoryArgument()
	case op >= 0x45 && op <= 0xc4, op <= 0x01, op == 0x05, op == 0x0b, op == 0x0f, op == 0x1a, op == 0x1b, op == 0xd1:
		// no immediate
	case op >= 0x02 && op <= 0x04: // block, loop, if: a block type is a 33-bit number or one byte
		r.skipLEB(5)
	case op == 0x0c, op == 0x0d, op == 0x10, op >= 0x20 && op <= 0x26, op == 0xd2: // one index
		r.u32()
	case op == 0x0e: // br_table
		for n := r.count(); n >= 0 && r.err == nil; n-- {
			r.u32()
		}
	case op == 0x11: // call_indirect
		r.u32()
		r.u32()
	case op == 0x1c: // select with types
		r.valueTypes()
	case op == 0x3f, op == 0x40, op == 0xd0: // memory.size, memory.grow, ref.null
		r.u8()
	case op == 0x41: // i32.const
		r.skipLEB(5)
	case op == 0x42: // i64.const
		r.skipLEB(10)
	case op == 0x43:
		r.take(4)
	case op == 0x44:
		r.take(8)
	case op == 0xfc:
		return r.bulkInstruction()
	case op == 0xfd:
		return r.vectorInstruction()
	default:
		r.fail("instruction 0x%02x is not part of WebAssembly core 2.0", uint32(op))
	}
	return op
}

// bulkInstruction reads the 0xfc family: saturating conversions, bulk memory and tables.
func (r *reader) bulkInstruction() opcode {
	sub := r.u32()
	op := opcode(0xfc00 | sub)
	switch {
	case sub <= 7: // conversions
	case op == opMemoryInit, op == opMemoryCopy, op == opTableInit, op == opTableCopy:
		r.u32()
		r.u32()
	case sub <= 17:
		r.u32()
	default:
		r.fail("instruction 0xfc %d is not part of WebAssembly core 2.0", sub)
	}
	return op
}

// vectorInstruction reads the 0xfd family: 128-bit vectors.
func (r *reader) vectorInstruction() opcode {
	sub := r.u32()
	switch {
	case sub <= 11, sub == 92, sub == 93: // loads and stores
		r.memoryArgument()
	case sub == 12, sub == 13: // v128.const, i8x16.shuffle
		r.take(16)
	case sub >= 21 && sub <= 34: // one lane
		r.u8()
	case sub >= 84 && sub <= 91: // load or store one lane
		r.memoryArgument()
		r.u8()
	case sub > 0xff:
		r.fail("instruction 0xfd %d is not part of WebAssembly core 2.0", sub)
	}
	return opcode(0xfd00 | sub)
}

// memoryArgument reads alignment and offset. Bit 6 of the alignment would announce a memory index, which is multi-memory.
func (r *reader) memoryArgument() {
	if r.u32() >= 64 {
		r.fail("multiple memories are not supported")
	}
	r.u32()
}
