package sandbox

import "github.com/ostiary/ostiary/core/sandbox/wasm"

// What a module says about itself, in the words of the binary format.
type (
	// Info is what a module declares. Memories, tables and globals list the imported ones first.
	Info = wasm.Info
	// An Export is one name a module offers. Params and Results are set for functions only.
	Export = wasm.Export
	// An ImportNeed is one thing a module wants from its host. Params and Results are set for functions only.
	ImportNeed = wasm.ImportNeed
	// A MemoryType is the declared size of a memory in pages of 64 KiB.
	MemoryType = wasm.MemoryType
	// A TableType is the declared size of a table in elements.
	TableType = wasm.TableType
	// A GlobalType is the type of a global and whether the guest may change it.
	GlobalType = wasm.GlobalType
	// A CustomSection is a named block of bytes that has no meaning to the machine. A name may occur more than once.
	CustomSection = wasm.CustomSection
	// A ValueType is the type of a parameter, a result or a global.
	ValueType = wasm.ValueType
	// A Kind says what an export or import is.
	Kind = wasm.Kind
)

// The value types of WebAssembly core 2.0.
const (
	I32       = wasm.I32
	I64       = wasm.I64
	F32       = wasm.F32
	F64       = wasm.F64
	V128      = wasm.V128
	FuncRef   = wasm.FuncRef
	ExternRef = wasm.ExternRef
)

// The kinds of exports and imports.
const (
	KindFunction = wasm.KindFunction
	KindTable    = wasm.KindTable
	KindMemory   = wasm.KindMemory
	KindGlobal   = wasm.KindGlobal
)

// Inspect reads what a module says about itself without running, compiling or validating any of its code. An error means
// that the bytes are no WebAssembly core 2.0 module.
func Inspect(binary []byte) (Info, error) {
	m, err := wasm.Parse(binary)
	if err != nil {
		return Info{}, err
	}
	return m.Info, nil
}
