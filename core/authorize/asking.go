package authorize

import (
	"context"

	"github.com/ostiary/ostiary/core"
)

// Asking gives the client whose request a flow carries, as it is registered now; zero: the flow is empty, or the client is gone.
func (e *Endpoint) Asking(ctx context.Context, v Visit) (core.Client, error) {
	if v.Flow == "" {
		return core.Client{}, nil
	}
	p, err := e.receive(ctx, v)
	if err != nil {
		return core.Client{}, err
	}
	in, err := e.inquire(ctx, p)
	if err != nil {
		return core.Client{}, err
	}
	return in.found.Client, nil
}
