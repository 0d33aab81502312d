package plugins

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A footprint is what the process holds. What the system does not tell is 0.
type footprint struct{ goroutines, handles, heap int }

func footprintNow() footprint {
	runtime.GC() // twice: compiled code is unmapped by finalizers
	runtime.GC()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	f := footprint{goroutines: runtime.NumGoroutine(), heap: int(stats.HeapAlloc)}
	if handles, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.handles = len(handles)
	}
	return f
}

// flat waits until the process holds no more than before, but for what Go's runtime itself keeps in hand.
func (f footprint) flat(t *testing.T) {
	t.Helper()
	var now footprint
	for range 100 {
		now = footprintNow()
		if now.goroutines <= f.goroutines+2 && now.handles <= f.handles+2 && now.heap <= f.heap+4<<20 {
			t.Logf("%+v before, %+v after", f, now)
			return
		}
		time.Sleep(50 * time.Millisecond) // the collector and the finalizers need their time
	}
	t.Errorf("%+v before, %+v after", f, now)
}

// calls is how often the tests below call.
func calls() int {
	if testing.Short() {
		return 5_000
	}
	return 100_000
}

// TestFlatOverCalls asks a plugin in Go as the desk does, so often that whatever stays of a call would show: as much memory and fuel in
// each of them, no more instances than are recycled, and a server that holds no more than before.
func TestFlatOverCalls(t *testing.T) {
	unraced(t)
	v := vectorNamed(t, "shape")
	f := newFolder(t, nil)
	f.put("shape", kit(t), allHooks+"writes: [contacts, scope, token_endpoint_auth_method, require_pushed_authorization_requests]\nconfiguration: "+v.Configuration.String()+"\n")
	f.reload()
	p := f.named(hook.PreRegister, "shape")
	client, _ := v.Input.Get("client")
	ask := func() (hook.Usage, uint32) {
		_, usage, cost, err := p.call(context.Background(), &hook.Call{Point: hook.PreRegister, Client: client}, entropy{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return usage, cost.MemoryPages
	}
	first, pages := ask()
	before := footprintNow()
	for n := range calls() {
		if usage, now := ask(); usage.Fuel != first.Fuel || now != pages {
			t.Fatalf("call %d took %d fuel in %d pages, the first %d in %d", n, usage.Fuel, now, first.Fuel, pages)
		}
	}
	before.flat(t)
	if s := p.program.Stats(); s.Created > calls()/p.program.Limits().Recycle+1 || s.Leased != 0 {
		t.Errorf("%+v", s)
	}
}

// TestFlatMemory asks one instance many times without a reset in between: the SDK lets Go's collector run, so the module's memory stays
// about as it was after a few calls. Without that it grows by some kilobytes a call.
func TestFlatMemory(t *testing.T) {
	unraced(t)
	shape := vectorNamed(t, "shape")
	f := newFolder(t, nil)
	f.put("shape", kit(t), allHooks+"configuration: "+shape.Configuration.String()+"\n")
	f.reload()
	v := f.named(hook.PreRegister, "shape")
	in := strictjson.Append(nil, shape.Input)
	patient := sandbox.Limits{Fuel: 1 << 50, Wall: 10 * time.Minute} // all of it is one piece of work
	program, err := f.host.machine.Load(context.Background(), kit(t), hostFunctions(v.granted), patient, v.start)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	ask := func(calls int) uint32 {
		usage, err := program.Do(context.Background(), func(i *sandbox.Instance) error {
			for range calls {
				if _, err := i.Exchange(context.Background(), abi.Alloc, abi.PreRegister, in); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return usage.MemoryPages
	}
	few, many := ask(500), ask(calls()/20)
	if many > few+32 { // 2 MiB
		t.Errorf("%d pages after 500 calls, %d after %d", few, many, calls()/20)
	}
}

// TestFlatOverReloads replaces a plugin by another version of itself a thousand times, as an operator does: it is loaded, tested, swapped
// in, asked, and the one before is drained and closed.
func TestFlatOverReloads(t *testing.T) {
	reloads := 1000
	if testing.Short() || racing {
		reloads = 100
	}
	f := newFolderApart(t)
	f.putTest("tests/a.yaml", "name: a case\nhook: pre_register\nexpect: {action: patch}\n")
	f.put("bystander", answers("bystander"), register)
	reload := func(n int) {
		t.Helper()
		name := strconv.Itoa(n % 40) // compiled code comes from the cache, after a while
		f.put("a", answers(name), tested)
		f.reload()
		if got, want := f.askedAll(hook.PreRegister), `{"client_name":"`+name+`"}{"client_name":"bystander"}`; got != want {
			t.Fatalf("got %s, want %s: %+v", got, want, f.status("a"))
		}
		if n%10 == 0 { // one that is refused leaves nothing either, and the one before as it is
			f.put("a", answers(name+"!"), "hooks: {pre_register: {}}\ntests: [tests/a.yaml]\nconfiguration: {a: 1}\n")
			f.reload()
			f.want("a", Live, "does not export ostiary_configure")
		}
	}
	for n := range 20 {
		reload(n)
	}
	before := footprintNow()
	for n := range reloads {
		reload(20 + n)
	}
	before.flat(t)
}

// askedAll asks every plugin of a point, as a request does, so that none of their versions is kept for one that is under way.
func (f *folder) askedAll(p hook.Point) (answers string) {
	f.t.Helper()
	plugins, err := f.host.At(p)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, plugin := range plugins {
		answers += asked(f.t, plugin, p)
	}
	return answers
}
