package wasm

import "fmt"

// A ValueType is the type of a parameter, a result or a global, in its binary encoding (WebAssembly core 2.0 §5.3.1).
type ValueType byte

// The value types of WebAssembly core 2.0.
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	V128      ValueType = 0x7b
	FuncRef   ValueType = 0x70
	ExternRef ValueType = 0x6f
)

var valueTypeNames = map[ValueType]string{
	I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128", FuncRef: "funcref", ExternRef: "externref",
}

func (t ValueType) known() bool { return t >= V128 && t <= I32 || t == FuncRef || t == ExternRef }

// String gives the name used in the text format.
func (t ValueType) String() string {
	if name, ok := valueTypeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("0x%02x", byte(t))
}

// Numeric reports whether a value fits the uint64 slots in which numbers travel between host and guest.
func (t ValueType) Numeric() bool { return t == I32 || t == I64 || t == F32 || t == F64 }

// A Kind says what an export or import is.
type Kind byte

// The kinds of exports and imports, in their binary encoding (§5.5.5).
const (
	KindFunction Kind = iota
	KindTable
	KindMemory
	KindGlobal
)

// String gives the word of the text format.
func (k Kind) String() string {
	switch k {
	case KindFunction:
		return "function"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	}
	return fmt.Sprintf("kind 0x%02x", byte(k))
}

// An Export is one name a module offers. Params and Results are set for functions only.
type Export struct {
	Name            string
	Kind            Kind
	Params, Results []ValueType
}

// An ImportNeed is one thing a module wants from its host. Params and Results are set for functions only.
type ImportNeed struct {
	Module, Name    string
	Kind            Kind
	Params, Results []ValueType
}

// A MemoryType is the declared size of a memory in pages of 64 KiB.
type MemoryType struct {
	Min, Max uint32
	HasMax   bool
}

// A TableType is the declared size of a table in elements.
type TableType struct {
	Element  ValueType
	Min, Max uint32
	HasMax   bool
}

// A GlobalType is the type of a global and whether the guest may change it.
type GlobalType struct {
	Type    ValueType
	Mutable bool
}

// A CustomSection is a named block of bytes that has no meaning to the machine. A name may occur more than once.
type CustomSection struct {
	Name string
	Data []byte
}

// Info is what a module says about itself. Memories, tables and globals list the imported ones first.
type Info struct {
	Imports   []ImportNeed
	Exports   []Export
	Functions int // defined in the module, imports not counted
	Memories  []MemoryType
	Tables    []TableType
	Globals   []GlobalType
	Customs   []CustomSection
	HasStart  bool // a start function runs when the module is instantiated
}

// Function finds an exported function; ok is false if there is none of that name.
func (i *Info) Function(name string) (Export, bool) {
	for _, e := range i.Exports {
		if e.Kind == KindFunction && e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// Signature prints a function type: (i32, i32) -> i64.
func Signature(params, results []ValueType) string {
	return typeList(params) + " -> " + typeList(results)
}

func typeList(types []ValueType) string {
	if len(types) == 1 {
		return types[0].String()
	}
	list := "("
	for n, t := range types {
		if n > 0 {
			list += ", "
		}
		list += t.String()
	}
	return list + ")"
}
