package sandbox

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// callTree makes 2^depth calls without a single loop: the shape that the engine's own check does not see.
func callTree(w *wat, depth int) {
	leaf := w.fn("", "", "")
	for range depth {
		leaf = w.fn("", "", "", call(leaf), call(leaf))
	}
	w.export("tree", KindFunction, leaf)
}

// hostile is a module with one export per way to misbehave.
func hostile() []byte {
	w := (&wat{}).pages(16)
	exit := w.importFunc(wasiModule, "proc_exit", "i", "")
	write := w.importFunc(wasiModule, "fd_write", "iiii", "i")
	random := w.importFunc(wasiModule, "random_get", "ii", "i")
	callTree(w, 40)
	w.fn("spin", "", "", loop(br(0)))
	self := uint32(w.imported + len(w.functions))
	w.fn("recurse", "", "", call(self))
	w.fn("odd", "", "", call(self+2))
	w.fn("even", "", "", call(self+1))
	w.fn("indirectly", "", "", i32(1), ops(0x11), wasm.AppendU32(nil, w.typeIndex("", "")), ops(0))
	var parameters [][]byte
	for n := range uint32(24) {
		parameters = append(parameters, i32(int32(n)))
	}
	w.fn("", strings.Repeat("i", 24), "", append(parameters, call(self+4))...)
	w.fn("deep", "", "", append(parameters, call(self+4))...)
	w.fn("table", "", "", loop(ops(0x02, 0x40, 0x02, 0x40), i32(1), ops(0x0e, 2, 0, 1, 2), ops(0x0b, 0x0b), br(0)))
	w.fn("bomb", "", "i", loop(i32(64), memoryGrow, drop, br(0)), i32(0))
	w.fn("grow", "i", "i", localGet(0), memoryGrow)
	w.fn("fill", "", "", loop(i32(0), i32(1), i32(1<<20), memoryFill, br(0)))
	w.fn("give_up", "", "", unreachable)
	w.fn("outside", "", "i", i32(-4), i32Load)
	w.fn("divide", "", "i", i32(1), i32(0), i32DivS)
	w.fn("nowhere", "", "", i32(7), ops(0x11, 3, 0)) // call_indirect beyond the table
	w.fn("exit", "", "", i32(3), call(exit))
	// One vector at 0: 4 KiB of zero bytes from 1024, written for ever or twice.
	vector := slices.Concat(i32(0), i32(1024), i32Store, i32(4), i32(4096), i32Store)
	write1 := slices.Concat(i32(1), i32(0), i32(1), i32(8), call(write), drop)
	w.fn("dice", "", "", loop(i32(0), i32(1<<20), call(random), drop, br(0)))
	w.fn("flood", "", "", vector, loop(write1, br(0)))
	w.fn("chatter", "", "", vector, write1, write1)
	w.fn("alloc", "i", "i", i32(16))
	w.fn("alloc_outside", "i", "i", i32(1<<20))
	w.fn("echo", "ii", "I", localGet(0), i64Extend, i64(32), i64Shl, localGet(1), i64Extend, i64Or)
	w.fn("answer_outside", "ii", "I", packed(1<<31, 16))
	w.fn("answer_over_edge", "ii", "I", packed(1<<20-4, 16))
	w.fn("answer_huge", "ii", "I", packed(0, 0xffffffff))
	w.tableOf(2, exit, self+3)
	return w.bytes()
}

// fills keeps the machine busy with long instructions and has no loop between them.
func fills() []byte {
	w := (&wat{}).pages(256)
	var body [][]byte
	for range 100 {
		body = append(body, i32(0), i32(1), i32(16<<20), memoryFill)
	}
	hundred := call(w.fn("", "", "", body...))
	w.fn("fills", "", "", slices.Repeat(hundred, 200))
	w.fn("alloc", "i", "i", i32(16))
	w.fn("echo", "ii", "I", localGet(0), i64Extend, i64(32), i64Shl, localGet(1), i64Extend, i64Or)
	return w.bytes()
}

// neighbour is a well-behaved program that must not notice the others.
func neighbour() []byte {
	w := (&wat{}).pages(1)
	w.fn("alloc", "i", "i", i32(16))
	w.fn("echo", "ii", "I", localGet(0), i64Extend, i64(32), i64Shl, localGet(1), i64Extend, i64Or)
	return w.bytes()
}
