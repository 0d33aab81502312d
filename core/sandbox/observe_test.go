package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// An observation is all that can be seen of a module: what its exports give, in order, and what they leave.
type observation struct {
	calls   []outcome
	memory  []byte
	globals []uint64
	logged  uint64
}

// An observer runs a module in the same way again and again.
type observer struct {
	seed    uint64
	binary  []byte
	globals []string // those that are compared
}

// observe calls every export twice in the order of their names. If fuel is given, it bounds the calls, and how many they are.
func (o observer) observe(t *testing.T, m mode, fuel []int64) observation {
	t.Helper()
	seen, err := o.run(m, fuel)
	if err != nil {
		t.Fatalf("seed %d: %v", o.seed, err)
	}
	return seen
}

func (o observer) run(m mode, fuel []int64) (seen observation, err error) {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(api.CoreFeaturesV2))
	defer runtime.Close(ctx)
	rewritten, err := m.rewrite(o.binary)
	if err != nil {
		return seen, err
	}
	if err := m.host(ctx, runtime); err != nil {
		return seen, err
	}
	support, err := runtime.InstantiateWithConfig(ctx, fuzzingSupport(), wazero.NewModuleConfig().WithName(fuzzing))
	if err != nil {
		return seen, err
	}
	mod, err := runtime.InstantiateWithConfig(ctx, rewritten, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		return seen, err
	}
	names, types := functionsOf(mod)
	random := randomOf(^o.seed)
	for n := range 2 * len(names) {
		if fuel != nil && n == len(fuel) {
			break
		}
		name := names[n%len(names)]
		params := randomParams(random, types[name])
		m.refuel(mod)
		if _, err := mod.ExportedFunction("hangLimitInitializer").Call(ctx); err != nil {
			return seen, err
		}
		m.refuel(mod)
		if fuel != nil {
			setGlobal(mod, meter.FuelExport, fuel[n])
		}
		results, err := mod.ExportedFunction(name).Call(ctx, params...)
		seen.calls = append(seen.calls, outcome{results: slices.Clone(results), err: err, spent: m.spent(mod)})
	}
	seen.leave(mod, support, o.globals)
	return seen, nil
}

// functionsOf gives a module's own functions in the order of their names.
func functionsOf(mod api.Module) (names []string, types map[string][]api.ValueType) {
	types = map[string][]api.ValueType{}
	for name, definition := range mod.ExportedFunctionDefinitions() {
		types[name] = definition.ParamTypes()
	}
	return slices.Sorted(maps.Keys(types)), types
}

// leave notes what is left behind.
func (o *observation) leave(mod, support api.Module, globals []string) {
	if memory := mod.Memory(); memory != nil {
		live, _ := memory.Read(0, memory.Size())
		o.memory = bytes.Clone(live)
	}
	for _, name := range globals {
		o.globals = append(o.globals, mod.ExportedGlobal(name).Get())
	}
	o.logged = support.ExportedGlobal("logged").Get()
}

// against says where two observations differ; empty if nowhere.
func (o observation) against(other observation) string {
	if len(o.calls) != len(other.calls) {
		return fmt.Sprintf("%d calls and %d", len(o.calls), len(other.calls))
	}
	for n, c := range o.calls {
		if d := other.calls[n]; c.trap() != d.trap() || !slices.Equal(c.results, d.results) {
			return fmt.Sprintf("call %d: %x %q and %x %q", n, c.results, c.trap(), d.results, d.trap())
		}
	}
	switch {
	case !bytes.Equal(o.memory, other.memory):
		return "memory differs"
	case !slices.Equal(o.globals, other.globals):
		return fmt.Sprintf("globals %x and %x", o.globals, other.globals)
	case o.logged != other.logged:
		return "what they logged differs"
	}
	return ""
}

// interesting are numbers around which programs change their ways, as integers and as floats.
var interesting = []uint64{
	0, 1, 2, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63, 1<<63 - 1, 1<<64 - 1,
	0x3f80_0000, 0x7f80_0000, 0x7fc0_0000, 0x7fa0_0000, 0x3ff0_0000_0000_0000, 0x7ff0_0000_0000_0000, 0x7ff8_0000_0000_0000,
	0x7ff4_0000_0000_0000,
}

func randomParams(random *rand.Rand, types []api.ValueType) []uint64 {
	var params []uint64
	number := func() uint64 { return interesting[random.IntN(len(interesting))] }
	for _, t := range types {
		switch ValueType(t) {
		case FuncRef, ExternRef:
			params = append(params, 0)
		case V128:
			params = append(params, number(), number())
		case I32, F32:
			params = append(params, uint64(uint32(number())))
		default:
			params = append(params, number())
		}
	}
	return params
}

const fuzzing = "fuzzing-support"

// fuzzingSupport is what binaryen's modules import: it folds all that is logged, in order, into one number.
func fuzzingSupport() []byte {
	w := &wat{}
	logged := w.global(I64, i64(1))
	// logged = (logged rotated by 7) * odd + x
	fold := func(x ...[]byte) []byte {
		return slices.Concat(globalGet(logged), i64(7), ops(0x89), i64(0x5851f42d4c957f2d), ops(0x7e),
			slices.Concat(x...), ops(0x7c), globalSet(logged))
	}
	w.fn("log-i32", "i", "", fold(localGet(0), i64Extend))
	w.fn("log-i64", "I", "", fold(localGet(0)))
	w.fn("log-f32", "f", "", fold(localGet(0), ops(0xbc), i64Extend))
	w.fn("log-f64", "F", "", fold(localGet(0), ops(0xbd)))
	w.fn("log-v128", "v", "", fold(localGet(0), ops(0xfd, 29, 0)), fold(localGet(0), ops(0xfd, 29, 1)))
	w.export("logged", KindGlobal, logged)
	return w.bytes()
}
