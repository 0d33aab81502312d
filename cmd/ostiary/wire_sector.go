package main

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/registration"
)

// sectorLists makes the reader of the lists that sectors publish (OpenID Connect Registration §5). Their addresses are strangers'.
func (h *house) sectorLists(trust *x509.CertPool) (registration.Sectors, error) {
	stranger, err := fetch.NewStranger(fetch.StrangerOptions{Allow: h.settings.Fetch.Allow, TrustCA: trust, Now: h.now})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	return registration.NewSectorLists(func(ctx context.Context, uri string) ([]byte, error) {
		body, _, err := stranger.Get(ctx, "sector_identifier", uri)
		return body, err
	}, h.now), nil
}
