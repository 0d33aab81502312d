package badger

import (
	"errors"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/ostiary/ostiary/storage"
)

// opSweep is an op of our own: it removes a record that Sweep found expired, if nothing was written there since.
const opSweep storage.OpKind = 0xff

// A write is what an accepted op does to one key.
type write struct {
	record storage.Record
	remove bool
}

// entrySize is what Badger adds to each entry, generously.
const entrySize = 128

func (w write) size() int { return len(w.record.Key) + len(w.record.Value) + entrySize }

// judge evaluates all ops of one Apply against txn, which holds what is stored and what earlier Applies of the same batch
// wrote, and gives what they write. It writes nothing, so a refusal at the last op leaves no trace of the first.
func judge(txn *badgerdb.Txn, ops []storage.Op, version storage.Version, now time.Time) ([]write, error) {
	writes := make([]write, 0, len(ops))
	for i, op := range ops {
		r, err := required(txn, op, now)
		if err != nil {
			return nil, err
		}
		w, effect, err := judgeOne(op, r, version)
		if err != nil {
			return nil, &storage.Refusal{Index: i, Kind: op.Kind, Err: err}
		}
		if effect {
			writes = append(writes, w)
		}
	}
	return writes, nil
}

// required reads what an op asks about: the live record, for opSweep the expired one too, and nothing for ops that do not ask.
func required(txn *badgerdb.Txn, op storage.Op, now time.Time) (storage.Record, error) {
	none := storage.Record{Key: op.Key}
	if op.Kind == storage.OpPut || op.Kind == storage.OpDelete && op.Version.IsZero() {
		return none, nil
	}
	r, err := storedRecord(txn, op.Key)
	if err == nil && expired(r, now) && op.Kind != opSweep {
		return none, nil
	}
	return r, err
}

// judgeOne holds the six ops and ours. r is the live record; a zero version means there is none.
func judgeOne(op storage.Op, r storage.Record, version storage.Version) (w write, effect bool, err error) {
	absent := r.Version.IsZero()
	stale := absent || r.Version != op.Version
	w.record = storage.Record{Key: op.Key, Value: op.Value, Version: version, Expires: op.Expires}
	switch op.Kind {
	case storage.OpInsert:
		if !absent {
			return w, false, storage.ErrExists
		}
	case storage.OpUpdate:
		if stale {
			return w, false, storage.ErrStale
		}
		w.record.Count = r.Count
	case storage.OpPut:
	case storage.OpDelete:
		if stale && !op.Version.IsZero() {
			return w, false, storage.ErrStale
		}
		w.remove = true
	case storage.OpRequire:
		if stale {
			return w, false, storage.ErrStale
		}
		return w, false, nil
	case opSweep:
		w.remove = true
		return w, !stale, nil
	case storage.OpAdd:
		sum, err := sumWithin(r.Count, op)
		if err != nil {
			return w, false, err
		}
		if !absent {
			w.record.Expires = r.Expires
		}
		if len(op.Value) == 0 {
			w.record.Value = r.Value
		}
		w.record.Count = sum
	}
	return w, true, nil
}

func sumWithin(count int64, op storage.Op) (int64, error) {
	sum := count + op.Delta
	wraps := (op.Delta > 0 && sum < count) || (op.Delta < 0 && sum > count)
	if wraps || sum < op.Min || sum > op.Max {
		return 0, storage.ErrBounds
	}
	return sum, nil
}

// storedRecord reads one record, expired or not; an absent one has only its key.
func storedRecord(txn *badgerdb.Txn, key storage.Key) (storage.Record, error) {
	item, err := txn.Get(rawKey(key))
	if errors.Is(err, badgerdb.ErrKeyNotFound) {
		return storage.Record{Key: key}, nil
	}
	if err != nil {
		return storage.Record{}, err
	}
	return recordOf(item)
}

// All records live under one byte, so that no key of ours meets a name that Badger keeps for itself.
const recordSpace = 'r'

func rawKey(key storage.Key) []byte {
	return append([]byte{recordSpace}, key...)
}

func recordOf(item *badgerdb.Item) (r storage.Record, err error) {
	err = item.Value(func(raw []byte) error {
		r, err = decode(storage.Key(item.Key()[1:]), raw)
		return err
	})
	return r, err
}
