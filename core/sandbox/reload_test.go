package sandbox

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A footprint is what a process holds. What the system does not tell is 0.
type footprint struct {
	goroutines, mappings, handles int
	heap, resident, reserved      int // bytes
}

func footprintNow(t *testing.T) footprint {
	t.Helper()
	runtime.GC() // twice: compiled code is unmapped by finalizers
	runtime.GC()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	f := footprint{goroutines: runtime.NumGoroutine(), heap: int(stats.HeapAlloc)}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil {
		f.mappings = bytes.Count(maps, []byte{'\n'})
	}
	if handles, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.handles = len(handles)
	}
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		fields := strings.Fields(string(statm)) // in pages: all that is reserved, what of it is there
		for n, place := range []*int{&f.reserved, &f.resident} {
			pages, err := strconv.Atoi(fields[n])
			if err != nil {
				t.Fatal(err)
			}
			*place = pages * os.Getpagesize()
		}
	}
	return f
}

// within reports whether nothing is held that was not held before, but for what the Go runtime itself keeps in hand.
func (f footprint) within(before footprint) bool {
	const mib = 1 << 20
	return f.goroutines <= before.goroutines+2 && f.handles <= before.handles+2 && f.mappings <= before.mappings+20 &&
		f.heap <= before.heap+4*mib && f.resident <= before.resident+64*mib && f.reserved <= before.reserved+512*mib
}

// reloadable is a small module that differs from every other number's: 1 MiB of memory, code, a table and globals.
func reloadable(number int) []byte {
	w := (&wat{}).pages(16)
	w.global(I64, i64(int64(number)))
	w.tableOf(10, w.fn("number", "", "I", globalGet(0)))
	w.fn("set", "I", "", localGet(0), globalSet(0), i32(65536), i32(1), i32Store)
	w.fn("trap", "", "", unreachable)
	w.fn("alloc", "i", "i", i32(16))
	w.fn("echo", "ii", "I", localGet(0), i64Extend, i64(32), i64Shl, localGet(1), i64Extend, i64Or)
	return w.bytes()
}

// reload loads, uses, faults and closes one program, as a host does whose plugin was changed.
func reload(t *testing.T, m *Machine, number int) {
	t.Helper()
	p, err := m.Load(context.Background(), reloadable(number), nil, Limits{Wall: time.Minute, InitWall: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exchangeOnce(p, "echo", "hello"); err != nil || out != "hello" {
		t.Fatalf("%q, %v", out, err)
	}
	_, _, err = callOnce(p, "trap")
	trapOfKind(t, err, TrapUnreachable)
	if _, _, err := callOnce(p, "set", 1); err != nil {
		t.Fatal(err)
	}
	if got, _, err := callOnce(p, "number"); err != nil || got[0] != uint64(number) {
		t.Fatalf("%v, %v: want %d", got, err, number)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// timesOver is how often something is done over and over, and a tenth of it where races are watched for.
func timesOver(times int) int {
	if racing {
		return times / 10
	}
	return times
}

// TestNothingGrowsOverReloads replaces programs by others, and by the same, far more often than a process ever will. Every
// one that was not given back would show: a hundred of them reserve 3 GiB, and map their code a hundred times.
func TestNothingGrowsOverReloads(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		times   int
	}{
		{"in memory", Options{}, timesOver(1000)},
		{"on disk", Options{CacheDir: filepath.Join(t.TempDir(), "cache")}, timesOver(200)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := NewMachine(c.options)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			for n := range 20 {
				reload(t, m, n)
			}
			before := footprintNow(t)
			for n := range c.times {
				reload(t, m, n/2) // every module twice: cold, then perhaps out of a cache
			}
			var after footprint
			until(t, "all is given back", func() bool { // the collector and the finalizers need their time
				after = footprintNow(t)
				return after.within(before)
			})
			t.Logf("%d reloads: %+v before, %+v after", c.times, before, after)
			if len(m.compiled) != 0 {
				t.Errorf("%d modules are still open", len(m.compiled))
			}
		})
	}
}

// Faults replace instances. What a program holds must not depend on how many there were.
func TestNothingGrowsOverFaults(t *testing.T) {
	p := load(t, reloadable(7), nil, Limits{})
	fault := func() {
		_, _, err := callOnce(p, "trap")
		trapOfKind(t, err, TrapUnreachable)
	}
	for range 20 {
		fault()
	}
	before := footprintNow(t)
	for range 1000 {
		fault()
	}
	var after footprint
	until(t, "all is given back", func() bool {
		after = footprintNow(t)
		return after.within(before)
	})
	t.Logf("1000 faults: %+v before, %+v after", before, after)
	if made := p.Stats().Created; made < 1000 {
		t.Errorf("%d instances were made", made)
	}
}

// What is not closed must be seen by the test above.
func TestFootprintSeesWhatStays(t *testing.T) {
	m, err := NewMachine(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	reload(t, m, 0)
	before := footprintNow(t)
	var kept []*Program
	for n := range 40 {
		p, err := m.Load(context.Background(), reloadable(n), nil, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, p)
	}
	if after := footprintNow(t); after.within(before) {
		t.Errorf("forty programs are open and nothing shows: %+v before, %+v after", before, after)
	}
	for _, p := range kept {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}
