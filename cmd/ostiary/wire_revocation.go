package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/registration"
)

// revocationSource asks the issuers of software statements what they have taken back. Their addresses are the operator's.
type revocationSource struct {
	peer *fetch.Peer
	dir  string // of dcr_config.yaml, where files of lists are
}

var _ registration.RevocationSource = revocationSource{}

// List implements registration.RevocationSource.
func (r revocationSource) List(ctx context.Context, address string, authorization core.Secret) ([]byte, error) {
	if !strings.Contains(address, "://") {
		return readList(under(r.dir, address))
	}
	return r.ask(ctx, fetch.Request{URL: address, Header: authorized(authorization)})
}

// Introspect implements registration.RevocationSource, as RFC 7662 §2.1 has it.
func (r revocationSource) Introspect(ctx context.Context, endpoint string, authorization core.Secret, statement string) ([]byte, error) {
	header := authorized(authorization)
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r.ask(ctx, fetch.Request{Method: http.MethodPost, URL: endpoint, Header: header, Body: []byte(url.Values{"token": {statement}}.Encode())})
}

func authorized(authorization core.Secret) http.Header {
	header := http.Header{"Accept": {"application/json"}}
	if authorization != "" {
		header.Set("Authorization", authorization.Reveal())
	}
	return header
}

func (r revocationSource) ask(ctx context.Context, request fetch.Request) ([]byte, error) {
	response, err := r.peer.Do(ctx, request)
	if err == nil && response.Status != http.StatusOK {
		err = fmt.Errorf("%s answers status %d", fetch.Shown(request.URL), response.Status)
	}
	return response.Body, err
}

// readList reads a regular file of a list.
func readList(name string) ([]byte, error) {
	about, err := os.Stat(name) // before opening: opening a pipe would wait for its other end
	if err != nil {
		return nil, err
	}
	if !about.Mode().IsRegular() {
		return nil, errors.New(name + " is not a regular file")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, fetch.MaxPeerBody+1))
}

// revocations makes the source that the desk asks.
func (h *house) revocations(trust *x509.CertPool) registration.RevocationSource {
	peer := fetch.NewPeer(fetch.PeerOptions{Timeout: issuerKeysTimeout, TrustCA: trust})
	h.closers = append(h.closers, func() error { peer.Close(); return nil })
	return revocationSource{peer: peer, dir: filepath.Dir(h.settings.DCRConfig)}
}

// recallTick is how often it is looked whether an issuer's clients are to be looked at.
const recallTick = 10 * time.Second

// keepRecalling disables the clients of statements that were taken back, until ctx ends.
func (h *house) keepRecalling(ctx context.Context) {
	tick := time.NewTicker(recallTick)
	defer tick.Stop()
	for {
		done := h.recall.Due(ctx)
		for _, id := range done.Disabled {
			h.log.Warn("a client is disabled: its software statement was revoked", "client", string(id))
		}
		if len(done.Failed) > 0 && ctx.Err() == nil {
			h.log.Error("clients of revoked software statements could not be looked after; it is tried again", "failed", len(done.Failed), "error", done.Failed[0])
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
