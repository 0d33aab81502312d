package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// reservedPrefix starts the export names that the rewriter adds; a module that brings such names itself is refused.
const reservedPrefix = "ostiary_global_"

func globalExport(index int) string { return fmt.Sprintf("%s%d", reservedPrefix, index) }

// A rewritten module is what the engine compiles instead of the given bytes.
type rewritten struct {
	wasm    []byte
	mutable []int // indices of the globals a reset must restore, each exported under globalExport
}

// rewrite prepares a module for a life in which it can be interrupted and reset. It changes two sections and renumbers
// nothing:
//   - code: an empty loop at the entry of every function and before every bulk memory instruction. The engine looks at the
//     clock at the head of a loop and nowhere else, so without these a call tree without loops runs past any deadline.
//   - exports: every mutable global under a reserved name, because the engine restores only what it can name.
//
// It also collects the reasons for which code must be refused, which only a walk over the instructions finds.
func rewrite(m *module) (rewritten, []string) {
	out := rewritten{wasm: make([]byte, 0, len(m.wasm)+len(m.wasm)/8)}
	for index, g := range m.info.Globals {
		if g.Mutable {
			out.mutable = append(out.mutable, index)
		}
	}
	var reasons []string
	exported := len(out.mutable) == 0
	out.wasm = append(out.wasm, header...)
	for _, s := range m.sections {
		if !exported && s.id != sectionCustom && sectionRank[s.id] >= sectionRank[sectionExport] {
			out.wasm = appendSection(out.wasm, sectionExport, m.exportsWith(out.mutable))
			exported = true
			if s.id == sectionExport {
				continue
			}
		}
		if s.id == sectionCode {
			var code []byte
			code, reasons = m.rewriteCode(s)
			out.wasm = appendSection(out.wasm, sectionCode, code)
			continue
		}
		out.wasm = append(out.wasm, m.wasm[s.start:s.end]...)
	}
	if !exported {
		out.wasm = appendSection(out.wasm, sectionExport, m.exportsWith(out.mutable))
	}
	return out, reasons
}

func appendSection(b []byte, id byte, body []byte) []byte {
	return append(appendU32(append(b, id), uint32(len(body))), body...)
}

// exportsWith gives the body of the export section with the mutable globals added behind the module's own exports.
func (m *module) exportsWith(mutable []int) []byte {
	body := appendU32(nil, uint32(len(m.info.Exports)+len(mutable)))
	for _, s := range m.sections {
		if s.id == sectionExport {
			r := &reader{data: m.wasm[:s.end], pos: s.body}
			r.u32() // the old count
			body = append(body, r.data[r.pos:]...)
		}
	}
	for _, index := range mutable {
		body = append(appendName(body, globalExport(index)), byte(KindGlobal))
		body = appendU32(body, uint32(index))
	}
	return body
}

// checkpoint is `loop end`: no effect for the guest, a look at the clock for the engine. It neither takes nor leaves
// operands, so it may stand before any instruction.
var checkpoint = []byte{byte(opLoop), 0x40, byte(opEnd)}

// A codeRewriter walks the code section once: it writes the new one, collects reasons to refuse the module and estimates
// what compiling it costs.
type codeRewriter struct {
	out     []byte
	reasons []string
	cost    uint64
}

// maxCompileCost bounds the work a module makes for the compiler, in units of roughly a quarter of a microsecond. The
// compiler's time grows with the square of the branches in one function and worse with its local variables, so a module
// far below the size limit could keep it busy for hours. RATIONALE.md has the measurements.
const maxCompileCost = 100_000_000

// maxFunctionBytes bounds one function, because compilation can be cancelled only between functions.
const maxFunctionBytes = 256 << 10

// maxLocals is the engine's own bound on the local variables of one function.
const maxLocals = 50_000

func (m *module) rewriteCode(s section) (code []byte, reasons []string) {
	r := &reader{data: m.wasm[:s.end], pos: s.body}
	n := r.count()
	if n != m.info.Functions {
		return nil, []string{fmt.Sprintf("%d function bodies for %d functions", n, m.info.Functions)}
	}
	w := codeRewriter{}
	code = appendU32(make([]byte, 0, (s.end-s.body)*9/8), uint32(n))
	for range n {
		size := r.count()
		if size > maxFunctionBytes {
			w.refuse(fmt.Sprintf("a function has more than %d bytes", maxFunctionBytes))
		}
		f := r.part(size)
		w.out = w.out[:0]
		w.body(f)
		if f.err != nil {
			return nil, append(w.reasons, f.err.Error())
		}
		code = append(appendU32(code, uint32(len(w.out))), w.out...)
	}
	if r.pos != s.end {
		w.refuse(fmt.Sprintf("offset %d: the code section is longer than its content", r.pos))
	}
	if w.cost > maxCompileCost {
		w.refuse(fmt.Sprintf("its functions are too branched to be compiled: cost %d, the limit is %d", w.cost, maxCompileCost))
	}
	return code, w.reasons
}

func (w *codeRewriter) refuse(reason string) {
	if !slices.Contains(w.reasons, reason) {
		w.reasons = append(w.reasons, reason)
	}
}

// body writes one function body with its checkpoints.
func (w *codeRewriter) body(r *reader) {
	start := r.pos
	var locals, branches, targets uint64
	for n := r.count(); n > 0 && r.err == nil; n-- {
		locals += uint64(r.u32())
		r.valueType()
	}
	if locals > maxLocals {
		w.refuse(fmt.Sprintf("a function has more than %d local variables", maxLocals))
		return
	}
	w.out = append(append(w.out, r.data[start:r.pos]...), checkpoint...)
	copied := r.pos
	for r.more() {
		at := r.pos
		op := r.instruction()
		switch op {
		case opBlock, opLoop, opIf, opBrIf:
			branches++
		case opBrTable:
			targets += uint64(r.pos - at) // at least one byte for each
		case opMemoryFill, opMemoryCopy, opMemoryInit:
			branches++
			w.out = append(append(w.out, r.data[copied:at]...), checkpoint...)
			copied = at
		}
		if word, ok := unrestorable[op]; ok {
			w.refuse(word + " is not allowed: its effect outlives the call")
		}
	}
	w.out = append(w.out, r.data[copied:]...)
	w.cost += branches*branches + branches*locals*locals/16 + 100*targets
}

// unrestorable are the instructions that change state a reset cannot bring back: tables, and segments once dropped.
var unrestorable = map[opcode]string{
	opTableSet: "table.set", opTableInit: "table.init", opTableCopy: "table.copy", opTableGrow: "table.grow",
	opTableFill: "table.fill", opElemDrop: "elem.drop", opDataDrop: "data.drop",
}

// usesReserved reports whether the module brings names that belong to the rewriter.
func (m *module) usesReserved() bool {
	return slices.ContainsFunc(m.info.Exports, func(e Export) bool { return strings.HasPrefix(e.Name, reservedPrefix) })
}
