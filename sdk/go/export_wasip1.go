package ostiary

import (
	"runtime"
	"unsafe"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// input and output keep the buffers of the current call reachable: Go does not move them, but would free them. What a plugin
// reads are pieces of input, so that each call has one of its own; the first is there before the host remembers the memory.
var (
	input, output []byte
	taken         = true // input belongs to a call
)

const (
	usualInput  = 8 << 10
	usualOutput = 2 << 10
)

//go:wasmimport ostiary_v1 log
func hostLog(level int32, ptr unsafe.Pointer, size uint32)

func writeLog(level int32, text string) {
	hostLog(level, unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
}

//go:wasmexport ostiary_abi_v1
func exportMinor() int32 { return abi.Minor }

//go:wasmexport ostiary_alloc
func exportAlloc(size uint32) unsafe.Pointer {
	if taken || uint32(cap(input)) < size {
		input, taken = make([]byte, max(size, usualInput)), false
	}
	input = input[:size]
	return unsafe.Pointer(unsafe.SliceData(input))
}

//go:wasmexport ostiary_configure
func exportConfigure(ptr, size uint32) uint64 {
	answer, err := module.setUp(received(size))
	warmUp()
	input, taken = make([]byte, usualInput), false
	module.room = make([]byte, 0, usualOutput)
	// Go's collector has its turn before the host remembers the memory. After a call it needs none: the host sets memory back.
	runtime.Gosched()
	return give(answer, err)
}

//go:wasmexport pre_register
func exportPreRegister(ptr, size uint32) uint64 { return ask(abi.PreRegister, size) }

//go:wasmexport pre_update
func exportPreUpdate(ptr, size uint32) uint64 { return ask(abi.PreUpdate, size) }

//go:wasmexport post_register
func exportPostRegister(ptr, size uint32) uint64 { return ask(abi.PostRegister, size) }

//go:wasmexport on_read
func exportOnRead(ptr, size uint32) uint64 { return ask(abi.OnRead, size) }

//go:wasmexport post_update
func exportPostUpdate(ptr, size uint32) uint64 { return ask(abi.PostUpdate, size) }

//go:wasmexport pre_delete
func exportPreDelete(ptr, size uint32) uint64 { return ask(abi.PreDelete, size) }

//go:wasmexport mint_client_id
func exportMintClientID(ptr, size uint32) uint64 { return ask(abi.MintClientID, size) }

//go:wasmexport software_statement_keys
func exportSoftwareStatementKeys(ptr, size uint32) uint64 {
	return ask(abi.SoftwareStatementKeys, size)
}

//go:wasmexport request_keys
func exportRequestKeys(ptr, size uint32) uint64 { return ask(abi.RequestKeys, size) }

//go:wasmexport certificate_check
func exportCertificateCheck(ptr, size uint32) uint64 { return ask(abi.CertificateCheck, size) }

//go:wasmexport token_claims
func exportTokenClaims(ptr, size uint32) uint64 { return ask(abi.TokenClaims, size) }

func ask(hook string, size uint32) uint64 { return give(module.run(hook, received(size))) }

// received gives what the host wrote into the buffer of exportAlloc: JSON without spaces around it, valid because the host
// wrote it.
func received(size uint32) Value {
	taken = true
	return made(input[:min(size, uint32(len(input)))])
}

// give hands an answer to the host: ptr<<32|size, or 0 for a fault, whose cause is logged.
func give(answer []byte, err error) uint64 {
	if err != nil {
		Log(Error, err.Error())
		return 0
	}
	output = answer
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(output))))<<32 | uint64(len(output))
}
