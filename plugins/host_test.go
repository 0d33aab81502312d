package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// answers makes a module that patches the client's name.
func answers(name string) []byte {
	return fake{answer: `{"v":1,"action":"patch","patch":{"client_name":"` + name + `"}}`}.wasm()
}

const register = "hooks: {pre_register: {}}\nwrites: [client_name]\n"

func TestOrder(t *testing.T) {
	f := newFolder(t, nil)
	f.put("c", answers("c"), "hooks: {pre_register: {priority: 5}, pre_update: {priority: 200}}\n")
	f.put("a", answers("a"), "hooks: {pre_register: {}, pre_update: {}}\n")
	f.put("b", answers("b"), "hooks: {pre_register: {priority: 100}}\n")
	f.reload()
	for point, want := range map[hook.Point]string{hook.PreRegister: "c a b", hook.PreUpdate: "a c", hook.OnRead: ""} {
		if got := f.names(point); got != want {
			t.Errorf("%s: got %q, want %q", point, got, want)
		}
	}
}

func TestReplace(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", answers("one"), register)
	f.put("b", answers("b"), "hooks: {pre_update: {}}\n")
	f.reload()
	first, untouched := f.only(hook.PreRegister), f.only(hook.PreUpdate)
	f.put("a", answers("two"), register)
	f.reload()
	second := f.only(hook.PreRegister)
	if got := asked(t, second, hook.PreRegister); got != `{"client_name":"two"}` {
		t.Errorf("after the change: %s", got)
	}
	if got := asked(t, first, hook.PreRegister); got != `{"client_name":"one"}` {
		t.Errorf("who holds the old version may still ask it: %s", got)
	}
	if f.only(hook.PreUpdate) != untouched {
		t.Error("an unchanged plugin was loaded again")
	}
	if first.Digest() == second.Digest() || f.status("a").Digest != second.Digest() {
		t.Error("digests")
	}
}

func TestFailedReplacementKeepsTheOld(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", answers("one"), register)
	f.reload()
	first := f.only(hook.PreRegister)
	f.write("a.wasm", []byte("half a cop"))
	f.reload()
	if s := f.status("a"); f.only(hook.PreRegister) != first || s.State != Live || s.Error == "" {
		t.Errorf("got %+v, want the first still live, and an error", s)
	}
	f.put("a", answers("one"), register)
	f.reload()
	if s := f.status("a"); f.only(hook.PreRegister) != first || s.Error != "" {
		t.Errorf("got %+v, want the first without error: its files are back", s)
	}
}

func TestRemove(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", answers("a"), register)
	f.put("b", answers("b"), register)
	f.reload()
	f.remove("a.yaml", "a.wasm")
	f.reload()
	if f.names(hook.PreRegister) != "b" || len(f.host.Status()) != 1 {
		t.Errorf("got %+v", f.host.Status())
	}
}

// A pair without one of its files is a removed plugin, whatever is left over, and comes back with that file.
func TestRemoveHalf(t *testing.T) {
	for gone, left := range map[string]string{"a.wasm": "a.yaml", "a.yaml": "a.wasm"} {
		t.Run(gone, func(t *testing.T) {
			log := &logbook{}
			f := newFolder(t, slog.New(log))
			f.put("a", answers("a"), register)
			f.put("b", answers("b"), register)
			f.reload()
			f.remove(gone)
			for range 2 {
				f.reload()
				want := left + " has no " + gone + ": the plugin is not running"
				if s := f.status("a"); f.names(hook.PreRegister) != "b" || s.State != Failed || s.Digest != "" || s.Error != want {
					t.Fatalf("at the hook %q, got %+v, want %q", f.names(hook.PreRegister), s, want)
				}
			}
			if removed, refused := log.count("plugin removed"), log.count("plugin not loaded"); removed != 1 || refused != 1 {
				t.Errorf("%d and %d lines, want one each:\n%s", removed, refused, log)
			}
			f.put("a", answers("a"), register)
			f.reload()
			if s := f.status("a"); f.names(hook.PreRegister) != "a b" || s.State != Live || s.Error != "" {
				t.Errorf("got %+v, want it live again", s)
			}
			f.remove("a.wasm", "a.yaml")
			f.reload()
			if len(f.host.Status()) != 1 {
				t.Errorf("got %+v, want only b", f.host.Status())
			}
		})
	}
}

// A tool that replaces a file by removing it first takes no plugin away: the host looks twice.
func TestAwayForAMoment(t *testing.T) {
	for name, files := range map[string][]string{"module": {"a.wasm"}, "manifest": {"a.yaml"}, "both": {"a.wasm", "a.yaml"}} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, nil)
			f.put("a", answers("one"), register)
			f.reload()
			first := f.only(hook.PreRegister)
			looks := 0
			f.host.pause = func(context.Context) {
				if looks++; f.only(hook.PreRegister) != first {
					t.Error("it was taken away before the second look")
				}
				f.put("a", answers("one"), register)
			}
			f.remove(files...)
			f.reload()
			if s := f.status("a"); looks != 1 || f.only(hook.PreRegister) != first || s.Error != "" {
				t.Errorf("%d looks, got %+v, want the first without error", looks, s)
			}
			f.reload()
			if looks != 1 {
				t.Error("nothing is away, and yet it looked twice")
			}
		})
	}
}

// Half a plugin that is still being loaded is given up.
func TestRemoveHalfWhileLoading(t *testing.T) {
	f := newFolder(t, nil)
	f.put("slow", fake{configure: "loop"}.wasm(), register)
	if err := f.host.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	f.remove("slow.wasm")
	f.reload()
	if s := f.status("slow"); s.State != Failed || f.names(hook.PreRegister) != "" {
		t.Errorf("got %+v", s)
	}
}

func TestLoadingKeepsItsHooksBack(t *testing.T) {
	f := newFolder(t, nil)
	f.put("slow", fake{configure: "loop"}.wasm(), register)
	f.put("fast", answers("fast"), "hooks: {pre_update: {}}\n")
	if err := f.host.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, err := f.host.At(hook.PreRegister)
	if e := wantCode(t, err, core.TemporarilyUnavailable); e.RetryAfter != time.Second {
		t.Errorf("retry after %s", e.RetryAfter)
	}
	if s := f.status("slow"); s.State != Loading {
		t.Errorf("got %+v", s)
	}
	if _, err := f.host.At(hook.OnRead); err != nil {
		t.Errorf("a hook it does not serve: %v", err)
	}
	waiting, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.host.Ready(waiting); err == nil {
		t.Error("it is not ready")
	}
	f.remove("slow.yaml", "slow.wasm")
	f.reload()
	if f.names(hook.PreRegister) != "" || f.names(hook.PreUpdate) != "fast" {
		t.Errorf("got %+v", f.host.Status())
	}
}

func TestNewerFilesOvertakeALoad(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", fake{configure: "loop"}.wasm(), register)
	if err := f.host.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	f.put("a", answers("new"), register)
	f.reload()
	if got := asked(t, f.only(hook.PreRegister), hook.PreRegister); got != `{"client_name":"new"}` {
		t.Errorf("got %s", got)
	}
}

func TestReplacedVersionIsClosed(t *testing.T) {
	f := newFolder(t, nil)
	f.host.drain = 0
	f.put("a", answers("one"), register)
	f.reload()
	first := f.only(hook.PreRegister)
	f.put("a", answers("two"), register)
	f.reload()
	deadline := time.Now().Add(time.Minute)
	for {
		_, _, err := first.Ask(context.Background(), hook.Call{Point: hook.PreRegister, Client: strictjson.Object()}, taken)
		if err != nil {
			wantCode(t, err, core.TemporarilyUnavailable)
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the replaced version is still open")
		}
	}
}

// TestReloadUnderLoad asks from many goroutines while the plugin is replaced again and again: every answer is that of one of
// the versions.
func TestReloadUnderLoad(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", answers("v0"), register)
	f.reload()
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				plugins, err := f.host.At(hook.PreRegister)
				if err != nil || len(plugins) != 1 {
					t.Errorf("at: %v, %v", plugins, err)
					return
				}
				result, _, err := plugins[0].Ask(context.Background(), hook.Call{Point: hook.PreRegister, Client: strictjson.Object()}, taken)
				name, _ := result.Patch.Get("client_name")
				if text, _ := name.Text(); err != nil || len(text) != 2 || text[0] != 'v' {
					t.Errorf("ask: %s, %v", result.Patch, err)
					return
				}
			}
		})
	}
	for i := 1; i < 8; i++ {
		f.put("a", answers(fmt.Sprintf("v%d", i)), register)
		f.reload()
	}
	stop.Store(true)
	wg.Wait()
	if got := asked(t, f.only(hook.PreRegister), hook.PreRegister); got != `{"client_name":"v7"}` {
		t.Errorf("last: %s", got)
	}
}

func TestClosedHost(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", answers("a"), register)
	f.reload()
	p := f.only(hook.PreRegister)
	if err := f.host.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err := p.Ask(context.Background(), hook.Call{Point: hook.PreRegister}, taken)
	wantCode(t, err, core.TemporarilyUnavailable)
	if err := f.host.Reload(context.Background()); err == nil {
		t.Error("a closed host loads nothing")
	}
}
