package clientauth

import (
	"sync"

	"github.com/ostiary/ostiary/core/keys/jose"
)

// maxSets is how many parsed key sets are kept.
const maxSets = 4096

// sets keeps the key sets that clients registered, parsed, by their text: checking that points lie on their curves costs as
// much as a signature. It is bounded; when it is full it starts anew. The zero value is ready.
type sets struct {
	mu   sync.RWMutex
	held map[string]jose.KeySet
}

func (s *sets) parsed(text string) (jose.KeySet, error) {
	s.mu.RLock()
	set, ok := s.held[text]
	s.mu.RUnlock()
	if ok {
		return set, nil
	}
	set, err := jose.ParseJWKS([]byte(text))
	if err != nil {
		return jose.KeySet{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil || len(s.held) >= maxSets {
		s.held = make(map[string]jose.KeySet)
	}
	s.held[text] = set
	return set, nil
}
