package sandbox

import (
	"bytes"
	"context"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// compiles says whether the engine takes a module.
func compiles(binary []byte) bool {
	ctx := context.Background()
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2).WithDebugInfoEnabled(false)
	runtime := wazero.NewRuntimeWithConfig(ctx, config)
	defer runtime.Close(ctx)
	_, err := runtime.CompileModule(ctx, binary)
	return err == nil
}

// withoutCustoms gives the sections that mean something to the engine.
func withoutCustoms(binary []byte) []byte {
	m, err := wasm.Parse(binary)
	if err != nil {
		return binary
	}
	out := []byte(wasm.Header)
	for _, s := range m.Sections {
		if s.ID != wasm.SectionCustom {
			out = append(out, binary[s.Start:s.End]...)
		}
	}
	return out
}

// FuzzRewrite holds the meter to two promises: it answers with a module or an error whatever it is given, and the engine
// takes the module if and only if it takes the one that was given. The second half is what keeps a guest away from the
// counts: an index one too high must not come to mean what was added.
func FuzzRewrite(f *testing.F) {
	for _, seed := range rewriteSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, binary []byte) {
		if len(binary) > 1<<16 {
			return
		}
		before := bytes.Clone(binary)
		out, err := meter.Rewrite(binary, meter.Options{Fuel: 1 << 40, Stack: 1 << 20})
		if !bytes.Equal(before, binary) {
			t.Fatal("the input was written to")
		}
		if err != nil || out.Report.CompileCost > 1<<20 {
			return
		}
		switch made := compiles(out.Wasm); {
		case compiles(binary) && !made:
			t.Fatal("the engine takes the module that was given, but not the one that was made")
		case made && !compiles(withoutCustoms(binary)): // damaged names do not survive
			t.Fatal("the engine takes the module that was made, but not the one that was given")
		}
		if _, err := wasm.Parse(out.Wasm); err != nil {
			t.Fatalf("what was made cannot be read: %v", err)
		}
	})
}

// rewriteSeeds have between them every construct that is renumbered or added to.
func rewriteSeeds() [][]byte {
	names := &wat{}
	names.importFunc("env", "f", "i", "i")
	names.fn("g", "i", "i", localGet(0), call(0))
	named := wasm.AppendName([]byte{2, 1}, "main.g")
	named = append([]byte{1, byte(len(named))}, named...)
	names.customs = append(names.customs, append(wasm.AppendName(nil, "name"), named...))

	segments := &wat{}
	segments.table = []byte{1, byte(FuncRef), 0, 8}
	segments.fn("f", "", "", ops(0xd2, 0, 0x1a))
	segments.elements = []byte{6,
		0, 0x41, 0, 0x0b, 1, 0, // active
		1, 0, 1, 0, // passive
		2, 0, 0x41, 1, 0x0b, 0, 1, 0, // active in a table that is named
		3, 0, 1, 0, // declared
		4, 0x41, 2, 0x0b, 1, 0xd2, 0, 0x0b, // expressions
		5, byte(FuncRef), 1, 0xd0, byte(FuncRef), 0x0b,
	}

	many := (&wat{}).pages(1)
	index := uint32(len(many.functions))
	many.fn("many", "iI", "Ii", localGet(1), localGet(0), call(index))
	many.fn("grow", "i", "i", localGet(0), memoryGrow)
	many.fn("returns", "", "i", ops(0x02, 0x40, 0x03, 0x40), i32(1), ops(0x0d, 1), i32(7), ops(0x0f, 0x0b, 0x0b), i32(8))
	return [][]byte{hostile(), keeper(), fills(), neighbour(), names.bytes(), segments.bytes(), many.bytes(), (&wat{}).bytes()}
}

// Each of these is invalid by one. What is added must not make it valid.
func TestNothingAddedCanBeReached(t *testing.T) {
	module := func(body ...[]byte) []byte {
		w := (&wat{}).pages(1)
		w.global(I64, i64(0))
		w.fn("f", "", "", body...)
		w.tableOf(1, 0)
		return w.bytes()
	}
	start := &wat{}
	start.fn("f", "", "")
	start.start = []byte{1}
	element := &wat{}
	element.fn("f", "", "")
	element.tableOf(1, 1)
	offset := &wat{}
	offset.fn("f", "", "")
	offset.tableOf(1)
	offset.elements = []byte{1, 0, 0x23, 0, 0x0b, 0}
	for name, binary := range map[string][]byte{
		"call":          module(call(1)),
		"ref.func":      module(ops(0xd2, 1, 0x1a)),
		"global.get":    module(globalGet(1), drop),
		"global.set":    module(i64(1<<40), globalSet(1)),
		"call_indirect": module(i32(0), ops(0x11, 1, 0)),
		"block":         module(ops(0x02, 1, 0x0b)),
		"loop":          module(ops(0x03, 2, 0x0b)),
		"label":         module(ops(0x0c, 1)),
		"start":         start.bytes(),
		"element":       element.bytes(),
		"offset":        offset.bytes(),
	} {
		if _, err := meter.Rewrite(binary, meter.Options{}); err == nil {
			t.Errorf("%s: not refused", name)
		}
		if compiles(binary) {
			t.Errorf("%s: it is valid, so this proves nothing", name)
		}
	}
}

func TestRefusalNamesTheFunction(t *testing.T) {
	w := &wat{}
	w.fn("", "", "")
	w.fn("", "", "", call(9))
	named := wasm.AppendName([]byte{1, 1}, "main.broken")
	binary := wasm.AppendSection(w.bytes(), wasm.SectionCustom, append(append(wasm.AppendName(nil, "name"), 1, byte(len(named))), named...))
	_, err := meter.Rewrite(binary, meter.Options{})
	if want := "function main.broken: offset 30: there is no function 9"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// What is used can be foretold: a loop costs the same in every round, bulk instructions by their length, refused growth
// nothing but the asking, and the same call always the same.
func TestFuelIsForetold(t *testing.T) {
	w := (&wat{}).pages(32)
	w.fn("rounds", "i", "", loop(localGet(0), i32(1), ops(0x6b), ops(0x22, 0), ops(0x0d, 0)))
	w.fn("fill", "i", "", i32(0), i32(7), localGet(0), memoryFill)
	w.fn("grow", "i", "i", localGet(0), memoryGrow)
	w.fn("one", "", "i", i32(1))
	p := load(t, w.bytes(), nil, Limits{MemoryPages: 64})
	fuel := func(export string, n uint64) uint64 {
		t.Helper()
		params := []uint64{n}[:len(p.functions[export].params)]
		_, usage, err := callOnce(p, export, params...)
		if err != nil {
			t.Fatal(err)
		}
		return usage.Fuel
	}
	for n := range uint64(3) {
		if got, want := fuel("rounds", 1000*n+500)-fuel("rounds", 500), n*(fuel("rounds", 1500)-fuel("rounds", 500)); got != want {
			t.Errorf("%d rounds more cost %d, want %d", 1000*n, got, want)
		}
	}
	if a, b := fuel("rounds", 3_000_000), fuel("rounds", 3_000_000); a != b || a < 3_000_000 {
		t.Errorf("three million rounds cost %d, then %d", a, b)
	}
	if got := fuel("fill", 2<<20) - fuel("fill", 0); got != 2<<20/8 {
		t.Errorf("filling 2 MiB costs %d", got)
	}
	if refused, granted := fuel("grow", 33), fuel("grow", 32); refused > 2000 || granted-refused != 32*2048 {
		t.Errorf("growing costs %d, in vain %d", granted, refused)
	}
	if got := fuel("one", 0); got != 0 {
		t.Errorf("a function too small to count costs %d", got)
	}
}
