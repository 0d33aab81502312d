//go:build unix

// Package extism measures the job of the benchmark of hooks (BenchmarkHook in plugins) with Extism's SDK for Go: what somebody would use who
// has no plugin machine of their own. It is a module by itself, because nothing else here needs Extism.
package extism

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"

	extism "github.com/extism/go-sdk"
)

// BenchmarkHook is one call of a plugin in Go on a registration of about 1.5 KB. Extism resets nothing between calls, and counts nothing:
// it has a limit of time alone, and that is off here because it makes a call several times slower.
func BenchmarkHook(b *testing.B) {
	text, err := os.ReadFile("../../../sdk/testdata/shape.json")
	if err != nil {
		b.Fatal(err)
	}
	var vector struct{ Input, Output json.RawMessage }
	if err := json.Unmarshal(text, &vector); err != nil {
		b.Fatal(err)
	}
	plugin := load(b)
	b.Run("extism", func(b *testing.B) {
		b.ReportAllocs()
		before := processor()
		var answer []byte
		for b.Loop() {
			code, out, err := plugin.Call("pre_register", vector.Input)
			if err != nil || code != 0 {
				b.Fatal(code, err)
			}
			answer = out
		}
		b.ReportMetric(float64(processor()-before)/float64(b.N), "cpu-ns/op")
		if got, want := parsed(b, answer), parsed(b, vector.Output); !reflect.DeepEqual(got, want) {
			b.Errorf("got %v, want %v", got, want)
		}
	})
}

// load builds the guest and starts it.
func load(b *testing.B) *extism.Plugin {
	b.Helper()
	module := filepath.Join(b.TempDir(), "guest.wasm")
	build := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s", "-o", module, "./guest")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmFile{Path: module}}}
	plugin, err := extism.NewPlugin(context.Background(), manifest, extism.PluginConfig{EnableWasi: true}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := plugin.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return plugin
}

func parsed(b *testing.B, text []byte) (value any) {
	b.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		b.Fatal(err)
	}
	return value
}

// processor gives the time that this process has been computing.
func processor() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
