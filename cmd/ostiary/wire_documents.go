package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web/oidc"
)

// clientDocuments reads clients' metadata documents. Their addresses are strangers'.
type clientDocuments struct{ stranger *fetch.Stranger }

var _ registration.DocumentSource = clientDocuments{}

// documentPurpose is what rules of fetch.allow call such a fetch.
const documentPurpose = "client_id"

func (h *house) clientDocuments(trust *x509.CertPool) (registration.DocumentSource, error) {
	stranger, err := fetch.NewStranger(fetch.StrangerOptions{Allow: h.settings.Fetch.Allow, TrustCA: trust, Now: h.now})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	return clientDocuments{stranger}, nil
}

// ClientDocument implements registration.DocumentSource. That an address may not be fetched is no more passing than that there is
// nothing.
func (c clientDocuments) ClientDocument(ctx context.Context, address string, limit int64) ([]byte, time.Duration, error) {
	body, fresh, err := c.stranger.JSON(ctx, documentPurpose, address, limit)
	if errors.Is(err, fetch.ErrAnswer) {
		err = fmt.Errorf("%w: %w", registration.ErrAnswered, err)
	}
	if errors.Is(err, fetch.ErrNoDocument) || errors.Is(err, fetch.ErrRefused) {
		err = fmt.Errorf("%w: %w", registration.ErrNoDocument, err)
	}
	return body, fresh, err
}

// lookedAtDocument counts what looking at a client's document came to.
func (h *house) lookedAtDocument(result string) { h.meters.documents.Inc(result) }

// waysIn are the ways in which clients can come that the issuer's metadata tells of.
func (h *house) waysIn() oidc.WaysIn {
	site := h.desk.Site()
	return oidc.WaysIn{Registration: site.Offers(), Documents: site.Documents.IsOn()}
}
