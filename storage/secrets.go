package storage

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/registration"
)

var _ clientauth.Secrets = (*Clients)(nil)

// ReplaceSecret keeps one of a client's secrets under another hash. ErrChanged: it is not there any more, or the credentials were
// written meanwhile.
func (c *Clients) ReplaceSecret(ctx context.Context, id core.ClientID, from, to core.StoredSecret) error {
	stored, err := c.Client(ctx, id)
	if err != nil {
		return err
	}
	credentials := cloneCredentials(stored.Credentials)
	at := slices.IndexFunc(credentials.Secrets, func(s core.StoredSecret) bool { return s.Alg == from.Alg && s.Hash == from.Hash })
	if at < 0 {
		return registration.ErrChanged
	}
	credentials.Secrets[at] = to
	var p plan
	op, err := c.credentials.Update(Version(stored.Stamps.Credentials), formOfCredentials(credentials), stored.Client.Expires, string(id))
	p.madeExpecting(op, err, registration.ErrChanged)
	defer c.cache.drop(id)
	return p.apply(ctx, c.engine)
}
