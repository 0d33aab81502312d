package sandbox

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// BenchmarkExchange is what the machine itself costs: a guest that does nothing, with the reset of 64 KiB.
func BenchmarkExchange(b *testing.B) {
	p := load(b, neighbour(), nil, Limits{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := exchangeOnce(p, "echo", "hello"); err != nil {
			b.Fatal(err)
		}
	}
}

// document is as long as a registration.
var document = bytes.Repeat([]byte(`{"client_name":"A client","scope":"openid email"},`), 31)[:1536]

// BenchmarkGoGuest is one call of a Go guest over a document, as the machine makes it.
func BenchmarkGoGuest(b *testing.B) {
	binary, err := buildGuest()
	if err != nil {
		b.Fatal(err)
	}
	p := load(b, binary, WASI(WASIOptions{}), Limits{})
	b.ReportAllocs()
	var usage Usage
	for b.Loop() {
		usage, err = p.Do(context.Background(), func(i *Instance) error {
			_, err := i.Exchange(context.Background(), "ostiary_alloc", "upper", document)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(usage.Fuel), "fuel")
	b.ReportMetric(float64(usage.PagesReset), "pages")
}

// BenchmarkMetering runs guests with and without charges, without pool, exchange or reset. The two take turns, so that a
// busy machine is as unfair to one as to the other; the best round of each counts.
func BenchmarkMetering(b *testing.B) {
	guest, err := buildGuest()
	if err != nil {
		b.Fatal(err)
	}
	loops := (&wat{}).pages(1)
	round := [][]byte{localGet(0), i32Load, localGet(1), ops(0x6a), ops(0x21, 1), // sum += memory[n]
		localGet(0), i32(4), ops(0x6b), ops(0x22, 0), ops(0x0d, 0)} // until n -= 4 is zero
	loops.fn("hook", "ii", "i", append(append([][]byte{i32(40_000), ops(0x21, 0), ops(0x03, 0x40)}, round...), ops(0x0b), localGet(1))...)
	for name, c := range map[string]struct {
		binary []byte
		export string
	}{"go": {guest, "upper"}, "loop": {loops.bytes(), "hook"}} {
		b.Run(name, func(b *testing.B) {
			_, out, _, err := check(c.binary, WASI(WASIOptions{}), benchLimits(b), meter.RewriteModule)
			if err != nil {
				b.Fatal(err)
			}
			plain, metered := start(b, c.binary, WASI(WASIOptions{})), start(b, out.Wasm, WASI(WASIOptions{}))
			best := [2]time.Duration{time.Hour, time.Hour}
			for b.Loop() {
				for n, mod := range []api.Module{plain, metered} {
					best[n] = min(best[n], rounds(b, mod, c.export))
				}
			}
			reportBoth(b, best[0]/benchRounds, best[1]/benchRounds)
		})
	}
}

func reportBoth(b *testing.B, plain, metered time.Duration) {
	b.ReportMetric(float64(plain.Nanoseconds()), "plain-ns")
	b.ReportMetric(float64(metered.Nanoseconds()), "metered-ns")
	b.ReportMetric(100*float64(metered)/float64(plain)-100, "overhead-%")
}

func benchLimits(b *testing.B) Limits {
	limits, err := Limits{}.withDefaults()
	if err != nil {
		b.Fatal(err)
	}
	return limits
}

const benchRounds = 20

func rounds(b *testing.B, mod api.Module, export string) time.Duration {
	f := mod.ExportedFunction(export)
	stack := []uint64{0, 0}
	if alloc := mod.ExportedFunction("ostiary_alloc"); alloc != nil {
		stack[0] = uint64(len(document))
		if err := alloc.CallWithStack(endless(mod), stack); err != nil {
			b.Fatal(err)
		}
		mod.Memory().Write(uint32(stack[0]), document)
	}
	at := stack[0]
	began := time.Now()
	for range benchRounds {
		stack[0], stack[1] = at, uint64(len(document))
		if err := f.CallWithStack(endless(mod), stack); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

// start makes an instance outside of any pool.
func start(b *testing.B, binary []byte, imports Imports) api.Module {
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2)
	runtime, code, err := compileWith(context.Background(), config, binary, imports)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { runtime.Close(context.Background()) })
	mod, err := runtime.InstantiateModule(endless(nil), code, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		b.Fatal(err)
	}
	return mod
}

// endless is the context of a call that no limit ends.
func endless(mod api.Module) context.Context {
	module := &wasm.Module{Info: wasm.Info{Memories: make([]MemoryType, 1)}}
	i := &Instance{program: &Program{module: module}, mod: mod}
	i.lease = lease{ctx: context.Background(), deadline: time.Now().Add(time.Hour), budget: maxFuel}
	return &callContext{Context: context.Background(), instance: i, lease: i.lease.ctx, deadline: i.lease.deadline}
}
