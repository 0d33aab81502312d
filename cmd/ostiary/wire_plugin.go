package main

import (
	"fmt"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/plugins"
)

// Plugins share these among themselves, and with nobody else.
const (
	pluginRequests        = 64 // under way in all
	pluginRequestsPerHost = 16
)

// pluginServices are what the capabilities of plugins are carried out with.
func (h *house) pluginServices() (plugins.Services, error) {
	trust, err := h.trustedCAs()
	if err != nil {
		return plugins.Services{}, err
	}
	secrets, err := keys.NewNamed(h.settings.Plugins.Secrets)
	if err != nil {
		return plugins.Services{}, fmt.Errorf("plugins.secrets: %w", err)
	}
	stranger, err := fetch.NewStranger(fetch.StrangerOptions{
		Allow: h.settings.Fetch.Allow, TrustCA: trust, Now: h.now, AtOnce: pluginRequests, PerHost: pluginRequestsPerHost,
	})
	if err != nil {
		return plugins.Services{}, fmt.Errorf("fetch.allow: %w", err)
	}
	return plugins.Services{KV: h.clients.Kept(), HTTP: stranger, Secrets: secrets, Rules: h.policy}, nil
}
