package sandbox

import "bytes"

// resetPage is the unit of comparing and restoring. It is the operating system's page size, not WebAssembly's.
const resetPage = 4 << 10

// A snapshot is the state an instance had after initialisation. It is never written to, so instances may share it.
type snapshot struct {
	memory  []byte
	globals []uint64
}

// take copies memory, unless like already holds the same bytes: modules initialise alike, and one copy then serves all.
func take(memory []byte, globals []uint64, like snapshot) snapshot {
	if len(memory) > 0 && bytes.Equal(memory, like.memory) {
		return snapshot{memory: like.memory, globals: globals}
	}
	return snapshot{memory: bytes.Clone(memory), globals: globals}
}

// restore writes back the pages of memory that differ and says how many did. Both have the same length.
func (s snapshot) restore(memory []byte) int {
	changed := 0
	for at := 0; at < len(memory); at += resetPage {
		end := min(at+resetPage, len(memory))
		if !bytes.Equal(memory[at:end], s.memory[at:end]) {
			copy(memory[at:end], s.memory[at:end])
			changed++
		}
	}
	return changed
}
