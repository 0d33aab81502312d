package plugins

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Memory keeps what is remembered of plugins between runs, by name.
type Memory interface {
	// Plugins gives everything that is remembered.
	Plugins(ctx context.Context) (map[string]hook.Standing, error)
	// Accept remembers the version that went live last, and which hooks it serves.
	Accept(ctx context.Context, name, version string, hooks []hook.Point) error
	// Approve remembers an approval, in the place of an earlier one.
	Approve(ctx context.Context, name string, a hook.Approval) error
	// Revoke forgets an approval; one that is not there is no error.
	Revoke(ctx context.Context, name string) error
}

// recall reads what is remembered, once.
func (h *Host) recall(ctx context.Context) error {
	h.mu.Lock()
	known := h.standing != nil
	h.mu.Unlock()
	if known {
		return nil
	}
	standing := map[string]hook.Standing{}
	if h.memory != nil {
		var err error
		if standing, err = h.memory.Plugins(ctx); err != nil {
			return fmt.Errorf("what is remembered of plugins: %w", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.standing = standing
	return nil
}

// change changes what is remembered of a plugin while the server runs.
func (h *Host) change(name string, how func(*hook.Standing)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.standing[name]
	how(&s)
	h.standing[name] = s
}

// keepAccepted remembers beyond this run which version of a plugin went live: no older one follows it. What cannot be kept holds
// until the server ends.
func (h *Host) keepAccepted(ctx context.Context, name string) {
	if h.memory == nil {
		return
	}
	h.keeping.Lock()
	defer h.keeping.Unlock()
	h.mu.Lock()
	now := h.standing[name] // a newer one may have come meanwhile
	h.mu.Unlock()
	if err := h.memory.Accept(context.WithoutCancel(ctx), name, now.Accepted, now.Hooks); err != nil {
		h.log.Error("the version of a plugin could not be remembered", "plugin", name, "version", now.Accepted, "error", err.Error())
	}
}

// Approve grants a plugin what it asks for: exactly that, and what is less. asked, when it is not absent, is what the operator
// saw; it must be what the plugin asks for now.
func (h *Host) Approve(ctx context.Context, name string, by core.Subject, asked strictjson.Value) error {
	h.keeping.Lock()
	defer h.keeping.Unlock()
	a, err := h.approval(name, by, asked)
	if err != nil {
		return err
	}
	if h.memory != nil {
		if err := h.memory.Approve(ctx, name, a); err != nil {
			return err
		}
	}
	h.change(name, func(s *hook.Standing) { s.Approval = &a })
	h.log.Info("an operator approved what a plugin asks for", "plugin", name, "operator", by, "version", a.Version, "digest", a.Digest, "granted", a.Asked.String())
	return h.again(ctx, name)
}

// approval verifies that there is something to approve, and that it is what the operator saw.
func (h *Host) approval(name string, by core.Subject, asked strictjson.Value) (hook.Approval, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.slots[name]
	if s == nil {
		return hook.Approval{}, core.Refuse(core.NotFound, "There is no plugin %s.", core.Clip(name))
	}
	if len(s.missing) == 0 {
		return hook.Approval{}, core.Refuse(core.Conflict, "The plugin %s waits for no approval.", name)
	}
	now := s.seen.Capabilities.Value()
	if !asked.IsAbsent() && !strictjson.Equal(asked, now) {
		return hook.Approval{}, core.Refuse(core.Conflict, "The plugin %s asks for something else by now. Look at it again and approve that.", name)
	}
	return hook.Approval{Asked: now, Version: s.seen.Version, Digest: s.digest, By: by, At: h.now()}, nil
}

// Revoke takes an approval back. A plugin that needs it is not asked any more from now on.
func (h *Host) Revoke(ctx context.Context, name string, by core.Subject) error {
	h.keeping.Lock()
	defer h.keeping.Unlock()
	h.mu.Lock()
	given := h.standing[name].Approval != nil
	h.mu.Unlock()
	if !given {
		return core.Refuse(core.NotFound, "Nobody approved anything of a plugin %s. What its binding grants is taken back there.", core.Clip(name))
	}
	if h.memory != nil {
		if err := h.memory.Revoke(ctx, name); err != nil {
			return err
		}
	}
	h.change(name, func(s *hook.Standing) { s.Approval = nil })
	h.log.Info("an operator took the approval of a plugin back", "plugin", name, "operator", by)
	h.shed(name)
	return h.again(ctx, name)
}

// shed ends what runs or loads without being granted what it asks for.
func (h *Host) shed(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.slots[name]
	if h.closed || s == nil || s.live == nil && s.attempt == nil {
		return
	}
	if s.attempt != nil && len(h.missing(&s.seen)) > 0 {
		s.cancel()
		h.signal()
	}
	if s.live != nil && len(h.missing(&s.live.manifest)) > 0 {
		h.leaving = append(h.leaving, s.live)
		s.live = nil
	}
	h.publish()
}
