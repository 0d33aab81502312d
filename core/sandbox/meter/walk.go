package meter

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// A charge pays for what follows it, up to the next.
type charge struct{ weight int64 }

// splitWay is how much longer the way through a block may be than the way around it before what follows is charged apart.
// Without it a jump into the last part of a long function, which is how Go's compiler returns from every call, would pay
// for all of it.
const splitWay = 50

// ways are the longest ways to a place, by the charge that they start from.
type ways struct {
	n  int
	to [4]way
}

type way struct {
	charge int
	cost   int64
}

// join adds the ways of another branch. It fails if there would be too many.
func (a *ways) join(b *ways) bool {
	for _, w := range b.to[:b.n] {
		n := slices.IndexFunc(a.to[:a.n], func(o way) bool { return o.charge == w.charge })
		switch {
		case n >= 0:
			a.to[n].cost = max(a.to[n].cost, w.cost)
		case a.n == len(a.to):
			return false
		default:
			a.to[a.n] = w
			a.n++
		}
	}
	return true
}

// unlike says whether one of them is so much longer than another that they should not pay for the same.
func (a *ways) unlike(b *ways) bool {
	if a.n == 0 || b.n == 0 {
		return false
	}
	shortest, longest := a.to[0].cost, a.to[0].cost
	for _, ways := range []*ways{a, b} {
		for _, w := range ways.to[:ways.n] {
			shortest, longest = min(shortest, w.cost), max(longest, w.cost)
		}
	}
	return longest-shortest > splitWay
}

// A region is the code of a loop without the loops inside it, or of a function outside all loops. Branches back lead to
// its head only, so between two visits of the head every instruction of it runs at most once, and the longest way from a
// charge to the next is the most it can have to pay for.
type region struct {
	here   ways // no ways: out of reach
	charge int  // at its head
}

// A frame is one block, loop, if or the function itself.
type frame struct {
	op             wasm.Opcode
	region         int
	start, end     ways  // to an if's arms, and to its end by branches
	arity          int64 // values a branch to it carries
	params         int64
	results        int64
	base           int64  // values on the stack below its own
	before, met    int64  // accesses to the memory at its beginning, and the fewest at a branch to its end
	sets           int    // how many local.set there were before it
	assigned       uint64 // which of the first 64 locals it sets
	apart, hasElse bool   // what follows its end is charged apart; an else was seen
	tabled         bool   // a br_table leads to it
}

// A walk is the state of one pass over one function.
type walk struct {
	frames   []frame
	regions  []region
	charges  []charge
	places   []uint32 // instructions that are written otherwise or stand before a charge; those of returns are followed by their depth
	locals   int
	sets     int
	values   int64 // values that may be kept on the stack
	slot     int64 // bytes of one
	owed     int64 // by straight code, which the ways to here do not have yet
	outgoing int64 // slots for parameters and results of calls
	below    int64 // stack of the callee that needs most without counting it
	indirect bool
	plain    bool // nothing so far but straight code outside loops
	loops    bool
	bulk     bool
	callsOut bool // calls something that is not exempt
	facts    facts
	merge    bool // the first loop is reached by straight code
}

func (w *walk) wide(t wasm.ValueType) {
	if t == wasm.V128 {
		w.slot = 16
	}
}

// settle draws the conclusions of a walk.
func (w *walk) settle(fn *function, typ wasm.FuncType) {
	fn.charges = slices.Clone(w.charges)
	own := w.slot*(w.values+w.outgoing+2*int64(len(typ.Params)+len(typ.Results))) + 192 // registers saved, return address
	fn.stack = own + w.below
	fn.guarded = fn.headed || w.indirect || fn.stack > directSlack || fn.taken && fn.stack > indirectSlack
	if w.indirect {
		fn.stack += indirectSlack
	}
	fn.exempt = !fn.guarded && !w.loops && !w.bulk && !w.callsOut && fn.charges[0].weight <= exemptFuel
	if fn.exempt {
		fn.cost, fn.charges[0].weight = fn.charges[0].weight, 0
	}
	if w.merge && fn.charges[0].weight <= 32+fn.charges[1].weight/8 {
		fn.entry = true
		fn.charges[1].weight += fn.charges[0].weight
		fn.charges[0].weight = 0
	}
}

func (w *walk) region() *region { return &w.regions[len(w.regions)-1] }
func (w *walk) top() *frame     { return &w.frames[len(w.frames)-1] }
func (w *walk) place(at int)    { w.places = append(w.places, uint32(at)) }

// add makes all ways to here longer.
func (w *walk) add(weight int64) {
	here := &w.region().here
	for n := range here.to[:here.n] {
		way := &here.to[n]
		way.cost += weight
		if c := &w.charges[way.charge]; way.cost > c.weight {
			c.weight = way.cost
		}
	}
}

// pay makes a new charge here, from which ways start again. Where nothing leads it is not needed, but does no harm.
func (w *walk) pay() {
	w.charges = append(w.charges, charge{})
	w.region().here = ways{n: 1}
	w.region().here.to[0].charge = len(w.charges) - 1
}

// open enters a block; a loop and the function itself are regions.
func (w *walk) open(f frame, head bool) {
	if head {
		reached := len(w.regions) == 0 || w.region().here.n > 0
		w.regions = append(w.regions, region{charge: len(w.charges)})
		if w.pay(); !reached {
			w.region().here.n = 0
		}
	}
	f.region, f.sets, f.met = len(w.regions)-1, w.sets, nowhere
	w.frames = append(w.frames, f)
}

// close leaves a block with the end that stands there: what is behind is reached from its end and by the branches to it.
func (w *walk) close(at int) {
	w.add(w.top().results)
	f := *w.top()
	w.facts.height = f.base
	w.facts.push(f.results)
	w.facts.accesses = min(w.facts.accesses, f.met)
	if f.op == wasm.OpIf && !f.hasElse {
		w.facts.accesses = min(w.facts.accesses, f.before)
	}
	w.frames = w.frames[:len(w.frames)-1]
	switch {
	case f.op == wasm.OpLoop || len(w.frames) == 0:
		falls := w.region().here.n > 0
		w.regions = w.regions[:len(w.regions)-1]
		if len(w.frames) > 0 && !falls {
			w.region().here.n = 0
		}
	case f.op == wasm.OpIf && !f.hasElse:
		f.reach(&f.start)
		w.meet(&f, at)
	default:
		w.meet(&f, at)
	}
	// Every local set inside may need a value of its own where the ways meet again, and so does every result.
	phis := w.sets - f.sets
	if w.locals <= 64 {
		phis = bits.OnesCount64(f.assigned)
	}
	w.values += int64(min(phis, w.locals)) + f.results
	if f.op == wasm.OpLoop {
		w.values += f.arity
	}
	if len(w.frames) > 0 {
		w.top().assigned |= f.assigned
	}
}

// meet joins the ways to the end of a block, or lets them start again behind it.
func (w *walk) meet(f *frame, at int) {
	here := &w.region().here
	if f.apart || here.unlike(&f.end) || !here.join(&f.end) {
		w.pay()
		w.place(at)
	}
}

// target finds the label that many blocks out.
func (w *walk) target(label uint32) (*frame, error) {
	if uint64(label) >= uint64(len(w.frames)) {
		return nil, fmt.Errorf("there is no label %d", label)
	}
	return &w.frames[len(w.frames)-1-int(label)], nil
}

// branch takes the way to a label. Out of a loop, the way so far is the one to the loop.
func (w *walk) branch(f *frame) {
	if f.op != wasm.OpLoop {
		f.met = min(f.met, w.facts.accesses)
		here := w.regions[f.region].here
		f.reach(&here)
	}
}

// reach adds ways to the end of a block. Where there are too many, the end starts again.
func (f *frame) reach(here *ways) { f.apart = f.apart || !f.end.join(here) }

// leave marks what follows as out of reach.
func (w *walk) leave() {
	w.region().here.n = 0
	w.facts.height, w.facts.accesses = w.top().base, nowhere
}

// moves is what a branch costs: the values it carries, and where there are many local variables, those too.
func (w *walk) moves(arity int64) int64 { return arity + int64(max(0, w.locals-64)/4) }

// jump follows an instruction that may go elsewhere.
func (w *walk) jump(i *wasm.Instruction) error {
	w.plain = false
	switch i.Op {
	case wasm.OpBr, wasm.OpBrIf:
		f, err := w.target(i.X)
		if err != nil {
			return err
		}
		w.add(w.moves(f.arity))
		w.facts.carry(f.arity)
		w.branch(f)
	case wasm.OpBrTable:
		if _, err := w.target(slices.Max(i.Targets)); err != nil {
			return err
		}
		f, _ := w.target(i.Targets[0]) // all carry the same
		w.add(w.moves(f.arity))
		w.facts.carry(f.arity * int64(len(i.Targets)) / 2)
		for _, label := range i.Targets {
			f, _ := w.target(label)
			w.branch(f)
			if f.tabled {
				w.facts.meetings++
			}
			f.tabled = true
		}
	case wasm.OpReturn:
		w.add(w.moves(w.frames[0].arity))
		w.facts.carry(w.frames[0].arity)
	}
	if i.Op != wasm.OpBrIf {
		w.leave()
	}
	return nil
}

// carries adds what parameters and results of a call cost; vectors says whether there are vectors among them.
func (w *walk) carries(t wasm.FuncType, vectors bool) {
	both := int64(len(t.Params) + len(t.Results))
	w.facts.push(int64(len(t.Results) - len(t.Params)))
	w.add(both)
	w.facts.carry(both)
	w.values += int64(len(t.Results))
	w.outgoing = max(w.outgoing, both)
	if vectors {
		w.slot = 16
	}
}
