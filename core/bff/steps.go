package bff

import (
	"context"
	"errors"
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
	stepSecret   step = "secret"   // have the client_secret renewed, before it ends
	stepNoTicket step = "noticket" // it ends here: we are not registered and may not register
	stepSpent    step = "spent"    // it ends here: the initial access token was spent, and nothing came of it
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
	unmanaged bool // there is no way to manage the client: the issuer gave no registration access token, or no address to use it at
	fading    bool // its secret ends soon, or has ended, and nobody has tried to renew it
	spent     bool // the initial access token was spent on a registration whose answer could not be used
}

// next is the state machine: a pure function of what is known.
func (p position) next() step {
	switch {
	case p.given:
		return stepReady
	case !p.kept && p.spent:
		return stepSpent
	case !p.kept && !p.ticket:
		return stepNoTicket
	case !p.kept:
		return stepRegister
	case (p.refused || p.unmanaged) && p.renewable:
		return stepRenew
	case p.refused && p.ticket && (p.replace || p.remake && p.unknown):
		return stepRegister
	case p.refused:
		return stepRefused
	case p.replace:
		return stepReplace
	case !p.read && !p.unmanaged:
		return stepRead
	case p.differs && !p.unmanaged:
		return stepUpdate
	case p.fading:
		return stepSecret
	}
	return stepReady
}

// standing is where a bootstrap begins. A client is replaced once for each initial access token, so that no restart does it again.
func (b *Backend) standing(have Registration) position {
	return position{
		given: b.settings.Given, kept: have.ClientID != "", ticket: b.parts.Mint != nil, remake: !b.settings.Settled,
		replace:   b.settings.Replace && b.parts.Mint != nil && (b.settings.Ticket == "" || have.Ticket != b.settings.Ticket),
		renewable: b.parts.Renew != nil, unmanaged: !b.settings.Given && have.ClientID != "" && have.Token == "", fading: b.fading(have),
		spent: have.ClientID == "" && have.Ticket != "" && have.Ticket == b.settings.Ticket,
	}
}

// A walk is one bootstrap under way.
type walk struct {
	position
	b       *Backend
	at      Endpoints
	have    Registration
	doc     strictjson.Value // what the issuer knows of us
	same    bool             // which is what we want: only what is kept is not
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
	case stepSecret:
		return w.renewSecret(ctx)
	case stepNoTicket:
		return errNoTicket
	case stepSpent:
		return errSpent
	}
	w.b.parts.Seen(TokenInvalid)
	return fmt.Errorf("%w: %w", errTokenRefused, w.cause)
}

// learn takes over that the issuer does not accept the registration access token, or has nothing where it is to be used; any other
// error is one.
func (w *walk) learn(err error) error {
	switch {
	case absent(err) && w.have.URI == "": // it never said where, and it is not where it usually is
		w.unmanaged = true
	case absent(err), notAccepted(err):
		w.refused, w.unknown, w.cause = true, !forbidden(err), err
	default:
		return err
	}
	return nil
}

func (w *walk) readClient(ctx context.Context) error {
	doc, err := w.b.readClient(ctx, w.have, w.at)
	if err != nil {
		return w.learn(err)
	}
	w.doc, w.read = doc, true
	w.keepAnswer(ctx)
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
	w.same = len(patch) == 0
	w.differs = digest != w.have.Digest || !w.same || w.have.Unsaved
	return nil
}

// keepAnswer keeps the credentials that an answer to a read has: they take the place of those before (RFC 7592 §3). An issuer of this
// program takes nothing back at a read, and its replicas would only take each other's away.
func (w *walk) keepAnswer(ctx context.Context) {
	next := w.b.withCredentials(w.have, w.doc)
	if w.b.parts.Discover == nil || next.Equal(w.have) {
		return
	}
	err := w.change(ctx, func(context.Context, Registration) (Registration, error) { return next, nil }, func() {})
	if err != nil {
		w.b.log.Warn("the identity provider gives other credentials than are kept, and they cannot be kept", "error", err)
	}
	w.fading = w.b.fading(w.have)
}

// registerAnew registers a client.
func (w *walk) registerAnew(ctx context.Context) error {
	var made Registration
	err := w.change(ctx, func(ctx context.Context, have Registration) (next Registration, err error) {
		next, made, err = w.register(ctx, have, have.keysOnly())
		return next, err
	}, func() {
		w.registered(made.ClientID != "")
	})
	return w.undone(ctx, made, err)
}

// register asks for a client. A token is spent once: also when nothing came of it that could be used, that is kept, in what there is
// otherwise.
func (w *walk) register(ctx context.Context, have, otherwise Registration) (next, made Registration, err error) {
	made, w.doc, err = w.b.registerClient(ctx, have, w.at)
	if !errors.As(err, new(useless)) || w.b.settings.Ticket == "" {
		return made, made, err
	}
	w.b.log.Warn("a registration was answered in a way that cannot be used", "error", err)
	otherwise.Ticket = w.b.settings.Ticket
	return otherwise, Registration{}, nil
}

// registered goes on from a registration that was asked for and kept.
func (w *walk) registered(made bool) {
	w.position = w.b.standing(w.have)
	w.replace, w.read, w.fading = false, made, false
	if made {
		w.outcome = Registered
	}
}

// undone deletes a client that could not be kept: nobody could ever do it again. One that was kept stays, whatever failed afterwards, and
// whoever has changed it since; and so does one by an id that is kept, unless the issuer said that nobody has that any more.
func (w *walk) undone(ctx context.Context, made Registration, err error) error {
	if err == nil || made.ClientID == "" {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	kept, unknown := w.b.store.Registration(ctx)
	same := unknown == nil && kept.ClientID == made.ClientID
	if same && (kept.Token == made.Token || kept.Token != w.have.Token) {
		return err
	}
	what := "it was deleted again"
	if unknown != nil || made.Token == "" || same && !w.refused || w.b.deleteClient(ctx, made, w.at) != nil {
		what = "it is left at the identity provider: delete it there"
	}
	return fmt.Errorf("the client %q was registered, and what is known of it cannot be kept; %s: %w", core.Clip(string(made.ClientID)), what, err)
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
		w.read = !w.fading // whose renewal sends what there is now
	})
	if errors.As(err, new(misfit)) && w.same { // read-only files, say: the client is as it should be
		w.b.log.Warn("what is known of the client cannot be kept, and is looked up at each start", "error", err)
		w.differs = false
		return nil
	}
	return w.learn(err)
}

// replaceClient asks for another client before the one that there is goes: a token or a wish that the issuer refuses costs nobody their
// client. Where it may be the id that is refused, because it is taken, the client goes first.
func (w *walk) replaceClient(ctx context.Context) error {
	var made Registration
	before, deleting := w.have, false
	err := w.change(ctx, func(ctx context.Context, have Registration) (next Registration, err error) {
		next, made, err = w.register(ctx, have, have)
		if deleting = refusedWith(err, core.InvalidClientMetadata) && !w.unmanaged; deleting {
			return have.keysOnly(), w.b.deleteClient(ctx, have, w.at)
		}
		return next, err
	}, func() {
		w.registered(made.ClientID != "")
	})
	switch {
	case deleting:
		return w.learn(err)
	case err == nil:
		w.forget(ctx, before)
	}
	return w.undone(ctx, made, err)
}

// forget deletes a client in whose place there is another one now. One that stays harms nobody but the operator's eye.
func (w *walk) forget(ctx context.Context, before Registration) {
	if before.ClientID == w.have.ClientID {
		return
	}
	err := errUnmanaged
	if before.Token != "" {
		err = w.b.deleteClient(ctx, before, w.at)
	}
	if err != nil {
		w.b.log.Warn("the client that was replaced could not be deleted", "client_id", core.Clip(string(before.ClientID)), "error", err)
	}
}

func (w *walk) renewToken(ctx context.Context) error {
	w.renewable = false
	err := w.change(ctx, func(ctx context.Context, have Registration) (next Registration, err error) {
		next = have
		next.Token, err = w.b.parts.Renew(ctx, have.ClientID)
		return next, err
	}, func() {
		w.refused, w.unmanaged = false, false
	})
	if err != nil && w.unmanaged { // the client does without
		w.b.log.Warn("no registration access token could be had for the client", "error", err)
		return nil
	}
	return err
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
