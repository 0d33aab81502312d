package meter

import (
	"fmt"
	"strings"

	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// The names that Rewrite adds. A module that brings one of them itself is refused.
const (
	Module      = "ostiary_meter"       // import module of the host function
	Tick        = "tick"                // its name: (fuel i64, stack i64) -> i64
	FuelExport  = "ostiary_meter_fuel"  // the count of fuel left in this slice
	StackExport = "ostiary_meter_stack" // the count of native stack left, in bytes
	reserved    = "ostiary_meter_"
	globals     = "ostiary_global_"
)

// GlobalExport is the name under which the mutable global of that index is exported.
func GlobalExport(index int) string { return fmt.Sprintf("%s%d", globals, index) }

// Options are the first values of the counts and the bounds that a charge may rely on.
type Options struct {
	Fuel        int64  // what may be spent before the host is asked: the budget or a first slice of it
	Stack       int64  // bytes of native stack that calls inside calls may use
	MemoryPages uint32 // the most memory.grow can reach, if the host bounds it; 0 if it does not
	Function    int    // the most bytes that a function may have, if the host bounds it; 0 if it does not
}

// Metered is a rewritten module.
type Metered struct {
	Wasm    []byte
	Mutable []int // the module's mutable globals, each exported as GlobalExport
	Report  Report
}

// An Error says why a module cannot be metered. The engine would refuse most of these modules too.
type Error struct {
	Function string // name or number; empty if the mistake is outside of code
	Offset   int    // in the module; negative if Err names it
	Err      error
}

// Error names the place.
func (e *Error) Error() string {
	text := e.Err.Error()
	if e.Offset >= 0 {
		text = fmt.Sprintf("offset %d: %s", e.Offset, text)
	}
	if e.Function != "" {
		text = "function " + e.Function + ": " + text
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Rewrite meters a module: see the package comment for what it adds and what the host must provide. It validates only
// what could otherwise become valid by what is added; the engine validates the result.
func Rewrite(binary []byte, o Options) (*Metered, error) {
	m, err := wasm.Parse(binary)
	if err != nil {
		return nil, &Error{Offset: -1, Err: err}
	}
	return RewriteModule(m, o)
}

// RewriteModule is Rewrite for a module that was parsed already.
func RewriteModule(m *wasm.Module, o Options) (*Metered, error) {
	if err := refuseReserved(m); err != nil {
		return nil, &Error{Offset: -1, Err: err}
	}
	out := &Metered{}
	for index, g := range m.Info.Globals {
		if g.Mutable {
			out.Mutable = append(out.Mutable, index)
		}
	}
	a := &analyser{m: m, functions: make([]function, m.Info.Functions), report: &out.Report}
	e := &editor{a: a, options: o, types: &types{m: m, known: map[string]uint32{}}, mutable: out.Mutable, sections: map[byte][]byte{}}
	if err := e.declarations(); err != nil { // before the code, because it says what may be called indirectly
		return nil, &Error{Offset: -1, Err: err}
	}
	if err := a.bodies(); err != nil {
		return nil, &Error{Offset: -1, Err: err}
	}
	if err := a.lengths(o.Function); err != nil { // before a walk, which takes a hundred times as much memory as what it walks
		return nil, err
	}
	if err := a.run(); err != nil {
		return nil, err
	}
	e.code()
	e.join()
	out.Wasm = e.assemble()
	out.Report.count(a.functions, len(m.Types)+len(e.types.added))
	return out, nil
}

func refuseReserved(m *wasm.Module) error {
	for _, x := range m.Info.Exports {
		if strings.HasPrefix(x.Name, reserved) || strings.HasPrefix(x.Name, globals) {
			return fmt.Errorf("it exports %q, a name that belongs to the meter: rename it", x.Name)
		}
	}
	for _, i := range m.Info.Imports {
		if i.Module == Module {
			return fmt.Errorf("it imports from module %q, which belongs to the meter: remove the import", i.Module)
		}
	}
	return nil
}

// bodies finds where the code of every function stands.
func (a *analyser) bodies() error {
	s, ok := a.m.Section(wasm.SectionCode)
	if !ok {
		if len(a.functions) > 0 {
			return fmt.Errorf("%d functions are declared, but there is no code", len(a.functions))
		}
		return nil
	}
	r := a.m.Read(s)
	n := r.Count()
	if r.Err == nil && n != len(a.functions) {
		return fmt.Errorf("%d function bodies for %d functions", n, len(a.functions))
	}
	for index := 0; index < n && r.Err == nil; index++ {
		size := r.Count()
		a.functions[index].code = span{r.Pos, r.Pos + size}
		r.Take(size)
	}
	if r.Err == nil && r.Pos != s.End {
		r.Fail("the code section is longer than its content")
	}
	return r.Err
}

// lengths refuses a function that is too long.
func (a *analyser) lengths(most int) error {
	for index := range a.functions {
		size := a.functions[index].code.end - a.functions[index].code.start
		if most > 0 && size > most {
			return a.fail(index, -1, fmt.Errorf("it has %d bytes, at most %d are accepted: make several of it", size, most))
		}
	}
	return nil
}

// shift is the index of a function after the import was added behind the module's own imports.
func (a *analyser) shift(index uint32) uint32 {
	if int(index) >= a.m.ImportedFunctions {
		return index + 1
	}
	return index
}

// fail names the function in an error.
func (a *analyser) fail(index, offset int, err error) error {
	return &Error{Function: a.m.FunctionName(index), Offset: offset, Err: err}
}

// count adds what is known of all functions together. A compiler looks at every type for every function.
func (r *Report) count(functions []function, types int) {
	r.CompileCost += uint64(len(functions)) * (effortFunction + uint64(types)/3)
	for _, fn := range functions {
		if fn.guarded {
			r.Guarded++
		}
		if fn.exempt {
			r.Exempt++
		}
		for _, c := range fn.charges {
			if c.weight > 0 {
				r.Charges++
			}
		}
	}
}
