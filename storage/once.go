package storage

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Once keeps what may happen once, by kind and hash: the jti of a client assertion, an access token that was revoked. A row
// lives until what it stands for would have ended by itself; after that the same may happen again.
type Once struct {
	engine Engine
	table  Table[struct{}]
}

// NewOnce opens the rows of one issuer.
func NewOnce(engine Engine, issuer core.IssuerID) Once {
	return Once{engine: engine, table: NewTable[struct{}](engine, string(issuer), "once", 1)}
}

// Once tells whether this is the first time. Of any number of callers at once, exactly one hears so.
func (o Once) Once(ctx context.Context, kind string, hash core.SecretHash, until time.Time) (bool, error) {
	err := o.engine.Apply(ctx, o.plan(kind, hash, until))
	if errors.Is(err, ErrExists) {
		return false, nil
	}
	return err == nil, asError(err)
}

// plan is the operation that is refused when it has happened.
func (o Once) plan(kind string, hash core.SecretHash, until time.Time) Op {
	return Insert(o.table.Key(kind, hash.String()), nil, until)
}

// Seen tells whether it has happened.
func (o Once) Seen(ctx context.Context, kind string, hash core.SecretHash) (bool, error) {
	records, err := o.engine.Get(ctx, o.table.Key(kind, hash.String()))
	if err != nil {
		return false, asError(err)
	}
	return !records[0].Version.IsZero(), nil
}
