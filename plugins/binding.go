package plugins

import (
	"fmt"
	"strings"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An Operator is what the operator says of plugins, whatever their authors say.
type Operator struct {
	Unsigned   bool        // plugins without a signature are taken
	Trusting   bool        // whoever asks gets, and an older version may follow a newer one: for an author's own machine
	Publishers []Publisher // who may sign plugins
	Bindings   map[string]Binding
}

// A Binding is what the operator says of one plugin, by name.
type Binding struct {
	Enabled        *bool            `yaml:"enabled"`                  // nil: yes
	Priority       *int             `yaml:"priority" range:"0..1000"` // instead of the manifest's, at every hook
	Fail           FailPolicy       `yaml:"fail"`                     // empty: closed
	Limits         Bounds           `yaml:"limits"`                   // instead of the manifest's and of the server's
	Grant          Capabilities     `yaml:"grant"`
	Configuration  strictjson.Value `yaml:"configuration"`   // instead of the manifest's
	Digest         string           `yaml:"digest"`          // SHA-256 of the one module that is taken; empty: any
	AllowDowngrade bool             `yaml:"allow_downgrade"` // an older version may follow a newer one
	Required       bool             `yaml:"required"`        // nothing that it guards goes on without it; see required.go

	set string // of declarations that it comes from; empty: the operator's settings
}

// A FailPolicy says what becomes of a request when a plugin fails, or cannot be asked.
type FailPolicy string

// The fail policies.
const (
	Closed FailPolicy = "closed" // what the plugin guards is refused
	Open   FailPolicy = "open"   // it goes on as if the plugin were not there; only for those that add to answers and tokens
	Afresh FailPolicy = "reload" // closed, and a plugin that fails again and again is loaded anew
)

// Validate implements config.Checker.
func (b *Binding) Validate() []config.Problem {
	var found problems
	switch b.Fail {
	case "", Closed, Open, Afresh:
	default:
		found.add("fail", "must be closed, open or reload")
	}
	if b.Digest != "" && !sha256Form.MatchString(b.Digest) {
		found.add("digest", "must be the module's SHA-256 in 64 hexadecimal digits")
	}
	if kind := b.Configuration.Kind(); kind > strictjson.KindNull && kind != strictjson.KindObject {
		found.add("configuration", "must be an object, not %s", kind)
	}
	switch {
	case b.Required && !b.enabled():
		found.add("required", "a plugin that is not enabled cannot be required: its hooks would be refused for ever")
	case b.Required && b.Fail == Open:
		found.add("required", "contradicts fail: open, which lets requests go on without the plugin")
	}
	return found
}

// enabled tells whether the operator lets the plugin run.
func (b *Binding) enabled() bool { return b.Enabled == nil || *b.Enabled }

// pins verifies that a module is the one that the operator pinned.
func (b *Binding) pins(digest string) error {
	if b.Digest != "" && !strings.EqualFold(b.Digest, digest) {
		return fmt.Errorf("the module is not the one that %s pins: its sha256 is %s", b.source(), digest)
	}
	return nil
}

// suits verifies that a plugin may fail as the operator says: what guards something must not fail open.
func (b *Binding) suits(m *Manifest) error {
	if b.Fail != Open {
		return nil
	}
	for _, p := range m.points() {
		if !p.MayFailOpen() {
			return fmt.Errorf("%s says fail: open, which is for plugins that only add to answers and tokens; it serves %s, which guards", b.source(), p)
		}
	}
	return nil
}

// configuration is the one that holds: the operator's, else the author's.
func (b *Binding) configuration(m *Manifest) strictjson.Value {
	for _, given := range []strictjson.Value{b.Configuration, m.Configuration} {
		if given.Kind() == strictjson.KindObject {
			return given
		}
	}
	return strictjson.Object()
}

// priority is the place that a plugin has at a hook.
func (b *Binding) priority(m *Manifest, p hook.Point) int {
	if b.Priority != nil {
		return *b.Priority
	}
	return m.priority(p)
}

// configured verifies that a configuration has the form that the manifest wants.
func (m *Manifest) configured(configuration strictjson.Value) error {
	if m.Schema.Kind() <= strictjson.KindNull {
		return nil
	}
	if wrong := mismatches(m.Schema, configuration, "configuration"); len(wrong) > 0 {
		return fmt.Errorf("%s (by the manifest's configuration_schema; an operator gives a configuration in the binding of %s)", strings.Join(wrong, "\n"), m.Name)
	}
	return nil
}

var _ config.Checker = (*Binding)(nil)
