package meter

import "github.com/ostiary/ostiary/core/sandbox/wasm"

// What an instruction makes a compiler do, in units of Report.CompileCost. Measured with functions of a kilobyte that do little else,
// each of whose results is used.
const (
	effortFunction = 100 // each function
	effortTarget   = 25  // each target of br_table
	effortMeeting  = 5   // each local variable, and four times beside, at each target of br_table that others lead to already
	effortValue    = 10  // each value that a call, a block or a branch carries; half of it for each target
	effortAcross   = 8   // each value that is on the stack at a branch
	effortBound    = 1   // each access to the memory on the way to a branch
	effortVector   = 50
	effortBulk     = 300
	effortSaturate = 40 // conversions that cannot fail
)

// effort gives what one instruction makes the compiler do beside what depends on its operands.
func effort(op wasm.Opcode) uint16 {
	switch {
	case op >= 0xfd00:
		return effortVector
	case op >= wasm.OpMemoryInit:
		return effortBulk
	case op >= 0xfc00:
		return effortSaturate
	}
	return efforts[op]
}

// efforts of the instructions of one byte.
var efforts = func() (e [256]uint16) {
	set := func(value uint16, from, to int) {
		for op := from; op <= to; op++ {
			e[op] = value
		}
	}
	set(1, 0x00, 0xff)
	set(10, 0x02, 0x0f) // blocks and branches, beside what grows with their number
	set(20, 0x10, 0x10) // call
	set(190, 0x11, 0x11)
	set(10, 0x1b, 0x1c) // select
	set(4, 0x23, 0x24)  // globals
	set(40, 0x25, 0x26) // tables
	set(45, 0x28, 0x35) // loads
	set(60, 0x36, 0x3e) // stores
	set(10, 0x3f, 0x3f)
	set(50, 0x40, 0x40) // memory.grow
	set(8, 0x43, 0x44)  // constants that are loaded
	set(12, 0x45, 0x66) // comparisons
	set(6, 0x67, 0x69)
	set(10, 0x6a, 0xa7)
	set(40, 0x6d, 0x70) // division
	set(6, 0x79, 0x7b)
	set(40, 0x7f, 0x82)
	set(15, 0x8b, 0x98)
	set(35, 0x96, 0x98) // minimum, maximum, copysign
	set(15, 0x99, 0xa6)
	set(35, 0xa4, 0xa6)
	set(60, 0xa8, 0xb1) // truncations
	set(6, 0xac, 0xad)
	set(15, 0xb2, 0xbf) // conversions
	set(40, 0xb5, 0xb5)
	set(40, 0xba, 0xba)
	set(10, 0xc0, 0xc4)
	set(16, 0xd1, 0xd1) // ref.is_null
	set(25, 0xd2, 0xd2) // ref.func
	return e
}()

// accesses tells the instructions that load or store.
func accesses(op wasm.Opcode) bool {
	switch low := op & 0xff; {
	case op >= 0xfd00:
		return low <= 11 || low >= 84 && low <= 93
	case op <= 0xff:
		return op >= 0x28 && op <= 0x3e
	}
	return false
}

// pushes gives how many values an instruction leaves on the stack more than it takes, or more than that; of calls and blocks it is
// added where their types are known.
func pushes(op wasm.Opcode) int64 {
	switch {
	case op >= 0xfd00:
		return pushesVector(op)
	case op >= wasm.OpMemoryInit && op <= 0xfcff:
		return pushesBulk(op)
	case op >= 0xfc00:
		return 0
	}
	return int64(pushed[op])
}

func pushesBulk(op wasm.Opcode) int64 {
	switch op {
	case wasm.OpDataDrop, wasm.OpElemDrop:
		return 0
	case wasm.OpTableSize:
		return 1
	case wasm.OpTableGrow:
		return -1
	}
	return -3
}

// pushesVector tells those that take more than they leave from those that may not.
func pushesVector(op wasm.Opcode) int64 {
	switch low := op & 0xff; {
	case op == wasm.OpV128Const:
		return 1
	case low == 11, low == 82, low >= 88 && low <= 91: // stores, bitselect
		return -2
	case low == 13, low == 14, low >= 35 && low <= 76, low >= 78 && low <= 81, low >= 84 && low <= 87: // shuffle, swizzle, comparisons, logic
		return -1
	}
	return 0 // too much for most of the rest, which so seems to be more crowded than it is
}

// pushed is pushes for the instructions of one byte.
var pushed = func() (p [256]int8) {
	set := func(value int8, from, to int) {
		for op := from; op <= to; op++ {
			p[op] = value
		}
	}
	set(-1, 0x04, 0x04) // if
	set(-1, 0x0d, 0x0e) // br_if, br_table
	set(-1, 0x11, 0x11) // call_indirect
	set(-1, 0x1a, 0x1a) // drop
	set(-2, 0x1b, 0x1c) // select
	set(1, 0x20, 0x20)  // local.get
	set(-1, 0x21, 0x21)
	set(1, 0x23, 0x23) // global.get
	set(-1, 0x24, 0x24)
	set(-2, 0x26, 0x26) // table.set
	set(-2, 0x36, 0x3e) // stores
	set(1, 0x3f, 0x3f)  // memory.size
	set(1, 0x41, 0x44)  // constants
	set(-1, 0x46, 0x4f) // comparisons
	set(-1, 0x51, 0x66)
	set(-1, 0x6a, 0x78) // arithmetic
	set(-1, 0x7c, 0x8a)
	set(-1, 0x92, 0x98)
	set(-1, 0xa0, 0xa6)
	set(1, 0xd0, 0xd0) // ref.null
	set(1, 0xd2, 0xd2)
	return p
}()
