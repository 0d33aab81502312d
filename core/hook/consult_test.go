package hook_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// plugin answers the same to every call, after it has kept something.
type plugin struct {
	name   string
	result hook.Result
	err    error
	open   bool
}

func (p plugin) Name() string                     { return p.name }
func (p plugin) Digest() string                   { return "" }
func (p plugin) Reads() hook.Reads                { return hook.Reads{hook.AllMembers} }
func (p plugin) MayWrite(hook.Point, string) bool { return true }
func (p plugin) FailsOpen(hook.Point) bool        { return p.open }

func (p plugin) Ask(_ context.Context, call hook.Call, judge func(hook.Result) error) (hook.Result, hook.Usage, error) {
	if call.Context.Writes != nil {
		if err := call.Context.Writes.Hold(hook.Write{Plugin: p.name, Key: "k"}); err != nil {
			return hook.Result{}, hook.Usage{}, err
		}
	}
	err := p.err
	if err == nil {
		err = judge(p.result)
	}
	return p.result, hook.Usage{Fuel: 1}, err
}

type chain struct {
	plugins []hook.Plugin
	err     error
}

func (c chain) At(hook.Point) ([]hook.Plugin, error) { return c.plugins, c.err }
func (c chain) Serves(hook.Point) bool               { return len(c.plugins) > 0 }

var (
	idle    = hook.Result{Action: hook.Continue}
	trap    = core.Fail(core.PluginFault, "Failed.", errors.New("trap"))
	busy    = core.Refuse(core.TemporarilyUnavailable, "busy")
	refusal = hook.Result{Action: hook.Reject, Code: core.AccessDenied, Message: "No.", Extra: strictjson.Object(strictjson.Member{Name: "a", Value: strictjson.Int(1)})}
	keys    = hook.Result{Action: hook.Give, Keys: hook.Keys{Secret: "hunted", JWKS: "hunted"}}
)

func TestConsult(t *testing.T) {
	for name, test := range map[string]struct {
		plugins []plugin
		ready   error
		asked   string
		kept    string // whose writes
		code    core.Code
	}{
		"nobody":                   {asked: "", kept: ""},
		"all have a turn":          {plugins: []plugin{{name: "a", result: idle}, {name: "b", result: idle}}, asked: "a b", kept: "a b"},
		"the first that gives":     {plugins: []plugin{{name: "a", result: idle}, {name: "b", result: keys}, {name: "c", result: keys}}, asked: "a b", kept: "a b"},
		"the first refusal":        {plugins: []plugin{{name: "a", result: refusal}, {name: "b", result: idle}}, asked: "a!", kept: "a", code: core.AccessDenied},
		"a fault":                  {plugins: []plugin{{name: "a", err: trap}, {name: "b", result: idle}}, asked: "a!", kept: "", code: core.PluginFault},
		"an excused fault":         {plugins: []plugin{{name: "a", err: trap, open: true}, {name: "b", result: idle}}, asked: "a? b", kept: "b"},
		"a trespass":               {plugins: []plugin{{name: "bad", result: idle}, {name: "b", result: idle}}, asked: "bad!", kept: "", code: core.PluginFault},
		"an excused trespass":      {plugins: []plugin{{name: "bad", result: keys, open: true}, {name: "b", result: idle}}, asked: "bad? b", kept: "b"},
		"no excuse for being busy": {plugins: []plugin{{name: "a", err: busy, open: true}}, asked: "a!", kept: "a", code: core.TemporarilyUnavailable},
		"not ready":                {plugins: []plugin{{name: "a", result: idle}}, ready: busy, code: core.TemporarilyUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			c := chain{err: test.ready}
			for _, p := range test.plugins {
				c.plugins = append(c.plugins, p)
			}
			writes := &hook.Writes{}
			call := hook.Call{Point: hook.RequestKeys, Context: hook.Context{Writes: writes}}
			var asked []string
			err := hook.Consult(t.Context(), c, &call, func(p hook.Plugin, r hook.Result) error {
				if p.Name() == "bad" {
					return hook.RequestKeys.Fault(p.Name(), errors.New("not allowed"))
				}
				if r.Action == hook.Give && r.Keys.Secret != "hunted" {
					t.Errorf("%s gave %+v", p.Name(), r)
				}
				return nil
			}, func(a hook.Asked) {
				mark := a.Plugin.Name()
				if a.Err != nil {
					mark += map[bool]string{true: "?", false: "!"}[a.Excused]
				}
				asked = append(asked, mark)
				if strings.Contains(fmt.Sprintf("%+v %#v", a.Result, a.Result), "hunted") {
					t.Errorf("%s: keys are told", a.Plugin.Name())
				}
			})
			var kept []string
			for _, w := range writes.All() {
				kept = append(kept, w.Plugin)
			}
			if strings.Join(asked, " ") != test.asked || strings.Join(kept, " ") != test.kept || core.CodeOf(err) != test.code {
				t.Errorf("asked %v, kept of %v, %v", asked, kept, err)
			}
		})
	}
	e := hook.Refusal(plugin{name: "p"}, refusal)
	if e.Extra != `{"a":1}` || e.Detail != "No." || len(e.Reasons) != 1 || e.Reasons[0].Rule != "plugin.p" || !e.Reasons[0].Public {
		t.Errorf("refused with %+v", e)
	}
}

// The table says enough of every point, and nothing that contradicts itself.
func TestTable(t *testing.T) {
	for _, p := range hook.Points() {
		a := p.Answers()
		switch {
		case a.Patches && a.Adds, a.Results && (a.Patches || a.Adds):
			t.Errorf("%s has two kinds of answers: %+v", p, a)
		case p.Shapes() != (a.Adds && !slices.Contains(a.Rejects, core.AccessDenied)), p.Shapes() && a.Keeps:
			t.Errorf("%s shapes an answer: %v, %+v", p, p.Shapes(), a)
		case p.MayFailOpen() && a.Patches:
			t.Errorf("%s guards, and may fail open", p)
		}
		effect := "the request was refused"
		if p.Shapes() {
			effect = "the answer went out"
		}
		if e := p.Fault("x", trap); e.Code != core.PluginFault || !strings.Contains(e.Detail, effect) {
			t.Errorf("%s: %v", p, e)
		}
	}
	if a := hook.Point("none").Answers(); a.Patches || a.Adds || a.Results || a.Keeps || len(a.Rejects) > 0 || hook.Point("none").Shapes() {
		t.Errorf("what is no point may answer %+v", a)
	}
}
