package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// randomFeatures are those of WebAssembly core 2.0, in the words of binaryen, but for reference types: those that binaryen
// makes are from a later draft.
var randomFeatures = []string{
	"--mvp-features", "--enable-sign-ext", "--enable-mutable-globals", "--enable-nontrapping-float-to-int", "--enable-simd",
	"--enable-bulk-memory", "--enable-multivalue",
}

// wasmOpt finds binaryen's wasm-opt, which makes random modules.
func wasmOpt(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("wasm-opt")
	if err == nil {
		return path
	}
	const missing = "wasm-opt is not installed (Debian package binaryen); run: make tools"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// randomModule gives the module that belongs to a seed. It ends by itself: binaryen gives it a counter of loops and calls.
func randomModule(t *testing.T, program, dir string, seed uint64) []byte {
	t.Helper()
	source := randomOf(seed)
	input := make([]byte, 200<<source.IntN(8))
	for n := range input {
		input[n] = byte(source.Uint32())
	}
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out.wasm")
	if err := os.WriteFile(in, input, 0o600); err != nil {
		t.Fatal(err)
	}
	args := slices.Concat([]string{"-q", "-ttf", in, "-o", out}, randomFeatures)
	if text, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("seed %d: %v: %s", seed, err, text)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func randomOf(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

// TestRandomModules runs random modules as they are and metered. DIFFERENTIAL says how many; `make fuzz` asks for 5,000.
func TestRandomModules(t *testing.T) {
	program, dir, count := wasmOpt(t), t.TempDir(), 200
	if asked := os.Getenv("DIFFERENTIAL"); asked != "" {
		var err error
		if count, err = strconv.Atoi(asked); err != nil {
			t.Fatal(err)
		}
	}
	var seen sights
	for seed := range uint64(count) {
		wasm := randomModule(t, program, dir, seed)
		compare(t, seed, wasm, &seen)
	}
	t.Logf("%d modules: %+v", count, seen)
}

// sights counts what the random modules showed, so that a corpus that shows nothing fails.
type sights struct{ modules, calls, trapped, loaded int }

func compare(t *testing.T, seed uint64, wasm []byte, seen *sights) {
	t.Helper()
	before, err := observe(asItIs, wasm, seed)
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return
	}
	seen.modules++
	seen.calls += len(before.calls)
	for _, c := range before.calls {
		if c.err != nil {
			seen.trapped++
		}
	}
}

// An observation is all that can be seen of a module: what its start and exports give, in order, and what they leave.
type observation struct {
	calls   []outcome
	memory  []byte
	globals []uint64
	logged  uint64
}

// observe calls every export twice in the order of their names.
func observe(m mode, wasm []byte, seed uint64) (observation, error) {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(api.CoreFeaturesV2))
	defer runtime.Close(ctx)
	rewritten, err := m.rewrite(wasm)
	if err != nil {
		return observation{}, fmt.Errorf("%w: %w", errRefused, err)
	}
	if m.host != nil {
		if err := m.host(ctx, runtime); err != nil {
			return observation{}, err
		}
	}
	support, err := runtime.InstantiateWithConfig(ctx, fuzzingSupport(), wazero.NewModuleConfig().WithName("fuzzing-support"))
	if err != nil {
		return observation{}, err
	}
	mod, err := runtime.InstantiateWithConfig(ctx, rewritten, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		return observation{}, err
	}
	var seen observation
	definitions := mod.ExportedFunctionDefinitions()
	var names []string
	for name := range definitions {
		names = append(names, name)
	}
	slices.Sort(names)
	random := randomOf(^seed)
	for range 2 {
		for _, name := range names {
			params := randomParams(random, definitions[name].ParamTypes())
			if reset := mod.ExportedFunction("hangLimitInitializer"); reset != nil {
				m.refuel(mod)
				if _, err := reset.Call(ctx); err != nil {
					return observation{}, err
				}
			}
			m.refuel(mod)
			results, err := mod.ExportedFunction(name).Call(ctx, params...)
			seen.calls = append(seen.calls, outcome{results: slices.Clone(results), err: err})
		}
	}
	if memory := mod.Memory(); memory != nil {
		live, _ := memory.Read(0, memory.Size())
		seen.memory = bytes.Clone(live)
	}
	seen.logged = support.ExportedGlobal("logged").Get()
	return seen, nil
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

// fuzzingSupport is what binaryen's modules import: it folds all that is logged, in order, into one number.
func fuzzingSupport() []byte {
	w := &wat{}
	logged := w.global(I64, i64(1))
	// logged = (logged rotated by 7) * odd + x
	fold := func(x ...[]byte) []byte {
		return slices.Concat(globalGet(logged), i64(7), ops(0x89), i64(0x5851f42d4c957f2d), ops(0x7e), slices.Concat(x...), ops(0x7c), globalSet(logged))
	}
	w.fn("log-i32", "i", "", fold(localGet(0), i64Extend))
	w.fn("log-i64", "I", "", fold(localGet(0)))
	w.fn("log-f32", "f", "", fold(localGet(0), ops(0xbc), i64Extend))
	w.fn("log-f64", "F", "", fold(localGet(0), ops(0xbd)))
	w.fn("log-v128", "v", "", fold(localGet(0), ops(0xfd, 29, 0)), fold(localGet(0), ops(0xfd, 29, 1)))
	w.export("logged", KindGlobal, logged)
	return w.bytes()
}

// alike says where two observations differ; empty if nowhere.
func (o observation) alike(other observation) string {
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
