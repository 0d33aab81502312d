package keys

import (
	"sync"

	"github.com/ostiary/ostiary/core/keys/jose"
)

// maxParsed is how many parsed key sets are kept.
const maxParsed = 4096

// Parsed keeps the key sets that clients registered, parsed, by their text: checking that points lie on their curves costs as
// much as a signature. It is bounded; when it is full it starts anew. The zero value is ready, and safe for use by many goroutines.
type Parsed struct {
	mu   sync.RWMutex
	held map[string]jose.KeySet
}

// Set gives the keys of a set as it was registered.
func (p *Parsed) Set(text string) (jose.KeySet, error) {
	p.mu.RLock()
	set, ok := p.held[text]
	p.mu.RUnlock()
	if ok {
		return set, nil
	}
	set, err := jose.ParseJWKS([]byte(text))
	if err != nil {
		return jose.KeySet{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil || len(p.held) >= maxParsed {
		p.held = make(map[string]jose.KeySet)
	}
	p.held[text] = set
	return set, nil
}
