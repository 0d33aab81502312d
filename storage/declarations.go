package storage

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Declarations keeps what sets of declarations say beside clients. It is sealed: there may be secrets of issuers in it.
type Declarations struct {
	table Table[DeclaredSet]
}

// A DeclaredSet is one set as it was declared last.
type DeclaredSet struct {
	Document strictjson.Value `json:"document"`
	By       core.Subject     `json:"by"`
	At       time.Time        `json:"at"`
	Tag      string           `json:"-"` // an entity tag; it is another after every change
}

// NewDeclarations opens the declarations of one issuer.
func NewDeclarations(engine Engine, issuer core.IssuerID, ring *seal.Ring) Declarations {
	return Declarations{NewTable[DeclaredSet](engine, string(issuer), "declared_set", 1).Sealed(ring)}
}

// maxSets is how many sets there may be.
const maxSets = 100

// Sets gives all sets by their names.
func (d Declarations) Sets(ctx context.Context) (map[string]DeclaredSet, error) {
	records, err := d.table.engine.Scan(ctx, Range{Prefix: d.table.Prefix(), Limit: maxSets})
	if err != nil {
		return nil, asError(err)
	}
	sets := make(map[string]DeclaredSet, len(records))
	for _, r := range records {
		set, err := d.table.Decode(r)
		if err != nil {
			return nil, err
		}
		set.Tag = tagOf(r.Version)
		if parts := r.Key.Parts(); len(parts) > 0 {
			sets[parts[len(parts)-1]] = set
		}
	}
	return sets, nil
}

func tagOf(v Version) string { return `"` + hex.EncodeToString(v[:8]) + `"` }

// Save keeps a set if it is still as the tag says; "" when there was none. registration.ErrChanged: it is not.
func (d Declarations) Save(ctx context.Context, name string, set DeclaredSet) error {
	_, record, err := d.table.Get(ctx, name)
	if err != nil {
		return asError(err)
	}
	var p plan
	switch {
	case record.Version.IsZero() != (set.Tag == "") || set.Tag != "" && tagOf(record.Version) != set.Tag:
		return registration.ErrChanged
	case set.Tag == "":
		op, err := d.table.Insert(set, time.Time{}, name)
		p.madeExpecting(op, err, registration.ErrChanged)
	default:
		op, err := d.table.Update(record.Version, set, time.Time{}, name)
		p.madeExpecting(op, err, registration.ErrChanged)
	}
	return p.apply(ctx, d.table.engine)
}
