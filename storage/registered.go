package storage

import (
	"context"

	"github.com/ostiary/ostiary/core"
)

// Registered gives a client with its credentials and state in one consistent view; the zero Registered when there is none.
func (c *Clients) Registered(ctx context.Context, id core.ClientID) (core.Registered, error) {
	stored, err := c.Client(ctx, id)
	if err != nil {
		return core.Registered{}, err
	}
	return core.Registered{Client: stored.Client, Credentials: stored.Credentials, State: stored.State}, nil
}
