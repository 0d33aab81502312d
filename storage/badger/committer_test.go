package badger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
)

func openTemp(t *testing.T) *Engine {
	t.Helper()
	e, err := Open(Options{Dir: t.TempDir(), FreeSpace: func(string) (uint64, error) { return 1 << 40, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// occupy keeps the committer busy until the returned function is called.
func occupy(t *testing.T, e *Engine) (release func()) {
	t.Helper()
	busy, free, left := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		left <- e.write(context.Background(), &work{task: func() error { close(busy); <-free; return nil }})
	}()
	<-busy
	return func() {
		close(free)
		if err := <-left; err != nil {
			t.Error(err)
		}
	}
}

// waitUntil waits for a condition, generously.
func waitUntil(t *testing.T, condition func() bool) {
	t.Helper()
	tick, over := time.NewTicker(time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatal("it did not come about")
		}
	}
}

func put(e *Engine, key storage.Key, size int) error {
	return e.Apply(context.Background(), storage.Put(key, make([]byte, size), time.Time{}))
}

func has(t *testing.T, e *Engine, key storage.Key) bool {
	t.Helper()
	found, err := e.Get(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return !found[0].Version.IsZero()
}

func TestCallerLeavesTheQueue(t *testing.T) {
	e := openTemp(t)
	release := occupy(t, e)
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error)
	go func() { left <- e.Apply(ctx, storage.Put("k", nil, time.Time{})) }()
	waitUntil(t, func() bool { return len(e.committer.queue) > 0 })
	cancel()
	if err := <-left; err != context.Canceled {
		t.Fatalf("an Apply that was left while it waited gave %v", err)
	}
	release()
	if err := put(e, "after", 0); err != nil {
		t.Fatal(err)
	}
	if has(t, e, "k") {
		t.Fatal("an Apply was done though its caller was told otherwise")
	}
}

func TestCallerWaitsForWhatWasBegun(t *testing.T) {
	e := openTemp(t)
	ctx, cancel := context.WithCancel(context.Background())
	outcome := errors.New("its own outcome")
	err := e.write(ctx, &work{task: func() error { cancel(); return outcome }})
	if err != outcome {
		t.Fatalf("work that was begun gave %v", err)
	}
}

func TestCallerLeavesAFullQueue(t *testing.T) {
	e := openTemp(t)
	release := occupy(t, e)
	var waiters sync.WaitGroup
	for i := range queueLength {
		waiters.Go(func() {
			if err := put(e, storage.Key(fmt.Sprint(i)), 0); err != nil {
				t.Error(err)
			}
		})
	}
	waitUntil(t, func() bool { return len(e.committer.queue) == queueLength })
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := e.Apply(ctx, storage.Put("k", nil, time.Time{})); err != context.DeadlineExceeded {
		t.Errorf("an Apply that found no place in the queue gave %v", err)
	}
	release()
	waiters.Wait()
}

// TestBatchesAreSplit: Applies that do not fit into one commit together are all made, none in parts.
func TestBatchesAreSplit(t *testing.T) {
	e := openTemp(t)
	release := occupy(t, e)
	const half = (storage.MaxApply - 4*storage.OpSize) / 2
	var waiters sync.WaitGroup
	for i := range 12 {
		waiters.Go(func() {
			key, value := storage.Key(fmt.Sprint(i)), bytes.Repeat([]byte{byte(i)}, half)
			if err := e.Apply(context.Background(), storage.Put(key+"a", value, time.Time{}), storage.Put(key+"b", value, time.Time{})); err != nil {
				t.Error(err)
			}
		})
	}
	waitUntil(t, func() bool { return len(e.committer.queue) == 12 })
	before := e.views.last()
	release()
	waiters.Wait()
	if commits := e.views.last() - before; commits != 12 {
		t.Errorf("12 Applies of almost 1 MiB took %d commits", commits)
	}
	for i := range 12 {
		found, err := e.Get(context.Background(), storage.Key(fmt.Sprint(i, "a")), storage.Key(fmt.Sprint(i, "b")))
		if err != nil || found[0].Version.IsZero() || found[0].Version != found[1].Version {
			t.Errorf("Apply %d: %v, %v", i, found, err)
		}
	}
}

func TestWaitingAppliesShareOneCommit(t *testing.T) {
	e := openTemp(t)
	release := occupy(t, e)
	var waiters sync.WaitGroup
	outcomes := make([]error, 50)
	for i := range outcomes {
		waiters.Go(func() {
			outcomes[i] = e.Apply(context.Background(), storage.Add("uses", 1, 0, 10, time.Time{}))
		})
	}
	waitUntil(t, func() bool { return len(e.committer.queue) == len(outcomes) })
	before := e.views.last()
	release()
	waiters.Wait()
	if commits := e.views.last() - before; commits != 1 {
		t.Errorf("%d waiting Applies took %d commits", len(outcomes), commits)
	}
	won := 0
	for _, err := range outcomes {
		if err == nil {
			won++
		} else if !errors.Is(err, storage.ErrBounds) {
			t.Error(err)
		}
	}
	if won != 10 {
		t.Errorf("%d of 10 uses were spent within one commit", won)
	}
}

// Who is about to write is let into the batch: on one processor, those who could run before the committer did share its commit.
func TestRunnableAppliesShareOneCommit(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	e := openTemp(t)
	shared := false
	for round := 0; !shared && t.Context().Err() == nil; round++ {
		before := e.views.last()
		var writers sync.WaitGroup
		for i := range 5 {
			writers.Go(func() {
				if err := put(e, storage.Key(fmt.Sprint(round, i)), 10); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		shared = e.views.last()-before == 1
		if round == 200 {
			t.Fatal("five Applies at once never shared one commit")
		}
	}
}

// TestRewritingTooMuch: an Add rewrites the value of its record, so a small Apply can be a large write.
func TestRewritingTooMuch(t *testing.T) {
	e := openTemp(t)
	var adds []storage.Op
	for i := range 3 {
		key := storage.Key(fmt.Sprint(i))
		if err := put(e, key, 512<<10); err != nil {
			t.Fatal(err)
		}
		adds = append(adds, storage.Add(key, 1, 0, 1, time.Time{}))
	}
	if err := e.Apply(context.Background(), adds...); !errors.Is(err, storage.ErrTooLarge) {
		t.Fatalf("an Apply that rewrites 1.5 MiB gave %v", err)
	}
	if err := e.Apply(context.Background(), adds[:2]...); err != nil {
		t.Fatal(err)
	}
}

// TestFailedCommit closes Badger behind the engine's back: no write is taken any more, not even one that would be refused,
// and closing the engine does not write what is in doubt.
func TestFailedCommit(t *testing.T) {
	e := openTemp(t)
	if err := put(e, "k", 1); err != nil {
		t.Fatal(err)
	}
	if err := e.db.Close(); err != nil {
		t.Fatal(err)
	}
	first := put(e, "l", 1)
	if first == nil {
		t.Fatal("written to a closed store")
	}
	for name, err := range map[string]error{"apply": put(e, "m", 1), "health": e.Health(context.Background()), "close": e.Close()} {
		if err == nil || err.Error() != first.Error() {
			t.Errorf("%s after a failed commit gave %v, want %v", name, err, first)
		}
	}
	if _, err := Open(Options{Dir: e.space.dir, OpenRetry: time.Nanosecond}); !errors.Is(err, ErrInUse) {
		t.Errorf("opened again in the same process: %v", err)
	}
	e.lock.Close()
}

// TestValueLogStaysEmpty: no record is large enough for it, with or without expiry and count.
func TestValueLogStaysEmpty(t *testing.T) {
	e := openTemp(t)
	value := make([]byte, storage.MaxApply-storage.OpSize-1)
	if err := e.Apply(context.Background(), storage.Put("k", value, time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(context.Background(), storage.Add("k", 1, 0, 1, time.Time{})); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(e.space.dir, "*.vlog"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("value logs: %v, %v", logs, err)
	}
	for _, path := range logs {
		if found, err := os.Stat(path); err != nil || found.Size() > logHeader {
			t.Errorf("%s holds %d bytes, %v", path, found.Size(), err)
		}
	}
}

func TestCloseEndsADump(t *testing.T) {
	e := openTemp(t)
	for _, key := range []storage.Key{"a", "b"} {
		if err := put(e, key, 1); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan error, 1)
	err := e.Dump(context.Background(), func(storage.Record) error {
		go func() { closed <- e.Close() }()
		waitUntil(t, func() bool { return e.gate.open() != nil })
		_, err := e.Get(context.Background(), "a") // must not wait for Close, which waits for us
		if err != storage.ErrClosed {
			return fmt.Errorf("get while closing: %w", err)
		}
		return nil
	})
	if err != storage.ErrClosed {
		t.Fatalf("a dump of a closing store gave %v", err)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}

// TestHalfALoad: a load that fails after its first commit leaves a store that says so, now and when it is opened again.
func TestHalfALoad(t *testing.T) {
	e := openTemp(t)
	n, torn := 0, errors.New("torn dump")
	source := func() (storage.Record, error) {
		if n++; n == 5 {
			return storage.Record{}, torn
		}
		return storage.Record{Key: storage.Key(fmt.Sprint(n)), Version: storage.Version{1}, Value: make([]byte, 400<<10)}, nil
	}
	if err := e.Load(context.Background(), source); !errors.Is(err, torn) {
		t.Fatalf("load gave %v", err)
	}
	if err := put(e, "k", 1); err == nil {
		t.Fatal("half a restore took a write")
	}
	e.Close()
	e.db.Close()
	e.lock.Close()
	_, err := Open(Options{Dir: e.space.dir})
	if !errors.Is(err, ErrHalfLoaded) || !strings.Contains(err.Error(), e.space.dir) {
		t.Fatalf("opening half a restore gave %v", err)
	}
}

func TestLargeLoad(t *testing.T) {
	e := openTemp(t)
	n := 0
	source := func() (storage.Record, error) {
		if n++; n > 20 {
			return storage.Record{}, io.EOF
		}
		return storage.Record{Key: storage.Key(fmt.Sprintf("%02d", n)), Version: storage.Version{1}, Value: make([]byte, 400<<10)}, nil
	}
	if err := e.Load(context.Background(), source); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(Options{Dir: e.space.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	page, err := again.Scan(context.Background(), storage.Range{Limit: 100})
	if err != nil || len(page) != 20 {
		t.Fatalf("%d records after a load of 20, %v", len(page), err)
	}
}
