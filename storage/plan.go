package storage

import (
	"context"
	"errors"
)

// A plan gathers the ops of one Apply, each with the error that its refusal means to the verb.
type plan struct {
	ops     []Op
	refused []error
	err     error // the first op that could not be made
}

// newPlan has room for what a registration writes.
func newPlan() plan {
	const usual = 12
	return plan{ops: make([]Op, 0, usual), refused: make([]error, 0, usual)}
}

// add takes an op that cannot be refused, or whose refusal is a fault.
func (p *plan) add(op Op) { p.expect(op, nil) }

// expect takes an op whose refusal means something.
func (p *plan) expect(op Op, refused error) {
	p.ops = append(p.ops, op)
	p.refused = append(p.refused, refused)
}

// made takes what a Table made.
func (p *plan) made(op Op, err error) { p.madeExpecting(op, err, nil) }

func (p *plan) madeExpecting(op Op, err, refused error) {
	p.err = errors.Join(p.err, err)
	p.expect(op, refused)
}

// fits tells whether one Apply can hold both.
func (p *plan) fits(next plan) bool {
	return len(p.ops)+len(next.ops) <= MaxOps && p.size()+next.size() <= MaxApply
}

func (p *plan) size() int {
	total := 0
	for _, op := range p.ops {
		total += len(op.Key) + len(op.Value) + OpSize
	}
	return total
}

// join adds another plan.
func (p *plan) join(next plan) {
	p.ops, p.refused = append(p.ops, next.ops...), append(p.refused, next.refused...)
	p.err = errors.Join(p.err, next.err)
}

// apply carries the plan out and translates a refusal.
func (p *plan) apply(ctx context.Context, engine Engine) error {
	if p.err != nil {
		return p.err
	}
	if len(p.ops) == 0 {
		return nil
	}
	err := engine.Apply(ctx, p.ops...)
	if i := RefusedAt(err); i >= 0 && i < len(p.refused) && p.refused[i] != nil {
		return p.refused[i]
	}
	return asError(err)
}
