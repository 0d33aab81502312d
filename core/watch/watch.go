// Package watch tells that something changed in a folder; what changed, and whether it is any good, is for the receiver to
// find out by reading it again. It is the only door to file notification.
//
// Notifications make it quick, a fingerprint taken at every poll makes it sure: file systems without notification, a full
// queue, a folder that was removed and made again are all seen at the next poll at the latest.
package watch

import (
	"context"
	"fmt"
	"log/slog"
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
// itself. Changes before Folder returns are not told, all later ones are. The channel holds one signal: a receiver that is
// busy finds one waiting. It is closed when ctx ends.
func Folder(ctx context.Context, dir string, opt Options) (<-chan struct{}, error) {
	return start(ctx, dir, opt, fsnotify.NewWatcher)
}

func start(ctx context.Context, dir string, opt Options, source func() (*fsnotify.Watcher, error)) (<-chan struct{}, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	w := &watcher{dir: dir, debounce: opt.Debounce, poll: opt.Poll, log: opt.Log, changed: make(chan struct{}, 1)}
	if w.debounce <= 0 {
		w.debounce = 150 * time.Millisecond
	}
	if w.poll <= 0 {
		w.poll = time.Second
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	first := take(dir)
	if !first.exists {
		return nil, fmt.Errorf("watch %s: not a folder that can be read", dir)
	}
	if w.notify, err = source(); err != nil {
		w.notify = nil
		w.degraded(err)
	}
	w.follow(first.folders)
	w.last = take(dir).sum // again: what came in between has no notification
	if w.last != first.sum {
		w.tell()
	}
	go w.run(ctx)
	return w.changed, nil
}

// watcher is one folder being watched. Only its goroutine uses it once started.
type watcher struct {
	dir            string
	debounce, poll time.Duration
	log            *slog.Logger
	notify         *fsnotify.Watcher // nil: polling only
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

// concerns tells whether an event is a change below the folder. The parent is watched only for the folder itself.
func (w *watcher) concerns(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod { // the fingerprint knows modes; touching a file's attributes is no change
		return false
	}
	return event.Name == w.dir || within(w.dir, event.Name)
}

// look compares fingerprints and follows new folders. With sure, a notification has already said that there is a change
// (which may have kept size and time).
func (w *watcher) look(sure bool) {
	now := take(w.dir)
	if w.follow(now.folders) {
		now = take(w.dir) // what came into a new folder before it was followed has no notification
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

// follow asks for notifications of the folders that have none yet, and of the parent for the folder's return. It tells
// whether there were any.
func (w *watcher) follow(folders []string) (added bool) {
	if w.notify == nil {
		return false
	}
	known := w.notify.WatchList()
	for _, folder := range append([]string{filepath.Dir(w.dir)}, folders...) {
		if slices.Contains(known, folder) {
			continue
		}
		if err := w.notify.Add(folder); err != nil {
			w.degraded(err)
			continue
		}
		added = true
	}
	return added
}

func (w *watcher) degraded(err error) {
	if w.warned {
		return
	}
	w.warned = true
	w.log.Warn("file notification is incomplete, polling goes on", "folder", w.dir, "poll", w.poll, "error", err)
}
