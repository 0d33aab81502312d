package badger

import "sync"

// views hands out the commit that readers read at, and keeps what they read from being compacted away.
//
// The store's own timestamps ("managed mode") are used instead of Badger's, because Badger lets a new reader wait until every
// commit under way is on disk. Here a reader takes the last durable commit and starts at once. The price is paid in this
// file: compaction may drop only versions that no reader can still ask for.
type views struct {
	discard func(uint64) // tells the store that nobody reads below

	mu        sync.Mutex
	committed uint64
	readers   map[uint64]int // how many read at each commit
}

func newViews(committed uint64, discard func(uint64)) *views {
	discard(committed)
	return &views{discard: discard, committed: committed, readers: map[uint64]int{}}
}

// last gives the newest durable commit. Only the committer may use it without open: nobody else moves it on.
func (v *views) last() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.committed
}

// open gives the commit to read at. It stays readable until close is called with it.
func (v *views) open() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.readers[v.committed]++
	return v.committed
}

func (v *views) close(at uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.readers[at]--; v.readers[at] == 0 {
		delete(v.readers, at)
	}
}

// advance makes a commit, which must be durable, the one that new readers see.
func (v *views) advance(to uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.committed = to
	oldest := to
	for at := range v.readers {
		oldest = min(oldest, at)
	}
	v.discard(oldest)
}
