// Package keys owns our signing keys: which exist, which one signs, and the bytes of the public key set. It does not know how
// keys are kept (Store) nor what is signed; the cryptography is jose's.
//
// The road: Open loads the ring and makes the keys that are missing; Signer gives the active key of an algorithm; JWKS gives
// prebuilt bytes with their ETag. Several processes may open one store at once: each key is inserted only if its place is
// free, and who comes second takes what the first one made.
package keys

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core/keys/jose"
)

// State says what a key is used for. All states are in the key set; only an active key signs.
type State string

// The states in the order of a key's life.
const (
	Next    State = "next"    // published, so that caches know it before it signs
	Active  State = "active"  // signs
	Retired State = "retired" // published until the last token it signed has expired
)

// Stored is a key as a store keeps it. Private is PKCS #8 DER, which the store seals.
type Stored struct {
	ID      string // the key id: RFC 7638 thumbprint
	Alg     string
	Slot    int // the place among the keys of this algorithm, from 1; one key per issuer, algorithm and slot
	Created time.Time
	State   State
	Private []byte
}

// A Store keeps the keys of one issuer.
type Store interface {
	// Keys gives all keys, in any order.
	Keys(ctx context.Context) ([]Stored, error)
	// AddKey inserts a key if its algorithm and slot are free, else it answers ErrTaken and changes nothing.
	AddKey(ctx context.Context, key Stored) error
}

// What a ring and its store answer.
var (
	ErrTaken = errors.New("the key's slot is taken")
	ErrNoKey = errors.New("no active key for this algorithm")
)

// An Entry is a key of the ring as it may be shown.
type Entry struct {
	ID      string    `json:"kid"`
	Alg     string    `json:"alg"`
	State   State     `json:"state"`
	Created time.Time `json:"created"`
}

// A Ring is the keys of one issuer, safe for use by many goroutines.
type Ring struct {
	store Store
	view  atomic.Pointer[view]
}

// view is one consistent state of the ring; it is replaced, never changed.
type view struct {
	entries []Entry
	signers map[string]Signer // the newest active key of each algorithm
	slots   map[string]int    // the highest slot in use of each algorithm
	body    []byte
	etag    string
	public  jose.KeySet
}

// Open loads the ring, after making one active key for each algorithm of algs that has none.
func Open(ctx context.Context, store Store, algs []string, now func() time.Time) (*Ring, error) {
	r := &Ring{store: store}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	for _, alg := range algs {
		if _, err := r.Signer(alg); err == nil {
			continue
		}
		if err := r.add(ctx, alg, now()); err != nil {
			return nil, err
		}
	}
	if r.complete(algs) == nil {
		return r, nil
	}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return r, r.complete(algs)
}

// add makes an active key in the slot that was free when the ring was read, so that of two processes that both found none
// only one can insert it. Losing is no error: the winner's key is read next.
func (r *Ring) add(ctx context.Context, alg string, now time.Time) error {
	key, err := jose.Generate(alg)
	if err != nil {
		return err
	}
	der, err := jose.MarshalPrivate(key)
	if err != nil {
		return err
	}
	made := Stored{ID: key.ID(), Alg: alg, Slot: r.view.Load().slots[alg] + 1,
		Created: now.UTC().Truncate(time.Millisecond), State: Active, Private: der}
	if err := r.store.AddKey(ctx, made); err != nil && !errors.Is(err, ErrTaken) {
		return fmt.Errorf("store %s key: %w", alg, err)
	}
	return nil
}

func (r *Ring) complete(algs []string) error {
	for _, alg := range algs {
		if _, err := r.Signer(alg); err != nil {
			return err
		}
	}
	return nil
}

// Reload reads the store again. On an error the ring keeps what it had.
func (r *Ring) Reload(ctx context.Context) error {
	stored, err := r.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	next, err := newView(stored)
	if err != nil {
		return err
	}
	r.view.Store(next)
	return nil
}

// Entries gives the keys from oldest to newest. The slice is the caller's own.
func (r *Ring) Entries() []Entry { return slices.Clone(r.view.Load().entries) }

// JWKS gives the public key set (RFC 7517 §5) and its strong ETag. The bytes are shared: do not change them.
func (r *Ring) JWKS() (body []byte, etag string) {
	v := r.view.Load()
	return v.body, v.etag
}

// Public gives the keys that verify what this ring signed, retired ones included.
func (r *Ring) Public() jose.KeySet { return r.view.Load().public }

// Signer gives the newest active key of an algorithm, or ErrNoKey.
func (r *Ring) Signer(alg string) (Signer, error) {
	s, ok := r.view.Load().signers[alg]
	if !ok {
		return Signer{}, fmt.Errorf("%w: %s", ErrNoKey, alg)
	}
	return s, nil
}

// A Signer signs with one active key. It may be kept for the length of a request, not longer: keys rotate.
type Signer struct{ key jose.PrivateKey }

// Sign makes a compact JWS over claims (a JSON object), with the given typ header.
func (s Signer) Sign(typ string, claims []byte) (string, error) { return jose.Sign(s.key, typ, claims) }

// KeyID gives the id of the key that signs.
func (s Signer) KeyID() string { return s.key.ID() }

// Alg gives the algorithm it signs with.
func (s Signer) Alg() string { return s.key.Alg() }

// newView fails on any key it cannot read: a ring that silently lost a key would void tokens that are still good.
func newView(stored []Stored) (*view, error) {
	stored = slices.Clone(stored)
	slices.SortFunc(stored, func(a, b Stored) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Alg, b.Alg), cmp.Compare(a.Slot, b.Slot))
	})
	v := &view{signers: map[string]Signer{}, slots: map[string]int{}}
	var all []jose.PrivateKey
	for _, s := range stored {
		key, err := jose.ParsePrivate(s.Alg, s.Private)
		if err != nil {
			return nil, fmt.Errorf("key %s (%s): %w", s.ID, s.Alg, err)
		}
		if key.ID() != s.ID {
			return nil, fmt.Errorf("key %s (%s): the stored private key belongs to %s", s.ID, s.Alg, key.ID())
		}
		all = append(all, key)
		v.entries = append(v.entries, Entry{ID: s.ID, Alg: s.Alg, State: s.State, Created: s.Created})
		v.slots[s.Alg] = max(v.slots[s.Alg], s.Slot)
		if s.State == Active {
			v.signers[s.Alg] = Signer{key: key}
		}
	}
	return v, v.publish(all)
}

// publish builds the bytes and the verifying set once, so that no request pays for it.
func (v *view) publish(all []jose.PrivateKey) (err error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	for _, key := range all {
		public, err := jose.PublicJWK(key)
		if err != nil {
			return err
		}
		set.Keys = append(set.Keys, public)
	}
	if v.body, err = json.Marshal(set); err != nil {
		return fmt.Errorf("key set: %w", err)
	}
	sum := sha256.Sum256(v.body)
	v.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	v.public, err = jose.PublicSet(all...)
	return err
}
