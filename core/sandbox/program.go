package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
)

// A ConfigureFunc prepares a new instance: it may call exports, and what they leave in memory and globals is the state
// every later call starts from. It runs under Limits.InitWall on every instance, so it must not have effects elsewhere.
type ConfigureFunc func(ctx context.Context, i *Instance) error

// A Program is a loaded module with its pool of instances. It is safe for concurrent use.
type Program struct {
	machine   *Machine
	key       moduleKey // of what the machine has compiled
	limits    Limits
	module    *wasm.Module
	functions map[string]*function // those that are exported
	mutable   []int                // globals to restore
	digest    [32]byte
	configure []ConfigureFunc
	runtime   wazero.Runtime
	code      wazero.CompiledModule
	initial   snapshot // of the first instance, shared by all that start out the same

	calls   permits // one for every lease
	turns   permits // one for every lease whose guest computes: it gives it up while the host waits for others
	closing chan struct{}

	mu      sync.Mutex
	ended   sync.Cond   // a lease ended
	idle    []*Instance // the one used last is on top: its pages are warm
	sweep   *time.Timer // of spare instances; nil: there are none
	leased  int
	created int
	closed  bool
	open    bool // runtime and code are to be closed
}

// A function is one that a module exports.
type function struct {
	name            string
	params, results []ValueType
}

func exported(m *wasm.Module) map[string]*function {
	functions := map[string]*function{}
	for _, e := range m.Info.Exports {
		if e.Kind == KindFunction {
			functions[e.Name] = &function{name: e.Name, params: e.Params, results: e.Results}
		}
	}
	return functions
}

// Usage is what one Do cost.
type Usage struct {
	Wall        time.Duration // from the lease to the end of the reset
	Fuel        uint64        // units of about an instruction
	MemoryPages uint32        // linear memory at the end, in pages of 64 KiB; it never shrinks during a call
	PagesReset  int           // pages of 4 KiB that had changed and were restored
	LogDropped  int           // bytes of log beyond the limits
}

// Stats is a glance at a program's pool.
type Stats struct {
	Idle, Leased int // instances waiting and working
	Created      int // instances made so far
}

// Load checks a module, compiles it and makes its first instance, so that what can fail fails here. Every refusal is a
// *LoadError. The configure functions run in order on each new instance.
func (m *Machine) Load(ctx context.Context, binary []byte, imports Imports, limits Limits, configure ...ConfigureFunc) (*Program, error) {
	limits, err := limits.withDefaults()
	if err != nil {
		return nil, err
	}
	binary = bytes.Clone(binary) // what is checked, hashed and compiled must be the same bytes
	digest := sha256.Sum256(binary)
	s := m.shelf(keyOf(digest, meterOptions(limits)))
	parsed, out, chosen, err := check(binary, imports, limits, s.rewrite)
	if err != nil {
		return nil, err
	}
	p := &Program{
		machine: m, key: s.key, limits: limits, module: parsed, functions: exported(parsed), mutable: out.Mutable, digest: digest, configure: configure,
		calls: permits{free: limits.Instances}, turns: permits{free: limits.Running}, closing: make(chan struct{}),
	}
	p.ended.L = &p.mu
	if err := p.compile(ctx, s, out, chosen); err != nil {
		return nil, err
	}
	p.open = true
	if err := p.enter(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.leased++
	first, err := p.newInstance(ctx)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.endLease(first, true)
	return p, nil
}

// compile fills in runtime and code. What is kept on disk must not keep a good module away, so a failure is tried once more without it.
func (p *Program) compile(ctx context.Context, s *shelf, out *meter.Metered, imports Imports) error {
	shared, err := p.machine.register(s)
	if err != nil {
		return err
	}
	p.runtime, p.code, err = p.machine.compile(ctx, out.Wasm, imports, p.limits, shared.cache)
	if err != nil && s.folder != "" && ctx.Err() == nil {
		s.remove()
		broken := err
		if out, err = meter.RewriteModule(p.module, meterOptions(p.limits)); err == nil {
			p.runtime, p.code, err = p.machine.compile(ctx, out.Wasm, imports, p.limits, nil)
		}
		if err == nil {
			p.machine.log.Warn("compiled code on disk is not used, and made anew", "folder", s.folder, "error", broken)
		}
	}
	if err != nil {
		return errors.Join(refuse(err, "%s", clean(err.Error())), p.machine.unregister(s.key))
	}
	s.keep(out)
	return nil
}

// Do lends an instance to use and waits for it. Afterwards memory and globals are restored; after a fault, or if memory
// grew, the instance is replaced. The error is use's own, or ErrBusy, ErrClosed, why the context ended while it waited, or a
// *LoadError if a new instance could not be made.
func (p *Program) Do(ctx context.Context, use func(*Instance) error) (usage Usage, err error) {
	inst, err := p.acquire(ctx)
	if err != nil {
		return Usage{}, err
	}
	inst.begin(ctx, p.limits.Fuel, p.limits.Wall)
	returned := false
	defer func() { // also when use panics: then the instance is in an unknown state
		usage = p.release(inst, returned)
	}()
	err = use(inst)
	returned = true
	return usage, err
}

// acquire waits until there may be one more lease, and gives an idle instance for it or a new one.
func (p *Program) acquire(ctx context.Context) (*Instance, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.turns.give()
		p.calls.give()
		return nil, ErrClosed
	}
	p.leased++
	var inst *Instance
	if top := len(p.idle) - 1; top >= 0 {
		inst, p.idle = p.idle[top], p.idle[:top]
	}
	p.mu.Unlock()
	if inst != nil {
		return inst, nil
	}
	return p.newInstance(ctx)
}

// enter takes what a lease needs: the place of a call, and a turn to compute.
func (p *Program) enter(ctx context.Context) error {
	placed := p.calls.tryTake()
	if placed && p.turns.tryTake() {
		return nil
	}
	patience, cancel := context.WithTimeoutCause(ctx, p.limits.Wait, ErrBusy)
	defer cancel()
	if !placed {
		if err := p.calls.take(patience, p.closing, false); err != nil {
			return err
		}
	}
	if err := p.turns.take(patience, p.closing, false); err != nil {
		p.calls.give()
		return err
	}
	return nil
}

// aside lets others compute while the host waits for somebody on behalf of a guest, whose turn comes before theirs afterwards.
func (p *Program) aside(ctx context.Context, inst *Instance, work func() error) error {
	p.turns.give()
	inst.lease.aside = true
	err := work()
	if p.turns.take(ctx, nil, true) != nil {
		return ctx.Err() // its time is over
	}
	inst.lease.aside = false
	return err
}

// release ends a lease: the instance is restored and kept, or closed.
func (p *Program) release(inst *Instance, returned bool) Usage {
	usage := inst.end()
	keep := returned && inst.reusable()
	if keep {
		usage.PagesReset = inst.restore()
	}
	inst.rested = time.Now()
	usage.Wall = inst.rested.Sub(inst.lease.started)
	p.endLease(inst, keep)
	return usage
}

// endLease gives back what the lease took. The instance is kept for the next one, or closed.
func (p *Program) endLease(inst *Instance, keep bool) {
	if !keep {
		inst.close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leased--
	if keep {
		p.idle = append(p.idle, inst)
		if p.sweep == nil && p.spare() {
			p.sweep = time.AfterFunc(spareTime, p.closeSpare)
		}
	}
	if !inst.lease.aside {
		p.turns.give()
	}
	p.calls.give()
	p.ended.Broadcast()
}

// spareTime is how long instances are kept that are more than can compute at once: calls that wait for others come in crowds.
const spareTime = time.Minute

// spare tells whether there are more. The caller holds mu.
func (p *Program) spare() bool { return len(p.idle) > p.limits.Running }

// closeSpare closes those that nobody used for so long, and comes again for the others.
func (p *Program) closeSpare() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.spare() && time.Since(p.idle[0].rested) >= spareTime {
		p.idle[0].close()
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.sweep = nil
	if p.spare() {
		p.sweep = time.AfterFunc(spareTime-time.Since(p.idle[0].rested), p.closeSpare)
	}
}

// Close refuses new calls, waits for those under way, which their limits end, and gives everything back.
func (p *Program) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		close(p.closing)
	}
	for p.leased > 0 {
		p.ended.Wait()
	}
	return p.tearDown()
}

// tearDown closes what nobody uses any more, once. The caller holds mu.
func (p *Program) tearDown() error {
	for _, inst := range p.idle {
		inst.close()
	}
	p.idle = nil
	if p.sweep != nil {
		p.sweep.Stop()
	}
	if !p.open {
		return nil
	}
	p.open = false
	ctx := context.Background()
	return errors.Join(p.runtime.Close(ctx), p.code.Close(ctx), p.machine.unregister(p.key))
}

// Exports lists what the module offers.
func (p *Program) Exports() []Export { return slices.Clone(p.module.Info.Exports) }

// Imports lists what the module asked for.
func (p *Program) Imports() []ImportNeed { return slices.Clone(p.module.Info.Imports) }

// CustomSection gives a copy of the first custom section of that name.
func (p *Program) CustomSection(name string) (data []byte, ok bool) {
	for _, s := range p.module.Info.Customs {
		if s.Name == name {
			return bytes.Clone(s.Data), true
		}
	}
	return nil, false
}

// Digest is the SHA-256 of the module as it was given to Load.
func (p *Program) Digest() [32]byte { return p.digest }

// Limits gives the limits in force, defaults filled in.
func (p *Program) Limits() Limits { return p.limits }

// Stats tells the present state of the pool.
func (p *Program) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{Idle: len(p.idle), Leased: p.leased, Created: p.created}
}

func (p *Program) hasMemory() bool { return len(p.module.Info.Memories) > 0 }
