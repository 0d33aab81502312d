package badger

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/ostiary/ostiary/storage"
)

const (
	checkEvery     = time.Second // of real time: a clock under test may stand still
	checkEachBytes = 8 << 20

	// openFloor is what replaying the logs of a killed process may write. With less, opening would die in a write to a
	// mapped file, so it is not begun.
	openFloor = 64 << 20
)

// space refuses writes while the disk is nearly full. Badger writes through memory maps: on a full disk such a write is no
// error but a signal that kills the process, and kills it again at the next start.
type space struct {
	dir     string
	minimum uint64
	free    func(dir string) (uint64, error)

	mu      sync.Mutex
	checked time.Time
	written uint64 // since checked
	refusal error  // what the last check found; nil: enough space
}

// admit says whether size bytes may be written. What was refused is checked again each time, so it heals at once.
func (s *space) admit(size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written += uint64(size)
	if s.refusal != nil || s.written >= checkEachBytes || time.Since(s.checked) >= checkEvery {
		s.check()
	}
	return s.refusal
}

// now checks at once.
func (s *space) now() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.check()
	return s.refusal
}

func (s *space) check() {
	s.checked, s.written, s.refusal = time.Now(), 0, nil
	switch free, err := s.free(s.dir); {
	case err != nil:
		s.refusal = fmt.Errorf("read the free space of %s: %w", s.dir, err)
	case free < s.minimum:
		s.refusal = fmt.Errorf("%d MiB free in %s, %d needed: %w", free>>20, s.dir, s.minimum>>20, storage.ErrFull)
	}
}

// enoughToOpen guards the replay of the logs.
func (s *space) enoughToOpen() error {
	free, err := s.free(s.dir)
	if err != nil {
		return fmt.Errorf("read the free space of %s: %w", s.dir, err)
	}
	if needed := min(openFloor, s.minimum); free < needed {
		return fmt.Errorf("%d MiB free in %s, %d needed to open it: %w", free>>20, s.dir, needed>>20, storage.ErrFull)
	}
	return nil
}

// freeSpace is what an unprivileged process may still write below dir.
func freeSpace(dir string) (uint64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return fs.Bavail * uint64(fs.Bsize), nil
}
