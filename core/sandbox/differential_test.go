package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// randomFeatures are those of WebAssembly core 2.0, in the words of binaryen, but for reference types: those that binaryen
// makes are from a later draft.
var randomFeatures = []string{
	"--mvp-features", "--enable-sign-ext", "--enable-mutable-globals", "--enable-nontrapping-float-to-int",
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

// randomModule gives the module that belongs to a seed. It ends by itself: binaryen gives it a counter of loops and calls,
// which hangLimitInitializer winds up.
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
	if seed%2 == 0 { // with vectors come imports and globals that the machine does not have
		args = append(args, "--enable-simd")
	}
	if text, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("seed %d: %v: %s", seed, err, text)
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func randomOf(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

// A sight counts what the random modules showed, so that a corpus that shows nothing fails.
type sight struct{ modules, calls, trapped, starved, finished, loaded int }

// TestRandomModules runs random modules as they are and metered. DIFFERENTIAL says how many; `make fuzz` asks for 5,000.
func TestRandomModules(t *testing.T) {
	if racing {
		t.Skip("no goroutines share anything here; tested without the race detector")
	}
	program, count := wasmOpt(t), 200
	if asked := os.Getenv("DIFFERENTIAL"); asked != "" {
		var err error
		if count, err = strconv.Atoi(asked); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var all sight
	t.Run("modules", func(t *testing.T) {
		for part := range 4 {
			t.Run(strconv.Itoa(part), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				for seed := part; seed < count; seed += 4 {
					seen := compareModes(t, uint64(seed), randomModule(t, program, dir, uint64(seed)))
					mu.Lock()
					all.modules += seen.modules
					all.calls += seen.calls
					all.trapped += seen.trapped
					all.starved += seen.starved
					all.finished += seen.finished
					all.loaded += seen.loaded
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%+v", all)
	if all.modules != count || all.calls < 10*count || all.trapped < count || all.starved < count || all.finished*5 > all.starved || all.loaded < count/4 {
		t.Errorf("too little was seen: %+v", all)
	}
}

// compareModes holds against each other what one module does as it is, metered with enough fuel, counting its
// instructions, metered with less fuel than it needs, and on the machine.
func compareModes(t *testing.T, seed uint64, binary []byte) sight {
	t.Helper()
	open, globals, err := exposed(binary)
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
		return sight{}
	}
	o := observer{seed: seed, binary: open, globals: globals}
	before, after, work := o.observe(t, asItIs(), nil), o.observe(t, metered(plenty), nil), o.observe(t, counting(), nil)
	for which, other := range map[string]observation{"metered": after, "counting": work} {
		if difference := before.against(other); difference != "" {
			t.Errorf("seed %d: as it is and %s: %s", seed, which, difference)
		}
	}
	seen := sight{modules: 1, calls: len(before.calls)}
	for n, c := range before.calls {
		if c.err != nil {
			seen.trapped++
		}
		if did, paid := work.calls[n].spent, after.calls[n].spent; did > paid+uncharged {
			t.Errorf("seed %d, call %d: %d instructions for %d units of fuel", seed, n, did, paid)
		}
	}
	seen.starved, seen.finished = o.starve(t, after)
	if o.load(t, before) {
		seen.loaded = 1
	}
	return seen
}

// starve gives every call exactly the fuel it needs, which must be enough, and then less to some of them. That ends a call
// unless it comes to its end before fuel is looked at, which is at the entry of functions, in loops and at bulk instructions.
func (o observer) starve(t *testing.T, full observation) (starved, finished int) {
	t.Helper()
	var exact []int64
	for _, c := range full.calls {
		exact = append(exact, c.spent)
	}
	if difference := full.against(o.observe(t, metered(plenty), exact)); difference != "" {
		t.Errorf("seed %d: plenty of fuel and just enough: %s", o.seed, difference)
	}
	// What a call leaves undone changes all that follow, so each run starves one call, and there are many.
	for n, want := range full.calls {
		if n%7 != int(o.seed%7) || exact[n] == 0 {
			continue
		}
		less := slices.Clone(exact[:n+1])
		less[n] = []int64{0, exact[n] / 2, exact[n] - 1}[n%3]
		switch last := o.observe(t, metered(plenty), less).calls[n]; {
		case errors.Is(last.err, errFuel):
			starved++
		case last.trap() == want.trap() && slices.Equal(last.results, want.results):
			finished++
		default:
			t.Errorf("seed %d, call %d with %d units of %d: %x, %v", o.seed, n, less[n], exact[n], last.results, last.err)
		}
	}
	return starved, finished
}

// load gives the module to the machine, which may refuse it, but has to say why. If it takes it, calls give the same there
// up to the first trap, which ends a lease.
func (o observer) load(t *testing.T, before observation) bool {
	t.Helper()
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var imports Imports
	for name, of := range map[string]ValueType{"i32": I32, "i64": I64, "f32": F32, "f64": F64} {
		imports = append(imports, Import{Module: fuzzing, Name: "log-" + name, Params: []ValueType{of},
			Call: func(context.Context, Memory, []uint64) error { return nil }})
	}
	p, err := m.Load(context.Background(), o.binary, imports, Limits{Wall: time.Minute, InitWall: time.Minute, Fuel: maxFuel})
	if err != nil {
		var refused *LoadError
		if !errors.As(err, &refused) || len(refused.Reasons) == 0 {
			t.Errorf("seed %d: %v", o.seed, err)
		}
		return false
	}
	defer p.Close()
	for range 2 { // the second time with what the first left, which is nothing
		if _, err := p.Do(context.Background(), func(i *Instance) error { return o.onMachine(i, before) }); err != nil {
			t.Errorf("seed %d, on the machine: %v", o.seed, err)
		}
	}
	return true
}

func (o observer) onMachine(i *Instance, before observation) error {
	ctx := context.Background()
	names, types := functionsOf(i.mod)
	random := randomOf(^o.seed)
	for n, want := range before.calls {
		name := names[n%len(names)]
		params := randomParams(random, types[name])
		if _, err := i.Call(ctx, "hangLimitInitializer"); err != nil {
			return err
		}
		if slices.Contains(types[name], api.ValueType(V128)) {
			return nil // the machine passes no vectors
		}
		results, err := i.Call(ctx, name, params...)
		if want.err == nil {
			if err != nil || !slices.Equal(results, want.results) {
				return fmt.Errorf("call %d: %x, %w, want %x", n, results, err, want.results)
			}
			continue
		}
		var trap *Trap
		if !errors.As(err, &trap) || trap.Kind != trapOf(want.err).Kind {
			return fmt.Errorf("call %d: %x, %w, want %s", n, results, err, want.trap())
		}
		return nil
	}
	return nil
}
