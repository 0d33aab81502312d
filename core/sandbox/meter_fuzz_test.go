package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// FuzzMeterRefusesNothingValid holds that what the engine takes is metered, whatever its bytes, and that the engine takes
// the result: the other half of what FuzzRewrite promises, begun from modules of the specification.
func FuzzMeterRefusesNothingValid(f *testing.F) {
	for _, binary := range [][]byte{hider(), ways(), fuzzingSupport(), spectest(), reloadable(1)} {
		f.Add(binary)
	}
	files, err := filepath.Glob(filepath.Join(engineTestdata(f), "*.wasm"))
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds: ", err)
	}
	for n, file := range files {
		binary, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if n%20 == 0 && len(binary) < 2000 {
			f.Add(binary)
		}
	}
	f.Fuzz(func(t *testing.T, binary []byte) {
		m, err := wasm.Parse(binary)
		if err != nil || len(binary) > 1<<16 {
			return // not for the engine: it makes room for whatever a section says it has
		}
		if s, ok := m.Section(wasm.SectionDataCount); ok && s.Body == s.End {
			return // malformed, though the engine takes it if nothing follows
		}
		out, refused := meter.RewriteModule(m, meter.Options{Fuel: plenty, Stack: roomy})
		if refused == nil && out.Report.CompileCost > 1<<20 {
			return
		}
		// Without custom sections, which the engine has opinions about.
		if compiles(assembled(m, nil)) && (refused != nil || !compiles(out.Wasm)) {
			t.Fatalf("the engine takes it, but it cannot be metered: %v", refused)
		}
	})
}
