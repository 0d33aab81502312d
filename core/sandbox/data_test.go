package sandbox

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// segment writes an active data segment.
func segment(at int32, content string) []byte {
	return slices.Concat([]byte{0}, i32(at), []byte{byte(wasm.OpEnd)}, wasm.AppendName(nil, content))
}

// withData is a module of one page that starts with these segments.
func withData(segments ...[]byte) []byte {
	w := (&wat{}).pages(1)
	body := append(wasm.AppendU32(nil, uint32(len(segments))), slices.Concat(segments...)...)
	return wasm.AppendSection(w.bytes(), wasm.SectionData, body)
}

// began gives the memory that a module starts with; false: it does not start.
func began(t *testing.T, binary []byte) ([]byte, bool) {
	t.Helper()
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2)
	runtime, code, err := compileWith(context.Background(), config, binary, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close(context.Background())
	mod, err := runtime.InstantiateModule(context.Background(), code, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, false
	}
	memory, _ := mod.Memory().Read(0, mod.Memory().Size())
	return bytes.Clone(memory), true
}

// segmentsOf counts the data segments of a module.
func segmentsOf(t *testing.T, binary []byte) int {
	t.Helper()
	m, err := wasm.Parse(binary)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := m.Section(wasm.SectionData)
	return m.Read(s).Count()
}

func TestDataSegmentsAreJoined(t *testing.T) {
	long := slices.Concat([]byte{0, 0x41, 0x90, 0x00, byte(wasm.OpEnd)}, wasm.AppendName(nil, "gh")) // 16 in two bytes
	for name, c := range map[string]struct {
		segments [][]byte
		want     int
	}{
		"none":                  {nil, 0},
		"one":                   {[][]byte{segment(8, "ab")}, 1},
		"zeros between":         {[][]byte{segment(8, "ab"), segment(74, "cd")}, 1},
		"too many zeros":        {[][]byte{segment(8, "ab"), segment(75, "cd")}, 2},
		"side by side":          {[][]byte{segment(8, "ab"), segment(10, "cd"), segment(12, "")}, 1},
		"over another":          {[][]byte{segment(8, "abcd"), segment(10, "ef")}, 2},
		"downwards":             {[][]byte{segment(8, "ab"), segment(4, "cd"), segment(6, "ef")}, 2},
		"up to another":         {[][]byte{segment(9, "ab"), segment(4, "cd"), segment(6, "efg"), segment(11, "hi")}, 3},
		"into another":          {[][]byte{segment(9, "ab"), segment(4, "cd"), segment(6, "efgh"), segment(10, "ij")}, 3},
		"written to before":     {[][]byte{segment(0, "abcdefghij"), segment(1, "x"), segment(5, "y")}, 3},
		"on behind an overlap":  {[][]byte{segment(0, "abcd"), segment(2, "efgh"), segment(8, "ij")}, 3},
		"behind an unknown one": {[][]byte{segment(8, "ab"), long, segment(18, "cd"), segment(20, "ef")}, 4},
		"not the shortest form": {[][]byte{segment(8, "ab"), long}, 2},
		"the end of memory":     {[][]byte{segment(65532, "ab"), segment(65534, "cd")}, 1},
		"beyond it":             {[][]byte{segment(65532, "ab"), segment(65534, "cde")}, 1},
		"empty beyond it":       {[][]byte{segment(65532, "ab"), segment(65540, "")}, 1},
		"at the last address":   {[][]byte{segment(-2, "ab"), segment(-1, "c")}, 2},
	} {
		binary := withData(c.segments...)
		out, err := meter.Rewrite(binary, meter.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, starts := began(t, binary)
		got, started := began(t, out.Wasm)
		if n := segmentsOf(t, out.Wasm); n != c.want || starts != started || !bytes.Equal(got, want) {
			t.Errorf("%s: %d segments, want %d; it starts: %t, want %t; the same memory: %t", name, n, c.want, started, starts, bytes.Equal(got, want))
		}
	}
}

// Segments that code names by their numbers stay as they are.
func TestSegmentsWithNumbersAreNotJoined(t *testing.T) {
	w := (&wat{}).pages(1)
	w.fn("init", "", "", i32(0), i32(0), i32(1), ops(0xfc, 8, 1, 0))
	w.segments = [][]byte{segment(8, "ab"), segment(10, "cd")}
	out, err := meter.Rewrite(w.bytes(), meter.Options{})
	if err != nil || segmentsOf(t, out.Wasm) != 2 {
		t.Errorf("%v", err)
	}
}

// TestRandomDataIsTheSame holds the same for segments of any order.
func TestRandomDataIsTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	joined := 0
	for range 500 {
		var segments [][]byte
		at := random.IntN(65536)
		for range 1 + random.IntN(50) {
			content := bytes.Repeat([]byte{byte('a' + len(segments))}, random.IntN(40))
			segments = append(segments, segment(int32(at), string(content)))
			at = max(0, at+len(content)+random.IntN(80)-5)
			if random.IntN(8) == 0 {
				at = max(0, at+random.IntN(12_000)-6000)
			}
		}
		binary := withData(segments...)
		out, err := meter.Rewrite(binary, meter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		joined += len(segments) - segmentsOf(t, out.Wasm)
		want, starts := began(t, binary)
		if got, started := began(t, out.Wasm); started != starts || !bytes.Equal(got, want) {
			t.Fatalf("it is another memory: % x", segments)
		}
	}
	if joined < 300 {
		t.Errorf("only %d segments were joined: this proves nothing", joined)
	}
}
