package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// An Instance is one running copy of a module, lent by Program.Do to one goroutine for one piece of work. It must not be
// kept.
type Instance struct {
	program *Program
	mod     api.Module
	mem     api.Memory // nil without one
	linear  linearMemory
	globals []api.MutableGlobal
	fuel    api.MutableGlobal // what is left of the slice the guest has
	start   snapshot
	handles map[*function]api.Function
	stack   [2]uint64 // parameters and results of an exchange
	calls   int       // leases served
	rested  time.Time // when the latest ended

	// The rest belongs to the present lease.
	using   sync.Mutex // held while in use and while not leased
	lease   lease
	faulted bool
	host    hostState
}

// newInstance fills a lease with an instance: it instantiates, initialises and configures, all within the initial fuel and
// time, and takes the snapshot. If that fails it ends the lease.
func (p *Program) newInstance(ctx context.Context) (*Instance, error) {
	i := &Instance{program: p, handles: map[*function]api.Function{}}
	i.using.Lock()
	i.begin(ctx, p.limits.InitFuel, p.limits.InitWall)
	i.host.reseed(initialSeed(p.digest))
	ready := false
	defer func() { // also when a configure function panics
		if !ready {
			i.end()
			p.endLease(i, false)
		}
	}()
	if err := i.initialise(ctx); err != nil {
		return nil, refuse(err, "initialisation: %s", err)
	}
	i.end()
	i.calls = 0
	p.mu.Lock()
	defer p.mu.Unlock()
	i.start = take(i.memory(), i.readGlobals(), p.initial)
	if p.created++; p.initial.parts == nil {
		p.initial = i.start
	}
	i.linear.settle(p.machine.pages, &i.start)
	ready = true
	return i, nil
}

func (i *Instance) initialise(ctx context.Context) error {
	if err := i.run(ctx, i.instantiate); err != nil {
		return err
	}
	for _, configure := range i.program.configure {
		if err := configure(ctx, i); err != nil {
			return err
		}
	}
	if i.faulted {
		return errors.New("the guest failed while it was configured")
	}
	return nil
}

// instantiate runs the start function, if there is one, and _initialize.
func (i *Instance) instantiate(ctx context.Context) error {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize")
	mod, err := i.program.runtime.InstantiateModule(i.linear.withMemory(ctx), i.program.code, config)
	if err != nil {
		return err
	}
	i.mod = mod
	if len(i.program.module.Info.Memories) > 0 {
		i.mem = mod.Memory()
	}
	for _, index := range i.program.mutable {
		g, err := i.global(meter.GlobalExport(index))
		if err != nil {
			return err
		}
		i.globals = append(i.globals, g)
	}
	i.fuel, err = i.global(meter.FuelExport)
	if err != nil {
		return err
	}
	stack, err := i.global(meter.StackExport)
	if err != nil {
		return err
	}
	stack.Set(uint64(i.program.limits.Stack)) // from here on; every call gives back what it took
	return nil
}

func (i *Instance) global(name string) (api.MutableGlobal, error) {
	g, ok := i.mod.ExportedGlobal(name).(api.MutableGlobal)
	if !ok {
		return nil, fmt.Errorf("there is no global %s", name)
	}
	return g, nil
}

// SetEntropy seeds what random_get gives the guest for the rest of this lease. Without it the seed is random. The same
// seed gives the same bytes, which is what replay needs.
func (i *Instance) SetEntropy(seed [32]byte) { i.host.reseed(seed) }

// Call runs an exported function. Parameters and results are numbers in the low bits of a uint64. A fault of the guest is
// a *Trap; other errors mean that the guest was not called.
func (i *Instance) Call(ctx context.Context, export string, params ...uint64) ([]uint64, error) {
	f := i.program.functions[export]
	if f == nil || len(f.params) != len(params) {
		return nil, fmt.Errorf("sandbox: no exported function %s with %d parameters", export, len(params))
	}
	stack := make([]uint64, max(len(f.params), len(f.results)))
	copy(stack, params)
	if err := i.run(ctx, func(ctx context.Context) error { return i.call(ctx, f, stack) }); err != nil {
		return nil, err
	}
	return stack[:len(f.results)], nil
}

// maxHandles bounds the handles of functions that an instance keeps, for each keeps the stack its deepest call needed.
const maxHandles = 8

// call runs a function with its parameters, and later its results, in stack.
func (i *Instance) call(ctx context.Context, f *function, stack []uint64) error {
	handle := i.handles[f]
	if handle == nil {
		if len(i.handles) >= maxHandles {
			clear(i.handles)
		}
		handle = i.mod.ExportedFunction(f.name)
		i.handles[f] = handle
	}
	return handle.CallWithStack(ctx, stack)
}

// run guards one piece of work: nothing else uses the instance meanwhile, it ends when the lease or ctx does, and what
// goes wrong becomes a *Trap.
func (i *Instance) run(ctx context.Context, work func(context.Context) error) error {
	if !i.using.TryLock() {
		return ErrNotLeased
	}
	defer i.using.Unlock()
	if i.faulted {
		return ErrNotLeased
	}
	call := &callContext{Context: ctx, instance: i, lease: i.lease.ctx, deadline: i.lease.deadline}
	defer call.end()
	if err := call.Err(); err != nil {
		return expired(err)
	}
	i.faulted = true // unless it returns
	if err := work(call); err != nil {
		return trapOf(err)
	}
	i.faulted = false
	return nil
}

// reusable says whether the instance can be brought back to its snapshot. Memory that grew cannot shrink.
func (i *Instance) reusable() bool {
	return !i.faulted && len(i.memory()) == i.start.size && i.calls < i.program.limits.Recycle
}

// restore brings memory and globals back and says how many pages had changed.
func (i *Instance) restore() int {
	for n, g := range i.globals {
		g.Set(i.start.globals[n])
	}
	if pages, ok := i.linear.written(i.program.machine.pages); ok {
		return i.start.restoreWritten(i.memory(), pages)
	}
	return i.start.restore(i.memory())
}

func (i *Instance) readGlobals() []uint64 {
	values := make([]uint64, len(i.globals))
	for n, g := range i.globals {
		values[n] = g.Get()
	}
	return values
}

// memory is the live linear memory, not a copy.
func (i *Instance) memory() []byte {
	if i.mem == nil {
		return nil
	}
	live, _ := i.mem.Read(0, i.mem.Size())
	return live
}

func (i *Instance) close() {
	if i.mod != nil {
		_ = i.mod.Close(context.Background()) // the engine closes only files and sockets here, and there are none
	}
	i.mem = nil
	i.linear.Free()
}
