package meter

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// module makes a module with a memory, a global, a table and one function, of type (i32) -> i32.
func module(body ...byte) []byte {
	out := []byte(wasm.Header)
	out = wasm.AppendSection(out, wasm.SectionType, []byte{1, 0x60, 1, 0x7f, 1, 0x7f})
	out = wasm.AppendSection(out, wasm.SectionFunction, []byte{1, 0})
	out = wasm.AppendSection(out, wasm.SectionTable, []byte{1, 0x70, 0, 1})
	out = wasm.AppendSection(out, wasm.SectionMemory, []byte{1, 0, 1})
	out = wasm.AppendSection(out, wasm.SectionGlobal, []byte{1, 0x7f, 1, 0x41, 0, 0x0b})
	code := append(append([]byte{0}, body...), 0x0b)
	return wasm.AppendSection(out, wasm.SectionCode, append([]byte{1}, append(wasm.AppendU32(nil, uint32(len(code))), code...)...))
}

// What is on the stack is never taken for less than it is, and without vectors for no more where code can be reached.
func TestHeightOfTheStack(t *testing.T) {
	one := []byte{0x41, 1}
	for name, c := range map[string]struct {
		body    []byte
		highest int64
	}{
		"arithmetic":            {slices.Concat(one, one, one, []byte{0x6a, 0x6a}), 3},
		"loads and stores":      {slices.Concat(one, one, []byte{0x28, 2, 0, 0x36, 2, 0}, one), 2},
		"select":                {slices.Concat(one, one, one, []byte{0x1b}), 3},
		"globals":               {[]byte{0x23, 0, 0x24, 0, 0x23, 0}, 1},
		"block":                 {slices.Concat(one, []byte{0x02, 0x40}, one, []byte{0x1a, 0x0b}), 2},
		"block with a result":   {slices.Concat(one, []byte{0x02, 0x7f}, one, one, []byte{0x6a, 0x0b, 0x6a}), 3},
		"if with else":          {slices.Concat(one, one, []byte{0x04, 0x7f}, one, []byte{0x05}, one, one, []byte{0x6a, 0x0b, 0x6a}), 3},
		"block with parameters": {slices.Concat(one, one, []byte{0x02, 0, 0x0b, 0x6a}), 2},
		"branch":                {slices.Concat([]byte{0x02, 0x7f}, one, one, []byte{0x0d, 0, 0x0b}), 2},
		"after a branch":        {slices.Concat([]byte{0x02, 0x7f}, one, one, one, one, []byte{0x0c, 0, 0x0b}), 4},
		"after a return":        {slices.Concat(one, []byte{0x02, 0x40}, one, one, one, []byte{0x0f, 0x0b}, one, []byte{0x6a}), 4},
		"call":                  {slices.Concat(one, one, []byte{0x10, 0, 0x6a}), 2},
		"indirect call":         {slices.Concat(one, one, one, []byte{0x11, 0, 0, 0x6a}), 3},
		"memory":                {slices.Concat(one, one, one, []byte{0xfc, 11, 0, 0x3f, 0, 0x40, 0}), 3},
		"table":                 {slices.Concat(one, []byte{0x25, 0, 0xd1, 0xfc, 16, 0, 0x6a}), 2},
		"vectors, at least":     {slices.Concat(one, one, []byte{0xfd, 15, 0xfd, 77, 0xfd, 21, 0, 0x6a}), 2},
	} {
		t.Run(name, func(t *testing.T) {
			if f := factsOf(t, c.body); f.highest != c.highest || f.height != 1 {
				t.Errorf("highest %d, want %d; %d at the end, want 1", f.highest, c.highest, f.height)
			}
		})
	}
}

// factsOf gives what is found of a function with this body.
func factsOf(t *testing.T, body []byte) facts {
	t.Helper()
	m, err := wasm.Parse(module(body...))
	if err != nil {
		t.Fatal(err)
	}
	a := &analyser{m: m, functions: make([]function, 1), report: &Report{}}
	if err := a.bodies(); err != nil {
		t.Fatal(err)
	}
	if err := a.run(); err != nil {
		t.Fatal(err)
	}
	return a.walks[0].facts
}

// Accesses to the memory count at each branch that they lead to, on the way with the fewest, and not where nothing leads.
func TestAccessesBeforeBranches(t *testing.T) {
	one, leave := []byte{0x41, 1}, []byte{0x41, 1, 0x0d, 0}
	load, store := []byte{0x41, 1, 0x28, 2, 0, 0x1a}, []byte{0x41, 1, 0x41, 1, 0x36, 2, 0}
	vector := []byte{0x41, 1, 0xfd, 0, 0, 0, 0x1a}
	block := func(op byte, body ...[]byte) []byte {
		return slices.Concat([]byte{op, 0x40}, slices.Concat(body...), []byte{0x0b})
	}
	for name, c := range map[string]struct {
		body []byte
		want uint64
	}{
		"none before":           {slices.Concat(block(0x02, leave), load), 0},
		"each branch":           {slices.Concat(load, store, block(0x02, leave, vector, leave)), 2 + 2 + 3},
		"other instructions":    {slices.Concat(one, one, []byte{0x6a, 0x1a}, block(0x02, leave)), 0},
		"the way with fewest":   {slices.Concat(load, block(0x02, leave, load, load), block(0x02)), 1 + 1 + 1},
		"a loop":                {slices.Concat(load, block(0x03, leave, load), block(0x02)), 1 + 1 + 2},
		"an if":                 {slices.Concat(one, block(0x04, load, load), block(0x02)), 0},
		"an if with else":       {slices.Concat(one, block(0x04, load, load, []byte{0x05}, load), block(0x02)), 1},
		"a table":               {slices.Concat(load, block(0x02, one, []byte{0x0e, 1, 0, 0}, load), block(0x02)), 1 + 1 + 1},
		"where nothing leads":   {slices.Concat(load, block(0x02, []byte{0x0c, 0}, load, block(0x02)), block(0x02)), 1 + 1},
		"behind an endless way": {slices.Concat(load, block(0x02, block(0x02, []byte{0x0c, 1})), block(0x02)), 1 + 1 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := factsOf(t, slices.Concat(c.body, one)).bounds; got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// What a br_table leads to counts from the second time on, wherever the first one was.
func TestMeetingsOfTables(t *testing.T) {
	one := []byte{0x41, 1}
	table := func(labels ...byte) []byte { return slices.Concat(one, []byte{0x0e, byte(len(labels) - 1)}, labels) }
	block := func(op byte, body ...[]byte) []byte {
		return slices.Concat([]byte{op, 0x40}, slices.Concat(body...), []byte{0x0b})
	}
	for name, c := range map[string]struct {
		body []byte
		want uint64
	}{
		"each another block":    {block(0x02, block(0x02, block(0x02, table(0, 1, 2)))), 0},
		"one block":             {block(0x02, table(0, 0, 0, 0)), 3},
		"two blocks":            {block(0x02, block(0x02, table(0, 1, 0, 1, 1))), 3},
		"two tables":            {block(0x02, block(0x02, table(0, 1)), table(0)), 1},
		"one after the other":   {slices.Concat(block(0x02, table(0, 0)), block(0x02, table(0, 0))), 2},
		"a loop":                {block(0x03, table(0, 0)), 1},
		"other branches do not": {block(0x02, one, []byte{0x0d, 0}, table(0)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := factsOf(t, slices.Concat(c.body, one)).meetings; got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// Work that is compiled together costs more than apart, and more where more values are alive.
func TestCostOfFunctions(t *testing.T) {
	small := facts{work: 10_000}
	large := facts{work: 1_000_000}
	if 100*small.cost(0, 0) >= large.cost(0, 0) {
		t.Error("a long function costs no more than many short ones")
	}
	if small.cost(0, 0) >= small.cost(crowd, 0) || small.cost(0, 0) >= (facts{work: 10_000, highest: crowd}).cost(0, 0) {
		t.Error("values that are alive cost nothing")
	}
	if (facts{branches: 100}).cost(10, 0) >= (facts{branches: 100, bounds: 1000}).cost(10, 0) {
		t.Error("accesses before branches cost nothing")
	}
	if few := (facts{meetings: 1000}).cost(10, 0); few == 0 || (facts{meetings: 1000}).cost(1000, 0) < 50*few {
		t.Error("local variables cost little where tables meet")
	}
	const most = 1 << 44 // more than any module of 8 MiB can say of itself
	huge := facts{work: most, highest: most, branches: 1 << 18, across: 1 << 38, meetings: 1 << 23}
	if huge.cost(50_000, 1<<18) < mostWork {
		t.Error("what is too much to be counted costs little")
	}
	if (facts{branches: 100}).cost(10, 0) >= (facts{branches: 100, across: 100}).cost(10, 0) {
		t.Error("values at branches cost nothing")
	}
}
