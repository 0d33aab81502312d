package meter

import "github.com/ostiary/ostiary/core/sandbox/wasm"

// A Report is what Rewrite saw in the code of a module: material for rules that others have.
type Report struct {
	Elements    int    // entries of all element segments
	CompileCost uint64 // how much work the module makes for a compiler, in units of roughly a quarter of a microsecond
	Functions   int    // functions in the module
	Charges     int    // places where fuel is charged
	Guarded     int    // functions that count their stack
	Exempt      int    // functions that are counted by their callers

	seen [3][4]uint64 // instructions in the code, by prefix
}

// Uses says whether the instruction occurs in the code. Those that only compute, load or store are not noted.
func (r *Report) Uses(op wasm.Opcode) bool {
	family, low := family(op)
	return r.seen[family][low>>6]&(1<<(low&63)) != 0
}

func (r *Report) see(op wasm.Opcode) {
	family, low := family(op)
	r.seen[family][low>>6] |= 1 << (low & 63)
}

func family(op wasm.Opcode) (family, low int) {
	switch op >> 8 {
	case 0xfc:
		return 1, int(op & 0xff)
	case 0xfd:
		return 2, int(op & 0xff)
	}
	return 0, int(op & 0xff)
}

// facts of one function are what a compiler's time depends on.
type facts struct {
	branches uint64
	work     uint64 // what grows in proportion, in units of CompileCost
}

// What some instructions make the compiler do, in units of CompileCost.
const (
	workTarget   = 100 // each target of br_table
	workValue    = 16  // each value that a call, a block or a branch carries; half of it for each target
	workIndirect = 40  // looking a function up in a table
	workTrap     = 10  // leaving at an operand without result
)

func (f *facts) see(i *wasm.Instruction) {
	switch op := i.Op; {
	case op == wasm.OpBlock, op == wasm.OpLoop, op == wasm.OpIf, op == wasm.OpBrIf:
		f.branches++
	case op == wasm.OpBrTable:
		f.work += workTarget * uint64(len(i.Targets))
	case op == wasm.OpCallIndirect:
		f.work += workIndirect
	case traps(op):
		f.work += workTrap
	default:
		if _, bulk := bulkHelper(op); bulk { // it becomes several ways
			f.branches++
		}
	}
}

// traps says whether it is a division or a truncation.
func traps(op wasm.Opcode) bool {
	return op >= 0x6d && op <= 0x70 || op >= 0x7f && op <= 0x82 || op >= 0xa8 && op <= 0xb1
}

// carry adds values that the compiler moves from one place to another.
func (f *facts) carry(values int64) { f.work += workValue * uint64(values) }

// function adds one function. Compilation takes time quadratic in the branches of one function, and worse with its local
// variables; a header adds a branch.
func (r *Report) function(f facts, locals, headers int) {
	r.Functions++
	branches, l := f.branches+uint64(headers), uint64(locals)
	r.CompileCost += branches*branches + branches*l*l/16 + f.work
}
