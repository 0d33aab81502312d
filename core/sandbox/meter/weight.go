package meter

import "github.com/ostiary/ostiary/core/sandbox/wasm"

// Weights in units of fuel. A unit is about what a simple instruction takes; what costs an engine more weighs more.
const (
	weightImport   = 60   // leaving the guest's code and coming back
	weightCall     = 4    // and one for each parameter and result
	weightIndirect = 10   // and what a function without a count of its own may cost, which is exemptFuel
	weightGrow     = 1000 // memory.grow and table.grow, beside their operand
	weightBulk     = 20   // the other bulk instructions, beside their length
	exemptFuel     = 40   // a function that costs no more, loops included in none, is counted by its callers
)

// What the operand of a bulk instruction costs.
const (
	bytesShift = 3  // a unit for every 8 bytes of memory.fill, memory.copy and memory.init
	pageShift  = 11 // 2048 units for a page of memory.grow; an element of a table costs one
)

// weight is what one instruction costs beside what depends on its operands. Branches and calls weigh more by what they
// move, which walk.go adds.
func weight(op wasm.Opcode) int64 {
	if op >= 0xfd00 {
		return 3 // vectors
	}
	if op >= 0xfc00 {
		return bulkWeight(op)
	}
	return int64(weights[op])
}

func bulkWeight(op wasm.Opcode) int64 {
	switch op {
	case wasm.OpMemoryInit, wasm.OpMemoryCopy, wasm.OpMemoryFill, wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableFill:
		return weightBulk
	case wasm.OpTableGrow:
		return weightGrow
	}
	return 4 // saturating conversions, drops, table.size
}

// weights of the instructions of one byte.
var weights = func() (w [256]uint16) {
	for op := range w {
		w[op] = 1
	}
	set := func(value uint16, ops ...int) {
		for _, op := range ops {
			w[op] = value
		}
	}
	set(0, 0x01, 0x02, 0x03, 0x05, 0x0b, 0x1a, 0x20, 0x41, 0x42) // nop, block, loop, else, end, drop, local.get, constants: no code of their own
	for op := 0x28; op <= 0x3e; op++ {
		w[op] = 2 // loads and stores
	}
	set(2, 0x0d, 0x1b, 0x1c, 0x23, 0x24)                                           // br_if, select, globals
	set(3, 0x0e, 0x25, 0x26)                                                       // br_table, table.get, table.set
	set(weightCall, 0x10)                                                          // call
	set(weightIndirect+exemptFuel, 0x11)                                           // call_indirect
	set(weightGrow, 0x40)                                                          // memory.grow
	set(100, 0xd2)                                                                 // ref.func asks the host
	set(12, 0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82)                        // integer division
	set(8, 0x91, 0x95, 0x9f, 0xa3)                                                 // square root, division of floats
	set(4, 0x8d, 0x8e, 0x8f, 0x90, 0x96, 0x97, 0x9b, 0x9c, 0x9d, 0x9e)             // rounding, minimum and maximum
	set(4, 0xa4, 0xa5, 0xa8, 0xa9, 0xaa, 0xab, 0xae, 0xaf, 0xb0, 0xb1)             // the same of f64, conversions to integers
	set(3, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0x7b, 0x69) // conversions to floats, popcnt
	return w
}()

// values says how many values an instruction makes that a compiler may have to keep on the stack: its result, and what it
// computes on the way. What calls and blocks make is added where their types are known.
func values(op wasm.Opcode) int64 {
	switch {
	case op >= 0x28 && op <= 0x35, op >= 0xfd00 && op <= 0xfd0a, op >= 0xfd54 && op <= 0xfd5d:
		return 3 // a load: the address, where that is, what is there
	case op >= 0x36 && op <= 0x3e, op >= 0xfc08 && op <= 0xfc11:
		return 3
	case op <= wasm.OpReturn, op == wasm.OpDrop, op >= wasm.OpLocalGet && op <= wasm.OpLocalTee, op == wasm.OpGlobalSet,
		op >= wasm.OpI32Const && op <= wasm.OpF64Const:
		return 0
	case op == wasm.OpCallIndirect, op == wasm.OpTableGet, op == wasm.OpTableSet:
		return 3
	}
	return 1
}

// A form is how a straight instruction is written.
type form byte

const (
	crooked form = iota // not straight
	alone               // an opcode
	number              // and a number
	address             // and the alignment and the offset of a place in memory
	other               // and something else
)

// straights tell of each instruction of one byte whether it is nothing but its weight and its values.
var straights = func() (s [256]struct {
	form           form
	sets           bool // a local variable
	weight, values uint8
	effort         uint8
	pushes         int8
	accesses       int8
}) {
	for n := range s {
		op := wasm.Opcode(n)
		local := op >= wasm.OpLocalGet && op <= wasm.OpLocalTee
		memory := op >= 0x28 && op < wasm.OpMemoryGrow
		constant := op >= wasm.OpI32Const && op <= wasm.OpF64Const
		compute := op >= 0x45 && op <= 0xc4
		switch {
		case compute || op == wasm.OpDrop || op == wasm.OpSelect:
			s[n].form = alone
		case local || op == wasm.OpI32Const || op == wasm.OpI64Const:
			s[n].form = number
		case memory && op < wasm.OpMemorySize:
			s[n].form = address
		case memory || constant:
			s[n].form = other
		default:
			continue
		}
		s[n].sets = op == wasm.OpLocalSet || op == wasm.OpLocalTee
		s[n].weight, s[n].values = uint8(weights[n]), uint8(values(op))
		s[n].effort, s[n].pushes = uint8(efforts[n]), pushed[n]
		if accesses(op) {
			s[n].accesses = 1
		}
	}
	return s
}()
