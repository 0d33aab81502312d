package sandbox

import (
	"bytes"
	"os"
)

// resetPage is the unit of comparing and restoring. It is the operating system's page size, not WebAssembly's.
const resetPage = 4 << 10

// compared is how much is compared at once where nothing is expected to differ.
const compared = 16 * resetPage

// A snapshot is the state an instance had after initialisation. It is never written to, so instances may share it. Of the
// memory it keeps the stretches that are not zero: much of it is, and comparing with zero needs nothing to be read.
type snapshot struct {
	size    int
	parts   []part
	globals []uint64
}

// A part is a stretch of memory. Zero ones have no bytes and are at most as long as noBytes.
type part struct {
	at, size int
	bytes    []byte
}

var noBytes = make([]byte, compared)

// take copies memory, unless like already holds the same bytes: modules initialise alike, and one copy then serves all.
func take(memory []byte, globals []uint64, like snapshot) snapshot {
	if len(memory) > 0 && len(memory) == like.size && like.equal(memory) {
		return snapshot{size: like.size, parts: like.parts, globals: globals}
	}
	s := snapshot{size: len(memory), globals: globals}
	for at := 0; at < len(memory); {
		zero := isZero(memory[at:min(at+resetPage, len(memory))])
		end := at
		for end < min(at+compared, len(memory)) && isZero(memory[end:min(end+resetPage, len(memory))]) == zero {
			end = min(end+resetPage, len(memory))
		}
		p := part{at: at, size: end - at}
		if !zero {
			p.bytes = bytes.Clone(memory[at:end])
		}
		s.parts = append(s.parts, p)
		at = end
	}
	return s
}

func isZero(page []byte) bool { return bytes.Equal(page, noBytes[:len(page)]) }

func (p *part) want() []byte {
	if p.bytes == nil {
		return noBytes[:p.size]
	}
	return p.bytes
}

func (s *snapshot) equal(memory []byte) bool {
	for n := range s.parts {
		p := &s.parts[n]
		if !bytes.Equal(memory[p.at:p.at+p.size], p.want()) {
			return false
		}
	}
	return true
}

// restore writes back the pages of memory that differ and says how many did. Both have the same length.
func (s *snapshot) restore(memory []byte) (changed int) {
	for n := range s.parts {
		p := &s.parts[n]
		if live, want := memory[p.at:p.at+p.size], p.want(); !bytes.Equal(live, want) {
			changed += restorePages(live, want)
		}
	}
	return changed
}

// restoreWritten is restore where it is known what was written to: pages of the operating system's size, by their place, in order.
func (s *snapshot) restoreWritten(memory []byte, pages []int) (changed int) {
	n := 0
	for _, at := range pages {
		for end := min(at+os.Getpagesize(), s.size); at < end; {
			for s.parts[n].at+s.parts[n].size <= at {
				n++
			}
			p := &s.parts[n]
			stop := min(end, p.at+p.size)
			changed += restorePages(memory[at:stop], p.want()[at-p.at:stop-p.at])
			at = stop
		}
	}
	return changed
}

func restorePages(live, want []byte) (changed int) {
	for at := 0; at < len(live); at += resetPage {
		end := min(at+resetPage, len(live))
		if !bytes.Equal(live[at:end], want[at:end]) {
			copy(live[at:end], want[at:end])
			changed++
		}
	}
	return changed
}
