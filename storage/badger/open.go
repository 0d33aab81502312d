package badger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/ostiary/ostiary/storage"
)

var (
	// ErrInUse is what Open answers when another process held the folder for all of Options.OpenRetry.
	ErrInUse = errors.New("the store is in use")
	// ErrDamaged is what Open answers when the folder does not hold what a store wrote there.
	ErrDamaged = errors.New("the store is damaged")
	// ErrHalfLoaded is what Open answers when an earlier Load into the folder did not end.
	ErrHalfLoaded = errors.New("the store holds half of a restore")
)

// How a folder in use is waited for. A killed process lets go of it only when its mappings are gone, which takes a while; one
// that is alive mostly means to keep it.
const (
	retryEvery = 50 * time.Millisecond
	whileAlive = 2 * time.Second
)

// holderFile names the process that has the folder open.
const holderFile = "HOLDER"

// Open opens the store in o.Dir or makes a new one there. At most one process can have it open.
func Open(o Options) (*Engine, error) {
	o = o.withDefaults()
	if err := prepare(o.Dir, o.Log); err != nil {
		return nil, err
	}
	lock, err := acquire(o.Dir, o.OpenRetry)
	if err != nil {
		return nil, err
	}
	e, err := open(o, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return e, nil
}

// open does what needs the folder's lock.
func open(o Options, lock *os.File) (*Engine, error) {
	space := &space{dir: o.Dir, minimum: o.MinFree, free: o.FreeSpace}
	if err := space.enoughToOpen(); err != nil {
		return nil, err
	}
	if err := check(o); err != nil {
		return nil, err
	}
	db, err := openBadger(o)
	if err != nil {
		return nil, err
	}
	e := newEngine(db, o, space, lock)
	if err := e.refuseHalfLoaded(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	e.pager = startPager(o.Dir)
	go e.committer.run()
	return e, nil
}

// openBadger turns both Badger's errors and its panics on damaged files into one kind of error.
func openBadger(o Options) (db *badgerdb.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: folder %s: %v", ErrDamaged, o.Dir, p)
		}
	}()
	db, err = badgerdb.OpenManaged(o.settings())
	if err != nil {
		return nil, fmt.Errorf("%w: folder %s: %w", ErrDamaged, o.Dir, err)
	}
	return db, nil
}

// prepare makes the folder, and closes it to others when somebody else made it.
func prepare(dir string, log *slog.Logger) error {
	if dir == "" {
		return fmt.Errorf("open store: no folder given: %w", storage.ErrInvalid)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	found, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	if found.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		log.Warn("others may read the store's folder, and its mode cannot be changed", "folder", dir, "error", err)
	}
	return nil
}

// acquire takes the lock that Badger itself takes, on the folder. It is ours so that "in use" is told from every other
// failure without reading messages.
func acquire(dir string, patience time.Duration) (*os.File, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	for start := time.Now(); ; time.Sleep(retryEvery) {
		err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		waited := time.Since(start)
		switch {
		case err == nil:
			holder := []byte(strconv.Itoa(os.Getpid()))
			if err := os.WriteFile(filepath.Join(dir, holderFile), holder, 0o600); err != nil {
				return nil, errors.Join(fmt.Errorf("open store: %w", err), folder.Close())
			}
			return folder, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("lock folder %s: %w", dir, err), folder.Close())
		case waited > patience || waited > whileAlive && holderLives(dir):
			return nil, errors.Join(inUse{dir}, folder.Close())
		}
	}
}

// holderLives tells whether the process that took the folder last still runs.
func holderLives(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, holderFile))
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil || pid <= 0 || pid == os.Getpid() { // our own number: that of one killed in another container like this
		return false
	}
	err = syscall.Kill(pid, 0)
	return (err == nil || errors.Is(err, syscall.EPERM)) && !isZombie(pid)
}

// isZombie tells a process that was killed and is not yet buried: what is left of it may still hold the lock.
func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, found := strings.Cut(string(text), ") ")
	return err == nil && found && strings.HasPrefix(after, "Z")
}

// inUse is ErrInUse with the one line that an operator needs.
type inUse struct{ dir string }

func (e inUse) Error() string {
	return fmt.Sprintf("the folder %s is in use by another ostiary process", e.dir)
}
func (e inUse) Unwrap() error { return ErrInUse }
