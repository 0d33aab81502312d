package storage

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/token"
)

// Grants keeps grants, sealed, and redeems the codes that they come of. A grant is one record, whatever number of tokens was
// issued under it.
type Grants struct {
	engine  Engine
	codes   Codes
	grants  Table[familyForm]
	clients *Clients
	now     func() time.Time
}

var (
	_ token.Grants  = Grants{}
	_ token.Once    = Once{}
	_ token.Clients = (*Clients)(nil)
	_ token.People  = (*Users)(nil)
)

// NewGrants opens the grants of one issuer.
func NewGrants(engine Engine, issuer core.IssuerID, ring *seal.Ring, clients *Clients, now func() time.Time) Grants {
	return Grants{
		engine: engine, codes: NewCodes(engine, issuer, ring), clients: clients, now: now,
		grants: NewTable[familyForm](engine, string(issuer), "grant", 1).Sealed(ring),
	}
}

// rememberUsed is how long a used code is remembered after it was redeemed, so that a second use voids what the first one gave.
const rememberUsed = 24 * time.Hour

// Code gives a code, used or not; the zero HeldCode when there is none.
func (g Grants) Code(ctx context.Context, hash core.SecretHash) (token.HeldCode, error) {
	form, version, err := g.codes.get(ctx, hash)
	if err != nil || version.IsZero() {
		return token.HeldCode{}, asError(err)
	}
	return token.HeldCode{Code: form.noun(), Hash: hash, Used: form.Used, Stamp: token.Stamp(version)}, nil
}

// errMoved is that the client's record changed between reading it and the Apply. Its generation may still be the same.
var errMoved = errors.New("the client was written meanwhile")

// maxMoves bounds how often a redemption looks at the client again.
const maxMoves = 8

// Redeem marks the code as used and keeps the grant in one Apply, which also requires the client as it was read: a grant for a
// client that is deleted or disabled at the same moment is not made.
func (g Grants) Redeem(ctx context.Context, code token.HeldCode, grant core.Grant) error {
	err := errMoved
	for range maxMoves {
		if err = g.redeem(ctx, code, grant); !errors.Is(err, errMoved) {
			return err
		}
	}
	return err
}

func (g Grants) redeem(ctx context.Context, code token.HeldCode, grant core.Grant) error {
	var p plan
	op, err := g.codes.redeemed(code.Hash, Version(code.Stamp), code.Code, g.now().Add(rememberUsed))
	p.madeExpecting(op, err, token.ErrUsed)
	p.made(g.grants.Insert(formOfFamily(grant), grant.ExpiresAt, string(grant.ID)))
	if grant.Client.IsDocument() { // it has no row: its generation is a digest of its document, and is compared whenever the grant is used
		return p.apply(ctx, g.engine)
	}
	client, err := g.clients.Client(ctx, grant.Client)
	if err != nil {
		return err
	}
	if client.Client.ID == "" || client.Client.Generation != grant.ClientGeneration {
		return token.ErrVoid
	}
	p.expect(Require(g.clients.clients.Key(string(grant.Client)), Version(client.Stamps.Client)), errMoved)
	return p.apply(ctx, g.engine)
}

// Grant gives a grant; the zero HeldGrant when there is none, or none any more.
func (g Grants) Grant(ctx context.Context, id core.GrantID) (token.HeldGrant, error) {
	if id == "" || len(id) > longestID {
		return token.HeldGrant{}, nil
	}
	form, record, err := g.grants.Get(ctx, string(id))
	if err != nil || record.Version.IsZero() {
		return token.HeldGrant{}, asError(err)
	}
	return token.HeldGrant{Grant: form.noun(), Stamp: token.Stamp(record.Version)}, nil
}

// Rotate replaces a grant by its next state if it is still what was held.
func (g Grants) Rotate(ctx context.Context, held token.HeldGrant, next core.Grant) error {
	var p plan
	op, err := g.grants.Update(Version(held.Stamp), formOfFamily(next), next.ExpiresAt, string(held.Grant.ID))
	p.madeExpecting(op, err, token.ErrUsed)
	return p.apply(ctx, g.engine)
}

// EndGrant removes a grant. It is no error when there is none.
func (g Grants) EndGrant(ctx context.Context, id core.GrantID) error {
	if id == "" || len(id) > longestID {
		return nil
	}
	return asError(g.engine.Apply(ctx, Delete(g.grants.Key(string(id)), Version{})))
}
