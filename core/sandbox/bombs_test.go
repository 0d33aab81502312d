package sandbox

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// withLocals defines a function with local variables of its own.
func (w *wat) withLocals(params, results string, locals int, body ...[]byte) {
	w.fn("", params, results)
	code := append(wasm.AppendU32([]byte{1}, uint32(locals)), byte(I32))
	code = append(append(code, slices.Concat(body...)...), byte(wasm.OpEnd))
	w.code[len(w.code)-1] = append(wasm.AppendU32(nil, uint32(len(code))), code...)
}

// bombs are small modules that would keep the compiler busy for minutes, or fill the memory of the process, before any of
// their code runs.
func bombs() map[string]*wat {
	all := map[string]*wat{}
	bomb := func(name string) *wat {
		all[name] = (&wat{}).pages(1)
		return all[name]
	}
	thousand := strings.Repeat("i", 1000)
	zeros := bytes.Repeat(i32(0), 1000)
	drops := bytes.Repeat(drop, 1000)
	block := func(op byte, t uint32, body ...[]byte) []byte {
		return slices.Concat(wasm.AppendS64([]byte{op}, int64(t)), slices.Concat(body...), ops(0x0b))
	}
	leave := slices.Concat(i32(0), ops(0x0d, 0)) // br_if

	w := bomb("many loops")
	w.fn("", "", "", bytes.Repeat(loop(leave), 20_000))
	w = bomb("nested loops")
	w.fn("", "", "", bytes.Repeat(ops(0x03, 0x40), 10_000), bytes.Repeat(slices.Concat(leave, ops(0x0b)), 10_000))
	w = bomb("millions of blocks in blocks")
	w.fn("", "", "", bytes.Repeat(ops(0x02, 0x40), 2_700_000), bytes.Repeat(ops(0x0b), 2_700_000))
	w = bomb("blocks in blocks, in many functions")
	for range 30 {
		w.fn("", "", "", bytes.Repeat(ops(0x02, 0x40), 80_000), bytes.Repeat(ops(0x0b), 80_000))
	}
	w = bomb("blocks in blocks, in functions that call each other from there")
	for n := range uint32(30) {
		w.fn("", "", "", bytes.Repeat(ops(0x02, 0x40), 80_000), call(min(n+1, 29)), bytes.Repeat(ops(0x0b), 80_000))
	}
	w = bomb("loops and local variables")
	w.withLocals("", "", 2000, bytes.Repeat(loop(leave), 1000))
	w = bomb("calls that carry a thousand values")
	carry := w.fn("", thousand, thousand, zeros)
	w.fn("", "", "", zeros, bytes.Repeat(call(carry), 60_000), drops)
	w = bomb("calls that give half a million values")
	million := strings.Repeat("i", 500_000)
	give := w.fn("", "", million, unreachable)
	for range 20 {
		w.fn("", "", "", bytes.Repeat(call(give), 130_000), unreachable)
	}
	w = bomb("loops that carry a thousand values")
	w.fn("", "", "", zeros, bytes.Repeat(block(0x03, w.typeIndex(thousand, thousand), leave), 8_000), drops)
	w = bomb("blocks that carry a thousand values")
	w.fn("", "", "", zeros, bytes.Repeat(block(0x02, w.typeIndex(thousand, thousand), leave), 8_000), drops)
	w = bomb("branches that carry a thousand values")
	w.fn("", "i", thousand, zeros, bytes.Repeat(slices.Concat(localGet(0), ops(0x0d, 0)), 50_000))
	w = bomb("a table of branches that carry a thousand values")
	w.fn("", "", "", block(0x02, w.typeIndex("", thousand), zeros, i32(0), wasm.AppendU32([]byte{0x0e}, 60_000), make([]byte, 60_001)), drops)
	w = bomb("a table of a million branches")
	for range 6 {
		w.fn("", "", "", i32(0), wasm.AppendU32([]byte{0x0e}, 250_000), make([]byte, 250_001))
	}
	table := func(targets uint32) []byte { // all of them leave the block
		return slices.Concat(ops(0x02, 0x40), localGet(0), wasm.AppendU32([]byte{0x0e}, targets-1), make([]byte, targets), ops(0x0b))
	}
	set, add := []byte(nil), []byte(nil)
	for n := range byte(100) {
		set = append(set, slices.Concat(localGet(0), ops(0x21, n+1))...)
		add = append(add, slices.Concat(localGet(uint32(n)+1), drop)...)
	}
	w = bomb("two long tables of branches, and local variables")
	w.withLocals("i", "", 400, set, table(10_000), table(10_000), add)
	w = bomb("tables of branches, and local variables")
	for range 120 {
		w.withLocals("i", "", 100, set, bytes.Repeat(table(100), 16), add)
	}
	w = bomb("bulk instructions")
	for range 4 {
		w.fn("", "", "", bytes.Repeat(slices.Concat(i32(0), i32(0), i32(0), memoryFill), 25_000))
	}
	w = bomb("growths")
	w.fn("", "", "", bytes.Repeat(slices.Concat(i32(0), memoryGrow, drop), 20_000))
	w = bomb("functions and types")
	for range 60_000 {
		w.fn("", "", "")
	}
	w = bomb("elements")
	w.tableOf(1, w.fn("", "", ""))
	w.elements = append(wasm.AppendU32([]byte{1, 1, 0}, 8_000_000), make([]byte, 8_000_000)...)
	w = bomb("segments of elements")
	w.tableOf(1, w.fn("", "", ""))
	w.elements = append(wasm.AppendU32(nil, 2_000_000), bytes.Repeat([]byte{1, 0, 0}, 2_000_000)...)
	w = bomb("segments of data")
	for range 2_000_000 {
		w.segments = append(w.segments, []byte{1, 0})
	}
	for name, unit := range map[string][]byte{
		"nothing but calls":          call(0),
		"nothing but indirect calls": slices.Concat(i32(0), ops(0x11, 0, 0)),
		"nothing but loads":          slices.Concat(i32(0), i32Load, drop),
		"nothing but stores":         slices.Concat(i32(0), i32(0), i32Store),
		"nothing but conversions":    slices.Concat(i64(0), ops(0xba, 0xb1), drop),
		"nothing but divisions":      slices.Concat(i32(1), i32(1), i32DivS, drop),
		"nothing but vectors":        slices.Concat(i32(0), i32(0), ops(0xfd, 0, 0, 0), ops(0xfd, 98), ops(0xfd, 11, 0, 0)),
	} {
		w = bomb(name)
		w.tableOf(1, w.fn("", "", ""))
		filler := bytes.Repeat(unit, 20_000/len(unit))
		for range 8_000_000 / len(filler) {
			w.fn("", "", "", filler)
		}
	}
	for name, unit := range map[string][]byte{
		"branches over many values": slices.Concat(i32(0), ops(0x04, 0x40, 0x0b)),
		"loops over many values":    loop(leave),
		"calls over many values":    bytes.Repeat(call(0), 20),
	} {
		w = bomb(name)
		w.fn("", "", "")
		for range 40 {
			w.fn("", "", "", bytes.Repeat(slices.Concat(i32(4), i32Load), 8000), bytes.Repeat(unit, 300), bytes.Repeat(drop, 8000))
		}
	}
	w = bomb("branches behind many loads")
	for range 20 {
		w.fn("", "i", "", bytes.Repeat(slices.Concat(i32(0), i32Load, drop), 10_000), bytes.Repeat(ops(0x20, 0, 0x0d, 0), 2_500))
	}
	w = bomb("one function of calls")
	w.fn("", "", "")
	w.fn("", "", "", bytes.Repeat(call(0), 130_000))
	w = bomb("wide types")
	w.typeIndex(thousand, thousand)
	for range 4_000 {
		w.types = append(w.types, w.types[0])
	}
	return all
}

// The bombs are refused before the compiler sees them, and it takes little to see what they are.
func TestBombsAreRefused(t *testing.T) {
	if racing {
		t.Skip("no goroutines share anything here; tested without the race detector")
	}
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range bombs() {
		binary := w.bytes()
		before := allocated()
		_, _, _, err := check(binary, nil, limits, meter.RewriteModule)
		var refused *LoadError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %d bytes are not refused: %v", name, len(binary), err)
			continue
		}
		took := allocated() - before
		if took > 512<<20 {
			t.Errorf("%s: it took %d MiB to refuse %d bytes", name, took>>20, len(binary))
		}
		t.Logf("%s: %d bytes, for %d MiB: %s", name, len(binary), took>>20, refused)
	}
}

// What compilers make of programs stays far from what is refused, all of it and each of its functions.
func TestGuestsAreNotTakenForBombs(t *testing.T) {
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	guest, err := buildGuest()
	if err != nil {
		t.Fatal(err)
	}
	guests := map[string][]byte{"go": guest}
	for _, language := range []string{"go", "rust", "assemblyscript"} {
		if kit, err := os.ReadFile(filepath.Join(kits, language+".wasm")); err == nil { // there is one once `make bench` has run
			guests["kit of "+language] = kit
		}
	}
	for name, binary := range guests {
		metered, err := meter.Rewrite(binary, meterOptions(limits))
		if err != nil {
			t.Fatal(err)
		}
		if r := metered.Report; r.CompileCost == 0 || r.CompileCost > maxCompileCost/4 || r.LargestCost > maxFunctionCost/4 {
			t.Errorf("%s: cost %d, of one function %d", name, r.CompileCost, r.LargestCost)
		}
	}
}

// A function that is too much is named.
func TestLargestFunctionIsNamed(t *testing.T) {
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	w := (&wat{}).pages(1)
	w.fn("", "", "")
	w.fn("", "", "", bytes.Repeat(call(0), 130_000))
	names := wasm.AppendName([]byte{1, 1}, "main.huge") // one name: that of function 1
	w.custom("name", string(wasm.AppendSection(nil, 1, names)))
	_, _, _, err = check(w.bytes(), nil, limits, meter.RewriteModule)
	if err == nil || !strings.Contains(err.Error(), "function main.huge is too much to be compiled") {
		t.Error(err)
	}
}

// allocated is what the process has allocated so far, in bytes.
func allocated() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}
