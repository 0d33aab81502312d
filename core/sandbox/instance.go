package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// grace is how long after its deadline a call may still need to notice it, on a machine that is busy with other things.
const grace = 250 * time.Millisecond

// An Instance is one running copy of a module, lent by Program.Do to one goroutine for one piece of work. It must not be
// kept.
type Instance struct {
	program *Program
	mod     api.Module
	globals []api.MutableGlobal
	start   snapshot
	calls   int // leases served

	// The rest belongs to the present lease.
	using     sync.Mutex      // held while in use and while not leased
	lease     context.Context // ends when the lease's time is up
	functions map[string]api.Function
	faulted   bool
	abandoned chan error // set when a call did not end; gets its result if it ever does
	host      hostState
}

// instanceKey finds, in the context that the engine hands to host functions, the instance that is calling.
type instanceKey struct{}

func instanceOf(ctx context.Context) *Instance { return ctx.Value(instanceKey{}).(*Instance) }

// newInstance fills a lease with an instance: it instantiates, initialises and configures, all under the initial deadline,
// and takes the snapshot. If that fails it ends the lease.
func (p *Program) newInstance(ctx context.Context) (*Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, p.limits.InitWall)
	defer cancel()
	i := &Instance{program: p}
	i.using.Lock()
	i.begin(ctx)
	i.host.entropy = newEntropy(initialSeed(p.digest))
	ready := false
	defer func() { // also when a configure function panics
		if !ready {
			i.end()
			p.discard(i)
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
	if p.created++; p.initial.memory == nil {
		p.initial = i.start
	}
	ready = true
	return i, nil
}

func (i *Instance) initialise(ctx context.Context) error {
	if err := i.instantiate(ctx); err != nil {
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

func (i *Instance) instantiate(ctx context.Context) error {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize")
	var mod api.Module
	err := i.guard(ctx, func(ctx context.Context) (err error) {
		mod, err = i.program.runtime.InstantiateModule(ctx, i.program.code, config)
		return err
	})
	if err != nil {
		return err
	}
	i.mod = mod
	for _, index := range i.program.mutable {
		g, ok := mod.ExportedGlobal(globalExport(index)).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("global %d cannot be restored", index)
		}
		i.globals = append(i.globals, g)
	}
	return nil
}

// begin opens a lease.
func (i *Instance) begin(ctx context.Context) {
	i.lease = ctx
	i.calls++
	i.functions = map[string]api.Function{}
	i.host = hostState{logBytes: i.program.limits.LogBytes, logLines: i.program.limits.LogLines}
	i.using.Unlock()
}

// end closes a lease: from here on the instance answers ErrNotLeased. A call that somebody left running is waited for; it
// is bounded by the lease. What a stuck call still holds is not touched.
func (i *Instance) end() Usage {
	i.using.Lock()
	if i.abandoned != nil || i.mod == nil {
		return Usage{}
	}
	i.host.flush(i.lease)
	return Usage{MemoryPages: uint32(len(i.memory()) >> 16), LogDropped: i.host.dropped}
}

// SetEntropy seeds what random_get gives the guest for the rest of this lease. Without it the seed is random. The same
// seed gives the same bytes, which is what replay needs.
func (i *Instance) SetEntropy(seed [32]byte) { i.host.entropy = newEntropy(seed) }

// Call runs an exported function. Parameters and results are numbers in the low bits of a uint64. A fault of the guest is
// a *Trap; other errors mean that the guest was not called.
func (i *Instance) Call(ctx context.Context, export string, params ...uint64) ([]uint64, error) {
	e, ok := i.program.module.info.function(export)
	if !ok || len(e.Params) != len(params) {
		return nil, fmt.Errorf("sandbox: no exported function %s with %d parameters", export, len(params))
	}
	var results []uint64
	err := i.run(ctx, func(ctx context.Context) (err error) {
		results, err = i.call(ctx, export, params...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// call runs on the guest's goroutine.
func (i *Instance) call(ctx context.Context, export string, params ...uint64) ([]uint64, error) {
	f := i.functions[export]
	if f == nil {
		f = i.mod.ExportedFunction(export)
		i.functions[export] = f // for this lease only: a function keeps the stack it once needed
	}
	return f.Call(ctx, params...)
}

// run guards one piece of work by the lease: it ends with the lease's deadline, ctx's or ctx's cancellation.
func (i *Instance) run(ctx context.Context, work func(context.Context) error) error {
	if !i.using.TryLock() {
		return ErrNotLeased
	}
	defer i.using.Unlock()
	deadline, _ := i.lease.Deadline()
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	defer context.AfterFunc(i.lease, cancel)()
	if ctx.Err() != nil || i.lease.Err() != nil {
		return expired(i.lease, ctx)
	}
	if i.faulted {
		return ErrNotLeased
	}
	return i.guard(ctx, work)
}

// guard runs work on a goroutine of its own, so that the caller returns at the deadline plus grace whatever the guest or
// a host function does. Work's results may be read only if guard returns nil.
func (i *Instance) guard(ctx context.Context, work func(context.Context) error) error {
	ctx = context.WithValue(ctx, instanceKey{}, i)
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case err = <-done:
		case <-timer.C:
			i.faulted, i.abandoned = true, done
			return expired(i.lease, ctx)
		}
	}
	// If time ran out just as the work ended, the engine may be about to close the module: it cannot be used again.
	i.faulted = err != nil || ctx.Err() != nil
	if err != nil {
		return trapOf(i.lease, ctx, err)
	}
	return nil
}

// reusable says whether the instance can be brought back to its snapshot. Memory that grew cannot shrink.
func (i *Instance) reusable() bool {
	return !i.faulted && len(i.memory()) == len(i.start.memory) && i.calls < i.program.limits.Recycle
}

// restore brings memory and globals back and says how many pages had changed.
func (i *Instance) restore() int {
	for n, g := range i.globals {
		g.Set(i.start.globals[n])
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

func (i *Instance) memoryView() guestMemory {
	if i.mod == nil || !i.program.hasMemory() {
		return guestMemory{}
	}
	return guestMemory{memory: i.mod.Memory()}
}

// memory is the live linear memory, not a copy.
func (i *Instance) memory() []byte {
	view := i.memoryView()
	if view.memory == nil {
		return nil
	}
	live, _ := view.memory.Read(0, view.Size())
	return live
}

func (i *Instance) close() {
	if i.mod != nil {
		_ = i.mod.Close(context.Background()) // the engine closes only files and sockets here, and there are none
	}
}
