package main

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/registration"
)

// openLives opens what looks after the lives of clients.
func (h *house) openLives() {
	h.uses = registration.NewUses(h.desk, h.clients)
	h.reaper = registration.NewReaper(h.desk, h.clients, h.uses)
	h.reaper.Tell(h.reaped)
	h.recall = registration.NewRecall(h.desk, h.clients)
	h.closers = append(h.closers, func() error { return h.uses.Flush(context.Background()) })
}

// keepLives writes down which clients are used, and removes those that nobody uses as often as dcr_config.yaml says: for the first
// time after it was so long in force.
func (h *house) keepLives(ctx context.Context) {
	tick := time.NewTicker(livesTick)
	defer tick.Stop()
	last := h.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := h.reaper.Track(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("it could not be written down which clients are used", "error", err)
		}
		every, now := h.reaper.Every(), h.now()
		switch {
		case every == 0 || !h.reaper.Rules():
			last = now
		case now.Sub(last) >= every:
			last = now
			h.reap(ctx)
		}
	}
}

const livesTick = time.Minute

// reap removes what nobody uses, some clients at a time, and says so.
func (h *house) reap(ctx context.Context) {
	removed, kept, cursor := 0, 0, ""
	for {
		found, err := h.reaper.Reap(ctx, cursor, "")
		for _, f := range found.Found {
			if f.Err != nil {
				kept++
				continue
			}
			removed++
			h.log.Info("a client that nobody uses was removed", "client_id", f.Client.Client.ID, "reason", f.Why, "unused_since", f.Since, "decision_id", f.Decision)
		}
		if err != nil && ctx.Err() == nil {
			h.log.Warn("unused clients could not be looked for; the next try begins anew", "error", err)
		}
		if cursor = found.Next; err != nil || cursor == "" {
			break
		}
	}
	if removed+kept > 0 {
		h.log.Info("unused clients were looked for", "removed", removed, "kept", kept)
	}
}
