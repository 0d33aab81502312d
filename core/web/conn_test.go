package web

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// A clockwork is a connection that counts how often its timers are moved. Every other Read and Write finds that the timer has
// gone off.
type clockwork struct {
	net.Conn
	moved int
	rang  bool
	wrote bytes.Buffer
}

func (c *clockwork) SetReadDeadline(time.Time) error  { c.moved++; return nil }
func (c *clockwork) SetWriteDeadline(time.Time) error { c.moved++; return nil }

func (c *clockwork) ring() error {
	if c.rang = !c.rang; c.rang {
		return &net.OpError{Op: "test", Err: os.ErrDeadlineExceeded}
	}
	return nil
}

func (c *clockwork) Read(p []byte) (int, error) {
	if err := c.ring(); err != nil {
		return 0, err
	}
	return copy(p, "x"), nil
}

// Write takes half of what it is given before the timer goes off.
func (c *clockwork) Write(p []byte) (int, error) {
	if err := c.ring(); err != nil {
		n, _ := c.wrote.Write(p[:len(p)/2])
		return n, err
	}
	return c.wrote.Write(p)
}

// A deadline that only moves on costs no timer; one that comes nearer, or is taken away, does.
func TestDeadlinesMoveInMemory(t *testing.T) {
	under := &clockwork{}
	c := &conn{Conn: under}
	now := time.Now()
	for _, move := range []struct {
		to    time.Time
		moved int
	}{
		{now.Add(15 * time.Second), 1}, {now.Add(75 * time.Second), 1}, {now.Add(16 * time.Second), 1}, {now.Add(15 * time.Second), 1},
		{now.Add(14 * time.Second), 2}, {time.Time{}, 3}, {time.Time{}, 4}, {now.Add(time.Hour), 5},
	} {
		if err := c.SetReadDeadline(move.to); err != nil || under.moved != move.moved {
			t.Fatalf("to %v: the timer was moved %d times, want %d (%v)", move.to.Sub(now), under.moved, move.moved, err)
		}
	}
	if err := c.SetDeadline(now.Add(2 * time.Hour)); err != nil || under.moved != 6 {
		t.Errorf("the timer for writing is another one: %d moves, %v", under.moved, err)
	}
}

// A timer that goes off before the deadline is set anew: the call goes on where it was.
func TestATimerThatIsEarlyIsNoTimeout(t *testing.T) {
	under := &clockwork{}
	c := &conn{Conn: under}
	for _, due := range []time.Time{time.Now().Add(-time.Second), time.Now().Add(time.Hour)} {
		if err := c.SetDeadline(due); err != nil {
			t.Fatal(err)
		}
	}
	var p [1]byte
	if n, err := c.Read(p[:]); n != 1 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	if n, err := c.Write([]byte("whole answer")); n != 12 || err != nil || under.wrote.String() != "whole answer" {
		t.Errorf("wrote %d %q, %v", n, under.wrote.String(), err)
	}
	if under.moved != 4 {
		t.Errorf("moved %d times", under.moved)
	}
	if err := c.SetReadDeadline(time.Now().Add(-time.Second)); err != nil || under.moved != 5 {
		t.Errorf("the new timer is not remembered: moved %d times, %v", under.moved, err)
	}
	if _, err := c.Read(p[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline that has come: %v", err)
	}
}

// On a real connection a deadline that moved on still comes, and one that was moved on in time lets the bytes through.
func TestDeadlinesOfASocket(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := listener{ln}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if _, wrapped := near.(*conn); !wrapped {
		t.Fatalf("a TCP connection is a %T", near)
	}
	var p [1]byte
	for _, due := range []time.Duration{time.Millisecond, 3 * time.Millisecond} {
		if err := near.SetReadDeadline(time.Now().Add(due)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := near.Read(p[:]); n != 0 || !isTimeout(err) {
		t.Errorf("read %d, %v", n, err)
	}
	if err := near.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(near, p[:]); n != 1 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
}
