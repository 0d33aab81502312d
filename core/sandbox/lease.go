package sandbox

import (
	"context"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// slice is how much fuel a guest gets at a time. When it is used up the guest asks for more, which is when the clock and
// the contexts are looked at and when Go's collector and scheduler get their turn. It lasts about a millisecond.
const slice = 1_000_000

// A lease is what one piece of work may use.
type lease struct {
	ctx      context.Context // of Do
	started  time.Time
	deadline time.Time
	aside    bool  // the guest has no turn to compute
	budget   int64 // fuel for all of it
	used     int64 // fuel of slices that are used up
	given    int64 // the slice the guest has now; zero before it asked for one
}

// begin opens a lease that ends after that time.
func (i *Instance) begin(ctx context.Context, fuel uint64, wall time.Duration) {
	now := time.Now()
	i.lease = lease{ctx: ctx, started: now, deadline: now.Add(wall), budget: int64(fuel)}
	i.calls++
	i.host.reset(i.program.limits)
	if i.fuel != nil {
		i.lease.given = min(slice, i.lease.budget)
		i.fuel.Set(uint64(i.lease.given))
	}
	i.using.Unlock()
}

// end closes a lease: from here on the instance answers ErrNotLeased. A call that somebody left running is waited for; it
// is bounded by the lease.
func (i *Instance) end() Usage {
	i.using.Lock()
	i.host.flush(i.lease.ctx)
	usage := Usage{Fuel: i.spent(), LogDropped: i.host.dropped}
	if i.mem != nil {
		usage.MemoryPages = i.mem.Size() >> 16
	}
	return usage
}

// spent is the fuel used so far. What a guest is charged for work that it was stopped before counts as well.
func (i *Instance) spent() uint64 {
	l := &i.lease
	if i.fuel == nil { // it ended while it was made: only whole slices are known
		return uint64(l.used)
	}
	return uint64(min(l.used+l.given-int64(i.fuel.Get()), l.budget))
}

// tick is what the guest calls when its slice of fuel or its stack is used up. It answers the next slice.
func (i *Instance) tick(ctx context.Context, fuel, stack int64) (int64, *Trap) {
	if stack < 0 {
		return 0, &Trap{Kind: TrapStack, Message: "calls inside calls use more than the limit of native stack"}
	}
	l := &i.lease
	l.used += l.given - fuel
	l.given = fuel // so that nothing counts twice if there is no next slice
	if err := ctx.Err(); err != nil {
		return 0, expired(err)
	}
	if l.used >= l.budget {
		return 0, &Trap{Kind: TrapFuel, Message: "the call used up its fuel"}
	}
	l.given = min(slice, l.budget-l.used)
	return l.given, nil
}

// overdrawn says whether work of the host has used up the fuel.
func (l *lease) overdrawn() error {
	if l.used > l.budget {
		return &Trap{Kind: TrapFuel, Message: "the call used up its fuel"}
	}
	return nil
}

// bindMeter makes tick known to a runtime.
func bindMeter(ctx context.Context, runtime wazero.Runtime) error {
	number := api.ValueTypeI64
	b := runtime.NewHostModuleBuilder(meter.Module)
	b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
		next, trap := instanceOf(ctx).tick(ctx, int64(stack[0]), int64(stack[1]))
		if trap != nil {
			panic(trap) // the engine's way to end a guest's call; it recovers it
		}
		stack[0] = uint64(next)
	}), []api.ValueType{number, number}, []api.ValueType{number}).WithName(meter.Tick).Export(meter.Tick)
	_, err := b.Instantiate(ctx)
	return err
}

// A callContext is the context of one call into a guest. It ends with the caller's context, with the lease's or with the
// lease's time, whichever is first. Ticks ask Err, which needs no timer; Done makes one, for host functions that wait. It
// outlives the call if somebody keeps it, and then it is over.
type callContext struct {
	context.Context // of Instance.Call
	instance        *Instance
	lease           context.Context
	deadline        time.Time

	mu     sync.Mutex
	waiter context.Context
	cancel func()
}

// instanceKey finds the instance that is calling in the context that the engine hands to host functions.
type instanceKey struct{}

func instanceOf(ctx context.Context) *Instance { return ctx.Value(instanceKey{}).(*Instance) }

// Value implements context.Context.
func (c *callContext) Value(key any) any {
	if key == (instanceKey{}) {
		return c.instance
	}
	return c.Context.Value(key)
}

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) {
	deadline := c.deadline
	for _, outer := range []context.Context{c.Context, c.lease} {
		if d, ok := outer.Deadline(); ok && d.Before(deadline) {
			deadline = d
		}
	}
	return deadline, true
}

// Err implements context.Context.
func (c *callContext) Err() error {
	if err := c.lease.Err(); err != nil {
		return err
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(c.deadline) {
		return context.DeadlineExceeded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiter != nil {
		return c.waiter.Err()
	}
	return nil
}

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiter == nil {
		ctx, cancel := context.WithDeadline(c.Context, c.deadline)
		stop := context.AfterFunc(c.lease, cancel)
		c.waiter, c.cancel = ctx, func() { stop(); cancel() }
	}
	return c.waiter.Done()
}

// end lets go of the timer, if there is one.
func (c *callContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
	}
}

var _ context.Context = (*callContext)(nil)
