package badger_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
	"github.com/ostiary/ostiary/storage/enginetest"
)

// disk answers for the file system.
type disk struct {
	free   atomic.Uint64
	failed atomic.Bool
	asked  atomic.Int64
}

func (d *disk) ask(string) (uint64, error) {
	d.asked.Add(1)
	if d.failed.Load() {
		return 0, errors.New("unreadable")
	}
	return d.free.Load(), nil
}

// onDisk opens a store with a clock that stands still: the guard must not depend on it.
func onDisk(t *testing.T) (*badger.Engine, *disk) {
	t.Helper()
	d := &disk{}
	d.free.Store(1 << 40)
	engine, err := badger.Open(badger.Options{Dir: t.TempDir(), Now: enginetest.NewClock().Now, FreeSpace: d.ask})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return engine, d
}

func put(engine storage.Engine, size int) error {
	return engine.Apply(context.Background(), storage.Put("k", make([]byte, size), time.Time{}))
}

func TestFullDisk(t *testing.T) {
	engine, d := onDisk(t)
	if err := put(engine, 10); err != nil {
		t.Fatal(err)
	}
	d.free.Store(512<<20 - 1)
	if err := engine.Health(context.Background()); !errors.Is(err, storage.ErrFull) {
		t.Fatalf("health on a full disk: %v", err)
	}
	if err := put(engine, 20); !errors.Is(err, storage.ErrFull) {
		t.Fatalf("a write on a full disk: %v", err)
	}
	found, err := engine.Get(context.Background(), "k")
	if err != nil || len(found[0].Value) != 10 {
		t.Fatalf("a read on a full disk: %v, %v", found, err)
	}
	if err := engine.Apply(context.Background(), storage.Require("k", found[0].Version)); err != nil {
		t.Fatalf("an Apply that writes nothing: %v", err)
	}
	d.free.Store(512 << 20)
	if err := put(engine, 30); err != nil {
		t.Fatalf("a write after space was freed: %v", err)
	}
	if err := engine.Health(context.Background()); err != nil {
		t.Fatalf("health after space was freed: %v", err)
	}
}

// Nobody asks for the health here: the committer finds out by itself after at most so many bytes.
func TestFullDiskIsNoticedWhileWriting(t *testing.T) {
	engine, d := onDisk(t)
	d.free.Store(0)
	const most = 8<<20/(512<<10) + 1
	for written := range most {
		if err := put(engine, 512<<10); errors.Is(err, storage.ErrFull) {
			return
		} else if err != nil {
			t.Fatalf("write %d: %v", written, err)
		}
	}
	t.Fatalf("%d writes of 512 KiB went to a full disk", most)
}

func TestFreeSpaceIsNotAskedForEachWrite(t *testing.T) {
	engine, d := onDisk(t)
	start := time.Now()
	for range 100 {
		if err := put(engine, 10); err != nil {
			t.Fatal(err)
		}
	}
	if asked, most := d.asked.Load(), 3+int64(time.Since(start)/time.Second); asked > most {
		t.Fatalf("100 writes asked %d times for the free space, want at most %d", asked, most)
	}
}

func TestFreeSpaceUnknown(t *testing.T) {
	engine, d := onDisk(t)
	d.failed.Store(true)
	if err := engine.Health(context.Background()); err == nil {
		t.Fatal("healthy, though the free space is unknown")
	}
	if err := put(engine, 1); err == nil {
		t.Fatal("written, though the free space is unknown")
	}
	d.failed.Store(false)
	if err := put(engine, 1); err != nil {
		t.Fatal(err)
	}
}

func TestFullDiskAtStart(t *testing.T) {
	d := &disk{}
	for free, want := range map[uint64]error{64<<20 - 1: storage.ErrFull, 64 << 20: nil} {
		d.free.Store(free)
		engine, err := badger.Open(badger.Options{Dir: t.TempDir(), FreeSpace: d.ask})
		if !errors.Is(err, want) {
			t.Errorf("open with %d bytes free gave %v, want %v", free, err, want)
		}
		if err == nil {
			engine.Close()
		}
	}
}

// TestRealDisk: the default function must find the space that there is.
func TestRealDisk(t *testing.T) {
	engine, err := badger.Open(badger.Options{Dir: t.TempDir(), MinFree: 1 << 62})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	if err := put(engine, 1); !errors.Is(err, storage.ErrFull) {
		t.Fatalf("no disk has 4 EiB free, but the write gave %v", err)
	}
}
