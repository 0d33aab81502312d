package storage

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/seal"
)

type saltForm struct {
	Salt string `json:"salt"`
}

// SubjectSalt gives the secret that pairwise subjects of an issuer are made with. It is made once and never changes; of any number
// of servers that begin at once, all get the same.
func SubjectSalt(ctx context.Context, engine Engine, issuer core.IssuerID, ring *seal.Ring) (core.Secret, error) {
	table := NewTable[saltForm](engine, string(issuer), "subject_salt", 1).Sealed(ring)
	for range 2 {
		records, err := engine.Get(ctx, table.Key("salt"))
		if err != nil {
			return "", asError(err)
		}
		if !records[0].Version.IsZero() {
			form, err := table.Decode(records[0])
			return core.Secret(form.Salt), err
		}
		op, err := table.Insert(saltForm{Salt: core.NewSecret().Reveal()}, time.Time{}, "salt")
		if err != nil {
			return "", err
		}
		if err := engine.Apply(ctx, op); err != nil && !errors.Is(err, ErrExists) {
			return "", asError(err)
		}
	}
	return "", errors.New("the salt of pairwise subjects is neither there nor can it be made")
}
