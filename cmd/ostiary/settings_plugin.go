package main

import (
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/plugins"
)

// pluginSettings say which plugins are taken, and what each may do.
type pluginSettings struct {
	Unsigned   string                     `yaml:"unsigned"` // what becomes of plugins without a signature: refuse or allow
	Publishers []plugins.Publisher        `yaml:"publishers"`
	Bindings   map[string]plugins.Binding `yaml:"bindings"`
	Secrets    map[string]keys.Secret     `yaml:"secrets"` // keys that plugins may sign with, by the names they know them by

	trusting bool // they get what they ask for; dev's
}

const (
	refuseUnsigned = "refuse"
	allowUnsigned  = "allow"
)

// check lists what is wrong.
func (s *pluginSettings) check(add func(path, format string, args ...any)) {
	if s.Unsigned != refuseUnsigned && s.Unsigned != allowUnsigned {
		add("plugins.unsigned", "must be refuse or allow")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		if _, err := keys.NewNamed(map[string]keys.Secret{name: s.Secrets[name]}); err != nil {
			add("plugins.secrets."+name, "%v", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Bindings)) {
		if !plugins.ValidName(name) {
			add("plugins.bindings."+name, "is not the name of a plugin: 1 to 64 of a-z, 0-9, dot, dash and underscore")
		}
	}
}

// operator is what the host of the plugins is told.
func (s *pluginSettings) operator() plugins.Operator {
	return plugins.Operator{Unsigned: s.Unsigned == allowUnsigned, Trusting: s.trusting, Publishers: s.Publishers, Bindings: s.Bindings}
}
