package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/sandbox"
)

// spinner is a module that exports spin, an endless loop.
var spinner = []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01" +
	"\x07\x11\x02\x06memory\x02\x00\x04spin\x00\x00\x0a\x09\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b")

// spinWall is how long a guest may spin, and askFor how long requests are made beside it: time for a hundred spins, and some more.
const (
	spinWall = 50 * time.Millisecond
	askFor   = 7 * time.Second
)

// BenchmarkBesideSpinner asks for the key set over eight connections: alone, while a goroutine of ours computes at all times, and while
// a guest does so in its place, each call until its time is over. p99 beside the guest against p99 beside ours says what a bad
// plugin can do to everybody else; overrun is how long after its time a guest was stopped.
func BenchmarkBesideSpinner(b *testing.B) {
	address := serving(b)
	for _, beside := range []struct {
		name string
		spin func(b *testing.B, stop *atomic.Bool) func()
	}{
		{"alone", func(*testing.B, *atomic.Bool) func() { return func() {} }},
		{"native", native},
		{"guest", guest},
	} {
		b.Run(beside.name, func(b *testing.B) {
			var stop atomic.Bool
			var spinning sync.WaitGroup
			spin := beside.spin(b, &stop)
			spinning.Go(spin)
			var took []time.Duration
			for b.Loop() {
				took = append(took, asked(b, address, 8)...)
			}
			stop.Store(true)
			spinning.Wait()
			slices.Sort(took)
			b.ReportMetric(0, "ns/op") // which is askFor
			b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

func native(_ *testing.B, stop *atomic.Bool) func() {
	return func() {
		for n := 0; !stop.Load(); n++ {
		}
	}
}

func guest(b *testing.B, stop *atomic.Bool) func() {
	machine, err := sandbox.NewMachine(sandbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	program, err := machine.Load(context.Background(), spinner, nil, sandbox.Limits{Wall: spinWall, Fuel: 1 << 50})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = errors.Join(program.Close(), machine.Close()) })
	var over []time.Duration
	b.Cleanup(func() {
		if slices.Sort(over); len(over) > 0 {
			b.Logf("%d spins, overrun: median %v, worst %v", len(over), over[len(over)/2], over[len(over)-1])
		}
	})
	return func() {
		for !stop.Load() {
			usage, err := program.Do(context.Background(), func(i *sandbox.Instance) error {
				_, err := i.Call(context.Background(), "spin")
				return err
			})
			if trap := (*sandbox.Trap)(nil); !errors.As(err, &trap) || trap.Kind != sandbox.TrapDeadline {
				b.Errorf("the guest ended with %v", err)
				return
			}
			over = append(over, usage.Wall-spinWall)
		}
	}
}

// serving starts a server and gives its address.
func serving(b *testing.B) string {
	s := defaults()
	s.Issuer, s.DataDir, s.PolicyDir, s.PluginDir = "http://127.0.0.1", b.TempDir(), b.TempDir(), b.TempDir()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s.Issuer = "http://" + ln.Addr().String()
	h, err := build(b.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = h.server.Serve(ln) }()
	b.Cleanup(func() { _ = errors.Join(h.server.Shutdown(context.Background()), h.close()) })
	return ln.Addr().String()
}

// asked makes requests over so many connections for a while, and says how long each took.
func asked(b *testing.B, address string, connections int) []time.Duration {
	took := make([][]time.Duration, connections)
	var asking sync.WaitGroup
	end := time.Now().Add(askFor)
	for n := range connections {
		asking.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			for began := time.Now(); began.Before(end); began = time.Now() {
				if err := ask(conn, answers, address); err != nil {
					b.Error(err)
					return
				}
				took[n] = append(took[n], time.Since(began))
			}
		})
	}
	asking.Wait()
	return slices.Concat(took...)
}

func ask(conn net.Conn, answers *bufio.Reader, host string) error {
	if _, err := fmt.Fprintf(conn, "GET /jwks HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
		return err
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %w", answer.Status, err)
	}
	return answer.Body.Close()
}
