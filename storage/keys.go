package storage

import (
	"context"
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
	ID        string     `json:"id"`
	Alg       string     `json:"alg"`
	Slot      int        `json:"slot"`
	Created   time.Time  `json:"created"`
	Activates time.Time  `json:"activates,omitzero"`
	Retires   time.Time  `json:"retires,omitzero"`
	Removes   time.Time  `json:"removes,omitzero"`
	State     keys.State `json:"state"`
	Private   []byte     `json:"private"`
}

func formOfKey(k keys.Stored) keyForm {
	return keyForm{
		ID: k.ID, Alg: k.Alg, Slot: k.Slot, Created: k.Created, Activates: k.Activates, Retires: k.Retires, Removes: k.Removes,
		State: k.State, Private: k.Private,
	}
}

// key gives the key at its version. One that was stored before keys rotated has signed since it was made.
func (f keyForm) key(at Version) keys.Stored {
	if f.State == keys.Active && f.Activates.IsZero() {
		f.Activates = f.Created
	}
	return keys.Stored{
		ID: f.ID, Alg: f.Alg, Slot: f.Slot, Created: f.Created, Activates: f.Activates, Retires: f.Retires, Removes: f.Removes,
		State: f.State, Private: f.Private, Stamp: keys.Stamp(at),
	}
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
		list[i] = form.key(r.Version)
	}
	return list, nil
}

// Change adds, updates and removes keys in one Apply.
func (k Keys) Change(ctx context.Context, c keys.Change) error {
	var p plan
	for _, key := range c.Add {
		op, err := k.table.Insert(formOfKey(key), time.Time{}, slot(key)...)
		p.madeExpecting(op, err, keys.ErrOvertaken)
	}
	for _, key := range c.Update {
		op, err := k.table.Update(Version(key.Stamp), formOfKey(key), time.Time{}, slot(key)...)
		p.madeExpecting(op, err, keys.ErrOvertaken)
	}
	for _, key := range c.Remove {
		if key.Stamp == (keys.Stamp{}) { // which would remove it at any version
			return keys.ErrOvertaken
		}
		p.expect(Delete(k.table.Key(slot(key)...), Version(key.Stamp)), keys.ErrOvertaken)
	}
	return p.apply(ctx, k.engine)
}

// slot is where a key is kept.
func slot(key keys.Stored) []string { return []string{key.Alg, fmt.Sprintf("%08d", key.Slot)} }
