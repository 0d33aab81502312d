package plugins

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Reload reads the folder and brings the plugins in line with it: what is new or changed is loaded in the background and then
// takes its place, what did not change stays as it is, and what lost its module or its manifest leaves. It returns when the
// folder is read; Ready waits for the rest. An error means that the folder could not be read: then what runs stays, and
// Status tells of it until the folder is back.
func (h *Host) Reload(ctx context.Context) error {
	if h.dir == "" {
		return nil
	}
	h.reading.Lock()
	defer h.reading.Unlock()
	return h.reload(ctx, nil)
}

// reload is Reload in hand: first, if not nil, is done in the same step as what the folder holds comes into force, whether or not it
// could be read. The caller holds reading.
func (h *Host) reload(ctx context.Context, first func()) error {
	if err := h.recall(ctx); err != nil {
		return err
	}
	found, err := h.read(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	if first != nil {
		first()
		defer h.publish()
	}
	if ctx.Err() != nil { // says nothing of the folder
		return ctx.Err()
	}
	h.note(err)
	if err != nil {
		return err
	}
	present := map[string]bool{}
	for _, c := range found {
		present[c.name] = true
		h.place(c)
	}
	for name, s := range h.slots {
		if !present[name] {
			h.remove(name, s)
			delete(h.slots, name)
		}
	}
	h.absent = slices.DeleteFunc(slices.Sorted(maps.Keys(h.bound())), func(name string) bool {
		b := h.binding(name)
		return present[name] || !b.enabled()
	})
	h.publish()
	return nil
}

var errClosed = errors.New("plugins: the host is closed")

// read gives the plugins of the folder. When one that runs is not among them it looks again a moment later: many tools
// replace a file by removing it first, and a plugin that guards something must not be away meanwhile.
func (h *Host) read(ctx context.Context) ([]candidate, error) {
	found, err := readFolder(ctx, h.dir, h.limits.ModuleBytes, h.tried)
	if err != nil || !h.misses(found) {
		return found, err
	}
	h.pause(ctx)
	return readFolder(ctx, h.dir, h.limits.ModuleBytes, h.tried)
}

// tried tells whether something is what was tried last under its name, and is not to be tried anew.
func (h *Host) tried(name string, content [32]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.slots[name]
	return s != nil && s.content == content && !s.afresh
}

// misses tells whether a plugin that runs, or is about to, is not there as a whole.
func (h *Host) misses(found []candidate) bool {
	whole := map[string]bool{}
	for _, c := range found {
		whole[c.name] = !c.half
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, s := range h.slots {
		if (s.live != nil || s.attempt != nil) && !whole[name] {
			return true
		}
	}
	return false
}

func (h *Host) wait(ctx context.Context) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-h.life.Done():
	}
}

// note keeps whether the folder could be read, for Status. The caller holds mu.
func (h *Host) note(err error) {
	switch {
	case err == nil:
		h.unread = unread{}
	case h.unread.err == nil:
		h.unread = unread{err, h.now()}
	default:
		h.unread.err = err
	}
}

// place puts a candidate into its slot, unless it was there already. The caller holds mu, and publishes.
func (h *Host) place(c candidate) {
	s := h.slots[c.name]
	if s == nil {
		s = &slot{tally: newTally()}
		h.slots[c.name] = s
	} else if c.tried || s.content == c.content && !s.afresh {
		return
	}
	afresh := s.afresh
	s.cancel()
	s.content, s.digest, s.seen = c.content, c.digest, c.manifest
	s.err, s.missing, s.off, s.afresh, s.publisher = nil, nil, false, false, ""
	if s.live == nil {
		s.since = h.now()
	}
	a := h.admit(&c)
	s.admitted = !a.off && a.err == nil
	switch {
	case a.off:
		h.remove(c.name, s)
		s.off = true
	case c.half:
		h.remove(c.name, s)
		h.failed(s, c, c.err)
	case a.err != nil:
		h.failed(s, c, a.err)
	case len(a.missing) > 0:
		h.waits(s, c, a)
	case s.live != nil && s.live.content == c.content && !afresh: // an older state of the files came back, and it still runs
		s.publisher = a.publisher
	default:
		s.publisher = a.publisher
		ctx, cancel := context.WithCancel(h.life)
		mine := &attempt{cancel: cancel}
		s.attempt = mine
		h.work.Go(func() { h.try(ctx, c, s, mine) })
	}
}

// remove ends what a slot runs or loads. The caller holds mu, and publishes.
func (h *Host) remove(name string, s *slot) {
	s.cancel()
	if s.live != nil {
		h.leaving = append(h.leaving, s.live)
		s.live = nil
		s.since = h.now()
		h.log.Info("plugin removed", "plugin", name)
	}
}

// cancel gives up what is being loaded.
func (s *slot) cancel() {
	if s.attempt != nil {
		s.attempt.cancel()
		s.attempt = nil
	}
}

// try loads a candidate and, if nothing newer came meanwhile, makes it live.
func (h *Host) try(ctx context.Context, c candidate, s *slot, mine *attempt) {
	defer mine.cancel()
	v, err := h.load(ctx, c, s.tally)
	if h.settle(c, s, mine, v, err) {
		h.keepAccepted(ctx, c.name)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.attempt == mine {
		s.attempt = nil
	}
	h.publish()
	h.signal()
}

// settle ends an attempt, and tells whether it made another version live than ran last.
func (h *Host) settle(c candidate, s *slot, mine *attempt, v *version, err error) (another bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.attempt != mine || h.closed {
		if v != nil {
			h.retire(v)
		}
		return false
	}
	if err == nil {
		if err = h.objection(v); err != nil { // its binding became another while it was loaded, and the folder cannot be read
			h.retire(v)
		}
	}
	if err != nil {
		h.failed(s, c, err)
		return false
	}
	if v.publisher = s.publisher; s.live != nil {
		if s.live.content == v.content { // the same again: what it did counts
			v.breaker = s.live.breaker
		}
		h.leaving = append(h.leaving, s.live)
	}
	s.live, s.since = v, h.now()
	remembered := h.standing[c.name]
	hooks := c.manifest.points()
	another = remembered.Accepted != c.manifest.Version || !slices.Equal(remembered.Hooks, hooks)
	remembered.Accepted, remembered.Hooks = c.manifest.Version, hooks
	h.standing[c.name] = remembered
	h.publish()
	h.log.Info("plugin live", "plugin", c.name, "version", c.manifest.Version, "digest", c.digest, "publisher", v.publisher,
		"granted", v.granted.Value().String())
	return another
}

// failed notes why an attempt ended. What was live before stays. The caller holds mu.
func (h *Host) failed(s *slot, c candidate, err error) {
	if s.err = err; s.live == nil {
		s.since = h.now()
	}
	h.log.Error("plugin not loaded", "plugin", c.name, "error", err.Error(), "previous_version_stays", s.live != nil)
}

// again has a plugin loaded anew, changed or not.
func (h *Host) again(ctx context.Context, name string) error {
	h.mu.Lock()
	if s := h.slots[name]; s != nil {
		s.afresh = true
	}
	h.mu.Unlock()
	return h.Reload(ctx)
}

// tripped is told when a plugin failed so often that it is not asked for a while.
func (h *Host) tripped(v *version) {
	_, until, sources := v.breaker.state()
	h.log.Error("plugin is not asked for a while: it failed too often", "plugin", v.Name(), "until", until, "callers", keptFrom(sources))
	if v.binding.Fail != Afresh {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.work.Go(func() {
		if err := h.again(h.life, v.Name()); err != nil && h.life.Err() == nil {
			h.log.Error("plugin not loaded anew", "plugin", v.Name(), "error", err.Error())
		}
	})
}

// keptFrom says for how many callers a plugin is not asked.
func keptFrom(sources int) string {
	if sources == 0 {
		return "all"
	}
	return strconv.Itoa(sources)
}

// signal wakes those who wait for attempts to end. The caller holds mu.
func (h *Host) signal() {
	close(h.settled)
	h.settled = make(chan struct{})
}

// Ready waits until every plugin of the folder is live or failed. Its error is the context's.
func (h *Host) Ready(ctx context.Context) error {
	for {
		h.mu.Lock()
		busy, settled := false, h.settled
		for _, s := range h.slots {
			busy = busy || s.attempt != nil
		}
		h.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
