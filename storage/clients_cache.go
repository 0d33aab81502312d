package storage

import (
	"maps"
	"slices"
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
)

// clientCache keeps decoded clients by the versions of their records, so that a hit is never stale: every read still asks the
// engine for the versions. It is bounded; when it is full it starts anew, which costs one decoding a client. Readers get
// copies: what one of them changes, no other sees.
type clientCache struct {
	mu   sync.RWMutex
	held map[core.ClientID]*registration.Stored
}

const cachedClients = 4096

func newClientCache() *clientCache {
	return &clientCache{held: make(map[core.ClientID]*registration.Stored)}
}

func (c *clientCache) get(id core.ClientID, at registration.Stamps) (registration.Stored, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	stored, ok := c.held[id]
	if !ok || stored.Stamps != at {
		return registration.Stored{}, false
	}
	return copyOf(*stored), true
}

// credentials is get for the credentials alone.
func (c *clientCache) credentials(id core.ClientID, at registration.Stamps) (core.Credentials, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	stored, ok := c.held[id]
	if !ok || stored.Stamps != at {
		return core.Credentials{}, false
	}
	return cloneCredentials(stored.Credentials), true
}

func cloneCredentials(c core.Credentials) core.Credentials {
	return core.Credentials{Secrets: slices.Clone(c.Secrets), Registration: slices.Clone(c.Registration)}
}

func (c *clientCache) put(id core.ClientID, stored registration.Stored) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) >= cachedClients {
		clear(c.held)
	}
	kept := copyOf(stored)
	c.held[id] = &kept
}

func copyOf(s registration.Stored) registration.Stored {
	c := &s.Client
	c.Metadata = metadata.Clone(c.Metadata)
	c.Locked = slices.Clone(c.Locked)
	c.Provenance.Plugins = slices.Clone(c.Provenance.Plugins)
	c.Governance.Obligations = slices.Clone(c.Governance.Obligations)
	c.Governance.Limits = maps.Clone(c.Governance.Limits)
	c.Governance.Labels = slices.Clone(c.Governance.Labels)
	s.Credentials = cloneCredentials(s.Credentials)
	return s
}

func (c *clientCache) drop(id core.ClientID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, id)
}
