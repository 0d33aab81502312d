package sandbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// plainMemory stands in for a guest's memory.
type plainMemory []byte

func (m plainMemory) Read(ptr, n uint32) ([]byte, bool) {
	if uint64(ptr)+uint64(n) > uint64(len(m)) {
		return nil, false
	}
	return slices.Clone(m[ptr : ptr+n]), true
}

func (m plainMemory) Write(ptr uint32, data []byte) bool {
	if uint64(ptr)+uint64(len(data)) > uint64(len(m)) {
		return false
	}
	copy(m[ptr:], data)
	return true
}

func (m plainMemory) Size() uint32 { return uint32(len(m)) }

// A wasiBench calls WASI functions by name without a guest.
type wasiBench struct {
	t       testing.TB
	imports Imports
	inst    *Instance
	mem     plainMemory
}

func newWASIBench(t testing.TB, o WASIOptions) *wasiBench {
	return &wasiBench{t: t, imports: WASI(o), mem: make(plainMemory, 4096),
		inst: &Instance{lease: lease{budget: maxFuel}, host: hostState{logBytes: 100, logLines: 3}}}
}

func (b *wasiBench) call(name string, params ...uint64) errno {
	b.t.Helper()
	n := slices.IndexFunc(b.imports, func(i Import) bool { return i.Name == name })
	if n < 0 || len(b.imports[n].Params) != len(params) {
		b.t.Fatalf("no function %s with %d parameters", name, len(params))
	}
	stack := append(slices.Clone(params), 0)
	ctx := context.WithValue(context.Background(), instanceKey{}, b.inst)
	if err := b.imports[n].Call(ctx, b.mem, stack); err != nil {
		b.t.Fatal(name, err)
	}
	return errno(stack[0])
}

func (b *wasiBench) u64(at int) uint64 { return binary.LittleEndian.Uint64(b.mem[at:]) }

func TestWASILogIsLinesWithinLimits(t *testing.T) {
	var said []string
	b := newWASIBench(t, WASIOptions{Log: func(_ context.Context, stream int, line []byte) {
		said = append(said, fmt.Sprint(stream, " ", string(line)))
	}})
	write := func(stream uint64, text string) {
		t.Helper()
		copy(b.mem[100:], text)
		binary.LittleEndian.PutUint32(b.mem[0:], 100)
		binary.LittleEndian.PutUint32(b.mem[4:], uint32(len(text)))
		if e := b.call("fd_write", stream, 0, 1, 8); e != wasiOK {
			t.Fatal("errno", e)
		}
		if n := binary.LittleEndian.Uint32(b.mem[8:]); n != uint32(len(text)) {
			t.Errorf("%d of %d bytes taken; the guest must not notice limits", n, len(text))
		}
	}
	write(2, "pan")
	write(1, "out\nsecond ")
	write(2, "ic\n")
	write(1, "line") // 21 bytes so far, and two lines
	write(1, strings.Repeat("x", 90))
	b.inst.host.flush(context.Background())
	want := []string{"1 out", "2 panic", "1 second line" + strings.Repeat("x", 100-21)}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if b.inst.host.dropped != 11 {
		t.Errorf("%d bytes dropped, want 11", b.inst.host.dropped)
	}
	write(1, "one line too many\n")
	if len(said) != 3 {
		t.Errorf("more lines than allowed: %q", said)
	}
}

func TestWASIClocks(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 678912345, time.UTC)
	reads := 0
	b := newWASIBench(t, WASIOptions{Now: func() time.Time { reads++; return now.Add(time.Duration(reads) * time.Hour) }})
	wall := uint64(now.Add(time.Hour).Truncate(time.Millisecond).UnixNano())
	for id, want := range []uint64{wall, 1e9, 1e9, 1e9} {
		if e := b.call("clock_time_get", uint64(id), 0, 64); e != wasiOK || b.u64(64) != want {
			t.Errorf("clock %d: %d, %d, want %d", id, e, b.u64(64), want)
		}
	}
	if e := b.call("clock_time_get", 4, 0, 64); e != wasiInvalid {
		t.Errorf("clock 4: %d", e)
	}
	// Two timers: the wall clock at an absolute time in three seconds, and two seconds from now.
	subscribe := func(at int, id byte, wait uint64, absolute byte) {
		b.mem[at], b.mem[at+8], b.mem[at+16], b.mem[at+40] = id, 0, id, absolute
		binary.LittleEndian.PutUint64(b.mem[at+24:], wait)
	}
	subscribe(0, 0, wall+3e9, 1)
	subscribe(48, 1, 2e9, 0)
	if e := b.call("poll_oneoff", 0, 200, 2, 64); e != wasiOK || b.mem[64] != 1 || b.mem[200] != 1 {
		t.Errorf("errno %d, %d events, the first for timer %d; want one for the shorter", e, b.mem[64], b.mem[200])
	}
	b.call("clock_time_get", 0, 0, 64)
	if got := b.u64(64); got != wall+2e9 {
		t.Errorf("the wall clock moved by %d, want two seconds", got-wall)
	}
	subscribe(0, 1, 1<<64-1, 0)
	for range 2 { // further than the clock can go: it stays at its end
		if e := b.call("poll_oneoff", 0, 200, 1, 64); e != wasiOK {
			t.Error("errno", e)
		}
	}
	b.call("clock_time_get", 1, 0, 64)
	if got := b.u64(64); got != 1<<64-1 {
		t.Errorf("the clock wrapped around to %d", got)
	}
	b.mem[8] = 1 // a file never becomes ready
	if e := b.call("poll_oneoff", 0, 200, 1, 64); e != wasiOK || b.mem[208] != byte(wasiBadFile) {
		t.Errorf("polling a file: %d, event errno %d", e, b.mem[208])
	}
	if reads != 1 {
		t.Errorf("the host's clock was read %d times", reads)
	}
}

func TestWASIHasNoPower(t *testing.T) {
	b := newWASIBench(t, WASIOptions{})
	for _, f := range wasiFunctions {
		if strings.HasPrefix(f.name, "path_") || strings.HasPrefix(f.name, "sock_") {
			if e := b.call(f.name, make([]uint64, len(f.params))...); e == wasiOK {
				t.Errorf("%s succeeded", f.name)
			}
		}
	}
	for name, params := range map[string][]uint64{
		"fd_read": {3, 0, 1, 64}, "fd_write": {0, 0, 1, 64}, "fd_prestat_get": {3, 64}, "fd_readdir": {3, 0, 64, 0, 64},
		"fd_fdstat_get": {3, 64}, "fd_close": {3}, "fd_seek": {3, 0, 0, 64},
	} {
		if e := b.call(name, params...); e != wasiBadFile {
			t.Errorf("%s: errno %d, want %d", name, e, wasiBadFile)
		}
	}
	if e := b.call("fd_seek", 1, 0, 0, 64); e != wasiNoSeek {
		t.Errorf("fd_seek of a stream: %d", e)
	}
	if e := b.call("fd_read", 0, 0, 0, 64); e != wasiOK || b.u64(64) != 0 {
		t.Errorf("standard input is not at its end: %d", e)
	}
	if e := b.call("clock_time_get", 0, 0, 64); e != wasiOK || b.u64(64) != 0 {
		t.Errorf("without a clock it is %d", b.u64(64))
	}
	for _, name := range []string{"args_sizes_get", "environ_sizes_get"} {
		if e := b.call(name, 64, 72); e != wasiOK || b.u64(64) != 0 || b.u64(72) != 0 {
			t.Errorf("%s: %d", name, e)
		}
	}
	exit := b.imports[len(b.imports)-1]
	var trap *Trap
	if err := exit.Call(context.Background(), b.mem, []uint64{7}); !errors.As(err, &trap) || trap.ExitCode != 7 {
		t.Errorf("proc_exit: %v", err)
	}
}

// No parameters, however wild, make a WASI function panic, allocate beyond the memory or write outside it.
func FuzzWASI(f *testing.F) {
	f.Add(uint8(0), uint64(1), uint64(0), uint64(1), uint64(8), []byte("\x64\x00\x00\x00\x05\x00\x00\x00"))
	for n := range wasiFunctions {
		f.Add(uint8(n), uint64(1), uint64(1<<32-1), uint64(1<<31), uint64(4095), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		f.Add(uint8(n), uint64(0), uint64(0), uint64(2), uint64(0), make([]byte, 96))
	}
	f.Fuzz(func(t *testing.T, n uint8, p0, p1, p2, p3 uint64, mem []byte) {
		fn := wasiFunctions[int(n)%len(wasiFunctions)]
		b := newWASIBench(t, WASIOptions{Log: func(context.Context, int, []byte) {}})
		b.mem = append(make(plainMemory, 0, 4096), mem[:min(len(mem), 4096)]...)
		params := append([]uint64{p0, p1, p2, p3}, make([]uint64, 8)...)
		for _, again := range []int{1, 2} {
			if e := b.call(fn.name, params[:len(fn.params)]...); e > 76 {
				t.Errorf("%s, call %d: errno %d does not exist", fn.name, again, e)
			}
		}
	})
}
