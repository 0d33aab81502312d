package sandbox

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// What an entry of the page map says of a page (proc_pid_pagemap(5)).
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61 // or shared: not one that was copied because it was written to
	pageEntry   = 8       // bytes
)

// A pageMap is the operating system's account of the pages of this process. It is safe for concurrent use.
type pageMap struct{ file *os.File }

// openPageMap gives nil where the system does not tell, or not the truth: then everything is compared.
func openPageMap() *pageMap {
	file, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return nil
	}
	p := &pageMap{file}
	if !p.tells() {
		_ = file.Close() // nothing was written to it
		return nil
	}
	return p
}

func (p *pageMap) close() error {
	if p == nil {
		return nil
	}
	return p.file.Close()
}

// tells tries it: of three pages one is left alone, one is read and one is written to, with what it held before.
func (p *pageMap) tells() bool {
	page := os.Getpagesize()
	r, ok := reserve(3 * page)
	if !ok {
		return false
	}
	defer r.release()
	before := make([]byte, 3*page)
	for n := range before {
		before[n] = byte(n%251) + 1
	}
	copy(r.space, before)
	s := take(r.space, nil, snapshot{})
	r.settle(p, &s)
	read := r.space[page]
	copy(r.space[2*page:], before[2*page:2*page+1])
	w, ok := r.written(p)
	return ok && read == before[page] && slices.Equal(w, []int{2 * page})
}

// settle makes the memory's present state, which s holds, that of the file below it: from here on the page map tells what
// is written to. If anything fails the memory is what it was, and nobody tells.
func (r *region) settle(p *pageMap, s *snapshot) {
	defer r.closeFile()
	if p == nil || r.file == nil || s.size == 0 {
		return
	}
	for _, part := range s.parts {
		if _, err := r.file.WriteAt(part.bytes, int64(part.at)); err != nil {
			return
		}
	}
	address, err := strconv.ParseInt(fmt.Sprintf("%p", r.space), 0, 64)
	if err != nil || syscall.Madvise(r.space[:s.size], syscall.MADV_DONTNEED) != nil {
		return
	}
	page := os.Getpagesize()
	r.entries, r.first = make([]byte, (s.size+page-1)/page*pageEntry), address/int64(page)*pageEntry
}

// written asks which pages of a settled memory were written to, and gives their places, good until the next time; false: nobody
// tells.
func (r *region) written(p *pageMap) (pages []int, ok bool) {
	if r.entries == nil {
		return nil, false
	}
	if _, err := p.file.ReadAt(r.entries, r.first); err != nil {
		return nil, false
	}
	page, at := os.Getpagesize(), 0
	r.pages = r.pages[:0]
	for rest := r.entries; len(rest) >= pageEntry; rest = rest[pageEntry:] {
		if isWritten(binary.NativeEndian.Uint64(rest)) {
			r.pages = append(r.pages, at)
		}
		at += page
	}
	return r.pages, true
}

// isWritten reads an entry. What is neither present nor swapped out was never copied: it is the file's.
func isWritten(entry uint64) bool {
	return entry&pageSwapped != 0 || entry&pagePresent != 0 && entry&pageOfFile == 0
}
