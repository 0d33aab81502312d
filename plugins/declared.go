package plugins

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Operators declare bindings while the server runs, too. Such a binding says less than one in the settings: it takes nobody's place
// there, goes back to no older version, and gives no more than the server's limits. What it grants is granted by the operator who
// declared it; a plugin that asks for more waits as always.

// ReadDeclared reads the bindings that a set of declarations has under a member, by the names of plugins. ${NAME} is plain text.
func ReadDeclared(set, member string, doc strictjson.Value) (map[string]Binding, error) {
	var read struct {
		Bindings map[string]Binding `yaml:"bindings"`
	}
	err := config.Read(strictjson.Append(nil, strictjson.Object(strictjson.Member{Name: "bindings", Value: doc})), "", &read, unreplaced)
	var wrong config.Problems
	var found *config.Problems
	switch {
	case errors.As(err, &found):
		for _, p := range found.List {
			wrong.List = append(wrong.List, config.Problem{Path: member + strings.TrimPrefix(p.Path, "bindings"), Text: p.Text})
		}
	case err != nil:
		return nil, err
	}
	for name, b := range doc.All() {
		if !ValidName(name) {
			wrong.List = append(wrong.List, config.Problem{Path: member + "." + name, Text: "is not the name of a plugin: 1 to 64 of a-z, 0-9, dot, dash and underscore"})
		}
		if _, there := b.Get("allow_downgrade"); there {
			wrong.List = append(wrong.List, config.Problem{Path: member + "." + name + ".allow_downgrade", Text: "cannot be declared; it belongs into plugins.bindings of ostiary.yaml"})
		}
	}
	if len(wrong.List) > 0 {
		return nil, &wrong
	}
	for name, b := range read.Bindings {
		b.set = set
		read.Bindings[name] = b
	}
	return read.Bindings, nil
}

// Unreadable stands for a declared binding that cannot be read any more: the plugin is not asked, and nothing that it guards goes
// on without it.
func Unreadable(set string) Binding {
	return Binding{Enabled: new(bool), Required: true, set: set}
}

// source names what a binding stands in.
func (b *Binding) source() string {
	if b.set == "" {
		return "plugins.bindings"
	}
	return "plugin_bindings of the set " + b.set
}

// bound gives the bindings in force. Nobody changes them.
func (h *Host) bound() map[string]Binding { return *h.binds.Load() }

func (h *Host) binding(name string) Binding { return h.bound()[name] }

// Binds tells whether the operator's settings have a binding of a plugin.
func (h *Host) Binds(name string) bool {
	_, binds := h.operator.Bindings[name]
	return binds
}

// Bind puts declared bindings in force, in the place of all that were declared before, and reads the folder. What a binding in force
// does not allow leaves at once; what it configures otherwise is loaded anew, and what was live before answers until it is. Where
// the settings have a binding of the same plugin, that holds.
func (h *Host) Bind(ctx context.Context, declared map[string]Binding) error {
	h.reading.Lock()
	defer h.reading.Unlock()
	next := maps.Clone(h.operator.Bindings)
	if next == nil {
		next = map[string]Binding{}
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if h.Binds(name) {
			h.log.Warn("a declared binding is not in force: ostiary.yaml has one of the same plugin", "plugin", name, "set", declared[name].set)
			continue
		}
		next[name] = declared[name]
	}
	others := differing(h.bound(), next)
	h.mu.Lock()
	for _, name := range others {
		if s := h.slots[name]; s != nil {
			s.afresh = true
		}
	}
	h.mu.Unlock()
	apply := func() {
		h.binds.Store(&next)
		for _, name := range others {
			h.eject(name)
		}
	}
	if h.dir != "" {
		return h.reload(ctx, apply)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	apply()
	h.publish()
	return nil
}

// differing lists the plugins that are bound otherwise.
func differing(before, now map[string]Binding) (names []string) {
	all := maps.Clone(now)
	maps.Copy(all, before)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, b := before[name], now[name]
		if !a.same(&b) {
			names = append(names, name)
		}
	}
	return names
}

// same tells whether two bindings say the same.
func (b *Binding) same(other *Binding) bool {
	return b.enabled() == other.enabled() && alike(b.Priority, other.Priority) && b.Fail == other.Fail && b.Limits == other.Limits &&
		strictjson.Equal(b.Grant.Value(), other.Grant.Value()) && strictjson.Equal(b.Configuration, other.Configuration) &&
		b.Digest == other.Digest && b.AllowDowngrade == other.AllowDowngrade && b.Required == other.Required && b.set == other.set
}

func alike(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// eject ends what runs and may not any more. The caller holds mu, and publishes.
func (h *Host) eject(name string) {
	s := h.slots[name]
	if s == nil || s.live == nil {
		return
	}
	if err := h.objection(s.live); err != nil {
		h.log.Warn("plugin removed", "plugin", name, "reason", err.Error())
		h.leaving = append(h.leaving, s.live)
		s.live, s.since = nil, h.now()
	}
}

// objection tells why a version may not run under the binding in force; nil: it may. The caller holds mu.
func (h *Host) objection(v *version) error {
	b := h.binding(v.Name())
	if !b.enabled() {
		return errors.New("the operator does not want it")
	}
	if err := b.pins(v.digest); err != nil {
		return err
	}
	if err := b.suits(&v.manifest); err != nil {
		return err
	}
	if missing := h.missing(&v.manifest); len(missing) > 0 {
		return fmt.Errorf("it was not granted %s", strings.Join(missing, ", "))
	}
	return nil
}

// Vet tells what is wrong with a binding that is to be declared of a plugin, as far as its files in the folder are known. Paths are
// within the binding.
func (h *Host) Vet(name string, b Binding) (wrong []config.Problem) {
	if h.Binds(name) {
		return []config.Problem{{Text: "ostiary.yaml has a binding of this plugin, which holds; take it out there, or here"}}
	}
	for _, err := range h.limits.beyond(b.Limits) {
		wrong = append(wrong, config.Problem{Path: "limits", Text: err.Error()})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.slots[name]
	if s == nil || s.seen.Name != name || b.pins(s.digest) != nil { // of the module that is pinned nothing is known yet
		return wrong
	}
	if err := b.suits(&s.seen); err != nil {
		wrong = append(wrong, config.Problem{Path: "fail", Text: err.Error()})
	}
	if err := s.seen.configured(b.configuration(&s.seen)); err != nil && b.enabled() {
		wrong = append(wrong, config.Problem{Path: "configuration", Text: err.Error()})
	}
	return wrong
}

// Foresee tells in words what would become of a plugin under a binding.
func (h *Host) Foresee(name string, b Binding) (says []string) {
	if grants := b.Grant.granted().beyond(Capabilities{}); len(grants) > 0 {
		says = append(says, "grants "+strings.Join(grants, ", "))
	}
	if !b.enabled() {
		return append(says, "it will not be asked")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.slots[name]
	switch {
	case h.dir == "":
		return append(says, "the server has no folder of plugins (plugin_dir)")
	case s == nil:
		return append(says, "there are no files of it in the folder of plugins yet")
	case b.pins(s.digest) != nil:
		return append(says, "the module in the folder is another than the pinned one and will not be asked: its sha256 is "+s.digest)
	case s.seen.Name != name:
		return says // what it is cannot be read
	}
	if _, missing := h.weighUnder(b, &s.seen); len(missing) > 0 {
		says = append(says, "version "+s.seen.Version+" will wait for approval of: "+strings.Join(missing, ", "))
	}
	return says
}
