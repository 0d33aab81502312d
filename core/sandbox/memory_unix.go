//go:build unix

package sandbox

import "syscall"

// reserve takes address space for a guest's memory from the operating system. It costs nothing until it is written to, so
// a memory grows without being copied, is no work for the collector, and what is never touched needs no room.
func reserve(size int) ([]byte, func()) {
	space, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil
	}
	return space, func() { _ = syscall.Munmap(space) } // of what was mapped just so, which cannot fail
}
