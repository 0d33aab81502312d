package badger_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
)

// registration is what a client registration writes: 6 ops, about 2 kB.
func registration(n int64) []storage.Op {
	id := fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15)
	op := func(table string, size int) storage.Op {
		value := bytes.Repeat([]byte(id+" metadata "), size/26+1)
		return storage.Insert(storage.NewKey("main", table, id), value[:size], time.Time{})
	}
	return []storage.Op{
		op("client", 1000), op("credentials", 300), op("state", 40), op("by_created", 0), op("ledger", 600),
		storage.Add(storage.NewKey("main", "iat_uses", "token"), 1, 0, 1<<60, time.Time{}),
	}
}

func BenchmarkApply(b *testing.B) {
	for _, goroutines := range []int{1, 32, 128} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			engine := openBench(b)
			var n atomic.Int64
			b.SetParallelism(max(1, goroutines/2))
			b.ReportAllocs()
			b.ResetTimer()
			run := func(next func() bool) {
				for next() {
					if err := engine.Apply(context.Background(), registration(n.Add(1))...); err != nil {
						b.Error(err)
					}
				}
			}
			if goroutines == 1 {
				run(b.Loop)
				return
			}
			b.RunParallel(func(pb *testing.PB) { run(pb.Next) })
		})
	}
}

func BenchmarkGet(b *testing.B) {
	engine := openBench(b)
	for n := range int64(10000) {
		if err := engine.Apply(context.Background(), registration(n)...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n++ {
		ops := registration(n % 10000)
		if _, err := engine.Get(context.Background(), ops[0].Key); err != nil {
			b.Fatal(err)
		}
	}
}

func openBench(b *testing.B) *badger.Engine {
	engine, err := badger.Open(badger.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { engine.Close() })
	return engine
}
