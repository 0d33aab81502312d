package storage

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/seal"
)

// BFF keeps what a backend-for-frontend must find again: its registration, logins under way and the sessions of browsers, all
// sealed. A session and its tokens are two records, because who is signed in is asked much more often than for the tokens.
type BFF struct {
	engine        Engine
	registrations Table[bffRegistrationForm]
	leases        Table[bffLeaseForm]
	logins        Table[bffLoginForm]
	sessions      Table[bffSessionForm]
	tokens        Table[bffTokensForm]
	people        *bffPeople // nil: the issuer keeps its people elsewhere
	cache         *bffCache
}

var _ bff.Store = BFF{}

// NewBFF opens the backend of one issuer.
func NewBFF(engine Engine, issuer core.IssuerID, ring *seal.Ring) BFF {
	id := string(issuer)
	return BFF{
		engine: engine, cache: newBFFCache(),
		registrations: NewTable[bffRegistrationForm](engine, id, "bff_registration", 1).Sealed(ring),
		leases:        NewTable[bffLeaseForm](engine, id, "bff_lease", 1),
		logins:        NewTable[bffLoginForm](engine, id, "bff_login", 1).Sealed(ring),
		sessions:      NewTable[bffSessionForm](engine, id, "bff_session", 1).Sealed(ring),
		tokens:        NewTable[bffTokensForm](engine, id, "bff_tokens", 1).Sealed(ring),
	}
}

// bffSelf is the one registration that a backend has, and the lease on it.
const bffSelf = "self"

// Registration gives the backend's registration; the zero one when there is none.
func (s BFF) Registration(ctx context.Context) (bff.Registration, error) {
	form, _, err := s.registrations.Get(ctx, bffSelf)
	return form.noun(), asError(err)
}

// Lease makes holder the only one that may register until the time.
func (s BFF) Lease(ctx context.Context, holder string, until time.Time) error {
	var p plan
	op, err := s.leases.Insert(bffLeaseForm{Holder: holder}, until, bffSelf)
	p.madeExpecting(op, err, bff.ErrLeased)
	return p.apply(ctx, s.engine)
}

// SaveRegistration stores the registration and ends the holder's lease.
func (s BFF) SaveRegistration(ctx context.Context, holder string, r bff.Registration) error {
	lease, err := s.held(ctx, holder)
	if err != nil {
		return err
	}
	var p plan
	p.expect(lease, bff.ErrLeased)
	p.made(s.registrations.Put(formOfBFFRegistration(r), time.Time{}, bffSelf))
	return p.apply(ctx, s.engine)
}

// Release ends the holder's lease, if it still has it.
func (s BFF) Release(ctx context.Context, holder string) error {
	lease, err := s.held(ctx, holder)
	if err == nil {
		var p plan
		p.expect(lease, bff.ErrLeased)
		err = p.apply(ctx, s.engine)
	}
	if errors.Is(err, bff.ErrLeased) {
		return nil // it ran out, and another one has it or nobody
	}
	return err
}

// held gives the op that ends a lease which is still the holder's.
func (s BFF) held(ctx context.Context, holder string) (Op, error) {
	form, record, err := s.leases.Get(ctx, bffSelf)
	if err != nil {
		return Op{}, asError(err)
	}
	if record.Version.IsZero() || form.Holder != holder {
		return Op{}, bff.ErrLeased
	}
	return Delete(record.Key, record.Version), nil
}

// AddPending stores a login under way until it expires.
func (s BFF) AddPending(ctx context.Context, p bff.Pending) error {
	var todo plan
	todo.made(s.logins.Insert(formOfBFFLogin(p), p.ExpiresAt, p.State.String()))
	return todo.apply(ctx, s.engine)
}

// Pending gives a login under way; the zero one when there is none.
func (s BFF) Pending(ctx context.Context, state core.SecretHash) (bff.Pending, error) {
	form, record, err := s.logins.Get(ctx, state.String())
	if err != nil || record.Version.IsZero() {
		return bff.Pending{}, asError(err)
	}
	return form.noun(state, record)
}

// TakePending removes a login under way; one caller wins.
func (s BFF) TakePending(ctx context.Context, p bff.Pending) error {
	if p.Stamp == (bff.Stamp{}) { // to the engine it would mean any
		return bff.ErrChanged
	}
	var todo plan
	todo.expect(Delete(s.logins.Key(p.State.String()), Version(p.Stamp)), bff.ErrChanged)
	return todo.apply(ctx, s.engine)
}

// AddSession stores a session with its tokens until it expires.
func (s BFF) AddSession(ctx context.Context, session bff.Session, t bff.Tokens) error {
	var p plan
	name := session.Hash.String()
	if s.people != nil {
		now, err := s.people.clientNow(ctx, session.Client)
		if err != nil {
			return err
		}
		session.Origin.ClientGeneration = now
	}
	p.made(s.sessions.Insert(formOfBFFSession(session), session.ExpiresAt, name))
	p.made(s.tokens.Insert(formOfBFFTokens(t), session.ExpiresAt, name))
	return p.apply(ctx, s.engine)
}

// Origin gives the issuer's own session that a person has; Known only when the issuer keeps its people here.
func (s BFF) Origin(ctx context.Context, subject core.Subject, id core.SessionID) (bff.Origin, error) {
	return s.people.origin(ctx, subject, id)
}

// Session gives a session without its tokens.
func (s BFF) Session(ctx context.Context, hash core.SecretHash) (bff.Session, error) {
	session, _, err := s.look(ctx, hash, false)
	return session, err
}

// Tokens gives a session and its tokens.
func (s BFF) Tokens(ctx context.Context, hash core.SecretHash) (bff.Session, bff.Tokens, error) {
	session, record, err := s.look(ctx, hash, true)
	if err != nil || record.Version.IsZero() {
		return bff.Session{}, bff.Tokens{}, err
	}
	tokens, err := s.tokens.Decode(record)
	if err != nil {
		return bff.Session{}, bff.Tokens{}, err
	}
	return session, tokens.noun(record), nil
}

// look reads a session, how things stand with its person and, if they are wanted, its tokens: in one view, once the session has
// been read before and it is known whose it is.
func (s BFF) look(ctx context.Context, hash core.SecretHash, tokens bool) (bff.Session, Record, error) {
	seen, ok := s.cache.get(hash)
	if !ok {
		seen.keys = s.keys(hash)
	}
	asked := seen.keys
	if !tokens {
		asked = asked[:len(asked)-1] // they stand last
	}
	records, err := s.engine.Get(ctx, asked...)
	if err != nil || records[0].Version.IsZero() {
		return bff.Session{}, Record{}, asError(err)
	}
	last := records[len(records)-1]
	if records[0].Version != seen.version {
		session, err := s.open(ctx, hash, records[0])
		return session, last, err
	}
	session := seen.session
	session.Standing, err = s.people.standing(session, records[1:])
	return session, last, err
}

// open decodes a session that was not read before, and keeps it for the next time.
func (s BFF) open(ctx context.Context, hash core.SecretHash, r Record) (bff.Session, error) {
	form, err := s.sessions.Decode(r)
	if err != nil {
		return bff.Session{}, err
	}
	session := form.noun(hash, r)
	people := s.people.keys(session)
	own := s.keys(hash)
	s.cache.put(hash, bffSeen{version: r.Version, session: session, keys: slices.Concat(own[:1], people, own[1:])})
	if len(people) == 0 {
		return session, nil
	}
	records, err := s.engine.Get(ctx, people...) // after the session: what voids it is seen
	if err != nil {
		return bff.Session{}, asError(err)
	}
	session.Standing, err = s.people.standing(session, records)
	return session, err
}

func (s BFF) keys(hash core.SecretHash) []Key {
	name := hash.String()
	return []Key{s.sessions.Key(name), s.tokens.Key(name)}
}

// UpdateTokens replaces the tokens of a session that are still at their stamp.
func (s BFF) UpdateTokens(ctx context.Context, session bff.Session, t bff.Tokens) error {
	var p plan
	op, err := s.tokens.Update(Version(t.Stamp), formOfBFFTokens(t), session.ExpiresAt, session.Hash.String())
	p.madeExpecting(op, err, bff.ErrChanged)
	return p.apply(ctx, s.engine)
}

// EndSession removes a session and its tokens; with a stamp only if the tokens are still at it.
func (s BFF) EndSession(ctx context.Context, hash core.SecretHash, at bff.Stamp) error {
	var p plan
	p.expect(Delete(s.tokens.Key(hash.String()), Version(at)), bff.ErrChanged)
	p.add(Delete(s.sessions.Key(hash.String()), Version{}))
	err := p.apply(ctx, s.engine)
	if err == nil {
		s.cache.drop(hash)
	}
	return err
}
