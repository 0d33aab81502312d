package sandbox

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/tetratelabs/wazero/api"
)

// kits is where `make bench` puts the kit of each SDK.
const kits = "../../bin/bench"

// BenchmarkMeteringOfKits is BenchmarkMetering for a hook that a plugin of each SDK serves: what plugins usually do, on a usual
// registration.
func BenchmarkMeteringOfKits(b *testing.B) {
	text, err := os.ReadFile("../../sdk/testdata/shape.json")
	if err != nil {
		b.Fatal(err)
	}
	vector, err := strictjson.Parse(text, strictjson.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	call, _ := vector.Get("input")
	configuration, _ := vector.Get("configuration")
	input := strictjson.Append(nil, call)
	setup := []byte(`{"v":1,"name":"kit","version":"1","hooks":["pre_register"],"configuration":` + configuration.String() + `}`)
	for _, language := range []string{"go", "rust", "assemblyscript"} {
		b.Run(language, func(b *testing.B) {
			plain, metered := startKit(b, language)
			best := [2]time.Duration{time.Hour, time.Hour}
			for _, mod := range []api.Module{plain, metered} {
				timed(b, mod, "ostiary_configure", setup)
			}
			for b.Loop() {
				for n, mod := range []api.Module{plain, metered} {
					best[n] = min(best[n], timed(b, mod, "pre_register", input))
				}
			}
			reportBoth(b, best[0], best[1])
		})
	}
}

// startKit starts a kit as it is, and with charges.
func startKit(b *testing.B, language string) (plain, metered api.Module) {
	binary, imports := readKit(b, language)
	_, out, imports, err := check(binary, imports, benchLimits(b), meter.RewriteModule)
	if err != nil {
		b.Fatal(err)
	}
	return start(b, binary, imports), start(b, out.Wasm, imports)
}

// readKit gives a kit, and what it imports.
func readKit(b *testing.B, language string) (binary []byte, imports Imports) {
	binary, err := os.ReadFile(filepath.Join(kits, language+".wasm"))
	if err != nil {
		b.Skipf("%v; run: make guests bench", err)
	}
	silent := Import{Module: "ostiary_v1", Name: "log", Params: []ValueType{I32, I32, I32}, Call: func(context.Context, Memory, []uint64) error { return nil }}
	return binary, append(WASI(WASIOptions{}), silent)
}

// timed makes one exchange and says how long it took.
func timed(b *testing.B, mod api.Module, export string, input []byte) time.Duration {
	began := time.Now()
	stack := []uint64{uint64(len(input)), 0}
	if err := mod.ExportedFunction("ostiary_alloc").CallWithStack(endless(mod), stack); err != nil {
		b.Fatal(err)
	}
	mod.Memory().Write(uint32(stack[0]), input)
	stack[1] = uint64(len(input))
	if err := mod.ExportedFunction(export).CallWithStack(endless(mod), stack); err != nil || stack[0] == 0 {
		b.Fatalf("%s failed: %v", export, err)
	}
	return time.Since(began)
}
