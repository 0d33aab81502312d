// A reactor in standard Go: the most demanding kind of guest the machine hosts. It imports little, because tests compile it.
package main

import (
	"syscall"
	"time"
	"unsafe"
)

//go:wasmimport wasi_snapshot_preview1 random_get
func randomGet(buffer unsafe.Pointer, size uint32) uint32

var (
	buffer []byte // Go's collector does not move memory, but it frees what nobody holds
	answer []byte
	secret string
	sink   [][]byte
)

//go:wasmexport ostiary_alloc
func alloc(size uint32) uint32 {
	buffer = make([]byte, size+1)
	return uint32(uintptr(unsafe.Pointer(&buffer[0])))
}

func reply(out []byte) uint64 {
	answer = append(out, 0)
	return uint64(uintptr(unsafe.Pointer(&answer[0])))<<32 | uint64(len(out))
}

//go:wasmexport upper
func upper(_, size uint32) uint64 {
	out := make([]byte, size)
	for i, b := range buffer[:size] {
		if b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		out[i] = b
	}
	return reply(out)
}

// keep answers what an earlier call left and leaves its own input.
//
//go:wasmexport keep
func keep(_, size uint32) uint64 {
	before := secret
	secret = string(buffer[:size])
	return reply([]byte(before))
}

//go:wasmexport random
func random(_, _ uint32) uint64 {
	out := make([]byte, 16)
	if randomGet(unsafe.Pointer(&out[0]), uint32(len(out))) != 0 {
		return reply(nil)
	}
	return reply(out)
}

// sleep answers how many hours passed while it slept for one.
//
//go:wasmexport sleep
func sleep(_, _ uint32) uint64 {
	start := time.Now()
	time.Sleep(time.Hour)
	return reply([]byte{byte('0' + time.Since(start)/time.Hour)})
}

//go:wasmexport panics
func panics(_, size uint32) uint64 { panic("it said: " + string(buffer[:size])) }

//go:wasmexport spin
func spin(_, _ uint32) uint64 {
	for {
	}
}

//go:wasmexport hoard
func hoard(_, _ uint32) uint64 {
	for {
		sink = append(sink, make([]byte, 1<<20))
	}
}

// power tries everything that would reach outside, and answers the first thing that worked.
//
//go:wasmexport power
func power(_, _ uint32) uint64 {
	if len(syscall.Environ()) > 0 {
		return reply([]byte("environ"))
	}
	if _, err := syscall.Open("/etc/passwd", syscall.O_RDONLY, 0); err == nil {
		return reply([]byte("file"))
	}
	if err := syscall.Mkdir("x", 0o700); err == nil {
		return reply([]byte("directory"))
	}
	if n, err := syscall.Read(0, make([]byte, 1)); n > 0 && err == nil {
		return reply([]byte("input"))
	}
	return reply(nil)
}

func main() {}
