package badger

import (
	"fmt"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"
)

// grace is how long Badger keeps a record beyond its expiry. Badger counts whole seconds of the real clock and only cleans
// up; what is expired is decided here, to the millisecond, by the injected clock.
const grace = time.Minute

// commit makes a batch durable, whole or not at all. Its outcome is that of every Apply in the batch, those refused
// included: they may have been refused because of one that was to be written.
func (c *committer) commit(b *batch) error {
	defer b.txn.Discard()
	switch {
	case c.broken() != nil:
		return c.broken()
	case b.failure != nil:
		return b.failure
	case len(b.written) == 0:
		return nil
	}
	if err := c.space.admit(b.size); err != nil {
		return err
	}
	at := c.views.last() + 1
	if err := b.txn.CommitAt(at, nil); err != nil {
		return c.breakOff(err)
	}
	c.hot.publish(at, b.written)
	return nil
}

// breakOff ends all writing after a commit that Badger failed. What of it reached the logs is unknown: written on, it could
// surface as half an Apply. Replaying the logs at the next start drops what is not whole.
func (c *committer) breakOff(cause error) error {
	err := fmt.Errorf("the store failed to commit and takes no more writes until it is opened again: %w", cause)
	c.failure.Store(&err)
	c.log.Error("store failed to commit", "error", cause)
	return err
}

// broken gives the failure that ended all writing, if one did.
func (c *committer) broken() error {
	if err := c.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// answer tells every Apply its outcome, or what failed them all.
func (b *batch) answer(failure error) {
	for _, w := range b.works {
		if failure != nil {
			w.done <- failure
		} else {
			w.done <- w.outcome
		}
	}
}

// set adds one write to a transaction.
func set(txn *badgerdb.Txn, w write, now time.Time) error {
	key := rawKey(w.record.Key)
	if w.remove {
		return txn.Delete(key)
	}
	entry := badgerdb.NewEntry(key, encode(w.record))
	if !w.record.Expires.IsZero() {
		entry = entry.WithTTL(max(0, w.record.Expires.Sub(now)) + grace)
	}
	return txn.SetEntry(entry)
}
