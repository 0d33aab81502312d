package web

import (
	"io"
	"sync"
	"time"
)

// A LogBuffer collects log lines and writes them in one go: when it is full, a moment after the first one, and at Close. A
// line costs a copy instead of a system call; a process that is killed loses at most that moment.
type LogBuffer struct {
	mu     sync.Mutex
	out    io.Writer
	delay  time.Duration
	buf    []byte
	timer  *time.Timer
	armed  bool
	closed bool
}

// NewLogBuffer writes to out after at most delay, or when size bytes wait.
func NewLogBuffer(out io.Writer, size int, delay time.Duration) *LogBuffer {
	b := &LogBuffer{out: out, delay: delay, buf: make([]byte, 0, size), armed: true}
	b.mu.Lock() // the timer may fire at once
	defer b.mu.Unlock()
	b.timer = time.AfterFunc(delay, b.tick)
	return b
}

// Write takes one or more whole lines. After Close it writes through.
func (b *LogBuffer) Write(lines []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.buf)+len(lines) > cap(b.buf) {
		if err := b.flush(); err != nil {
			return 0, err
		}
	}
	if b.closed || len(lines) > cap(b.buf) {
		return b.out.Write(lines)
	}
	b.buf = append(b.buf, lines...)
	if !b.armed {
		b.armed = true
		b.timer.Reset(b.delay)
	}
	return len(lines), nil
}

// Close writes what waits. The writer below stays open.
func (b *LogBuffer) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.timer.Stop()
	return b.flush()
}

func (b *LogBuffer) tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = false
	_ = b.flush() // the next Write meets the same error and returns it
}

// flush drops what could not be written: a full disk must not fill the memory too.
func (b *LogBuffer) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	_, err := b.out.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}
