package plugins

import (
	"context"
	"errors"
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
	found, err := h.read(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil { // says nothing of the folder
		return ctx.Err()
	}
	if h.closed {
		return errors.New("plugins: the host is closed")
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
	h.publish()
	return nil
}

// read gives the plugins of the folder. When one that runs is not among them it looks again a moment later: many tools
// replace a file by removing it first, and a plugin that guards something must not be away meanwhile.
func (h *Host) read(ctx context.Context) ([]candidate, error) {
	found, err := readFolder(ctx, h.dir, h.limits.ModuleBytes)
	if err != nil || !h.misses(found) {
		return found, err
	}
	h.pause(ctx)
	return readFolder(ctx, h.dir, h.limits.ModuleBytes)
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

// place puts a candidate into its slot, unless it was there already. The caller holds mu.
func (h *Host) place(c candidate) {
	s := h.slots[c.name]
	if s == nil {
		s = &slot{}
		h.slots[c.name] = s
	} else if s.content == c.content {
		return
	}
	if c.half {
		h.remove(c.name, s)
	}
	s.cancel()
	s.content, s.err, s.seen = c.content, nil, c.manifest
	if s.live == nil {
		s.since = h.now()
	}
	switch {
	case c.err != nil:
		h.failed(s, c, c.err)
	case s.live != nil && s.live.content == c.content: // an older state of the files came back, and it still runs
	default:
		ctx, cancel := context.WithCancel(h.life)
		mine := &attempt{cancel: cancel}
		s.attempt = mine
		h.work.Go(func() { h.try(ctx, c, s, mine) })
	}
}

// remove ends what a slot runs or loads. The caller holds mu.
func (h *Host) remove(name string, s *slot) {
	s.cancel()
	if s.live != nil {
		h.retire(s.live)
		s.live = nil
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
	v, err := h.load(ctx, c)
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.signal()
	switch {
	case s.attempt != mine || h.closed:
		h.retire(v)
		return
	case err != nil:
		s.attempt = nil
		h.failed(s, c, err)
	default:
		s.attempt = nil
		h.retire(s.live)
		s.live, s.since = v, h.now()
		h.log.Info("plugin live", "plugin", c.name, "version", c.manifest.Version, "digest", c.digest)
	}
	h.publish()
}

// failed notes why an attempt ended. What was live before stays. The caller holds mu.
func (h *Host) failed(s *slot, c candidate, err error) {
	if s.err = err; s.live == nil {
		s.since = h.now()
	}
	h.log.Error("plugin not loaded", "plugin", c.name, "error", err.Error(), "previous_version_stays", s.live != nil)
}

// retire closes a version that nobody will be given any more, once those who hold it had time to ask it. The caller holds mu.
func (h *Host) retire(v *version) {
	if v == nil {
		return
	}
	h.work.Go(func() {
		timer := time.NewTimer(h.drain)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-h.life.Done():
		}
		if err := v.program.Close(); err != nil {
			h.log.Warn("plugin closed", "plugin", v.Name(), "error", err.Error())
		}
	})
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
