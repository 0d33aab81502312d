package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// refusal loads a module that must be refused and gives the reasons.
func refusal(t *testing.T, binary []byte, imports Imports, limits Limits) []string {
	t.Helper()
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, err = m.Load(context.Background(), binary, imports, limits)
	var refused *LoadError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a LoadError", err)
	}
	return refused.Reasons
}

func TestRefusalNamesEverythingAtOnce(t *testing.T) {
	w := &wat{}
	w.importFunc("env", "missing", "", "")
	w.importFunc("env", "other_type", "i", "I")
	w.imports = append(w.imports, append(wasm.AppendName(wasm.AppendName(nil, "env"), "memory"), byte(KindMemory), 0, 1))
	w.memory = []byte{1, 0, 9}
	w.globals = append(w.globals, []byte{byte(FuncRef), 1, 0xd0, byte(FuncRef), byte(wasm.OpEnd)})
	w.fn("f", "", "", ops(0xfc, 9, 0))
	w.tableOf(11)
	imports := Imports{
		{Module: "env", Name: "other_type", Params: []ValueType{I32}, Call: func(context.Context, Memory, []uint64) error { return nil }},
		{Module: "env", Name: "bodiless"},
	}
	reasons := strings.Join(refusal(t, w.bytes(), imports, Limits{MemoryPages: 8, TableElements: 10}), "\n")
	for _, part := range []string{
		"env.missing is not provided", "env.other_type has type i32 -> i64, the host's is i32 -> ()",
		"import of memory env.memory: only functions", "2 memories", "9 pages of memory, the limit is 8",
		"mutable funcref", "11 table elements", "data.drop", "env.bodiless",
	} {
		if !strings.Contains(reasons, part) {
			t.Errorf("no word of %q in:\n%s", part, reasons)
		}
	}
}

func TestRefusals(t *testing.T) {
	branches := &wat{}
	var body [][]byte
	for range 11_000 {
		body = append(body, loop())
	}
	branches.fn("f", "", "", body...)
	long := &wat{}
	long.fn("f", "", "", bytes.Repeat([]byte{0x01}, maxFunctionBytes))
	locals := &wat{}
	locals.fn("f", "", "")
	locals.code[0] = []byte{7, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, byte(I32), byte(wasm.OpEnd)}
	locals.code[0][0] = byte(len(locals.code[0]) - 1)
	missing := &wat{}
	missing.fn("f", "", "")
	missing.code = append(missing.code, missing.code[0])
	threads := &wat{}
	threads.fn("f", "", "", ops(0xfe, 0))
	reserved, tick := &wat{}, &wat{}
	reserved.global(I32, i32(0))
	reserved.export(meter.GlobalExport(0), KindGlobal, 0)
	tick.importFunc(meter.Module, meter.Tick, "II", "I")
	crowded, filled := &wat{}, &wat{}
	for range 30_000 { // each of a type of its own: the compiler looks at all types for every function
		crowded.fn("", "", "", loop(i32(0), ops(0x0d, 0)))
		crowded.typeIndex("", "")
		crowded.typeIndex("", "")
	}
	filled.fn("f", "", "")
	filled.elements = append(wasm.AppendU32([]byte{1, 1, 0}, 20), make([]byte, 20)...)
	bulk := &wat{}
	bulk.pages(1)
	bulk.fn("f", "", "", bytes.Repeat(slices.Concat(i32(0), i32(0), i32(0), memoryFill), 15_000))
	wide := &wat{}
	many := strings.Repeat("i", 1000)
	wide.fn("f", many, many, bytes.Repeat(call(0), 4000))
	lies := append((&wat{}).bytes(), 4, 5, 1, 0x60, 0xa6, 0xa6, 0xa6)
	invalid := &wat{}
	invalid.fn("f", "", "i")
	for part, c := range map[string]struct {
		binary []byte
		limits Limits
	}{
		"function 0 is too much": {branches.bytes(), Limits{}},
		"at most 262144":         {long.bytes(), Limits{}},
		"more than 50000 local":  {locals.bytes(), Limits{}},
		"2 function bodies":      {missing.bytes(), Limits{}},
		"instruction 0xfe":       {threads.bytes(), Limits{}},
		"invalid function":       {invalid.bytes(), Limits{}},
		"ostiary_global_0":       {reserved.bytes(), Limits{}},
		"belongs to the meter":   {tick.bytes(), Limits{}},
		"cost 904":               {crowded.bytes(), Limits{}},
		"cost 2722":              {wide.bytes(), Limits{}},
		"cost 132":               {bulk.bytes(), Limits{}},
		"20 elements, the":       {filled.bytes(), Limits{TableElements: 10}},
		"offset":                 {lies, Limits{}},
		"header":                 {[]byte("#!/bin/sh"), Limits{}},
		"the limit is 8":         {hostile(), Limits{ModuleBytes: 8}},
		"Wall is negative":       {keeper(), Limits{Wall: -1}},
		"LogLines is negative":   {keeper(), Limits{LogLines: -1}},
		"MemoryPages is over":    {keeper(), Limits{MemoryPages: 1 << 17}},
	} {
		if reasons := refusal(t, c.binary, nil, c.limits); !strings.Contains(strings.Join(reasons, "\n"), part) {
			t.Errorf("no word of %q in %q", part, reasons)
		}
	}
}

// A section of names that lies about its length is left out: engines make room for what it says.
func TestDamagedNamesAreLeftOut(t *testing.T) {
	damaged := append(wasm.AppendName(nil, "name"), 1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f)
	binary := wasm.AppendSection(neighbour(), wasm.SectionCustom, damaged)
	if out, err := exchangeOnce(load(t, binary, nil, Limits{}), "echo", "nameless"); err != nil || out != "nameless" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestManyReasonsAreCounted(t *testing.T) {
	w := &wat{}
	for range 50 {
		w.importFunc("env", "missing", "", "")
	}
	if reasons := refusal(t, w.bytes(), nil, Limits{}); len(reasons) != maxReasons+1 || reasons[maxReasons] != "and 30 more" {
		t.Errorf("%d reasons, the last is %q", len(reasons), reasons[len(reasons)-1])
	}
}

func TestProgramTellsWhatItWasMadeOf(t *testing.T) {
	w := (&wat{}).pages(1).custom("ostiary.manifest", "name: x").custom("ostiary.manifest", "second")
	w.importFunc("env", "f", "iI", "f")
	w.fn("g", "F", "i", i32(1))
	w.global(I32, i32(0))
	binary := w.bytes()
	p := load(t, binary, Imports{{
		Module: "env", Name: "f", Params: []ValueType{I32, I64}, Results: []ValueType{F32},
		Call: func(context.Context, Memory, []uint64) error { return nil },
	}}, Limits{Wall: time.Second})
	exports := []Export{
		{Name: "memory", Kind: KindMemory},
		{Name: "g", Kind: KindFunction, Params: []ValueType{F64}, Results: []ValueType{I32}},
	}
	if got := p.Exports(); !reflect.DeepEqual(got, exports) {
		t.Errorf("exports %v, want the module's own and no other: %v", got, exports)
	}
	imports := []ImportNeed{{Module: "env", Name: "f", Params: []ValueType{I32, I64}, Results: []ValueType{F32}}}
	if got := p.Imports(); !reflect.DeepEqual(got, imports) {
		t.Errorf("imports %v, want %v", got, imports)
	}
	if data, ok := p.CustomSection("ostiary.manifest"); !ok || string(data) != "name: x" {
		t.Errorf("custom section: %q, %v", data, ok)
	}
	if _, ok := p.CustomSection("none"); ok {
		t.Error("found a section that is not there")
	}
	if p.Digest() != sha256.Sum256(binary) {
		t.Error("the digest is not that of the bytes given")
	}
	if l := p.Limits(); l.Wall != time.Second || l.OutputBytes != 256<<10 || l.MemoryPages != 512 {
		t.Errorf("limits in force: %+v", l)
	}
}

func TestCacheDirectory(t *testing.T) {
	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := NewMachine(Options{CacheDir: open}); err == nil {
		t.Error("a cache that others may enter was accepted")
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	if _, err := NewMachine(Options{CacheDir: link}); err == nil {
		t.Error("a symbolic link was accepted")
	}

	dir := filepath.Join(t.TempDir(), "new")
	run := func() error {
		m, err := NewMachine(Options{CacheDir: dir})
		if err != nil {
			return err
		}
		defer m.Close()
		p, err := m.Load(context.Background(), neighbour(), nil, Limits{Wall: time.Minute})
		if err != nil {
			return err
		}
		defer p.Close()
		_, err = exchangeOnce(p, "echo", "hello")
		return err
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	entries, err := filepath.Glob(filepath.Join(dir, "*", "*", "*"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("cache entries %q, %v; want the one module", entries, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the new cache: %v, %v", info.Mode(), err)
	}
	for _, damage := range [][]byte{nil, []byte("WAZEVO"), bytes.Repeat([]byte{0xff}, 400)} {
		if err := os.WriteFile(entries[0], damage, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // around the damage, and then anew
			if err := run(); err != nil {
				t.Errorf("with a damaged entry of %d bytes: %v", len(damage), err)
			}
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(hostile())
	f.Add(keeper())
	f.Add((&wat{}).custom("a", "b").bytes())
	f.Add(append([]byte(wasm.Header), 4, 0xff, 0xff, 0xff, 0xff, 0x0f))
	f.Fuzz(func(t *testing.T, binary []byte) {
		before := bytes.Clone(binary)
		if _, err := Inspect(binary); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		if !bytes.Equal(before, binary) {
			t.Fatal("the input was written to")
		}
	})
}
