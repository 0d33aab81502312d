package plugins

import (
	"errors"
	"fmt"
)

// An admission is what was decided of a plugin before anything of it runs.
type admission struct {
	off       bool     // the operator does not want it
	publisher string   // who signed it; empty: nobody
	missing   []string // what it asks for and was not granted
	err       error    // why it is refused
}

// admit asks, in this order: does the operator want it, is it the module that was pinned, is it signed by somebody who may, is
// it no older than what ran before, may it fail as the operator says, and was it granted what it asks for. The caller holds mu.
func (h *Host) admit(c *candidate) admission {
	b := h.binding(c.name)
	if !b.enabled() {
		return admission{off: true}
	}
	if c.err != nil {
		return admission{err: c.err}
	}
	if err := b.pins(c.digest); err != nil {
		return admission{err: err}
	}
	publisher, err := h.signer(c)
	if err == nil {
		err = h.notOlder(c, &b)
	}
	if err == nil {
		err = b.suits(&c.manifest)
	}
	if err != nil {
		return admission{err: err}
	}
	return admission{publisher: publisher, missing: h.missing(&c.manifest)}
}

// signer gives who signed a plugin; nobody, where that is allowed. A signature by somebody who is known must be good everywhere.
func (h *Host) signer(c *candidate) (string, error) {
	if c.signature == nil {
		if h.operator.Unsigned {
			return "", nil
		}
		return "", fmt.Errorf("it is not signed: there is no %s%s; have its publisher sign it, or set plugins.unsigned to allow", c.name, signatureSuffix)
	}
	publisher, err := verify(&c.manifest, c.module, c.text, c.signature, h.operator.Publishers)
	if errors.Is(err, ErrUnknownPublisher) {
		if h.operator.Unsigned {
			return "", nil
		}
		return "", fmt.Errorf("%w; name the publisher in plugins.publishers", err)
	}
	return publisher, err
}

// notOlder refuses a version that is older than the one that ran last. The caller holds mu.
func (h *Host) notOlder(c *candidate, b *Binding) error {
	last := h.standing[c.name].Accepted
	if h.operator.Trusting || b.AllowDowngrade || last == "" || compareVersions(c.manifest.Version, last) >= 0 {
		return nil
	}
	return fmt.Errorf("its version %s is older than %s, which ran before; to go back to it, set allow_downgrade in plugins.bindings.%s of ostiary.yaml", c.manifest.Version, last, c.name)
}

// weigh tells what of what a plugin asks for it is granted, and lists what it is not. The operator's binding or an approval must
// grant a capability whole: hosts of the one never join methods of the other. The caller holds mu.
func (h *Host) weigh(m *Manifest) (granted Capabilities, missing []string) {
	return h.weighUnder(h.binding(m.Name), m)
}

// weighUnder is weigh with a binding that need not be in force.
func (h *Host) weighUnder(b Binding, m *Manifest) (granted Capabilities, missing []string) {
	if h.operator.Trusting {
		return m.Capabilities, nil
	}
	bound, approved := b.Grant.granted(), h.approved(m.Name)
	for _, piece := range m.Capabilities.apart() {
		if lacks := piece.beyond(bound); len(lacks) > 0 && len(piece.beyond(approved)) > 0 {
			missing = append(missing, lacks...)
		} else {
			granted = granted.with(piece)
		}
	}
	return granted, missing
}

// missing is what weigh lists.
func (h *Host) missing(m *Manifest) []string {
	_, missing := h.weigh(m)
	return missing
}

// approved is what an operator approved of a plugin. What cannot be read grants nothing.
func (h *Host) approved(name string) Capabilities {
	a := h.standing[name].Approval
	if a == nil {
		return Capabilities{}
	}
	granted, err := readCapabilities(a.Asked)
	if err != nil {
		h.log.Error("a stored approval cannot be read; it grants nothing", "plugin", name, "error", err.Error())
		return Capabilities{}
	}
	return granted
}

// waits leaves a plugin that asks for more than it was granted until an operator approves it. What was live before stays, as
// long as that was granted what it has. The caller holds mu.
func (h *Host) waits(s *slot, c candidate, a admission) {
	s.missing, s.publisher = a.missing, a.publisher
	if s.live != nil && len(h.missing(&s.live.manifest)) > 0 {
		h.remove(c.name, s)
	}
	if s.live == nil {
		s.since = h.now()
	}
	h.log.Warn("plugin waits for approval", "plugin", c.name, "version", c.manifest.Version, "missing", a.missing,
		"previous_version_stays", s.live != nil, "approve_with", "ostiary plugin approve "+c.name)
}
