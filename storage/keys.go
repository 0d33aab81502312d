package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/seal"
)

// Keys keeps the signing keys of one issuer, sealed.
type Keys struct {
	engine Engine
	table  Table[keyForm]
}

var _ keys.Store = Keys{}

type keyForm struct {
	ID      string     `json:"id"`
	Alg     string     `json:"alg"`
	Slot    int        `json:"slot"`
	Created time.Time  `json:"created"`
	State   keys.State `json:"state"`
	Private []byte     `json:"private"`
}

// NewKeys opens the keys of one issuer.
func NewKeys(engine Engine, issuer core.IssuerID, ring *seal.Ring) Keys {
	return Keys{engine: engine, table: NewTable[keyForm](engine, string(issuer), "signing_key", 1).Sealed(ring)}
}

// Keys gives all keys.
func (k Keys) Keys(ctx context.Context) ([]keys.Stored, error) {
	records, err := k.engine.Scan(ctx, Range{Prefix: k.table.Prefix(), Limit: MaxPage})
	if err != nil {
		return nil, asError(err)
	}
	list := make([]keys.Stored, len(records))
	for i, r := range records {
		form, err := k.table.Decode(r)
		if err != nil {
			return nil, err
		}
		list[i] = keys.Stored(form)
	}
	return list, nil
}

// AddKey inserts a key if its algorithm and slot are free.
func (k Keys) AddKey(ctx context.Context, key keys.Stored) error {
	var p plan
	op, err := k.table.Insert(keyForm(key), time.Time{}, key.Alg, fmt.Sprintf("%08d", key.Slot))
	p.madeExpecting(op, err, keys.ErrTaken)
	return p.apply(ctx, k.engine)
}

// Policies keeps the last policy source that passed every check, sealed, so that a start with a broken folder decides as before.
type Policies struct{ table Table[PolicySource] }

// A PolicySource is what a revision was made of.
type PolicySource struct {
	Revision string            `json:"revision"`
	Files    map[string]string `json:"files"`
	Site     string            `json:"site"` // dcr_config.yaml as it was
	SavedAt  time.Time         `json:"saved_at"`
}

// NewPolicies opens the stored policy of one issuer.
func NewPolicies(engine Engine, issuer core.IssuerID, ring *seal.Ring) Policies {
	return Policies{table: NewTable[PolicySource](engine, string(issuer), "policy", 1).Sealed(ring)}
}

// LastGood gives the stored source; false when there is none.
func (p Policies) LastGood(ctx context.Context) (PolicySource, bool, error) {
	source, record, err := p.table.Get(ctx, "last_good")
	return source, !record.Version.IsZero(), asError(err)
}

// Save stores a source as the last good one. One that is over the limits of a record is reported and not stored.
func (p Policies) Save(ctx context.Context, source PolicySource) error {
	op, err := p.table.Put(source, time.Time{}, "last_good")
	if err == nil {
		err = p.table.engine.Apply(ctx, op)
	}
	if errors.Is(err, ErrTooLarge) {
		return fmt.Errorf("the policy folder is too large to be kept as last good (1 MiB): %w", err)
	}
	return asError(err)
}
