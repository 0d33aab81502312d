package token

import (
	"sync"

	"github.com/ostiary/ostiary/core"
)

// maxVerified is how many tokens are remembered.
const maxVerified = 8192

// verified remembers what tokens said whose signature was verified, by their hash and for one set of keys: another set begins
// anew, so that a key that was withdrawn verifies nothing any more. It is bounded; when it is full it starts anew. The zero
// value is ready.
type verified struct {
	mu   sync.RWMutex
	keys string
	held map[core.SecretHash]Access
}

func (v *verified) get(token core.SecretHash, keys string) (Access, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.keys != keys {
		return Access{}, false
	}
	access, ok := v.held[token]
	return access, ok
}

func (v *verified) put(token core.SecretHash, keys string, access Access) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held == nil || v.keys != keys || len(v.held) >= maxVerified {
		v.keys, v.held = keys, make(map[core.SecretHash]Access)
	}
	v.held[token] = access
}
