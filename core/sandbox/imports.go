package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Memory is a guest's linear memory as a host function sees it. Addresses come from the guest, so every access says
// whether it was inside; nothing is shared with the guest after an access returns.
type Memory interface {
	// Read copies n bytes out. The caller bounds n.
	Read(ptr, n uint32) ([]byte, bool)
	// Write copies data in.
	Write(ptr uint32, data []byte) bool
	// Size is the present size in bytes.
	Size() uint32
}

// An Import is one host function. Call runs on the guest's goroutine, finds its parameters in stack (numbers in the low
// bits, floats as their IEEE bits) and leaves its results there from index 0. It must respect ctx, which carries what the
// caller of Instance.Call put into it, and must not call back into the instance. An error ends the guest's call with a
// *Trap: of kind TrapHost wrapping the error, or the *Trap itself if it is one.
type Import struct {
	Module, Name    string
	Params, Results []ValueType // I32, I64, F32 and F64 only
	Waits           bool        // it waits for others more than it computes: other guests get their turn meanwhile
	Call            func(ctx context.Context, mem Memory, stack []uint64) error
}

// Imports are the host functions a module may import. A module sees only those it asks for.
type Imports []Import

// resolve picks what the module needs and names everything that cannot be given to it.
func (all Imports) resolve(needs []ImportNeed) (chosen Imports, reasons []string) {
	for _, need := range needs {
		where := need.Module + "." + need.Name
		if need.Kind != KindFunction {
			reasons = append(reasons, fmt.Sprintf("import of %s %s: only functions can be imported", need.Kind, clean(where)))
			continue
		}
		n := slices.IndexFunc(all, func(i Import) bool { return i.Module == need.Module && i.Name == need.Name })
		if n < 0 {
			reasons = append(reasons, "import "+clean(where)+" is not provided")
			continue
		}
		have := all[n]
		if !slices.Equal(have.Params, need.Params) || !slices.Equal(have.Results, need.Results) {
			reasons = append(reasons, fmt.Sprintf("import %s has type %s, the host's is %s",
				where, wasm.Signature(need.Params, need.Results), wasm.Signature(have.Params, have.Results)))
			continue
		}
		if !slices.ContainsFunc(chosen, func(i Import) bool { return i.Module == have.Module && i.Name == have.Name }) {
			chosen = append(chosen, have) // a module may import one function twice
		}
	}
	return chosen, reasons
}

// check finds mistakes of the host itself.
func (all Imports) check() []string {
	var reasons []string
	for n, i := range all {
		where := i.Module + "." + i.Name
		if i.Module == "" || i.Call == nil {
			reasons = append(reasons, "host function "+where+" has no module or no body")
		}
		if slices.ContainsFunc(all[:n], func(o Import) bool { return o.Module == i.Module && o.Name == i.Name }) {
			reasons = append(reasons, "host function "+where+" is given twice")
		}
		if slices.ContainsFunc(slices.Concat(i.Params, i.Results), func(t ValueType) bool { return !t.Numeric() }) {
			reasons = append(reasons, "host function "+where+" takes or gives something other than numbers")
		}
	}
	return reasons
}

// bind makes the functions known to a runtime.
func (all Imports) bind(ctx context.Context, runtime wazero.Runtime) error {
	builders := map[string]wazero.HostModuleBuilder{}
	for _, i := range all {
		b, ok := builders[i.Module]
		if !ok {
			b = runtime.NewHostModuleBuilder(i.Module)
			builders[i.Module] = b
		}
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(i.call), engineTypes(i.Params), engineTypes(i.Results)).
			WithName(i.Name).Export(i.Name)
	}
	for name, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("host module %s: %w", name, err)
		}
	}
	return nil
}

// call is what the engine runs for an import. Errors leave through a panic, which is the engine's way to end a guest's
// call; it recovers it. A call whose time is over has no more effects.
func (i Import) call(ctx context.Context, mod api.Module, stack []uint64) {
	inst := instanceOf(ctx)
	if err := ctx.Err(); err != nil {
		panic(expired(err))
	}
	mem := &guestMemory{}
	if inst.program.hasMemory() {
		mem.memory = mod.Memory() // not inst's own: a start function runs before inst has its module
	}
	defer func() { mem.memory = nil }() // who keeps it must not reach memory that may be given back meanwhile
	if err := i.runInTurn(ctx, inst, mem, stack); err != nil {
		if expiry := ctx.Err(); expiry != nil && errors.Is(err, expiry) {
			panic(expired(expiry))
		}
		var trap *Trap
		if !errors.As(err, &trap) {
			trap = &Trap{Kind: TrapHost, Err: err, Message: err.Error()}
		}
		panic(trap)
	}
	if err := ctx.Err(); err != nil { // time that the host took is time of the call
		panic(expired(err))
	}
}

// runInTurn runs the function. While it waits for others, other guests compute.
func (i Import) runInTurn(ctx context.Context, inst *Instance, mem Memory, stack []uint64) error {
	if !i.Waits {
		return i.run(ctx, mem, stack)
	}
	return inst.program.aside(ctx, inst, func() error { return i.run(ctx, mem, stack) })
}

// run turns a panic of the host function into an error: a mistake of ours must look like a fault of this call, not like a
// fault of the machine.
func (i Import) run(ctx context.Context, mem Memory, stack []uint64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("host function %s.%s panicked: %v", i.Module, i.Name, r)
		}
	}()
	return i.Call(ctx, mem, stack)
}

func engineTypes(types []ValueType) []api.ValueType {
	out := make([]api.ValueType, len(types))
	for n, t := range types {
		out[n] = api.ValueType(t)
	}
	return out
}

// guestMemory gives a module's memory for the time of one call; the zero value is that of a module without one.
type guestMemory struct{ memory api.Memory }

var _ Memory = (*guestMemory)(nil)

// Read copies n bytes out.
func (g *guestMemory) Read(ptr, n uint32) ([]byte, bool) {
	if g.memory == nil {
		return nil, false
	}
	view, ok := g.memory.Read(ptr, n)
	return bytes.Clone(view), ok
}

// Write copies data in.
func (g *guestMemory) Write(ptr uint32, data []byte) bool {
	return g.memory != nil && g.memory.Write(ptr, data)
}

// Size is the present size in bytes.
func (g *guestMemory) Size() uint32 {
	if g.memory == nil {
		return 0
	}
	return g.memory.Size()
}
