package bff

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
)

// How the registration is tried.
const (
	leaseTime = 30 * time.Second // longer than the requests it covers
	firstWait = time.Second
	maxWait   = time.Minute
	lookEvery = time.Hour // much less than an old key is kept
)

// Run registers the backend and keeps it registered until ctx ends: after a failure it tries again, ever more slowly, and once
// the issuer no longer knows it, it registers anew. It looks again each hour, for what another replica did and for its keys' age.
func (b *Backend) Run(ctx context.Context) {
	for wait := firstWait; ; {
		err := b.Bootstrap(ctx)
		if err == nil {
			b.lookAfterKeys(ctx)
		}
		var next <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			wait, next = firstWait, b.after(lookEvery)
		case errors.Is(err, ErrLeased):
			next = b.after(firstWait)
		default:
			b.log.Warn("the backend is not registered", "error", err, "retry_in", wait.String())
			next = b.after(wait)
			wait = min(2*wait, maxWait)
		}
		select {
		case <-ctx.Done():
			return
		case <-next:
		case <-b.again:
		}
	}
}

// doubt has the registration looked at again: the issuer did not accept who we are.
func (b *Backend) doubt() {
	select {
	case b.again <- struct{}{}:
	default: // somebody has said so already
	}
}

// Bootstrap registers the backend with the issuer unless it is registered already. Its error says what went wrong and what to
// do; so does Ready from then on. ErrLeased means that another replica is at it.
func (b *Backend) Bootstrap(ctx context.Context) error {
	me, err := b.registered(ctx)
	if err != nil {
		failure := notReady(hint(err), err)
		b.failure.Store(failure)
		return failure
	}
	b.self.Store(me)
	return nil
}

// registered finds out who we are, and sees to it that we are somebody.
func (b *Backend) registered(ctx context.Context) (*self, error) {
	have, err := b.store.Registration(ctx)
	if err != nil {
		return nil, err
	}
	if me, err := b.current(ctx, have); me != nil || err != nil {
		return me, err
	}
	return b.alone(ctx, have, b.renew)
}

// alone makes another registration of one that was seen, under the lease.
func (b *Backend) alone(ctx context.Context, seen Registration, change func(context.Context, Registration) (Registration, error)) (*self, error) {
	holder := core.NewSecret().Reveal() // names us, opens nothing
	if err := b.store.Lease(ctx, holder, b.now().Add(leaseTime)); err != nil {
		return nil, err
	}
	me, err := b.underLease(ctx, holder, seen, change)
	if err != nil { // a new start finds the lease free
		return nil, errors.Join(err, b.store.Release(context.WithoutCancel(ctx), holder))
	}
	return me, nil
}

// current gives a stored registration that is as wanted and that the issuer still knows; nil when there is something to do.
func (b *Backend) current(ctx context.Context, have Registration) (*self, error) {
	me, err := open(have)
	if me == nil || err != nil {
		return nil, err
	}
	digest, err := b.digest(me.jwks)
	if err != nil || digest != have.Digest {
		return nil, err
	}
	switch err := b.readClient(ctx, have); {
	case gone(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return me, nil
}

// underLease changes the registration. What another replica did before we had the lease counts.
func (b *Backend) underLease(ctx context.Context, holder string, seen Registration, change func(context.Context, Registration) (Registration, error)) (*self, error) {
	have, err := b.store.Registration(ctx)
	if err != nil {
		return nil, err
	}
	if have != seen {
		return nil, ErrLeased
	}
	next, err := change(ctx, have)
	if err != nil {
		return nil, err
	}
	if err := b.store.SaveRegistration(ctx, holder, next); err != nil {
		return nil, err
	}
	return open(next)
}

// renew updates the client when the issuer still knows it, else registers a new one.
func (b *Backend) renew(ctx context.Context, have Registration) (Registration, error) {
	me, err := open(have)
	if err != nil {
		return Registration{}, err
	}
	if me != nil {
		next, err := b.updateClient(ctx, me)
		if !gone(err) {
			return next, err
		}
	}
	return b.registerClient(ctx)
}
