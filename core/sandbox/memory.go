package sandbox

import (
	"context"

	"github.com/tetratelabs/wazero/experimental"
)

// A linearMemory backs the memory of one instance.
type linearMemory struct {
	region
	reserved bool // region is as large as the memory can become
}

// withMemory lets the module that is instantiated under ctx take its memory from here.
func (l *linearMemory) withMemory(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(
		func(_, most uint64) experimental.LinearMemory {
			l.region, l.reserved = reserve(int(most))
			return l
		}))
}

// Reallocate implements the engine's allocator. Growing moves nothing unless there was no room to reserve.
func (l *linearMemory) Reallocate(size uint64) []byte {
	if !l.reserved {
		grown := make([]byte, size)
		copy(grown, l.space)
		l.space = grown
		return grown
	}
	if size > uint64(len(l.space)) {
		return nil
	}
	return l.space[:size:size]
}

// Free implements the engine's allocator. The engine calls it when a module is closed, but not if its start function
// failed, so that instances call it too.
func (l *linearMemory) Free() {
	if l.reserved {
		l.release()
	}
	*l = linearMemory{}
}

var _ experimental.LinearMemory = (*linearMemory)(nil)
