package web

import (
	"io"
	"sync"
	"time"
)

// A LogBuffer collects log lines and writes them in one go: when it is full, a moment after the first one, and at Close. A
// line costs a copy instead of a system call; a process that is killed loses at most that moment. While one buffer is written
// another one fills; when both are full, who writes waits.
type LogBuffer struct {
	delay time.Duration
	timer *time.Timer

	mu     sync.Mutex // never held over a system call
	buf    []byte
	armed  bool
	closed bool

	writing sync.Mutex // taken before mu: lines leave in the order in which they came
	out     io.Writer
	spare   []byte
}

// NewLogBuffer writes to out after at most delay, or when size bytes wait.
func NewLogBuffer(out io.Writer, size int, delay time.Duration) *LogBuffer {
	b := &LogBuffer{out: out, delay: delay, buf: make([]byte, 0, size), spare: make([]byte, 0, size), armed: true}
	b.mu.Lock() // the timer may fire at once
	defer b.mu.Unlock()
	b.timer = time.AfterFunc(delay, b.tick)
	return b
}

// Write takes one or more whole lines. After Close it writes through.
func (b *LogBuffer) Write(lines []byte) (int, error) {
	for !b.take(lines) {
		if err := b.flush(); err != nil {
			return 0, err
		}
		if b.through(len(lines)) {
			b.writing.Lock()
			defer b.writing.Unlock()
			return b.out.Write(lines)
		}
	}
	return len(lines), nil
}

// take copies lines that fit.
func (b *LogBuffer) take(lines []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.buf)+len(lines) > cap(b.buf) {
		return false
	}
	b.buf = append(b.buf, lines...)
	if !b.armed {
		b.armed = true
		b.timer.Reset(b.delay)
	}
	return true
}

// through tells lines that no buffer takes.
func (b *LogBuffer) through(length int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed || length > cap(b.buf)
}

// Close writes what waits. The writer below stays open.
func (b *LogBuffer) Close() error {
	b.mu.Lock()
	b.closed = true
	b.timer.Stop()
	b.mu.Unlock()
	return b.flush()
}

func (b *LogBuffer) tick() {
	b.mu.Lock()
	b.armed = false
	b.mu.Unlock()
	_ = b.flush() // the next Write meets the same error and returns it
}

// flush drops what could not be written: a full disk must not fill the memory too.
func (b *LogBuffer) flush() error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	full := b.buf
	b.buf, b.spare = b.spare, full[:0]
	b.mu.Unlock()
	if len(full) == 0 {
		return nil
	}
	_, err := b.out.Write(full)
	return err
}
