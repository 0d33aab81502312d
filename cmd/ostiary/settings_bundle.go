package main

import (
	"time"

	"github.com/ostiary/ostiary/core"
)

// bundleSettings name a bundle that takes the place of policy_dir.
type bundleSettings struct {
	File           string        `yaml:"file"` // watched
	URL            string        `yaml:"url"`  // https, or http on a loopback host
	Interval       time.Duration `yaml:"interval" range:"1s..24h"`
	Bearer         core.Secret   `yaml:"bearer"` // a token for the URL
	CA             string        `yaml:"ca"`     // PEM file: authorities for the URL beside the system's; empty: those of trust_ca
	Key            bundleKey     `yaml:"key"`    // that must have signed it
	AllowDowngrade bool          `yaml:"allow_downgrade"`
}

// bundleInterval is how often a URL is asked unless the settings say otherwise.
const bundleInterval = time.Minute

type bundleKey struct {
	ID   string `yaml:"id"`
	File string `yaml:"file"` // PEM, public
}

// named tells whether there is a bundle.
func (s bundleSettings) named() bool { return s.File != "" || s.URL != "" }

// check lists what is wrong.
func (s bundleSettings) check(policyDir string, add func(path, format string, args ...any)) {
	switch {
	case s.named() && policyDir != "":
		add("policy.bundle", "policy_dir is set, too; rules come from one of them")
	case s.File != "" && s.URL != "":
		add("policy.bundle", "needs one of file and url, not both")
	case !s.named() && s != (bundleSettings{Interval: s.Interval}):
		add("policy.bundle", "needs file or url")
	}
	if s.URL != "" {
		if err := checkPeerURL(s.URL, "https://policy.example.com/bundle.tar.gz", true); err != nil {
			add("policy.bundle.url", "%v", err)
		}
	} else if s.Bearer != "" || s.CA != "" {
		add("policy.bundle", "bearer and ca are for a url")
	} else if s.File != "" && s.Interval != bundleInterval {
		add("policy.bundle.interval", "is for a url; a file is watched")
	}
	if (s.Key.ID == "") != (s.Key.File == "") {
		add("policy.bundle.key", "needs both id and file")
	}
	if s.AllowDowngrade && s.Key.File == "" {
		add("policy.bundle.allow_downgrade", "is for signed bundles; set key")
	}
}

// under gives the same with its paths starting from a folder.
func (s bundleSettings) under(base string) bundleSettings {
	s.File, s.CA, s.Key.File = under(base, s.File), under(base, s.CA), under(base, s.Key.File)
	return s
}
