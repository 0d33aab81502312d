package sandbox

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
)

// FuzzMeterKeepsValidity holds that metering makes no invalid module valid and no valid one invalid, whatever the bytes.
func FuzzMeterKeepsValidity(f *testing.F) {
	for _, binary := range [][]byte{hostile(), keeper(), hider(), ways(), fuzzingSupport(), spectest()} {
		f.Add(binary)
	}
	files, err := filepath.Glob(filepath.Join(engineTestdata(f), "*.wasm"))
	if err != nil {
		f.Fatal(err)
	}
	for n, file := range files {
		if n%20 != 0 {
			continue
		}
		binary, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(binary) < 2000 {
			f.Add(binary)
		}
	}
	f.Fuzz(func(t *testing.T, binary []byte) {
		if len(binary) > 20_000 {
			return
		}
		before := bytes.Clone(binary)
		out, refused := meter.Rewrite(binary, meter.Options{Fuel: plenty, Stack: roomy, MemoryPages: 100})
		if !bytes.Equal(before, binary) {
			t.Fatal("the input was written to")
		}
		m, err := wasm.Parse(binary)
		if err != nil {
			return // not for the engine: it makes room for whatever a section says it has
		}
		plain := compiles(assembled(m, nil)) // without custom sections: what is wrong with them makes no module invalid
		if refused != nil {
			if plain == nil {
				t.Fatalf("refused, though the engine takes it: %v", refused)
			}
			return
		}
		if metered := compiles(out.Wasm); (plain == nil) != (metered == nil) {
			t.Fatalf("as it is: %v; metered: %v", plain, metered)
		}
	})
}

// compiles asks the engine, which validates.
func compiles(binary []byte) error {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(100))
	defer runtime.Close(ctx)
	_, err := runtime.CompileModule(ctx, binary)
	return err
}
