package bff

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A step is what a bootstrap does next.
type step string

// The steps. Those that change something are taken under the lease, one at a time.
const (
	stepReady    step = "ready"    // there is nothing left to do
	stepRead     step = "read"     // ask the issuer what it knows of us (RFC 7592 §2.1)
	stepRegister step = "register" // RFC 7591 §3.1
	stepUpdate   step = "update"   // RFC 7592 §2.2
	stepReplace  step = "replace"  // register another client, and delete this one (RFC 7592 §2.3)
	stepRenew    step = "renew"    // have an operator renew the registration access token
	stepNoTicket step = "noticket" // it ends here: we are not registered and may not register
	stepRefused  step = "refused"  // it ends here: the issuer does not accept the registration access token
)

// A position is what a bootstrap knows.
type position struct {
	given     bool // the operator registered the client: the issuer is asked for nothing
	kept      bool // there is a registration
	ticket    bool // there is an initial access token, or somebody mints one
	replace   bool // the client is to be replaced
	read      bool // the issuer told what it knows
	differs   bool // and that is not what we want
	refused   bool // the issuer did not accept the registration access token
	unknown   bool // and that may be because the client is gone
	renewable bool // an operator's token is there to renew it, and that was not done yet
	remake    bool // a client that is gone is registered anew
}

// next is the state machine: a pure function of what is known.
func (p position) next() step {
	switch {
	case p.given:
		return stepReady
	case !p.kept && !p.ticket:
		return stepNoTicket
	case !p.kept:
		return stepRegister
	case p.refused && p.renewable:
		return stepRenew
	case p.refused && p.ticket && (p.replace || p.remake && p.unknown):
		return stepRegister
	case p.refused:
		return stepRefused
	case p.replace:
		return stepReplace
	case !p.read:
		return stepRead
	case p.differs:
		return stepUpdate
	}
	return stepReady
}

// standing is where a bootstrap begins. A client is replaced once for each initial access token, so that no restart does it again.
func (b *Backend) standing(have Registration) position {
	return position{
		given: b.settings.Given, kept: have.ClientID != "", ticket: b.parts.Mint != nil, remake: !b.settings.Settled,
		replace:   b.settings.Replace && b.parts.Mint != nil && (b.settings.Ticket == "" || have.Ticket != b.settings.Ticket),
		renewable: b.parts.Renew != nil,
	}
}

// A walk is one bootstrap under way.
type walk struct {
	position
	b       *Backend
	at      Endpoints
	have    Registration
	doc     strictjson.Value // what the issuer knows of us
	cause   error            // with which it refused the registration access token
	outcome Outcome
}

// take takes a step, and learns from it.
func (w *walk) take(ctx context.Context, s step) error {
	switch s {
	case stepRead:
		return w.readClient(ctx)
	case stepRegister:
		return w.registerAnew(ctx)
	case stepUpdate:
		return w.update(ctx)
	case stepReplace:
		return w.replaceClient(ctx)
	case stepRenew:
		return w.renewToken(ctx)
	case stepNoTicket:
		return errNoTicket
	}
	w.b.parts.Seen(TokenInvalid)
	return fmt.Errorf("%w: %w", errTokenRefused, w.cause)
}

// learn takes over that the issuer does not accept the registration access token; any other error is one.
func (w *walk) learn(err error) error {
	if !notAccepted(err) {
		return err
	}
	w.refused, w.unknown, w.cause = true, gone(err), err
	return nil
}

func (w *walk) readClient(ctx context.Context) error {
	doc, err := w.b.readClient(ctx, w.have, w.at)
	if err != nil {
		return w.learn(err)
	}
	w.doc, w.read = doc, true
	if w.differs = w.b.lacksKey(w.have); w.differs {
		return nil
	}
	me, err := w.b.open(w.have, w.at)
	if err != nil {
		return err
	}
	wish, err := w.b.wish(me)
	if err != nil {
		return err
	}
	patch, digest := w.b.changes(doc, wish, me)
	w.differs = digest != w.have.Digest || len(patch) > 0 || w.have.Unsaved
	return nil
}

func (w *walk) registerAnew(ctx context.Context) error {
	return w.change(ctx, func(ctx context.Context, have Registration) (next Registration, err error) {
		next, w.doc, err = w.b.registerClient(ctx, have, w.at)
		return next, err
	}, func() {
		w.position = position{kept: true, read: true}
		w.outcome = Registered
	})
}

func (w *walk) update(ctx context.Context) error {
	err := w.change(ctx, func(ctx context.Context, have Registration) (next Registration, err error) {
		keyed, err := w.b.keyed(have)
		if err != nil {
			return Registration{}, err
		}
		me, err := w.b.open(keyed, w.at)
		if err != nil {
			return Registration{}, err
		}
		next, w.doc, err = w.b.updateClient(ctx, me, w.doc)
		return next, err
	}, func() {
		w.differs, w.outcome = false, Updated
	})
	return w.learn(err)
}

// replaceClient asks for another client before the one that there is goes: a token or a wish that the issuer refuses costs nobody their
// client. Where it may be the id that is refused, because it is taken, the client goes first.
func (w *walk) replaceClient(ctx context.Context) error {
	before, deleting := w.have, false
	err := w.change(ctx, func(ctx context.Context, have Registration) (next Registration, err error) {
		next, w.doc, err = w.b.registerClient(ctx, have, w.at)
		if deleting = refusedWith(err, core.InvalidClientMetadata); deleting {
			return have.keysOnly(), w.b.deleteClient(ctx, have, w.at)
		}
		return next, err
	}, func() {
		w.position = position{kept: !deleting, read: !deleting, ticket: true}
	})
	switch {
	case deleting:
		return w.learn(err)
	case err == nil:
		w.outcome = Registered
		w.forget(ctx, before)
	}
	return err
}

// forget deletes a client in whose place there is another one now. One that stays harms nobody but the operator's eye.
func (w *walk) forget(ctx context.Context, before Registration) {
	if before.ClientID == w.have.ClientID {
		return
	}
	if err := w.b.deleteClient(ctx, before, w.at); err != nil {
		w.b.log.Warn("the client that was replaced could not be deleted", "client_id", core.Clip(string(before.ClientID)), "error", err)
	}
}

func (w *walk) renewToken(ctx context.Context) error {
	w.renewable = false
	return w.change(ctx, func(ctx context.Context, have Registration) (next Registration, err error) {
		next = have
		next.Token, err = w.b.parts.Renew(ctx, have.ClientID)
		return next, err
	}, func() {
		w.refused = false
	})
}

// change makes another registration of the one we have, and learns from it when that is done.
func (w *walk) change(ctx context.Context, change func(context.Context, Registration) (Registration, error), done func()) error {
	if _, err := w.b.alone(ctx, w.have, change); err != nil {
		return err
	}
	have, err := w.b.store.Registration(ctx) // as it is kept
	if err != nil {
		return err
	}
	w.have = have
	done()
	return nil
}
