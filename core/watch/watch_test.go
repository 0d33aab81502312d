package watch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// bound is how long a test waits before it gives up; a signal comes far sooner.
const bound = 20 * time.Second

// sources are the two ways a watch can live: with notifications (and a poll that never comes), and by polling alone.
var sources = map[string]struct {
	opt    Options
	source func() (*fsnotify.Watcher, error)
}{
	"notified": {Options{Debounce: 5 * time.Millisecond, Poll: time.Hour}, fsnotify.NewWatcher},
	"polled": {Options{Debounce: 5 * time.Millisecond, Poll: 10 * time.Millisecond},
		func() (*fsnotify.Watcher, error) { return nil, errors.New("too many open files") }},
}

func await(t *testing.T, changed <-chan struct{}) {
	t.Helper()
	select {
	case _, ok := <-changed:
		if !ok {
			t.Fatal("the channel was closed")
		}
	case <-time.After(bound):
		t.Fatal("no signal")
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func save(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
}

func TestEveryChangeIsTold(t *testing.T) {
	changes := []struct {
		name   string
		change func(t *testing.T, dir string)
	}{
		{"new file", func(t *testing.T, dir string) { save(t, filepath.Join(dir, "b.rego"), "b") }},
		{"written file", func(t *testing.T, dir string) { save(t, filepath.Join(dir, "a.rego"), "longer") }},
		{"removed file", func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, "a.rego"))) }},
		{"renamed file", func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, "a.rego"), filepath.Join(dir, "c.rego")))
		}},
		{"atomic save", func(t *testing.T, dir string) {
			save(t, filepath.Join(dir, ".a.tmp"), "atomic")
			must(t, os.Rename(filepath.Join(dir, ".a.tmp"), filepath.Join(dir, "a.rego")))
		}},
		{"new folder", func(t *testing.T, dir string) { must(t, os.Mkdir(filepath.Join(dir, "new"), 0o755)) }},
		{"file below", func(t *testing.T, dir string) { save(t, filepath.Join(dir, "site", "deep", "x.rego"), "changed") }},
		{"removed folder", func(t *testing.T, dir string) { must(t, os.RemoveAll(filepath.Join(dir, "site"))) }},
		{"the folder itself", func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) }},
		{"the folder moved", func(t *testing.T, dir string) { must(t, os.Rename(dir, dir+".old")) }},
	}
	for kind, how := range sources {
		for _, test := range changes {
			t.Run(kind+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "policies")
				save(t, filepath.Join(dir, "a.rego"), "a")
				save(t, filepath.Join(dir, "site", "deep", "x.rego"), "x")
				changed, err := start(t.Context(), dir, ofFolder, how.opt, how.source)
				must(t, err)
				test.change(t, dir)
				await(t, changed)
			})
		}
	}
}

// After a folder came back, and in folders made while watching, changes are still told.
func TestSurvivesRemovalAndReturn(t *testing.T) {
	for kind, how := range sources {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "policies")
			save(t, filepath.Join(dir, "a.rego"), "a")
			changed, err := start(t.Context(), dir, ofFolder, how.opt, how.source)
			must(t, err)

			must(t, os.RemoveAll(dir))
			await(t, changed)
			save(t, filepath.Join(dir, "a.rego"), "a")
			awaitQuiet(t, changed, dir)
			save(t, filepath.Join(dir, "a.rego"), "back")
			await(t, changed)
			save(t, filepath.Join(dir, "new", "b.rego"), "b")
			awaitQuiet(t, changed, dir)
			save(t, filepath.Join(dir, "new", "b.rego"), "inside the new folder")
			await(t, changed)
		})
	}
}

// awaitQuiet waits for the signal of the last change and lets the watch catch up: a marker that comes and goes is told until
// no signal of earlier changes can be left.
func awaitQuiet(t *testing.T, changed <-chan struct{}, dir string) {
	t.Helper()
	await(t, changed)
	for range 3 {
		marker := filepath.Join(dir, "marker")
		save(t, marker, "")
		await(t, changed)
		must(t, os.Remove(marker))
		await(t, changed)
	}
}

// A quick series of writes is few signals, and the last write is always followed by one.
func TestLastWriteIsFollowedByASignal(t *testing.T) {
	for kind, how := range sources {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "a.rego")
			save(t, path, "")
			changed, err := start(t.Context(), dir, ofFolder, how.opt, how.source)
			must(t, err)
			const writes = 300
			go func() {
				for i := range writes {
					_ = os.WriteFile(path, []byte(strings.Repeat("x", i+1)), 0o644)
				}
			}()
			for signals := 0; ; signals++ {
				await(t, changed)
				if read, err := os.ReadFile(path); err == nil && len(read) == writes {
					return
				}
				if signals > writes {
					t.Fatal("more signals than writes")
				}
			}
		})
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	changed, err := Folder(ctx, t.TempDir(), Options{})
	must(t, err)
	cancel()
	select {
	case <-changed:
		if _, open := <-changed; open {
			t.Error("the channel stays open")
		}
	case <-time.After(bound):
		t.Error("the watch did not end")
	}
}

// A folder that is renamed away and made again, in one go or not, is watched on; the one that is now elsewhere is not.
func TestSurvivesRenameAndReturn(t *testing.T) {
	for kind, how := range sources {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "policies")
			inner := filepath.Join(dir, "site", "a.rego")
			save(t, inner, "a")
			changed, err := start(t.Context(), dir, ofFolder, how.opt, how.source)
			must(t, err)

			must(t, os.Rename(dir, dir+".old"))
			await(t, changed)
			must(t, os.Rename(dir+".old", dir))
			awaitQuiet(t, changed, dir)
			save(t, inner, "put back")
			await(t, changed)

			must(t, os.Rename(dir, dir+".old"))
			save(t, inner, "b")
			awaitQuiet(t, changed, dir)
			save(t, inner, "in the new one")
			await(t, changed)
		})
	}
}

// A link that is turned to another folder: the new one is watched.
func TestFollowsLinks(t *testing.T) {
	for kind, how := range sources {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			link, next := filepath.Join(base, "policies"), filepath.Join(base, "next")
			save(t, filepath.Join(base, "one", "a.rego"), "a")
			save(t, filepath.Join(base, "two", "a.rego"), "of two")
			must(t, os.Symlink("one", link), os.Symlink("two", next))
			changed, err := start(t.Context(), link, ofFolder, how.opt, how.source)
			must(t, err)
			must(t, os.Rename(next, link))
			await(t, changed)
			// Beside the link, so that no event of the link itself tells of it.
			save(t, filepath.Join(base, "two", "a.rego"), "of two, and longer")
			await(t, changed)
		})
	}
}

// A folder that is not there yet is waited for.
func TestWaitsForWhatIsMissing(t *testing.T) {
	for kind, how := range sources {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "policies")
			changed, err := start(t.Context(), dir, ofFolder, how.opt, how.source)
			must(t, err)
			must(t, os.Mkdir(dir, 0o755))
			awaitQuiet(t, changed, dir)
			save(t, filepath.Join(dir, "a.rego"), "a")
			await(t, changed)
		})
	}
}

// Of a file, writing, replacing, removal and return are told.
func TestFileIsWatched(t *testing.T) {
	for kind, how := range sources {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "config.yaml")
			save(t, path, "a")
			changed, err := start(t.Context(), path, ofFile, how.opt, how.source)
			must(t, err)
			save(t, path, "longer")
			await(t, changed)
			save(t, path+".tmp", "another")
			must(t, os.Rename(path+".tmp", path))
			await(t, changed)
			must(t, os.Remove(path))
			await(t, changed)
			save(t, path, "back")
			await(t, changed)
		})
	}
}

// What happens beside a file is not told, such as a log that grows in the same folder.
func TestOnlyTheFileCounts(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "ostiary.log")
	save(t, path, "a")
	w := &watcher{path: path, take: ofFile, last: ofFile(path).sum, changed: make(chan struct{}, 1)}
	told := func() bool {
		select {
		case <-w.changed:
			return true
		default:
			return false
		}
	}
	save(t, other, "a line")
	if w.look(false); told() || w.concerns(fsnotify.Event{Name: other, Op: fsnotify.Write}) {
		t.Error("another file is told")
	}
	save(t, path, "longer")
	if w.look(false); !told() || !w.concerns(fsnotify.Event{Name: path, Op: fsnotify.Write}) {
		t.Error("the file itself is not told")
	}
	must(t, os.Remove(path))
	if w.look(false); !told() {
		t.Error("its removal is not told")
	}
}

func TestPollingAloneIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	how := sources["polled"]
	how.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	_, err := start(t.Context(), t.TempDir(), ofFolder, how.opt, how.source)
	must(t, err)
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, &log)
	}
}

func TestFingerprintIsStableAndBounded(t *testing.T) {
	dir := t.TempDir()
	save(t, filepath.Join(dir, "a"), "a")
	must(t, os.Symlink(dir, filepath.Join(dir, "loop")), os.Symlink("nowhere", filepath.Join(dir, "broken")))
	before := ofFolder(dir)
	if before.sum != ofFolder(dir).sum {
		t.Error("two fingerprints of one state differ")
	}
	if len(before.folders) != maxDepth+1 {
		t.Errorf("a loop was followed %d deep", len(before.folders))
	}
	must(t, os.Chmod(filepath.Join(dir, "a"), 0o600))
	if ofFolder(dir).sum == before.sum {
		t.Error("a mode is not part of it")
	}
}

func TestWithin(t *testing.T) {
	for _, test := range []struct {
		dir, path string
		want      bool
	}{
		{"/a/b", "/a/b/c", true}, {"/a/b", "/a/b/c/d", true}, {"/", "/x", true},
		{"/a/b", "/a/b", false}, {"/a/b", "/a/bc", false}, {"/a/b", "/a", false},
	} {
		if within(test.dir, test.path) != test.want {
			t.Errorf("within(%s, %s) is %t", test.dir, test.path, !test.want)
		}
	}
}
