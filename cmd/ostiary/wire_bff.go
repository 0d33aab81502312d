package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/proxy"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/web"
	webbff "github.com/ostiary/ostiary/core/web/bff"
	"github.com/ostiary/ostiary/storage"
)

// backend is the browsers' backend in the same process.
type backend struct {
	*bff.Backend
	handlers *webbff.Handlers
	prefixes []string // that are passed on to APIs
}

// throughServer reaches the house's own server without a socket. It is built before that is.
type throughServer struct{ h *house }

// RoundTrip implements http.RoundTripper.
func (t throughServer) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.h.server.RoundTripper().RoundTrip(r)
}

// ownKeys are the issuer's keys for who lives in the same process: what was revoked is gone at once.
type ownKeys struct{ *keys.Ring }

// Set implements bff.IssuerKeys.
func (k ownKeys) Set(ctx context.Context, _, kid string) (jose.KeySet, error) {
	return k.Ring.Set(ctx, kid)
}

// openBackend opens the BFF, if the settings want one.
func (h *house) openBackend(ring *seal.Ring, trust *x509.CertPool) error {
	s := h.settings
	if len(s.BFF.Origins) == 0 {
		return nil
	}
	issuer := core.IssuerID(s.IssuerID)
	store := storage.NewBFF(h.engine, issuer, ring).Among(h.people.users, storage.NewSessions(h.engine, issuer), h.clients)
	h.reaper.Spare(func(ctx context.Context) (core.ClientID, error) {
		own, err := store.Registration(ctx)
		return own.ClientID, err
	})
	door := fetch.NewPeer(fetch.PeerOptions{Through: throughServer{h}})
	made, err := bff.New(bff.Parts{
		Store: store, Door: door, Keys: ownKeys{h.signing},
		Mint: h.mintForBackend, EndSession: h.endSession, Now: h.now, Log: h.log,
	}, bff.Settings{
		Issuer: s.Issuer, ClientID: cmp.Or(s.BFF.client, bff.DefaultClientID), Profile: bff.DefaultProfile, Origins: s.BFF.Origins, ReturnTo: s.BFF.ReturnTo, Scope: s.BFF.Scope, SessionLife: s.BFF.Session, AfterLogout: s.BFF.AfterLogout,
	})
	if err != nil {
		return err
	}
	h.backend = &backend{Backend: made}
	if s.demo {
		if err := h.openDemo(door); err != nil {
			return err
		}
	}
	closeAPIs, err := h.backend.open(h.settings.BFF, "", trust, h.log)
	h.closers = append(h.closers, closeAPIs)
	return err
}

// open makes what browsers call: the backend's own paths, and the way through to its APIs. domain is that of the session's cookie.
func (b *backend) open(s bffSettings, domain string, trust *x509.CertPool, log *slog.Logger) (closing func() error, err error) {
	peer := fetch.NewPeer(fetch.PeerOptions{TrustCA: trust})
	apis, err := b.proxy(s.Routes, domain, peer, log)
	b.handlers = webbff.New(webbff.Parts{
		Backend: b, Guard: b.Guard(), Secure: b.Secure(), Domain: domain, Proxy: apis,
		Limiter: web.NewLimiter(s.LoginEvery, int(s.Logins), limitedAddresses),
	})
	return func() error { peer.Close(); return nil }, err
}

// openDemo opens dev's site, and the API behind it on a port of its own: it knows tokens by the issuer's published keys alone.
func (h *house) openDemo(door *fetch.Peer) (err error) {
	if h.site, err = demoSite(); err != nil {
		return err
	}
	issuer := h.settings.Issuer
	upstream, stop, err := serveDemo(demoAPI(demoVerifier{
		Issuer: issuer, JWKSURI: issuer + "/jwks", Audience: issuer, Keys: keys.NewRemote(documentFrom(door), h.now), Now: h.now,
	}))
	if err != nil {
		return err
	}
	h.closers = append(h.closers, stop)
	h.settings.BFF.Routes = append(h.settings.BFF.Routes, bffRoute{Prefix: "/api/demo", Upstream: upstream.String(), StripPrefix: true})
	return nil
}

// proxy passes the site's calls on to its APIs.
func (b *backend) proxy(apis []bffRoute, domain string, peer *fetch.Peer, log *slog.Logger) (http.Handler, error) {
	var list []proxy.Route
	for _, r := range apis {
		upstream, err := url.Parse(r.Upstream)
		if err != nil {
			return nil, fmt.Errorf("bff.routes %s: upstream: %w", r.Prefix, err)
		}
		list = append(list, proxy.Route{Prefix: r.Prefix, Upstream: upstream, Methods: r.Methods, StripPrefix: r.StripPrefix})
		b.prefixes = append(b.prefixes, r.Prefix)
	}
	return proxy.New(proxy.Parts{
		Routes: list, Tokens: b, Guard: b.Guard(), Cookie: webbff.SessionCookie(b.Secure(), domain),
		Transport: peer.HTTPClient().Transport, Log: log,
	})
}

// mintForBackend makes the initial access token that the BFF registers itself with.
func (h *house) mintForBackend(ctx context.Context) (core.Secret, error) {
	uses, lifetime := int64(1), int64(600)
	_, secret, err := h.tokens.Mint(ctx, registration.OwnSubject, registration.TokenRequest{Label: "bff", Profile: bff.DefaultProfile, MaxUses: &uses, ExpiresIn: &lifetime})
	return secret, err
}

// endSession ends the session that a browser has with the issuer. One that has ended already is no error.
func (h *house) endSession(ctx context.Context, subject core.Subject, id core.SessionID) error {
	err := h.people.login.End(ctx, subject, id)
	var gone *core.Error
	if errors.As(err, &gone) && gone.Code == core.NotFound {
		return nil
	}
	return err
}
