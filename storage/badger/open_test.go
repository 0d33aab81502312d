package badger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
)

func mustOpen(t *testing.T, dir string) *badger.Engine {
	t.Helper()
	engine, err := badger.Open(badger.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return engine
}

func mustClose(t *testing.T, engine *badger.Engine) {
	t.Helper()
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	engine := mustOpen(t, dir)
	_, err := badger.Open(badger.Options{Dir: dir, OpenRetry: time.Nanosecond})
	want := fmt.Sprintf("the folder %s is in use by another ostiary process", dir)
	if !errors.Is(err, badger.ErrInUse) || err.Error() != want {
		t.Fatalf("a second open gave %q, want %q", err, want)
	}
	mustClose(t, engine)
	mustOpen(t, dir)
}

func TestFolderIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	engine := mustOpen(t, dir)
	opened := make(chan error, 1)
	go func() {
		second, err := badger.Open(badger.Options{Dir: dir, OpenRetry: time.Minute})
		if err == nil {
			err = second.Close()
		}
		opened <- err
	}()
	mustClose(t, engine)
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
}

func TestFolderIsPrivate(t *testing.T) {
	made := filepath.Join(t.TempDir(), "a", "b")
	found := filepath.Join(t.TempDir(), "c")
	if err := os.Mkdir(found, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{made, found} {
		mustOpen(t, dir)
		if is, err := os.Stat(dir); err != nil || is.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v, %v", dir, is.Mode(), err)
		}
	}
}

func TestFolderCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file, filepath.Join(file, "below")} {
		if engine, err := badger.Open(badger.Options{Dir: dir, OpenRetry: time.Nanosecond}); err == nil {
			engine.Close()
			t.Errorf("opened in %q", dir)
		}
	}
}

// TestStoreSurvivesClose: everything is there again, and the versions go on being good.
func TestStoreSurvivesClose(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	engine := mustOpen(t, dir)
	records := contents(t, engine)
	if len(records) != filled {
		t.Fatalf("%d records, want %d", len(records), filled)
	}
	op := storage.Update(records[0].Key, records[0].Version, []byte("new"), time.Time{})
	if err := engine.Apply(context.Background(), op); err != nil {
		t.Fatal(err)
	}
	if err := engine.Apply(context.Background(), op); !errors.Is(err, storage.ErrStale) {
		t.Fatalf("the same update again gave %v", err)
	}
}

const filled = 300

// fill makes a store with a few tables and closes it.
func fill(t *testing.T, dir string) {
	t.Helper()
	for part := range 3 {
		engine := mustOpen(t, dir)
		for i := part; i < filled; i += 3 {
			value := bytes.Repeat([]byte{byte(i)}, 100+i)
			if err := engine.Apply(context.Background(), storage.Insert(storage.Key(fmt.Sprintf("%03d", i)), value, time.Time{})); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, engine)
	}
}

func contents(t *testing.T, engine *badger.Engine) []storage.Record {
	t.Helper()
	var all []storage.Record
	if err := engine.Dump(context.Background(), func(r storage.Record) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEmptyLogs: a kill between two system calls of Badger's leaves logs of no bytes. They hold nothing and hinder nothing.
func TestEmptyLogs(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	for _, name := range []string{"00001.mem", "00077.mem", "000001.vlog", "000099.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(contents(t, mustOpen(t, dir))); got != filled {
		t.Fatalf("%d records, want %d", got, filled)
	}
}

// TestMissingFiles: without its manifest, or without a table, a store is not taken for an empty one.
func TestMissingFiles(t *testing.T) {
	for _, pattern := range []string{"MANIFEST", "*.sst"} {
		dir := t.TempDir()
		fill(t, dir)
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if engine, err := badger.Open(badger.Options{Dir: dir}); !errors.Is(err, badger.ErrDamaged) || !strings.Contains(err.Error(), dir) {
				t.Errorf("without %s: %v, %v", pattern, engine, err)
			}
		}
	}
}

func TestOtherForm(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	path := filepath.Join(dir, "MANIFEST")
	manifest, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	manifest[5]++ // the number of the form, for which Badger keeps two bytes
	if err := os.WriteFile(path, manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := badger.Open(badger.Options{Dir: dir}); !errors.Is(err, badger.ErrDamaged) {
		t.Fatalf("a store of another form gave %v", err)
	}
}

// TestFlippedBytes spoils every file of a closed store in many places. Badger by itself goes on without a table whose checksum
// is wrong; here a store is whole, or not opened.
func TestFlippedBytes(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	want := contents(t, mustCopy(t, dir))
	template := readTemplate(t, dir)
	refused := 0
	for name, file := range template {
		for _, at := range places(len(file.data), trials(40), 30) {
			spoilt := bytes.Clone(file.data)
			spoilt[at] ^= 1 << (at % 8)
			engine, err := openVariant(t, template, name, image{spoilt, file.size})
			switch {
			case errors.Is(err, badger.ErrDamaged):
				refused++
			case err != nil:
				t.Errorf("%s, byte %d: %v", name, at, err)
			case !same(contents(t, engine), want):
				t.Errorf("%s, byte %d: opened with other contents", name, at)
			}
			if engine != nil {
				mustClose(t, engine)
			}
		}
	}
	if refused == 0 {
		t.Error("no damage was noticed at all")
	}
}

// TestTornTables cuts every table and the manifest short.
func TestTornTables(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir)
	template := readTemplate(t, dir)
	for name, file := range template {
		if !strings.HasSuffix(name, ".sst") && name != "MANIFEST" {
			continue
		}
		for _, at := range places(len(file.data), trials(12), 30) {
			engine, err := openVariant(t, template, name, image{file.data[:at], int64(at)})
			if !errors.Is(err, badger.ErrDamaged) {
				t.Errorf("%s cut to %d bytes: %v", name, at, err)
			}
			if engine != nil {
				mustClose(t, engine)
			}
		}
	}
}

func mustCopy(t *testing.T, dir string) *badger.Engine {
	t.Helper()
	engine, err := openVariant(t, readTemplate(t, dir), "", image{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	return engine
}

func same(a, b []storage.Record) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || a[i].Version != b[i].Version || !bytes.Equal(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

// TestLog: what Badger says goes to our log, and no key with it.
func TestLog(t *testing.T) {
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	engine, err := badger.Open(badger.Options{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Apply(context.Background(), storage.Put("private", nil, time.Time{})); err != nil {
		t.Fatal(err)
	}
	mustClose(t, engine)
	if !strings.Contains(said.String(), "level=DEBUG msg=\"badger: ") || strings.Contains(said.String(), "private") {
		t.Fatalf("the log says:\n%s", said.String())
	}
}
