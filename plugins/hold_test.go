package plugins

import (
	"context"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// gone tells whether a version's module is closed, which it is soon after nobody uses it.
func (f *folder) gone(v *version) bool {
	f.t.Helper()
	_, _, _, err := v.call(context.Background(), &hook.Call{Point: hook.PreRegister, Client: strictjson.Object()}, newEntropy(), &Services{})
	return err != nil
}

// A replaced version is closed when the last request that was given it has asked it, and not before: however that ends.
func TestReplacedVersionIsHeld(t *testing.T) {
	call := hook.Call{Point: hook.PreRegister, Client: strictjson.Object()}
	for name, end := range map[string]func(plugins []hook.Plugin){
		"each is asked": func(plugins []hook.Plugin) {
			for _, p := range plugins {
				_, _, _ = p.Ask(context.Background(), call, taken)
			}
		},
		"the first rejects": func(plugins []hook.Plugin) {
			if r, _, err := plugins[0].Ask(context.Background(), call, taken); err != nil || r.Action != hook.Reject {
				t.Errorf("%+v, %v", r, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t, nil)
			f.put("a", fake{answer: `{"v":1,"action":"reject","error":{"code":"access_denied","description":"No."}}`}.wasm(), register)
			f.put("b", answers("b"), register)
			f.reload()
			plugins, err := f.host.At(hook.PreRegister)
			f.must(err)
			old := f.host.slots["b"].live
			f.put("b", answers("B"), register)
			f.reload()
			select {
			case <-old.users.gone:
				t.Fatal("it is let go while a request holds it")
			default:
			}
			end(plugins)
			<-old.users.gone
			if _, _, err := plugins[1].Ask(context.Background(), call, taken); name == "the first rejects" {
				wantCode(t, err, core.TemporarilyUnavailable)
			}
			f.must(f.host.Close()) // waits for what is being closed
			if !f.gone(old) {
				t.Error("it is still open")
			}
		})
	}
}

// A chain that is old when it is read is read again.
func TestAtNeverGivesWhatIsClosed(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", answers("a"), register)
	f.reload()
	old := f.host.slots["a"].live
	f.put("a", answers("A"), register)
	f.reload()
	<-old.users.gone
	if _, ok := handOf([]*version{f.host.slots["a"].live, old}); ok {
		t.Error("a closed version was given out")
	}
	if n := f.host.slots["a"].live.users.n; n != 0 {
		t.Errorf("%d users are counted that nobody is", n)
	}
}

// Shaping goes on after a plugin failed, so those after it stay held.
func TestFaultInTheMiddleOfShaping(t *testing.T) {
	f := newFolder(t, nil)
	f.put("a", fake{answer: `nonsense`}.wasm(), "hooks: {on_read: {}}\n")
	f.put("b", fake{answer: `{"v":1,"action":"continue"}`}.wasm(), "hooks: {on_read: {}}\n")
	f.reload()
	plugins, err := f.host.At(hook.OnRead)
	f.must(err)
	if _, _, err := plugins[0].Ask(context.Background(), hook.Call{Point: hook.OnRead}, taken); err == nil {
		t.Fatal("nonsense was understood")
	}
	if n := f.host.slots["b"].live.users.n; n != 1 {
		t.Errorf("%d hold the next", n)
	}
}
