//go:build unix && !linux

package sandbox

import "syscall"

// A region is address space for a guest's memory.
type region struct{ space []byte }

// reserve takes address space from the operating system. It costs nothing until it is written to, so a memory grows without
// being copied, is no work for the collector, and what is never touched needs no room.
func reserve(size int) (region, bool) {
	space, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	return region{space}, err == nil
}

func (r *region) release() { _ = syscall.Munmap(r.space) } // of what was mapped just so, which cannot fail
