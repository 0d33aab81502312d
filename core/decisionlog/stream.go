package decisionlog

import (
	"context"
	"io"
	"time"
)

// A Stream is a sink of lines on standard output.
type Stream struct {
	to   io.Writer
	left []byte // of lines that were written in part
}

// NewStream makes a Stream.
func NewStream(to io.Writer) *Stream { return &Stream{to: to} }

// Name implements Sink.
func (*Stream) Name() string { return "stdout" }

// Batch implements Sink.
func (*Stream) Batch() (int, time.Duration) { return 64, 0 }

// Write implements Sink. What was written in part cannot be taken back: the rest of it comes first the next time.
func (s *Stream) Write(_ context.Context, lines [][]byte) (int, error) {
	if len(s.left) > 0 {
		n, err := s.to.Write(s.left)
		if s.left = s.left[n:]; err != nil {
			return 0, err
		}
	}
	for i, l := range lines {
		text := append(append(make([]byte, 0, len(l)+1), l...), '\n')
		n, err := s.to.Write(text)
		if err == nil {
			continue
		}
		if n > 0 {
			s.left = text[n:]
			return i + 1, err
		}
		return i, err
	}
	return len(lines), nil
}

// Close implements Sink. The stream is its owner's.
func (*Stream) Close() error { return nil }

var _ Sink = (*Stream)(nil)
