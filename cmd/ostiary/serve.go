package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/watch"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/storage"
)

func serveCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve -c ostiary.yaml",
		Short: "Run the server from one strict configuration file",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("serve needs a configuration file: ostiary serve -c ostiary.yaml")
			}
			s, err := readSettings(file)
			if err != nil {
				return err
			}
			log, buffer, err := newLog(s.Log, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer buffer.Close()
			s.DecisionLog.stdout = cmd.OutOrStdout()
			return serve(cmd.Context(), s, log)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "the configuration file")
	return cmd
}

// grace is how long requests under way get at a shutdown.
const grace = 10 * time.Second

// serve runs a server until ctx ends.
func serve(ctx context.Context, s settings, log *slog.Logger) error {
	if s.TLS.Cert != "" {
		s.TLS.pair = &tlsPair{}
	}
	public, err := listen(s.Listen, s.TLS, s.Certificates.handshake())
	if err != nil {
		return err
	}
	defer public.Close()
	private, err := listen(s.OpsListen, tlsSettings{}, tls.NoClientCert)
	if err != nil {
		return err
	}
	defer private.Close()
	access, err := s.localAccess(public.Addr(), private.Addr())
	if err != nil {
		return err
	}
	return serveOn(ctx, s, log, public, private, func(h *house) error { return access.leave(h.settings.DataDir) })
}

// localAccess lets commands on this machine act as an operator while the server runs, with a token of this run: the first
// administrator is made with it.
func (s *settings) localAccess(public, private net.Addr) (adminAccess, error) {
	token := core.NewSecret()
	s.Operators = append(s.Operators, operatorSetting{Subject: "local", Token: token})
	access := adminAccess{OpsURL: "http://" + reached(private), Token: token.Reveal()}
	if s.TLS.Cert == "" {
		s.Sites = append(s.Sites, reached(public))
		access.URL = "http://" + reached(public)
		return access, nil
	}
	issuer, err := url.Parse(s.Issuer) // its certificate is for that name
	access.URL = issuer.Scheme + "://" + issuer.Host
	return access, err
}

// reached gives the address by which this machine reaches a listener.
func reached(at net.Addr) string {
	host, port, _ := net.SplitHostPort(at.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// serveOn is serve on listeners that are open already.
func serveOn(ctx context.Context, s settings, log *slog.Logger, public, private net.Listener, ready func(*house) error) (err error) {
	h, err := build(ctx, s, log)
	if err != nil {
		return err
	}
	defer func() { // after the cancelling below
		h.beside.Wait()
		err = errors.Join(err, h.close())
	}()
	ops, err := h.openOps()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := h.follow(ctx); err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- h.server.Serve(public) }()
	go func() { ended <- ops.Serve(private) }()
	log.Info("serving", "issuer", s.Issuer, "listen", public.Addr().String(), "operations", private.Addr().String())
	h.beside.Go(func() {
		if err := h.announce(ctx, ready); err != nil {
			cancel(err)
		}
	})
	err = untilEnd(ctx, ended)
	log.Info("shutting down")
	return errors.Join(err, shutdown(h.server, ops))
}

// untilEnd waits until a server ends by itself, or is told to: by whom and why is the error, unless it is an operator.
func untilEnd(ctx context.Context, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// announce tells that the server is ready.
func (h *house) announce(ctx context.Context, ready func(*house) error) error {
	if err := h.plugins.Ready(ctx); err != nil {
		return nil // shutting down
	}
	h.started.Store(true)
	if h.backend != nil {
		_ = h.backend.Bootstrap(ctx) // what is wrong, Run says and tries again
		h.beside.Go(func() { h.backend.Run(ctx) })
	}
	if err := ready(h); err != nil {
		return err
	}
	debug.FreeOSMemory() // compiling rules and plugins took much that is not needed again
	return nil
}

func shutdown(servers ...*web.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// follow starts what runs beside the requests until ctx ends: reloading and sweeping.
func (h *house) follow(ctx context.Context) error {
	if err := h.rules.follow(ctx, &h.beside); err != nil {
		return err
	}
	if err := h.shadow.follow(ctx, &h.beside); err != nil {
		return err
	}
	if err := h.followCertificates(ctx); err != nil {
		return err
	}
	if h.settings.PluginDir != "" {
		changes, err := watch.Folder(ctx, h.settings.PluginDir, watch.Options{Log: h.log})
		if err != nil {
			return err
		}
		h.beside.Go(func() {
			for range changes {
				if err := h.plugins.Reload(ctx); err != nil {
					h.log.Error("the plugin folder cannot be read; the plugins stay as they are", "error", err)
				}
			}
		})
	}
	h.beside.Go(func() { keepHeap(ctx) })
	h.beside.Go(func() { h.sweep(ctx) })
	h.beside.Go(func() { h.keepKeys(ctx) })
	h.beside.Go(func() { h.keepRecalling(ctx) })
	h.beside.Go(func() { h.keepLives(ctx) })
	return nil
}

// keepKeys does what the plan of the signing keys has due, and learns what other processes did.
func (h *house) keepKeys(ctx context.Context) {
	tick := time.NewTicker(keyTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := h.signing.Tick(ctx)
		if err != nil && ctx.Err() == nil {
			h.log.Error("the signing keys could not be looked after", "error", err)
		}
		for _, k := range changed {
			h.log.Info("signing key changed", "kid", k.ID, "alg", k.Alg, "state", k.State)
		}
	}
}

const keyTick = 5 * time.Minute

// sweep removes expired records, a page at a time, and what plugins keep beyond its time, every minute.
func (h *house) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		sweepStore(ctx, h.engine, h.log)
		if err := h.clients.Kept().Sweep(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("what plugins keep could not be swept", "error", err)
		}
	}
}

// sweepStore removes what has expired, a page at a time.
func sweepStore(ctx context.Context, engine storage.Engine, log *slog.Logger) {
	for {
		n, err := engine.Sweep(ctx, sweepPage)
		if err != nil && ctx.Err() == nil {
			log.Warn("expired records could not be removed", "error", err)
		}
		if err != nil || n < sweepPage {
			return
		}
	}
}

const sweepPage = 500

// listen opens a listener, with TLS when there is a certificate.
func listen(address string, t tlsSettings, clients tls.ClientAuthType) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	if t.Cert == "" {
		return ln, nil
	}
	if t.pair == nil {
		t.pair = &tlsPair{}
	}
	if err := t.pair.load(t); err != nil {
		ln.Close()
		return nil, err
	}
	return tls.NewListener(ln, &tls.Config{GetCertificate: t.pair.current, ClientAuth: clients, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), nil
}
