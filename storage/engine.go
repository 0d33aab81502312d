// Package storage keeps what the verbs decide. It owns the contract that an engine fulfils (this file), the one way a noun
// becomes a record (table.go) and one small struct per noun; badger, postgres and memory implement the contract and know
// nothing of clients or tokens.
//
// The road: a verb's store (clients.go, tokens.go, …) turns a noun into ops; Apply makes them true all at once or not at
// all; Get and Scan read them back. No open transaction crosses the contract.
package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits of the contract. An engine refuses more with ErrTooLarge.
const (
	MaxGet       = 16      // keys in one Get
	MaxOps       = 32      // ops in one Apply
	MaxApply     = 1 << 20 // bytes of keys and values in one Apply, and OpSize more for each op
	OpSize       = 64      // what an op costs beside its key and value: room for version, expiry and count
	MaxPage      = 1000    // records in one Scan
	MaxKeyLength = 1024    // bytes of one key
)

// An Engine keeps records under ordered keys. It knows nothing of clients or tokens.
type Engine interface {
	// Get reads at most MaxGet keys in one consistent view, in the order asked. Absent and expired records have a zero Version.
	Get(ctx context.Context, keys ...Key) ([]Record, error)
	// Apply makes all ops true or none, and is durable when it returns nil. A failed precondition is a *Refusal.
	Apply(ctx context.Context, ops ...Op) error
	// Scan gives one page of a range in key order (or its reverse), expired records left out.
	Scan(ctx context.Context, r Range) ([]Record, error)
	// Sweep removes at most limit expired records and says how many it removed.
	Sweep(ctx context.Context, limit int) (int, error)
	// Dump gives every live record of one snapshot, in key order.
	Dump(ctx context.Context, each func(Record) error) error
	// Load fills an empty store; io.EOF from next ends it. It is offline restore's and refuses a store that holds anything.
	Load(ctx context.Context, next func() (Record, error)) error
	// Health says whether the store can take writes now, and why not.
	Health(ctx context.Context) error
	// Close waits for writes under way and releases the store.
	Close() error
}

// A Version is the id of the Apply that wrote a record: 128 random bits, never reused. The zero Version means absent.
type Version [16]byte

// IsZero tells whether the record was absent.
func (v Version) IsZero() bool { return v == Version{} }

// A Record is one stored value. Value and Key are the caller's own copies.
type Record struct {
	Key     Key
	Value   []byte
	Count   int64     // what Add counts; 0 for records without a counter
	Version Version   // zero: absent
	Expires time.Time // zero: never; whole milliseconds
}

// A Range is one page's worth of keys: those with the prefix, strictly after After (before it, when Reverse).
type Range struct {
	Prefix  Key
	After   Key // exclusive; empty: from the start (or the end, when Reverse)
	Limit   int // 1 to MaxPage
	Reverse bool
}

// OpKind says what an Op does and requires.
type OpKind uint8

// The six ops.
const (
	OpInsert  OpKind = iota + 1 // absent or expired
	OpUpdate                    // at version
	OpPut                       // always
	OpDelete                    // at version, or any
	OpRequire                   // at version, writes nothing
	OpAdd                       // delta within bounds
)

// String names the kind for logs.
func (k OpKind) String() string {
	return [...]string{"none", "insert", "update", "put", "delete", "require", "add"}[min(int(k), 6)]
}

// An Op is one precondition and at most one write. Make it with the constructors below. One Apply names a key once.
type Op struct {
	Kind     OpKind
	Key      Key
	Value    []byte
	Version  Version   // for Update, Require and Delete (zero in Delete: any)
	Expires  time.Time // zero: never
	Delta    int64     // for Add
	Min, Max int64     // for Add: the sum must stay within, both inclusive
}

// Insert writes a record that must be absent or expired, else ErrExists.
//
//	INSERT INTO record (k,v,n,ver,exp) VALUES ($1,$2,0,$3,$4)
//	ON CONFLICT (k) DO UPDATE SET v=excluded.v, n=0, ver=excluded.ver, exp=excluded.exp
//	WHERE record.exp IS NOT NULL AND record.exp <= $now
func Insert(key Key, value []byte, expires time.Time) Op {
	return Op{Kind: OpInsert, Key: key, Value: value, Expires: expires}
}

// Update replaces a live record that must still be at version, else ErrStale. Its counter is kept.
//
//	UPDATE record SET v=$2, ver=$3, exp=$4 WHERE k=$1 AND ver=$5 AND (exp IS NULL OR exp > $now)
func Update(key Key, version Version, value []byte, expires time.Time) Op {
	return Op{Kind: OpUpdate, Key: key, Version: version, Value: value, Expires: expires}
}

// Put writes whatever was there before; the counter starts at 0 again.
//
//	INSERT INTO record (k,v,n,ver,exp) VALUES ($1,$2,0,$3,$4)
//	ON CONFLICT (k) DO UPDATE SET v=excluded.v, n=0, ver=excluded.ver, exp=excluded.exp
func Put(key Key, value []byte, expires time.Time) Op {
	return Op{Kind: OpPut, Key: key, Value: value, Expires: expires}
}

// Delete removes a live record that must still be at version, else ErrStale; with the zero Version it removes whatever is
// there and an absent record is no error.
//
//	DELETE FROM record WHERE k=$1 AND ver=$2 AND (exp IS NULL OR exp > $now)
func Delete(key Key, version Version) Op { return Op{Kind: OpDelete, Key: key, Version: version} }

// Require writes nothing; the record must be live and still at version, else ErrStale.
//
//	SELECT 1 FROM record WHERE k=$1 AND ver=$2 AND (exp IS NULL OR exp > $now) FOR SHARE
func Require(key Key, version Version) Op { return Op{Kind: OpRequire, Key: key, Version: version} }

// Add moves a record's counter by delta, which must stay within lowest and highest (inclusive), else ErrBounds. An absent or
// expired record counts as 0 and is made, with an empty value and the given expiry; a live one keeps its value and expiry.
//
//	INSERT INTO record (k,v,n,ver,exp) VALUES ($1,'',$2,$3,$4)
//	ON CONFLICT (k) DO UPDATE SET n = CASE WHEN expired THEN $2 ELSE record.n+$2 END, ver=excluded.ver, …
//	WHERE (CASE WHEN expired THEN $2 ELSE record.n+$2 END) BETWEEN $5 AND $6
func Add(key Key, delta, lowest, highest int64, expires time.Time) Op {
	return Op{Kind: OpAdd, Key: key, Delta: delta, Min: lowest, Max: highest, Expires: expires}
}

// AddWith is Add that leaves a value: it takes the place of the record's own, where it is not empty.
//
//	… DO UPDATE SET n = …, v = $6
func AddWith(key Key, value []byte, delta, lowest, highest int64, expires time.Time) Op {
	op := Add(key, delta, lowest, highest, expires)
	op.Value = value
	return op
}

// What an engine answers. The first three come inside a *Refusal.
var (
	ErrExists   = errors.New("record exists")              // Insert met a live record
	ErrStale    = errors.New("record is not at version")   // Update, Delete or Require met another version, or none
	ErrBounds   = errors.New("counter would leave bounds") // Add would leave its bounds
	ErrTooLarge = errors.New("over a limit of the storage contract")
	ErrInvalid  = errors.New("malformed storage operation") // empty or repeated key, limit out of range
	ErrFull     = errors.New("too little free space: writes are refused until some is freed")
	ErrClosed   = errors.New("store is closed")
	ErrNotEmpty = errors.New("store is not empty")
)

// A Refusal names the first op of an Apply, in the order given, whose precondition failed.
type Refusal struct {
	Index int // into the ops of the Apply
	Kind  OpKind
	Err   error // ErrExists, ErrStale or ErrBounds
}

// Error implements error. It names no key: keys may carry what a log should not.
func (r *Refusal) Error() string { return fmt.Sprintf("op %d (%s): %v", r.Index, r.Kind, r.Err) }

// Unwrap gives the sentinel.
func (r *Refusal) Unwrap() error { return r.Err }

// RefusedAt gives the index of the op that refused an Apply, or -1 when err is no Refusal.
func RefusedAt(err error) int {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Index
	}
	return -1
}
