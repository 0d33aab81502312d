package bff

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// How the registration is tried.
const (
	leaseTime = 30 * time.Second // longer than the requests it covers
	firstWait = time.Second
	maxWait   = time.Minute
	lookEvery = time.Hour // much less than an old key is kept
	mostSteps = 12        // of one bootstrap; the longest road has seven
)

// Run registers the backend and keeps it registered until ctx ends: after a failure it tries again, ever more slowly, and once
// the issuer no longer knows it, it registers anew. It looks again each hour, for what another replica did and for its keys' age.
func (b *Backend) Run(ctx context.Context) {
	turn := b.settings.TurnKey
	for wait, err := firstWait, b.unless(ctx, b.self.Load() != nil); ; err = b.Bootstrap(ctx) {
		if err == nil {
			b.lookAfterKeys(ctx, turn)
			turn = false
		}
		var next <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			wait, next = firstWait, b.parts.After(b.nextLook())
		case errors.Is(err, ErrLeased):
			next = b.parts.After(firstWait)
		default:
			b.log.Warn("the backend is not registered", "error", err, "retry_in", wait.String())
			next = b.parts.After(wait)
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

// unless bootstraps, unless that was done a moment ago.
func (b *Backend) unless(ctx context.Context, done bool) error {
	if done {
		return nil
	}
	return b.Bootstrap(ctx)
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
		failure := notReady(b.hint(err), err)
		b.failure.Store(failure)
		return failure
	}
	b.become(me)
	return nil
}

// registered walks until there is nothing left to do: it finds out who we are, and sees to it that we are somebody.
func (b *Backend) registered(ctx context.Context) (*self, error) {
	at, err := b.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	have, err := b.store.Registration(ctx)
	if err != nil {
		return nil, err
	}
	w := walk{b: b, at: at, have: have, position: b.standing(have)}
	for range mostSteps {
		step := w.next()
		if step == stepReady {
			return b.arrive(w)
		}
		if err := w.take(ctx, step); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the registration comes to no end")
}

// arrive makes who we are of what the walk came to.
func (b *Backend) arrive(w walk) (*self, error) {
	me, err := b.open(w.have, w.at)
	if err == nil && b.settings.Method != oauth.AuthPrivateKeyJWT && me.Secret == "" {
		err = unfit("there is no client secret: the identity provider gave none for %s", b.settings.Method)
	}
	if err == nil {
		err = w.able()
	}
	if err != nil {
		return nil, err
	}
	if w.unmanaged && b.self.Load() == nil {
		b.compareWish(me)
	}
	b.tell(w.outcome, me.Registration, w.unmanaged)
	return me, nil
}

// alone makes another registration of one that was seen, under the lease.
func (b *Backend) alone(ctx context.Context, seen Registration, change func(context.Context, Registration) (Registration, error)) (Registration, error) {
	holder := core.NewSecret().Reveal() // names us, opens nothing
	if err := b.store.Lease(ctx, holder, b.now().Add(leaseTime)); err != nil {
		return Registration{}, err
	}
	ctx = context.WithoutCancel(ctx) // what the issuer does is kept, also when we are told to end meanwhile
	next, err := b.underLease(ctx, holder, seen, change)
	if err != nil { // a new start finds the lease free
		return Registration{}, errors.Join(err, b.store.Release(ctx, holder))
	}
	return next, nil
}

// underLease changes the registration. What another replica did before we had the lease counts.
func (b *Backend) underLease(ctx context.Context, holder string, seen Registration, change func(context.Context, Registration) (Registration, error)) (Registration, error) {
	have, err := b.store.Registration(ctx)
	if err != nil {
		return Registration{}, err
	}
	if !have.Equal(seen) {
		return Registration{}, ErrLeased
	}
	next, err := change(ctx, have)
	if err != nil {
		return Registration{}, err
	}
	return next, b.store.SaveRegistration(ctx, holder, next)
}
