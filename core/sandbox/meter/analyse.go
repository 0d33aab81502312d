package meter

import (
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// A function is what is known of one function of the module after its walk.
type function struct {
	code    span
	charges []charge // as they are written: the entry, then loops and long ways
	places  span     // of analyser.places
	state   state
	exempt  bool  // counted by its callers: no loop, cheap, and so is all it calls
	guarded bool  // counts the stack it uses
	headed  bool  // called by one that it calls itself, or might
	entry   bool  // the charge at the entry is made by the first loop, which every call reaches at once
	cost    int64 // of an exempt function
	stack   int64 // bytes, with the functions it calls that count none themselves
	taken   bool  // may be called indirectly
}

type state byte

const (
	unseen state = iota
	walking
	done
)

type span struct{ start, end int }

// Stack that no count sees, in bytes: at most directSlack below a function that counts, or indirectSlack where it is
// reached through a table, which is why whoever calls through a table counts that much more.
const (
	directSlack   = 16 << 10
	indirectSlack = 2 << 10
)

// maxWalks bounds how deep walks may start each other. A function that is called beyond it counts for itself.
const maxWalks = 100

// maxLocals bounds the local variables of a function, as engines do.
const maxLocals = 50_000

// maxBlocks bounds the blocks that are open at once, in a function and in those whose walks wait for its own: each takes some hundred
// bytes to remember. No compiler of ours would get through so many branches.
const maxBlocks = 100_000

// An analyser walks functions, those that are called before their callers.
type analyser struct {
	m         *wasm.Module
	functions []function // those defined in the module
	places    []uint32   // what a writer has to look at, function by function
	walks     []*walk
	blocks    int // that are open
	report    *Report
	vectors   []bool // by type: it has some; looked for once, since a type may be long and be called often
}

func (a *analyser) run() error {
	for _, t := range a.m.Types {
		a.vectors = append(a.vectors, slices.Contains(t.Params, wasm.V128) || slices.Contains(t.Results, wasm.V128))
	}
	for index := range a.functions {
		if a.functions[index].state == unseen {
			if err := a.walk(index, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *analyser) at(depth int) *walk {
	for len(a.walks) <= depth {
		a.walks = append(a.walks, &walk{})
	}
	w := a.walks[depth]
	*w = walk{frames: w.frames[:0], regions: w.regions[:0], charges: w.charges[:0], places: w.places[:0], slot: 8, plain: true}
	return w
}

// walk finds what one function needs. Depth says how many walks are waiting for this one.
func (a *analyser) walk(index, depth int) error {
	fn := &a.functions[index]
	fn.state = walking
	w := a.at(depth)
	r := &wasm.Reader{Data: a.m.Wasm[:fn.code.end], Pos: fn.code.start}
	typ := a.m.TypeOf(uint32(a.m.ImportedFunctions + index))
	w.locals = len(typ.Params) + a.locals(r, w)
	for _, t := range typ.Params {
		w.wide(t)
	}
	w.open(frame{op: wasm.OpBlock, arity: int64(len(typ.Results)), results: int64(len(typ.Results))}, true)
	var i wasm.Instruction
	for len(w.frames) > 0 {
		if w.skim(r); !r.More() {
			break
		}
		if r.Instruction(&i); r.Err != nil {
			break
		}
		if w.straight(&i) {
			continue
		}
		a.report.see(i.Op)
		if err := a.step(w, &i, depth); err != nil {
			return a.fail(index, i.At, err)
		}
	}
	switch {
	case r.Err != nil:
		return a.fail(index, -1, r.Err)
	case len(w.frames) > 0:
		return a.fail(index, r.Pos, fmt.Errorf("the function does not end"))
	case r.Pos != fn.code.end:
		return a.fail(index, r.Pos, fmt.Errorf("code follows the end of the function"))
	}
	fn.state = done
	w.settle(fn, typ)
	fn.places = span{len(a.places), len(a.places) + len(w.places)}
	a.places = append(a.places, w.places...)
	a.report.function(index, w.facts, w.locals, len(fn.charges))
	return nil
}

// locals reads the declarations of local variables and counts them.
func (a *analyser) locals(r *wasm.Reader, w *walk) int {
	total := 0
	for n := r.Count(); n > 0 && r.Err == nil; n-- {
		count := r.U32()
		w.wide(r.ValueType())
		if total += int(count); total > maxLocals {
			r.Fail("more than %d local variables", maxLocals)
		}
	}
	return total
}

// skim passes over straight code in its usual form, an opcode and one number of one or two bytes or two of one: most of all code.
func (w *walk) skim(r *wasm.Reader) {
	for r.Err == nil && len(r.Data)-r.Pos >= 3 {
		b := r.Data[r.Pos : r.Pos+3]
		op, x, size := b[0], uint32(b[1]), 1
		switch straights[op].form {
		case alone:
		case number:
			if size = 2; x >= 0x80 {
				x, size = x&0x7f|uint32(b[2])<<7, 3
			}
		case address:
			if size = 3; x >= 64 {
				return
			}
		default:
			return
		}
		if size == 3 && b[2] >= 0x80 {
			return
		}
		w.pass(op, x)
		r.Pos += size
	}
}

// straight notes an instruction that neither branches nor names a function or global.
func (w *walk) straight(i *wasm.Instruction) bool {
	if i.Op > 0xff || straights[i.Op].form == crooked {
		return false
	}
	w.pass(byte(i.Op), i.X)
	return true
}

func (w *walk) pass(op byte, x uint32) {
	s := &straights[op]
	w.owed += int64(s.weight)
	w.values += int64(s.values)
	w.facts.work += uint64(s.effort)
	w.facts.push(int64(s.pushes))
	w.facts.accesses += int64(s.accesses)
	if s.sets {
		w.sets++
		w.top().assigned |= 1 << min(x, 63)
	}
}

func (a *analyser) step(w *walk, i *wasm.Instruction, depth int) error {
	w.add(w.owed + weight(i.Op))
	w.owed = 0
	w.values += values(i.Op)
	w.facts.push(pushes(i.Op))
	w.facts.see(i)
	if i.Op >= 0xfd00 {
		w.slot = 16
		if accesses(i.Op) {
			w.facts.accesses++
		}
	}
	switch i.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		return a.enter(w, i)
	case wasm.OpElse:
		f := w.top()
		if f.op != wasm.OpIf || f.hasElse {
			return fmt.Errorf("else without if")
		}
		f.hasElse = true
		r := w.region()
		f.reach(&r.here)
		r.here = f.start
		w.facts.height = f.base + f.params
		f.met = min(f.met, w.facts.accesses)
		w.facts.accesses = f.before
	case wasm.OpEnd:
		if w.close(i.At); len(w.frames) > 0 {
			a.blocks--
		}
	case wasm.OpReturn:
		if w.region().here.n > 0 { // one that cannot be reached may stay what it is
			w.places = append(w.places, uint32(i.At), uint32(len(w.frames)-1))
		}
		return w.jump(i)
	case wasm.OpBr, wasm.OpBrIf, wasm.OpBrTable, wasm.OpUnreachable:
		return w.jump(i)
	case wasm.OpCall, wasm.OpCallIndirect, wasm.OpRefFunc:
		return a.call(w, i, depth)
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		if uint64(i.X) >= uint64(len(a.m.Info.Globals)) {
			return fmt.Errorf("there is no global %d", i.X)
		}
	case wasm.OpMemoryGrow, wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit,
		wasm.OpTableGrow, wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit:
		w.bulk, w.plain = true, false
		w.place(i.At)
	}
	return nil
}

// enter opens a block, loop or if.
func (a *analyser) enter(w *walk, i *wasm.Instruction) error {
	params, results, err := a.blockType(i.Block)
	if err != nil {
		return err
	}
	if a.blocks++; a.blocks > maxBlocks {
		return fmt.Errorf("too branched: more than %d blocks inside each other", maxBlocks)
	}
	w.facts.carry(params + results)
	f := frame{op: i.Op, arity: results, results: results, params: params, base: w.facts.height - params, before: w.facts.accesses}
	switch i.Op {
	case wasm.OpLoop:
		if w.plain {
			w.merge = true
		}
		f.arity, w.loops, w.plain = params, true, false
		w.add(params)
		w.place(i.At)
	case wasm.OpIf:
		w.plain = false
		f.start = w.region().here
	}
	w.open(f, i.Op == wasm.OpLoop)
	return nil
}

func (a *analyser) blockType(t int64) (params, results int64, err error) {
	switch {
	case t == -64: // 0x40
		return 0, 0, nil
	case t < 0:
		return 0, 1, nil
	case t >= int64(len(a.m.Types)):
		return 0, 0, fmt.Errorf("there is no type %d", t)
	}
	return int64(len(a.m.Types[t].Params)), int64(len(a.m.Types[t].Results)), nil
}

// call weighs a call, and learns from the function that is called, which is walked first if it can be.
func (a *analyser) call(w *walk, i *wasm.Instruction, depth int) error {
	w.plain = false
	if i.Op == wasm.OpCallIndirect {
		if uint64(i.X) >= uint64(len(a.m.Types)) {
			return fmt.Errorf("there is no type %d", i.X)
		}
		w.carries(a.m.Types[i.X], a.vectors[i.X])
		w.indirect, w.callsOut = true, true
		return nil
	}
	if uint64(i.X) >= uint64(len(a.m.Functions)) {
		return fmt.Errorf("there is no function %d", i.X)
	}
	w.place(i.At)
	if i.Op == wasm.OpRefFunc {
		return nil
	}
	w.carries(a.m.TypeOf(i.X), a.vectors[a.m.Functions[i.X]])
	defined := int(i.X) - a.m.ImportedFunctions
	if defined < 0 {
		w.add(weightImport)
		w.callsOut = true
		return nil
	}
	callee := &a.functions[defined]
	if callee.state == unseen && depth < maxWalks {
		if err := a.walk(defined, depth+1); err != nil {
			return err
		}
	}
	switch {
	case callee.state != done:
		callee.headed, w.callsOut = true, true
	case callee.exempt:
		w.add(callee.cost)
		w.below = max(w.below, callee.stack)
	default:
		w.callsOut = true
		if !callee.guarded {
			w.below = max(w.below, callee.stack)
		}
	}
	return nil
}
