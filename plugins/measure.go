package plugins

import (
	"context"
	"slices"
	"time"
)

// A Measure is what one call of a case cost, in the middle of many.
type Measure struct {
	Calls  int           // that were made
	Wall   time.Duration // of one call, everything included but the case's own preparation
	Fuel   uint64
	Memory int64
}

// Bench asks a case for a while, at least once.
func (w *Workbench) Bench(ctx context.Context, c Case, each time.Duration) (Measure, error) {
	v, err := w.stage.version(ctx, &c)
	if err != nil {
		return Measure{}, err
	}
	v.check(ctx, c) // the first one warms up
	var m Measure
	var walls []time.Duration
	var all time.Duration
	for all < each || len(walls) == 0 {
		one := v.check(ctx, c)
		if err := ctx.Err(); err != nil {
			return Measure{}, err
		}
		if one.Usage.Wall <= 0 { // it was never asked
			break
		}
		walls = append(walls, one.Usage.Wall)
		all += one.Usage.Wall
		m.Fuel, m.Memory = one.Usage.Fuel, one.Memory
	}
	m.Calls, m.Wall = len(walls), middle(walls)
	return m, nil
}

// middle gives the median.
func middle(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2]
}
