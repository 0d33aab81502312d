package plugins

import (
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/hook"
)

// State is what became of a plugin in the folder.
type State string

// The states of a plugin.
const (
	Live    State = "live"    // it is asked; Error says why a newer file did not replace it
	Loading State = "loading" // it will be asked; until then its hooks answer temporarily_unavailable
	Failed  State = "failed"  // it is not asked; Error says why
)

// Status tells of one plugin.
type Status struct {
	Name    string // of the plugin; of the folder, ending in a slash, when the folder itself is the problem
	Version string // of what is live, else of the file
	Digest  string // SHA-256 of the live module; empty when none is
	State   State
	Hooks   []hook.Point
	Error   string    // of the last attempt, one problem a line; empty: none
	Since   time.Time // of this state
}

// Status tells of every plugin, by name, after one for the folder when it cannot be read. One that failed, or has an Error,
// is a reason to call the server degraded.
func (h *Host) Status() []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Status, 0, len(h.slots)+1)
	if h.unread.err != nil {
		all = append(all, h.unread.status(h.dir))
	}
	for _, name := range slices.Sorted(maps.Keys(h.slots)) {
		all = append(all, h.slots[name].status(name))
	}
	return all
}

func (s *slot) status(name string) Status {
	out := Status{Name: name, Version: s.seen.Version, State: Failed, Hooks: s.seen.points(), Since: s.since}
	switch {
	case s.live != nil:
		out.State, out.Digest = Live, s.live.digest
		out.Version, out.Hooks = s.live.manifest.Version, s.live.manifest.points()
	case s.attempt != nil:
		out.State = Loading
	}
	if s.err != nil {
		out.Error = s.err.Error()
	}
	return out
}

func (u unread) status(dir string) Status {
	return Status{
		Name: filepath.Clean(dir) + "/", State: Failed, Hooks: []hook.Point{}, Since: u.since,
		Error: u.err.Error() + "; the plugins stay as they were",
	}
}
