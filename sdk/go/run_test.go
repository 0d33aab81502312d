package ostiary

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

func TestRunNeedsAFunction(t *testing.T) {
	p := plugin{}
	if _, err := p.run(abi.OnRead, Object()); err == nil || !strings.Contains(err.Error(), "on_read") {
		t.Errorf("got %v", err)
	}
	answer, err := p.setUp(parsed(t, `{"v":1,"hooks":["on_read"],"configuration":{}}`))
	if err != nil || !strings.Contains(string(answer), `"action":"reject"`) || !strings.Contains(string(answer), "hook on_read") {
		t.Errorf("got %s, %v", answer, err)
	}
}

func TestRunRefusesInput(t *testing.T) {
	p := plugin{hooks: []served{{abi.OnRead, func(*Call) error { return nil }}}}
	for _, input := range []string{`{"v":2}`, `{"entropy":"AA=="}`, `{"entropy":5}`} {
		if answer, err := p.run(abi.OnRead, parsed(t, input)); err == nil {
			t.Errorf("%q was answered with %s", input, answer)
		}
	}
}

func TestWrappedRejection(t *testing.T) {
	p := plugin{hooks: []served{{abi.PreRegister, func(c *Call) error {
		c.Patch.SetString("client_name", "not sent with a refusal")
		return fmt.Errorf("checking: %w", Reject(AccessDenied, strings.Repeat("x", 1000)))
	}}}}
	answer, err := p.run(abi.PreRegister, parsed(t, `{"hook":"pre_register"}`))
	want := `{"v":1,"action":"reject","error":{"code":"access_denied","description":"` + strings.Repeat("x", abi.MaxDescription) + `"}}`
	if err != nil || string(answer) != want {
		t.Errorf("got %s, %v", answer, err)
	}
}

func TestPatchReadsBack(t *testing.T) {
	var p Patch
	p.SetString("a", "x")
	p.Set("b", Value{})
	if p.Get("a").Text() != "x" || !p.Get("b").IsNull() || p.Get("c").Exists() {
		t.Errorf("got %v", p)
	}
}

func TestTwoFunctionsForOneHook(t *testing.T) {
	p := plugin{}
	p.serve(abi.OnRead, func(*Call) error { return nil })
	defer func() {
		if recover() == nil {
			t.Error("the second function was taken")
		}
	}()
	p.serve(abi.OnRead, func(*Call) error { return errors.New("second") })
}

func TestPanicWithAnything(t *testing.T) {
	for _, thrown := range []any{"text", errors.New("cause"), 7} {
		p := plugin{hooks: []served{{abi.OnRead, func(*Call) error { panic(thrown) }}}}
		if _, err := p.run(abi.OnRead, Object()); err == nil || !strings.Contains(err.Error(), "panic") {
			t.Errorf("%v: got %v", thrown, err)
		}
	}
}
