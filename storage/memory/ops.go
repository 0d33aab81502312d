package memory

import (
	"time"

	"github.com/ostiary/ostiary/storage"
)

// check says what an op requires, without changing anything.
func (e *Engine) check(op storage.Op, now time.Time) error {
	r, live := e.live(op.Key, now)
	atVersion := live && r.Version == op.Version
	switch op.Kind {
	case storage.OpInsert:
		if live {
			return storage.ErrExists
		}
	case storage.OpUpdate, storage.OpRequire:
		if !atVersion {
			return storage.ErrStale
		}
	case storage.OpDelete:
		if !op.Version.IsZero() && !atVersion {
			return storage.ErrStale
		}
	case storage.OpAdd:
		count := int64(0)
		if live {
			count = r.Count
		}
		if sum, fits := add(count, op.Delta); !fits || sum < op.Min || sum > op.Max {
			return storage.ErrBounds
		}
	}
	return nil
}

// write does what an op says; check has allowed it.
func (e *Engine) write(op storage.Op, version storage.Version, now time.Time) {
	r, live := e.live(op.Key, now)
	switch op.Kind {
	case storage.OpInsert, storage.OpPut:
		e.set(storage.Record{Key: op.Key, Value: op.Value, Version: version, Expires: op.Expires})
	case storage.OpUpdate:
		e.set(storage.Record{Key: op.Key, Value: op.Value, Count: r.Count, Version: version, Expires: op.Expires})
	case storage.OpDelete:
		e.remove(op.Key)
	case storage.OpAdd:
		if !live {
			r = storage.Record{Key: op.Key, Expires: op.Expires}
		}
		if len(op.Value) > 0 {
			r.Value = op.Value
		}
		r.Count, r.Version = r.Count+op.Delta, version
		e.set(r)
	}
}

// add tells whether the sum fits into 64 bits; one that wraps round would slip past the bounds.
func add(count, delta int64) (sum int64, fits bool) {
	sum = count + delta
	return sum, (sum > count) == (delta > 0)
}
