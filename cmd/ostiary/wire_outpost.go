package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/files"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/routes"
	"github.com/ostiary/ostiary/storage"
)

// An outpost is a backend-for-frontend in a process of its own: the same backend as in a house, with an issuer that is reached over the
// network, its registration in files, and sessions in a store of its own.
type outpost struct {
	settings backendSettings
	log      *slog.Logger

	engine  storage.Engine
	backend *backend
	server  *web.Server
	meters  *meters
	pushing *fetch.Peer   // to the Pushgateway
	pushed  chan struct{} // closed when it has heard all there was to say; nil: there was nothing
	started atomic.Bool
	beside  sync.WaitGroup
	closers []func() error
}

// buildOutpost opens the store and puts the parts together. On an error everything opened is closed again.
func buildOutpost(s backendSettings, log *slog.Logger) (o *outpost, err error) {
	opening := &outpost{settings: s, log: log}
	defer func() {
		if err != nil {
			o, err = nil, errors.Join(err, opening.close())
		}
	}()
	o = opening
	ring, err := o.openStore()
	if err != nil {
		return nil, err
	}
	if err := o.openBackend(ring); err != nil {
		return nil, err
	}
	o.server, err = o.openServer()
	return o, err
}

func (o *outpost) openStore() (ring *seal.Ring, err error) {
	o.engine, ring, err = openFolder(o.settings.DataDir, o.settings.Storage, time.Now, o.log)
	if o.engine != nil {
		o.closers = append(o.closers, o.engine.Close)
	}
	return ring, err
}

func (o *outpost) openBackend(ring *seal.Ring) error {
	s := o.settings
	trust, err := trusted(s.TrustCA)
	if err != nil {
		return err
	}
	peer := fetch.NewPeer(fetch.PeerOptions{TrustCA: trust})
	o.pushing = peer
	o.closers = append(o.closers, func() error { peer.Close(); return nil })
	made, err := bff.New(o.parts(ring, peer), s.backend())
	if err != nil {
		return err
	}
	o.backend = &backend{Backend: made}
	closing, err := o.backend.open(s.Site.Common, s.Site.CookieDomain, trust, o.log)
	o.closers = append(o.closers, closing)
	return err
}

// parts are those of a backend that stands alone.
func (o *outpost) parts(ring *seal.Ring, peer *fetch.Peer) bff.Parts {
	s := o.settings
	at, door := s.reach(peer)
	browsers := storage.NewBFF(o.engine, "main", ring)
	parts := bff.Parts{
		Store: struct {
			bff.Registrations
			bff.Logins
			bff.Sessions
		}{s.kept(o.log), browsers, browsers},
		Door: door, Keys: keys.NewRemote(documentFrom(door), time.Now),
		Discover: func(ctx context.Context) (bff.Endpoints, error) {
			return bff.Discover(ctx, peer, at, s.Provider.Issuer)
		},
		Seen: o.pushStatus, Now: time.Now, Hints: hints, Log: o.log,
	}
	if ticket := s.Registration.Ticket; ticket != "" {
		parts.Mint = func(context.Context) (core.Secret, error) { return ticket, nil }
	}
	if s.Registration.Operator != "" {
		parts.Renew = bff.RenewAt(peer, originOf(at[0]), s.Registration.Operator)
		parts.RenewSecret = bff.RenewSecretAt(peer, originOf(at[0]), s.Registration.Operator)
	}
	return parts
}

// kept is where the registration is.
func (s *backendSettings) kept(log *slog.Logger) *files.Files {
	return files.New(files.Options{
		Credentials: s.Client.Credentials, Key: s.Client.Key, KeyID: s.Client.KeyID, Alg: s.Client.Alg,
		Turns: s.Keys.Rotate != nil && *s.Keys.Rotate >= 0, Now: time.Now, Log: log,
	})
}

func (o *outpost) openServer() (_ *web.Server, err error) {
	s := o.settings
	table := routes.Backend(o.backend.handlers, o.backend.prefixes)
	if o.meters, err = newRequestMeters(table, ""); err != nil {
		return nil, err
	}
	sites := s.Sites
	for _, origin := range s.Site.Common.Origins {
		_, host, _ := strings.Cut(origin, "://")
		sites = append(sites, host)
	}
	return web.New(web.Options{
		Routes: table, Face: web.Plain,
		Areas: []web.Area{{Prefix: routes.BFFArea, Face: web.OAuth}, {Prefix: routes.SessionArea, Face: web.OAuth}},
		Sites: sites, TrustedProxies: s.Proxies, ForwardedHeader: s.Forwarded, Log: o.log, OnDone: o.meters.done,
	})
}

// serve answers until ctx ends. Without a registration it ends at once, unless that was asked for.
func (o *outpost) serve(ctx context.Context, public, private net.Listener) error {
	ops, err := operations{health: o.health, started: &o.started, metrics: o.meters.answer, now: time.Now, log: o.log}.open()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer o.beside.Wait() // after the cancelling
	defer cancel(nil)
	ended := make(chan error, 2)
	go func() { ended <- o.server.Serve(public) }()
	go func() { ended <- ops.Serve(private) }()
	o.log.Info("serving", "origins", strings.Join(o.settings.Site.Common.Origins, " "), "listen", public.Addr().String(), "operations", private.Addr().String())
	o.caution()
	o.beside.Go(func() { o.sweep(ctx) })
	o.beside.Go(func() {
		if err := o.begin(ctx); err != nil {
			cancel(err)
		}
	})
	err = untilEnd(ctx, ended)
	o.log.Info("shutting down")
	return errors.Join(err, shutdown(o.server, ops))
}

// begin registers the client, and looks after the registration from then on.
func (o *outpost) begin(ctx context.Context) error {
	err := o.backend.Bootstrap(ctx)
	if err != nil && ctx.Err() == nil && !o.settings.Registration.MayFail {
		return gaveUp(err)
	}
	o.started.Store(true)
	o.beside.Go(func() { o.backend.Run(ctx) })
	return nil
}

// gaveUp is why a backend does not stay: what to do, and what it comes from.
func gaveUp(err error) error {
	e := core.AsError(err)
	if e.Err == nil || strings.Contains(e.Detail, e.Err.Error()) {
		return errors.New(e.Detail)
	}
	return fmt.Errorf("%s (%w)", e.Detail, e.Err)
}

// caution tells of what is as it was asked for, and yet not as it should be.
func (o *outpost) caution() {
	s := o.settings
	for name, address := range map[string]string{"issuer": s.Provider.Issuer, "base_url": s.Provider.BaseURL, "token_url": s.Provider.TokenURL} {
		if u, err := url.Parse(address); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			o.log.Warn("tokens go over the network in clear: use http inside a network only that nobody else reads", "setting", "provider."+name)
		}
	}
	if s.Registration.Replace && s.Registration.Ticket == "" && !s.Registration.given() {
		o.log.Warn("DCR_FORCE_REPLACE does nothing without DCR_IAT: the client stays as it is")
	}
	if s.Client.Method == oauth.AuthClientSecretPost {
		o.log.Warn("client_secret_post sends the secret with every request; private_key_jwt sends none")
	}
}

// sweep removes expired sessions, every minute.
func (o *outpost) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			sweepStore(ctx, o.engine, o.log)
		}
	}
}

// health is what /health/ready says: without a registration nobody can sign in.
func (o *outpost) health(ctx context.Context) health {
	out := health{Status: "ok", Problems: []problem{}}
	for what, err := range map[string]error{"store: ": o.engine.Health(ctx), "": o.backend.Ready()} {
		if err != nil {
			out.Status = "unavailable"
			out.Problems = append(out.Problems, problem{Message: what + core.AsError(err).Detail})
		}
	}
	return out
}

// close closes what was opened, the last first.
func (o *outpost) close() error {
	var errs []error
	for i := len(o.closers) - 1; i >= 0; i-- {
		errs = append(errs, o.closers[i]())
	}
	o.closers = nil
	return errors.Join(errs...)
}

// trusted are the authorities of a file, beside the system's; nil: the system's.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	return fetch.LoadCA(file)
}
