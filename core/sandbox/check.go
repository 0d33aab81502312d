package sandbox

import (
	"fmt"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// Bounds on what a module makes the compiler do. RATIONALE.md has the measurements.
const (
	// maxCompileCost bounds the work in units of roughly a tenth of a microsecond of one core: a module far below the size limit could
	// keep the compiler busy for hours.
	maxCompileCost = 100_000_000
	// maxFunctionCost bounds what one function takes of it, and so the memory: about 25 bytes for each unit, for two functions at once.
	maxFunctionCost = 6_000_000
	// maxFunctionBytes bounds one function, because compilation can be cancelled only between functions, and because walking blocks in
	// blocks takes a hundred times as much memory as they do.
	maxFunctionBytes = 256 << 10
)

// maxReasons bounds how many reasons to refuse a module are told at once.
const maxReasons = 20

// A rewriter meters a module, or has it from before.
type rewriter func(*wasm.Module, meter.Options) (*meter.Metered, error)

// meterOptions are what a module is metered for.
func meterOptions(l Limits) meter.Options {
	return meter.Options{Stack: initialStack, MemoryPages: l.MemoryPages, Function: maxFunctionBytes}
}

// check parses and meters a module and lists every reason to refuse it that can be found without compiling it.
func check(binary []byte, imports Imports, l Limits, rewrite rewriter) (*wasm.Module, *meter.Metered, Imports, error) {
	if len(binary) > l.ModuleBytes {
		return nil, nil, nil, refuse(nil, "the module has %d bytes, the limit is %d", len(binary), l.ModuleBytes)
	}
	m, err := wasm.Parse(binary)
	if err != nil {
		return nil, nil, nil, refuse(err, "the module cannot be read: %s", err)
	}
	reasons := append(imports.check(), declared(m, l)...)
	chosen, missing := imports.resolve(m.Info.Imports)
	reasons = append(reasons, missing...)
	metered, err := rewrite(m, meterOptions(l))
	if err != nil {
		reasons = append(reasons, clean(err.Error()))
	} else {
		reasons = append(reasons, coded(m, &metered.Report, l)...)
	}
	if more := len(reasons) - maxReasons; more > 0 {
		reasons = append(reasons[:maxReasons], fmt.Sprintf("and %d more", more))
	}
	if len(reasons) > 0 {
		return nil, nil, nil, &LoadError{Reasons: reasons, Err: err}
	}
	return m, metered, chosen, nil
}

// declared are the rules about what a module declares. What it imports is checked by Imports.resolve, its code by coded.
func declared(m *wasm.Module, l Limits) []string {
	var reasons []string
	refuse := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if len(m.Info.Memories) > 1 {
		refuse("it has %d memories, at most one is supported", len(m.Info.Memories))
	}
	for _, memory := range m.Info.Memories {
		if memory.Min > l.MemoryPages {
			refuse("it starts with %d pages of memory, the limit is %d", memory.Min, l.MemoryPages)
		}
	}
	var elements uint64
	for _, table := range m.Info.Tables {
		elements += uint64(table.Min)
	}
	if elements > uint64(l.TableElements) {
		refuse("it starts with %d table elements, the limit is %d", elements, l.TableElements)
	}
	for index, g := range m.Info.Globals {
		if g.Mutable && !g.Type.Numeric() {
			refuse("global %d is a mutable %s, which cannot be restored", index, g.Type)
		}
	}
	return reasons
}

// unrestorable are the instructions that change state a reset cannot bring back: tables, and segments once dropped.
var unrestorable = []struct {
	op   wasm.Opcode
	word string
}{
	{wasm.OpTableSet, "table.set"}, {wasm.OpTableInit, "table.init"}, {wasm.OpTableCopy, "table.copy"},
	{wasm.OpTableGrow, "table.grow"}, {wasm.OpTableFill, "table.fill"}, {wasm.OpElemDrop, "elem.drop"},
	{wasm.OpDataDrop, "data.drop"},
}

// coded are the rules about code.
func coded(m *wasm.Module, r *meter.Report, l Limits) []string {
	var reasons []string
	for _, u := range unrestorable {
		if r.Uses(u.op) {
			reasons = append(reasons, u.word+" is not allowed: its effect outlives the call")
		}
	}
	if uint64(r.Elements) > uint64(l.TableElements) {
		reasons = append(reasons, fmt.Sprintf("it fills tables with %d elements, the limit is %d", r.Elements, l.TableElements))
	}
	if r.CompileCost > maxCompileCost {
		reasons = append(reasons, fmt.Sprintf("its code is too much to be compiled: cost %d, the limit is %d", r.CompileCost, maxCompileCost))
	}
	if r.LargestCost > maxFunctionCost {
		reasons = append(reasons, fmt.Sprintf("function %s is too much to be compiled: cost %d, the limit is %d: make several of it",
			clean(m.FunctionName(r.Largest)), r.LargestCost, maxFunctionCost))
	}
	return reasons
}
