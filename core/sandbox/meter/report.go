package meter

import "github.com/ostiary/ostiary/core/sandbox/wasm"

// A Report is what Rewrite saw in the code of a module: material for rules that others have.
type Report struct {
	LongestFunction int    // bytes of the longest function
	CompileCost     uint64 // how much work the module makes for a compiler, in units of roughly a quarter of a microsecond
	Functions       int    // functions in the module
	Charges         int    // places where fuel is charged
	Guarded         int    // functions that count their stack
	Exempt          int    // functions that are counted by their callers

	seen [3][4]uint64 // instructions in the code, by prefix
}

// Uses says whether the instruction occurs in the code.
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
type facts struct{ branches, targets uint64 }

func (f *facts) see(i *wasm.Instruction) {
	switch i.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf, wasm.OpBrIf:
		f.branches++
	case wasm.OpBrTable:
		f.targets += uint64(len(i.Targets))
	default:
		if _, bulk := bulkHelper(i.Op); bulk { // it becomes several ways
			f.branches++
		}
	}
}

// function adds one function. Compilation takes time quadratic in the branches of one function, and worse with its local
// variables; a header adds a branch.
func (r *Report) function(f facts, locals, headers int, code span) {
	r.Functions++
	r.LongestFunction = max(r.LongestFunction, code.end-code.start)
	branches, l := f.branches+uint64(headers), uint64(locals)
	r.CompileCost += branches*branches + branches*l*l/16 + 100*f.targets
}
