package main

import (
	"net/url"
	"strings"
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
		u, err := url.Parse(s.URL)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			add("policy.bundle.url", "is not a URL such as https://policy.example.com/bundle.tar.gz")
		case u.Scheme == "http" && !isLoopback(u.Hostname()):
			add("policy.bundle.url", "must be https; http is only for localhost")
		case u.User != nil || strings.Contains(s.URL, "#"):
			add("policy.bundle.url", "must have no user and no fragment; a token goes into bearer")
		}
	} else if s.Bearer != "" || s.CA != "" {
		add("policy.bundle", "bearer and ca are for a url")
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
