package plugins

import (
	"context"
	"fmt"
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
	f.remove("a.yaml")
	f.reload()
	if f.only(hook.PreRegister) != first {
		t.Error("half a plugin took the old one away")
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
		_, _, err := first.Ask(context.Background(), hook.Call{Point: hook.PreRegister, Client: strictjson.Object()})
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
				result, _, err := plugins[0].Ask(context.Background(), hook.Call{Point: hook.PreRegister, Client: strictjson.Object()})
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
	_, _, err := p.Ask(context.Background(), hook.Call{Point: hook.PreRegister})
	wantCode(t, err, core.TemporarilyUnavailable)
	if err := f.host.Reload(context.Background()); err == nil {
		t.Error("a closed host loads nothing")
	}
}
