package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/ostiary/ostiary/core/watch"
)

// A tlsPair is the server's certificate with its key, as the files have them now. What cannot be used leaves the last one in place.
type tlsPair struct {
	held atomic.Pointer[tls.Certificate]
}

func (p *tlsPair) load(t tlsSettings) error {
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return fmt.Errorf("TLS certificate: %w", err)
	}
	p.held.Store(&pair)
	return nil
}

// current is the certificate for the next handshake (tls.Config.GetCertificate).
func (p *tlsPair) current(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.held.Load(), nil }

// authorities are those that may issue the certificates of clients, as the file has them now.
type authorities struct {
	file string
	held atomic.Pointer[x509.CertPool]
}

// current is what is trusted now; nil: nobody.
func (a *authorities) current() *x509.CertPool { return a.held.Load() }

// load reads the file, and only it: the system's authorities issue to anybody.
func (a *authorities) load() error {
	if a.file == "" {
		return nil
	}
	text, err := os.ReadFile(a.file)
	if err != nil {
		return fmt.Errorf("client_certificates.authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("client_certificates.authorities: %s contains no certificate", a.file)
	}
	a.held.Store(pool)
	return nil
}

// followCertificates reads the files with certificates again when they change: those that replace one that ends need no restart.
func (h *house) followCertificates(ctx context.Context) error {
	if t := h.settings.TLS; t.pair != nil {
		for _, file := range []string{t.Cert, t.Key} {
			if err := h.followFile(ctx, file, func() error { return t.pair.load(t) }); err != nil {
				return err
			}
		}
	}
	if a := &h.people.authorities; a.file != "" {
		return h.followFile(ctx, a.file, a.load)
	}
	return nil
}

func (h *house) followFile(ctx context.Context, file string, load func() error) error {
	changes, err := watch.File(ctx, file, watch.Options{Log: h.log})
	if err != nil {
		return err
	}
	h.beside.Go(func() {
		for range changes {
			if err := load(); err != nil { // it may be half of what is being replaced
				h.log.Warn("a file with certificates cannot be used; what it said before stays in force", "file", file, "error", err)
			} else {
				h.log.Info("certificates were read again", "file", file)
			}
		}
	})
	return nil
}
