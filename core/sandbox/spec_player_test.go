package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// An outcome is what came of one command.
type outcome struct {
	results []uint64
	err     error // nil if it went well
	spent   int64 // fuel, or instructions executed
	unmade  bool  // not tried: it is about a text module, or about a module that the mode refused
}

// trap is the engine's word for the fault, empty if there was none.
func (o outcome) trap() string {
	if o.err == nil {
		return ""
	}
	return innermost(o.err).Error()
}

// errRefused marks modules that the mode's rewrite would not have.
var errRefused = errors.New("refused")

// A player plays one script in one mode.
type player struct {
	mode
	dir     string
	runtime wazero.Runtime
	all     []api.Module
	named   map[string]api.Module
	latest  api.Module
	refused map[string]string // file name to reason, of modules that were to be used
}

// play gives the outcome of every command.
func (p *player) play(ctx context.Context, s script) ([]outcome, error) {
	config := wazero.NewRuntimeConfigCompiler().WithCoreFeatures(api.CoreFeaturesV2).WithMemoryLimitPages(maxMemoryPages)
	p.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	defer p.runtime.Close(ctx)
	p.named, p.refused = map[string]api.Module{}, map[string]string{}
	if err := p.host(ctx, p.runtime); err != nil {
		return nil, err
	}
	if _, err := p.instantiate(ctx, spectest(), "spectest"); err != nil {
		return nil, fmt.Errorf("spectest: %w", err)
	}
	var outcomes []outcome
	for n, c := range s.Commands {
		as := ""
		if n+1 < len(s.Commands) && s.Commands[n+1].Type == "register" { // the engine names a module when it is made
			as = s.Commands[n+1].As
		}
		o, err := p.command(ctx, c, as)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", c.Line, err)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

func (p *player) command(ctx context.Context, c command, as string) (outcome, error) {
	switch c.Type {
	case "module":
		p.latest = nil
		mod, err := p.file(ctx, c.Filename, as)
		if errors.Is(err, errRefused) {
			p.refused[c.Filename] = err.Error()
			return outcome{unmade: true}, nil
		}
		p.latest = mod
		if c.Name != "" {
			p.named[c.Name] = mod
		}
		return outcome{err: err}, nil
	case "register":
		return outcome{}, nil // done with the module before it
	case "action", "assert_return", "assert_trap", "assert_exhaustion":
		return p.act(ctx, c.Action)
	case "assert_invalid", "assert_malformed", "assert_unlinkable", "assert_uninstantiable":
		if c.ModuleType == "text" {
			return outcome{unmade: true}, nil
		}
		_, err := p.file(ctx, c.Filename, "")
		return outcome{err: err}, nil
	}
	return outcome{}, fmt.Errorf("unknown command %s", c.Type)
}

func (p *player) file(ctx context.Context, name, as string) (api.Module, error) {
	wasm, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		return nil, err
	}
	return p.instantiate(ctx, wasm, as)
}

func (p *player) instantiate(ctx context.Context, wasm []byte, as string) (api.Module, error) {
	rewritten, err := p.rewrite(wasm)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	for _, mod := range p.all { // a start function may call others
		p.refuel(mod)
	}
	mod, err := p.runtime.InstantiateWithConfig(ctx, rewritten, wazero.NewModuleConfig().WithName(as).WithStartFunctions())
	if err != nil {
		return nil, err
	}
	p.all = append(p.all, mod)
	return mod, nil
}

func (p *player) act(ctx context.Context, a action) (outcome, error) {
	mod := p.latest
	if a.Module != "" {
		mod = p.named[a.Module]
	}
	if mod == nil {
		return outcome{unmade: true}, nil
	}
	if a.Type == "get" {
		global := mod.ExportedGlobal(a.Field)
		if global == nil {
			return outcome{}, fmt.Errorf("no global %q", a.Field)
		}
		return outcome{results: []uint64{global.Get()}}, nil
	}
	function := mod.ExportedFunction(a.Field)
	if function == nil {
		return outcome{}, fmt.Errorf("no function %q", a.Field)
	}
	params, err := a.params()
	if err != nil {
		return outcome{}, err
	}
	for _, mod := range p.all {
		p.refuel(mod)
	}
	results, err := function.Call(ctx, params...)
	o := outcome{results: slices.Clone(results), err: err}
	for _, mod := range p.all {
		o.spent += p.spent(mod)
	}
	return o, nil
}

// spectest is the module that every script may import from.
func spectest() []byte {
	w := &wat{}
	for _, print := range []struct{ name, params string }{
		{"print", ""}, {"print_i32", "i"}, {"print_i64", "I"}, {"print_f32", "f"}, {"print_f64", "F"},
		{"print_i32_f32", "if"}, {"print_f64_f64", "FF"},
	} {
		w.fn(print.name, print.params, "")
	}
	w.globals = [][]byte{
		{byte(I32), 0, 0x41, 0x9a, 5, byte(wasm.OpEnd)}, // 666, 666, 666.6 and 666.6
		{byte(I64), 0, 0x42, 0x9a, 5, byte(wasm.OpEnd)},
		{byte(F32), 0, 0x43, 0x66, 0xa6, 0x26, 0x44, byte(wasm.OpEnd)},
		{byte(F64), 0, 0x44, 0xcd, 0xcc, 0xcc, 0xcc, 0xcc, 0xd4, 0x84, 0x40, byte(wasm.OpEnd)},
	}
	for n, name := range []string{"global_i32", "global_i64", "global_f32", "global_f64"} {
		w.export(name, KindGlobal, uint32(n))
	}
	w.table = []byte{1, byte(FuncRef), 1, 10, 20}
	w.export("table", KindTable, 0)
	w.memory = []byte{1, 1, 1, 2}
	w.export("memory", KindMemory, 0)
	return w.bytes()
}

// trapWords maps the scripts' texts to the engine's where they differ.
var trapWords = map[string]string{
	"out of bounds table access": "invalid table access",
	"undefined element":          "invalid table access",
}

// judge says what is wrong with a command's outcome; empty if it is as the script wants it.
func (c command) judge(o outcome) string {
	trap := o.trap()
	switch c.Type {
	case "module", "register", "action":
		if o.err != nil {
			return "failed: " + o.err.Error()
		}
	case "assert_return":
		if o.err != nil || !c.fit(o.results) {
			return fmt.Sprintf("got %x, %v, want %v", o.results, o.err, c.Expected)
		}
	case "assert_trap":
		want := c.Text
		if word, differs := trapWords[want]; differs {
			want = word
		}
		if strings.HasPrefix(want, "uninitialized element") {
			want = "invalid table access"
		}
		if trap != want {
			return fmt.Sprintf("trap %q, want %q", trap, want)
		}
	case "assert_exhaustion":
		if !exhausted(o.err) {
			return fmt.Sprintf("got %x, %v, want exhaustion", o.results, o.err)
		}
	case "assert_uninstantiable":
		// The engine instantiates modules whose elements do not fit their table, since what was written stays in use.
		if (o.err == nil) != (c.Text == "out of bounds table access") {
			return fmt.Sprintf("got %v, want %s", o.err, c.Text)
		}
	default:
		if o.err == nil {
			return "accepted, though " + c.Text
		}
	}
	return ""
}

// exhausted reports whether a call ended because it was too deep or too long.
func exhausted(err error) bool {
	return errors.Is(err, errStack) || errors.Is(err, errFuel) || err != nil && innermost(err).Error() == "stack overflow"
}
