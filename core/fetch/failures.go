package fetch

import (
	"sync"
	"time"
)

// maxFailures bounds the memory; beyond it the earliest to end is forgotten.
const maxFailures = 1024

// failures remembers for a while what went wrong, so that a broken address is not tried on every request.
type failures struct {
	now func() time.Time
	ttl time.Duration

	mu   sync.Mutex
	list map[string]failure
}

type failure struct {
	err   error
	until time.Time
}

// recent gives the error of a failure that is still remembered.
func (f *failures) recent(key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.list[key]
	if !ok || !f.now().Before(known.until) {
		return nil
	}
	return known.err
}

func (f *failures) remember(key string, err error) {
	if f.ttl <= 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) >= maxFailures {
		f.makeRoom()
	}
	f.list[key] = failure{err: err, until: f.now().Add(f.ttl)}
}

func (f *failures) forget(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.list, key)
}

// makeRoom drops what has ended, or the one that ends first.
func (f *failures) makeRoom() {
	now, first := f.now(), ""
	for key, known := range f.list {
		if !now.Before(known.until) {
			delete(f.list, key)
		} else if first == "" || known.until.Before(f.list[first].until) {
			first = key
		}
	}
	if len(f.list) >= maxFailures {
		delete(f.list, first)
	}
}
