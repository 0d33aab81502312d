package sandbox

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

type deepShape struct {
	params string
	locals map[ValueType]uint32
	body   []byte
}

// deepShapes are recursive functions whose frames are large in different ways. Each is the code of function 1 of a module
// in which function 0 gives a number, with as many local variables as named.
func deepShapes() map[string]deepShape {
	times := func(n uint32, code func(uint32) []byte) []byte {
		var out []byte
		for k := range n {
			out = append(out, code(k)...)
		}
		return out
	}
	set := indexed(0x21)
	self := call(1)
	store := func(from, n uint32) []byte {
		return times(n, func(k uint32) []byte { return slices.Concat(i32(int32(4*k)), localGet(from+k), i32Store) })
	}
	block := func(kind byte, n int, inner []byte) []byte {
		return slices.Concat(slices.Repeat(ops(kind, 0x40), n), inner, slices.Repeat(ops(0x0b), n))
	}
	return map[string]deepShape{
		"small": {body: self},
		"calls kept in variables": {locals: map[ValueType]uint32{I32: 2000}, body: slices.Concat(
			times(2000, func(k uint32) []byte { return slices.Concat(call(0), set(k)) }), self, store(0, 2000))},
		"one variable set often": {locals: map[ValueType]uint32{I32: 1}, body: slices.Concat(
			times(1000, func(uint32) []byte {
				return slices.Concat(call(0), set(0), call(0), drop, i32(0), localGet(0), i32Store)
			}), self)},
		"operands": {body: slices.Concat(
			times(700, func(k uint32) []byte { return slices.Concat(i32(8), call(0), i32(int32(k)), ops(0x6a)) }), self, slices.Repeat(i32Store, 700))},
		"loads": {body: slices.Concat(
			times(700, func(k uint32) []byte { return slices.Concat(i32(8), i32(int32(4*k)), i32Load) }), self, slices.Repeat(i32Store, 700))},
		"vectors": {body: slices.Concat(
			times(400, func(uint32) []byte { return slices.Concat(i32(8), call(0), ops(0xfd, 17)) }), self, slices.Repeat(ops(0xfd, 11, 0, 0), 400))},
		"loops in loops": {locals: map[ValueType]uint32{I32: 60}, body: slices.Concat(block(0x03, 30, slices.Concat(
			times(60, func(k uint32) []byte { return slices.Concat(localGet(k), call(0), ops(0x6a), set(k)) }), self,
			times(30, func(k uint32) []byte { return slices.Concat(call(0), ops(0x0d), wasm.AppendU32(nil, k)) }))), store(0, 60))},
		"blocks in blocks": {locals: map[ValueType]uint32{I32: 60}, body: slices.Concat(slices.Repeat(ops(0x02, 0x40), 50),
			times(60, func(k uint32) []byte {
				return slices.Concat(call(0), set(k), call(0), ops(0x0d), wasm.AppendU32(nil, k%50))
			}), times(50, func(k uint32) []byte { return slices.Concat(ops(0x0b), self, store(0, 60)) }))},
		"parameters": {params: strings.Repeat("i", 200), body: slices.Concat(
			times(200, localGet), self, store(0, 200))},
		"vector parameters": {params: strings.Repeat("v", 100), body: slices.Concat(times(100, localGet), self)},
	}
}

// module exports deep, which calls the recursive function.
func (s deepShape) module() *wat {
	w := (&wat{}).pages(1)
	n := w.global(I32, i32(7))
	w.fn("", "", "i", globalGet(n), globalGet(n), i32(1), ops(0x6a), globalSet(n), loop())
	w.fn("", s.params, "", s.body)
	if len(s.locals) > 0 { // declare them: the body has a length and a count of none
		declared := wasm.AppendU32(nil, uint32(len(s.locals)))
		for kind, count := range s.locals {
			declared = append(wasm.AppendU32(declared, count), byte(kind))
		}
		body := slices.Concat(declared, s.body, []byte{byte(wasm.OpEnd)})
		w.code[1] = append(wasm.AppendU32(nil, uint32(len(body))), body...)
	}
	var arguments []byte
	for _, kind := range s.params {
		if arguments = append(arguments, i32(3)...); kind == 'v' {
			arguments = append(arguments, 0xfd, 17) // i32x4.splat
		}
	}
	w.fn("deep", "", "", arguments, call(1))
	return w
}

// However large its frames are, no recursion makes the engine's stack larger than the limit allows for: it doubles, so all
// its copies together are about four times the limit.
func TestNativeStackIsBounded(t *testing.T) {
	const limit = 1 << 20
	for name, shape := range deepShapes() {
		t.Run(name, func(t *testing.T) {
			w := shape.module()
			p := load(t, w.bytes(), nil, Limits{Stack: limit, Fuel: 1 << 40})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := callOnce(p, "deep")
			runtime.ReadMemStats(&after)
			trapOfKind(t, err, TrapStack)
			made := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d KiB were allocated", made>>10)
			if made > 5*limit {
				t.Errorf("%d KiB were allocated for stacks, the limit is %d", made>>10, limit>>10)
			}
		})
	}
}
