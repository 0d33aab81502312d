// Package watch tells that something changed in a folder, or that a file changed; what changed, and whether it is any good, is
// for the receiver to find out by reading it again. It is the only door to file notification.
//
// Notifications make it quick, a fingerprint taken at every poll makes it sure: file systems without notification, a full
// queue, a folder that was removed and made again are all seen at the next poll at the latest.
package watch

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options of a watch. The zero value is good.
type Options struct {
	Debounce time.Duration // quiet time before a change is told, so that one save is one signal; 0: 150 ms
	Poll     time.Duration // time between fingerprints; 0: 1 s
	Log      *slog.Logger  // told once if only polling is left; nil: nobody
}

// patience times the debounce is the longest a change is held back while others keep coming.
const patience = 5

// Folder sends on the channel after changes in dir and the folders below it: contents, names, modes, removal and return of dir
// itself, which need not be there yet. Changes before Folder returns are not told, all later ones are. The channel holds one
// signal: a receiver that is busy finds one waiting. It is closed when ctx ends.
func Folder(ctx context.Context, dir string, opt Options) (<-chan struct{}, error) {
	return start(ctx, dir, ofFolder, opt, fsnotify.NewWatcher)
}

// File is Folder for one file. Whatever else happens in its folder is not told.
func File(ctx context.Context, path string, opt Options) (<-chan struct{}, error) {
	return start(ctx, path, ofFile, opt, fsnotify.NewWatcher)
}

// start begins to watch path for changes of its fingerprint.
func start(
	ctx context.Context, path string, take func(string) fingerprint, opt Options, source func() (*fsnotify.Watcher, error),
) (<-chan struct{}, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	w := &watcher{path: path, take: take, debounce: opt.Debounce, poll: opt.Poll, log: opt.Log, changed: make(chan struct{}, 1)}
	if w.debounce <= 0 {
		w.debounce = 150 * time.Millisecond
	}
	if w.poll <= 0 {
		w.poll = time.Second
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	first := take(path)
	if w.notify, err = source(); err != nil {
		w.notify = nil
		w.degraded(err)
	}
	w.follow(first.folders)
	w.last = take(path).sum // again: what came in between has no notification
	if w.last != first.sum {
		w.tell()
	}
	go w.run(ctx)
	return w.changed, nil
}

// watcher is one folder or file being watched. Only its goroutine uses it once started.
type watcher struct {
	path           string
	take           func(string) fingerprint
	debounce, poll time.Duration
	log            *slog.Logger
	notify         *fsnotify.Watcher      // nil: polling only
	notified       map[string]os.FileInfo // the folders that notifications were asked for, as they were then
	warned         bool
	last           sum // of the last signal
	changed        chan struct{}
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.changed)
	poll := time.NewTicker(w.poll)
	defer poll.Stop()
	quiet := time.NewTimer(w.debounce)
	quiet.Stop()
	var events chan fsnotify.Event
	var failures chan error
	if w.notify != nil {
		defer w.notify.Close()
		events, failures = w.notify.Events, w.notify.Errors
	}
	var since time.Time // the first change not told yet; zero: none
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-events:
			if !w.concerns(event) {
				continue
			}
			if since.IsZero() {
				since = time.Now()
			}
			quiet.Reset(max(0, min(w.debounce, patience*w.debounce-time.Since(since))))
		case err := <-failures: // a full queue, most likely
			w.degraded(err)
			quiet.Reset(w.debounce)
		case <-quiet.C:
			w.look(!since.IsZero())
			since = time.Time{}
		case <-poll.C:
			w.look(false)
		}
	}
}

// concerns tells whether an event is a change of the file, or in the folder. The parent is watched only for these themselves.
func (w *watcher) concerns(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod { // the fingerprint knows modes; touching a file's attributes is no change
		return false
	}
	return event.Name == w.path || within(w.path, event.Name)
}

// look compares fingerprints and follows new folders. With sure, a notification has already said that there is a change
// (which may have kept size and time).
func (w *watcher) look(sure bool) {
	now := w.take(w.path)
	if w.follow(now.folders) {
		now = w.take(w.path) // what came into a new folder before it was followed has no notification
	}
	if sure || now.sum != w.last {
		w.last = now.sum
		w.tell()
	}
}

func (w *watcher) tell() {
	select {
	case w.changed <- struct{}{}:
	default: // one is waiting already
	}
}

// follow asks for notifications of the folders that have none yet, and of the parent for a return. It tells whether there were
// any. Notifications stay with a folder that is moved: where another has taken its name, they are asked for anew.
func (w *watcher) follow(folders []string) (added bool) {
	if w.notify == nil {
		return false
	}
	known, now := w.notify.WatchList(), make(map[string]os.FileInfo, len(folders)+1)
	for _, folder := range append([]string{filepath.Dir(w.path)}, folders...) {
		about, err := os.Stat(folder)
		if err != nil {
			continue // gone again
		}
		now[folder] = about
		if slices.Contains(known, folder) {
			if os.SameFile(w.notified[folder], about) {
				continue
			}
			_ = w.notify.Remove(folder) // fails when it ended by itself, which is as good
		}
		if err := w.notify.Add(folder); err != nil {
			w.degraded(err)
			continue
		}
		added = true
	}
	w.notified = now
	return added
}

func (w *watcher) degraded(err error) {
	if w.warned {
		return
	}
	w.warned = true
	w.log.Warn("file notification is incomplete, polling goes on", "path", w.path, "poll", w.poll, "error", err)
}
