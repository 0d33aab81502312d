//go:build unix

package sandbox

import (
	"crypto/sha256"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// BenchmarkColdLoad loads the kit of each SDK as a server does that starts anew, with what an earlier one kept on disk: the
// module is read and checked, the metered one and its code are taken from there, and the first instance is started. Others use the machine, too, so
// the best load counts, and the processor's time says more than the clock's. What hashing 64 MiB takes stands beside it: machines are
// compared by that.
func BenchmarkColdLoad(b *testing.B) {
	for _, language := range []string{"go", "rust", "assemblyscript"} {
		b.Run(language, func(b *testing.B) {
			binary, imports := readKit(b, language)
			cache := b.TempDir()
			if err := os.Chmod(cache, 0o700); err != nil {
				b.Fatal(err)
			}
			load := func() {
				m, err := NewMachine(Options{CacheDir: cache})
				if err != nil {
					b.Fatal(err)
				}
				p, err := m.Load(b.Context(), binary, imports, Limits{})
				if err != nil {
					b.Fatal(err)
				}
				if err := errors.Join(p.Close(), m.Close()); err != nil {
					b.Fatal(err)
				}
			}
			load()
			clock, cpu, hashed := time.Hour, time.Hour, time.Hour
			room := make([]byte, 64<<20)
			for range 5 {
				_, used := took(func() { sha256.Sum256(room) })
				hashed = min(hashed, used)
			}
			for b.Loop() {
				wall, used := took(load)
				clock, cpu = min(clock, wall), min(cpu, used)
			}
			b.ReportMetric(clock.Seconds()*1000, "best-ms")
			b.ReportMetric(cpu.Seconds()*1000, "best-cpu-ms")
			b.ReportMetric(hashed.Seconds()*1000, "hash-64MiB-cpu-ms")
		})
	}
}

// took gives what some work takes by the clock and of the processor.
func took(work func()) (clock, cpu time.Duration) {
	began, before := time.Now(), processor()
	work()
	return time.Since(began), processor() - before
}

// processor gives the time that this process has been computing.
func processor() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
