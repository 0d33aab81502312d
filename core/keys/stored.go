package keys

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// State says what a key is used for. All states are in the key set; only an active key signs.
type State string

// The states in the order of a key's life. No key is stored as removed: it is what a key that has just gone is shown as.
const (
	Next    State = "next"    // published, so that caches know it before it signs
	Active  State = "active"  // signs
	Retired State = "retired" // published until the last token it signed has expired
	Removed State = "removed"
)

// A Stamp is the version of a stored key. It changes with every write.
type Stamp [16]byte

// Stored is a key as a store keeps it. Private is PKCS #8 DER, which the store seals.
type Stored struct {
	ID        string // the key id: RFC 7638 thumbprint
	Alg       string
	Slot      int // the place among the keys of this algorithm, from 1 and never used again; one key per issuer, algorithm and slot
	Created   time.Time
	Activates time.Time // next: when it shall sign; later: since when it does
	Retires   time.Time // retired: since when
	Removes   time.Time // retired: when it leaves the key set
	State     State
	Private   []byte
	Stamp     Stamp // set by the store when it reads
}

func older(a, b Stored) int {
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Alg, b.Alg), cmp.Compare(a.Slot, b.Slot))
}

// same tells whether two readings found one key as it was.
func same(a, b Stored) bool { return a.ID == b.ID && a.Stamp == b.Stamp }

// A Change is what happens to the keys at once, or not at all.
type Change struct {
	Add    []Stored // each in a slot that is free
	Update []Stored // each still as its Stamp says
	Remove []Stored // likewise
}

// A Store keeps the keys of one issuer.
type Store interface {
	// Keys gives all keys as of one moment, in any order. The slice is the caller's own.
	Keys(ctx context.Context) ([]Stored, error)
	// Change makes all of a change true. When a slot is taken or a key is no longer as its Stamp says, it answers ErrOvertaken
	// and changes nothing.
	Change(ctx context.Context, c Change) error
}

// What a ring and its store answer.
var (
	ErrOvertaken = errors.New("the keys were changed by somebody else")
	ErrNoKey     = errors.New("no active key for this algorithm")
)
