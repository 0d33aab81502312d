package sandbox

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// ways are functions that get back to where they were by every road the instruction set has. Each goes round a thousand
// times, so that a road on which nothing is charged shows as executed instructions without fuel.
func ways() []byte {
	w := (&wat{}).pages(1)
	left := w.global(I32, i32(0)) // rounds still to go
	start := slices.Concat(i32(1000), globalSet(left))
	// next leaves 1 if there is another round.
	next := slices.Concat(globalGet(left), i32(1), ops(0x6b), globalSet(left), globalGet(left), i32(0), ops(0x4a))
	work := slices.Repeat(slices.Concat(i32(7), ops(0x45), drop), 100) // a hundred instructions that count
	block := func(body ...[]byte) []byte { return slices.Concat(ops(0x02, 0x40), slices.Concat(body...), ops(0x0b)) }
	when := func(yes, no []byte) []byte { return slices.Concat(ops(0x04, 0x40), yes, ops(0x05), no, ops(0x0b)) }
	brIf := indexed(0x0d)
	way := func(name string, body ...[]byte) { w.fn(name, "", "", start, slices.Concat(body...)) }

	way("br_if at the end", loop(work, next, brIf(0)))
	way("br_if at the start", loop(block(next, ops(0x45), brIf(0), work, br(1))))
	way("br in the middle", loop(next, brIf(0), work))
	way("out of nested blocks", loop(block(block(block(work, next, ops(0x45), brIf(2), br(3)))), work))
	way("br_table to the loop", loop(work, next, ops(0x0e, 2, 1, 0, 0)))
	way("br_table by default", loop(block(work, next, ops(0x0e, 1, 0, 1)), work))
	way("else", loop(next, when(br(1), work)))
	way("only else goes round", loop(next, ops(0x45), when(nil, slices.Concat(work, br(1)))))
	way("then without else", loop(next, ops(0x04, 0x40), work, br(1), ops(0x0b)))
	odd := slices.Concat(globalGet(left), i32(1), ops(0x71)) // every second round
	few := slices.Repeat(slices.Concat(i32(7), ops(0x45), drop), 10)
	for name, arms := range map[string][2][]byte{"then": {work, nil}, "else": {nil, work}, "both": {work, work}, "little": {few, nil}} {
		way("what follows "+name, loop(odd, when(arms[0], arms[1]), work, next, brIf(0)))
	}
	way("what follows a block that is left", loop(block(odd, brIf(0), work), work, block(odd, ops(0x45), brIf(0), few), few, next, brIf(0)))
	way("what follows a loop that leaves", loop(block(loop(work, odd, brIf(1), few)), work, next, brIf(0)))
	way("what follows a table", loop(block(block(block(work, odd, ops(0x0e, 1, 0, 1)), work, br(1)), few), work, next, brIf(0)))
	way("code after a nested loop", loop(loop(), work, next, brIf(0)))
	way("code between nested loops", loop(loop(), work, loop(loop()), work, loop(), next, brIf(0)))
	way("a nested loop that leaves to the outer", loop(work, loop(next, brIf(1)), work))
	way("a nested loop that is left by its end", loop(next, when(loop(work, br(2)), nil)))
	way("two loops that jump to the outer", loop(loop(work, next, brIf(1)), loop(work, next, brIf(1))))
	way("dead code in between", loop(work, next, brIf(0), ops(0x0f), work, br(0), work))
	way("dead loop in between", loop(work, next, brIf(0), ops(0x0f), loop(work, br(0)), work))
	way("unreachable behind", loop(work, next, brIf(0)), ops(0x0f), unreachable, loop(br(0)))
	way("block in a loop", loop(block(next, ops(0x45), brIf(0), br(1)), work))
	way("forward over a loop", loop(block(next, brIf(0), loop(work), ops(0x0f)), work, br(0)))

	// Loops that take and leave values.
	loopOf := func(params, results string, body ...[]byte) []byte {
		return slices.Concat(ops(0x03), wasm.AppendU32(nil, w.typeIndex(params, results)), slices.Concat(body...), ops(0x0b))
	}
	way("a loop with parameters", i32(1), i64(2), loopOf("iI", "iI", work, next, brIf(0)), drop, drop)
	way("a loop with results", i32(1), loopOf("i", "i", work, next, brIf(0)), drop)

	// By calls.
	self := uint32(w.imported + len(w.functions))
	w.fn("", "", "", work, next, ops(0x04, 0x40), call(self), ops(0x0b))
	way("recursion", call(self))
	leaf := w.fn("", "", "", work)
	way("calls", loop(call(leaf), call(leaf), next, brIf(0)))
	empty := w.fn("", "", "")
	way("calls of nothing", loop(slices.Repeat(call(empty), 100), next, brIf(0)))
	plain := wasm.AppendU32(nil, w.typeIndex("", ""))
	indirect := slices.Concat(i32(0), ops(0x11), plain, ops(0))
	way("indirect calls", loop(indirect, next, brIf(0)))
	w.tableOf(1, leaf)

	// By length.
	way("fills", loop(i32(0), i32(1), i32(1<<16), memoryFill, next, brIf(0)))
	way("copies", loop(i32(0), i32(8), i32(1<<15), ops(0xfc, 10, 0, 0), next, brIf(0)))
	way("inits", loop(i32(0), i32(0), i32(1<<10), ops(0xfc, 8, 0, 0), next, brIf(0)))
	w.passive(string(make([]byte, 1<<10)))
	way("sizes", loop(slices.Repeat(ops(0x3f, 0, 0x1a), 100), next, brIf(0)))
	way("growths of nothing", loop(slices.Repeat(slices.Concat(i32(0), memoryGrow, drop), 100), next, brIf(0)))
	return w.bytes()
}

// TestEveryWayRoundIsCharged measures each of the ways by counting, and gives it less fuel than it needs.
func TestEveryWayRoundIsCharged(t *testing.T) {
	atLeast := map[string]int64{ // what is charged by length, beside the instructions
		"fills": 1000 << 16 >> 4, "copies": 1000 << 15 >> 4, "inits": 1000 << 10 >> 4, "growths of nothing": 100_000 * 100,
	}
	binary := ways()
	work, paying := alone(t, counting(), binary), alone(t, metered(plenty), binary)
	for _, name := range exportedFunctions(t, binary) {
		executed, err := work.call(name, plenty)
		if err != nil || executed < 6000 {
			t.Fatalf("%s: %d instructions, %v", name, executed, err)
		}
		paid, err := paying.call(name, plenty)
		if err != nil || paid < executed || paid < atLeast[name] {
			t.Errorf("%s: %d instructions for %d units of fuel, %v", name, executed, paid, err)
		}
		for _, fuel := range []int64{0, 1, paid / 1000, paid / 2, paid * 9 / 10} {
			if _, err := paying.call(name, fuel); !errors.Is(err, errFuel) {
				t.Errorf("%s with %d units of %d: %v, want to run out", name, fuel, paid, err)
			}
		}
		if spent, err := paying.call(name, paid); err != nil || spent != paid {
			t.Errorf("%s with exactly its fuel: %d of %d, %v", name, spent, paid, err)
		}
	}
}

func exportedFunctions(t *testing.T, binary []byte) (names []string) {
	t.Helper()
	info, err := Inspect(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range info.Exports {
		if e.Kind == KindFunction {
			names = append(names, e.Name)
		}
	}
	return names
}

// A lone module imports nothing of its own.
type lone struct {
	mode mode
	mod  api.Module
}

func alone(t *testing.T, m mode, binary []byte) lone {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	t.Cleanup(func() { runtime.Close(ctx) })
	rewritten, err := m.rewrite(binary)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.host(ctx, runtime); err != nil {
		t.Fatal(err)
	}
	mod, err := runtime.Instantiate(ctx, rewritten)
	if err != nil {
		t.Fatal(err)
	}
	return lone{mode: m, mod: mod}
}

// call runs an export with that much fuel, if the module is metered, and says what it spent.
func (l lone) call(export string, fuel int64) (int64, error) {
	l.mode.refuel(l.mod)
	saved := plenty - fuel
	if l.mod.ExportedGlobal(meter.FuelExport) != nil {
		setGlobal(l.mod, meter.FuelExport, fuel)
	}
	_, err := l.mod.ExportedFunction(export).Call(context.Background())
	return l.mode.spent(l.mod) - saved, err
}
