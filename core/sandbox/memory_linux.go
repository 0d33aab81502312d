package sandbox

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A region is address space for a guest's memory.
type region struct {
	space []byte
	file  *os.File // space is a private map of it, and it is empty; nil once it is settled, or without one

	entries []byte // room for what the page map says of a settled region; nil: it is not settled
	first   int64  // where it says so
	pages   []int  // those that were written to
}

// reserve takes address space from the operating system. It costs nothing until it is written to, so a memory grows without
// being copied, is no work for the collector, and what is never touched needs no room. If it can it maps an empty file that is
// only in memory, for the system tells which pages of such a map are not the file's any more.
func reserve(size int) (region, bool) {
	if file, err := emptyFile(size); err == nil {
		if space, err := mapPrivately(int(file.Fd()), size, 0); err == nil {
			return region{space: space, file: file}, true
		}
		_ = file.Close() // nothing was written to it
	}
	space, err := mapPrivately(-1, size, syscall.MAP_ANON)
	return region{space: space}, err == nil
}

func mapPrivately(fd, size, flags int) ([]byte, error) {
	return syscall.Mmap(fd, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|flags)
}

// emptyFile makes a file without a name that lives in memory. Kernels before 6.3 do not know that it is not for execution.
func emptyFile(size int) (*os.File, error) {
	fd, err := unix.MemfdCreate("guest", unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if err == syscall.EINVAL {
		fd, err = unix.MemfdCreate("guest", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "guest")
	if err := file.Truncate(int64(size)); err != nil {
		_ = file.Close() // nothing was written to it
		return nil, err
	}
	return file, nil
}

func (r *region) release() {
	r.closeFile()
	_ = syscall.Munmap(r.space) // of what was mapped just so, which cannot fail
}

func (r *region) closeFile() {
	if r.file != nil {
		_ = r.file.Close() // it is gone with its last map
		r.file = nil
	}
}
