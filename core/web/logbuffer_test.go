package web

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// A sink is a slow system call: it remembers every write it got.
type sink struct {
	mu     sync.Mutex
	writes []string
	err    error
	wrote  chan struct{}
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	s.writes = append(s.writes, string(p))
	if s.wrote != nil {
		s.wrote <- struct{}{}
	}
	return len(p), nil
}

func write(t *testing.T, b *LogBuffer, line string) {
	t.Helper()
	if n, err := b.Write([]byte(line)); n != len(line) || err != nil {
		t.Errorf("wrote %d of %d: %v", n, len(line), err)
	}
}

// Lines wait until the buffer is full or closed; each is written once, whole and in order.
func TestLogBufferCollects(t *testing.T) {
	s := &sink{}
	b := NewLogBuffer(s, 10, time.Hour)
	for _, line := range []string{"aaaa\n", "bbbb\n", "cc\n", "longer than all\n", "d\n"} {
		write(t, b, line)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	write(t, b, "late\n")
	if got := strings.Join(s.writes, "|"); got != "aaaa\nbbbb\n|cc\n|longer than all\n|d\n|late\n" {
		t.Errorf("%q", got)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// A line does not wait for a second one.
func TestLogBufferWritesAfterAMoment(t *testing.T) {
	s := &sink{wrote: make(chan struct{}, 1)}
	b := NewLogBuffer(s, 1000, time.Millisecond)
	for i := range 3 {
		write(t, b, fmt.Sprintf("line %d\n", i))
		select {
		case <-s.wrote:
		case <-time.After(patience):
			t.Fatal("never written")
		}
	}
	if err := b.Close(); err != nil || len(s.writes) != 3 {
		t.Errorf("%q, %v", s.writes, err)
	}
}

// Many writers, a buffer that fills and a timer that fires: no line is lost, cut or repeated.
func TestLogBufferUnderConcurrency(t *testing.T) {
	s := &sink{}
	b := NewLogBuffer(s, 256, 100*time.Microsecond)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 500 {
				_, _ = fmt.Fprintf(b, "%d-%d\n", w, i)
			}
		})
	}
	writers.Wait()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for line := range strings.Lines(strings.Join(s.writes, "")) {
		seen[line]++
	}
	for w := range 8 {
		for i := range 500 {
			if n := seen[fmt.Sprintf("%d-%d\n", w, i)]; n != 1 {
				t.Fatalf("line %d-%d is there %d times", w, i, n)
			}
		}
	}
	if len(seen) != 8*500 {
		t.Errorf("%d lines", len(seen))
	}
}

// A full disk is said, and does not fill the memory.
func TestLogBufferWhenTheDiskIsFull(t *testing.T) {
	full := errors.New("no space")
	s := &sink{err: full}
	b := NewLogBuffer(s, 4, time.Hour)
	write(t, b, "aaa\n")
	if _, err := b.Write([]byte("bbb\n")); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	s.err = nil
	write(t, b, "ccc\n")
	if err := b.Close(); err != nil || strings.Join(s.writes, "|") != "ccc\n" {
		t.Errorf("%q, %v", s.writes, err)
	}
}
