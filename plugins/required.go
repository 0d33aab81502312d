package plugins

import (
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
)

// A plugin that does not load, is not signed or waits for approval is not asked, and what it would guard goes on without it. An
// operator who cannot have that says required: then nothing that it guards goes on until it is live.

// requiredRetry is when a caller may try again whom a plugin keeps out that an operator has to look after.
const requiredRetry = 30 * time.Second

func notLive(name string) error {
	return &core.Error{
		Code: core.TemporarilyUnavailable, RetryAfter: requiredRetry,
		Detail: "The plugin " + name + " must be asked about this, and it is not running. Try again later, or tell the operator of this server.",
	}
}

// lacks names a plugin that is required at a point, and neither live nor being loaded; empty: none. Where plugins only shape an
// answer nothing is refused: what was asked for is done. The caller holds mu, or nobody else knows h yet.
func (h *Host) lacks(p hook.Point) string {
	if p.Shapes() {
		return ""
	}
	for _, name := range h.missed() {
		if h.guards(name, h.slots[name], p) {
			return name
		}
	}
	return ""
}

// missed lists what is required, and neither live nor being loaded. The caller holds mu, or nobody else knows h yet.
func (h *Host) missed() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(h.bound())) {
		s := h.slots[name]
		if h.bound()[name].Required && (s == nil || s.live == nil && s.attempt == nil) {
			names = append(names, name)
		}
	}
	return names
}

// tellWanting tells the log when a required plugin is missed, and when it is live again. The caller holds mu.
func (h *Host) tellWanting() {
	if h.standing == nil || h.closed { // the folder was not looked at yet, or is not any more
		return
	}
	h.wanting = slices.DeleteFunc(h.wanting, func(name string) bool {
		s := h.slots[name]
		back := s != nil && s.live != nil
		if back {
			h.log.Info("a required plugin is live again", "plugin", name)
		}
		return back
	})
	for _, name := range h.missed() {
		if !slices.Contains(h.wanting, name) {
			h.log.Error("a required plugin is not live; what it guards is refused until it is", "plugin", name)
			h.wanting = append(h.wanting, name)
		}
	}
}

// guards tells whether a required plugin serves a point: as its manifest says if that may be believed, else as the version that
// went live last did. Of a plugin that nobody knows anything of it must be assumed.
func (h *Host) guards(name string, s *slot, p hook.Point) bool {
	if s != nil && s.admitted {
		_, serves := s.seen.Hooks[p]
		return serves
	}
	hooks := h.standing[name].Hooks
	return hooks == nil || slices.Contains(hooks, p)
}
