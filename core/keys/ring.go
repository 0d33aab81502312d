// Package keys owns our signing keys: which exist, which one signs, when they change, and the bytes of the public key set. It
// does not know how keys are kept (Store) nor what is signed; the cryptography is jose's.
//
// The road: Plan.Open loads the ring and makes the keys that are missing; Signer gives the active key of an algorithm; JWKS
// gives prebuilt bytes with their ETag; Tick does what the plan has due, Rotate what an operator wants. A key is next, then
// active, then retired, then gone, and in the key set all that time. Several processes may do all this over one store at
// once: each step is one change that happens only if the keys are still those it was decided on; who comes second reads again.
package keys

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// An Entry is a key of the ring as it may be shown. Times that do not apply are zero.
type Entry struct {
	ID        string // the kid
	Alg       string
	State     State
	Created   time.Time // published since
	Activates time.Time // signs from, or since
	Retires   time.Time // signs until: planned for an active key when the plan has a schedule, else past
	Removes   time.Time // published until, for a retired key
}

// A Ring is the keys of one issuer, safe for use by many goroutines.
type Ring struct {
	store   Store
	plan    Plan
	now     func() time.Time
	view    atomic.Pointer[view]
	reading sync.Mutex // whoever reads the store also shows what was read, so that nothing older comes after it
	asked   time.Time  // when the store was last read for the sake of a key id; guarded by reading
}

// Open loads the ring with the default plan for algs.
func Open(ctx context.Context, store Store, algs []string, now func() time.Time) (*Ring, error) {
	return DefaultPlan(algs...).Open(ctx, store, now)
}

// Open loads the ring and does what the plan has due: at first that is one active key for each algorithm.
func (p Plan) Open(ctx context.Context, store Store, now func() time.Time) (*Ring, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	r := &Ring{store: store, plan: p.normal(), now: now}
	if _, err := r.Tick(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Reload reads the store again. On an error the ring keeps what it had.
func (r *Ring) Reload(ctx context.Context) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	return r.reload(ctx)
}

func (r *Ring) reload(ctx context.Context) error {
	stored, err := r.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	slices.SortFunc(stored, older)
	if v := r.view.Load(); v != nil && slices.EqualFunc(v.stored, stored, same) {
		return nil
	}
	next, err := newView(stored, r.plan)
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

// pause is the least time between two readings of the store for the sake of key ids that tokens name.
const pause = 10 * time.Second

// Set is Public for a token that names kid. A key that is not known may be one that another process has just made, so the
// store is asked, but not more often than every ten seconds whatever tokens say.
func (r *Ring) Set(ctx context.Context, kid string) (jose.KeySet, error) {
	if set := r.Public(); kid == "" || set.Has(kid) {
		return set, nil
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	now := r.now()
	if set := r.Public(); set.Has(kid) || now.Sub(r.asked) < pause {
		return set, nil
	}
	r.asked = now
	err := r.reload(ctx)
	return r.Public(), err
}

// Signer gives the active key of an algorithm, or ErrNoKey. The key of EdDSA also signs under its other name, Ed25519.
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

// view is one consistent state of the ring; it is replaced, never changed.
type view struct {
	stored  []Stored // from oldest to newest
	entries []Entry  // the same
	signers map[string]Signer
	body    []byte
	etag    string
	public  jose.KeySet
}

// newView shows keys that are in order. It fails on any key it cannot read: a ring that silently lost a key would void tokens that are still good.
func newView(stored []Stored, plan Plan) (*view, error) {
	v := &view{stored: stored, signers: map[string]Signer{}}
	var all []jose.PrivateKey
	slots := map[string]int{} // of the signers
	for _, s := range stored {
		key, err := jose.ParsePrivate(s.Alg, s.Private)
		if err != nil {
			return nil, fmt.Errorf("key %s (%s): %w", s.ID, s.Alg, err)
		}
		if key.ID() != s.ID {
			return nil, fmt.Errorf("key %s (%s): the stored private key belongs to %s", s.ID, s.Alg, key.ID())
		}
		all = append(all, key)
		v.entries = append(v.entries, plan.entry(s))
		if s.State == Active && s.Slot > slots[s.Alg] {
			slots[s.Alg] = s.Slot
			if err := v.sign(s, key); err != nil {
				return nil, err
			}
		}
	}
	return v, v.publish(all)
}

// sign makes a key the signer of its algorithm, under each name that the algorithm has.
func (v *view) sign(s Stored, key jose.PrivateKey) error {
	v.signers[s.Alg] = Signer{key: key}
	if s.Alg != jose.EdDSA {
		return nil
	}
	alias, err := jose.ParsePrivate(jose.Ed25519, s.Private)
	v.signers[jose.Ed25519] = Signer{key: alias}
	return err
}

// publish builds the bytes and the verifying set once, so that no request pays for it.
func (v *view) publish(all []jose.PrivateKey) (err error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	for _, key := range all {
		public, err := publicJWK(key)
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

// publicJWK leaves the algorithm out where it has two names: libraries that compare the names would refuse what is signed under
// the other one, and by its curve they know what an Ed25519 key is for.
func publicJWK(key jose.PrivateKey) ([]byte, error) {
	jwk, err := jose.PublicJWK(key)
	if err != nil || key.Alg() != jose.EdDSA {
		return jwk, err
	}
	v, err := strictjson.Parse(jwk, strictjson.Default)
	return strictjson.Append(nil, v.Without("alg")), err
}

// family gives the keys of one algorithm.
func (v *view) family(alg string) family {
	f := family{alg: alg}
	for _, s := range v.stored {
		if s.Alg == alg {
			f.keys = append(f.keys, s)
		}
	}
	return f
}

// algs gives the algorithms that have keys.
func (v *view) algs() []string {
	var names []string
	for _, s := range v.stored {
		names = append(names, s.Alg)
	}
	slices.SortFunc(names, strings.Compare)
	return slices.Compact(names)
}
