package meter

import (
	"math/bits"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// A Report is what Rewrite saw in the code of a module: material for rules that others have.
type Report struct {
	Elements    int    // entries of all element segments
	CompileCost uint64 // how much work the module makes for a compiler, in units of roughly a tenth of a microsecond
	LargestCost uint64 // of the function that makes most of it
	Largest     int    // that function, imports not counted
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
	across   uint64 // values on the stack at each branch, added up: the compiler looks at all of them there
	work     uint64 // what grows in proportion, in units of CompileCost
	height   int64  // values on the stack now, or more: where code cannot be reached it is not known
	highest  int64
	accesses int64  // of the memory on every way to here, or more; nowhere and more where code cannot be reached
	meetings uint64 // targets of br_table beside the first that leads to a block: there the compiler looks at all local variables
	bounds   uint64 // accesses at each branch, added up: the compiler notes there how much of the memory is known to be there
}

// nowhere is more accesses than there can be on any way.
const nowhere = 1 << 40

func (f *facts) see(i *wasm.Instruction) {
	f.work += uint64(effort(i.Op))
	switch op := i.Op; {
	case op == wasm.OpBlock, op == wasm.OpLoop, op == wasm.OpIf, op == wasm.OpBrIf:
		f.branch()
	case op == wasm.OpBrTable:
		f.work += effortTarget * uint64(len(i.Targets))
		f.branch()
	default:
		if _, bulk := bulkHelper(op); bulk { // it becomes several ways
			f.branch()
		}
	}
}

func (f *facts) branch() {
	f.branches++
	f.across += uint64(min(max(f.height, 0), mostAlive))
	if f.accesses < nowhere {
		f.bounds += uint64(f.accesses)
	}
}

// push moves the height of the stack; negative numbers of values are taken off.
func (f *facts) push(values int64) {
	f.height += values
	f.highest = max(f.highest, f.height)
}

// carry adds values that the compiler moves from one place to another.
func (f *facts) carry(values int64) { f.work += effortValue * uint64(values) }

// crowd is how many values alive at once make the work twice as much.
const crowd = 400

// Bounds that are far beyond what anybody accepts, so that no product of what a module says of itself becomes too large to be counted.
const (
	mostAlive = 1 << 20
	mostWork  = 1 << 40
)

// cost is the work that a function makes for a compiler. In proportion to its instructions it is more the longer the function is, and
// the more values are alive at once, which are its local variables and what is on the stack. Beside that it is quadratic in branches,
// and worse with local variables, with what is on the stack and with accesses to the memory before; a header adds a branch.
func (f facts) cost(locals, headers int) uint64 {
	l, branches := uint64(locals), f.branches+uint64(headers)
	linear := min(f.work, mostWork) * uint64(3+bits.Len64(f.work>>13)) / 3
	linear += min(linear, mostWork) * min(l+uint64(f.highest), mostAlive) / crowd
	return linear + branches*branches/2 + branches*l*l/16 + effortAcross*f.across + effortBound*f.bounds + effortMeeting*f.meetings*(l+4)
}

// function adds one function.
func (r *Report) function(index int, f facts, locals, headers int) {
	r.Functions++
	cost := f.cost(locals, headers)
	r.CompileCost += cost
	if cost > r.LargestCost {
		r.LargestCost, r.Largest = cost, index
	}
}
